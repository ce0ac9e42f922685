/** When commits are visible, and when they are durable. */
import { describe, expect, it } from 'vitest'
import { gate, harness, PATH, turn } from './harness.js'
import { FaultyStorage } from '../../support/faulty-storage.js'
import { PowerCutStorage } from '../../support/power-cut-storage.js'
import { workloadPlatform, type WorkloadPlatform } from '../../support/workload-platform.js'

function idRows(from: number, to: number): { id: number }[] {
  return Array.from({ length: to - from }, (_, i) => ({ id: from + i }))
}

/** So much time in which nobody writes, and turns for what is begun by it. */
async function idle(clock: WorkloadPlatform, ms: number): Promise<void> {
  clock.advance(ms)
  for (let i = 0; i < 20; i++) await turn()
}

describe('durability', () => {
  it('group commit: 64 writes at once share few syncs', async () => {
    const { db, storage } = await harness()
    const before = storage.calls.sync
    await Promise.all(Array.from({ length: 64 }, (_, id) => db.put('a', { id })))
    expect(storage.calls.sync - before).toBeLessThanOrEqual(3)
    expect(db.durableSequence).toBe(db.commitSequence)
    expect(db.count('a')).toBe(64)
  })

  it('writes that arrive while a sync runs share the next one', async () => {
    const disk = new PowerCutStorage()
    let hold = Promise.resolve()
    const storage = new FaultyStorage(disk, { asyncTurn: () => hold })
    const { Database } = workloadPlatform()
    const db = await Database.open(PATH, { storage })
    await db.registerCollection('a', [], 'id')
    const { opened, open } = gate()
    hold = opened
    const first = db.put('a', { id: 0 })
    await turn()
    const before = storage.calls.sync
    const rest = Array.from({ length: 20 }, (_, id) => db.put('a', { id: id + 1 }))
    await turn()
    expect(storage.calls.sync).toBe(before)
    open()
    await Promise.all([first, ...rest])
    expect(storage.calls.sync - before).toBe(1)
    await db.close()
  })

  it('a commit is visible once written, in order (I9), and durable once synced (I10)', async () => {
    const { db } = await harness({ durability: 'os' })
    const start = db.commitSequence
    const seen: number[] = []
    const write = async (id: number): Promise<void> => {
      await db.put('a', { id })
      seen.push(id)
      for (let earlier = 1; earlier <= id; earlier++) expect(db.has('a', earlier)).toBe(true)
    }
    const writes = [1, 2, 3].map(write)
    expect(db.count('a')).toBe(0)
    await Promise.all(writes)
    expect(seen).toEqual([1, 2, 3])
    expect(db.commitSequence).toBe(start + 3)
    expect(db.durableSequence).toBeLessThan(db.commitSequence)
    await db.sync()
    expect(db.durableSequence).toBe(db.commitSequence)
    await db.put('a', { id: 4 })
    db.syncSync()
    expect(db.durableSequence).toBe(db.commitSequence)
    await db.close()
  })

  it('os: never syncs by itself before the end', async () => {
    const { db, storage, clock } = await harness({ durability: 'os' })
    const before = storage.calls.sync
    for (let id = 0; id < 20; id++) await db.put('a', { id })
    db.collection('a').putSync({ id: 99 })
    clock.advance(500)
    await turn()
    expect(storage.calls.sync).toBe(before)
    await db.close()
    expect(storage.calls.sync).toBeGreaterThan(before)
  })

  it('interval: syncs once each interval, and only if there is something', async () => {
    const { db, storage, clock } = await harness({ durability: 'interval', syncIntervalMs: 50 })
    clock.advance(60)
    await turn()
    const before = storage.calls.sync
    await db.put('a', { id: 1 })
    await db.put('a', { id: 2 })
    expect(storage.calls.sync).toBe(before)
    clock.advance(60)
    await turn()
    await turn()
    expect(storage.calls.sync).toBe(before + 1)
    expect(db.durableSequence).toBe(db.commitSequence)
    clock.advance(600)
    await turn()
    expect(storage.calls.sync).toBe(before + 1)
    await db.close()
  })

  it('a background sync starts after many unsynced bytes', async () => {
    const { db, storage } = await harness({ durability: 'os' })
    const before = storage.calls.sync
    for (let id = 0; id < 10; id++) await db.put('a', { id, text: 'x'.repeat(1_000_000) })
    await turn()
    await turn()
    expect(storage.calls.sync).toBeGreaterThan(before)
    expect(db.durableSequence).toBeGreaterThan(0)
    await db.close()
  })

  it('after one idle second a mark carries the watermark', async () => {
    const { db, disk, clock } = await harness()
    await db.put('a', { id: 1 })
    const end = disk.stat(PATH)?.sizeBytes ?? 0
    clock.advance(900)
    expect(disk.stat(PATH)?.sizeBytes).toBe(end)
    clock.advance(200)
    expect(disk.stat(PATH)?.sizeBytes).toBe(end + 64)
    clock.advance(5000)
    expect(disk.stat(PATH)?.sizeBytes).toBe(end + 64)
    // Damage to the very last synced group is damage now, and not a torn tail.
    const image = disk.imageAfter(disk.boundary, 'all')
    const file = image.open(PATH, 'readWrite')
    file.write(new Uint8Array([1, 2, 3]), end - 20)
    const opened = clock.Database.open(PATH, { storage: image, recovery: 'tornTail' })
    await expect(opened).rejects.toMatchObject({ code: 'VARVE_CORRUPTION' })
    await db.put('a', { id: 2 })
    await db.close()
  })

  it('after one idle second what is not stored is, if it takes much of the cache', async () => {
    const { db, clock } = await harness({ cacheBytes: 2 ** 20 })
    await db.insertMany('a', idRows(0, 100))
    await idle(clock, 1100)
    expect(db.stats().index.checkpointSequence).toBeUndefined()
    await db.insertMany('a', idRows(100, 8000))
    await idle(clock, 900)
    expect(db.stats().index.checkpointSequence).toBeUndefined()
    await idle(clock, 200)
    expect(db.stats().index).toMatchObject({ unstoredBytes: 0, checkpointSequence: db.commitSequence })
    await db.close()
  })

  it('a checkpoint of an idle second that fails harms nothing, and is not tried again at once', async () => {
    const { db, disk, storage, clock } = await harness({ durability: 'os', cacheBytes: 2 ** 20 })
    await db.insertMany('a', idRows(0, 8000))
    await idle(clock, 900)
    storage.plan({ operation: 'write', nth: 1, fault: { error: 'EIO' } })
    await idle(clock, 200)
    expect(storage.fired).toHaveLength(1)
    const { boundary } = disk
    await idle(clock, 1100)
    expect(disk.boundary).toBe(boundary)
    expect(db.stats().index.unstoredBytes).toBeGreaterThan(0)
    await db.put('a', { id: 8000 })
    expect(db.count('a')).toBe(8001)
    await db.checkpoint()
    expect(db.stats().index.unstoredBytes).toBe(0)
    await db.close()
  })

  it('no timer is left behind by a closed database', async () => {
    for (const durability of ['commit', 'interval', 'os'] as const) {
      const { db, clock } = await harness({ durability })
      const write = db.put('a', { id: 1 })
      await turn()
      db.closeSync()
      await write
      await turn()
      expect(clock.waiting).toBe(0)
    }
  })
})
