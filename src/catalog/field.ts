/**
 * Fields of a collection as the catalog keeps them: what a value must be, as data, so that a tool or another language can
 * read it.
 */

/** Types a field may declare. `any` takes every storable value. */
export const FIELD_TYPES = [
  'string',
  'int',
  'int64',
  'uint64',
  'float64',
  'boolean',
  'timestamp',
  'uuid',
  'bytes',
  'enum',
  'list',
  'object',
  'map',
  'set',
  'recursive',
  'any',
] as const
export type FieldType = (typeof FIELD_TYPES)[number]

/** What a value must be: the part of a field's definition that also elements of lists, sets and maps have. */
export interface FieldShape {
  readonly type: FieldType
  /** May be absent. Default false. */
  readonly optional?: boolean | undefined
  /** May be null. Default: as `optional`. */
  readonly nullable?: boolean | undefined
  /**
   * The engine makes a value where an insert or put has none: a version 7 UUID for `uuid`, a counter that never gives
   * a number twice for `int`. Only for the field of a primary key that is a single field. Default false.
   */
  readonly generated?: boolean | undefined
  /** Stands in where the field is absent: on a write, and on a read of rows older than the field. Any storable value. */
  readonly default?: unknown
  /** Least value, inclusive: a number for `int` and `float64`, a bigint for `int64` and `uint64`, a Date for `timestamp`. */
  readonly min?: number | bigint | Date | undefined
  /** Greatest value, inclusive. */
  readonly max?: number | bigint | Date | undefined
  /** Exact length: UTF-16 units of a string, bytes, or elements of a list, set or map. */
  readonly length?: number | undefined
  /** Least length. */
  readonly minLength?: number | undefined
  /** Greatest length. */
  readonly maxLength?: number | undefined
  /** Same as `minLength: 1`. Default false. */
  readonly nonempty?: boolean | undefined
  /** A pattern that some part of a string matches, run in linear time; JavaScript's syntax with the flag `u`. */
  readonly pattern?: string | undefined
  /** Flags of the pattern: of `i`, `m`, `s`. Default none. */
  readonly patternFlags?: string | undefined
  /** A string must be an email address. Default false. */
  readonly email?: boolean | undefined
  /** A string must be an absolute URL. Default false. */
  readonly url?: boolean | undefined
  /** The values of an `enum`. */
  readonly values?: readonly string[] | undefined
  /** What the elements of a list or set, or the values of a map, must be. Default: anything. */
  readonly element?: FieldShape | undefined
  /** What the keys of a map must be. Default: anything. */
  readonly key?: FieldShape | undefined
  /** The fields of an `object`. Without them it may have any. */
  readonly fields?: readonly FieldDefinition[] | undefined
  /** Of `recursive`: it is what stands so many levels above it. 1 is the list, map, set or object that it is in. */
  readonly levels?: number | undefined
}

/** One declared field. */
export interface FieldDefinition extends FieldShape {
  /**
   * Names from the row, or the object whose field it is, down to the field: `['author', 'born']`. This says the same as a
   * field `['author']` of type `object` that has the field `['born']`.
   */
  readonly path: readonly string[]
}

/** What to do with fields that are not declared: refuse the row, leave them out, or store them as they are. */
export const UNKNOWN_FIELDS = ['refuse', 'strip', 'keep'] as const
export type UnknownFields = (typeof UNKNOWN_FIELDS)[number]

/** Which rules of a collection are code, so that only an open that was given the code can keep them. */
export interface CodeRules {
  /** Fields whose default is a function, such as `added`, `author.id`, `items[].id`. */
  readonly defaults: readonly string[]
  /** Whether there is a validator. */
  readonly validator: boolean
}

/** The value at a path of own properties; undefined where any of them is missing. */
export function valueAt(row: object, path: readonly string[]): unknown {
  let value: unknown = row
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[name]
  }
  return value
}
