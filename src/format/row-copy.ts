/**
 * Copies of rows that were decoded, so that one may stay in memory while callers get rows of their own.
 *
 * Assumes values as `RowCodec.decode` gives them: plain, and nowhere the same object twice.
 */
import type { Row } from './value.js'

/** Memory of an object beside its fields, of a field, of a string beside its text, of a number that is no small integer: on 64 bits. */
const OBJECT_BYTES = 24
const FIELD_BYTES = 8
const STRING_BYTES = 20
const NUMBER_BYTES = 16
const BUFFER_BYTES = 200

/** Whether no field holds an object. */
export function isFlat(row: Row): boolean {
  for (const name in row) {
    const value = row[name]
    if (typeof value === 'object' && value !== null) return false
  }
  return true
}

/** A row that shares memory with nothing; `flat` as `isFlat` says. */
export function copyRow(row: Row, flat: boolean): Row {
  const copy = { ...row }
  if (!flat) for (const name of Object.keys(copy)) copyField(copy, name)
  return copy
}

/** Defined where it is an object's own, which for `__proto__` assigning would not do. */
function copyField(object: Row, name: string): void {
  const value = object[name]
  if (typeof value !== 'object' || value === null) return
  const property = { value: copyObject(value), enumerable: true, configurable: true, writable: true }
  Object.defineProperty(object, name, property)
}

function copyValue(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? copyObject(value) : value
}

function copyObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(copyValue)
  if (value instanceof Date) return new Date(value.getTime())
  if (value instanceof Uint8Array) return value.slice()
  if (value instanceof Map)
    return new Map(Array.from(value, ([key, member]) => [copyValue(key), copyValue(member)]))
  if (value instanceof Set) return new Set(Array.from(value, copyValue))
  const copy: Row = { ...value }
  for (const name of Object.keys(copy)) copyField(copy, name)
  return copy
}

/** About how much memory a value takes, in bytes. */
export function heapBytesOf(value: unknown): number {
  if (typeof value === 'string') return STRING_BYTES + value.length
  if (typeof value === 'number') return value === (value | 0) ? 0 : NUMBER_BYTES
  if (typeof value === 'bigint') return 2 * NUMBER_BYTES
  if (typeof value !== 'object' || value === null) return 0
  if (value instanceof Uint8Array) return BUFFER_BYTES + value.length
  let bytes = OBJECT_BYTES
  if (value instanceof Map) {
    for (const [key, member] of value) bytes += 4 * FIELD_BYTES + heapBytesOf(key) + heapBytesOf(member)
  } else if (value instanceof Set || Array.isArray(value)) {
    for (const member of value) bytes += 2 * FIELD_BYTES + heapBytesOf(member)
  } else {
    for (const name in value) bytes += FIELD_BYTES + heapBytesOf((value as Row)[name])
  }
  return bytes
}
