/** Definitions as catalog rows: everything comes back, old rows are readable, and what is not understood is no entry. */
import { describe, expect, it } from 'vitest'
import { type CollectionDefinition, collectionInput } from '../../../src/catalog/definition.js'
import { collectionKey, collectionRow, readEntry } from '../../../src/catalog/entry.js'
import type { FieldDefinition } from '../../../src/catalog/field.js'
import { RowCodec } from '../../../src/format/value.js'

const FIELDS: readonly FieldDefinition[] = [
  { path: ['id'], type: 'uuid', generated: true },
  {
    path: ['title'],
    type: 'string',
    minLength: 1,
    maxLength: 9,
    pattern: '^[A-Z]',
    patternFlags: 'i',
    default: 'A',
  },
  { path: ['size'], type: 'int64', min: -1n, max: 5n, optional: true, nullable: false },
  { path: ['at'], type: 'timestamp', min: new Date(5), nullable: true },
  { path: ['kind'], type: 'enum', values: ['a', 'b'] },
  { path: ['mail'], type: 'string', email: true },
  { path: ['page'], type: 'string', url: true },
  { path: ['tags'], type: 'list', nonempty: true, element: { type: 'string', length: 2 } },
  { path: ['map'], type: 'map', key: { type: 'string' }, element: { type: 'bytes', optional: true } },
  {
    path: ['author'],
    type: 'object',
    fields: [
      { path: ['name', 'first'], type: 'string' },
      { path: ['friends'], type: 'set', element: { type: 'recursive', levels: 2 } },
    ],
  },
  { path: ['more'], type: 'any', default: new Map([[1, [2n]]]) },
]

function stored(row: Record<string, unknown>): CollectionDefinition | undefined {
  const entry = readEntry(collectionKey(7), new RowCodec({ structures: false }).encode(row).slice())
  return entry?.kind === 'collection' ? entry.definition : undefined
}

describe('a definition', () => {
  it('comes back with every property of its fields', () => {
    const codeRules = { defaults: ['author.id'], validator: true }
    const input = collectionInput('c', FIELDS, 'id', undefined, { unknownFields: 'refuse', codeRules })
    const definition: CollectionDefinition = { ...input, id: 7, version: 3, indexes: [] }
    const entry = readEntry(collectionKey(7), collectionRow(definition))
    expect(entry).toEqual({ kind: 'collection', id: 7, definition })
    expect(definition).toMatchObject({ fields: FIELDS, unknownFields: 'refuse', codeRules })
  })

  it('of an older version is readable', () => {
    const fields = [
      { path: ['a'], type: 'int', optional: true },
      { path: ['a', 'length'], type: 'any' },
    ]
    const row = { name: 'c', primaryKey: [['id']], fields, version: 1 }
    expect(stored(row)).toEqual({ id: 7, ...row, indexes: [] })
  })

  const good = { name: 'c', primaryKey: [['id']], fields: [] as unknown[], version: 1 }
  const field = (more: object): object => ({ ...good, fields: [{ path: ['a'], type: 'int', ...more }] })
  const newer: readonly [string, object][] = [
    ['a property', { ...good, ttl: 5 }],
    ['a way with unknown fields', { ...good, unknownFields: 'sometimes' }],
    ['a code rule', { ...good, codeRules: { defaults: [], validator: true, triggers: [] } }],
    ['a property of a field', field({ collation: 'de' })],
    ['a type', field({ type: 'decimal' })],
    ['a constraint of a type', field({ pattern: 'x' })],
    ['a bound of a kind', field({ min: 'x' })],
    ['an element', field({ type: 'list', element: { type: 'decimal' } })],
    ['a nested field', field({ type: 'object', fields: [{ path: ['b'], type: 'int', collation: 'de' }] })],
    ['an element with a path', field({ type: 'list', element: { path: ['x'], type: 'int' } })],
  ]

  it.each(newer)('with %s that is not known is not understood', (_name, row) => {
    expect(stored(good)).toBeDefined()
    expect(stored(row as Record<string, unknown>)).toBeUndefined()
  })
})

describe('what a caller declares', () => {
  const refused: readonly [RegExp, readonly object[], string?][] = [
    [/unknown type 'strin'/, [{ path: ['a'], type: 'strin' }]],
    [/no type/, [{ path: ['a'] }]],
    [/'pattern', which a field of type int does not take/, [{ path: ['a'], type: 'int', pattern: 'x' }]],
    [/'optinal'/, [{ path: ['a'], type: 'int', optinal: true }]],
    [
      /declared twice/,
      [
        { path: ['a', 'b'], type: 'int' },
        { path: ['a'], type: 'object', fields: [{ path: ['b'], type: 'int' }] },
      ],
    ],
    [
      /lies within 'a'/,
      [
        { path: ['a'], type: 'int' },
        { path: ['a', 'b'], type: 'int' },
      ],
    ],
    [/needs values/, [{ path: ['a'], type: 'enum', values: [] }]],
    [/min that is greater/, [{ path: ['a'], type: 'int', min: 2, max: 1 }]],
    [/no value of type int64/, [{ path: ['a'], type: 'int64', min: 2 }]],
    [/minLength that is greater/, [{ path: ['a'], type: 'string', minLength: 2, maxLength: 1 }]],
    [/pattern that cannot be used/, [{ path: ['a'], type: 'string', pattern: '(a)\\1' }]],
    [/pattern that cannot be used/, [{ path: ['a'], type: 'string', pattern: '(' }]],
    [/default that does not fit/, [{ path: ['a'], type: 'int', default: 'x' }]],
    [
      /default that does not fit/,
      [{ path: ['a'], type: 'list', element: { type: 'int' }, default: [1, 'x'] }],
    ],
    [/default that cannot be stored/, [{ path: ['a'], type: 'any', default: () => 1 }]],
    [/part of the primary key, so it cannot be optional/, [{ path: ['id'], type: 'int', optional: true }]],
    [
      /part of the primary key, so it cannot be optional/,
      [{ path: ['o'], type: 'object', optional: true, fields: [{ path: ['id'], type: 'int' }] }],
      'o.id',
    ],
    [/only a primary key of one field/, [{ path: ['a'], type: 'int', generated: true }]],
    [/recursive over 1 level/, [{ path: ['a'], type: 'recursive', levels: 1 }]],
    [/element|no field/, [{ path: ['a'], type: 'list', element: { type: 'int', default: 1 } }]],
  ]

  it.each(refused)('is refused: %s', (message, fields, key = 'id') => {
    expect(() => collectionInput('c', fields as FieldDefinition[], key)).toThrow(message)
  })
})
