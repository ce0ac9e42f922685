/**
 * What every entry of the package must do alike: one suite, run against each.
 */
import { describe, expect, it } from 'vitest'
import type * as Entry from '../../src/index.js'

/** What the suite takes of an entry. */
export type EntryModule = Pick<
  typeof Entry,
  'Database' | 'MemoryStorage' | 'VarveError' | 'DuplicateKeyError'
>

const ODD_ROW = {
  id: 1,
  nothing: null,
  yes: true,
  half: 0.5,
  negativeZero: -0,
  big: 2n ** 70n,
  small: 5n,
  text: 'snowman \u2603 and \u{1f600}',
  when: new Date(86_400_000),
  bytes: new Uint8Array([0, 1, 255]),
  map: new Map<unknown, unknown>([[{ a: 1 }, new Set([1n, 'x'])]]),
  list: [[], [1, [2, [3]]]],
  nested: { deep: { er: [new Date(0)] } },
  constructor: 'a field like any other',
}

export function databaseConformance(name: string, load: () => Promise<EntryModule>): void {
  describe(`database: ${name}`, () => {
    it('runs the smoke test of the runbook', async () => {
      const { Database } = await load()
      const mem = Database.openInMemory()
      await mem.registerCollection('books', [{ path: ['title'], type: 'string' }], 'title', { indexes: {} })
      await mem.insert('books', { title: 'Hello' })
      expect([mem.path, mem.collectionNames(), mem.get('books', 'Hello')]).toEqual([
        ':memory:',
        ['books'],
        { title: 'Hello' },
      ])
      await mem.close()
    })

    it('keeps every type over a reopen', async () => {
      const { Database, MemoryStorage } = await load()
      const storage = new MemoryStorage()
      const db = await Database.open('types', { storage })
      await db.registerCollection('rows', [], 'id')
      await db.insert('rows', ODD_ROW)
      await db.close()
      const again = await Database.open('types', { storage })
      expect(again.recoveryInfo.classification).toBe('clean')
      expect(again.get('rows', 1)).toStrictEqual(ODD_ROW)
      await again.close()
    })

    it('reads by key, range and prefix', async () => {
      const { Database } = await load()
      const db = Database.openInMemory()
      const words = await db.registerCollection('words', [], 'word')
      await words.insertMany(['b', 'ba', 'bb', 'c', 'a\0', 'a'].map((word) => ({ word })))
      const list = (rows: Iterable<Record<string, unknown>>): unknown[] =>
        Array.from(rows, ({ word }) => word)
      expect(list(words.range())).toEqual(['a', 'a\0', 'b', 'ba', 'bb', 'c'])
      expect(list(words.range({ gt: 'a', lte: 'ba', reverse: true }))).toEqual(['ba', 'b', 'a\0'])
      expect(list(words.prefix('b'))).toEqual(['b', 'ba', 'bb'])
      expect([words.count(), words.count({ lt: 'b' }), words.has('bb'), words.has('x')]).toEqual([
        6,
        2,
        true,
        false,
      ])
      await db.close()
    })

    it('makes keys and never gives a number twice', async () => {
      const { Database } = await load()
      const db = Database.openInMemory()
      await db.registerCollection('counted', [{ path: ['id'], type: 'int', generated: true }], 'id')
      await db.registerCollection('named', [{ path: ['id'], type: 'uuid', generated: true }], 'id')
      expect(await db.insertMany('counted', [{}, {}, {}])).toEqual([1, 2, 3])
      await db.delete('counted', 3)
      expect(await db.insert('counted', {})).toBe(4)
      const [first, second] = await db.insertMany('named', [{}, {}])
      expect(String(first)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(String(first) < String(second)).toBe(true)
      await db.close()
    })

    it('commits a transaction as a whole, and undoes savepoints alone', async () => {
      const { Database } = await load()
      const db = Database.openInMemory()
      await db.registerCollection('rows', [], 'id')
      const attempt = db.transaction((tx) => {
        tx.collection('rows').insert({ id: 1 })
        throw new Error('not today')
      })
      await expect(attempt).rejects.toThrow('not today')
      await db.transaction(async (tx) => {
        const rows = tx.collection('rows')
        rows.insert({ id: 2 })
        await Promise.resolve()
        expect(() =>
          tx.savepoint(() => {
            rows.insert({ id: 3 })
            throw new Error('undone')
          }),
        ).toThrow('undone')
        expect(rows.has(2)).toBe(true)
        expect(db.has('rows', 2)).toBe(false)
      })
      expect(db.collection('rows').range().toArray()).toEqual([{ id: 2 }])
      await db.close()
    })

    it('never changes a snapshot', async () => {
      const { Database } = await load()
      const db = Database.openInMemory()
      await db.registerCollection('rows', [], 'id')
      await db.put('rows', { id: 1, n: 1 })
      const before = db.snapshot()
      await db.put('rows', { id: 1, n: 2 })
      await db.dropCollection('rows')
      expect(before.collection('rows').get(1)).toEqual({ id: 1, n: 1 })
      before.close()
      expect(() => before.collection('rows')).toThrow(/closed/u)
      await db.close()
    })

    it('names errors by class and code', async () => {
      const { Database, DuplicateKeyError, VarveError } = await load()
      const db = Database.openInMemory()
      await db.registerCollection('rows', [{ path: ['id'], type: 'int' }], 'id')
      await db.insert('rows', { id: 1 })
      const duplicate: unknown = await db.insert('rows', { id: 1 }).catch((error: unknown) => error)
      expect(duplicate).toBeInstanceOf(DuplicateKeyError)
      expect(VarveError.is(duplicate, 'VARVE_DUPLICATE_KEY')).toBe(true)
      const invalid: unknown = await db.insert('rows', { id: 'x' }).catch((error: unknown) => error)
      expect(VarveError.is(invalid, 'VARVE_VALIDATION')).toBe(true)
      const refused: unknown = await db.insert('rows', { id: 2, f: () => 1 }).catch((error: unknown) => error)
      expect(VarveError.is(refused, 'VARVE_VALIDATION')).toBe(true)
      expect(() => db.get('nowhere', 1)).toThrow(/nowhere/u)
      await db.close()
      expect(() => db.get('rows', 1)).toThrow(/closed/u)
    })

    it('has blocking forms, and refuses a second writer of one storage', async () => {
      const { Database, MemoryStorage, VarveError } = await load()
      const storage = new MemoryStorage()
      const db = Database.openSync('x', { storage })
      db.transactionSync((tx) => tx.registerCollection('rows', [], 'id'))
      const rows = db.collection('rows')
      expect(rows.insertManySync([{ id: 1 }, { id: 2 }])).toEqual([1, 2])
      expect(rows.updateSync(1, { n: 1 })).toEqual({ id: 1, n: 1 })
      expect([rows.deleteSync(2), rows.deleteSync(2)]).toEqual([true, false])
      const second: unknown = await Database.open('x', { storage }).catch((error: unknown) => error)
      expect(VarveError.is(second, 'VARVE_LOCKED')).toBe(true)
      db.closeSync()
      const reader = Database.openSync('x', { storage, mode: 'readOnly' })
      expect(reader.count('rows')).toBe(1)
      reader.closeSync()
    })

    it('recovers from a cut tail, and says so', async () => {
      const { Database, MemoryStorage, VarveError } = await load()
      const storage = new MemoryStorage()
      const db = await Database.open('x', { storage, durability: 'os' })
      await db.registerCollection('rows', [], 'id')
      await db.put('rows', { id: 1 })
      await db.sync()
      await db.put('rows', { id: 2 })
      const file = storage.open('x', 'readWrite')
      file.truncate(file.size() - 3)
      file.close()
      await db.close().catch(() => undefined)
      const refused: unknown = await Database.open('x', { storage, recovery: 'strict' }).catch(
        (error: unknown) => error,
      )
      expect(VarveError.is(refused, 'VARVE_RECOVERY_REQUIRED')).toBe(true)
      const again = await Database.open('x', { storage })
      expect(again.recoveryInfo).toMatchObject({ classification: 'tornTail', transactionsApplied: 2 })
      expect(again.collection('rows').range().toArray()).toEqual([{ id: 1 }])
      await again.close()
    })
  })
}
