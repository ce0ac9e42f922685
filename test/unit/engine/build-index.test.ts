/** Indexes that are added to rows that are there: built in slices, between writes, across crashes, whole or not at all. */
import { describe, expect, it } from 'vitest'
import { compareBytes } from '../../../src/format/key-order.js'
import { type IndexState, isWhole } from '../../../src/engine/state.js'
import { Database } from '../../../src/database.js'
import { openEngineSync } from '../../../src/engine/open.js'
import type { Engine } from '../../../src/engine/engine.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { entriesOf, type OracleRow } from '../../support/index-oracle.js'
import { workloadPlatform } from '../../support/workload-platform.js'
import { fileBytes, PATH, storageWith } from '../../corruption/databases.js'

const NAME = 'rows'
const ROWS = 700

function openOver(storage: MemoryStorage, cacheBytes?: number): { engine: Engine; db: Database } {
  const { platform } = workloadPlatform({ seed: 1, storage })
  const engine = openEngineSync(PATH, { durability: 'os', cacheBytes }, platform)
  return { engine, db: new Database(engine) }
}

const indexesOf = ({ state }: Engine): readonly IndexState[] =>
  state.collections.get(state.names.get(NAME) ?? -1)?.indexes ?? []

/** Checks an index against the rows, up to where it is built. */
function check({ engine }: { engine: Engine }): void {
  const collection = engine.state.collections.get(engine.state.names.get(NAME) ?? -1)
  if (collection === undefined) throw new TypeError('a collection')
  const rows: OracleRow[] = []
  for (const cursor = collection.tree.cursor({}); cursor.next();) {
    const key = cursor.key()
    rows.push({ key, row: engine.generation.rows.read(collection.definition.id, cursor.ref, key) })
  }
  for (const { definition, tree, rows: held } of collection.indexes) {
    const { on, kinds, builtTo } = definition
    const covered = rows.filter(
      ({ key }) => builtTo === undefined || compareBytes(key, 0, key.length, builtTo, 0, builtTo.length) <= 0,
    )
    const expected = entriesOf({ on, kinds, holds: () => true }, covered)
    const entries: string[] = []
    for (const cursor = tree.cursor({}); cursor.next();)
      entries.push(Buffer.from(cursor.key()).toString('hex'))
    expect(entries).toEqual(expected.entries)
    expect(held).toBe(expected.rows)
  }
}

async function filled(): Promise<MemoryStorage> {
  const storage = new MemoryStorage()
  const { db } = openOver(storage)
  await db.registerCollection(NAME, [], 'id')
  await db.collection(NAME).insertMany(Array.from({ length: ROWS }, (_, id) => ({ id, n: id % 50, m: id })))
  await db.close()
  return storage
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('an index that is added to rows', () => {
  it('is built a few rows at a time where a step takes all the time of a slice', async () => {
    const rowsOfLeastStep = 4
    // With `onPause`, each look at the clock finds that a slice went by.
    const { platform } = workloadPlatform({ seed: 1, storage: await filled(), onPause: () => undefined })
    const engine = openEngineSync(PATH, { durability: 'os' }, platform)
    const db = new Database(engine)
    const before = db.commitSequence
    await db.registerCollection(NAME, [], 'id', { indexes: { byN: { on: 'n' } } })
    // The first commit is the definition.
    const slices = db.commitSequence - before - 1
    expect(slices).toBeGreaterThanOrEqual(ROWS / rowsOfLeastStep)
    expect(indexesOf(engine).map(isWhole)).toEqual([true])
    check({ engine })
    await db.close()
  })

  it('is used by nobody until it is whole, however the build is interrupted, and goes on after a crash', async () => {
    const sound = fileBytes(await filled())
    let interrupted = 0
    for (let turns = 0; turns < 24; turns++) {
      const storage = storageWith({ [PATH]: sound })
      const first = openOver(storage)
      const options = { indexes: { byN: { on: 'n' }, byM: { on: 'm', unique: true } } }
      const building = first.db.registerCollection(NAME, [], 'id', options).catch(() => undefined)
      for (let i = 0; i < turns; i++) {
        await turn()
        if (i % 3 === 1) await first.db.put(NAME, { id: i * 40, n: -i, m: 10_000 + i })
        if (i % 3 === 2) await first.db.delete(NAME, i * 31)
      }
      const isWholeNow = indexesOf(first.engine).every(isWhole)
      check(first)
      if (!isWholeNow) interrupted++
      const second = openOver(storageWith({ [PATH]: fileBytes(storage) }))
      check(second)
      await second.db.checkpoint()
      await second.db.put(NAME, { id: 1, n: 3, m: -1 })
      check(second)
      await second.db.registerCollection(NAME, [], 'id', options)
      expect(indexesOf(second.engine).map(isWhole)).toEqual([true, true])
      check(second)
      await second.db.close()
      await building
    }
    expect(interrupted).toBeGreaterThan(2)
  })

  it('takes turns with others once they outgrow the cache, and they become whole, or are refused, together', async () => {
    const sound = fileBytes(await filled())
    const state = (engine: Engine): string =>
      indexesOf(engine)
        .map(({ definition: { builtTo } }) => (builtTo === undefined ? 'whole' : builtTo.join()))
        .join(' ')
    for (const unique of [false, true]) {
      const storage = storageWith({ [PATH]: sound })
      const { db, engine } = openOver(storage, 0)
      const indexes = { byM: { on: 'm' }, byN: { on: 'n', unique }, byBoth: { on: ['n', 'm'] } }
      const states = new Set<string>()
      const building = db.registerCollection(NAME, [], 'id', { indexes }).catch((error: unknown) => error)
      const loop = { goesOn: true }
      const end = building.finally(() => void (loop.goesOn = false))
      for (let turns = 0; loop.goesOn && turns < 10_000; turns++) {
        await turn()
        if (turns % 5 === 1) await db.put(NAME, { id: turns % ROWS, n: 100 + turns, m: -turns })
        if (turns % 50 === 0) check({ engine })
        states.add(state(engine))
      }
      const error = await end
      check({ engine })
      const seen = [...states].map((each) => each.split(' '))
      expect(seen.some(([first, second]) => first !== second)).toBe(true)
      expect(
        seen.filter((each) => each.includes('whole')).every((each) => each.every((one) => one === 'whole')),
      ).toBe(true)
      if (unique) expect(error).toMatchObject({ code: 'VARVE_DUPLICATE_KEY', details: { index: 'byN' } })
      expect(indexesOf(engine).map(isWhole)).toEqual(unique ? [] : [true, true, true])
      await db.close()
    }
  })

  it('is not added at all if two rows have the same unique value, and leaves those that were there', async () => {
    const { db, engine } = openOver(await filled())
    await db.registerCollection(NAME, [], 'id', { indexes: { byM: { on: 'm' } } })
    const wanted = { indexes: { byN: { on: 'n', unique: true } } }
    await expect(db.registerCollection(NAME, [], 'id', wanted)).rejects.toMatchObject({
      code: 'VARVE_DUPLICATE_KEY',
      details: { index: 'byN' },
    })
    expect(indexesOf(engine).map(({ definition }) => definition.name)).toEqual(['byM'])
    check({ engine })
    await db.close()
  })

  it('is whole at once when it is added in a transaction, and goes with it', async () => {
    const { db, engine } = openOver(await filled())
    const add = (fails: boolean): Promise<void> =>
      db.transaction((tx) => {
        tx.registerCollection(NAME, [], 'id', { indexes: { byN: { on: 'n' } } })
        tx.collection(NAME).put({ id: 5000, n: 1 })
        if (fails) throw new RangeError('given up')
      })
    await expect(add(true)).rejects.toThrow(RangeError)
    expect(indexesOf(engine)).toEqual([])
    await add(false)
    expect(indexesOf(engine).map(isWhole)).toEqual([true])
    check({ engine })
    await db.close()
  })

  it('refuses a second row of a unique value, and lets a row keep its own', async () => {
    const { db, engine } = openOver(new MemoryStorage())
    await db.registerCollection(NAME, [], 'id', { indexes: { u: { on: ['a', 'b'], unique: true } } })
    await db.put(NAME, { id: 1, a: 1, b: 'x' })
    await db.put(NAME, { id: 1, a: 1, b: 'x', more: true })
    await db.put(NAME, { id: 2, a: 1 })
    await db.put(NAME, { id: 3, a: 1, b: null })
    await expect(db.put(NAME, { id: 4, a: 1n, b: 'x' })).rejects.toMatchObject({
      code: 'VARVE_DUPLICATE_KEY',
    })
    await expect(db.update(NAME, 2, { b: 'x' })).rejects.toMatchObject({ details: { index: 'u' } })
    expect(db.get(NAME, 2)).toEqual({ id: 2, a: 1 })
    await db.transaction((tx) => {
      tx.collection(NAME).delete(1)
      tx.collection(NAME).put({ id: 4, a: 1, b: 'x' })
    })
    expect(() => db.collection(NAME).insertSync({ id: 9, a: 1, b: 'x' })).toThrow(
      'taken by the row with the key 4',
    )
    check({ engine })
    await db.close()
  })

  it('loses the entries of a row that cannot be read when it is replaced or deleted', async () => {
    const storage = new MemoryStorage()
    const { db } = openOver(storage)
    await db.registerCollection(NAME, [], 'id', { indexes: { byText: { on: 'text' } } })
    for (const id of [1, 2, 3]) await db.put(NAME, { id, text: `text ${id}` })
    await db.checkpoint()
    const bytes = fileBytes(storage)
    const at = Buffer.from(bytes).indexOf('text 2')
    bytes.set(new TextEncoder().encode('Text 2'), at)
    const damaged = openOver(storageWith({ [PATH]: bytes }))
    expect(() => damaged.db.get(NAME, 2)).toThrow(
      expect.objectContaining({ code: 'VARVE_CORRUPTION' }) as Error,
    )
    await damaged.db.put(NAME, { id: 2, text: 'new' })
    check(damaged)
    await damaged.db.close()
    const deleted = openOver(storageWith({ [PATH]: bytes }))
    expect(await deleted.db.delete(NAME, 2)).toBe(true)
    check(deleted)
    await deleted.db.close()
  })

  it('refuses values that it cannot hold, and changes nothing', async () => {
    const { db, engine } = openOver(new MemoryStorage())
    await db.registerCollection(NAME, [], 'id', { indexes: { two: { on: ['a', 'b'] } } })
    const codes: unknown[] = []
    const rows = [
      { id: 1, a: [1, 2], b: [3] },
      { id: 2, a: 'x'.repeat(5000) },
      { id: 3, a: Array.from({ length: 10_001 }, (_, n) => n) },
    ]
    for (const row of rows) await db.put(NAME, row).catch((error: { code: string }) => codes.push(error.code))
    expect(codes).toEqual(['VARVE_VALIDATION', 'VARVE_LIMIT', 'VARVE_LIMIT'])
    expect(db.collection(NAME).count()).toBe(0)
    check({ engine })
    await db.close()
  })
})
