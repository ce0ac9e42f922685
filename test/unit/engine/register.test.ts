/** Registering a collection by its parts: what stays as it is, and what several calls at once come to. */
import { describe, expect, it } from 'vitest'
import { Database, defineCollection, field, type Row } from '../../../src/index.js'

const Book = defineCollection({
  name: 'books',
  primaryKey: 'id',
  fields: {
    id: field.int(),
    owner: field.uuid().optional(),
    added: field.int().default(() => 7),
    title: field.string().default(() => 'untitled'),
  },
  indexes: { byOwner: { on: 'owner' } },
})
const OWNER = '0189aaaa-0000-7000-8000-00000000000a'

describe('registering by parts', () => {
  it('without fields leaves fields, what is done with others, and rules in code as they are', async () => {
    const db = Database.openInMemory({ collections: [Book] })
    const { definition } = db.collection(Book)
    await db.registerCollection('books', undefined, 'id')
    expect(db.collection('books').definition).toEqual(definition)
    await db.transaction((tx) => tx.registerCollection('books', undefined, 'id'))
    expect(db.collection('books').definition).toEqual(definition)

    await db.registerCollection('books', undefined, 'id', {
      indexes: { byOwner: { on: 'owner' }, byTitle: { on: 'title' } },
    })
    const { indexes, ...rest } = db.collection('books').definition
    expect(rest).toEqual({ ...rest, fields: definition.fields, unknownFields: definition.unknownFields })
    expect(rest.codeRules).toEqual(definition.codeRules)
    // The same index as before: its part is encoded as the field says that is still there.
    expect(indexes[0]).toEqual(definition.indexes[0])
    const books = db.collection(Book)
    await books.insert({ id: 1, owner: OWNER })
    expect(books.find({ owner: OWNER }).toArray()).toEqual([
      { id: 1, owner: OWNER, added: 7, title: 'untitled' },
    ])
    await expect(db.insert('books', { id: 2, more: true })).rejects.toMatchObject({
      code: 'VARVE_VALIDATION',
    })
    await db.close()
  })

  it('with fields declares these alone, and keeps rules in code but for those of fields that go', async () => {
    const db = Database.openInMemory({ collections: [Book] })
    const id = { path: ['id'], type: 'int' as const }
    await db.registerCollection('books', [id, { path: ['title'], type: 'string' }], 'id')
    const { fields, unknownFields, codeRules } = db.collection('books').definition
    expect(fields.map(({ path }) => path.join('.'))).toEqual(['id', 'title'])
    expect(unknownFields).toBeUndefined()
    expect(codeRules).toEqual({ defaults: ['title'], validator: false })
    await db.registerCollection('books', [id], 'id')
    expect(db.collection('books').definition.fields).toEqual([id])
    expect(db.collection('books').definition.codeRules).toBeUndefined()
    await db.close()
  })

  it('declares nothing in a new collection without fields', async () => {
    const db = Database.openInMemory()
    const made = await db.registerCollection('plain', undefined, 'id')
    expect(made.definition).toMatchObject({ fields: [], indexes: [] })
    expect(made.definition.unknownFields).toBeUndefined()
    await expect(db.registerCollection('plain', undefined, [])).rejects.toMatchObject({
      code: 'VARVE_SCHEMA',
    })
    await db.close()
  })
})

describe('conflicting calls for one collection', () => {
  it('each resolve with their own indexes whole, and the last one stays', async () => {
    const db = Database.openInMemory()
    const rows = await db.registerCollection('rows', [], 'id')
    await rows.insertMany(Array.from({ length: 3000 }, (_, id) => ({ id, a: id % 5, b: id % 7 })))
    const indexOf = (filter: Row): string | undefined => rows.find(filter).explain().access[0]?.index
    const calls = Array.from({ length: 6 }, async (_, i) => {
      const name = i % 2 === 0 ? 'a' : 'b'
      await db.registerCollection('rows', [], 'id', { indexes: { [name]: { on: name } } })
      return [name, indexOf({ [name]: 1 })]
    })
    for (const [name, index] of await Promise.all(calls)) expect(index).toBe(name)
    expect(rows.definition.indexes.map(({ name, builtTo }) => [name, builtTo])).toEqual([['b', undefined]])
    expect(rows.find({ b: 3 }).count()).toBe(429)
    await db.close()
  })

  it('take effect in the order of all calls, whatever a call before is building', async () => {
    const db = Database.openInMemory()
    const rows = await db.registerCollection('rows', [], 'id')
    await rows.insertMany(Array.from({ length: 500 }, (_, id) => ({ id, a: id })))
    const indexes = { a: { on: 'a' } }
    const calls = [
      db.registerCollection('rows', [], 'id', { indexes }),
      db.renameCollection('rows', 'old'),
      db.registerCollection('rows', [], 'id', { indexes: { b: { on: 'b' } } }),
      db.put('rows', { id: 'new' }),
      db.dropCollection('rows'),
      db.registerCollection('rows', [], 'key'),
    ]
    await expect(db.insert('rows', { key: 1 })).resolves.toBe(1)
    await Promise.all(calls)
    expect(db.collectionNames().toSorted()).toEqual(['old', 'rows'])
    // The build went on under the other name.
    expect(db.collection('old').find({ a: 77 }).explain().access[0]?.index).toBe('a')
    expect(db.collection('old').find({ a: 77 }).toArray()).toEqual([{ id: 77, a: 77 }])
    expect(db.collection('rows').definition).toMatchObject({ primaryKey: [['key']], indexes: [] })

    // Fields are declared at once, indexes in their turn.
    const first = db.registerCollection('old', [], 'id', { indexes: { a: { on: 'a', unique: true } } })
    const second = db.registerCollection('old', [{ path: ['a'], type: 'int', optional: true }], 'id', {
      indexes,
    })
    await expect(db.put('old', { id: 1, a: 'text' })).rejects.toMatchObject({ code: 'VARVE_VALIDATION' })
    await Promise.all([first, second])
    expect(db.collection('old').definition).toMatchObject({
      fields: [{ path: ['a'] }],
      indexes: [{ name: 'a' }],
    })
    expect(db.collection('old').definition.indexes[0]?.unique).not.toBe(true)
    await db.close()
  })

  it('do not stop at one that fails', async () => {
    const db = Database.openInMemory()
    const rows = await db.registerCollection('rows', [], 'id')
    await rows.insertMany(Array.from({ length: 500 }, (_, id) => ({ id, a: id % 5, b: id })))
    const unique = db.registerCollection('rows', [], 'id', { indexes: { a: { on: 'a', unique: true } } })
    const next = db.registerCollection('rows', [], 'id', { indexes: { b: { on: 'b' } } })
    await expect(unique).rejects.toMatchObject({ code: 'VARVE_DUPLICATE_KEY' })
    await next
    expect(rows.definition.indexes.map(({ name }) => name)).toEqual(['b'])
    await db.close()
  })
})

describe('a collection that was renamed', () => {
  it('is called by its new name where an index refuses a row, and by its old one when that is undone', async () => {
    const db = Database.openInMemory()
    await db.registerCollection('old', [], 'id', { indexes: { byText: { on: 'text' } } })
    const row = { id: 1, text: 'x'.repeat(5000) }
    await db.transaction((tx) => {
      expect(() =>
        tx.savepoint(() => {
          tx.renameCollection('old', 'new')
          tx.collection('new').insert(row)
        }),
      ).toThrow(/'new'/u)
      expect(() => tx.collection('old').insert(row)).toThrow(/'old'/u)
    })
    await db.renameCollection('old', 'new')
    await expect(db.insert('new', row)).rejects.toMatchObject({ details: { collection: 'new' } })
    await db.close()
  })
})
