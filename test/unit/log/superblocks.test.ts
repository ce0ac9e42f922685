import { beforeEach, describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.js'
import { SUPERBLOCK_OFFSETS } from '../../../src/format/superblock.js'
import {
  FENCE_SPAN_BYTES,
  readSuperblocks,
  type Slot,
  SuperblockWriter,
} from '../../../src/log/superblocks.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { runSync } from '../../../src/storage/task.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { LogImage } from '../../support/log-images.js'

let file: StorageFile

beforeEach(() => {
  file = new MemoryStorage().open('a', 'create')
  file.write(new LogImage().file(), 0)
})

function writer(): SuperblockWriter {
  const { live, liveSlot } = readSuperblocks(file, crc32c)
  if (live === undefined || liveSlot === undefined) throw new TypeError('a live superblock')
  return new SuperblockWriter(file, crc32c, live, liveSlot)
}

const damage = (slot: Slot): void => void file.write(new Uint8Array([9]), SUPERBLOCK_OFFSETS[slot] + 200)
const fence = (): Uint8Array => {
  const bytes = new Uint8Array(FENCE_SPAN_BYTES)
  file.read(bytes, SUPERBLOCK_OFFSETS[0])
  return bytes
}

describe('the superblocks', () => {
  it('the one with the higher sequence is live', () => {
    expect(readSuperblocks(file, crc32c)).toMatchObject({ liveSlot: 1, live: { sequence: 2 } })
    damage(1)
    expect(readSuperblocks(file, crc32c)).toMatchObject({ liveSlot: 0, live: { sequence: 1 } })
    damage(0)
    expect(readSuperblocks(file, crc32c)).toMatchObject({ liveSlot: undefined, live: undefined })
  })

  it.each([0, 1] as const)('writes over the invalid one, slot %d, and never over the live one', (slot) => {
    damage(slot)
    runSync(writer().write({ epoch: 9 }))
    expect(readSuperblocks(file, crc32c)).toMatchObject({ liveSlot: slot, live: { epoch: 9 } })
  })

  it('writes over the older one by turns, one sequence after the other, and keeps what does not change', () => {
    const superblocks = writer()
    for (const [expected, slot] of [
      [3, 0],
      [4, 1],
      [5, 0],
    ] as const) {
      runSync(superblocks.write({ watermark: expected * 8 }))
      expect(readSuperblocks(file, crc32c)).toMatchObject({
        liveSlot: slot,
        live: { sequence: expected, epoch: 1, watermark: expected * 8 },
      })
    }
  })

  it('holds its fence until anyone writes either slot', () => {
    for (const changed of [0, 1] as const) {
      const superblocks = writer()
      runSync(superblocks.write({ epoch: superblocks.live.epoch + 1 }))
      expect(superblocks.fenceHolds(fence())).toBe(true)
      const other = writer()
      runSync(other.write({ epoch: other.live.epoch + 1, sessionId: 'ab'.repeat(16) }))
      if (changed === 1) runSync(other.write({}))
      expect(superblocks.fenceHolds(fence())).toBe(false)
    }
  })

  it('refuses to wrap the epoch around', () => {
    const superblocks = writer()
    runSync(superblocks.write({ epoch: 0xffff_ffff }))
    const before = fence()
    let error: unknown
    try {
      runSync(superblocks.write({ epoch: 0x1_0000_0000 }))
    } catch (thrown) {
      error = thrown
    }
    expect(VarveError.is(error, 'VARVE_LIMIT')).toBe(true)
    expect(fence()).toEqual(before)
  })
})
