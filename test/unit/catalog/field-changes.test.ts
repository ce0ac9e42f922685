/** How changes of a definition are classified, each with its reason. */
import { describe, expect, it } from 'vitest'
import { collectionInput, type CollectionRules, compareDefinitions } from '../../../src/catalog/definition.js'
import type { FieldDefinition, FieldShape } from '../../../src/catalog/field.js'

type Given =
  | readonly FieldDefinition[]
  | { readonly fields: readonly FieldDefinition[]; readonly rules: CollectionRules }

function change(old: Given, now: Given, keys: readonly [string, string] = ['id', 'id']): readonly string[] {
  const [before, after] = [old, now].map((given, i) => {
    const { fields, rules } = 'rules' in given ? given : { fields: given, rules: {} }
    return collectionInput('c', fields, keys[i] ?? 'id', undefined, rules)
  })
  if (before === undefined || after === undefined) return []
  const result = compareDefinitions({ ...before, id: 1, version: 1, indexes: [] }, after)
  return result.kind === 'same' ? ['same'] : [result.kind, ...result.reasons]
}

const v = (shape: FieldShape): FieldDefinition[] => [{ path: ['v'], ...shape }]

describe('safe', () => {
  const cases: readonly [FieldShape, FieldShape][] = [
    [{ type: 'int' }, { type: 'int', optional: true }],
    [{ type: 'int' }, { type: 'int', nullable: true }],
    [{ type: 'int' }, { type: 'float64' }],
    [
      { type: 'int', min: 1 },
      { type: 'float64', min: 0 },
    ],
    [{ type: 'uuid' }, { type: 'string' }],
    [{ type: 'enum', values: ['a'] }, { type: 'string' }],
    [
      { type: 'enum', values: ['a'] },
      { type: 'enum', values: ['a', 'b'] },
    ],
    [{ type: 'list', element: { type: 'int' } }, { type: 'any' }],
    [
      { type: 'int', min: 2 },
      { type: 'int', min: 1 },
    ],
    [{ type: 'int', max: 2 }, { type: 'int' }],
    [
      { type: 'string', length: 2 },
      { type: 'string', minLength: 1, maxLength: 3 },
    ],
    [
      { type: 'string', minLength: 2 },
      { type: 'string', nonempty: true },
    ],
    [{ type: 'string', pattern: 'a' }, { type: 'string' }],
    [{ type: 'list', element: { type: 'int' } }, { type: 'list' }],
    [
      { type: 'list', element: { type: 'int', min: 1 } },
      { type: 'list', element: { type: 'int' } },
    ],
    [{ type: 'object', fields: v({ type: 'int' }) }, { type: 'object' }],
    [{ type: 'int' }, { type: 'int', default: 1 }],
    [
      { type: 'int', default: 1 },
      { type: 'int', default: 2 },
    ],
    [
      { type: 'int', optional: true, nullable: false },
      { type: 'int', default: 2 },
    ],
  ]
  it.each(cases.map((one, i) => [i, ...one] as const))('number %i', (_i, old, now) => {
    const [kind, ...reasons] = change(v(old), v(now))
    expect(kind).toBe('safe')
    expect(reasons.length).toBeGreaterThan(0)
  })

  it('are new fields that are optional or have a default, and fields no longer declared', () => {
    expect(change([], v({ type: 'int', optional: true }))).toEqual(['safe', "field 'v' is new"])
    expect(change([], v({ type: 'int', default: 1 }))).toEqual(['safe', "field 'v' is new"])
    expect(change(v({ type: 'int' }), [])).toEqual(['safe', "field 'v' is no longer declared"])
    const coded = { fields: v({ type: 'int' }), rules: { codeRules: { defaults: ['v'], validator: false } } }
    expect(change([], coded)).toEqual(['safe', "field 'v' is new"])
  })

  it('is to refuse unknown fields no longer, and to drop a validator', () => {
    const validated = { fields: [], rules: { codeRules: { defaults: [], validator: true } } }
    expect(change({ fields: [], rules: { unknownFields: 'refuse' } }, [])[0]).toBe('safe')
    expect(change(validated, [])).toEqual(['safe', 'the validator goes'])
  })
})

describe('a migration is needed', () => {
  const cases: readonly [FieldShape, FieldShape][] = [
    [{ type: 'int', optional: true }, { type: 'int' }],
    [{ type: 'int', nullable: true }, { type: 'int' }],
    [{ type: 'float64' }, { type: 'int' }],
    [{ type: 'int' }, { type: 'int64' }],
    [{ type: 'string' }, { type: 'enum', values: ['a'] }],
    [
      { type: 'enum', values: ['a', 'b'] },
      { type: 'enum', values: ['a'] },
    ],
    [{ type: 'int' }, { type: 'int', min: 1 }],
    [
      { type: 'int', max: 2 },
      { type: 'int', max: 1 },
    ],
    [
      { type: 'timestamp', min: new Date(1) },
      { type: 'timestamp', min: new Date(2) },
    ],
    [{ type: 'string' }, { type: 'string', maxLength: 2 }],
    [
      { type: 'string', pattern: 'a' },
      { type: 'string', pattern: 'b' },
    ],
    [{ type: 'string' }, { type: 'string', email: true }],
    [{ type: 'list' }, { type: 'list', element: { type: 'int' } }],
    [
      { type: 'list', element: { type: 'int' } },
      { type: 'list', element: { type: 'int', min: 0 } },
    ],
    [{ type: 'object' }, { type: 'object', fields: v({ type: 'int' }) }],
    [{ type: 'int', default: 1 }, { type: 'int' }],
  ]
  it.each(cases.map((one, i) => [i, ...one] as const))('number %i', (_i, old, now) => {
    expect(change(v(old), v(now))[0]).toBe('migration')
  })

  it('names every reason, and none that is safe', () => {
    const old: FieldDefinition[] = [
      { path: ['a'], type: 'int' },
      { path: ['b'], type: 'string' },
    ]
    const now: FieldDefinition[] = [
      { path: ['a'], type: 'int', min: 1, max: 2, optional: true },
      { path: ['b'], type: 'int' },
      { path: ['c'], type: 'int' },
    ]
    expect(change(old, now)).toEqual([
      'migration',
      "field 'a': min changes from none to 1",
      "field 'a': max changes from none to 2",
      "field 'b' changes from string to int",
      "field 'c' is new, not optional, and has no default",
    ])
  })

  it('where unknown fields are refused from now on, or a validator is new', () => {
    expect(change([], { fields: [], rules: { unknownFields: 'refuse' } })[0]).toBe('migration')
    expect(change([], { fields: [], rules: { codeRules: { defaults: [], validator: true } } })[0]).toBe(
      'migration',
    )
    const strict = { unknownFields: 'refuse' } as const
    expect(change({ fields: v({ type: 'int' }), rules: strict }, { fields: [], rules: strict })[0]).toBe(
      'migration',
    )
  })
})

describe('breaking', () => {
  it('is what the key is about', () => {
    expect(change([], [], ['id', 'other'])).toEqual(['breaking', 'the primary key differs'])
    const id = (type: 'uuid' | 'string' | 'int'): FieldDefinition[] => [{ path: ['id'], type }]
    expect(change(id('uuid'), id('string'))[0]).toBe('breaking')
    expect(change(id('int'), id('string'))[0]).toBe('breaking')
    expect(change(id('uuid'), [])[0]).toBe('breaking')
  })
})

describe('the same', () => {
  it('are a flat and a nested field list, in any order', () => {
    const flat: FieldDefinition[] = [
      { path: ['a', 'b'], type: 'int' },
      { path: ['c'], type: 'string', default: 'x' },
    ]
    const nested: FieldDefinition[] = [
      { path: ['c'], type: 'string', default: 'x' },
      { path: ['a'], type: 'object', fields: [{ path: ['b'], type: 'int' }] },
    ]
    expect(change(flat, nested)).toEqual(['same'])
    expect(change(nested, flat)).toEqual(['same'])
  })
})
