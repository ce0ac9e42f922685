/** UTF-8 beyond what the runtime does by itself: a check that allocates nothing, and reading that drops nothing. */
import { u8 } from './typed-read.js'

const encoder = new TextEncoder()

/** Without `ignoreBOM` a leading U+FEFF would be dropped. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The UTF-8 of well-formed text. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of valid UTF-8; throws for anything else. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** Whether `bytes[start, end)` begin with the encoding of U+FEFF. */
export function beginsWithByteOrderMark(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= 3 &&
    u8(bytes, start) === 0xef &&
    u8(bytes, start + 1) === 0xbb &&
    u8(bytes, start + 2) === 0xbf
  )
}

/** The offset of the first byte of `bytes[start, end)` that is not part of valid UTF-8; `end` if there is none. */
export function findInvalidUtf8(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    const lead = u8(bytes, at)
    if (lead < 0x80) {
      at++
      continue
    }
    const length = sequenceLength(lead)
    if (length === 0 || end - at < length || !isSequence(bytes, at, lead, length)) return at
    at += length
  }
  return end
}

/** Bytes of the sequence that a lead byte begins; 0 if none does. */
function sequenceLength(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0
  if (lead < 0xe0) return 2
  return lead < 0xf0 ? 3 : 4
}

/** Whether the bytes after the lead are in range, which excludes overlong forms, surrogates and what is above U+10FFFF. */
function isSequence(bytes: Uint8Array, at: number, lead: number, length: number): boolean {
  const second = u8(bytes, at + 1)
  if (second < lowestSecond(lead) || second > highestSecond(lead)) return false
  for (let i = 2; i < length; i++) if ((u8(bytes, at + i) & 0xc0) !== 0x80) return false
  return true
}

function lowestSecond(lead: number): number {
  if (lead === 0xe0) return 0xa0
  return lead === 0xf0 ? 0x90 : 0x80
}

function highestSecond(lead: number): number {
  if (lead === 0xed) return 0x9f
  return lead === 0xf4 ? 0x8f : 0xbf
}
