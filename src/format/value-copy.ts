/** Copies of rows and patches, for those that are kept beyond the call that brought them. */
import { timeOf } from './describe.js'
import {
  isBytes,
  isPlainArray,
  isPlainDate,
  isPlainMap,
  isPlainObject,
  isPlainSet,
  type PlainObject,
} from './value-kinds.js'
import { Preparation } from './value-prepare.js'

/**
 * A deep copy that shares memory with nothing. Fields that are `undefined` stay, since in a patch they mean removal.
 *
 * Throws what storing it would throw.
 */
export function copyStorable(row: Readonly<PlainObject>): PlainObject {
  new Preparation().row(row)
  return copyRow(row)
}

/** A deep copy of a row that can be stored, or was. */
export function copyRow(row: Readonly<PlainObject>): PlainObject {
  const copied: PlainObject = { ...row }
  for (const name of Object.keys(copied)) {
    const value = copied[name]
    if (typeof value !== 'object' || value === null) continue
    // Not assigned: a field may be called `__proto__`.
    const property = { value: copy(value), enumerable: true, configurable: true, writable: true }
    Object.defineProperty(copied, name, property)
  }
  return copied
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (isBytes(value)) return new Uint8Array(value)
  if (isPlainDate(value)) return new Date(timeOf(value))
  if (isPlainArray(value)) return value.map(copy)
  if (isPlainMap(value)) return new Map(Array.from(value, ([key, member]) => [copy(key), copy(member)]))
  if (isPlainSet(value)) return new Set(Array.from(value, copy))
  // Anything else was refused, or came from a getter since; then storing it is refused.
  return isPlainObject(value) ? copyRow(value) : value
}
