/**
 * The checksum of a fixed block, whose content is a few hundred bytes at its begin and zeros behind them.
 *
 * The first open of a process checksums its blocks with code that is not compiled yet, so the zeros are accounted for by
 * arithmetic: a checksum is the remainder of a polynomial, and zeros behind the content multiply it by a power of x.
 */
import type { Checksum } from './checksum.js'

/** The Castagnoli polynomial, bits reversed: the lowest bit is the highest power. */
const POLYNOMIAL = 0x82f63b78
/** The polynomials 1 and x^8. */
const ONE = 1 << 31
const ONE_BYTE = 1 << 23

const WORD_BYTES = 4
/** Content is taken to be a multiple of so many bytes, which every block's fits in: behind all of them are as many zeros. */
const CONTENT_BYTES = 256

/** The power that was worked out last: working one out takes longer than all else here. */
let zeros = { count: 0, power: ONE }

/** As `checksum(block, 0, end)`. */
export function blockChecksum(block: Uint8Array, end: number, checksum: Checksum): number {
  const content = contentEnd(block, end)
  const crc = checksum(block, 0, content)
  if (content === end) return crc
  if (zeros.count !== end - content) zeros = { count: end - content, power: powerOfBytes(end - content) }
  return ~multiply(zeros.power, ~crc) >>> 0
}

/** An index at or behind the last byte before `end` that is not zero. */
function contentEnd(block: Uint8Array, end: number): number {
  if (block.byteOffset % WORD_BYTES !== 0 || end % WORD_BYTES !== 0) return end
  const words = new Int32Array(block.buffer, block.byteOffset, end / WORD_BYTES)
  let length = words.length
  while (length > 0 && words[length - 1] === 0) length--
  return Math.min(end, Math.ceil((length * WORD_BYTES) / CONTENT_BYTES) * CONTENT_BYTES)
}

/** What so many zero bytes multiply a remainder by. */
function powerOfBytes(count: number): number {
  let power = ONE
  let square = ONE_BYTE
  for (let rest = count; rest > 0; rest >>>= 1) {
    if (rest & 1) power = multiply(square, power)
    square = multiply(square, square)
  }
  return power
}

/** The product of two remainders. */
function multiply(a: number, b: number): number {
  let product = 0
  let shifted = b
  for (let bits = a; bits !== 0; bits <<= 1) {
    if (bits < 0) product ^= shifted
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1
  }
  return product
}
