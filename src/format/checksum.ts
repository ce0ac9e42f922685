/**
 * The checksum that every layer uses: CRC-32C (Castagnoli, reflected polynomial 0x82f63b78, initial value and final
 * xor 0xffffffff), injected because its fast form is a native addon that may be absent.
 */

/**
 * CRC-32C of `bytes[start, end)`, as an unsigned 32-bit number. `seed` continues a checksum: the CRC of a
 * concatenation is `crc(b, 0, b.length, crc(a, 0, a.length))`. An empty range returns `seed` (0 by default).
 */
export type Checksum = (bytes: Uint8Array, start: number, end: number, seed?: number) => number
