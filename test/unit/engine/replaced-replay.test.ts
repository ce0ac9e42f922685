/** Rows that a replay replaces: their records say what they replaced, so that no leaf is read for them. */
import { describe, expect, it } from 'vitest'
import { fileBytes, openOn, PATH, storageWith } from '../../corruption/databases.js'
import { verifiesClean } from '../../reader/engine-facts.js'
import { stateOf } from '../../support/model-text.js'
import { idOf, type Killed, killedBehind, SOME } from './killed-behind.js'

/** What an open makes of it; how many nodes it read, and whoever then needs the trees. */
async function expectSame({ expected, records, bytes }: Killed): Promise<number> {
  const storage = storageWith({ [PATH]: bytes })
  const db = openOn(storage)
  db.count('docs', { gte: 'z' })
  const { nodeMisses } = db.stats().cache
  expect(db.stats().records).toEqual(records)
  expect(stateOf(db) === expected).toBe(true)
  await db.checkpoint()
  expect(stateOf(db) === expected).toBe(true)
  await db.close()
  expect(await verifiesClean(fileBytes(storage))).toBe(true)
  return nodeMisses
}

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
