/**
 * The state digest of a collection: a sum over its live rows of a mix of (key, record CRC), in two 32-bit lanes.
 *
 * A sum does not depend on order, so every write can keep it in O(1): subtract the row that goes, add the row that
 * comes. Two states with the same digests hold, but for a chance of about 2^-64, the same rows.
 *
 *     h  = FNV-1a (32 bit) over the key bytes
 *     a += fmix32(h xor crc)
 *     b += fmix32((rotl32(h, 16) + crc) xor 0x9e3779b9)        all modulo 2^32
 *     fmix32 is the finaliser of MurmurHash3: x ^= x >>> 16; x *= 0x85ebca6b; x ^= x >>> 13; x *= 0xc2b2ae35; x ^= x >>> 16
 */

/** The two lanes, unsigned. */
export interface Digest {
  readonly a: number
  readonly b: number
}

/** A digest under construction. */
export class DigestSum {
  a = 0
  b = 0

  add(key: Uint8Array, keyStart: number, keyEnd: number, crc: number): void {
    const h = fnv1a(key, keyStart, keyEnd)
    this.a = (this.a + laneA(h, crc)) >>> 0
    this.b = (this.b + laneB(h, crc)) >>> 0
  }

  subtract(key: Uint8Array, keyStart: number, keyEnd: number, crc: number): void {
    const h = fnv1a(key, keyStart, keyEnd)
    this.a = (this.a - laneA(h, crc)) >>> 0
    this.b = (this.b - laneB(h, crc)) >>> 0
  }

  set(digest: Digest): void {
    this.a = digest.a
    this.b = digest.b
  }
}

/** A digest as 16 hex digits. */
export function digestText(digest: Digest): string {
  return digest.a.toString(16).padStart(8, '0') + digest.b.toString(16).padStart(8, '0')
}

/** A hash of the key `bytes[start, end)` for tables in memory. */
export function keyHash(bytes: Uint8Array, start: number, end: number): number {
  return fmix32(fnv1a(bytes, start, end))
}

function laneA(h: number, crc: number): number {
  return fmix32(h ^ crc)
}

function laneB(h: number, crc: number): number {
  return fmix32((((h << 16) | (h >>> 16)) + crc) ^ 0x9e3779b9)
}

function fnv1a(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193)
  return hash
}

function fmix32(value: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
