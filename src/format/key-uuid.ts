/** UUIDs in keys: sixteen bytes for the canonical text, lower case, 8-4-4-4-12 hex digits, and no other spelling. */
import { u8 } from './typed-read.js'

/** Bytes of a UUID. */
export const UUID_BYTES = 16

const CANONICAL = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/u

/** Whether `text` is a UUID in canonical form, of any version. */
export function isCanonicalUuid(text: string): boolean {
  return text.length === 36 && CANONICAL.test(text)
}

/** Writes a canonical UUID's bytes at `offset`; returns the offset after them. */
export function writeUuid(target: Uint8Array, offset: number, text: string): number {
  let at = offset
  for (let i = 0; i < text.length; i += 2) {
    if (text.charCodeAt(i) === DASH) i++
    target[at++] = (digit(text.charCodeAt(i)) << 4) | digit(text.charCodeAt(i + 1))
  }
  return at
}

/** The canonical text of the sixteen bytes at `offset`. */
export function readUuid(bytes: Uint8Array, offset: number): string {
  let text = ''
  for (let i = 0; i < UUID_BYTES; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += '-'
    text += u8(bytes, offset + i)
      .toString(16)
      .padStart(2, '0')
  }
  return text
}

const DASH = 0x2d

/** The value of a lower-case hex digit. */
function digit(code: number): number {
  return code < 0x61 ? code - 0x30 : code - 0x57
}
