/**
 * Bytes that look like frames and are none of this log: sound checksums in the wrong place, of another file, or of a
 * time that was cut off.
 */
import { describe, expect, it } from 'vitest'
import { FrameKind } from '../../src/format/frame.js'
import { LOG_START } from '../../src/format/header.js'
import { COLLECTION, flipped, LogImage, overwritten, rowRecord, zeroed } from '../support/log-images.js'
import { fileBytes, idsOf, openOn, PATH, storageWith } from './databases.js'

/** What a reader that may read a dirty file finds. */
function read(bytes: Uint8Array): { ids: string[]; classification: string; cut: number[] } {
  const db = openOn(storageWith({ [PATH]: bytes }), { mode: 'readOnly', recovery: 'autoTruncate' })
  const { classification, cutCommits } = db.recoveryInfo
  const found = { ids: idsOf(db), classification, cut: cutCommits.map(({ sequence }) => sequence) }
  db.closeSync()
  return found
}

/** Where the newest checkpoint stands. */
function checkpointOf(bytes: Uint8Array): number {
  const db = openOn(storageWith({ [PATH]: bytes }), { mode: 'readOnly' })
  const { checkpointOffset } = db.recoveryInfo
  db.closeSync()
  return checkpointOffset ?? 0
}

describe('frames at the wrong place (I1)', () => {
  it('does not take a misplaced write for a frame: right content at another offset', () => {
    const image = new LogImage()
    image.register()
    image.rows('a')
    const at = image.end
    image.rows('b')
    const frame = image.file().slice(at)
    // The write went 64 bytes too far, and what it should have overwritten are zeros.
    const misplaced = overwritten(image.file().slice(0, at), at + 64, frame)
    expect(read(misplaced)).toEqual({ ids: ['a'], classification: 'damage', cut: [] })
    expect(read(image.file()).ids).toEqual(['a', 'b'])
  })

  it('does not take a frame that stands twice for two', () => {
    const image = new LogImage()
    image.register()
    const at = image.end
    const commit = image.rows('a')[0]
    image.raw(image.file().slice(at))
    expect(read(image.file({ watermark: commit?.end ?? 0 }))).toEqual({
      ids: ['a'],
      classification: 'tornTail',
      cut: [],
    })
  })

  it('does not take a database stored inside a value for frames, even where the frame around it is damaged', () => {
    const inner = openOn(storageWith({}))
    inner.closeSync()
    const storage = storageWith({})
    const db = openOn(storage, { durability: 'os' })
    db.transactionSync((tx) => tx.registerCollection(COLLECTION, [], 'id'))
    db.collection(COLLECTION).insertSync({ id: 'a' })
    // A copy of itself, so that database and generation are right; at each of the eight alignments.
    const copy = fileBytes(storage)
    const before = copy.length
    for (let shift = 0; shift < 8; shift++) {
      const value = new Uint8Array(shift + copy.length)
      value.set(copy, shift)
      db.collection(COLLECTION).insertSync({ id: `copy ${shift}`, value })
    }
    db.closeSync()
    const whole = fileBytes(storage)
    expect(read(whole).ids).toHaveLength(9)
    // Without its checkpoint, or it would be old damage, that no open meets.
    const checkpointAt = checkpointOf(whole)
    const bytes = overwritten(whole, checkpointAt, new Uint8Array([0]))
    for (let shift = 0; shift < 8; shift++) {
      // Every frame that holds a copy loses its header; nothing inside may take its place.
      const damaged = zeroed(bytes, before, before + 48)
      const found = read(overwritten(damaged, before, new Uint8Array([shift + 1])))
      expect(found.classification).toBe('damage')
      expect(found.ids).toEqual(['a'])
      expect(found.cut.every((sequence) => sequence > 3)).toBe(true)
    }
  })

  it('does not take frames of another generation for its own', () => {
    const image = new LogImage()
    image.register()
    const [a] = image.rows('a')
    image.commit([rowRecord('b')], { generationId: 'ab'.repeat(16) })
    expect(read(image.file({ watermark: a?.end ?? 0 }))).toEqual({
      ids: ['a'],
      classification: 'tornTail',
      cut: [],
    })
  })

  it('does not take a superblock of another file for its own', () => {
    const image = new LogImage()
    image.register()
    image.rows('a')
    const other = new LogImage({ generationId: 'ab'.repeat(16) })
    const bytes = overwritten(
      image.file(),
      8192,
      other.file({ sequence: 99, watermark: 1 << 30 }).slice(8192, LOG_START),
    )
    expect(read(bytes)).toEqual({ ids: ['a'], classification: 'clean', cut: [] })
  })
})

describe('frames of another epoch (I1, I5)', () => {
  /** Commits `a` and `b` of epoch 1; then epoch 2 wrote `a2`, shorter, over `a`, and `b` still stands behind it. */
  function staleBehindRetry(staleEpoch: number): { bytes: Uint8Array; end: number } {
    const image = new LogImage()
    image.register()
    const start = image.last
    const at = image.end
    image.epoch = 2
    const retry = image.commit([rowRecord('a2', 'x')])
    const written = image.file().slice(at)
    // The stale commit even names the retry, so that nothing but its epoch tells.
    image.zeros(64)
    image.commit([rowRecord('b')], { epoch: staleEpoch })
    const bytes = overwritten(image.file({ watermark: start.end, epoch: 2 }, { epoch: 2 }), at, written)
    return { bytes, end: retry.end }
  }

  it('keeps stale frames of a failed batch dead behind a shorter retry', () => {
    const { bytes, end } = staleBehindRetry(1)
    expect(read(bytes)).toEqual({ ids: ['a2'], classification: 'tornTail', cut: [] })
    const storage = storageWith({ [PATH]: bytes })
    const db = openOn(storage)
    expect(db.recoveryInfo.breakOffset).toBe(end)
    db.closeSync()
    // The control: of the same epoch they would live.
    expect(read(staleBehindRetry(2).bytes)).toEqual({ ids: ['a2', 'b'], classification: 'clean', cut: [] })
  })

  it('does not believe frames of an epoch that no superblock names', () => {
    const image = new LogImage()
    image.register()
    const [a] = image.rows('a')
    image.commit([rowRecord('b')], { epoch: 7 })
    const bytes = image.file({ watermark: a?.end ?? 0, epoch: 1 })
    expect(read(bytes)).toEqual({ ids: ['a'], classification: 'tornTail', cut: [] })
  })

  it('believes them where a superblock is damaged, which may have named them', () => {
    const image = new LogImage()
    image.register()
    image.epoch = 2
    image.rows('a')
    const bytes = flipped(image.file({ epoch: 2 }, { epoch: 1 }), 8192 + 100)
    expect(read(bytes)).toEqual({ ids: ['a'], classification: 'clean', cut: [] })
    // And the next session's epoch is above them.
    const storage = storageWith({ [PATH]: bytes })
    const db = openOn(storage)
    db.collection(COLLECTION).insertSync({ id: 'b' })
    db.closeSync()
    expect(read(fileBytes(storage)).ids).toEqual(['a', 'b'])
    const frame = new DataView(fileBytes(storage).buffer, image.end)
    expect(frame.getUint32(32, true)).toBe(3)
  })

  it('lets W count only where it is at most its own frame’s offset', () => {
    const image = new LogImage()
    image.register()
    const [a] = image.rows('a')
    image.mark(image.end + 4096)
    expect(read(image.file({ watermark: a?.end ?? 0 }))).toEqual({
      ids: ['a'],
      classification: 'clean',
      cut: [],
    })
  })

  it('lets W of frames that are not believed not count', () => {
    const image = new LogImage()
    image.register()
    const [a] = image.rows('a')
    const durable = { watermark: LOG_START, watermarkSequence: 0, epoch: 1 }
    const stale = { epoch: 9, offset: image.end }
    image.frame(FrameKind.mark, new Uint8Array(16), stale)
    image.mark(a?.end ?? 0, { epoch: 9 })
    const bytes = flipped(image.file(durable), (a?.offset ?? 0) + 60)
    expect(read(bytes).classification).toBe('tornTail')
  })
})
