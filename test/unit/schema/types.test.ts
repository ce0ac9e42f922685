/** The types that definitions give. What must be refused says so; the compiler is the judge, vitest only runs the rest. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import { Database } from '../../../src/index.js'
import { defineCollection } from '../../../src/schema/define-collection.js'
import { type Field, field } from '../../../src/schema/field.js'
import type { InputOf, KeyOf, RowOf } from '../../../src/schema/types.js'

const Book = defineCollection({
  name: 'books',
  primaryKey: 'id',
  fields: {
    id: field.uuid().generated(),
    title: field.string().min(1),
    year: field.int().optional(),
    note: field.string().nullable(),
    kind: field.enum(['novel', 'essay']),
    size: field.uint64().default(0n),
    author: field.object({ name: field.string(), born: field.timestamp().optional() }).optional(),
    editions: field.list(field.object({ isbn: field.string(), pages: field.int().default(1) })).default([]),
    scores: field.map(field.string(), field.float64()),
    seen: field.set(field.int()),
    cover: field.bytes().optional(),
    more: field.any(),
  },
})

const KEY = '01890000-0000-7000-8000-000000000000'

interface Node {
  text: string
  children: Node[]
}
const node: Field<Node> = field.object({ text: field.string(), children: field.list(field.lazy(() => node)) })

describe('types', () => {
  it('of rows', () => {
    expectTypeOf<RowOf<typeof Book>>().toEqualTypeOf<{
      id: string
      title: string
      year?: number | undefined
      note: string | null
      kind: 'novel' | 'essay'
      size: bigint
      author?: { name: string; born?: Date | undefined } | undefined
      editions: { isbn: string; pages: number }[]
      scores: Map<string, number>
      seen: Set<number>
      cover?: Uint8Array | undefined
      more: unknown
    }>()
  })

  it('of inputs', () => {
    expectTypeOf<InputOf<typeof Book>>().toEqualTypeOf<{
      id?: string | undefined
      title: string
      year?: number | undefined
      note: string | null
      kind: 'novel' | 'essay'
      size?: bigint | undefined
      author?: { name: string; born?: Date | undefined } | undefined
      editions?: { isbn: string; pages?: number | undefined }[] | undefined
      scores: Map<string, number>
      seen: Set<number>
      cover?: Uint8Array | undefined
      more: unknown
    }>()
  })

  it('of keys, simple, nested and composite', () => {
    expectTypeOf<KeyOf<typeof Book>>().toEqualTypeOf<string>()
    const Item = defineCollection({
      name: 'items',
      primaryKey: ['tenant', 'at.day'],
      fields: { tenant: field.string(), at: field.object({ day: field.int() }) },
    })
    expectTypeOf<KeyOf<typeof Item>>().toEqualTypeOf<[string, number]>()
  })

  it('of recursive fields', () => {
    const Tree = defineCollection({
      name: 'trees',
      primaryKey: 'id',
      fields: { id: field.int(), root: node },
    })
    expectTypeOf<RowOf<typeof Tree>>().toEqualTypeOf<{ id: number; root: Node }>()
  })

  it('of a collection: writes take inputs, reads give rows, by keys of their type', () => {
    const db = Database.openInMemory({ collections: [Book] })
    const books = db.collection(Book)
    expectTypeOf(books.get).parameter(0).toEqualTypeOf<string>()
    expectTypeOf(books.insertSync).returns.toEqualTypeOf<string>()
    expectTypeOf(books.get(KEY)).toEqualTypeOf<RowOf<typeof Book> | undefined>()
    expectTypeOf(db.collection('books').get(KEY)).toEqualTypeOf<Record<string, unknown> | undefined>()
    const snapshot = db.snapshot()
    expectTypeOf(snapshot.collection(Book).get(KEY)).toEqualTypeOf<RowOf<typeof Book> | undefined>()
    db.transactionSync((tx) => {
      expectTypeOf(tx.collection(Book).insert).parameter(0).toEqualTypeOf<InputOf<typeof Book>>()
    })
    const refused = (): void => {
      // @ts-expect-error a title is a string
      books.insertSync({ title: 1 })
      // @ts-expect-error no such value
      books.updateSync('x', { kind: 'poem' })
      // @ts-expect-error a nested field of another type
      books.updateSync('x', { author: { name: 5 } })
      books.updateSync('x', { author: { name: 'only this' }, year: undefined })
      // @ts-expect-error a key is a string
      books.get(5)
    }
    expect(refused).toBeTypeOf('function')
    db.closeSync()
  })

  it('of paths in keys and indexes, to depth 5', () => {
    const fields = {
      id: field.int(),
      a: field.object({ b: field.object({ c: field.object({ d: field.object({ e: field.int() }) }) }) }),
      list: field.list(field.object({ of: field.string() })),
      any: field.any<Record<string, unknown>>(),
      node,
    }
    defineCollection({
      name: 'deep',
      primaryKey: 'id',
      fields,
      indexes: {
        deep: { on: 'a.b.c.d.e' },
        list: { on: ['list.of', 'id'] },
        any: { on: 'any.thing.at.all' },
        node: { on: 'node.children.text' },
      },
    })
    // @ts-expect-error no such field
    defineCollection({ name: 'c', primaryKey: 'id', fields, indexes: { wrong: { on: 'a.b.x' } } })
    // @ts-expect-error no such field
    expect(defineCollection({ name: 'c', primaryKey: 'nothing', fields }).name).toBe('c')
  })

  it('of modifiers in any order', () => {
    const C = defineCollection({
      name: 'c',
      primaryKey: 'id',
      fields: { id: field.int(), a: field.string().optional().max(3), b: field.int().default(1).min(0) },
    })
    expectTypeOf<InputOf<typeof C>>().toEqualTypeOf<{
      id: number
      a?: string | undefined
      b?: number | undefined
    }>()
  })
})
