/**
 * What `update` does with a patch: plain objects are merged, everything else is replaced, `undefined` removes a field.
 */
import type { Row } from '../format/value.js'

/** Changes a row that belongs to the caller, without the objects in it; returns it. `patch` is not changed. */
export function applyPatch(own: Record<string, unknown>, patch: Row): Row {
  for (const name of Object.keys(patch)) {
    const change = patch[name]
    if (change === undefined) delete own[name]
    else define(own, name, isPlain(change) ? applyPatch(copyOfObject(own, name), change) : change)
  }
  return own
}

/** A copy of the object that a row has at a name; an empty one if it has none there. */
function copyOfObject(row: Row, name: string): Record<string, unknown> {
  const present = Object.hasOwn(row, name) ? row[name] : undefined
  return isPlain(present) ? { ...present } : {}
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
