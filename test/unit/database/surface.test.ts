/** The surface of an open database: every method in every state, collections, snapshots, storages, options. */
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/index.js'
import type { Database as AnyDatabase } from '../../../src/database.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { temporaryDirectory } from '../../support/temporary-directory.js'
import { gate, harness, PATH, turn } from '../engine/harness.js'

const code = (text: string): Error => expect.objectContaining({ code: text }) as Error

const READS: Record<string, (db: AnyDatabase) => unknown> = {
  collection: (db) => db.collection('a'),
  collectionNames: (db) => db.collectionNames(),
  get: (db) => db.get('a', 1),
  has: (db) => db.has('a', 1),
  count: (db) => db.count('a'),
  snapshot: (db) => db.snapshot().close(),
  stats: (db) => db.stats(),
}
const SYNC_WRITES: Record<string, (db: AnyDatabase) => unknown> = {
  insertSync: (db) => db.collection('a').insertSync({ id: 10 }),
  putSync: (db) => db.collection('a').putSync({ id: 11 }),
  updateSync: (db) => db.collection('a').updateSync(1, { x: 1 }),
  deleteSync: (db) => db.collection('a').deleteSync(11),
  insertManySync: (db) => db.collection('a').insertManySync([{ id: 12 }]),
  updateWhereSync: (db) => db.collection('a').updateWhereSync({ id: 12 }, { n: 1 }),
  deleteWhereSync: (db) => db.collection('a').deleteWhereSync({ id: 12 }),
  transactionSync: (db) => db.transactionSync(() => 1),
  syncSync: (db) => db.syncSync(),
}
const WRITES: Record<string, (db: AnyDatabase) => Promise<unknown>> = {
  insert: (db) => db.insert('a', { id: 20 }),
  put: (db) => db.put('a', { id: 21 }),
  update: (db) => db.update('a', 1, { x: 2 }),
  delete: (db) => db.delete('a', 21),
  insertMany: (db) => db.insertMany('a', [{ id: 22 }]),
  transaction: (db) => db.transaction(() => 1),
  registerCollection: (db) => db.registerCollection('b', [], 'id'),
  renameCollection: (db) => db.renameCollection('b', 'c'),
  dropCollection: (db) => db.dropCollection('c'),
  sync: (db) => db.sync(),
}

describe('every method in every state', () => {
  it('open', async () => {
    const { db } = await harness()
    await db.put('a', { id: 1 })
    for (const read of Object.values(READS)) expect(() => read(db)).not.toThrow()
    for (const write of Object.values(SYNC_WRITES)) expect(() => write(db)).not.toThrow()
    for (const write of Object.values(WRITES)) await expect(write(db)).resolves.not.toBeInstanceOf(Error)
    await db.close()
  })

  it('closed', async () => {
    const { db } = await harness()
    const a = db.collection('a')
    const range = a.range()
    await db.close()
    const closed = code('VARVE_CLOSED')
    for (const read of Object.values(READS)) expect(() => read(db)).toThrow(closed)
    for (const write of Object.values(SYNC_WRITES)) expect(() => write(db)).toThrow(closed)
    for (const write of Object.values(WRITES)) await expect(write(db)).rejects.toThrow(closed)
    expect(() => a.get(1)).toThrow(closed)
    expect(() => a.putSync({ id: 1 })).toThrow(closed)
    await expect(a.put({ id: 1 })).rejects.toThrow(closed)
    expect(() => a.range()).toThrow(closed)
    expect([...range]).toEqual([])
    await db.close()
    db.closeSync()
    expect(db.path).toBe(PATH)
  })

  it('read-only', async () => {
    const { db, disk, reopen } = await harness()
    await db.put('a', { id: 1 })
    await db.close()
    const { boundary } = disk
    const reader = await reopen({ mode: 'readOnly' })
    expect(reader.mode).toBe('readOnly')
    const readOnly = code('VARVE_READ_ONLY')
    for (const read of Object.values(READS)) expect(() => read(reader)).not.toThrow()
    for (const write of Object.values(SYNC_WRITES)) expect(() => write(reader)).toThrow(readOnly)
    for (const write of Object.values(WRITES)) await expect(write(reader)).rejects.toThrow(readOnly)
    await reader.close()
    expect(disk.boundary).toBe(boundary)
    await expect(reopen({ mode: 'readOnly', storage: new MemoryStorage() })).rejects.toThrow(
      code('VARVE_NOT_FOUND'),
    )
  })

  it('poisoned', async () => {
    const { db, storage } = await harness()
    await db.put('a', { id: 1 })
    storage.plan({ operation: 'sync', fault: { error: 'EIO' } })
    const poisoned = code('VARVE_POISONED')
    await expect(db.put('a', { id: 2 })).rejects.toThrow(poisoned)
    for (const read of Object.values(READS)) expect(() => read(db)).not.toThrow()
    for (const write of Object.values(SYNC_WRITES)) expect(() => write(db)).toThrow(poisoned)
    for (const write of Object.values(WRITES)) await expect(write(db)).rejects.toThrow(poisoned)
    expect(() => db.closeSync()).toThrow(poisoned)
    await db.close()
  })
})

describe('close', () => {
  it('waits for pending commits and those that wait for their turn, and closes snapshots', async () => {
    const { db, reopen } = await harness()
    const snapshot = db.snapshot()
    const { opened, open } = gate()
    const transaction = db.transaction(async (tx) => {
      await opened
      tx.collection('a').put({ id: 1 })
    })
    const waiting = [db.put('a', { id: 2 }), db.insertMany('a', [{ id: 3 }])]
    const closing = db.close()
    await expect(db.put('a', { id: 4 })).rejects.toThrow(code('VARVE_CLOSED'))
    const second = db.close()
    open()
    await Promise.all([transaction, ...waiting, closing, second])
    expect(() => snapshot.collection('a')).toThrow(code('VARVE_CLOSED'))
    const again = await reopen({ recovery: 'strict' })
    expect(again.collection('a').range().toArray()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
    await again.close()
  })
})

describe('collections', () => {
  it('registering is idempotent, applies safe changes, and refuses breaking ones', async () => {
    const { db, reopen } = await harness()
    const fields = [{ path: ['n'], type: 'int' as const }]
    await db.registerCollection('c', fields, 'id')
    const sequence = db.commitSequence
    await db.registerCollection('c', fields, 'id')
    expect(db.commitSequence).toBe(sequence)
    const breaking = code('VARVE_SCHEMA')
    await expect(db.registerCollection('c', fields, 'other')).rejects.toThrow(breaking)
    await expect(db.registerCollection('c', [{ path: ['n'], type: 'string' }], 'id')).rejects.toThrow(
      breaking,
    )
    const required = [...fields, { path: ['m'], type: 'int' as const }]
    await expect(db.registerCollection('c', required, 'id')).rejects.toThrow(breaking)
    const optional = [...fields, { path: ['m'], type: 'int' as const, optional: true }]
    await db.registerCollection('c', optional, 'id')
    await expect(db.put('c', { id: 1, n: 1, m: 'no' })).rejects.toThrow(code('VARVE_VALIDATION'))
    await db.put('c', { id: 1, n: 1, m: 2 })
    await db.close()
    const again = await reopen()
    const now = again.commitSequence
    await again.registerCollection('c', optional, 'id')
    expect(again.commitSequence).toBe(now)
    await expect(again.put('c', { id: 1, n: 1, m: 'no' })).rejects.toThrow(code('VARVE_VALIDATION'))
    await again.close()
  })

  it('rename keeps the rows, drop loses them, and a name can be used again', async () => {
    const { db, reopen } = await harness()
    await db.put('a', { id: 1, shape: 1 })
    await db.registerCollection('other', [], 'id')
    await expect(db.renameCollection('a', 'other')).rejects.toThrow(code('VARVE_SCHEMA'))
    await db.renameCollection('a', 'b')
    expect(() => db.collection('a')).toThrow(code('VARVE_SCHEMA'))
    expect(db.get('b', 1)).toEqual({ id: 1, shape: 1 })
    expect(await db.dropCollection('other')).toBe(true)
    expect(await db.dropCollection('other')).toBe(false)
    await db.registerCollection('other', [], 'key')
    await db.put('other', { key: 'x', form: 2 })
    await db.close()
    const again = await reopen({ recovery: 'strict' })
    expect(again.collectionNames()).toEqual(['b', 'other'])
    expect(again.get('b', 1)).toEqual({ id: 1, shape: 1 })
    expect(again.get('other', 'x')).toEqual({ key: 'x', form: 2 })
    expect(await again.dropCollection('b')).toBe(true)
    await again.close()
    const last = await reopen({ recovery: 'strict' })
    expect(last.collectionNames()).toEqual(['other'])
    await last.close()
  })

  it('a write called behind the registration of its collection finds it', async () => {
    const { db } = await harness()
    const [, key] = await Promise.all([db.registerCollection('c', [], 'id'), db.put('c', { id: 1 })])
    expect(key).toBe(1)
    await Promise.all([db.registerCollection('d', [], 'id'), db.dropCollection('d')])
    expect(db.collectionNames()).toEqual(['a', 'c'])
    await db.close()
  })
})

describe('snapshots', () => {
  it('never change (I15), and refuse use when closed', async () => {
    const { db } = await harness()
    await db.insertMany('a', [{ id: 1 }, { id: 2 }])
    const snapshot = db.snapshot()
    const iterator = snapshot.collection('a').range()[Symbol.iterator]()
    iterator.next()
    await db.delete('a', 2)
    await db.put('a', { id: 3 })
    await db.dropCollection('a')
    expect(iterator.next().value).toEqual({ id: 2 })
    expect(snapshot.collectionNames()).toEqual(['a'])
    expect(snapshot.collection('a').range().toArray()).toEqual([{ id: 1 }, { id: 2 }])
    expect(snapshot.collection('a').count()).toBe(2)
    expect(db.stats().snapshots).toBe(1)
    const reader = snapshot.collection('a')
    snapshot.close()
    snapshot.close()
    expect(db.stats().snapshots).toBe(0)
    for (const use of [() => reader.get(1), () => reader.count(), () => snapshot.collectionNames()]) {
      expect(use).toThrow(code('VARVE_CLOSED'))
    }
    await db.close()
  })
})

describe('where a database lives', () => {
  it('in memory', async () => {
    const db = Database.openInMemory()
    await db.registerCollection('a', [], 'id')
    await db.put('a', { id: 1 })
    expect([db.path, db.mode, db.count('a')]).toEqual([':memory:', 'readWrite', 1])
    await db.close()
    await expect(Database.open(':memory:')).rejects.toThrow('openInMemory')
  })

  it('in any storage, one handle at a time, removed with what belongs to it', async () => {
    const storage = new MemoryStorage()
    const db = await Database.open('x', { storage })
    await expect(Database.open('x', { storage })).rejects.toThrow(code('VARVE_LOCKED'))
    await expect(Database.remove('x', { storage })).rejects.toThrow(code('VARVE_LOCKED'))
    await db.close()
    const readers = [
      await Database.open('x', { storage, mode: 'readOnly' }),
      Database.openSync('x', { storage, mode: 'readOnly' }),
    ]
    await expect(Database.open('x', { storage })).rejects.toThrow(code('VARVE_LOCKED'))
    for (const reader of readers) await reader.close()
    expect(await Database.remove('x', { storage })).toBe(true)
    expect(storage.siblings('')).toEqual([])
    expect(await Database.remove('x', { storage })).toBe(false)
    await expect(Database.open('x', { storage, create: false })).rejects.toThrow(code('VARVE_NOT_FOUND'))
  })

  it('options that cannot be meant are refused, and so are those that do not exist', async () => {
    const storage = new MemoryStorage()
    const wrong: object[] = [
      { mode: 'write' },
      { recovery: 'maybe' },
      { durability: 'never' },
      { syncIntervalMs: -1 },
      { maxTransactionBytes: Number.NaN },
      { cacheBytes: -1 },
      { cacheBytes: Number.POSITIVE_INFINITY },
      { lock: { waitMs: 'long' } },
      { durabilty: 'os' },
    ]
    for (const options of wrong) {
      await expect(Database.open('x', { storage, ...options })).rejects.toThrow(code('VARVE_ARGUMENT'))
      expect(() => Database.openSync('x', { storage, ...options })).toThrow(code('VARVE_ARGUMENT'))
    }
    const undefineds = {
      mode: undefined,
      recovery: undefined,
      durability: undefined,
      lock: undefined,
      signal: undefined,
    }
    await (await Database.open('x', { storage, ...undefineds })).close()
  })
})

describe('the event loop', () => {
  it('has its turns while 100,000 rows are inserted', async () => {
    const directory = temporaryDirectory()
    const db = await Database.open(directory.file('large.varve'))
    await db.registerCollection('a', [], 'id')
    const seen = { turns: 0, done: false }
    const count = async (): Promise<void> => {
      for (; !seen.done; seen.turns++) await turn()
    }
    const counting = count()
    const rows = function* (): Generator<{ id: number; name: string }> {
      for (let id = 0; id < 100_000; id++) yield { id, name: `row ${id}` }
    }
    await db.insertMany('a', rows())
    seen.done = true
    await counting
    expect(db.count('a')).toBe(100_000)
    expect(seen.turns).toBeGreaterThan(5)
    await db.close()
    directory.remove()
  })
})
