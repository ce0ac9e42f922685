import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLOCK_BYTES, BLOCK_CRC_OFFSET, HeaderField, IDENTITY_START } from '../../../src/format/header.js'
import { viewOf } from '../../../src/format/integers.js'
import {
  decodeSuperblock,
  encodeSuperblock,
  FENCE_BYTES,
  fenceHolds,
  SuperblockField,
} from '../../../src/format/superblock.js'
import { anyBytes, bitFlips, checksum } from '../../support/decoding.js'
import { anySuperblock, SUPERBLOCK } from '../../support/format-samples.js'
import { seed } from '../../support/counts.js'

function withUint64(at: number, value: bigint): Uint8Array {
  const block = encodeSuperblock(SUPERBLOCK, checksum)
  viewOf(block).setBigUint64(at, value, true)
  viewOf(block).setUint32(BLOCK_CRC_OFFSET, checksum(block, 0, BLOCK_CRC_OFFSET), true)
  return block
}

describe('a superblock', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(anySuperblock, (superblock) => {
        const block = encodeSuperblock(superblock, checksum)
        expect(block).toHaveLength(BLOCK_BYTES)
        expect(decodeSuperblock(block, checksum)).toEqual({ ok: true, superblock })
      }),
      { seed, numRuns: 300 },
    )
  })

  it('is not believed with any one bit changed', () => {
    for (const { bytes, bit } of bitFlips(encodeSuperblock(SUPERBLOCK, checksum))) {
      expect(decodeSuperblock(bytes, checksum).ok, `bit ${bit}`).toBe(false)
    }
  })

  it('is never believed, and never thrown over, when it is other bytes', () => {
    const whole = encodeSuperblock(SUPERBLOCK, checksum)
    fc.assert(
      fc.property(anyBytes(whole), (bytes) => {
        const result = decodeSuperblock(bytes, checksum)
        expect(result.ok).toBe(bytes.length === whole.length && bytes.every((byte, i) => byte === whole[i]))
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('says why it is none', () => {
    const whole = encodeSuperblock(SUPERBLOCK, checksum)
    expect(decodeSuperblock(whole.subarray(0, 4095), checksum)).toEqual({ ok: false, problem: 'missing' })
    expect(decodeSuperblock(new Uint8Array(BLOCK_BYTES), checksum)).toEqual({ ok: false, problem: 'magic' })
    whole[SuperblockField.epoch] = 99
    expect(decodeSuperblock(whole, checksum)).toEqual({ ok: false, problem: 'checksum' })
  })

  it.each(['sequence', 'checkpoint', 'watermark', 'watermarkSequence', 'cutAt', 'highestSequence'] as const)(
    'is none with a %s beyond the safe integers',
    (field) => {
      const largest = decodeSuperblock(withUint64(SuperblockField[field], 2n ** 53n - 1n), checksum)
      expect(largest).toMatchObject({ ok: true, superblock: { [field]: Number.MAX_SAFE_INTEGER } })
      expect(decodeSuperblock(withUint64(SuperblockField[field], 2n ** 53n), checksum)).toEqual({
        ok: false,
        problem: 'value',
      })
    },
  )

  it.each(['createdAt', 'parentSequence', 'parentCommitOffset'] as const)(
    'is none with the %s of its identity beyond the safe integers',
    (field) => {
      const at = SuperblockField.identity + HeaderField[field] - IDENTITY_START
      expect(decodeSuperblock(withUint64(at, 2n ** 53n), checksum)).toEqual({ ok: false, problem: 'value' })
    },
  )

  describe('fence', () => {
    const whole = encodeSuperblock(SUPERBLOCK, checksum)

    it('holds over the same bytes', () => {
      expect(fenceHolds(whole.slice(0, FENCE_BYTES), whole)).toBe(true)
    })

    it.each([
      ['another sequence', { sequence: 8 }],
      ['another epoch', { epoch: 4 }],
      ['another session', { sessionId: '0'.repeat(32) }],
      ['another generation', { header: { ...SUPERBLOCK.header, generationId: '1'.repeat(32) } }],
    ])('breaks at %s', (_what, change) => {
      const other = encodeSuperblock({ ...SUPERBLOCK, ...change }, checksum)
      expect(fenceHolds(other.subarray(0, FENCE_BYTES), whole)).toBe(false)
    })

    it('breaks where the bytes cannot be read', () => {
      expect(fenceHolds(new Uint8Array(0), whole)).toBe(false)
    })
  })
})
