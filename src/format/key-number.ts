/**
 * Numbers in keys: eight bytes for the greatest double that is not above the value, then what the value has beyond it.
 *
 * The double is big-endian with its sign bit flipped, all bits flipped if it is negative, so that bytes order as
 * numbers do; NaN is eight zero bytes, below -Infinity. A remainder follows: 0x00 for none, else its length in bytes
 * (1 to 0xfe) and its minimal big-endian bytes. Only bigints beyond 2^53 have one. Equal values, of either type, have
 * equal bytes.
 */
import { u8 } from './typed-read.js'

/** Bytes of an ordered double. */
export const DOUBLE_BYTES = 8

/** Longest encoded number: a remainder stays below 2^971, the gap between the largest doubles. */
export const MAX_NUMBER_BYTES: number = DOUBLE_BYTES + 1 + 122

/** The largest bigint, in magnitude, that a key may hold. */
export const MAX_KEY_BIGINT: bigint = BigInt(Number.MAX_VALUE)

/** One double to and from its bits. Never live across a call to anyone else's code. */
const scratch = new DataView(new ArrayBuffer(DOUBLE_BYTES))

/** Writes `value` as an ordered double at `offset`; returns the offset after it. */
export function writeOrderedDouble(target: Uint8Array, offset: number, value: number): number {
  if (Number.isNaN(value)) {
    target.fill(0, offset, offset + DOUBLE_BYTES)
    return offset + DOUBLE_BYTES
  }
  // Adding zero turns -0 into 0.
  scratch.setFloat64(0, value + 0)
  const high = scratch.getInt32(0)
  const flip = high < 0 ? -1 : 0
  writeWord(target, offset, high < 0 ? ~high : high ^ 0x8000_0000)
  writeWord(target, offset + 4, scratch.getInt32(4) ^ flip)
  return offset + DOUBLE_BYTES
}

/** Reads an ordered double; undefined for bytes that `writeOrderedDouble` never writes. */
export function readOrderedDouble(bytes: Uint8Array, offset: number): number | undefined {
  const high = readWord(bytes, offset)
  const low = readWord(bytes, offset + 4)
  if (high === 0 && low === 0) return Number.NaN
  const positive = high < 0
  scratch.setInt32(0, positive ? high ^ 0x8000_0000 : ~high)
  scratch.setInt32(4, positive ? low : ~low)
  const value = scratch.getFloat64(0)
  return Number.isNaN(value) || Object.is(value, -0) ? undefined : value
}

/** The greatest double that is not above `value`, whose magnitude is at most {@link MAX_KEY_BIGINT}. */
export function floorDouble(value: bigint): number {
  const nearest = Number(value)
  return BigInt(nearest) > value ? nextBelow(nearest) : nearest
}

/** The next double below a finite, non-zero one. */
function nextBelow(value: number): number {
  scratch.setFloat64(0, value)
  scratch.setBigInt64(0, scratch.getBigInt64(0) + (value > 0 ? -1n : 1n))
  return scratch.getFloat64(0)
}

/** Writes what a value has beyond its double: `remainder >= 0`. Returns the offset after it. */
export function writeRemainder(target: Uint8Array, offset: number, remainder: bigint): number {
  let length = 0
  for (let rest = remainder; rest > 0n; rest >>= 8n) length++
  target[offset] = length
  let rest = remainder
  for (let i = offset + length; i > offset; i--) {
    target[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return offset + 1 + length
}

/** Reads a remainder of `length` bytes; the caller has seen that they are there. */
export function readRemainder(bytes: Uint8Array, offset: number, length: number): bigint {
  let remainder = 0n
  for (let i = offset; i < offset + length; i++) remainder = (remainder << 8n) | BigInt(u8(bytes, i))
  return remainder
}

function writeWord(target: Uint8Array, offset: number, word: number): void {
  target[offset] = word >>> 24
  target[offset + 1] = word >>> 16
  target[offset + 2] = word >>> 8
  target[offset + 3] = word
}

function readWord(bytes: Uint8Array, offset: number): number {
  return (
    (u8(bytes, offset) << 24) |
    (u8(bytes, offset + 1) << 16) |
    (u8(bytes, offset + 2) << 8) |
    u8(bytes, offset + 3)
  )
}
