/** Definitions in code: what the catalog is to hold, and which rules remain code. */
import { describe, expect, it } from 'vitest'
import { defineCollection } from '../../../src/schema/define-collection.js'
import { type Field, field } from '../../../src/schema/field.js'

interface Comment {
  text: string
  replies: Comment[]
}

describe('defineCollection', () => {
  it('gives the catalog data', () => {
    const Book = defineCollection({
      name: 'books',
      primaryKey: 'id',
      fields: {
        id: field.uuid().generated(),
        title: field
          .string()
          .min(1)
          .max(9)
          .pattern(/^[A-Z]/iu),
        year: field.int().min(0).optional(),
        note: field.string().optional().nullable(),
        author: field.object({ name: field.string(), born: field.timestamp().optional() }),
        tags: field.list(field.string().nonempty()).default([]),
        kind: field.enum(['a', 'b']),
        scores: field.map(field.string(), field.float64()).default(() => new Map()),
        seen: field.set(field.int()),
        more: field.any().optional(),
      },
      indexes: { byYear: { on: 'year' }, byAuthor: { on: ['author.name', 'year'], unique: true } },
    })
    expect(Book.definition).toEqual({
      name: 'books',
      primaryKey: [['id']],
      unknownFields: 'refuse',
      codeRules: { defaults: ['scores'], validator: false },
      fields: [
        { path: ['id'], type: 'uuid', generated: true },
        { path: ['title'], type: 'string', minLength: 1, maxLength: 9, pattern: '^[A-Z]', patternFlags: 'i' },
        { path: ['year'], type: 'int', min: 0, optional: true, nullable: false },
        { path: ['note'], type: 'string', optional: true, nullable: true },
        {
          path: ['author'],
          type: 'object',
          fields: [
            { path: ['name'], type: 'string' },
            { path: ['born'], type: 'timestamp', optional: true, nullable: false },
          ],
        },
        { path: ['tags'], type: 'list', element: { type: 'string', nonempty: true }, default: [] },
        { path: ['kind'], type: 'enum', values: ['a', 'b'] },
        { path: ['scores'], type: 'map', key: { type: 'string' }, element: { type: 'float64' } },
        { path: ['seen'], type: 'set', element: { type: 'int' } },
        { path: ['more'], type: 'any', optional: true },
      ],
      indexes: [
        expect.objectContaining({ name: 'byYear', on: [['year']], unique: false }),
        expect.objectContaining({ name: 'byAuthor', on: [['author', 'name'], ['year']], unique: true }),
      ],
    })
  })

  it('leaves the field that a method was called on as it was', () => {
    const name = field.string()
    name.min(3).optional()
    const { definition } = defineCollection({ name: 'c', primaryKey: 'name', fields: { name } })
    expect(definition.fields).toEqual([{ path: ['name'], type: 'string' }])
  })

  it('writes a recursive field by how many levels above it stands', () => {
    const comment: Field<Comment> = field.object({
      text: field.string(),
      replies: field.list(field.lazy(() => comment)),
    })
    const { definition } = defineCollection({
      name: 'c',
      primaryKey: 'id',
      fields: { id: field.int(), comment },
    })
    expect(definition.fields[1]).toEqual({
      path: ['comment'],
      type: 'object',
      fields: [
        { path: ['text'], type: 'string' },
        { path: ['replies'], type: 'list', element: { type: 'recursive', levels: 2 } },
      ],
    })
  })

  it('writes a recursive field out where it is met for the first time', () => {
    const comment: Field<Comment> = field.object({
      text: field.string(),
      replies: field.list(field.lazy(() => comment)),
    })
    const fields = { id: field.int(), comment: comment.optional() }
    const { definition } = defineCollection({ name: 'c', primaryKey: 'id', fields })
    expect(JSON.stringify(definition.fields[1])).toContain('"levels":2')
  })

  it('refuses a field that is made anew for ever', () => {
    const endless = (): Field => field.object({ inner: field.lazy(endless) })
    expect(() =>
      defineCollection({ name: 'c', primaryKey: 'id', fields: { id: field.int(), a: endless() } }),
    ).toThrow(/nested more than/)
  })

  it('refuses what makes no sense, naming the field', () => {
    const make = (fields: Record<string, Field>) => () =>
      defineCollection({ name: 'c', primaryKey: 'id', fields })
    expect(make({ id: field.int(), a: field.list(field.int().default(1)) })).toThrow(/'a\[\]'.*default/)
    expect(make({ id: field.int(), a: field.string().pattern('(?=a)') })).toThrow(/'a'.*pattern/)
    expect(make({ id: field.int(), a: 'string' as unknown as Field })).toThrow(/'a'.*is no field/)
    expect(make({ id: field.int().optional() })).toThrow(/primary key/)
  })
})
