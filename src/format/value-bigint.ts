/**
 * Bigints beyond 64 bits as bytes: two's complement, big-endian, no byte more than needed.
 *
 * Time is linear in the size: hexadecimal text is the form that both sides convert to in one pass.
 */
import { u8 } from './typed-read.js'

const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n

/** Whether MessagePack's own int64 or uint64 holds `value`. */
export function fitsIn64Bits(value: bigint): boolean {
  return value >= MIN_INT64 && value <= MAX_UINT64
}

/** The bytes of a bigint. */
export function bigintToBytes(value: bigint): Uint8Array {
  // The complement of a negative value is not negative, and has the opposite bits.
  const flip = value < 0n ? 0xff : 0
  const digits = (value < 0n ? ~value : value).toString(16)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  // The first bit is the sign.
  const padded = even.charCodeAt(0) >= EIGHT ? `00${even}` : even
  const bytes = new Uint8Array(padded.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(padded.slice(i * 2, i * 2 + 2), 16) ^ flip
  return bytes
}

/** The char code from which on a hex digit has its highest bit set: `8`, `9` and all letters. */
const EIGHT = 0x38

/** The bigint of at least one byte. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  let digits = '0x'
  for (const byte of bytes) digits += HEX[byte] ?? ''
  return BigInt.asIntN(bytes.length * 8, BigInt(digits))
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Whether `bytes[start, end)` are what {@link bigintToBytes} gives for a bigint that does not fit in 64 bits. */
export function isLargeBigint(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (length < 9) return false
  const first = u8(bytes, start)
  const signOfNext = u8(bytes, start + 1) >> 7
  if (first === 0) return signOfNext === 1 && length > 9
  return first !== 0xff || signOfNext === 0
}
