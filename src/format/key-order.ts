/** Byte strings as keys compare them: byte by byte, unsigned, and a prefix before what it begins. */
import { ESCAPE } from './key-tag.js'
import { u8 } from './typed-read.js'

/** Negative, zero or positive as `a[aStart, aEnd)` sorts before, with or after `b[bStart, bEnd)`. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const shared = aLength < bLength ? aLength : bLength
  for (let i = 0; i < shared; i++) {
    const difference = u8(a, aStart + i) - u8(b, bStart + i)
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

/** The same of whole keys. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length)
}

/** One key behind another. */
export function joinKeys(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** The smallest byte string above a key. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}

/**
 * The upper bound, exclusive, of the keys that begin with these whole encoded parts.
 *
 * Not the same as the bound of the bytes as a prefix: the key `a` is 20 61 00, and the key `a\0b` begins with these
 * very bytes, but goes on with the escape 0xff, where another part would go on with a tag, which is less.
 */
export function partsBound(parts: Uint8Array): Uint8Array {
  const bound = new Uint8Array(parts.length + 1)
  bound.set(parts)
  bound[parts.length] = ESCAPE
  return bound
}

/** The smallest byte string above every one that begins with `prefix`; undefined if there is none. */
export function prefixBound(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length
  while (length > 0 && u8(prefix, length - 1) === 0xff) length--
  if (length === 0) return undefined
  const bound = prefix.slice(0, length)
  bound[length - 1] = u8(bound, length - 1) + 1
  return bound
}
