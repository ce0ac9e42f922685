/** What a replay tells besides the commits: from where it went, and how many bytes of nodes the log holds. */
import { describe, expect, it } from 'vitest'
import { FrameKind } from '../../../src/format/frame.js'
import { type Superblock, SUPERBLOCK_OFFSETS } from '../../../src/format/superblock.js'
import { readFixedBlocks } from '../../../src/log/log-file.js'
import { type ReplayedLog, replayFile } from '../../../src/log/replay.js'
import { runSync } from '../../../src/storage/task.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { storageWith } from '../../corruption/databases.js'
import { flipped, LogImage } from '../../support/log-images.js'

function replay(bytes: Uint8Array): ReplayedLog {
  const file = storageWith({ a: bytes }).open('a', 'read')
  const target = {
    start: () => undefined,
    damagedNode: () => undefined,
    begin: () => undefined,
    record: () => undefined,
    commit: () => undefined,
    rollback: () => undefined,
  }
  return runSync(replayFile(file, crc32c, readFixedBlocks(file, crc32c), target))
}

describe('a replay from the begin of the log', () => {
  const nodes = new Uint8Array(100)

  it('counts the bytes of nodes, of frames too whose payload is damaged', () => {
    const image = new LogImage()
    image.register()
    const { offset } = image.frame(FrameKind.indexNodes, nodes)
    image.rows('a')
    image.frame(FrameKind.indexNodes, nodes)
    const bytes = image.file()
    expect(replay(bytes)).toMatchObject({ nodeBytes: 200, checkpoint: undefined })
    expect(replay(flipped(bytes, offset + 50)).nodeBytes).toBe(200)
    expect(replay(flipped(bytes, offset + 10)).nodeBytes).toBe(100)
  })

  it('does not count nodes behind a break, which are cut off', () => {
    const image = new LogImage()
    image.register()
    image.frame(FrameKind.indexNodes, nodes)
    const { end } = image.rows('a')[0] ?? image.last
    image.raw(new Uint8Array(64).fill(0x5a))
    image.frame(FrameKind.indexNodes, nodes)
    const { judgement, nodeBytes } = replay(image.file({ watermark: end }))
    expect(judgement).toMatchObject({ classification: 'tornTail', breakOffset: end })
    expect(nodeBytes).toBe(100)
  })
})

describe('a replay of a log that ends in a checkpoint with a damaged header', () => {
  const image = new LogImage()
  image.register()
  image.frame(FrameKind.indexNodes, new Uint8Array(100))
  const { offset, end } = image.frame(FrameKind.checkpoint, new Uint8Array(100))
  const named = { checkpoint: offset, checkpointEnd: end }
  const classOf = (live: Partial<Superblock>, older: Partial<Superblock> = {}): string =>
    replay(flipped(image.file(live, older), offset + 20)).judgement.classification

  it('loses nothing by it where the live superblock names it, and its end', () => {
    expect(classOf(named)).toBe('clean')
    expect(classOf({ ...named, checkpointEnd: 0 })).toBe('tornTail')
    expect(classOf({}, named)).toBe('tornTail')
  })

  it('loses the statement with the superblock that made it', () => {
    const bytes = flipped(image.file(named), offset + 20)
    expect(replay(flipped(bytes, SUPERBLOCK_OFFSETS[1] + 40)).judgement.classification).toBe('tornTail')
  })
})
