/**
 * Bounds of ranges as callers write them, turned into bounds of encoded keys.
 */
import type { RowKeys } from './catalog/row-key.js'
import { ArgumentError } from './errors.js'
import { encodeStringPrefix, type Key } from './format/key.js'
import { partsBound, prefixBound } from './format/key-order.js'
import type { KeyBounds } from './tree/index.js'

/**
 * A range of primary keys. `gte` and `gt` exclude each other, as do `lte` and `lt`. With a composite key a bound may
 * give only the first parts: `gte` and `lte` then include all keys that begin with them, `gt` and `lt` none of them.
 */
export interface RangeBounds {
  readonly gte?: Key | undefined
  readonly gt?: Key | undefined
  readonly lte?: Key | undefined
  readonly lt?: Key | undefined
}

/** What `range` takes. */
export interface RangeOptions extends RangeBounds {
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined
  /** Most rows to give. Default: all. */
  readonly limit?: number | undefined
}

/** Encoded bounds, half open: `[from, to)`. */
export function keyBounds(bounds: RangeBounds, keys: RowKeys): KeyBounds {
  const { gte, gt, lte, lt } = bounds
  if (gte !== undefined && gt !== undefined) throw new ArgumentError('A range takes gte or gt, not both.')
  if (lte !== undefined && lt !== undefined) throw new ArgumentError('A range takes lte or lt, not both.')
  // A bound counts as equal to every key that begins with its parts: for a whole key that is the key alone.
  const from =
    gte !== undefined
      ? keys.encodeFirst(gte)
      : gt !== undefined
        ? partsBound(keys.encodeFirst(gt))
        : undefined
  const to =
    lt !== undefined
      ? keys.encodeFirst(lt)
      : lte !== undefined
        ? partsBound(keys.encodeFirst(lte))
        : undefined
  return { from, to }
}

/** Bounds of all keys that begin with a string (simple keys) or with these parts (composite ones). */
export function prefixBounds(prefix: Key, keys: RowKeys): KeyBounds {
  if (keys.kinds.length === 1) {
    if (typeof prefix !== 'string') throw new ArgumentError('The prefix of a simple key is a string.')
    const from = encodeStringPrefix(prefix)
    return { from, to: prefixBound(from) }
  }
  const from = keys.encodeFirst(prefix)
  return { from, to: partsBound(from) }
}

export function checkLimit(limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY
  if (Number.isSafeInteger(limit) && limit >= 0) return limit
  throw new ArgumentError(`The option limit must be an integer of at least 0, not ${String(limit)}.`)
}
