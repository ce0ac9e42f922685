/**
 * What rows that were decoded take in memory.
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
