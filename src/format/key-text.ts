/**
 * Text and bytes in keys: content with each 0x00 followed by 0xff, then one 0x00.
 *
 * Text is UTF-8, whose byte order is code point order. Escaping keeps order, and the end below every continuation.
 */
import { ESCAPE, TERMINATOR } from './key-tag.js'
import { u8 } from './typed-read.js'
import { decodeUtf8 } from './utf8.js'

/** What the writers return instead of an offset. */
export const ILL_FORMED = -1
export const TOO_LONG = -2

/**
 * Writes `text` at `offset` without a terminator, up to the end of `target`. Returns the offset after it, or
 * `ILL_FORMED` for a lone surrogate, or `TOO_LONG`.
 */
export function writeText(target: Uint8Array, offset: number, text: string): number {
  let at = offset
  // The longest code point takes four bytes.
  const limit = target.length - 4
  for (let i = 0; i < text.length; i++) {
    if (at > limit) return TOO_LONG
    const unit = text.charCodeAt(i)
    if (unit === 0) {
      target[at++] = 0
      target[at++] = ESCAPE
    } else if (unit < 0x80) {
      target[at++] = unit
    } else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >> 6)
      target[at++] = 0x80 | (unit & 0x3f)
    } else if ((unit & 0xf800) === 0xd800) {
      const code = text.codePointAt(i) ?? 0
      if (code < 0x1_0000) return ILL_FORMED
      i++
      at = writeFourBytes(target, at, code)
    } else {
      target[at++] = 0xe0 | (unit >> 12)
      target[at++] = 0x80 | ((unit >> 6) & 0x3f)
      target[at++] = 0x80 | (unit & 0x3f)
    }
  }
  return at
}

function writeFourBytes(target: Uint8Array, offset: number, code: number): number {
  target[offset] = 0xf0 | (code >> 18)
  target[offset + 1] = 0x80 | ((code >> 12) & 0x3f)
  target[offset + 2] = 0x80 | ((code >> 6) & 0x3f)
  target[offset + 3] = 0x80 | (code & 0x3f)
  return offset + 4
}

/** As {@link writeText}, for bytes. */
export function writeContent(target: Uint8Array, offset: number, content: Uint8Array): number {
  let at = offset
  const limit = target.length - 2
  for (let i = 0; i < content.length; i++) {
    if (at > limit) return TOO_LONG
    const byte = u8(content, i)
    target[at++] = byte
    if (byte === 0) target[at++] = ESCAPE
  }
  return at
}

/** The offset of the terminator of the content that begins at `offset`; -1 if there is none before `end`. */
export function findTerminator(bytes: Uint8Array, offset: number, end: number): number {
  for (let i = offset; i < end; i++) {
    if (u8(bytes, i) !== TERMINATOR) continue
    if (i + 1 >= end || u8(bytes, i + 1) !== ESCAPE) return i
    i++
  }
  return -1
}

/** The content between `start` and its terminator at `end`, a copy. */
export function readContent(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const content = new Uint8Array(end - start)
  let length = 0
  for (let i = start; i < end; i++) {
    const byte = u8(bytes, i)
    content[length++] = byte
    if (byte === 0) i++
  }
  return length === content.length ? content : content.slice(0, length)
}

/** The text between `start` and its terminator at `end`; undefined if it is not UTF-8. */
export function readText(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return decodeUtf8(readContent(bytes, start, end))
  } catch {
    return undefined
  }
}
