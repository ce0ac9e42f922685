/** Validators of other libraries, by the Standard Schema interface, on every way to write. */
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { Database } from '../../../src/index.js'
import { SchemaError, ValidationError } from '../../../src/errors.js'
import { defineCollection } from '../../../src/schema/define-collection.js'
import { field } from '../../../src/schema/field.js'
import type { StandardSchema } from '../../../src/schema/standard-schema.js'
import type { InputOf, KeyOf, RowOf } from '../../../src/schema/types.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'

const base = { name: 'users', primaryKey: 'id' } as const

const ByZod = defineCollection({
  ...base,
  validator: z.object({
    id: z.int(),
    mail: z.email(),
    age: z.int().min(0).default(0),
    tags: z.array(z.string()).optional(),
  }),
})
const ByValibot = defineCollection({
  ...base,
  validator: v.object({
    id: v.pipe(v.number(), v.integer()),
    mail: v.pipe(v.string(), v.email()),
    age: v.optional(v.pipe(v.number(), v.minValue(0)), 0),
    tags: v.optional(v.array(v.string())),
  }),
})
const ByArk = defineCollection({
  ...base,
  validator: type({
    id: 'number.integer',
    mail: 'string.email',
    age: 'number >= 0 = 0',
    'tags?': 'string[]',
  }),
})

const good = { id: 1, mail: 'a@b.co' }
const bad = { id: 2, mail: 'nobody', tags: ['a', 5 as unknown as string] }

describe.each([
  ['zod', ByZod],
  ['valibot', ByValibot],
  ['arktype', ByArk],
] as const)('a validator of %s', (_vendor, schema) => {
  const Users = schema as typeof ByZod

  it('gives the row to store', () => {
    const db = Database.openInMemory({ collections: [Users] })
    const users = db.collection(Users)
    expect(users.insertSync(good)).toBe(1)
    expect(users.get(1)).toEqual({ ...good, age: 0 })
    expect(users.updateSync(1, { age: 3 })).toEqual({ ...good, age: 3 })
    db.closeSync()
  })

  it('guards every way to write, and names every failing path', async () => {
    const db = Database.openInMemory({ collections: [Users] })
    const users = db.collection(Users)
    users.insertSync(good)
    const before = db.commitSequence
    const ways: (() => unknown)[] = [
      () => users.insertSync(bad),
      () => users.putSync(bad),
      () => users.insertManySync([{ ...good, id: 9 }, bad]),
      () => users.updateSync(1, { mail: 'nobody' }),
      () => db.transactionSync((tx) => tx.collection(Users).put(bad)),
    ]
    for (const way of ways) expect(way).toThrow(ValidationError)
    await expect(users.insert(bad)).rejects.toMatchObject({
      details: { issues: [{ path: 'mail' }, { path: 'tags[1]' }] },
    })
    expect([db.commitSequence, users.count()]).toEqual([before, 1])
    await db.close()
  })
})

describe('a validator beside fields', () => {
  const Person = defineCollection({
    ...base,
    fields: {
      id: field.uuid().generated(),
      name: field.string(),
      since: field.timestamp().default(() => new Date(0)),
    },
    validator: z.object({ id: z.uuid(), name: z.string().trim().min(2), since: z.date() }),
  })

  it('runs on the filled row, and the fields are checked after it', () => {
    const db = Database.openInMemory({ collections: [Person] })
    const people = db.collection(Person)
    const id = people.insertSync({ name: '  Ada ' })
    expect(people.get(id)).toEqual({ id, name: 'Ada', since: new Date(0) })
    expect(() => people.insertSync({ name: ' A ' })).toThrow(ValidationError)
    db.closeSync()
  })

  it('gives its types', () => {
    expectTypeOf<RowOf<typeof Person>>().toEqualTypeOf<{ id: string; name: string; since: Date }>()
    expectTypeOf<InputOf<typeof Person>>().toEqualTypeOf<{ id?: string; name: string; since?: Date }>()
    expectTypeOf<KeyOf<typeof Person>>().toEqualTypeOf<string>()
    expectTypeOf<InputOf<typeof ByZod>>().toEqualTypeOf<{
      id: number
      mail: string
      age?: number | undefined
      tags?: string[] | undefined
    }>()
    expectTypeOf<RowOf<typeof ByArk>>().toEqualTypeOf<{
      id: number
      mail: string
      age: number
      tags?: string[]
    }>()
  })

  it('sees an output that the fields refuse', () => {
    const Odd = defineCollection({
      ...base,
      fields: { id: field.int() },
      validator: z.object({ id: z.int() }).transform(({ id }) => ({ id, more: 1 })),
    })
    const db = Database.openInMemory({ collections: [Odd] })
    expect(() => db.collection(Odd).insertSync({ id: 1 })).toThrow(/more: expected no field of this name/)
    db.closeSync()
  })
})

/** A validator that answers as it is told. */
function answering(answer: (value: unknown) => unknown): StandardSchema<{ id: number }> {
  const validate = answer as StandardSchema<{ id: number }>['~standard']['validate']
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

describe('a validator that cannot be used', () => {
  it.each([
    [
      'is asynchronous',
      z.object({ id: z.int() }).refine(() => Promise.resolve(true)),
      SchemaError,
      /promise/,
    ],
    ['rejects', answering(() => Promise.reject(new Error('later'))), SchemaError, /promise/],
    ['gives no row', answering(() => ({ value: 5 })), ValidationError, /no row/],
    [
      'throws',
      answering(() => {
        throw new RangeError('odd')
      }),
      RangeError,
      /odd/,
    ],
  ])('because it %s is refused, and nothing is written', (_name, validator, kind, message) => {
    const Users = defineCollection({ ...base, validator })
    const db = Database.openInMemory({ collections: [Users] })
    const before = db.commitSequence
    let caught: unknown
    try {
      db.collection(Users).insertSync({ id: 1 })
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(kind)
    expect((caught as Error).message).toMatch(message)
    expect(db.commitSequence).toBe(before)
    db.closeSync()
  })

  it('because the open was not given it keeps the collection from being written to', () => {
    const storage = new MemoryStorage()
    Database.openSync('a.varve', { storage, collections: [ByZod] }).closeSync()
    const db = Database.openSync('a.varve', { storage })
    expect(() => db.collection('users').insertSync(good)).toThrow(/a validator/)
    db.closeSync()
  })
})
