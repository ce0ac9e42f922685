import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  COMMIT_BLOCK_BYTES,
  CommitBlock,
  CommitCrc,
  CommitField,
  readCommitBlock,
  writeCommitBlock,
} from '../../../src/format/commit.js'
import { viewOf } from '../../../src/format/integers.js'
import { checksum, uint32, uint53 } from '../../support/decoding.js'
import { seed } from '../../support/counts.js'

const anyBlock = fc
  .record({
    sequence: uint53,
    time: uint53,
    operations: uint32,
    frames: uint32,
    framesCrc: uint32,
    commitCrc: uint32,
    watermark: uint53,
    previousSequence: uint53,
    previousOffset: uint53,
    previousCrc: uint32,
    begin: uint53,
  })
  .map((fields) => Object.assign(new CommitBlock(), fields))

function encoded(block: CommitBlock): Uint8Array {
  const bytes = new Uint8Array(COMMIT_BLOCK_BYTES)
  writeCommitBlock(viewOf(bytes), 0, block)
  return bytes
}

describe('a commit block', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(anyBlock, (block) => {
        const read = new CommitBlock()
        expect(readCommitBlock(viewOf(encoded(block)), 0, read)).toBe(true)
        expect(read).toEqual(block)
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('writes every byte of its place, whatever stood there', () => {
    const bytes = new Uint8Array(COMMIT_BLOCK_BYTES + 2).fill(0xff)
    writeCommitBlock(viewOf(bytes), 1, new CommitBlock())
    expect([...bytes]).toEqual([0xff, ...new Uint8Array(COMMIT_BLOCK_BYTES), 0xff])
  })

  it.each(['sequence', 'time', 'watermark', 'previousSequence', 'previousOffset', 'begin'] as const)(
    'is none with a %s beyond the safe integers',
    (field) => {
      const bytes = encoded(new CommitBlock())
      viewOf(bytes).setBigUint64(CommitField[field], 2n ** 53n - 1n, true)
      expect(readCommitBlock(viewOf(bytes), 0, new CommitBlock())).toBe(true)
      viewOf(bytes).setBigUint64(CommitField[field], 2n ** 53n, true)
      expect(readCommitBlock(viewOf(bytes), 0, new CommitBlock())).toBe(false)
    },
  )

  it('is none with a reserved field that is used', () => {
    const bytes = encoded(new CommitBlock())
    bytes[CommitField.reserved + 3] = 1
    expect(readCommitBlock(viewOf(bytes), 0, new CommitBlock())).toBe(false)
  })

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: COMMIT_BLOCK_BYTES, maxLength: COMMIT_BLOCK_BYTES }),
        (bytes) => {
          expect(readCommitBlock(viewOf(bytes), 0, new CommitBlock())).toBeTypeOf('boolean')
        },
      ),
      { seed, numRuns: 1000 },
    )
  })
})

describe('the commit CRC', () => {
  /** By the format page's words, not by the code's way. */
  function expected(block: CommitBlock, records: readonly number[]): number {
    const bytes = new Uint8Array(32 + 4 * records.length)
    const view = viewOf(bytes)
    view.setBigUint64(0, BigInt(block.sequence), true)
    view.setBigUint64(8, BigInt(block.time), true)
    view.setUint32(16, block.operations, true)
    view.setBigUint64(20, BigInt(block.previousSequence), true)
    view.setUint32(28, block.previousCrc, true)
    for (const [i, crc] of records.entries()) view.setUint32(32 + 4 * i, crc, true)
    return checksum(bytes, 0, bytes.length)
  }

  it('is that of the format page, also over thousands of records, also when it is used again', () => {
    const crc = new CommitCrc()
    fc.assert(
      fc.property(anyBlock, fc.array(uint32, { maxLength: 3000, size: 'max' }), (block, records) => {
        crc.start()
        for (const record of records) crc.addRecord(record)
        expect(crc.records).toBe(records.length)
        expect(crc.finish(block, checksum)).toBe(expected(block, records))
      }),
      { seed, numRuns: 100 },
    )
  })

  it('forgets the records of a savepoint that was rolled back', () => {
    const crc = new CommitCrc()
    const block = Object.assign(new CommitBlock(), { sequence: 5, operations: 3 })
    crc.start()
    for (const record of [1, 2, 8, 9]) crc.addRecord(record)
    crc.keep(2)
    crc.addRecord(3)
    expect(crc.records).toBe(3)
    expect(crc.finish(block, checksum)).toBe(expected(block, [1, 2, 3]))
  })

  it('does not depend on the place, and on nothing but what it states', () => {
    const base = Object.assign(new CommitBlock(), {
      sequence: 9,
      time: 5,
      operations: 1,
      previousSequence: 8,
      previousCrc: 7,
    })
    const of = (change: Partial<CommitBlock>): number => {
      const crc = new CommitCrc()
      crc.start()
      crc.addRecord(77)
      return crc.finish(Object.assign(new CommitBlock(), base, change), checksum)
    }
    for (const place of [
      { begin: 8 },
      { previousOffset: 8 },
      { watermark: 8 },
      { frames: 3 },
      { framesCrc: 3 },
    ]) {
      expect(of(place)).toBe(of({}))
    }
    for (const told of [
      { sequence: 10 },
      { time: 6 },
      { operations: 2 },
      { previousSequence: 7 },
      { previousCrc: 8 },
    ]) {
      expect(of(told)).not.toBe(of({}))
    }
  })
})
