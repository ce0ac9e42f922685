import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  hex,
  isZero,
  readUint48,
  readUint64,
  unhex,
  varintBytes,
  viewOf,
  writeUint48,
  writeUint64,
  writeVarint,
} from '../../../src/format/integers.js'
import { id, uint32, uint53 } from '../../support/decoding.js'
import { seed } from '../../support/counts.js'

const settings = { seed, numRuns: 1000 }

describe('integers on disk', () => {
  it('writes 64 bits as a BigInt would be written, and reads them back', () => {
    fc.assert(
      fc.property(uint53, (value) => {
        const view = new DataView(new ArrayBuffer(16))
        writeUint64(view, 3, value)
        expect(view.getBigUint64(3, true)).toBe(BigInt(value))
        expect(readUint64(view, 3)).toBe(value)
      }),
      settings,
    )
  })

  it('reads what is beyond 2^53 as a number that is not safe, never as another safe one', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), (value) => {
        const view = new DataView(new ArrayBuffer(8))
        view.setBigUint64(0, value, true)
        expect(Number.isSafeInteger(readUint64(view, 0))).toBe(false)
      }),
      settings,
    )
  })

  it('writes 48 bits, and nothing behind them', () => {
    const uint48 = fc.oneof(
      fc.nat(2 ** 32),
      fc.maxSafeNat().map((value) => value % 2 ** 48),
      fc.constantFrom(0, 2 ** 48 - 1),
    )
    fc.assert(
      fc.property(uint48, (value) => {
        const view = new DataView(new ArrayBuffer(8))
        view.setUint16(6, 0xabcd, true)
        writeUint48(view, 0, value)
        expect(readUint48(view, 0)).toBe(value)
        expect(view.getUint16(6, true)).toBe(0xabcd)
        expect(Number(view.getBigUint64(0, true) & 0xffff_ffff_ffffn)).toBe(value)
      }),
      settings,
    )
  })

  it('writes varints of the length it announces, seven bits a byte', () => {
    const limits = [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, 268_435_456, 0xffff_ffff]
    fc.assert(
      fc.property(fc.oneof(uint32, fc.constantFrom(...limits)), (value) => {
        const bytes = new Uint8Array(8).fill(0xee)
        const end = writeVarint(bytes, 1, value)
        expect(end - 1).toBe(varintBytes(value))
        expect(end - 1).toBe(Math.max(1, Math.ceil(value.toString(2).length / 7)))
        let read = 0
        for (let i = 1; i < end; i++) read += ((bytes[i] ?? 0) & 0x7f) * 2 ** (7 * (i - 1))
        expect(read).toBe(value)
        expect([...bytes.subarray(1, end)].map((byte) => byte >= 128)).toEqual(
          Array.from({ length: end - 1 }, (_, i) => i < end - 2),
        )
        expect(bytes[end]).toBe(0xee)
      }),
      settings,
    )
  })

  it('shows identities as hex and takes them back', () => {
    fc.assert(
      fc.property(id, (text) => {
        expect(hex(unhex(text))).toBe(text)
        expect(unhex(text)).toHaveLength(16)
      }),
      settings,
    )
  })

  it('views exactly the bytes given', () => {
    const bytes = new Uint8Array([9, 1, 2, 9]).subarray(1, 3)
    expect(viewOf(bytes).byteLength).toBe(2)
    expect(viewOf(bytes).getUint16(0, true)).toBe(0x0201)
  })

  it('tells zeros from anything else, within its range', () => {
    expect(isZero(new Uint8Array([1, 0, 0, 1]), 1, 3)).toBe(true)
    expect(isZero(new Uint8Array([1, 0, 0, 1]), 1, 4)).toBe(false)
    expect(isZero(new Uint8Array([1, 0, 0, 1]), 0, 3)).toBe(false)
    expect(isZero(new Uint8Array([1]), 1, 1)).toBe(true)
  })
})
