import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  alignUp,
  FRAME_HEADER_BYTES,
  frameBytes,
  FrameHeader,
  FrameKind,
  readFrameHeader,
  shortGeneration,
  writeFrameHeader,
} from '../../../src/format/frame.js'
import { unhex, viewOf } from '../../../src/format/integers.js'
import { anyBytes, bitFlips, checksum, id, uint32, uint53 } from '../../support/decoding.js'
import { seed } from '../../support/counts.js'

const anyFields = fc.record({
  kind: fc.nat(255),
  flags: fc.nat(255),
  replaced: fc.nat(0xffff),
  payloadLength: uint32,
  payloadCrc: uint32,
  offset: uint53,
  generationLow: uint32,
  generationHigh: uint32,
  epoch: uint32,
  sequence: uint53,
})

function encoded(fields: Partial<FrameHeader>): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES)
  writeFrameHeader(bytes, viewOf(bytes), 0, Object.assign(new FrameHeader(), fields), checksum)
  return bytes
}

function read(bytes: Uint8Array): FrameHeader | undefined {
  const header = new FrameHeader()
  return readFrameHeader(bytes, viewOf(bytes), 0, header, checksum) ? header : undefined
}

describe('a frame header', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const bytes = encoded(fields)
        expect(read(bytes)).toEqual(
          Object.assign(new FrameHeader(), fields, { headerCrc: checksum(bytes, 0, 44) }),
        )
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('is written and read anywhere in its bytes, and touches nothing around it', () => {
    const bytes = new Uint8Array(FRAME_HEADER_BYTES + 20).fill(0xee)
    const header = Object.assign(new FrameHeader(), { kind: 1, offset: 2 ** 40 })
    writeFrameHeader(bytes, viewOf(bytes), 10, header, checksum)
    expect(new Set([...bytes.subarray(0, 10), ...bytes.subarray(58)])).toEqual(new Set([0xee]))
    const again = new FrameHeader()
    expect(readFrameHeader(bytes, viewOf(bytes), 10, again, checksum)).toBe(true)
    expect(again).toEqual(header)
  })

  it('is not believed with any one bit changed', () => {
    const whole = encoded({
      kind: FrameKind.transaction,
      payloadLength: 120,
      offset: 12_288,
      epoch: 1,
      sequence: 1,
    })
    for (const { bytes, bit } of bitFlips(whole)) expect(read(bytes), `bit ${bit}`).toBeUndefined()
  })

  it('is never believed, and never thrown over, when it is other bytes', () => {
    const whole = encoded({
      kind: FrameKind.mark,
      payloadLength: 16,
      offset: 2 ** 33,
      epoch: 9,
      sequence: 2 ** 50,
    })
    fc.assert(
      fc.property(anyBytes(whole), (bytes) => {
        const padded = new Uint8Array(FRAME_HEADER_BYTES)
        padded.set(bytes.subarray(0, FRAME_HEADER_BYTES))
        expect(read(padded) !== undefined).toBe(padded.every((byte, i) => byte === whole[i]))
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('is never zeros', () => {
    expect(read(new Uint8Array(FRAME_HEADER_BYTES))).toBeUndefined()
    expect(Object.values(FrameKind)).not.toContain(0)
  })

  it('carries the first eight bytes of the generation', () => {
    fc.assert(
      fc.property(id, (generation) => {
        const { low, high } = shortGeneration(generation)
        const bytes = encoded({ generationLow: low, generationHigh: high })
        expect(bytes.subarray(24, 32)).toEqual(unhex(generation).subarray(0, 8))
      }),
      { seed, numRuns: 300 },
    )
  })
})

describe('the place of frames', () => {
  it('is a multiple of 8, also beyond 2^32', () => {
    for (const base of [0, 2 ** 31, 2 ** 32, 2 ** 40]) {
      expect(alignUp(base)).toBe(base)
      for (let rest = 1; rest <= 8; rest++) expect(alignUp(base + rest)).toBe(base + 8)
    }
    expect(frameBytes(0)).toBe(48)
    expect(frameBytes(1)).toBe(56)
    expect(frameBytes(16)).toBe(64)
  })

  it('has a number of its own for every kind', () => {
    const numbers = Object.values(FrameKind)
    expect(new Set(numbers).size).toBe(numbers.length)
  })
})
