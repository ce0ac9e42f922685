/**
 * The way back from encoded keys: never throws on any bytes, and takes only what `encodeKey` writes, so that a key has
 * one encoding and a damaged one is seen.
 *
 * Numbers come back as numbers where a double holds the value exactly, as bigints otherwise: the key 5n reads as 5,
 * the same key. Bytes come back as a copy, a UUID as its canonical text.
 */
import { DecodeFailure } from './decode-failure.js'
import type { KeyPart, KeyPartKind } from './key.js'
import { DOUBLE_BYTES, floorDouble, MAX_KEY_BIGINT, readOrderedDouble, readRemainder } from './key-number.js'
import { KeyTag } from './key-tag.js'
import { findTerminator, readContent, readText } from './key-text.js'
import { readUuid, UUID_BYTES } from './key-uuid.js'
import { MAX_KEY_BYTES } from './limits.js'
import { u8 } from './typed-read.js'

/** A key read back: encoding `parts` with `kinds` for an index gives the same bytes. */
export interface DecodedKey {
  readonly parts: readonly KeyPart[]
  readonly kinds: readonly KeyPartKind[]
}

/** The largest magnitude of a valid `Date`, in milliseconds. */
const MAX_DATE_MS = 8.64e15

/** Decodes the key in `bytes[start, end)`. */
export function decodeKey(bytes: Uint8Array, start: number, end: number): DecodedKey | DecodeFailure {
  if (end - start > MAX_KEY_BYTES) return new DecodeFailure('the key is longer than the limit', start)
  if (start === end) return new DecodeFailure('the key is empty', start)
  const reader = new KeyReader(bytes, start, end)
  const parts: KeyPart[] = []
  const kinds: KeyPartKind[] = []
  while (reader.at < end) {
    kinds.push(u8(bytes, reader.at) === KeyTag.uuid ? 'uuid' : 'any')
    const part = reader.part()
    if (part instanceof DecodeFailure) return part
    parts.push(part)
  }
  return { parts, kinds }
}

/** Where the part at `start` of a well-formed key ends; -1 if it has no end there. */
export function partEnd(bytes: Uint8Array, start: number, end: number): number {
  const at = start + 1
  switch (start < end ? u8(bytes, start) : -1) {
    case KeyTag.null:
    case KeyTag.false:
    case KeyTag.true:
    case KeyTag.other:
      return at
    case KeyTag.number: {
      const length = at + DOUBLE_BYTES < end ? u8(bytes, at + DOUBLE_BYTES) : end
      return within(at + DOUBLE_BYTES + 1 + length, end)
    }
    case KeyTag.string:
    case KeyTag.bytes: {
      const terminator = findTerminator(bytes, at, end)
      return terminator < 0 ? -1 : terminator + 1
    }
    case KeyTag.uuid:
      return within(at + UUID_BYTES, end)
    case KeyTag.date:
      return within(at + DOUBLE_BYTES, end)
    default:
      return -1
  }
}

function within(at: number, end: number): number {
  return at <= end ? at : -1
}

/** Reads one part after the other. */
class KeyReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  /** Where the next part begins. */
  at: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#end = end
    this.at = start
  }

  /** The part at `at`, which is before the end. */
  part(): KeyPart | DecodeFailure {
    const tag = u8(this.#bytes, this.at++)
    switch (tag) {
      case KeyTag.null:
        return null
      case KeyTag.number:
        return this.#number()
      case KeyTag.string:
        return this.#text()
      case KeyTag.bytes:
        return this.#content()
      case KeyTag.uuid:
        return this.#uuid()
      case KeyTag.false:
        return false
      case KeyTag.true:
        return true
      case KeyTag.date:
        return this.#date()
      default:
        return this.#fail(`0x${tag.toString(16)} is not a tag of a key part`)
    }
  }

  #number(): number | bigint | DecodeFailure {
    if (this.#end - this.at < DOUBLE_BYTES + 1) return this.#fail('the number is cut short')
    const double = readOrderedDouble(this.#bytes, this.at)
    if (double === undefined) return this.#fail('the number is not in its one form')
    const length = u8(this.#bytes, this.at + DOUBLE_BYTES)
    this.at += DOUBLE_BYTES + 1
    return length === 0 ? double : this.#withRemainder(double, length)
  }

  /** The bigint above `double`, if it has no other encoding. */
  #withRemainder(double: number, length: number): bigint | DecodeFailure {
    if (this.#end - this.at < length) return this.#fail('the number is cut short')
    if (!Number.isInteger(double) || u8(this.#bytes, this.at) === 0)
      return this.#fail('the remainder is not minimal')
    const value = BigInt(double) + readRemainder(this.#bytes, this.at, length)
    if (value > MAX_KEY_BIGINT || floorDouble(value) !== double)
      return this.#fail('the remainder is too large')
    this.at += length
    return value
  }

  #text(): string | DecodeFailure {
    const terminator = findTerminator(this.#bytes, this.at, this.#end)
    if (terminator < 0) return this.#fail('the string has no end')
    const text = readText(this.#bytes, this.at, terminator)
    if (text === undefined) return this.#fail('the string is not UTF-8')
    this.at = terminator + 1
    return text
  }

  #content(): Uint8Array | DecodeFailure {
    const terminator = findTerminator(this.#bytes, this.at, this.#end)
    if (terminator < 0) return this.#fail('the bytes have no end')
    const content = readContent(this.#bytes, this.at, terminator)
    this.at = terminator + 1
    return content
  }

  #uuid(): string | DecodeFailure {
    if (this.#end - this.at < UUID_BYTES) return this.#fail('the UUID is cut short')
    const text = readUuid(this.#bytes, this.at)
    this.at += UUID_BYTES
    return text
  }

  #date(): Date | DecodeFailure {
    if (this.#end - this.at < DOUBLE_BYTES) return this.#fail('the date is cut short')
    const ms = readOrderedDouble(this.#bytes, this.at)
    if (ms === undefined || !Number.isInteger(ms) || Math.abs(ms) > MAX_DATE_MS) {
      return this.#fail('the date is out of range')
    }
    this.at += DOUBLE_BYTES
    return new Date(ms)
  }

  #fail(reason: string): DecodeFailure {
    return new DecodeFailure(reason, this.at)
  }
}
