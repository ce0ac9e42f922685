/**
 * Which checkpoint an open starts from: those that superblocks name and those before them, newest first; a scan where one of
 * them cannot be read; never one behind a damaged node, none twice.
 */
import { describe, expect, it } from 'vitest'
import { type Checkpoint, encodeCheckpoint } from '../../../src/format/checkpoint.js'
import { FrameKind, shortGeneration } from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import {
  type CheckpointedLog,
  CheckpointFinder,
  type FoundCheckpoint,
  readCheckpoint,
  scanForCheckpoints,
} from '../../../src/log/checkpoints.js'
import { runSync } from '../../../src/storage/task.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { storageWith } from '../../corruption/databases.js'
import { EMPTY_CHECKPOINT } from '../../support/checkpoint-samples.js'
import { flipped, type FrameOverrides, GENERATION_ID, LogImage, zeroed } from '../../support/log-images.js'

function logOf(bytes: Uint8Array, changes: Partial<CheckpointedLog> = {}): CheckpointedLog {
  const file = storageWith({ a: bytes }).open('a', 'read')
  const generation = shortGeneration(GENERATION_ID)
  return { file, checksum: crc32c, generation, maxEpoch: 1, to: bytes.length, ...changes }
}

/** Appends a checkpoint of the last commit; returns its offset. */
function add(image: LogImage, changes: Partial<Checkpoint> = {}, overrides: FrameOverrides = {}): number {
  const { sequence, time, offset, crc, end, epoch } = image.last
  const ofLast = { sequence, time, commitOffset: offset, commitEnd: end, commitCrc: crc, commitEpoch: epoch }
  const checkpoint: Checkpoint = { ...EMPTY_CHECKPOINT, ...ofLast, replayFrom: end, ...changes }
  return image.frame(FrameKind.checkpoint, encodeCheckpoint(checkpoint), overrides).offset
}

/** Three checkpoints with commits and index nodes between them; each names the one before it. */
function three(): { image: LogImage; offsets: readonly [number, number, number] } {
  const image = new LogImage()
  image.register()
  const a = add(image)
  image.rows('a', 'b')
  image.frame(FrameKind.indexNodes, new Uint8Array(100))
  const b = add(image, { previous: a })
  image.rows('c')
  const c = add(image, { previous: b })
  image.rows('d')
  return { image, offsets: [a, b, c] }
}

/** The offsets that a finder gives, in order, until it has none left; `before` is told each before the next is asked for. */
function given(
  finder: CheckpointFinder,
  before: (found: FoundCheckpoint) => void = () => undefined,
): number[] {
  const offsets: number[] = []
  for (let found = runSync(finder.next()); found !== undefined; found = runSync(finder.next())) {
    offsets.push(found.offset)
    if (offsets.length > 20) throw new Error('The finder does not end.')
    before(found)
  }
  return offsets
}

describe('the finder of checkpoints', () => {
  it('gives what superblocks name and what these name, the newest first, none twice', () => {
    const { image, offsets } = three()
    const [a, b, c] = offsets
    const log = logOf(image.file())
    expect(given(new CheckpointFinder(log, [c, b], true))).toEqual([c, b, a])
    expect(given(new CheckpointFinder(log, [b, c], true))).toEqual([c, b, a])
    expect(given(new CheckpointFinder(log, [c, c], true))).toEqual([c, b, a])
    expect(given(new CheckpointFinder(log, [0, b], true))).toEqual([b, a])
  })

  it('gives what a checkpoint says, and where its frame ends', () => {
    const { image, offsets } = three()
    const [, b, c] = offsets
    const found = runSync(new CheckpointFinder(logOf(image.file()), [c, 0], true).next())
    expect(found).toMatchObject({ offset: c, checkpoint: { sequence: 4, previous: b } })
    expect(found?.end).toBe(image.last.offset)
  })

  it('gives none where none is named, and does not read the log for it', () => {
    const { image } = three()
    const log = logOf(image.file())
    log.file.read = () => {
      throw new Error('read')
    }
    expect(given(new CheckpointFinder(log, [0, 0], true))).toEqual([])
  })

  it('gives the older one if the newest cannot be read, and only then what a scan meets', () => {
    const { image, offsets } = three()
    const [a, b, c] = offsets
    const unnamed = add(image)
    const bytes = flipped(image.file(), c + 60)
    expect(given(new CheckpointFinder(logOf(bytes), [c, b], true))).toEqual([b, a, unnamed])
    // Nothing named can be read: the scan gives the others, newest first.
    expect(given(new CheckpointFinder(logOf(bytes), [c, 0], true))).toEqual([unnamed, b, a])
  })

  it('scans if a predecessor cannot be read', () => {
    const { image, offsets } = three()
    const [a, b, c] = offsets
    const bytes = zeroed(image.file(), b, b + 48)
    expect(given(new CheckpointFinder(logOf(bytes), [c, c], true))).toEqual([c, a])
  })

  it('scans if a superblock could not be read, behind what the other one names', () => {
    const { image, offsets } = three()
    const [a, b, c] = offsets
    const log = logOf(image.file())
    expect(given(new CheckpointFinder(log, [b], false))).toEqual([b, a, c])
    expect(given(new CheckpointFinder(log, [], false))).toEqual([c, b, a])
  })

  it('passes over every checkpoint behind a damaged node, named or scanned', () => {
    const { image, offsets } = three()
    const [a, b, c] = offsets
    const log = logOf(image.file())
    const finder = new CheckpointFinder(log, [c, b], true)
    expect(given(finder, () => finder.passOver(b - 20))).toEqual([c, a])
    const scanning = new CheckpointFinder(log, [], false)
    expect(given(scanning, () => scanning.passOver(b - 20))).toEqual([c, a])
    const twice = new CheckpointFinder(log, [c, b], true)
    twice.passOver(LOG_START)
    twice.passOver(c + 1000)
    expect(given(twice)).toEqual([])
  })

  it('ends over checkpoints that name each other round in circles', () => {
    const image = new LogImage()
    image.register()
    const a = add(image)
    const b = add(image, { previous: a })
    // One that names itself, and one that names a later one, are not believed.
    const self = add(image, { previous: image.end })
    const later = add(image, { previous: image.end + 8 })
    expect(given(new CheckpointFinder(logOf(image.file()), [self, later], true))).toEqual([b, a])
  })
})

describe('a checkpoint', () => {
  const image = new LogImage()
  image.register()
  const good = add(image)

  it('is read where its frame is, and nowhere else', () => {
    const log = logOf(image.file())
    expect(readCheckpoint(log, good)?.checkpoint.sequence).toBe(1)
    for (const offset of [0, LOG_START - 8, LOG_START, good + 4, good + 8, good + 2 ** 40]) {
      expect(readCheckpoint(log, offset), String(offset)).toBeUndefined()
    }
  })

  it('is not read with any byte of its frame changed', () => {
    const bytes = image.file()
    // Padding is no part of what is checked.
    const end = good + 48 + encodeCheckpoint(EMPTY_CHECKPOINT).length
    for (let at = good; at < end; at++) {
      expect(readCheckpoint(logOf(flipped(bytes, at, at % 8)), good), String(at)).toBeUndefined()
    }
  })

  it.each([
    ['of another generation', { generationId: '77'.repeat(16) }],
    ['of an epoch above the live superblock’s', { epoch: 2 }],
    ['with flags', { flags: 1 }],
    ['with something of replaced records', { replaced: 1 }],
    ['that states another offset', { offset: LOG_START }],
  ])('is not read in a frame %s', (_what, overrides) => {
    const other = new LogImage()
    other.register()
    const offset = add(other, {}, overrides)
    expect(readCheckpoint(logOf(other.file()), offset)).toBeUndefined()
  })

  it.each<[string, Partial<Checkpoint>]>([
    ['a replay from before the log', { commitEnd: LOG_START - 8, replayFrom: LOG_START - 8 }],
    ['a replay from no multiple of 8', { replayFrom: good - 4 }],
    ['a replay from behind itself', { replayFrom: 2 ** 40 }],
    ['a replay from before the end of its commit', { replayFrom: LOG_START }],
    ['a commit that does not begin before it ends', { commitOffset: good }],
    ['a predecessor behind itself', { previous: 2 ** 40 }],
  ])('is not believed with %s', (_what, changes) => {
    const other = new LogImage()
    other.register()
    const offset = add(other, changes)
    expect(offset).toBe(good)
    expect(readCheckpoint(logOf(other.file()), offset)).toBeUndefined()
  })

  it('is believed with a replay from its own frame, and of the state before any commit', () => {
    const other = new LogImage()
    const before = add(other, { sequence: 0, commitOffset: 999_999 })
    other.register()
    const after = add(other, { replayFrom: other.end })
    const log = logOf(other.file())
    expect(readCheckpoint(log, before)?.checkpoint).toMatchObject({ sequence: 0, replayFrom: LOG_START })
    expect(readCheckpoint(log, after)?.checkpoint.replayFrom).toBe(after)
  })

  it('is not read where the log ends before it does', () => {
    const bytes = image.file()
    for (const to of [good + 40, good + 48, bytes.length - 8]) {
      expect(readCheckpoint(logOf(bytes, { to }), good), String(to)).toBeUndefined()
      expect(readCheckpoint(logOf(bytes.slice(0, to)), good), String(to)).toBeUndefined()
    }
  })

  it('costs no memory for a length that is not there', () => {
    const other = new LogImage()
    other.register()
    const { offset } = other.frame(FrameKind.checkpoint, new Uint8Array(80))
    const bytes = other.file()
    const view = new DataView(bytes.buffer)
    view.setUint32(offset + 8, 0xffff_fff0, true)
    view.setUint32(offset + 44, crc32c(bytes, offset, offset + 44), true)
    expect(readCheckpoint(logOf(bytes), offset)).toBeUndefined()
    // A file that claims to be as long does not make it so.
    expect(readCheckpoint(logOf(bytes, { to: 2 ** 40 }), offset)).toBeUndefined()
  })
})

describe('a scan for checkpoints', () => {
  it('meets all that are whole, in their order, behind bad bytes too', () => {
    const { image, offsets } = three()
    const [a, b, c] = offsets
    const bytes = image.file()
    expect(runSync(scanForCheckpoints(logOf(bytes)))).toEqual([a, b, c])
    expect(runSync(scanForCheckpoints(logOf(zeroed(bytes, LOG_START, a))))).toEqual([a, b, c])
    expect(runSync(scanForCheckpoints(logOf(flipped(bytes, b + 10))))).toEqual([a, c])
    expect(runSync(scanForCheckpoints(logOf(bytes, { to: c })))).toEqual([a, b])
  })

  it('does not meet one of a lower epoch than a frame before it', () => {
    const image = new LogImage()
    image.register()
    const stale = { epoch: 1 }
    image.epoch = 2
    image.rows('a')
    add(image, {}, stale)
    const fresh = add(image)
    expect(runSync(scanForCheckpoints(logOf(image.file(), { maxEpoch: 2 })))).toEqual([fresh])
  })
})
