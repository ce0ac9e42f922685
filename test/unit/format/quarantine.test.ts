import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { viewOf } from '../../../src/format/integers.js'
import {
  decodeQuarantineHead,
  encodeQuarantineHead,
  QUARANTINE_HEAD_BYTES,
  QuarantineField,
  type QuarantineHead,
  QuarantineReason,
} from '../../../src/format/quarantine.js'
import { anyBytes, bitFlips, checksum, id, uint32, uint53 } from '../../support/decoding.js'
import { seed } from '../../support/counts.js'

const anyHead: fc.Arbitrary<QuarantineHead> = fc.record({
  reason: fc.constantFrom(...Object.values(QuarantineReason)),
  databaseId: id,
  generationId: id,
  epoch: uint32,
  offset: uint53,
  length: uint53,
  contentCrc: uint32,
})

const HEAD: QuarantineHead = {
  reason: QuarantineReason.tornTail,
  databaseId: '01'.repeat(16),
  generationId: '02'.repeat(16),
  epoch: 4,
  offset: 12_568,
  length: 99,
  contentCrc: 5,
}

function mended(bytes: Uint8Array): Uint8Array {
  viewOf(bytes).setUint32(QuarantineField.headCrc, checksum(bytes, 0, QuarantineField.headCrc), true)
  return bytes
}

describe('the head of a quarantine file', () => {
  it('comes back as it was written, whatever follows it', () => {
    fc.assert(
      fc.property(anyHead, fc.uint8Array({ maxLength: 20 }), (head, content) => {
        const bytes = new Uint8Array([...encodeQuarantineHead(head, checksum), ...content])
        expect(decodeQuarantineHead(bytes, checksum)).toEqual(head)
      }),
      { seed, numRuns: 500 },
    )
  })

  it('is not believed with any one bit changed', () => {
    const whole = encodeQuarantineHead(HEAD, checksum)
    for (const { bytes, bit } of bitFlips(whole, 0, QuarantineField.end)) {
      expect(decodeQuarantineHead(bytes, checksum), `bit ${bit}`).toBeUndefined()
    }
  })

  it('is never thrown over when it is other bytes', () => {
    const whole = encodeQuarantineHead(HEAD, checksum)
    fc.assert(
      fc.property(anyBytes(whole), (bytes) => {
        const same =
          bytes.length === whole.length &&
          whole.every((byte, i) => i >= QuarantineField.end || byte === bytes[i])
        expect(decodeQuarantineHead(bytes, checksum) !== undefined).toBe(same)
      }),
      { seed, numRuns: 2000 },
    )
  })

  it.each([
    ['version', QuarantineField.version],
    ['reason', QuarantineField.reason],
  ])('is none with a %s that is not known', (_what, at) => {
    for (const value of [0, 5, 0xffff]) {
      const bytes = encodeQuarantineHead(HEAD, checksum)
      viewOf(bytes).setUint16(at, value, true)
      expect(decodeQuarantineHead(mended(bytes), checksum)).toBeUndefined()
    }
  })

  it.each(['offset', 'length'] as const)('is none with an %s beyond the safe integers', (field) => {
    const bytes = encodeQuarantineHead(HEAD, checksum)
    viewOf(bytes).setBigUint64(QuarantineField[field], 2n ** 53n, true)
    expect(decodeQuarantineHead(mended(bytes), checksum)).toBeUndefined()
  })

  it('ends at a multiple of 8', () => {
    expect(QUARANTINE_HEAD_BYTES % 8).toBe(0)
    expect(encodeQuarantineHead(HEAD, checksum)).toHaveLength(QUARANTINE_HEAD_BYTES)
  })
})
