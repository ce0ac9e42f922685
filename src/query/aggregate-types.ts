/** Types of aggregates: what is asked, and what is given. */
import type { RowPath, ValueAt } from '../row-paths.js'
import type { Filter } from './filter-types.js'

/** What `aggregate` takes. */
export interface AggregateOptions<R = Record<string, unknown>> {
  /** Which rows. Default: all. */
  readonly where?: Filter<R> | undefined
  /** Fields or dotted paths: one result for each combination of their values. A list is one value. Default: one result in all. */
  readonly groupBy?: RowPath<R> | readonly RowPath<R>[] | undefined
  /** How many rows. */
  readonly count?: true | undefined
  /** Fields whose numbers and bigints are added up; 0 where there are none. */
  readonly sum?: readonly RowPath<R>[] | undefined
  /** Fields whose numbers and bigints are averaged; undefined where there are none. */
  readonly avg?: readonly RowPath<R>[] | undefined
  /** Fields of which the smallest value is wanted, in the order of `orderBy`, null and what has no order left out. */
  readonly min?: readonly RowPath<R>[] | undefined
  /** Fields of which the greatest value is wanted. */
  readonly max?: readonly RowPath<R>[] | undefined
}

type Names<P> = P extends readonly (infer N extends string)[] ? N : P extends string ? P : never

/** The scalars among a field's values. */
type Scalars<V> = V extends readonly (infer E)[] ? E : NonNullable<V>

type Totals<R, O extends AggregateOptions<R>> = (O extends { readonly count: true }
  ? { readonly count: number }
  : unknown) &
  (O extends { readonly sum: infer P }
    ? { readonly sum: { readonly [N in Names<P>]: number | bigint } }
    : unknown) &
  (O extends { readonly avg: infer P }
    ? { readonly avg: { readonly [N in Names<P>]: number | undefined } }
    : unknown) &
  (O extends { readonly min: infer P }
    ? { readonly min: { readonly [N in Names<P>]: Scalars<ValueAt<R, N>> | undefined } }
    : unknown) &
  (O extends { readonly max: infer P }
    ? { readonly max: { readonly [N in Names<P>]: Scalars<ValueAt<R, N>> | undefined } }
    : unknown)

/** One result, or with `groupBy` a list of them, each with its `group`, in the order of the groups' values. */
export type AggregateResult<R, O extends AggregateOptions<R>> = O extends {
  readonly groupBy: infer G extends string | readonly string[]
}
  ? ({ readonly group: { readonly [N in Names<G>]: ValueAt<R, N> | null } } & Totals<R, O>)[]
  : Totals<R, O>
