/** Ending the reading of a log before a commit that is not wanted. */
import { describe, expect, it } from 'vitest'
import type { CommitBlock } from '../../../src/format/commit.js'
import { shortGeneration } from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import { judgeLog } from '../../../src/log/judge.js'
import type { ReplayTarget } from '../../../src/log/replay-target.js'
import type { Judgement } from '../../../src/log/judgement.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { runSync } from '../../../src/storage/task.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { flipped, GENERATION_ID, LogImage, rowRecord } from '../../support/log-images.js'

function judge(bytes: Uint8Array, accept: (block: CommitBlock) => boolean): [Judgement, string[]] {
  const file = new MemoryStorage().open('a', 'create')
  file.write(bytes, 0)
  const calls: string[] = []
  const target: ReplayTarget = {
    begin: (speculative) => void calls.push(speculative ? 'begin?' : 'begin'),
    record: (_, { start }) => void calls.push(`record ${start > 0}`),
    commit: ({ sequence }) => void calls.push(`commit ${sequence}`),
    rollback: () => void calls.push('rollback'),
  }
  const parent = { sequence: 0, time: 0, offset: 0, crc: 0, end: LOG_START, epoch: 0 }
  const input = { file, checksum: crc32c, generation: shortGeneration(GENERATION_ID), maxEpoch: 9, parent }
  const judgement = runSync(judgeLog({ ...input, from: LOG_START, watermark: 0, accept }, target))
  return [judgement, calls]
}

const upTo =
  (sequence: number) =>
  (block: CommitBlock): boolean =>
    block.sequence <= sequence

describe('a judge that is asked to stop', () => {
  it('applies nothing of the commit that is declined, and says what was applied', () => {
    const image = new LogImage()
    const [, second] = image.rows('a', 'b', 'c', 'd')
    const asked: number[] = []
    const [judgement, calls] = judge(image.file(), (block) => {
      asked.push(block.sequence)
      return block.sequence <= 2
    })
    expect(asked).toEqual([1, 2, 3])
    expect(calls).toEqual(['begin', 'record true', 'commit 1', 'begin', 'record true', 'commit 2'])
    expect(judgement).toMatchObject({
      declined: true,
      last: second,
      transactionsApplied: 2,
      classification: 'clean',
      breakOffset: undefined,
    })
  })

  it('rolls the records of a declined transaction of several frames back', () => {
    const image = new LogImage()
    image.rows('a')
    image.several([[rowRecord('b')], [rowRecord('c')]])
    image.rows('d')
    const [judgement, calls] = judge(image.file(), upTo(1))
    expect(calls.slice(3)).toEqual(['begin?', 'record true', 'record true', 'rollback'])
    expect(judgement).toMatchObject({ declined: true, transactionsApplied: 1, classification: 'clean' })
  })

  it('judges nothing behind it', () => {
    const image = new LogImage()
    const [, , third, fourth] = image.rows('a', 'b', 'c', 'd')
    const bytes = flipped(image.file(), (fourth?.offset ?? 0) + 60)
    const [judgement] = judge(bytes, upTo(2))
    expect(judgement).toMatchObject({ declined: true, badRanges: [], transactionsCut: 0 })
    const [whole] = judge(bytes, () => true)
    expect(whole).toMatchObject({ declined: false, breakOffset: third?.end })
  })

  it('tells of bad bytes before it that cost no commit', () => {
    const image = new LogImage()
    image.rows('a')
    const garbage = image.raw(new Uint8Array(64).fill(9))
    image.rows('b')
    const [judgement] = judge(image.file(), upTo(1))
    expect(judgement).toMatchObject({ declined: true, badRanges: [garbage], classification: 'clean' })
  })

  it('is not asked about a commit that does not link', () => {
    const image = new LogImage()
    const [, second] = image.rows('a', 'b', 'c')
    const bytes = flipped(image.file(), (second?.offset ?? 0) + 60)
    const asked: number[] = []
    const [judgement] = judge(bytes, (block) => {
      asked.push(block.sequence)
      return block.sequence <= 2
    })
    expect(asked).toEqual([1])
    expect(judgement).toMatchObject({
      declined: false,
      transactionsApplied: 1,
      breakOffset: second?.offset,
    })
  })
})
