import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DigestSum, digestText } from '../../../src/format/digest.js'
import { uint32 } from '../../support/decoding.js'
import { seed } from '../../support/counts.js'

interface Row {
  readonly key: Uint8Array
  readonly crc: number
}

const anyRow: fc.Arbitrary<Row> = fc.record({ key: fc.uint8Array({ maxLength: 30 }), crc: uint32 })

function digestOf(rows: readonly Row[]): string {
  const sum = new DigestSum()
  for (const { key, crc } of rows) sum.add(key, 0, key.length, crc)
  return digestText(sum)
}

describe('the state digest', () => {
  it('is zero over no rows', () => {
    expect(digestOf([])).toBe('0'.repeat(16))
  })

  /** Worked out with exact integers, by the formula of the format page. */
  it('is that of the format page', () => {
    const MASK = 0xffff_ffffn
    const fmix = (value: bigint): bigint => {
      let x = value
      x ^= x >> 16n
      x = (x * 0x85ebca6bn) & MASK
      x ^= x >> 13n
      x = (x * 0xc2b2ae35n) & MASK
      return x ^ (x >> 16n)
    }
    const exact = (rows: readonly Row[]): string => {
      let [a, b] = [0n, 0n]
      for (const { key, crc } of rows) {
        let h = 0x811c9dc5n
        for (const byte of key) h = ((h ^ BigInt(byte)) * 0x01000193n) & MASK
        const rotated = ((h << 16n) | (h >> 16n)) & MASK
        a = (a + fmix(h ^ BigInt(crc))) & MASK
        b = (b + fmix(((rotated + BigInt(crc)) & MASK) ^ 0x9e3779b9n)) & MASK
      }
      return a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0')
    }
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 20 }), (rows) => {
        expect(digestOf(rows)).toBe(exact(rows))
      }),
      { seed, numRuns: 500 },
    )
  })

  it('does not depend on the order, and takes rows away again', () => {
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 20 }), fc.array(anyRow, { maxLength: 5 }), (rows, gone) => {
        const sum = new DigestSum()
        for (const { key, crc } of [...gone, ...rows].toReversed()) sum.add(key, 0, key.length, crc)
        for (const { key, crc } of gone) sum.subtract(key, 0, key.length, crc)
        expect(digestText(sum)).toBe(digestOf(rows))
      }),
      { seed, numRuns: 500 },
    )
  })

  it('differs in both lanes for every other row', () => {
    const row = { key: new Uint8Array([1, 2, 3]), crc: 7 }
    const others: Row[] = [
      { ...row, crc: 8 },
      { ...row, key: new Uint8Array([1, 2, 4]) },
      { ...row, key: new Uint8Array([1, 2]) },
      { key: new Uint8Array([2, 1, 3]), crc: 7 },
    ]
    for (const other of others) {
      expect(digestOf([other]).slice(0, 8)).not.toBe(digestOf([row]).slice(0, 8))
      expect(digestOf([other]).slice(8)).not.toBe(digestOf([row]).slice(8))
    }
  })

  it('takes the key from within other bytes, and another digest as its start', () => {
    const key = new Uint8Array([9, 1, 2, 9])
    const sum = new DigestSum()
    sum.set({ a: 0xffff_ffff, b: 0xffff_ffff })
    sum.add(key, 1, 3, 5)
    const plain = new DigestSum()
    plain.add(new Uint8Array([1, 2]), 0, 2, 5)
    expect(sum.a).toBe((plain.a - 1) >>> 0)
    expect(sum.b).toBe((plain.b - 1) >>> 0)
  })
})
