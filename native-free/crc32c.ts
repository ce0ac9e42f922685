/**
 * CRC-32C in plain TypeScript: the twin of what `@node-rs/crc32` brings, equal to it for every input.
 *
 * Eight bytes a step ("slicing"): table k holds the checksum of a byte followed by k zero bytes, so that the
 * contributions of eight bytes are looked up independently and combined by xor. Assumes nothing but the language.
 *
 * The first open of a process runs this over its fixed blocks before the engine has compiled it, when a call to read an element
 * costs more than the step: elements are read in place.
 */
/* oxlint-disable typescript/no-unsafe-type-assertion -- every index is in range */

/** The Castagnoli polynomial, bits reversed: the lowest bit is the highest power. */
const POLYNOMIAL = 0x82f63b78

/** Bytes per step, and number of tables of 256 entries each. */
const SLICES = 8

/** Built at the first use, so that importing this file costs nothing. */
let tables: Int32Array | undefined

function buildTables(): Int32Array {
  const built = new Int32Array(SLICES * 256)
  // The checksum of a byte is that of its highest bit, xor that of the rest.
  let crc = 1
  for (let bit = 0x80; bit > 0; bit >>>= 1) {
    crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    for (let rest = 0; rest < 256; rest += 2 * bit) built[bit + rest] = crc ^ (built[rest] as number)
  }
  for (let i = 256; i < built.length; i++) {
    const shorter = built[i - 256] as number
    built[i] = (shorter >>> 8) ^ (built[shorter & 0xff] as number)
  }
  return built
}

/** As `Checksum` of the format says. */
export function crc32c(bytes: Uint8Array, start: number, end: number, seed: number = 0): number {
  const table = (tables ??= buildTables())
  let crc = ~seed
  let i = start
  for (const last = end - SLICES; i <= last; i += SLICES) {
    crc ^=
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24)
    crc =
      (table[0x700 + (crc & 0xff)] as number) ^
      (table[0x600 + ((crc >>> 8) & 0xff)] as number) ^
      (table[0x500 + ((crc >>> 16) & 0xff)] as number) ^
      (table[0x400 + (crc >>> 24)] as number) ^
      (table[0x300 + (bytes[i + 4] as number)] as number) ^
      (table[0x200 + (bytes[i + 5] as number)] as number) ^
      (table[0x100 + (bytes[i + 6] as number)] as number) ^
      (table[bytes[i + 7] as number] as number)
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 0xff] as number)
  return ~crc >>> 0
}
