import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.js'
import type { Checksum } from '../../../src/format/checksum.js'
import { FrameKind, shortGeneration } from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import { judgeLog, type ReplayTarget } from '../../../src/log/judge.js'
import type { Judgement } from '../../../src/log/judgement.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { runSync } from '../../../src/storage/task.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { flipped, GENERATION_ID, LogImage, overwritten, rowRecord } from '../../support/log-images.js'
import { count, seed } from '../../support/counts.js'

interface Replayed {
  readonly judgement: Judgement
  /** What the target was told, in order. */
  readonly calls: readonly string[]
}

function judge(bytes: Uint8Array, options: { watermark?: number; checksum?: Checksum } = {}): Replayed {
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
  const { watermark = 0 } = options
  const judgement = runSync(judgeLog({ ...input, maxEpoch: 9, from: LOG_START, parent, watermark }, target))
  return { judgement, calls }
}

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
