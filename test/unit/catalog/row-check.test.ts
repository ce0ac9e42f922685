/** The compiled check of rows: every type, every constraint, every failing path; and what fills rows before it. */
import { describe, expect, it } from 'vitest'
import type { FieldDefinition, FieldShape, UnknownFields } from '../../../src/catalog/field.js'
import { compileRowCheck } from '../../../src/catalog/row-check.js'
import { compileFill } from '../../../src/catalog/row-fill.js'
import { Findings } from '../../../src/format/value-findings.js'

function issuesOf(
  fields: readonly FieldDefinition[],
  row: unknown,
  unknownFields: UnknownFields = 'keep',
): readonly string[] {
  const findings = new Findings()
  compileRowCheck({ fields, primaryKey: [], unknownFields })(row, findings)
  return findings.issues.map(({ path, expected, found }) => `${path}: ${expected} | ${found}`)
}

function fits(shape: FieldShape, value: unknown): boolean {
  return issuesOf([{ path: ['v'], ...shape }], { v: value }).length === 0
}

class Odd {
  readonly x = 1
}

const VALUES: Readonly<Record<string, unknown>> = {
  text: 'a',
  empty: '',
  uuid: '01890000-0000-7000-8000-000000000000',
  zero: 0,
  half: 0.5,
  large: 2 ** 53,
  nan: Number.NaN,
  big: 1n,
  negative: -1n,
  huge: 2n ** 64n,
  yes: true,
  date: new Date(0),
  invalidDate: new Date(Number.NaN),
  bytes: new Uint8Array(2),
  list: [],
  object: {},
  instance: new Odd(),
  map: new Map(),
  set: new Set(),
  nothing: null,
}

const TAKES: Readonly<Record<string, readonly string[]>> = {
  string: ['text', 'empty', 'uuid'],
  int: ['zero'],
  int64: ['big', 'negative'],
  uint64: ['big'],
  float64: ['zero', 'half', 'large', 'nan'],
  boolean: ['yes'],
  timestamp: ['date'],
  uuid: ['uuid'],
  bytes: ['bytes'],
  list: ['list'],
  object: ['object'],
  map: ['map'],
  set: ['set'],
  any: Object.keys(VALUES),
}

describe('types', () => {
  it.each(Object.keys(TAKES))('%s takes what it says, and nothing else', (type) => {
    const taken = Object.keys(VALUES).filter((name) => fits({ type } as FieldShape, VALUES[name]))
    expect(taken).toEqual(TAKES[type])
  })

  it('an enum takes its values', () => {
    const shape: FieldShape = { type: 'enum', values: ['a', 'b'] }
    expect(['a', 'b', 'c', 1].map((value) => fits(shape, value))).toEqual([true, true, false, false])
  })

  it('what is absent or null fits where it may be', () => {
    const shapes: FieldShape[] = [
      { type: 'int' },
      { type: 'int', optional: true },
      { type: 'int', optional: true, nullable: false },
      { type: 'int', nullable: true },
      { type: 'any' },
      { type: 'any', nullable: false },
    ]
    const taken = shapes.map((shape) => [undefined, null].map((value) => fits(shape, value)))
    expect(taken).toEqual([
      [false, false],
      [true, true],
      [true, false],
      [false, true],
      [false, true],
      [false, false],
    ])
  })
})

describe('constraints', () => {
  const cases: readonly [FieldShape, readonly unknown[], readonly unknown[]][] = [
    [{ type: 'int', min: 1, max: 3 }, [1, 3], [0, 4]],
    [{ type: 'float64', min: 0 }, [0, Infinity], [-0.1, Number.NaN]],
    [{ type: 'int64', min: -2n }, [-2n], [-3n]],
    [{ type: 'uint64', max: 2n }, [2n], [3n]],
    [
      { type: 'timestamp', min: new Date(5), max: new Date(6) },
      [new Date(5), new Date(6)],
      [new Date(4), new Date(7)],
    ],
    [{ type: 'string', minLength: 1, maxLength: 2 }, ['a', 'ab'], ['', 'abc']],
    [{ type: 'string', nonempty: true }, ['a'], ['']],
    [{ type: 'string', pattern: '^a+$' }, ['aa'], ['ab']],
    [{ type: 'string', pattern: '^a+$', patternFlags: 'i' }, ['aA'], ['b']],
    [{ type: 'string', email: true }, ['a@b.co'], ['a@b', 'a b@c.de']],
    [{ type: 'string', url: true }, ['https://a.b/c?d#e'], ['a.b/c']],
    [{ type: 'bytes', length: 2 }, [new Uint8Array(2)], [new Uint8Array(3)]],
    [{ type: 'list', minLength: 1 }, [[0]], [[]]],
    [{ type: 'list', element: { type: 'int', min: 0 } }, [[], [0, 1]], [[-1], ['a'], [null]]],
    [
      { type: 'set', element: { type: 'int' }, maxLength: 1 },
      [new Set([1])],
      [new Set([1, 2]), new Set(['a'])],
    ],
    [
      { type: 'map', key: { type: 'string' }, element: { type: 'int' } },
      [new Map([['a', 1]])],
      [new Map([[1, 1]]), new Map([['a', 'b']])],
    ],
    [{ type: 'map', nonempty: true }, [new Map([[1, 1]])], [new Map()]],
  ]

  it.each(cases.map((one, i) => [i, ...one] as const))('number %i', (_i, shape, good, bad) => {
    expect(good.filter((value) => !fits(shape, value))).toEqual([])
    expect(bad.filter((value) => fits(shape, value))).toEqual([])
  })
})

describe('failing paths', () => {
  const fields: FieldDefinition[] = [
    { path: ['title'], type: 'string', minLength: 2, pattern: '^[A-Z]' },
    { path: ['author'], type: 'object', fields: [{ path: ['name'], type: 'string' }] },
    { path: ['author', 'born'], type: 'timestamp', optional: true },
    { path: ['tags'], type: 'list', element: { type: 'string' } },
    { path: ['odd name'], type: 'map', element: { type: 'int' } },
  ]

  it('are all told, with what was expected and found', () => {
    const row = {
      title: 'x',
      author: { born: 'then' },
      tags: ['a', 1, 'b', null],
      'odd name': new Map([['k', 'v']]),
    }
    expect(issuesOf(fields, row)).toEqual([
      'title: a string, at least 2 long | the string "x"',
      'title: a string that matches /^[A-Z]/ | the string "x"',
      'author.name: a string | nothing',
      'author.born: a valid Date | the string "then"',
      'tags[1]: a string | the number 1',
      'tags[3]: a string | null',
      '["odd name"].get("k"): a safe integer | the string "v"',
    ])
  })

  it('of a flat and a nested field list are the same', () => {
    const flat: FieldDefinition[] = [
      { path: ['a', 'b'], type: 'int' },
      { path: ['a', 'c', 'd'], type: 'int', optional: true },
    ]
    const nested: FieldDefinition[] = [
      {
        path: ['a'],
        type: 'object',
        fields: [
          { path: ['b'], type: 'int' },
          {
            path: ['c'],
            type: 'object',
            optional: true,
            fields: [{ path: ['d'], type: 'int', optional: true }],
          },
        ],
      },
    ]
    for (const row of [{ a: { b: 1 } }, { a: { b: 'x', c: { d: 'y' } } }, { a: { b: 1, c: 3 } }, { a: [] }])
      expect(issuesOf(flat, row), JSON.stringify(row)).toEqual(issuesOf(nested, row))
    expect(issuesOf(flat, {})).toEqual(['a.b: a safe integer | nothing'])
  })

  it('include fields that are not declared, where those are refused', () => {
    const row = {
      title: 'Xy',
      author: { name: 'a', x: 1 },
      tags: [],
      'odd name': new Map(),
      extra: 1,
      gone: undefined,
    }
    expect(issuesOf(fields, row, 'refuse').map((issue) => issue.split(':')[0])).toEqual(['author.x', 'extra'])
    expect(issuesOf(fields, row, 'keep')).toEqual([])
  })

  it('take names that every object inherits for what they are', () => {
    expect(issuesOf([{ path: ['constructor'], type: 'any', nullable: false }], {})).toHaveLength(1)
    expect(issuesOf([{ path: ['__proto__'], type: 'any' }], {})).toHaveLength(1)
    expect(issuesOf([{ path: ['toString'], type: 'int' }], { toString: 1 })).toEqual([])
  })
})

describe('recursive fields', () => {
  const tree: FieldDefinition = {
    path: ['root'],
    type: 'object',
    fields: [
      { path: ['text'], type: 'string' },
      { path: ['children'], type: 'list', element: { type: 'recursive', levels: 2 } },
      { path: ['mark'], type: 'int', default: 7 },
    ],
  }

  it('are checked at every level', () => {
    const row = {
      root: {
        text: 'a',
        mark: 1,
        children: [{ text: 'b', mark: 1, children: [{ text: 3, mark: 1, children: [] }] }],
      },
    }
    expect(issuesOf([tree], row)).toEqual(['root.children[0].children[0].text: a string | the number 3'])
  })

  it('are filled at every level', () => {
    const row = { root: { text: 'a', children: [{ text: 'b', children: [] }] } }
    const fill = compileFill({ fields: [tree], primaryKey: [], unknownFields: 'keep' }, new Map(), false)
    expect(fill?.(row)).toEqual({
      root: { text: 'a', mark: 7, children: [{ text: 'b', mark: 7, children: [] }] },
    })
  })

  it('end at a cycle', () => {
    const cycle: { text: string; mark: number; children: unknown[] } = { text: 'a', mark: 1, children: [] }
    cycle.children.push(cycle)
    expect(issuesOf([tree], { root: cycle })).toEqual([])
  })
})

describe('filling', () => {
  const definition = (fields: readonly FieldDefinition[]) => ({
    fields,
    primaryKey: [['id']],
    unknownFields: 'keep' as const,
  })

  it('is nothing without defaults', () => {
    expect(compileFill(definition([{ path: ['a'], type: 'int' }]), new Map(), false)).toBeUndefined()
  })

  it('gives absent fields their default, each row one of its own, and leaves the row given as it was', () => {
    const fill = compileFill(
      definition([
        { path: ['tags'], type: 'list', default: ['new'] },
        { path: ['author', 'country'], type: 'string', default: 'x' },
        {
          path: ['items'],
          type: 'list',
          optional: true,
          element: { type: 'object', fields: [{ path: ['n'], type: 'int', default: 1 }] },
        },
      ]),
      new Map([['author.id', () => 5]]),
      false,
    )
    const row = { id: 1, author: { name: 'a' }, items: [{ n: 2 }, {}] }
    const filled = fill?.(row) as { tags: string[] }
    expect(filled).toEqual({
      id: 1,
      author: { name: 'a', country: 'x' },
      items: [{ n: 2 }, { n: 1 }],
      tags: ['new'],
    })
    expect(row).toEqual({ id: 1, author: { name: 'a' }, items: [{ n: 2 }, {}] })
    filled.tags.push('more')
    expect(fill?.({ id: 2, author: null })).toMatchObject({ tags: ['new'] })
  })

  it('gives back a row that lacks nothing itself', () => {
    const fill = compileFill(definition([{ path: ['n'], type: 'int', default: 1 }]), new Map(), false)
    const row = { n: 0 }
    expect(fill?.(row)).toBe(row)
    expect(fill?.({ n: null })).toEqual({ n: null })
  })

  it('strips what is not declared, but never the key', () => {
    const fields: FieldDefinition[] = [
      { path: ['a'], type: 'object', fields: [{ path: ['b'], type: 'int' }] },
    ]
    const fill = compileFill(definition(fields), new Map(), true)
    expect(fill?.({ id: 1, a: { b: 1, c: 2 }, d: 3 })).toEqual({ id: 1, a: { b: 1 } })
  })
})
