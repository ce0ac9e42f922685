import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../native-free/crc32c.js'
import { blockChecksum } from '../../../src/format/block-checksum.js'

describe('the checksum of a block', () => {
  it('is that of its bytes, however many zeros are behind its content', () => {
    const content = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(content, fc.nat(4200), fc.nat(4), (bytes, zeros, skipped) => {
        // A block may lie anywhere in a buffer.
        const block = new Uint8Array(skipped + bytes.length + zeros).subarray(skipped)
        block.set(bytes)
        expect(blockChecksum(block, block.length, crc32c)).toBe(crc32c(block, 0, block.length))
      }),
    )
  })

  it('notices each bit among the zeros', () => {
    const block = new Uint8Array(4096)
    const sound = blockChecksum(block, 4092, crc32c)
    for (let at = 0; at < 4092; at += 31) {
      block[at] = 1 << (at % 8)
      expect(blockChecksum(block, 4092, crc32c)).not.toBe(sound)
      block[at] = 0
    }
  })

  it('leaves out what is behind the end', () => {
    const block = new Uint8Array(64).fill(7)
    expect(blockChecksum(block, 60, crc32c)).toBe(crc32c(block, 0, 60))
  })
})
