import { crc32c as native } from '@node-rs/crc32'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../native-free/crc32c.js'
import { count, seed } from '../support/counts.js'

const settings = { seed, numRuns: count(2_000, 200_000) }

describe('CRC-32C in TypeScript', () => {
  it('equals the native one on any range and seed', () => {
    const input = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), fc.nat(0xffffffff))
    fc.assert(
      fc.property(input, ([bytes, a, b, previous]) => {
        const start = Math.min(a, b, bytes.length)
        const end = Math.min(Math.max(a, b), bytes.length)
        expect(crc32c(bytes, start, end, previous)).toBe(native(bytes.subarray(start, end), previous))
      }),
      settings,
    )
  })

  it('continues over the parts of a concatenation', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
        const middle = Math.min(cut, bytes.length)
        const first = crc32c(bytes, 0, middle)
        expect(crc32c(bytes, middle, bytes.length, first)).toBe(crc32c(bytes, 0, bytes.length))
      }),
      settings,
    )
  })
})
