/**
 * Rows as cells of CSV: nested objects become columns with dotted names, everything else one cell.
 *
 * CSV has no types, so this does not come back as it was; NDJSON does.
 */
import { stringify } from '../typed-json.js'

/** The leaves of a row: dotted path, value. An object without fields is a leaf. */
export function* leavesOf(row: object, prefix = ''): Generator<readonly [name: string, value: unknown]> {
  for (const [name, value] of Object.entries(row)) {
    const path = prefix === '' ? name : `${prefix}.${name}`
    if (isBranch(value)) yield* leavesOf(value, path)
    else yield [path, value]
  }
}

function isBranch(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.keys(value).length > 0
}

/** A value as the text of its cell: empty for null and for nothing. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return stringify(value)
}
