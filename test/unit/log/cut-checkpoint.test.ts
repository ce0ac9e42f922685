/** A cut before the frame of the checkpoint that an open started from takes the checkpoint with it, and what it points at. */
import { describe, expect, it } from 'vitest'
import { readFixedBlocks } from '../../../src/log/log-file.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { crc32c } from '../../../native-free/crc32c.js'
import {
  databaseOn,
  fileBytes,
  fixedPlatform,
  openOn,
  PATH,
  storageWith,
} from '../../corruption/databases.js'
import { CHECKPOINT_KIND, framesOf } from '../../reader/mended.js'
import { flipped } from '../../support/log-images.js'

const key = (n: number): string => `${'long '.repeat(140)}${String(n).padStart(4, '0')}`

/** Commits stand between the commit that the checkpoint describes and its frame. */
async function commitsBetween(): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const db = await databaseOn(fixedPlatform(storage, { checkpointSliceBytes: 1 })).open(PATH)
  await db.registerCollection('rows', [], 'id')
  await db.transaction((tx) => {
    for (let n = 0; n < 26; n++) tx.collection('rows').put({ id: key(n) })
  })
  const taken = db.checkpoint()
  for (let n = 100; n < 105; n++) db.collection('rows').insertSync({ id: key(n) })
  await taken
  await db.close()
  return fileBytes(storage)
}

describe('a cut before the frame of a checkpoint', () => {
  it('serves what is left, and names no checkpoint behind the cut', async () => {
    const bytes = await commitsBetween()
    const frames = framesOf(bytes)
    const checkpoint = frames.findLast(({ kind }) => kind === CHECKPOINT_KIND)?.at ?? 0
    const commits = frames.filter(({ kind, at }) => kind === 1 && at < checkpoint)
    expect(commits.length).toBeGreaterThan(3)
    for (const [i, { at }] of commits.entries()) {
      const storage = storageWith({ [PATH]: flipped(bytes, at + 60) })
      const db = openOn(storage, { recovery: 'autoTruncate' })
      const { breakOffset } = db.recoveryInfo
      if (breakOffset === undefined) {
        db.closeSync()
        continue
      }
      expect(breakOffset).toBe(at)
      const file = storage.open(PATH, 'read')
      const { live } = readFixedBlocks(file, crc32c).superblocks
      file.close()
      expect(live?.checkpoint).toBeLessThanOrEqual(at)
      expect(live?.checkpointEnd).toBeLessThanOrEqual(at)
      expect(db.collection('rows').range().toArray()).toHaveLength(26 + i - 2)
      db.collection('rows').insertSync({ id: 'new' })
      db.closeSync()
      const again = openOn(storage, { recovery: 'strict' })
      expect(again.recoveryInfo.classification).toBe('clean')
      expect(again.collection('rows').range().toArray()).toHaveLength(26 + i - 1)
      again.closeSync()
    }
  })
})
