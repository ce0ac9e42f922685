import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.js'
import type { Checksum } from '../../../src/format/checksum.js'
import { FrameKind, shortGeneration } from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import { judgeLog } from '../../../src/log/judge.js'
import type { ReplayTarget } from '../../../src/log/replay-target.js'
import type { Judgement } from '../../../src/log/judgement.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { runSync } from '../../../src/storage/task.js'
import { crc32c } from '../../../native-free/crc32c.js'
import {
  flipped,
  GENERATION_ID,
  LogImage,
  overwritten,
  type Placed,
  rowRecord,
  zeroed,
} from '../../support/log-images.js'
import { count, seed } from '../../support/counts.js'

interface Replayed {
  readonly judgement: Judgement
  /** What the target was told, in order. */
  readonly calls: readonly string[]
}

interface Options {
  readonly watermark?: number
  readonly noCommitBefore?: number
  readonly checksum?: Checksum
}

function judge(bytes: Uint8Array, options: Options = {}): Replayed {
  const file = new MemoryStorage().open('a', 'create')
  file.write(bytes, 0)
  const calls: string[] = []
  const target: ReplayTarget = {
    begin: (speculative) => void calls.push(speculative ? 'begin?' : 'begin'),
    record: (content, record) =>
      void calls.push(new TextDecoder().decode(content.subarray(record.keyStart + 1, record.keyEnd - 1))),
    commit: ({ sequence }) => void calls.push(`commit ${sequence}`),
    rollback: () => void calls.push('rollback'),
  }
  const parent = { sequence: 0, time: 0, offset: 0, crc: 0, end: LOG_START, epoch: 0 }
  const input = { file, checksum: options.checksum ?? crc32c, generation: shortGeneration(GENERATION_ID) }
  const { watermark = 0, noCommitBefore } = options
  const stated = { watermark, noCommitBefore, parent }
  const judgement = runSync(judgeLog({ ...input, ...stated, maxEpoch: 9, from: LOG_START }, target))
  return { judgement, calls }
}

type StatedRange = Required<Pick<Options, 'watermark' | 'noCommitBefore'>>

describe('the judge of a log', () => {
  it('applies only commits that name the one before (I2)', () => {
    const image = new LogImage()
    const [a] = image.rows('a')
    const [b] = image.rows('b')
    if (a === undefined || b === undefined) throw new TypeError('commits')
    // Two that name `a` again, one of the wrong offset, one of the wrong sequence; then the true next one.
    image.commit([rowRecord('x')], { previous: a })
    image.commit([rowRecord('y')], { previous: { ...b, offset: b.offset + 8 } })
    image.commit([rowRecord('z')], { previous: b, sequence: 2 })
    image.commit([rowRecord('c')], { previous: b, sequence: 9 })
    const { judgement, calls } = judge(image.file())
    expect(calls).toEqual(['begin', 'a', 'commit 1', 'begin', 'b', 'commit 2', 'begin', 'c', 'commit 9'])
    expect(judgement).toMatchObject({
      classification: 'clean',
      transactionsApplied: 3,
      transactionsCut: 0,
      highestSequence: 9,
    })
    expect(judgement.badRanges).toHaveLength(3)
  })

  it('rolls a transaction back whose commit does not follow its frames', () => {
    const image = new LogImage()
    image.several([[rowRecord('a')], [rowRecord('b')]])
    image.several([[rowRecord('c')]], { committed: false })
    image.rows('d')
    image.several([[rowRecord('e')]], { committed: false })
    const { judgement, calls } = judge(image.file())
    expect(calls).toEqual([
      'begin?',
      'a',
      'b',
      'commit 1',
      'begin?',
      'c',
      'rollback',
      'begin',
      'd',
      'commit 3',
      'begin?',
      'e',
      'rollback',
    ])
    expect(judgement).toMatchObject({
      classification: 'uncommittedTail',
      breakOffset: image.last.end,
      transactionsApplied: 2,
    })
  })

  it('does not join frames of a transaction over a frame of another kind', () => {
    const image = new LogImage()
    image.several([[rowRecord('a')]], { committed: false })
    image.mark(LOG_START)
    image.frame(FrameKind.txnRecords, new Uint8Array(0))
    expect(judge(image.file())).toMatchObject({
      judgement: { classification: 'tornTail', breakOffset: LOG_START, transactionsApplied: 0 },
    })
  })

  it('passes over a bad payload of an index frame, and counts W behind a break', () => {
    const image = new LogImage()
    const [a] = image.rows('a')
    const index = image.frame(FrameKind.indexNodes, new Uint8Array(3000).fill(5))
    const [b] = image.rows('b')
    const bytes = flipped(image.file(), index.offset + 500)
    expect(judge(bytes).judgement).toMatchObject({
      classification: 'clean',
      transactionsApplied: 2,
      badRanges: [{ offset: index.offset }],
    })
    image.mark(b?.end ?? 0)
    const broken = flipped(image.file(), (a?.offset ?? 0) + 60)
    expect(judge(broken).judgement).toMatchObject({
      classification: 'damage',
      watermark: b?.end,
      breakOffset: LOG_START,
    })
  })

  describe('where no commit lies, between W and the end of the named checkpoint', () => {
    /** Two commits, then nodes and a checkpoint; W is the second one's end. */
    function checkpointed(): { image: LogImage; nodes: Placed; checkpoint: Placed; stated: StatedRange } {
      const image = new LogImage()
      image.rows('a', 'b')
      const watermark = image.last.end
      const nodes = image.frame(FrameKind.indexNodes, new Uint8Array(200).fill(6))
      const checkpoint = image.frame(FrameKind.checkpoint, new Uint8Array(100).fill(7))
      return { image, nodes, checkpoint, stated: { watermark, noCommitBefore: checkpoint.end } }
    }
    const inHeader = 9
    const rangeOf = ({ offset, end }: Placed): Placed => ({ offset, end })

    it('passes over bad bytes, at the end of the log and before commits', () => {
      const { image, nodes, checkpoint, stated } = checkpointed()
      const atEnd = image.file()
      image.rows('c')
      const withTail = image.file()
      const both = { offset: nodes.offset, end: checkpoint.end }
      for (const [bytes, applied] of [
        [atEnd, 2],
        [withTail, 3],
      ] as const) {
        const badNodes = flipped(bytes, nodes.offset + inHeader)
        const badCheckpoint = flipped(bytes, checkpoint.offset + inHeader)
        const badBoth = flipped(badNodes, checkpoint.offset + inHeader)
        for (const [damaged, range] of [
          [badNodes, rangeOf(nodes)],
          [badCheckpoint, rangeOf(checkpoint)],
          [badBoth, both],
        ] as const) {
          expect(judge(damaged, stated).judgement).toMatchObject({
            classification: 'clean',
            transactionsApplied: applied,
            logEnd: bytes.length,
            badRanges: [range],
            brokenRanges: [],
          })
        }
        // Without the statement the end of the log would be an incomplete write.
        const { watermark } = stated
        const expected = applied === 2 ? 'tornTail' : 'clean'
        expect(judge(badCheckpoint, { watermark }).judgement.classification).toBe(expected)
      }
    })

    it('looks for a frame at its end again: what follows is judged by itself', () => {
      const { image, checkpoint, stated } = checkpointed()
      image.raw(new Uint8Array(80).fill(0x5a))
      expect(judge(flipped(image.file(), checkpoint.offset + inHeader), stated).judgement).toMatchObject({
        classification: 'tornTail',
        breakOffset: checkpoint.end,
        badRanges: [rangeOf(checkpoint)],
        brokenRanges: [{ offset: checkpoint.end, end: image.end }],
      })
    })

    it('breaks at bad bytes that begin or end elsewhere', () => {
      const { image, checkpoint, stated } = checkpointed()
      const bytes = flipped(image.file(), checkpoint.offset + inHeader)
      const { watermark, noCommitBefore } = stated
      const broken = { breakOffset: checkpoint.offset, badRanges: [] }
      // W inside them, and so behind a commit that could be there; then their end behind what was stated.
      expect(judge(bytes, { ...stated, watermark: checkpoint.offset + 8 }).judgement).toMatchObject({
        ...broken,
        classification: 'damage',
      })
      for (const end of [noCommitBefore - 4, checkpoint.offset, watermark, 0]) {
        expect(judge(bytes, { watermark, noCommitBefore: end }).judgement).toMatchObject({
          ...broken,
          classification: 'tornTail',
        })
      }
      const { last } = image
      const fromCommitOn = flipped(bytes, last.offset + inHeader)
      expect(judge(fromCommitOn, stated).judgement).toMatchObject({
        classification: 'damage',
        breakOffset: last.offset,
        transactionsApplied: 1,
      })
    })

    it('breaks where the file ends within them, for nothing could be appended there', () => {
      const { image, checkpoint, stated } = checkpointed()
      for (const end of [checkpoint.end - 10, checkpoint.end - 40, checkpoint.offset + 8]) {
        expect(judge(image.file().slice(0, end), stated).judgement).toMatchObject({
          classification: 'tornTail',
          breakOffset: checkpoint.offset,
          logEnd: checkpoint.offset,
        })
      }
      image.raw(new Uint8Array(20).fill(0x5a))
      expect(judge(flipped(image.file(), checkpoint.offset + inHeader), stated).judgement).toMatchObject({
        classification: 'tornTail',
        breakOffset: checkpoint.end,
      })
    })

    it('breaks at whole commits that name another one: there were some', () => {
      const image = new LogImage()
      const [a] = image.rows('a')
      const { end } = image.commit([rowRecord('x')], { previous: { ...image.last, crc: image.last.crc ^ 1 } })
      const checkpoint = image.frame(FrameKind.checkpoint, new Uint8Array(100).fill(7))
      const stated = { watermark: a?.end ?? 0, noCommitBefore: checkpoint.end }
      expect(judge(image.file(), stated).judgement).toMatchObject({
        classification: 'tornTail',
        breakOffset: a?.end,
        brokenRanges: [{ end }],
      })
    })

    it('breaks where frames of a transaction stand before them', () => {
      const image = new LogImage()
      image.rows('a')
      const watermark = image.last.end
      image.several([[rowRecord('b')]], { committed: false })
      const checkpoint = image.frame(FrameKind.checkpoint, new Uint8Array(100).fill(7))
      const { judgement, calls } = judge(flipped(image.file(), checkpoint.offset + inHeader), {
        watermark,
        noCommitBefore: checkpoint.end,
      })
      expect(judgement).toMatchObject({ classification: 'tornTail', breakOffset: watermark, badRanges: [] })
      expect(calls.at(-1)).toBe('rollback')
    })

    it('mends no break before them', () => {
      const { image, checkpoint, stated } = checkpointed()
      const [first] = new LogImage().rows('a')
      const bytes = flipped(image.file(), (first?.offset ?? 0) + inHeader)
      const { judgement } = judge(flipped(bytes, checkpoint.offset + inHeader), stated)
      expect(judgement).toMatchObject({ classification: 'damage', breakOffset: LOG_START, badRanges: [] })
      expect(judgement.brokenRanges.at(-1)).toMatchObject(rangeOf(checkpoint))
    })

    it('takes zeros to the end of the file for its end, and zeros before a commit for bad bytes', () => {
      const { image, nodes, checkpoint, stated } = checkpointed()
      const { offset } = nodes
      const empty = zeroed(image.file(), offset, checkpoint.end)
      const clean = { classification: 'clean', breakOffset: undefined }
      expect(judge(empty, stated).judgement).toMatchObject({ ...clean, logEnd: offset, badRanges: [] })
      image.rows('c')
      const before = zeroed(image.file(), offset, checkpoint.end)
      expect(judge(before, stated).judgement).toMatchObject({
        ...clean,
        transactionsApplied: 3,
        badRanges: [{ offset, end: checkpoint.end }],
      })
    })
  })

  it('says which commit W is the end of', () => {
    const image = new LogImage()
    const [, b, c] = image.rows('a', 'b', 'c')
    for (const watermark of [b?.end ?? 0, (c?.end ?? 0) - 8]) {
      expect(judge(image.file(), { watermark }).judgement.durable.sequence).toBe(2)
    }
  })

  it('checksums at most four times the bytes of a log made to look like overlapping frames, and finds its end', () => {
    // Headers of frames that reach to the end, each inside the payload of the one before it, none of them whole.
    const image = new LogImage()
    const size = 1024 * 1024
    for (let i = 0; i < 500; i++) {
      image.frame(FrameKind.transaction, new Uint8Array(0))
    }
    const heads = image.file()
    const bytes = overwritten(new Uint8Array(size), 0, heads)
    const view = new DataView(bytes.buffer)
    for (let at = LOG_START; at < heads.length; at += 48) {
      view.setUint32(at + 8, size - at - 48, true)
      view.setUint32(at + 44, crc32c(bytes, at, at + 44), true)
    }
    let work = 0
    const checksum: Checksum = (content, start, end, from) => {
      work += end - start
      return crc32c(content, start, end, from)
    }
    expect(judge(bytes, { checksum }).judgement).toMatchObject({
      classification: 'tornTail',
      breakOffset: LOG_START,
    })
    expect(work).toBeLessThan(6 * size)
    expect(work).toBeGreaterThan(size)
  })

  it('throws only what it promises on any change of a sound log, checksums mended or not', () => {
    const image = new LogImage()
    image.rows('a', 'b')
    image.several([[rowRecord('c')], [rowRecord('d')]])
    image.mark(image.last.end)
    const sound = image.file()
    const change = fc.tuple(
      fc.integer({ min: LOG_START, max: sound.length - 1 }),
      fc.integer({ min: 0, max: 255 }),
    )
    const changes = fc.array(change, { minLength: 1, maxLength: 4 })
    const property = fc.property(changes, fc.boolean(), (list, mend) => {
      const bytes = list.reduce((made, [at, value]) => overwritten(made, at, Uint8Array.of(value)), sound)
      if (mend) mendChecksums(bytes, sound)
      try {
        const { judgement } = judge(bytes)
        expect(judgement.transactionsApplied).toBeLessThanOrEqual(3)
      } catch (error) {
        expect(VarveError.is(error), String(error)).toBe(true)
      }
    })
    fc.assert(property, { seed, numRuns: count(1000, 100_000) })
  })
})

/** Makes payload and header checksums of every frame of the sound log agree with what is there now. */
function mendChecksums(bytes: Uint8Array, sound: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const layout = new DataView(sound.buffer)
  for (let at = LOG_START; at + 48 <= sound.length;) {
    const length = layout.getUint32(at + 8, true)
    const stated = Math.min(view.getUint32(at + 8, true), bytes.length - at - 48)
    view.setUint32(at + 12, crc32c(bytes, at + 48, at + 48 + stated), true)
    view.setUint32(at + 44, crc32c(bytes, at, at + 44), true)
    at += Math.ceil((48 + length) / 8) * 8
  }
}
