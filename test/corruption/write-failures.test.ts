/**
 * Writes and syncs that fail under a database, and files that are no longer its own: what stays, in memory and in the
 * file, is the same and was acknowledged; what was reported failed is gone.
 */
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.js'
import type { Database } from '../../src/database.js'
import type { Storage } from '../../src/storage/storage.js'
import { FaultyStorage } from '../support/faulty-storage.js'
import { COLLECTION } from '../support/log-images.js'
import { PowerCutStorage } from '../support/power-cut-storage.js'
import {
  caught,
  expectSameBytes,
  fileBytes,
  idsOf,
  listing,
  openOn,
  PATH,
  putFile,
  rejection,
  storageWith,
} from './databases.js'

function opened(storage: Storage, options: Parameters<typeof openOn>[1] = {}): Database {
  const db = openOn(storage, options)
  db.transactionSync((tx) => tx.registerCollection(COLLECTION, [], 'id'))
  db.collection(COLLECTION).insertSync({ id: 'first' })
  return db
}

function expectReopens(storage: Storage, ids: readonly string[]): void {
  const db = openOn(storage, { recovery: 'strict' })
  expect(idsOf(db)).toEqual(ids)
  db.collection(COLLECTION).insertSync({ id: 'zz' })
  db.closeSync()
  const again = openOn(storage, { mode: 'readOnly', recovery: 'strict' })
  expect(idsOf(again)).toEqual([...ids, 'zz'])
  again.closeSync()
}

describe('a write that fails in the middle of a group', () => {
  const group = Array.from({ length: 8 }, (_, i) => `row ${i}`)

  /** Eight inserts share a write, of which `kept` bytes reach the file; returns which of them were acknowledged. */
  async function failAfter(
    kept: number,
    error: string,
  ): Promise<{ storage: Storage; db: Database; kept: string[] }> {
    const storage = new FaultyStorage(storageWith({}))
    const db = opened(storage)
    storage.plan({ operation: 'write', path: PATH, fault: { short: kept, nextError: error } })
    const settled = await Promise.allSettled(
      group.map((id) => db.collection(COLLECTION).insert({ id, text: 'x'.repeat(50) })),
    )
    storage.heal()
    const states = settled.map(({ status }) => status)
    const failed = states.indexOf('rejected')
    expect(states.lastIndexOf('fulfilled')).toBeLessThan(failed < 0 ? 8 : failed)
    for (const one of settled) if (one.status === 'rejected') expect(VarveError.is(one.reason)).toBe(true)
    return { storage, db, kept: group.filter((_, i) => states[i] === 'fulfilled') }
  }

  it('(I8) leaves file and memory at the end of the same commit: the file is not cut after T5 but memory rolled back before T1', async () => {
    const outcomes = new Set<number>()
    for (let bytes = 1; bytes < 1800; bytes += 61) {
      const { storage, db, kept } = await failAfter(bytes, bytes % 2 === 0 ? 'EIO' : 'ENOSPC')
      outcomes.add(kept.length)
      expect(idsOf(db)).toEqual(['first', ...kept])
      const next = db.commitSequence
      await db.insert(COLLECTION, { id: 'tail' })
      expect(db.commitSequence).toBeGreaterThan(next)
      await db.close()
      expectReopens(storage, ['first', ...kept, 'tail'])
    }
    expect([...outcomes]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].slice(0, outcomes.size))
    expect(outcomes.size).toBeGreaterThan(6)
  })

  it('loses no acknowledged commit when the power fails afterwards', async () => {
    const disk = new PowerCutStorage()
    const storage = new FaultyStorage(disk)
    const db = opened(storage)
    storage.plan({ operation: 'write', path: PATH, fault: { short: 900, nextError: 'EIO' } })
    const settled = await Promise.allSettled(
      group.map((id) => db.insert(COLLECTION, { id, text: 'x'.repeat(50) })),
    )
    const kept = group.filter((_, i) => settled[i]?.status === 'fulfilled')
    expect(kept.length).toBeGreaterThan(2)
    for (const choice of ['none', 'all'] as const) {
      const after = openOn(disk.imageAfter(disk.boundary, choice), { recovery: 'tornTail' })
      expect(idsOf(after)).toEqual(['first', ...kept])
      after.closeSync()
    }
    await db.close()
  })

  it('poisons the writer where what is whole cannot be read back, and settles every write', async () => {
    const storage = new FaultyStorage(storageWith({}))
    const db = opened(storage)
    storage.plan({ operation: 'write', path: PATH, fault: { short: 900, nextError: 'EIO' } })
    const inserts = Promise.allSettled(group.map((id) => db.insert(COLLECTION, { id, text: 'x'.repeat(50) })))
    // The fence is read before the write; every read after the write fails.
    storage.plan({ operation: 'read', path: PATH, nth: 2, times: 50, fault: { error: 'EIO' } })
    const settled = await inserts
    storage.heal()
    const refused = settled.filter((one) => one.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused) expect(VarveError.is(reason, 'VARVE_POISONED')).toBe(true)
    const ids = idsOf(db)
    const acknowledged = group.filter((_, i) => settled[i]?.status === 'fulfilled')
    expect(ids).toEqual(expect.arrayContaining(acknowledged))
    await rejection(db.close())
    const again = openOn(storage, { recovery: 'tornTail' })
    expect(idsOf(again)).toEqual(expect.arrayContaining(['first', ...acknowledged]))
    again.closeSync()
  })
})

describe('no space', () => {
  it('leaves reads working, and writes too once there is space', async () => {
    const storage = new FaultyStorage(storageWith({}))
    const db = opened(storage)
    storage.spaceLeft = 300_000
    const ids = ['first']
    let refusal: unknown
    for (let i = 100; refusal === undefined; i++) {
      refusal = await rejection(db.insert(COLLECTION, { id: `r${i}`, text: 'x'.repeat(20_000) }))
      if (refusal === undefined) ids.push(`r${i}`)
    }
    expect(VarveError.is(refusal, 'VARVE_NO_SPACE')).toBe(true)
    expect(ids.length).toBeGreaterThan(10)
    expect(idsOf(db)).toEqual(ids)
    expect(
      VarveError.is(
        await rejection(db.insert(COLLECTION, { id: 'r998', text: 'x'.repeat(20_000) })),
        'VARVE_NO_SPACE',
      ),
    ).toBe(true)
    storage.spaceLeft = undefined
    await db.insert(COLLECTION, { id: 'r999', text: 'x'.repeat(20_000) })
    await db.close()
    expectReopens(storage, [...ids, 'r999'])
  })

  it('for zeros laid ahead is no failure', async () => {
    const storage = new FaultyStorage(storageWith({}))
    const db = opened(storage)
    await db.insert(COLLECTION, { id: 'fills what is laid ahead', text: 'x'.repeat(255_000) })
    storage.spaceLeft = 10_000
    await db.insert(COLLECTION, { id: 'second', text: 'x'.repeat(6000) })
    await db.close()
    expectReopens(storage, ['fills what is laid ahead', 'first', 'second'])
  })
})

describe('a failed sync', () => {
  it('(I7) poisons the writer: not a byte is written after it, and zeros laid ahead are not cut', async () => {
    const storage = new FaultyStorage(storageWith({}))
    const db = opened(storage)
    storage.plan({ operation: 'sync', path: PATH, fault: { error: 'EIO' } })
    const error = await rejection(db.insert(COLLECTION, { id: 'unknown' }))
    expect(VarveError.is(error, 'VARVE_POISONED')).toBe(true)
    expect(String(error)).toContain('may or may not be durable')
    const before = listing(storage)
    const { write, truncate, sync, rename } = storage.calls
    for (const attempt of [
      () => db.insert(COLLECTION, { id: 'later' }),
      () => db.transaction((tx) => tx.collection(COLLECTION).insert({ id: 'later' })),
      () => db.sync(),
    ]) {
      expect(VarveError.is(await rejection(attempt()), 'VARVE_POISONED')).toBe(true)
    }
    expect(
      VarveError.is(
        caught(() => db.collection(COLLECTION).insertSync({ id: 'x' })),
        'VARVE_POISONED',
      ),
    ).toBe(true)
    expect(idsOf(db)).toEqual(['first', 'unknown'])
    await rejection(db.close())
    expect(listing(storage)).toEqual(before)
    expect(storage.calls).toMatchObject({ write, truncate, sync, rename })
    expectReopens(storage, ['first', 'unknown'])
  })

  it('is not repeated by a second one that lies: after an unclean open, bytes from W on are written again and synced before the first append', async () => {
    const disk = new PowerCutStorage()
    const storage = new FaultyStorage(disk)
    const db = opened(storage)
    storage.plan({ operation: 'sync', path: PATH, fault: { lose: 'cached' } })
    expect(
      VarveError.is(await rejection(db.insert(COLLECTION, { id: 'lost pages' })), 'VARVE_POISONED'),
    ).toBe(true)
    await rejection(db.close())
    // The cache shows the commit; the disk does not have it, and no sync of clean pages brings it there.
    const without = openOn(disk.imageAfter(disk.boundary, 'none'), { recovery: 'tornTail' })
    expect(idsOf(without)).toEqual(['first'])
    without.closeSync()

    const before = disk.boundary
    const again = openOn(storage)
    const begun = disk.log
      .slice(before)
      .filter((operation) => operation.kind === 'write' || operation.kind === 'sync')
    const [rewrite, sync] = begun
    expect(begun.map(({ kind }) => kind)).toEqual(['write', 'sync', 'write', 'sync'])
    expect(rewrite).toMatchObject({ path: PATH })
    expect(sync).toMatchObject({ path: PATH })
    expect(idsOf(again)).toEqual(['first', 'lost pages'])
    again.collection(COLLECTION).insertSync({ id: 'next' })
    const after = openOn(disk.imageAfter(disk.boundary, 'none'), { recovery: 'tornTail' })
    expect(idsOf(after)).toEqual(['first', 'lost pages', 'next'])
    after.closeSync()
    again.closeSync()
  })
})

describe('a file that is no longer this writer’s (I6)', () => {
  /** A second handle that no lock keeps out: another wrapper around the same storage. */
  const thief = (storage: Storage): Storage => new FaultyStorage(storage)

  async function expectStopped(storage: Storage, db: Database): Promise<void> {
    const before = listing(storage)
    const error = await rejection(db.insert(COLLECTION, { id: 'mine' }))
    expect(VarveError.is(error, 'VARVE_POISONED')).toBe(true)
    expect(
      VarveError.is(
        caught(() => db.collection(COLLECTION).insertSync({ id: 'mine' })),
        'VARVE_POISONED',
      ),
    ).toBe(true)
    await db.close()
    expect(listing(storage)).toEqual(before)
  }

  it('stops it: a backup moved over the live path', async () => {
    const storage = storageWith({})
    const db = opened(storage)
    putFile(storage, 'backup', fileBytes(storage))
    storage.rename('backup', PATH)
    await expectStopped(storage, db)
  })

  it('stops it: the path removed', async () => {
    const storage = storageWith({})
    const db = opened(storage)
    storage.remove(PATH)
    await expectStopped(storage, db)
  })

  it('stops it: a backup copied over the live file', async () => {
    const storage = storageWith({})
    opened(storage).closeSync()
    const backup = fileBytes(storage)
    const db = openOn(storage)
    db.collection(COLLECTION).insertSync({ id: 'b' })
    const file = storage.open(PATH, 'readWrite')
    file.write(backup, 0)
    file.close()
    await expectStopped(storage, db)
  })

  it('stops it: a thief that opened it, before it wrote anything', async () => {
    const storage = storageWith({})
    const db = opened(storage)
    const other = openOn(thief(storage))
    await expectStopped(storage, db)
    other.closeSync()
  })

  it('stops it: a thief that writes into the zeros laid ahead', async () => {
    const storage = storageWith({})
    const db = opened(storage)
    const size = fileBytes(storage).length
    const other = openOn(thief(storage))
    other.collection(COLLECTION).insertSync({ id: 'theirs' })
    expect(fileBytes(storage)).toHaveLength(size)
    await expectStopped(storage, db)
    other.closeSync()
    expectReopens(storage, ['first', 'theirs'])
  })

  it('stops it: bytes appended behind its back', async () => {
    const storage = storageWith({})
    const db = opened(storage)
    const file = storage.open(PATH, 'readWrite')
    file.write(new Uint8Array([1]), file.size())
    file.close()
    await expectStopped(storage, db)
  })
})

describe('an aborted transaction’s shape', () => {
  it('is logged with the next row that uses it', async () => {
    const storage = storageWith({})
    const db = opened(storage)
    const aborted = db.transaction((tx) => {
      tx.collection(COLLECTION).insert({ id: 'gone', shape: 1, of: 2, its: 3, own: 4 })
      throw new Error('no')
    })
    expect(String(await rejection(aborted))).toContain('no')
    const row = { id: 'kept', shape: 'a', of: 'b', its: 'c', own: 'd' }
    await db.insert(COLLECTION, row)
    await db.close()
    const again = openOn(storage)
    expect(again.get(COLLECTION, 'kept')).toEqual(row)
    again.closeSync()
    expectSameBytes(fileBytes(storage).slice(0, 6), Uint8Array.from([0x89, 0x56, 0x41, 0x52, 0x56, 0x45]))
  })

  it('is logged again after a write that failed, a savepoint that was undone, and a collection that never was', async () => {
    const storage = new FaultyStorage(storageWith({}))
    const db = opened(storage)
    storage.plan({ operation: 'write', path: PATH, fault: { short: 10, nextError: 'EIO' } })
    expect(VarveError.is(await rejection(db.insert(COLLECTION, { id: 'x', s1: 1, s2: 2, s3: 3 })))).toBe(true)
    storage.heal()
    const rows = [
      { id: 'k1', s1: 'a', s2: 'b', s3: 'c' },
      { id: 'k2', p1: 1, p2: 2, p3: [3] },
      { id: 'k3', q1: 1, q2: 2, q3: 3 },
    ]
    await db.transaction((tx) => {
      const undone = caught(() =>
        tx.savepoint(() => {
          tx.collection(COLLECTION).insert({ id: 'y', p1: 0, p2: 0, p3: 0 })
          throw new Error('undo')
        }),
      )
      expect(String(undone)).toContain('undo')
      for (const row of rows.slice(0, 2)) tx.collection(COLLECTION).insert(row)
    })
    const never = db.transaction((tx) => {
      tx.registerCollection('other', [], 'id')
      tx.collection('other').insert({ id: 'z', q1: 5, q2: 6, q3: 7 })
      throw new Error('never')
    })
    expect(String(await rejection(never))).toContain('never')
    await db.registerCollection('third', [], 'id')
    await db.insert('third', rows[2] ?? {})
    await db.close()
    const again = openOn(storage, { recovery: 'strict' })
    expect(again.get(COLLECTION, 'k1')).toEqual(rows[0])
    expect(again.get(COLLECTION, 'k2')).toEqual(rows[1])
    expect(again.get('third', 'k3')).toEqual(rows[2])
    again.closeSync()
  })
})
