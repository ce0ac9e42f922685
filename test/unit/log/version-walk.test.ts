/** Walks through logs made by hand whose checksums hold but whose content lies. */
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.js'
import { COMMIT_BLOCK_BYTES, type CommitBlock } from '../../../src/format/commit.js'
import { FRAME_HEADER_BYTES, FrameKind } from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import { viewOf } from '../../../src/format/integers.js'
import { Operation } from '../../../src/format/record.js'
import { TXN_BEGIN_BYTES } from '../../../src/format/txn-begin.js'
import type { CommitPosition } from '../../../src/log/commit-position.js'
import { everyLife, presentLife, type VersionQuery, type VersionWalk } from '../../../src/log/version-walk.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { COLLECTION_ID, LogImage, type RecordSpec, rowRecord } from '../../support/log-images.js'

const KEY = rowRecord('a')
/** From a commit's frame to its only record; in a transaction of several frames, from the begin to the first one. */
const TO_RECORD: number = FRAME_HEADER_BYTES + COMMIT_BLOCK_BYTES

const row = (previous = 0): RecordSpec => ({ ...rowRecord('a'), previous })
const gone = (): RecordSpec => ({ ...KEY, operation: Operation.delete, value: new Uint8Array(0) })

function queryOf(image: LogImage, checksum = crc32c): VersionQuery {
  const file = new MemoryStorage().open('walked', 'create')
  file.write(image.file(), 0)
  const { key, collectionId } = KEY
  return { log: { file, checksum, header: image.header }, commit: image.last, collectionId, key }
}

/** Sequences found, the newest first, and the offset where it ended in an error. */
function walk(versions: VersionWalk): {
  found: number[]
  error: string | undefined
  offset: number | undefined
} {
  const found: number[] = []
  try {
    for (const version of versions) if (version !== undefined) found.push(version.sequence)
    return { found, error: undefined, offset: undefined }
  } catch (error) {
    if (!VarveError.is(error, 'VARVE_CORRUPTION')) throw error
    return { found, error: error.message, offset: error.details.offset }
  }
}

/** By back pointers from the record at a position; its length and checksum as they are. */
function pointers(image: LogImage, position: number, wrong: { crc?: number; lengthBytes?: number } = {}) {
  const query = queryOf(image)
  const { log } = query
  const head = new Uint8Array(4)
  log.file.read(head, position)
  const crc = wrong.crc ?? viewOf(head).getUint32(0, true)
  const lengthBytes = wrong.lengthBytes ?? 14 + 1 + 3 + KEY.key.length + KEY.value.length
  return walk(presentLife(query, { position, crc, lengthBytes }))
}

const commits = (image: LogImage): ReturnType<typeof walk> => walk(everyLife(queryOf(image)))

const recordOf = ({ offset }: CommitPosition): number => offset + TO_RECORD

describe('back pointers', () => {
  it('lead from version to version', () => {
    const image = new LogImage()
    const one = image.commit([row()])
    image.rows('b')
    const two = image.commit([row(recordOf(one))])
    const three = image.commit([row(recordOf(two))])
    expect(pointers(image, recordOf(three))).toMatchObject({ found: [4, 3, 1], error: undefined })
  })

  it('are refused where they lead to anything but an older version', () => {
    const image = new LogImage()
    const [other] = image.rows('b')
    const mark = image.mark(LOG_START)
    const elsewhere = image.commit([{ ...row(), collectionId: COLLECTION_ID + 1 }])
    const one = image.commit([row()])
    const self = image.end + TO_RECORD
    const wrong: [number, string][] = [
      [recordOf(other ?? one), 'another row'],
      [recordOf(elsewhere), 'another row'],
      [self, 'a previous version before it'],
      [self + 8, 'a previous version before it'],
      [LOG_START - 8, 'within the log'],
      [5, 'within the log'],
      [mark.offset + FRAME_HEADER_BYTES, 'the distance to its frame'],
      // Into the commit block, whose bytes are no record.
      [one.offset + FRAME_HEADER_BYTES, 'the distance to its frame'],
    ]
    for (const [previous, what] of wrong) {
      const bad = new LogImage()
      const [b] = bad.rows('b')
      bad.mark(LOG_START)
      bad.commit([{ ...row(), collectionId: COLLECTION_ID + 1 }])
      bad.commit([row()])
      const last = bad.commit([row(previous)])
      expect(b).toEqual(other)
      const { found, error } = pointers(bad, recordOf(last))
      expect({ previous, found }).toEqual({ previous, found: [4] })
      expect(error).toContain(what)
    }
  })

  it('are refused where the frame of a version is not of this file, this place or this time', () => {
    const lies = [
      { generationId: '11'.repeat(16) },
      { offset: LOG_START + 8 },
      { epoch: 2 },
      { sequence: 9 },
      { block: (block: CommitBlock) => void (block.sequence = 7) },
    ]
    for (const lie of lies) {
      const image = new LogImage()
      const one = image.commit([row()], lie)
      const two = image.commit([row(recordOf(one))], { sequence: 3, previous: one })
      expect(pointers(image, recordOf(two))).toMatchObject({ found: [3], offset: one.offset })
    }
  })

  it('begin at the record that the index knows', () => {
    const image = new LogImage()
    const one = image.commit([row()])
    const position = recordOf(one)
    expect(pointers(image, position)).toMatchObject({ found: [1] })
    expect(pointers(image, position, { crc: 5 })).toMatchObject({ found: [], offset: position })
    expect(pointers(image, position, { lengthBytes: 9 })).toMatchObject({ found: [], offset: position })
  })

  it('do not lead into a transaction without its commit', () => {
    const pointed = (make: (image: LogImage) => void): ReturnType<typeof walk> => {
      const image = new LogImage()
      make(image)
      const last = image.commit([row(LOG_START + TO_RECORD)])
      return pointers(image, recordOf(last))
    }
    expect(pointed((image) => image.several([[row()], [rowRecord('b')]])).found).toHaveLength(2)
    const wrong: ((image: LogImage) => void)[] = [
      (image) => image.several([[row()]], { committed: false }),
      (image) => {
        image.several([[row()]], { committed: false })
        image.mark(LOG_START)
      },
      (image) => {
        image.several([[row()]], { committed: false })
        image.several([[rowRecord('b')]])
      },
      (image) => image.several([[row()]], { block: (block) => void (block.begin = image.end) }),
      (image) => image.several([[row()]], { block: (block) => void (block.sequence = 9) }),
    ]
    for (const make of wrong) {
      const { found, error } = pointed(make)
      expect(found).toHaveLength(1)
      expect(error).toBeDefined()
    }
  })

  it('check a frame once, however many of its records they pass', () => {
    const image = new LogImage()
    const length = 14 + 1 + 3 + KEY.key.length + KEY.value.length
    const drafts = Array.from({ length: 50 }, (_, i) =>
      row(i === 0 ? 0 : LOG_START + TO_RECORD + (i - 1) * length),
    )
    image.commit(drafts)
    let payloads = 0
    const query = queryOf(image, (bytes, start, end, seed) => {
      if (end - start > COMMIT_BLOCK_BYTES + length) payloads += 1
      return crc32c(bytes, start, end, seed)
    })
    const position = LOG_START + TO_RECORD + 49 * length
    const crc = viewOf(image.file()).getUint32(position, true)
    expect(walk(presentLife(query, { position, crc, lengthBytes: length })).found).toEqual([1])
    expect(payloads).toBe(1)
  })
})

describe('a walk from commit to commit', () => {
  it('finds every life, over anything that is of no commit', () => {
    const image = new LogImage()
    image.mark(LOG_START)
    image.commit([row()])
    image.raw(new Uint8Array(64).fill(7))
    image.several([[gone()], [rowRecord('b')]])
    image.frame(FrameKind.indexNodes, new Uint8Array(300_000))
    image.rows('b', 'c')
    image.several([[rowRecord('b')], [row()], [rowRecord('c'), row()]])
    image.mark(LOG_START)
    expect(commits(image)).toMatchObject({ found: [5, 2, 1], error: undefined })
  })

  it('knows no version of what was never there', () => {
    const image = new LogImage()
    image.commit([row(), gone()])
    image.commit([gone(), row(), gone()])
    image.several([[row()], [gone()]])
    expect(commits(image).found).toEqual([2])
  })

  it('ends where the chain does not hold, after what is newer', () => {
    const lies: ((image: LogImage, one: CommitPosition) => unknown)[] = [
      (image, one) => image.commit([row()], { previous: { ...one, crc: 1 } }),
      (image, one) => image.commit([row()], { previous: { ...one, sequence: 0, offset: one.offset } }),
      (image, one) => image.commit([row()], { previous: { ...one, offset: one.offset + 8 } }),
      (image, one) => image.commit([row()], { previous: { ...one, offset: one.offset - 8 } }),
      (image) =>
        image.commit([row()], { previous: { sequence: 1, time: 0, offset: 1e9, crc: 0, end: 0, epoch: 0 } }),
      (image) => {
        const { offset } = image.mark(LOG_START)
        return image.commit([row()], { previous: { sequence: 1, time: 0, offset, crc: 0, end: 0, epoch: 0 } })
      },
    ]
    for (const lie of lies) {
      const image = new LogImage()
      const one = image.commit([row()])
      lie(image, one)
      const { found, error } = commits(image)
      expect(found).toEqual([2])
      expect(error).toBeDefined()
    }
  })

  it('refuses a commit that names itself, or a later one', () => {
    const image = new LogImage()
    const one = image.commit([row()])
    image.commit([row()], { previous: { ...one, sequence: 2 } })
    expect(commits(image)).toMatchObject({ found: [], offset: one.end })
  })

  it('takes a transaction only with all its frames', () => {
    const lies: ((block: CommitBlock) => void)[] = [
      (block) => void (block.frames += 1),
      (block) => void (block.framesCrc += 1),
      (block) => void (block.begin += TXN_BEGIN_BYTES + FRAME_HEADER_BYTES),
      (block) => void (block.begin += 8),
      (block) => void (block.begin = 1e9),
      (block) => void (block.sequence += 1),
    ]
    for (const block of lies) {
      const image = new LogImage()
      image.rows('b')
      image.several([[rowRecord('c')], [row()]], { block })
      expect(commits(image)).toMatchObject({ found: [] })
      expect(commits(image).error).toBeDefined()
    }
  })

  it('refuses a frame that reaches into the next, and one of a later epoch', () => {
    const image = new LogImage()
    image.epoch = 3
    const one = image.commit([row()])
    image.epoch = 2
    image.commit([row()])
    expect(commits(image)).toMatchObject({ found: [2], offset: one.offset })
    const short = new LogImage()
    const first = short.commit([row()])
    short.commit([row()])
    const query = { ...queryOf(short), commit: { ...first, end: first.end - 8 } }
    expect(walk(everyLife(query))).toMatchObject({ found: [], offset: first.offset })
  })
})
