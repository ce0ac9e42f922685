/**
 * What `update` does with a patch: plain objects are merged, everything else is replaced, `undefined` removes a field.
 */
import type { Row } from '../format/value.js'

/** The row that results; neither `row`, which was read, nor `patch` is changed. */
export function applyPatch(row: Row, patch: Row): Row {
  const result: Record<string, unknown> = { ...row }
  for (const name of Object.keys(patch)) {
    const change = patch[name]
    const present = Object.hasOwn(result, name) ? result[name] : undefined
    if (change === undefined) delete result[name]
    else define(result, name, isPlain(change) ? applyPatch(isPlain(present) ? present : {}, change) : change)
  }
  return result
}

/** A copy with a value at a path; objects on the way are made where there are none. */
export function withValue(row: Row, [name, ...rest]: readonly string[], value: unknown): Row {
  if (name === undefined) return row
  const copy = copyOf(row)
  const inner = Object.hasOwn(row, name) ? row[name] : undefined
  define(copy, name, rest.length === 0 ? value : withValue(isPlain(inner) ? inner : {}, rest, value))
  return copy
}

/** A copy that shares its values with the row. */
export function copyOf(row: Row): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(row)) define(copy, name, row[name])
  return copy
}

/** Assigns an own property whatever its name: `__proto__` is a field like any other, and so is what every object inherits. */
export function define(target: Record<string, unknown>, name: string, value: unknown): void {
  if (!(name in Object.prototype)) target[name] = value
  else Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}

function isPlain(value: unknown): value is Row {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
