/**
 * Types of dotted paths within a row, and of what stands at them: to depth 5 for rows of a known type, any text for
 * general ones. A path goes through lists, as queries and indexes do.
 */

/** Whether nothing is known about a row's fields. */
export type IsGeneral<R> = string extends keyof R ? true : false

/** What has no fields that a path could lead to. */
type Leaf =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | Date
  | Uint8Array
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>

type Less = [never, 0, 1, 2, 3, 4]

/** The objects in a field's value, those in lists among them. */
type Inner<V> = V extends Leaf
  ? never
  : V extends readonly (infer E)[]
    ? Inner<E>
    : V extends object
      ? V
      : never

type IsAny<V> = 0 extends 1 & V ? true : false

type PathsBelow<K extends string, V, Depth extends number> =
  IsAny<V> extends true
    ? `${K}.${string}`
    : unknown extends V
      ? `${K}.${string}`
      : [Inner<V>] extends [never]
        ? never
        : IsGeneral<Inner<V>> extends true
          ? `${K}.${string}`
          : `${K}.${PathsIn<Inner<V>, Less[Depth]>}`

type PathsIn<R, Depth extends number> = [Depth] extends [0]
  ? never
  : R extends unknown
    ? { [K in keyof R & string]-?: K | PathsBelow<K, R[K], Depth> }[keyof R & string]
    : never

/** A field of a row, or a dotted path into it. */
export type RowPath<R> = IsGeneral<R> extends true ? string : PathsIn<R, 5>

/** What stands at a path; `unknown` where nothing is known. Of a list on the way: of its elements. */
export type ValueAt<R, P extends string> =
  IsGeneral<R> extends true
    ? unknown
    : P extends keyof R
      ? R[P]
      : P extends `${infer K}.${infer Tail}`
        ? K extends keyof R
          ? IsAny<R[K]> extends true
            ? unknown
            : unknown extends R[K]
              ? unknown
              : | ValueIn<Inner<R[K]>, Tail>
                | (null extends R[K] ? null : never)
                | (undefined extends R[K] ? undefined : never)
          : unknown
        : unknown

type ValueIn<R, P extends string> = R extends unknown ? ValueAt<R, P> : never

type Head<P extends string> = P extends `${infer K}.${string}` ? K : P
type Rest<P extends string, K extends string> = P extends `${K}.${infer Tail}` ? Tail : never

/** A row with some of its fields only. */
export type Selected<R, P extends string> =
  IsGeneral<R> extends true
    ? R
    : {
        [K in keyof Pick<R, keyof R & Head<P>>]: K extends P ? R[K] : SelectedIn<R[K], Rest<P, K & string>>
      }

type SelectedIn<V, P extends string> = V extends Leaf
  ? V
  : V extends readonly (infer E)[]
    ? SelectedIn<E, P>[]
    : V extends object
      ? Selected<V, P>
      : V
