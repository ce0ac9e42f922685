/** Types of filters and orders, as callers write them. */
import type { IsGeneral, RowPath, ValueAt } from '../row-paths.js'
import type { ValueType } from './filter.js'
import type { Direction } from './order.js'

/** What a field may be compared with: its type, that of its elements, null; numbers and bigints with one another. */
type Comparable<V> = Widened<V> | (V extends readonly (infer E)[] ? Widened<E> : never) | null
type Widened<V> = V extends number | bigint ? number | bigint : V extends undefined ? never : V

/** What has an order: a value that is no list and no object. */
type Ordered<V> = Extract<Comparable<V>, string | number | bigint | boolean | Date | Uint8Array | null>

type Element<V> = V extends readonly (infer E)[] ? E : never

/** Conditions on one field, all of which must hold. */
export interface Operators<V = unknown> {
  /** Equal to a value; null also where the field is missing. */
  readonly $eq?: unknown extends V ? unknown : Comparable<V>
  /** Not equal, or missing. */
  readonly $ne?: unknown extends V ? unknown : Comparable<V>
  readonly $gt?: unknown extends V ? unknown : Ordered<V>
  readonly $gte?: unknown extends V ? unknown : Ordered<V>
  readonly $lt?: unknown extends V ? unknown : Ordered<V>
  readonly $lte?: unknown extends V ? unknown : Ordered<V>
  /** Equal to one of these values, or matched by one of these patterns. */
  readonly $in?: readonly (unknown extends V ? unknown : Comparable<V> | RegExp)[]
  readonly $nin?: readonly (unknown extends V ? unknown : Comparable<V> | RegExp)[]
  /** Whether the field is there, be it null. */
  readonly $exists?: boolean
  readonly $not?: Operators<V> | RegExp
  /** A list that has all of these. */
  readonly $all?: readonly unknown[]
  /** A list of which one element fulfils all of these conditions. */
  readonly $elemMatch?: unknown extends V ? object : Operators<Element<V>> | Filter<Element<V>>
  /** A list of so many elements. */
  readonly $size?: number
  readonly $type?: TypeName | readonly TypeName[]
  /** A pattern that some part of the text matches; it takes linear time, and no backreferences or lookaround. */
  readonly $regex?: string | RegExp
  /** Flags of `$regex`: of `i`, `m`, `s`. */
  readonly $options?: string
  /** A text that begins with this one; served by an index. */
  readonly $startsWith?: string
}

/** What `$type` takes: our names, and MongoDB's for some. */
export type TypeName = ValueType | 'bool' | 'array' | 'binData' | 'long'

/** A value to be equal to, a pattern, or operators. */
export type Condition<V = unknown> = unknown extends V ? unknown : Comparable<V> | RegExp | Operators<V>

/**
 * Which rows: conditions by field or dotted path, all of which must hold. Paths are checked for rows of a known type.
 *
 * @example `{ year: { $gte: 1990 }, 'author.name': 'Herbert', $or: [{ tags: 'sf' }, { tags: 'classic' }] }`
 */
export type Filter<R = Record<string, unknown>> =
  IsGeneral<R> extends true
    ? Readonly<Record<string, unknown>>
    : { readonly [P in RowPath<R>]?: Condition<ValueAt<R, P>> } & {
        readonly $and?: readonly Filter<R>[]
        readonly $or?: readonly Filter<R>[]
        readonly $nor?: readonly Filter<R>[]
      }

/** A field, or fields with directions, in order of their weight. */
export type OrderBy<R = Record<string, unknown>> =
  | RowPath<R>
  | { readonly [P in RowPath<R>]?: Direction | 1 | -1 }
  | readonly (RowPath<R> | { readonly [P in RowPath<R>]?: Direction | 1 | -1 })[]
