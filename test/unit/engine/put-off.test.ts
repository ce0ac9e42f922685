/**
 * Rows that an open puts off: whatever is done first, it is done to the database as it was. The oracle is an open with a cache of nothing, which puts nothing
 * off.
 */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/database.js'
import { StorageError } from '../../../src/errors.js'
import type { OpenOptions } from '../../../src/engine/open.js'
import { fileBytes, openOn, PATH, storageWith } from '../../corruption/databases.js'
import { FaultyStorage } from '../../support/faulty-storage.js'
import { stateOf } from '../../support/model-text.js'
import { verifiesClean } from '../../reader/engine-facts.js'
import { turn } from './harness.js'
import { idOf, killedBehind, ROWS, SOME } from './killed-behind.js'

/** Rows that are new and rows that are replaced, some of them twice. */
async function write(db: Database): Promise<void> {
  for (const n of SOME) await db.put('docs', { id: idOf(n), n: -n })
  for (const n of SOME.slice(0, 40)) await db.put('docs', { id: `${idOf(n)}.`, n })
  for (const n of SOME.slice(0, 20)) await db.put('docs', { id: idOf(n), n: 'twice' })
}

const killed = killedBehind(write)
const PUTS_NOTHING_OFF: OpenOptions = { cacheBytes: 0 }

async function opened(options: OpenOptions = {}): Promise<Database> {
  return openOn(storageWith({ [PATH]: (await killed).bytes }), options)
}

/** What reading does first. */
const READS: Readonly<Record<string, (db: Database) => unknown>> = {
  get: (db) => [db.get('docs', idOf(SOME[0] ?? 0)), db.get('docs', idOf(2)), db.get('docs', 'none')],
  has: (db) => [`${idOf(SOME[0] ?? 0)}.`, 'none'].map((id) => db.collection('docs').has(id)),
  getMany: (db) => db.collection('docs').getMany([idOf(SOME[3] ?? 0), idOf(5), 'none']),
  count: (db) => db.count('docs'),
  range: (db) => [...db.collection('docs').range()],
  'range in reverse': (db) => [...db.collection('docs').range({ reverse: true, limit: 50 })],
  'a query': (db) => [...db.collection('docs').find({ n: 'twice' })],
  'a snapshot': (db) => stateOf(db.snapshot()),
  'a snapshot of the past': (db) => stateOf(db.snapshot({ at: db.stats().commitSequence - 100 })),
  'the history of a row': (db) => [...db.collection('docs').history(idOf(SOME[0] ?? 0))],
  stats: (db) => [db.stats().rows, db.stats().records],
}

/** What writing does first. */
const WRITES: Readonly<Record<string, (db: Database) => unknown>> = {
  'put of a new row': (db) => db.collection('docs').putSync({ id: 'new', n: 1 }),
  'put of a row that was put off': (db) =>
    db.collection('docs').putSync({ id: idOf(SOME[0] ?? 0), n: 'thrice' }),
  'put of another row': (db) => db.put('docs', { id: idOf(2), n: 'two' }),
  insert: (db) => db.insert('docs', { id: 'new', n: 1 }),
  'insert of a row that was put off': (db) =>
    db.insert('docs', { id: `${idOf(SOME[0] ?? 0)}.` }).catch((error: { code: string }) => error.code),
  delete: (db) => db.delete('docs', idOf(SOME[1] ?? 0)),
  'a transaction': (db) =>
    db.transaction((tx) => {
      tx.collection('docs').put({ id: 'a', n: 1 })
      tx.collection('docs').delete(idOf(SOME[2] ?? 0))
    }),
  'a transaction that fails': (db) =>
    db
      .transaction((tx) => {
        tx.collection('docs').delete(idOf(SOME[2] ?? 0))
        throw new RangeError('no')
      })
      .catch((error: Error) => error.message),
  'a collection': (db) => db.registerCollection('more', [], 'id').then(() => 'registered'),
  'an index': (db) =>
    db.registerCollection('docs', [], 'id', { indexes: { byN: { on: 'n' } } }).then(() => 'indexed'),
  'a drop': (db) => db.dropCollection('docs'),
  'a checkpoint': (db) => db.checkpoint(),
  'a compaction': (db) => db.compact().then(() => 'compacted'),
  'a close': (db) => db.close(),
}

describe('rows that an open puts off', () => {
  for (const mode of ['readOnly', 'readWrite'] as const) {
    for (const [name, read] of Object.entries(READS)) {
      it(`${name} first, ${mode}: reads what is there`, async () => {
        const [db, other] = [await opened({ mode }), await opened({ mode, ...PUTS_NOTHING_OFF })]
        expect(read(db)).toEqual(read(other))
        expect(stateOf(db) === (await killed).expected).toBe(true)
        await Promise.all([db.close(), other.close()])
      })
    }
  }

  for (const [name, change] of Object.entries(WRITES)) {
    it(`${name} first: does what it would have done`, async () => {
      const bytes: Uint8Array[] = []
      for (const options of [{}, PUTS_NOTHING_OFF]) {
        const storage = storageWith({ [PATH]: (await killed).bytes })
        const db = openOn(storage, options)
        const result = await change(db)
        if (name !== 'a close') await db.close()
        bytes.push(Buffer.from(`${JSON.stringify(result)} ${stateOf(openOn(storage))}`))
        expect(await verifiesClean(fileBytes(storage))).toBe(true)
      }
      expect(Buffer.compare(bytes[0] ?? new Uint8Array(), bytes[1] ?? new Uint8Array())).toBe(0)
    })
  }

  it('are found by their keys without a node', async () => {
    const db = await opened({ mode: 'readOnly' })
    const misses = (): number => db.stats().cache.nodeMisses
    const before = misses()
    for (const n of SOME) expect(db.get('docs', idOf(n))?.['n']).not.toBe(n)
    expect(misses()).toBe(before)
    // Another one takes its way, and the rest of the trees nothing.
    expect(db.get('docs', idOf(2))?.['n']).toBe(2)
    expect(misses()).toBeLessThan(before + 4)
    await db.close()
  })

  it('are in their trees after some turns of the event loop', async () => {
    for (const mode of ['readOnly', 'readWrite'] as const) {
      const db = await opened({ mode })
      expect(db.stats().index.unstoredBytes).toBe(0)
      for (let i = 0; i < 20; i++) await turn()
      const { unstoredBytes } = db.stats().index
      expect(unstoredBytes).toBeGreaterThan(10_000)
      db.snapshot().close()
      expect(db.stats().index.unstoredBytes).toBe(unstoredBytes)
      await db.close()
    }
  })

  it('make nobody wait who blocks, and those who do not wait for their turn', async () => {
    const db = await opened()
    const later = db.put('docs', { id: 'b', n: 'later' })
    expect(db.get('docs', 'b')).toBeUndefined()
    db.collection('docs').putSync({ id: 'a', n: 'now' })
    expect(db.get('docs', 'b')).toEqual({ id: 'b', n: 'later' })
    await later
    expect(db.count('docs')).toBe(ROWS + 42)
    await db.close()
  })

  it('are left where they are by a close', async () => {
    for (const mode of ['readOnly', 'readWrite'] as const) {
      const storage = storageWith({ [PATH]: (await killed).bytes })
      openOn(storage, { mode }).closeSync()
      for (let i = 0; i < 5; i++) await turn()
      await openOn(storage, { mode }).close()
      const db = openOn(storage)
      expect(stateOf(db) === (await killed).expected).toBe(true)
      await db.close()
    }
  })

  it('are tried again after a read that failed', async () => {
    // So many rows of a leaf that it is read for them.
    const dense = await killedBehind(async (db) => {
      for (const n of [5, 1500]) {
        for (let i = 0; i < 100; i++) await db.put('docs', { id: `${idOf(n)}.${i}`, n: i })
      }
    })
    const storage = new FaultyStorage(storageWith({ [PATH]: dense.bytes }))
    const db = openOn(storage, { mode: 'readOnly' })
    for (const nth of [1, 2]) {
      storage.plan({ operation: 'read', nth, fault: { error: 'EIO' } })
      expect(() => db.snapshot()).toThrow(StorageError)
      expect(db.get('docs', `${idOf(5)}.99`)?.['n']).toBe(99)
    }
    expect(storage.fired).toHaveLength(2)
    storage.heal()
    expect(stateOf(db) === dense.expected).toBe(true)
    await db.close()
  })
})
