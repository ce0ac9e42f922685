/** Collections defined in code, from open to close: checked on every way to write, filled in on every way to read. */
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/index.js'
import { defineCollection } from '../../../src/schema/define-collection.js'
import { field } from '../../../src/schema/field.js'
import { SchemaError, ValidationError } from '../../../src/errors.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'

const Book = defineCollection({
  name: 'books',
  primaryKey: 'id',
  fields: {
    id: field.int().generated(),
    title: field.string().nonempty(),
    year: field.int().optional(),
    author: field.object({ name: field.string(), born: field.timestamp().optional() }),
    tags: field.list(field.string()).default([]),
  },
  indexes: { byYear: { on: 'year' } },
})

const dune = { title: 'Dune', author: { name: 'Herbert' } }

describe('a defined collection', () => {
  it('is there after the open, typed, with its indexes', async () => {
    const db = Database.openInMemory({ collections: [Book] })
    const books = db.collection(Book)
    const id = await books.insert({ ...dune, year: 1965 })
    expect(books.get(id)).toEqual({ id: 1, ...dune, year: 1965, tags: [] })
    expect(books.find({ year: 1965 }).toArray()).toHaveLength(1)
    expect(books.definition.indexes.map(({ name }) => name)).toEqual(['byYear'])
    await db.close()
  })

  it('takes no row that does not fit, by any way to write, and writes nothing of it', async () => {
    const db = Database.openInMemory({ collections: [Book] })
    const books = db.collection(Book)
    const id = books.insertSync(dune)
    const before = db.commitSequence
    const bad = { title: '', author: {}, extra: 1 } as unknown as typeof dune
    const ways: (() => unknown)[] = [
      () => books.insertSync(bad),
      () => books.putSync(bad),
      () => books.insertManySync([dune, bad]),
      () => books.updateSync(id, { title: '' }),
      () => books.updateSync(id, () => bad),
      () => db.transactionSync((tx) => tx.collection(Book).insert(bad)),
      () => db.transactionSync((tx) => tx.collection('books').put(bad)),
    ]
    for (const way of ways) expect(way).toThrow(ValidationError)
    const writes = [books.insert(bad), books.put(bad), books.insertMany([bad]), db.insert('books', bad)]
    for (const write of writes) await expect(write).rejects.toBeInstanceOf(ValidationError)
    expect(db.commitSequence).toBe(before)
    expect(books.count()).toBe(1)
    await db.close()
  })

  it('names every failing field', () => {
    const db = Database.openInMemory({ collections: [Book] })
    const bad = { title: '', author: { born: 1 }, tags: ['a', 2], extra: 1 } as unknown as typeof dune
    let issues: readonly string[] = []
    try {
      db.collection(Book).insertSync(bad)
    } catch (error) {
      issues = (error as ValidationError).details.issues?.map(({ path }) => path) ?? []
    }
    expect(issues).toEqual(['title', 'author.name', 'author.born', 'tags[1]', 'extra'])
    db.closeSync()
  })

  it('is refused unless the open was given it', () => {
    const db = Database.openInMemory()
    expect(() => db.collection(Book)).toThrow(/collections/)
    db.closeSync()
    expect(() => Database.openInMemory({ collections: [Book, Book] })).toThrow(/twice/)
  })

  it('reads in transactions and snapshots with its types', () => {
    const db = Database.openInMemory({ collections: [Book] })
    const key: number = db.transactionSync((tx) => tx.collection(Book).insert(dune))
    const snapshot = db.snapshot()
    expect(snapshot.collection(Book).get(key)?.author.name).toBe('Herbert')
    db.closeSync()
  })
})

const note = { name: 'notes', primaryKey: 'id' } as const
const Old = defineCollection({ ...note, fields: { id: field.int() } })
let made = 0
const New = defineCollection({
  ...note,
  fields: {
    id: field.int(),
    tags: field.list(field.string()).default(['none']),
    mark: field.int().default(() => ++made),
    at: field.object({ x: field.int().default(1) }).default({}),
  },
})

function withOldRows(): MemoryStorage {
  const storage = new MemoryStorage()
  const db = Database.openSync('a.varve', { storage, collections: [Old] })
  db.collection(Old).insertManySync([{ id: 1 }, { id: 2 }])
  db.closeSync()
  return storage
}

describe('rows older than a default', () => {
  it.each(['readWrite', 'readOnly'] as const)('have it in every read of a %s open', (mode) => {
    const storage = withOldRows()
    const before = storage.open('a.varve', 'read').size
    const db = Database.openSync('a.varve', { storage, collections: [New], mode })
    const notes = db.collection(New)
    const filled = { id: 1, tags: ['none'], mark: expect.any(Number) as number, at: { x: 1 } }
    expect(notes.get(1)).toEqual(filled)
    expect(notes.getMany([1])).toEqual([filled])
    expect(notes.range({ lte: 1 }).toArray()).toEqual([filled])
    expect(notes.find({ tags: 'none' }).toArray()).toHaveLength(2)
    expect(notes.history(1).toArray()[0]?.row).toEqual(filled)
    expect(db.snapshot().collection(New).get(1)).toEqual(filled)
    if (mode === 'readWrite') {
      expect(notes.updateSync(1, { mark: 5 })).toEqual({ ...filled, mark: 5 })
      expect(db.transactionSync((tx) => tx.collection(New).get(2))).toEqual({ ...filled, id: 2 })
    }
    db.closeSync()
    if (mode === 'readOnly') expect(storage.open('a.varve', 'read').size).toBe(before)
  })
})

describe('an index', () => {
  const indexes = { byKind: { on: 'kind' } } as const
  const Before = defineCollection({
    ...note,
    fields: { id: field.int(), kind: field.string().optional() },
    indexes,
  })
  const After = defineCollection({
    ...note,
    fields: { id: field.int(), kind: field.string().default('x') },
    indexes,
  })

  it.each(['readWrite', 'readOnly'] as const)(
    'finds rows by a default that they are older than, in a %s open',
    (mode) => {
      const storage = new MemoryStorage()
      const before = Database.openSync('a.varve', { storage, collections: [Before] })
      const rows = Array.from({ length: 500 }, (_, id) => (id % 100 === 0 ? { id } : { id, kind: `k${id}` }))
      before.collection(Before).insertManySync(rows)
      before.closeSync()
      const db = Database.openSync('a.varve', { storage, collections: [After], mode })
      const found = db.collection(After).find({ kind: 'x' })
      expect(found.toArray().map(({ id }) => id)).toEqual([0, 100, 200, 300, 400])
      expect(String(found.explain())).toContain('byKind')
      db.closeSync()
    },
  )
})

describe('rules in code', () => {
  it('keep those from writing who lack them, and nobody from reading', () => {
    const storage = withOldRows()
    Database.openSync('a.varve', { storage, collections: [New] }).closeSync()
    const db = Database.openSync('a.varve', { storage })
    expect(db.get('notes', 1)).toMatchObject({ id: 1, tags: ['none'] })
    expect(() => db.collection('notes').insertSync({ id: 3 })).toThrow(SchemaError)
    db.closeSync()
    const unchecked = Database.openSync('a.varve', { storage, unchecked: true })
    unchecked.collection('notes').insertSync({ id: 3 })
    expect(() => unchecked.collection('notes').insertSync({ id: 'x' })).toThrow(ValidationError)
    unchecked.closeSync()
  })

  it('go along when a collection is renamed', async () => {
    const db = Database.openInMemory({ collections: [New] })
    await db.renameCollection('notes', 'papers')
    await db.insert('papers', { id: 1 })
    expect(db.get('papers', 1)).toMatchObject({ mark: expect.any(Number) as number })
    await db.close()
  })
})

describe('a changed definition', () => {
  const Strict = defineCollection({ ...note, fields: { id: field.int(), title: field.string() } })

  it.each(['readWrite', 'readOnly'] as const)(
    'that needs a migration is refused by a %s open, with each reason',
    async (mode) => {
      const storage = withOldRows()
      const open = (): Promise<Database> => Database.open('a.varve', { storage, collections: [Strict], mode })
      await expect(open()).rejects.toThrow(/'title' is new, not optional, and has no default.*migrate/)
      // It was closed again, so that this open is not kept out.
      Database.openSync('a.varve', { storage, collections: [Old] }).closeSync()
    },
  )

  it('that strips unknown fields strips them', () => {
    const loose = { ...note, fields: { id: field.int() }, unknownFields: 'strip' } as const
    const db = Database.openInMemory({ collections: [defineCollection(loose)] })
    db.collection('notes').putSync({ id: 1, more: 2 })
    expect(db.get('notes', 1)).toEqual({ id: 1 })
    db.closeSync()
  })
})
