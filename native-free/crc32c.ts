/**
 * CRC-32C in plain TypeScript: the twin of what `@node-rs/crc32` brings, equal to it for every input.
 *
 * Eight bytes a step ("slicing"): table k holds the checksum of a byte followed by k zero bytes, so that the
 * contributions of eight bytes are looked up independently and combined by xor. Assumes nothing but the language.
 */
import type { Checksum } from '../src/format/checksum.js'
import { u8, u32 } from '../src/format/typed-read.js'

/** The Castagnoli polynomial, bits reversed: the lowest bit is the highest power. */
const POLYNOMIAL = 0x82f63b78

/** Bytes per step, and number of tables of 256 entries each. */
const SLICES = 8

/** Built at the first use, so that importing this file costs nothing. */
let tables: Int32Array | undefined

function buildTables(): Int32Array {
  const built = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    built[byte] = crc
  }
  for (let i = 256; i < built.length; i++) {
    const shorter = u32(built, i - 256)
    built[i] = (shorter >>> 8) ^ u32(built, shorter & 0xff)
  }
  return built
}

/** As {@link Checksum} says. */
export const crc32c: Checksum = (bytes, start, end, seed = 0) => {
  const table = (tables ??= buildTables())
  let crc = ~seed
  let i = start
  for (const last = end - SLICES; i <= last; i += SLICES) {
    crc ^= word(bytes, i)
    crc =
      u32(table, 0x700 + (crc & 0xff)) ^
      u32(table, 0x600 + ((crc >>> 8) & 0xff)) ^
      u32(table, 0x500 + ((crc >>> 16) & 0xff)) ^
      u32(table, 0x400 + (crc >>> 24)) ^
      u32(table, 0x300 + u8(bytes, i + 4)) ^
      u32(table, 0x200 + u8(bytes, i + 5)) ^
      u32(table, 0x100 + u8(bytes, i + 6)) ^
      u32(table, u8(bytes, i + 7))
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ u32(table, (crc ^ u8(bytes, i)) & 0xff)
  return ~crc >>> 0
}

/** The 32-bit word at `i`, little-endian whatever the machine's order. */
function word(bytes: Uint8Array, i: number): number {
  return u8(bytes, i) | (u8(bytes, i + 1) << 8) | (u8(bytes, i + 2) << 16) | (u8(bytes, i + 3) << 24)
}
