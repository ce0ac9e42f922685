/**
 * Rows that an open defers: whatever is done first, it is done to the database as it was. The oracle is an open with a cache of nothing, which defers
 * nothing.
 */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/database.js'
import { StorageError } from '../../../src/errors.js'
import type { OpenOptions } from '../../../src/engine/open.js'
import type { Snapshot } from '../../../src/snapshot.js'
import { LOG_START } from '../../../src/format/header.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import type { Platform } from '../../../src/storage/platform.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { fileBytes, openOn, PATH, putFile, storageWith } from '../../corruption/databases.js'
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
const DEFERS_NOTHING: OpenOptions = { cacheBytes: 0 }

/** Timers that fire. */
const setTimer: Platform['setTimer'] = (fn, ms) => {
  const timer = setTimeout(fn, ms)
  return { cancel: () => clearTimeout(timer) }
}

async function opened(options: OpenOptions = {}): Promise<Database> {
  return openOn(storageWith({ [PATH]: (await killed).bytes }), options, { setTimer })
}

/** So many rows of two leaves that these are read for them; and another collection. */
const dense = killedBehind(async (db) => {
  await db.registerCollection('others', [], 'id')
  for (const n of [5, 1500]) {
    for (let i = 0; i < 100; i++) await db.put('docs', { id: `${idOf(n)}.${i}`, n: i })
  }
})

/** A file of which nothing behind its fixed blocks can be read while it fails. */
class Unreadable extends MemoryStorage {
  fails = false

  override open(...how: Parameters<MemoryStorage['open']>): StorageFile {
    const file = super.open(...how)
    const read = file.read.bind(file)
    file.read = (target, position) => {
      if (this.fails && position >= LOG_START) throw new StorageError('unreadable', { path: PATH })
      return read(target, position)
    }
    return file
  }
}

async function openedUnreadable(
  options: OpenOptions = {},
): Promise<{ readonly db: Database; readonly inner: Unreadable; readonly storage: FaultyStorage }> {
  const inner = new Unreadable()
  putFile(inner, PATH, (await dense).bytes)
  const storage = new FaultyStorage(inner)
  const db = openOn(storage, options)
  inner.fails = true
  return { db, inner, storage }
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
  'put of a row that was deferred': (db) =>
    db.collection('docs').putSync({ id: idOf(SOME[0] ?? 0), n: 'thrice' }),
  'put of another row': (db) => db.put('docs', { id: idOf(2), n: 'two' }),
  insert: (db) => db.insert('docs', { id: 'new', n: 1 }),
  'insert of a row that was deferred': (db) =>
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

describe('rows that an open defers', () => {
  for (const mode of ['readOnly', 'readWrite'] as const) {
    for (const [name, read] of Object.entries(READS)) {
      it(`${name} first, ${mode}: reads what is there`, async () => {
        const [db, other] = [await opened({ mode }), await opened({ mode, ...DEFERS_NOTHING })]
        expect(read(db)).toEqual(read(other))
        expect(stateOf(db) === (await killed).expected).toBe(true)
        await Promise.all([db.close(), other.close()])
      })
    }
  }

  for (const [name, change] of Object.entries(WRITES)) {
    it(`${name} first: does what it would have done`, async () => {
      const bytes: Uint8Array[] = []
      for (const options of [{}, DEFERS_NOTHING]) {
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
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1))
      const { unstoredBytes } = db.stats().index
      expect(unstoredBytes).toBeGreaterThan(10_000)
      expect(db.count('docs', { gte: idOf(0) })).toBe(ROWS + 40)
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

  describe('what is kept before their tree is made', () => {
    const WAYS: Readonly<Record<string, (db: Database, kept: Snapshot) => unknown>> = {
      'in the background': () => new Promise((resolve) => setTimeout(resolve, 30)),
      'by what is kept': (_, kept) => kept.collection('docs').count({ gte: 'a' }),
      'by a reader': (db) => db.count('docs', { gte: 'a' }),
      'by a write': (db) => db.collection('docs').putSync({ id: idOf(1), n: 1 }),
      'by a checkpoint': (db) => db.checkpoint(),
    }
    for (const [name, make] of Object.entries(WAYS)) {
      it(`does not change when it is made ${name}, and rows are written (I15, I21)`, async () => {
        const db = await opened()
        const kept = db.snapshot()
        await make(db, kept)
        for (let round = 0; round < 3; round++) {
          for (let n = 0; n < ROWS; n += 7)
            db.collection('docs').putSync({ id: idOf(n), n: `round ${round}` })
        }
        expect(stateOf(kept) === (await killed).expected).toBe(true)
        kept.close()
        await db.close()
      })
    }

    it('is what a range goes through while its rows are replaced', async () => {
      const db = await opened()
      const docs = db.collection('docs')
      let seen = 0
      for (const row of docs.range()) {
        docs.putSync({ ...row, seen: true })
        seen++
      }
      expect([seen, docs.count({ gte: 'a' })]).toEqual([ROWS + 40, 0])
      expect([...docs.find({ seen: true })]).toHaveLength(ROWS + 40)
      await db.close()
    })

    it('is what a compaction begins with while rows are replaced', async () => {
      const storage = storageWith({ [PATH]: (await killed).bytes })
      const db = openOn(storage, {}, { setTimer })
      const docs = db.collection('docs')
      const compaction = db.compact()
      for (let n = 0; n < ROWS; n += 5) await docs.put({ id: idOf(n), n: 'meanwhile' })
      await compaction
      expect([...docs.find({ n: 'meanwhile' })]).toHaveLength(ROWS / 5)
      const expected = stateOf(db)
      await db.close()
      expect(stateOf(openOn(storage)) === expected).toBe(true)
      expect(await verifiesClean(fileBytes(storage))).toBe(true)
    })
  })

  it('go into their trees little by little where there is no room for all of them', async () => {
    for (const cacheBytes of [1024, 32 * 1024, 128 * 1024]) {
      const db = await opened({ cacheBytes })
      expect(stateOf(db) === (await killed).expected).toBe(true)
      await db.close()
    }
  })

  it('are tried again after a read that failed', async () => {
    const { db, inner } = await openedUnreadable({ mode: 'readOnly' })
    for (let i = 0; i < 2; i++) {
      expect(() => db.count('docs', { gte: 'a' })).toThrow(StorageError)
      inner.fails = false
      expect(db.get('docs', `${idOf(5)}.99`)?.['n']).toBe(99)
      inner.fails = true
    }
    inner.fails = false
    expect(stateOf(db) === (await dense).expected).toBe(true)
    await db.close()
  })

  it('cost nothing that was acknowledged when a write fails while their tree cannot be made (I30)', async () => {
    const { db, storage, inner } = await openedUnreadable()
    const others = db.collection('others')
    storage.plan({ operation: 'write', fault: { error: 'ENOSPC' } })
    expect(() => others.putSync({ id: 'refused' })).toThrow(StorageError)
    others.putSync({ id: 'one' })
    await db.put('others', { id: 'two' })
    inner.fails = false
    others.putSync({ id: 'three' })
    const copy = storageWith({ [PATH]: fileBytes(inner) })
    const killedAgain = openOn(copy)
    expect(killedAgain.recoveryInfo.classification).toBe('clean')
    expect([...killedAgain.collection('others').range()]).toEqual([...others.range()])
    expect(others.count()).toBe(3)
    expect(stateOf(killedAgain)).toBe(stateOf(db))
    await Promise.all([db.close(), killedAgain.close()])
  })

  it('let a transaction that needs their tree in vain roll back, and others go on', async () => {
    const { db, inner } = await openedUnreadable()
    for (let i = 0; i < 2; i++) {
      const run = db.transaction((tx) => {
        tx.collection('others').put({ id: 'rolled back' })
        tx.collection('docs').put({ id: `${idOf(5)}.99`, n: 'never' })
      })
      await expect(run).rejects.toThrow(StorageError)
    }
    const dropped = db.transaction((tx) => {
      tx.dropCollection('docs')
      throw new RangeError('undone')
    })
    await expect(dropped).rejects.toThrow(RangeError)
    await db.put('others', { id: 'kept' })
    inner.fails = false
    expect([...db.collection('others').range()]).toEqual([{ id: 'kept' }])
    expect(db.count('docs')).toBe(ROWS + 200)
    await db.close()
  })

  it('keep a checkpoint from being taken, with an error, and a close from nothing', async () => {
    const { db, inner } = await openedUnreadable()
    await expect(db.checkpoint()).rejects.toThrow(StorageError)
    const snapshot = db.snapshot()
    expect(snapshot.collection('others').count()).toBe(0)
    await db.put('others', { id: 'kept' })
    await expect(db.checkpoint()).rejects.toThrow(StorageError)
    await db.close()
    inner.fails = false
    const again = openOn(inner)
    expect([again.count('docs'), again.count('others')]).toEqual([ROWS + 200, 1])
    await again.close()
    expect(await verifiesClean(fileBytes(inner))).toBe(true)
  })
})
