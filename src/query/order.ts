/**
 * The order of rows that a query asks for.
 *
 * A list sorts by its smallest element, or by its greatest in a descending order; an empty one as null. The primary key breaks ties,
 * in the direction of the last field, so the order is total.
 */
import { valuesAt } from '../catalog/field-values.js'
import { QueryError } from '../errors.js'
import { describe } from '../format/describe.js'
import { isPlainObject } from '../format/value-kinds.js'
import { parsePath } from './filter.js'
import { compareValues } from './value-order.js'

/** Which way a field is sorted. */
export type Direction = 'asc' | 'desc'

/** One field of an order. */
export interface OrderField {
  readonly path: readonly string[]
  readonly descending: boolean
}

/** Reads `orderBy`. Throws `VARVE_QUERY`. */
export function parseOrder(orderBy: unknown): readonly OrderField[] {
  if (orderBy === undefined) return []
  if (typeof orderBy === 'string') return [{ path: parsePath(orderBy, 'orderBy'), descending: false }]
  const entries: readonly unknown[] = Array.isArray(orderBy) ? orderBy : [orderBy]
  const fields = entries.flatMap((entry) => fieldsOf(entry))
  const names = new Set(fields.map(({ path }) => path.join('.')))
  if (names.size < fields.length) throw new QueryError('orderBy names a field twice.')
  return fields
}

function fieldsOf(entry: unknown): OrderField[] {
  if (typeof entry === 'string') return [{ path: parsePath(entry, 'orderBy'), descending: false }]
  if (!isPlainObject(entry))
    throw new QueryError(`orderBy must be an object such as { year: 'desc' }, not ${describe(entry)}.`)
  return Object.keys(entry).map((name) => {
    const direction = entry[name]
    if (direction !== 'asc' && direction !== 'desc' && direction !== 1 && direction !== -1)
      throw new QueryError(`orderBy on '${name}' must be 'asc' or 'desc'.`, { field: name })
    return { path: parsePath(name, 'orderBy'), descending: direction === 'desc' || direction === -1 }
  })
}

/** The order made total by the primary key. What stands behind a whole primary key decides nothing and is left out. */
export function totalOrder(
  order: readonly OrderField[],
  primaryKey: readonly (readonly string[])[],
): readonly OrderField[] {
  const descending = order.at(-1)?.descending ?? false
  const missing = new Set(primaryKey.map((path) => path.join('.')))
  const total: OrderField[] = []
  for (const field of [...order, ...primaryKey.map((path) => ({ path, descending }))]) {
    if (missing.size === 0) break
    const name = field.path.join('.')
    if (total.some(({ path }) => path.join('.') === name)) continue
    total.push(field)
    missing.delete(name)
  }
  return total
}

/** What a row is sorted by. */
export function orderValues(row: unknown, order: readonly OrderField[]): readonly unknown[] {
  return order.map((field) => orderValue(row, field))
}

function orderValue(row: unknown, { path, descending }: OrderField): unknown {
  let chosen: unknown
  let first = true
  valuesAt(row, path, (value) => {
    const order = first ? -1 : compareValues(value, chosen) * (descending ? -1 : 1)
    if (order < 0) chosen = value
    first = false
  })
  return chosen
}

/** Negative, zero or positive as a row of values `a` comes before, with or after one of `b`. */
export function compareOrder(
  a: readonly unknown[],
  b: readonly unknown[],
  order: readonly OrderField[],
): number {
  for (let i = 0; i < order.length; i++) {
    const difference = compareValues(a[i], b[i])
    if (difference !== 0) return order[i]?.descending === true ? -difference : difference
  }
  return 0
}
