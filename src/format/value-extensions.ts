/**
 * The extension types of stored rows: what MessagePack has no form for, and what msgpackr would lose.
 *
 * A *payload* type is an ordinary MessagePack extension: its head (fixext or ext), the type, the payload.
 * A *prefix* type is the three bytes `d4 <type> 00`; the value that follows them is its content. (A prefix needs no
 * length, so nothing is packed twice; a reader that does not know it would take prefix and content for two values.)
 */
import { u8 } from './typed-read.js'

/** Numbers are never reused. msgpackr's own types (0, 0x42, 0x62 to 0x78, 0xff) never stand in a row. */
export const ExtensionType = {
  /** The number -0: `d4 20 00`. Nothing follows. */
  negativeZero: 0x20,
  /** A Date: `d7 21`, then milliseconds since 1970 as a big-endian int64, at most 8.64e15 in magnitude. */
  date: 0x21,
  /** A bigint below -2^63 or from 2^64 on. Payload: two's complement, big-endian, no byte more than needed. */
  bigint: 0x22,
  /** A string that begins with U+FEFF, which text decoders drop. Payload: its UTF-8, so `ef bb bf` first. */
  text: 0x23,
  /** A Map. Prefix of an array: first key, first value, second key, second value, ... in the map's order. */
  map: 0x24,
  /** A Set. Prefix of an array of its members, in the set's order. */
  set: 0x25,
  /** An object with a field name that msgpackr would lose. Prefix of an array: first name, first value, ... */
  object: 0x26,
} as const
export type ExtensionType = (typeof ExtensionType)[keyof typeof ExtensionType]

/** The largest magnitude of a valid `Date`, in milliseconds. */
export const MAX_DATE_MS = 8.64e15

/** Payload bytes of a date. */
export const DATE_BYTES = 8

const TWO_TO_32 = 0x1_0000_0000

/** Writes a date's payload. */
export function writeDateMs(view: DataView, offset: number, ms: number): void {
  view.setInt32(offset, Math.floor(ms / TWO_TO_32))
  view.setUint32(offset + 4, ms >>> 0)
}

/** The milliseconds of a date's payload; beyond 2^53 they are rounded, and out of range all the same. */
export function readDateMs(bytes: Uint8Array, offset: number): number {
  return word(bytes, offset) * TWO_TO_32 + (word(bytes, offset + 4) >>> 0)
}

/** The big-endian signed word at `offset`. */
function word(bytes: Uint8Array, offset: number): number {
  return (
    (u8(bytes, offset) << 24) |
    (u8(bytes, offset + 1) << 16) |
    (u8(bytes, offset + 2) << 8) |
    u8(bytes, offset + 3)
  )
}
