import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BLOCK_BYTES,
  BLOCK_CRC_OFFSET,
  decodeHeader,
  encodeHeader,
  HeaderField,
} from '../../../src/format/header.js'
import { viewOf } from '../../../src/format/integers.js'
import { anyBytes, bitFlips, checksum } from '../../support/decoding.js'
import { anyHeader, HEADER } from '../../support/format-samples.js'
import { seed } from '../../support/counts.js'

/** Writes the checksum that its content asks for: bytes that were made, not damaged. */
function mended(block: Uint8Array): Uint8Array {
  viewOf(block).setUint32(BLOCK_CRC_OFFSET, checksum(block, 0, BLOCK_CRC_OFFSET), true)
  return block
}

describe('the header block', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        const block = encodeHeader(header, checksum)
        expect(block).toHaveLength(BLOCK_BYTES)
        expect(decodeHeader(block, checksum)).toEqual({ ok: true, header })
      }),
      { seed, numRuns: 300 },
    )
  })

  it('is not believed with any one bit changed', () => {
    for (const { bytes, bit } of bitFlips(encodeHeader(HEADER, checksum))) {
      expect(decodeHeader(bytes, checksum).ok, `bit ${bit}`).toBe(false)
    }
  })

  it('is never believed, and never thrown over, when it is other bytes', () => {
    const whole = encodeHeader(HEADER, checksum)
    fc.assert(
      fc.property(anyBytes(whole), (bytes) => {
        const result = decodeHeader(bytes, checksum)
        expect(result.ok).toBe(bytes.length === whole.length && bytes.every((byte, i) => byte === whole[i]))
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('tells a file that is not Varve’s from a damaged header', () => {
    const block = encodeHeader(HEADER, checksum)
    expect(decodeHeader(new Uint8Array(BLOCK_BYTES), checksum)).toMatchObject({ problem: 'notVarve' })
    block[HeaderField.createdAt] = 0xff
    expect(decodeHeader(block, checksum)).toMatchObject({ problem: 'checksum' })
  })

  it('does not survive a conversion of line ends or of the eighth bit', () => {
    const block = encodeHeader(HEADER, checksum)
    const text = Buffer.from(block).toString('latin1')
    for (const converted of [
      text.replaceAll('\r\n', '\n'),
      text.replaceAll('\n', '\r\n'),
      text.replaceAll('\x89', '\x09'),
    ]) {
      const bytes = new Uint8Array(BLOCK_BYTES)
      bytes.set(Buffer.from(converted, 'latin1').subarray(0, BLOCK_BYTES))
      expect(decodeHeader(bytes, checksum)).toMatchObject({ ok: false, problem: 'notVarve' })
    }
  })

  it('refuses another major version and reads a higher minor one', () => {
    for (const formatMajor of [0, 2, 0xffff]) {
      const block = encodeHeader({ ...HEADER, formatMajor }, checksum)
      expect(decodeHeader(block, checksum)).toEqual({
        ok: false,
        problem: 'newerFormat',
        actual: `${formatMajor}.0`,
      })
    }
    expect(decodeHeader(encodeHeader({ ...HEADER, formatMinor: 9 }, checksum), checksum).ok).toBe(true)
  })

  it.each(['createdAt', 'parentSequence', 'parentCommitOffset'] as const)(
    'refuses a %s beyond the safe integers, sound as its checksum may be',
    (field) => {
      const at = HeaderField[field]
      const largest = encodeHeader({ ...HEADER, [field]: Number.MAX_SAFE_INTEGER }, checksum)
      expect(decodeHeader(largest, checksum)).toMatchObject({
        ok: true,
        header: { [field]: Number.MAX_SAFE_INTEGER },
      })
      viewOf(largest).setBigUint64(at, 2n ** 53n, true)
      expect(decodeHeader(mended(largest), checksum)).toMatchObject({ ok: false, problem: 'value' })
    },
  )
})
