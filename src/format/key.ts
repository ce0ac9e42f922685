/**
 * Keys as byte strings whose order is the keys' own: one encoding for primary and for index keys.
 *
 *     null    0x05
 *     number  0x10, the number (key-number.ts); bigint and number are the same key if they are the same value
 *     string  0x20, escaped UTF-8, 0x00 (key-text.ts): code point order
 *     bytes   0x30, escaped bytes, 0x00
 *     uuid    0x40, 16 bytes
 *     boolean 0x50 false, 0x51 true
 *     Date    0x60, milliseconds since 1970 as an ordered double
 *     other   0x70, in indexes alone: a value that has no order, without the value
 *
 * A composite key is its parts one after the other; every part knows its own end. Equal bytes mean equal keys. What may
 * not be a key is refused with all its failing parts, never stored in another form.
 */
import { LimitError, ValidationError, type FieldIssue } from '../errors.js'
import { describe, timeOf } from './describe.js'
import { issuesText } from './issues.js'
import {
  floorDouble,
  MAX_KEY_BIGINT,
  MAX_NUMBER_BYTES,
  writeOrderedDouble,
  writeRemainder,
} from './key-number.js'
import { KeyTag, TERMINATOR } from './key-tag.js'
import { ILL_FORMED, TOO_LONG, writeContent, writeText } from './key-text.js'
import { isCanonicalUuid, writeUuid } from './key-uuid.js'
import { MAX_KEY_BYTES } from './limits.js'
import { isWellFormed } from './well-formed.js'

/** One part of a key. */
export type KeyPart = string | number | bigint | boolean | null | Date | Uint8Array

/** A key as callers write it: one part, or the parts of a composite key in order. */
export type Key = KeyPart | readonly KeyPart[]

/** How a part is declared: `uuid` reads a string as a UUID and takes nothing else. */
export type KeyPartKind = 'any' | 'uuid'

/** Primary keys refuse null, booleans and NaN; index keys take them. */
export type KeyPurpose = 'primary' | 'index'

/** Room for the longest key, and for any part that is looked at only after it was written. */
const SCRATCH_BYTES = MAX_KEY_BYTES + MAX_NUMBER_BYTES + 16

/** Where a key is built. Parts are primitives, dates and bytes, so no caller's code runs while it is in use. */
const scratch = new Uint8Array(SCRATCH_BYTES)

/** What {@link writePart} returns for a part that may not be a key. */
const REFUSED = -3

/** The longest string of the fast path, in characters. */
const SHORT_TEXT = 64

/** The parts of a key as callers write it. */
export function keyParts(key: Key): readonly KeyPart[] {
  return isComposite(key) ? [...key] : [key]
}

function isComposite(key: Key): key is readonly KeyPart[] {
  return Array.isArray(key)
}

/**
 * Encodes a key of as many parts as there are kinds; the bytes are the caller's own.
 *
 * Throws `VARVE_VALIDATION` naming every part that may not be a key (its path is the part's index, or empty for a key
 * of one part), and `VARVE_LIMIT` beyond `MAX_KEY_BYTES` or for a bigint beyond the largest double.
 */
export function encodeKey(
  parts: readonly KeyPart[],
  kinds: readonly KeyPartKind[],
  purpose: KeyPurpose,
): Uint8Array {
  if (parts.length === 1 && kinds.length === 1 && kinds[0] === 'any') {
    const fast = encodeShortText(parts[0])
    if (fast !== undefined) return fast
  }
  if (parts.length !== kinds.length) throw wrongNumberOfParts(parts, kinds)
  let end = 0
  for (let i = 0; i < parts.length; i++) {
    end = writePart(end, parts[i], kinds[i] ?? 'any', purpose)
    if (end === TOO_LONG || end > MAX_KEY_BYTES) throw tooLong()
    if (end < 0) throw refusal(parts, kinds, purpose)
  }
  return scratch.slice(0, end)
}

/** The bytes that every key begins with whose string part begins with `text`. */
export function encodeStringPrefix(text: string): Uint8Array {
  scratch[0] = KeyTag.string
  const end = writeText(scratch, 1, text)
  if (end === ILL_FORMED)
    throw invalidKey([{ path: '', expected: 'a well-formed string', found: describe(text) }])
  if (end === TOO_LONG || end > MAX_KEY_BYTES) throw tooLong()
  return scratch.slice(0, end)
}

/** The usual key, without the scratch buffer: undefined unless it is short and all ASCII. */
function encodeShortText(text: KeyPart | undefined): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length > SHORT_TEXT) return undefined
  const key = new Uint8Array(text.length + 2)
  key[0] = KeyTag.string
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0 || unit >= 0x80) return undefined
    key[i + 1] = unit
  }
  return key
}

/** Writes one part into the scratch buffer; returns the offset after it, or why not. */
function writePart(offset: number, part: unknown, kind: KeyPartKind, purpose: KeyPurpose): number {
  if (whyNot(part, kind, purpose) !== undefined) return REFUSED
  switch (typeof part) {
    case 'string':
      return kind === 'uuid' ? writeUuidPart(offset, part) : writeTextPart(offset, part)
    case 'number':
      return writeNumber(offset, part)
    case 'bigint':
      return writeBigint(offset, part)
    case 'boolean':
      return writeTag(offset, part ? KeyTag.true : KeyTag.false)
    default:
      if (part === null) return writeTag(offset, KeyTag.null)
      if (part instanceof Uint8Array) return writeBytesPart(offset, part)
      return part instanceof Date ? writeDate(offset, part) : REFUSED
  }
}

function writeTag(offset: number, tag: KeyTag): number {
  scratch[offset] = tag
  return offset + 1
}

function writeTextPart(offset: number, text: string): number {
  return terminate(writeText(scratch, writeTag(offset, KeyTag.string), text))
}

function writeBytesPart(offset: number, bytes: Uint8Array): number {
  return terminate(writeContent(scratch, writeTag(offset, KeyTag.bytes), bytes))
}

/** Ends a text or byte part; passes a reason on. */
function terminate(end: number): number {
  if (end < 0) return end
  scratch[end] = TERMINATOR
  return end + 1
}

function writeUuidPart(offset: number, text: string): number {
  return writeUuid(scratch, writeTag(offset, KeyTag.uuid), text)
}

function writeNumber(offset: number, value: number): number {
  const end = writeOrderedDouble(scratch, writeTag(offset, KeyTag.number), value)
  scratch[end] = 0
  return end + 1
}

function writeBigint(offset: number, value: bigint): number {
  if (value > MAX_KEY_BIGINT || value < -MAX_KEY_BIGINT) throw tooLarge()
  const floor = floorDouble(value)
  const end = writeOrderedDouble(scratch, writeTag(offset, KeyTag.number), floor)
  return writeRemainder(scratch, end, value - BigInt(floor))
}

function writeDate(offset: number, value: Date): number {
  return writeOrderedDouble(scratch, writeTag(offset, KeyTag.date), timeOf(value))
}

/** What was expected instead of a part that may not be a key; undefined if it may. */
function whyNot(part: unknown, kind: KeyPartKind, purpose: KeyPurpose): string | undefined {
  if (kind === 'uuid' && !(part === null && purpose === 'index')) {
    return typeof part === 'string' && isCanonicalUuid(part) ? undefined : UUID_EXPECTED
  }
  switch (typeof part) {
    case 'string':
      return isWellFormed(part) ? undefined : 'a well-formed string'
    case 'number':
      return purpose === 'primary' && Number.isNaN(part) ? 'a number other than NaN' : undefined
    case 'bigint':
      return undefined
    case 'boolean':
      return purpose === 'primary' ? PRIMARY_EXPECTED : undefined
    default:
      return whyNotObject(part, purpose)
  }
}

function whyNotObject(part: unknown, purpose: KeyPurpose): string | undefined {
  if (part instanceof Uint8Array) return undefined
  if (part instanceof Date) return Number.isNaN(timeOf(part)) ? 'a valid Date' : undefined
  if (part === null && purpose === 'index') return undefined
  return purpose === 'primary' ? PRIMARY_EXPECTED : INDEX_EXPECTED
}

const UUID_EXPECTED = 'a UUID in lower case, as 8-4-4-4-12 hex digits'
const PRIMARY_EXPECTED = 'a string, number, bigint, Date or Uint8Array'
const INDEX_EXPECTED = 'null, a string, number, bigint, boolean, Date or Uint8Array'

function refusal(
  parts: readonly KeyPart[],
  kinds: readonly KeyPartKind[],
  purpose: KeyPurpose,
): ValidationError {
  const issues: FieldIssue[] = []
  for (const [i, part] of parts.entries()) {
    const expected = whyNot(part, kinds[i] ?? 'any', purpose)
    if (expected === undefined) continue
    issues.push({ path: parts.length === 1 ? '' : String(i), expected, found: describe(part) })
  }
  return invalidKey(issues)
}

function wrongNumberOfParts(parts: readonly KeyPart[], kinds: readonly KeyPartKind[]): ValidationError {
  const expected = kinds.length === 1 ? 'a single value' : `${kinds.length} parts in an array`
  const found = parts.length === 1 ? 'a single value' : `${parts.length} parts`
  return invalidKey([{ path: '', expected, found }])
}

function invalidKey(issues: readonly FieldIssue[]): ValidationError {
  const list = issuesText(issues, (path) => (path === '' ? 'it' : `part ${path}`))
  return new ValidationError(`This cannot be a key: ${list}.`, { issues })
}

function tooLong(): LimitError {
  return new LimitError(
    `The key is longer than ${MAX_KEY_BYTES} bytes once encoded; use a shorter key, such as a hash of this one.`,
    { limit: 'MAX_KEY_BYTES', expected: `at most ${MAX_KEY_BYTES} bytes` },
  )
}

function tooLarge(): LimitError {
  return new LimitError(
    'A bigint in a key is limited to the magnitude of the largest double, about 1.8e308; store it as a string or bytes.',
    { limit: 'MAX_KEY_BIGINT', expected: 'a magnitude of at most Number.MAX_VALUE' },
  )
}
