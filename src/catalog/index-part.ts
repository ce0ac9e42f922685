/**
 * One value as a part of an index key.
 */
import { encodeKey, type KeyPart, type KeyPartKind } from '../format/key.js'
import { KeyTag } from '../format/key-tag.js'
import { u8 } from '../format/typed-read.js'

const OTHER = Uint8Array.of(KeyTag.other)
const NULL = Uint8Array.of(KeyTag.null)

/**
 * The bytes of a value: null for a missing one, and one byte for a value that has no order. Undefined for an invalid Date or
 * ill-formed text, which no row holds. Throws `VARVE_LIMIT` for a value that is too long for a key.
 */
export function encodeIndexPart(value: unknown, kind: KeyPartKind): Uint8Array | undefined {
  if (value === undefined || value === null) return NULL
  if (!isKeyPart(value)) return typeof value === 'object' ? OTHER : undefined
  if (typeof value === 'string' && !value.isWellFormed()) return undefined
  if (value instanceof Date && Number.isNaN(value.getTime())) return undefined
  return encodeKey([value], [kind === 'uuid' && typeof value === 'string' ? kind : 'any'], 'index')
}

/** Whether two parts compare with one another: null, numbers, strings, bytes, UUIDs, booleans, dates. */
export function isSameType(a: Uint8Array, b: Uint8Array): boolean {
  return typeTag(u8(a, 0)) === typeTag(u8(b, 0))
}

function typeTag(tag: number): number {
  return tag === KeyTag.true ? KeyTag.false : tag
}

function isKeyPart(value: unknown): value is KeyPart {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return true
    default:
      return value instanceof Date || value instanceof Uint8Array
  }
}
