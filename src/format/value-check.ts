/**
 * Looks over the bytes of a row before they are decoded: lengths, tokens, extensions, structure ids, nesting, UTF-8.
 *
 * Allocates nothing and takes time in proportion to the bytes, whatever they claim. What it lets pass decodes without
 * an error, into memory in proportion to the bytes, and is what the encoder writes but for the width of numbers and
 * heads.
 */
import { DecodeFailure } from './decode-failure.js'
import { MAX_NESTING } from './limits.js'
import { u8 } from './typed-read.js'
import { beginsWithByteOrderMark, findInvalidUtf8 } from './utf8.js'
import { isLargeBigint } from './value-bigint.js'
import { DATE_BYTES, ExtensionType, MAX_DATE_MS, readDateMs } from './value-extensions.js'
import {
  contentLength,
  countWidth,
  isArray,
  isMap,
  isPayload,
  isRecord,
  isText,
  itemCount,
  SCALAR_BYTES,
  sizeWidth,
  Token,
} from './value-tokens.js'

/** What is needed of record structures: by id, how many fields they have. */
export type FieldCounts = readonly { readonly length: number }[]

/** Set for one check, during which nobody else's code runs. */
let structures: FieldCounts = []
let problem: DecodeFailure | undefined

/** What the functions below return instead of the offset after what they looked at, once `problem` is set. */
const FAILED = -1

/** The problem with the object in `bytes[start, end)`; undefined if it is one, whole, and nothing else. */
export function checkObject(
  bytes: Uint8Array,
  start: number,
  end: number,
  knownStructures: FieldCounts,
): DecodeFailure | undefined {
  structures = knownStructures
  problem = undefined
  const after = isObject(bytes, start, end)
    ? skip(bytes, start, end, 1)
    : fail('the value is not an object', start)
  if (after !== FAILED && after !== end) fail('bytes follow the value', after)
  return problem
}

function fail(reason: string, at: number): number {
  problem = new DecodeFailure(reason, at)
  return FAILED
}

function cutShort(at: number): number {
  return fail('the value is cut short', at)
}

/** Whether a record, a map, or the object extension begins here. */
function isObject(bytes: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return false
  const token = u8(bytes, at)
  if (token === Token.fixext1) return at + 1 < end && u8(bytes, at + 1) === ExtensionType.object
  return isRecord(token) || isMap(token)
}

/** One value; at level `depth` if it is a container. */
function skip(bytes: Uint8Array, at: number, end: number, depth: number): number {
  if (at >= end) return cutShort(at)
  // In these two hot functions the engine does not inline a helper; the index is in range, so no default is taken.
  const token = bytes[at] ?? 0
  const scalar = SCALAR_BYTES[token] ?? 0
  if (scalar !== 0) return scalar > end - at ? cutShort(at) : at + scalar
  if (token >= Token.fixstr && token < Token.fixstrEnd) {
    return skipText(bytes, at + 1, end, token - Token.fixstr)
  }
  return skipOther(bytes, at, end, depth)
}

/** Apart from what is most common, so that the engine inlines that. */
function skipOther(bytes: Uint8Array, at: number, end: number, depth: number): number {
  const token = u8(bytes, at)
  if (isText(token)) return skipAnyText(bytes, at, end)
  if (isRecord(token)) return skipRecord(bytes, at, end, depth)
  if (isArray(token)) return skipArray(bytes, at, end, depth)
  if (isMap(token)) return skipMap(bytes, at, end, depth)
  if (token >= Token.bin8 && token <= Token.bin32) return skipBytes(bytes, at, end)
  if (isPayload(token)) return skipPayload(bytes, at, end)
  if (token === Token.fixext1) return skipPrefix(bytes, at, end, depth)
  return fail(`0x${token.toString(16)} begins no value of a row`, at)
}

function skipBytes(bytes: Uint8Array, at: number, end: number): number {
  const first = at + 1 + sizeWidth(u8(bytes, at))
  const length = contentLength(bytes, at, end)
  return length > end - first ? cutShort(at) : first + length
}

function skipAnyText(bytes: Uint8Array, at: number, end: number): number {
  return skipText(bytes, at + 1 + sizeWidth(u8(bytes, at)), end, contentLength(bytes, at, end))
}

function skipText(bytes: Uint8Array, first: number, end: number, length: number): number {
  if (length > end - first) return cutShort(first)
  const after = first + length
  for (let i = first; i < after; i++) {
    if ((bytes[i] ?? 0) >= 0x80) return skipWideText(bytes, first, after)
  }
  return after
}

/** Text that is not all ASCII. */
function skipWideText(bytes: Uint8Array, first: number, after: number): number {
  const invalid = findInvalidUtf8(bytes, first, after)
  if (invalid !== after) return fail('the string is not UTF-8', invalid)
  return beginsWithByteOrderMark(bytes, first, after)
    ? fail('a string that begins with U+FEFF is not in its extension', first)
    : after
}

function skipRecord(bytes: Uint8Array, at: number, end: number, depth: number): number {
  const id = u8(bytes, at) - Token.record
  const structure = structures[id]
  if (structure === undefined) return fail(`structure ${id} is not defined`, at)
  return skipItems(bytes, at + 1, end, structure.length, depth)
}

function skipArray(bytes: Uint8Array, at: number, end: number, depth: number): number {
  return skipItems(bytes, at + 1 + countWidth(u8(bytes, at)), end, itemCount(bytes, at, end), depth)
}

function skipItems(bytes: Uint8Array, at: number, end: number, count: number, depth: number): number {
  if (depth > MAX_NESTING) return fail('the value is nested too deeply', at)
  // Each takes a byte at least: whatever the count claims, the loop ends where the bytes do.
  let next = at
  for (let i = 0; i < count && next !== FAILED; i++) next = skip(bytes, next, end, depth + 1)
  return next
}

function skipMap(bytes: Uint8Array, at: number, end: number, depth: number): number {
  if (depth > MAX_NESTING) return fail('the value is nested too deeply', at)
  const count = itemCount(bytes, at, end)
  let next = at + 1 + countWidth(u8(bytes, at))
  for (let i = 0; i < count && next !== FAILED; i++) {
    next = skipName(bytes, next, end)
    if (next !== FAILED) next = skip(bytes, next, end, depth + 1)
  }
  return next
}

/** A field name of a map. */
function skipName(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return cutShort(at)
  if (!isText(u8(bytes, at))) return fail('a field name is not a string', at)
  const after = skipAnyText(bytes, at, end)
  return after !== FAILED && isProto(bytes, at, after)
    ? fail('a field named __proto__ is not in its extension', at)
    : after
}

const PROTO = '__proto__'

/** Whether the text at `at` is `__proto__`, which a map's reader would not keep as it is. */
function isProto(bytes: Uint8Array, at: number, after: number): boolean {
  const first = at + 1 + sizeWidth(u8(bytes, at))
  if (after - first !== PROTO.length) return false
  for (let i = 0; i < PROTO.length; i++) if (u8(bytes, first + i) !== PROTO.charCodeAt(i)) return false
  return true
}

function skipPayload(bytes: Uint8Array, at: number, end: number): number {
  const typeAt = at + 1 + sizeWidth(u8(bytes, at))
  const length = contentLength(bytes, at, end)
  const first = typeAt + 1
  if (length > end - first) return cutShort(at)
  const wrong = payloadProblem(bytes, u8(bytes, typeAt), first, first + length)
  return wrong === undefined ? first + length : fail(wrong, at)
}

/** What is wrong with a payload `bytes[first, end)`; undefined if nothing is. */
function payloadProblem(bytes: Uint8Array, type: number, first: number, end: number): string | undefined {
  switch (type) {
    case ExtensionType.date: {
      const inRange = end - first === DATE_BYTES && Math.abs(readDateMs(bytes, first)) <= MAX_DATE_MS
      return inRange ? undefined : 'the date is out of range'
    }
    case ExtensionType.bigint:
      return isLargeBigint(bytes, first, end) ? undefined : 'the bigint is not in its one form'
    case ExtensionType.text: {
      const isMarked =
        beginsWithByteOrderMark(bytes, first, end) && findInvalidUtf8(bytes, first, end) === end
      return isMarked ? undefined : 'the text is not UTF-8 that begins with U+FEFF'
    }
    default:
      return `extension type ${type} is not known`
  }
}

/** -0, or a prefix and the array after it. */
function skipPrefix(bytes: Uint8Array, at: number, end: number, depth: number): number {
  const next = at + 3
  if (next > end) return cutShort(at)
  if (u8(bytes, at + 2) !== 0) return fail('a prefix holds more than its type', at)
  const type = u8(bytes, at + 1)
  switch (type) {
    case ExtensionType.negativeZero:
      return next
    case ExtensionType.map:
    case ExtensionType.object:
      return skipPairs(bytes, next, end, depth, type)
    case ExtensionType.set:
      return next < end && isArray(u8(bytes, next))
        ? skipArray(bytes, next, end, depth)
        : fail('a prefix without an array', at)
    default:
      return fail(`extension type ${type} is not known`, at)
  }
}

/** The array of keys and values after the prefix of a map, or of names and values after that of an object. */
function skipPairs(bytes: Uint8Array, at: number, end: number, depth: number, type: ExtensionType): number {
  if (at >= end || !isArray(u8(bytes, at))) return fail('a prefix without an array', at)
  if (depth > MAX_NESTING) return fail('the value is nested too deeply', at)
  const count = itemCount(bytes, at, end)
  let next = at + 1 + countWidth(u8(bytes, at))
  if (count % 2 !== 0) return fail('a key has no value', at)
  for (let i = 0; i < count && next !== FAILED; i++) {
    const isName = type === ExtensionType.object && i % 2 === 0
    next = isName ? skipOddName(bytes, next, end) : skip(bytes, next, end, depth + 1)
  }
  return next
}

/** A field name of the object extension: a string, or the extension for text. */
function skipOddName(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return cutShort(at)
  const token = u8(bytes, at)
  if (isText(token)) return skipAnyText(bytes, at, end)
  const typeAt = at + 1 + sizeWidth(token)
  const isMarkedText = isPayload(token) && typeAt < end && u8(bytes, typeAt) === ExtensionType.text
  return isMarkedText ? skipPayload(bytes, at, end) : fail('a field name is not a string', at)
}
