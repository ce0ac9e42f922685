/** What a failed write or sync leaves. */
import { describe, expect, it } from 'vitest'
import { gate, harness, PATH, turn } from './harness.js'
import { FaultyStorage } from '../../support/faulty-storage.js'
import { PowerCutStorage } from '../../support/power-cut-storage.js'
import { workloadPlatform } from '../../support/workload-platform.js'

describe('failures', () => {
  it('a write that fails in the middle of a group keeps exactly the commits whole in the file', async () => {
    for (const short of [1, 300, 700, 'half' as const, 'allButOne' as const]) {
      const { db, storage, reopen } = await harness()
      storage.plan({ operation: 'write', fault: { short, nextError: 'EIO' } })
      const ids = [0, 1, 2, 3, 4, 5]
      const outcomes = await Promise.allSettled(ids.map((id) => db.put('a', { id, text: 'x'.repeat(60) })))
      const kept = outcomes.findIndex(({ status }) => status === 'rejected')
      expect(outcomes.slice(kept).every(({ status }) => status === 'rejected')).toBe(true)
      const rows = ids.slice(0, kept).map((id) => ({ id, text: 'x'.repeat(60) }))
      expect(db.collection('a').range().toArray()).toEqual(rows)
      await db.put('a', { id: 9 })
      await db.close()
      const again = await reopen()
      expect(again.recoveryInfo.classification).toBe('clean')
      expect(again.collection('a').range().toArray()).toEqual([...rows, { id: 9 }])
      await again.close()
    }
  })

  it('out of space leaves reads, and writes once there is space', async () => {
    const { db, storage, reopen } = await harness()
    await db.put('a', { id: 1 })
    storage.spaceLeft = 100
    await expect(db.put('a', { id: 2, text: 'x'.repeat(500) })).rejects.toMatchObject({
      code: 'VARVE_NO_SPACE',
    })
    expect(() => db.collection('a').putSync({ id: 3, text: 'x'.repeat(500) })).toThrow(
      expect.objectContaining({ code: 'VARVE_NO_SPACE' }),
    )
    expect(db.collection('a').range().toArray()).toEqual([{ id: 1 }])
    storage.spaceLeft = undefined
    await db.put('a', { id: 4 })
    await db.close()
    const again = await reopen()
    expect(again.collection('a').range().toArray()).toEqual([{ id: 1 }, { id: 4 }])
    await again.close()
  })

  it('a failed sync poisons: nothing more is written, reads go on, and it says what is unknown', async () => {
    const { db, storage, disk } = await harness()
    await db.put('a', { id: 1 })
    storage.plan({ operation: 'sync', fault: { lose: 'cached' } })
    const first = db.commitSequence + 1
    await expect(db.put('a', { id: 2 })).rejects.toMatchObject({
      code: 'VARVE_POISONED',
      message: expect.stringContaining(`Commits ${first} to ${first}`) as string,
    })
    const { boundary } = disk
    await expect(db.put('a', { id: 3 })).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    await expect(db.transaction(() => undefined)).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    await expect(db.sync()).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    expect(db.get('a', 1)).toEqual({ id: 1 })
    await expect(db.close()).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    await db.close()
    expect(disk.boundary).toBe(boundary)
  })

  it('closing after a background sync failed says so', async () => {
    const { db, storage, clock, reopen } = await harness({ durability: 'interval' })
    await db.sync()
    await db.put('a', { id: 1 })
    storage.plan({ operation: 'sync', fault: { lose: 'cached' } })
    clock.advance(200)
    await turn()
    await expect(db.close()).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    const again = await reopen()
    expect(again.has('a', 1)).toBe(true)
    await again.close()
  })

  it('a close that fails gives the lock back', async () => {
    const { db, storage, reopen } = await harness()
    storage.plan({ operation: 'close', fault: { error: 'EIO' } })
    await expect(db.close()).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    await (await reopen()).close()
  })

  it('a result read from a commit that fails fails with it', async () => {
    const { db, storage } = await harness()
    await db.put('a', { id: 1 })
    storage.plan({ operation: 'write', fault: { error: 'EIO' } })
    const deleted = db.delete('a', 1)
    const deletedAgain = db.delete('a', 1)
    const read = db.transaction((tx) => tx.collection('a').has(1))
    await expect(deleted).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    await expect(deletedAgain).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    await expect(read).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    expect(db.has('a', 1)).toBe(true)
    expect(await db.delete('a', 1)).toBe(true)
    await db.close()
  })

  it('an open transaction built on a commit that fails fails too', async () => {
    const { db, storage } = await harness()
    storage.plan({ operation: 'write', fault: { error: 'EIO' } })
    const { opened, open } = gate()
    const write = db.put('a', { id: 1 })
    const transaction = db.transaction(async (tx) => {
      tx.collection('a').put({ id: 2 })
      await opened
      tx.collection('a').put({ id: 3 })
    })
    await expect(write).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    open()
    await expect(transaction).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    expect(db.count('a')).toBe(0)
    await db.put('a', { id: 4 })
    expect(db.count('a')).toBe(1)
    await db.close()
  })

  it('a blocking write overtakes a large one that is under way', async () => {
    for (const fails of [false, true]) {
      const disk = new PowerCutStorage()
      let hold = Promise.resolve()
      const storage = new FaultyStorage(disk, { asyncTurn: () => hold })
      const { Database } = workloadPlatform()
      const db = await Database.open(PATH, { storage })
      await db.registerCollection('a', [], 'id')
      const { opened, open } = gate()
      hold = opened
      const large = db.put('a', { id: 1, text: 'x'.repeat(200_000) })
      large.catch(() => undefined)
      await turn()
      expect(db.has('a', 1)).toBe(false)
      if (fails) storage.plan({ operation: 'write', fault: { error: 'EIO' } })
      if (fails) {
        const poisoned = expect.objectContaining({ code: 'VARVE_POISONED' })
        expect(() => db.collection('a').putSync({ id: 2 })).toThrow(poisoned)
      } else {
        db.collection('a').putSync({ id: 2 })
        expect(db.count('a')).toBe(2)
        for (let id = 3; id < 8; id++) db.collection('a').putSync({ id, text: 'y'.repeat(50_000) })
      }
      open()
      if (fails) await expect(large).rejects.toMatchObject({ code: 'VARVE_POISONED' })
      else await large
      await db.close().catch(() => undefined)
      const again = await Database.open(PATH, { storage })
      expect(['clean', 'tornTail']).toContain(again.recoveryInfo.classification)
      if (!fails) expect(again.count('a')).toBe(7)
      for (const row of again.collection('a').range()) expect(row['id']).toBeGreaterThan(0)
      await again.close()
    }
  })
})
