/** Rows that a replay replaces: their records say what they replaced, so that no leaf is read for them. */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/database.js'
import type { DatabaseStats } from '../../../src/stats.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { fileBytes, openOn, PATH, storageWith } from '../../corruption/databases.js'
import { verifiesClean } from '../../reader/engine-facts.js'
import { stateOf } from '../../support/model-text.js'

const ROWS = 3000
const idOf = (n: number): string => `${n}`.padStart(9, '0')

interface Killed {
  readonly expected: string
  readonly records: DatabaseStats['records']
  readonly bytes: Uint8Array
}

/** A database with a checkpoint behind its rows, killed behind `write`; a cache for all of it, so that no other checkpoint comes. */
async function killedBehind(write: (db: Database) => unknown, indexed = false): Promise<Killed> {
  const storage = new MemoryStorage()
  const db = openOn(storage)
  const indexes = indexed ? { indexes: { byN: { on: 'n' } } } : {}
  await db.registerCollection('docs', [], 'id', indexes)
  await db.insertMany(
    'docs',
    Array.from({ length: ROWS }, (_, n) => ({ id: idOf(n), n })),
  )
  await db.checkpoint()
  await write(db)
  const killed = { expected: stateOf(db), records: db.stats().records, bytes: fileBytes(storage) }
  await db.close()
  return killed
}

/** What an open makes of it; how many nodes it read. */
async function expectSame({ expected, records, bytes }: Killed): Promise<number> {
  const storage = storageWith({ [PATH]: bytes })
  const db = openOn(storage)
  const { nodeMisses } = db.stats().cache
  expect(db.stats().records).toEqual(records)
  expect(stateOf(db) === expected).toBe(true)
  await db.checkpoint()
  expect(stateOf(db) === expected).toBe(true)
  await db.close()
  expect(await verifiesClean(fileBytes(storage))).toBe(true)
  return nodeMisses
}

/** Rows all over the collection. */
const SOME = Array.from({ length: 120 }, (_, i) => (i * 1009) % ROWS)

describe('rows that a replay replaces', () => {
  it('are put without reading the leaves that they are in', async () => {
    const replaced = await killedBehind(async (db) => {
      for (const n of SOME) await db.put('docs', { id: idOf(n), n: -n })
    })
    const none = await killedBehind((db) => db.put('docs', { id: 'z', n: 1 }))
    expect(await expectSame(replaced)).toBeLessThanOrEqual((await expectSame(none)) + 2)
    // With an index the row before is read, for the entries that it had.
    const indexed = await killedBehind(async (db) => {
      for (const n of SOME) await db.put('docs', { id: idOf(n), n: -n })
    }, true)
    expect(await expectSame(indexed)).toBeGreaterThan(10)
  })

  it('are what they were, whatever was done to them in between', async () => {
    const killed = await killedBehind(async (db) => {
      for (const n of SOME) await db.put('docs', { id: idOf(n), n: -n })
      for (const n of SOME.slice(0, 60)) await db.update('docs', idOf(n), { n: 'longer than before' })
      for (const n of SOME.slice(30, 90)) await db.delete('docs', idOf(n))
      for (const n of SOME.slice(50, 70)) await db.insert('docs', { id: idOf(n), n: 'again' })
      for (const n of SOME.slice(40, 80)) await db.put('docs', { id: idOf(n), n: 'and again' })
      await db.insertMany(
        'docs',
        SOME.map((n) => ({ id: `${idOf(n)}.`, n })),
      )
      for (const n of SOME) await db.put('docs', { id: `${idOf(n)}.`, n: -n })
    })
    await expectSame(killed)
  })

  it('are as before where their transaction has no end', async () => {
    const filler = 'x'.repeat(1_000_000)
    const killed = await killedBehind((db) => db.put('docs', { id: idOf(7), n: 'seven' }))
    const cut = await killedBehind(async (db) => {
      await db.put('docs', { id: idOf(7), n: 'seven' })
      // Of several frames.
      await db.transaction((tx) => {
        for (const n of SOME) tx.collection('docs').put({ id: idOf(n), n: 'gone' })
        for (let i = 0; i < 6; i++) tx.collection('docs').put({ id: idOf(i), filler })
      })
    })
    const bytes = cut.bytes.slice(0, cut.bytes.length - 2_000_000)
    const storage = storageWith({ [PATH]: bytes })
    const db = openOn(storage, { recovery: 'autoTruncate' })
    expect(db.recoveryInfo.classification).toBe('shortFile')
    expect(stateOf(db) === killed.expected).toBe(true)
    expect(db.stats().records).toEqual(killed.records)
    await db.close()
    expect(await verifiesClean(fileBytes(storage))).toBe(true)
  })

  it('say what they replaced in a compacted file too, and in the commits that it caught up with', async () => {
    const killed = await killedBehind(async (db) => {
      for (const n of SOME) await db.put('docs', { id: idOf(n), n: -n })
      const compaction = db.compact()
      for (const n of SOME) await db.put('docs', { id: idOf(n), n: 'meanwhile' })
      await compaction
      for (const n of SOME.slice(20)) await db.put('docs', { id: idOf(n), n: 'behind' })
    })
    await expectSame(killed)
  })
})
