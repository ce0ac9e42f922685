/**
 * The compiled check of rows against an interpreted one that is written to be read: random definitions, and rows that fit
 * them, nearly fit, or do not at all. Both must find the same paths wrong.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collectionInput } from '../../src/catalog/definition.js'
import type { FieldDefinition, FieldShape, UnknownFields } from '../../src/catalog/field.js'
import { compileFlatFields } from '../../src/catalog/flat-fields.js'
import { compileRowCheck } from '../../src/catalog/row-check.js'
import { compileFill } from '../../src/catalog/row-fill.js'
import { writeFlat } from '../../src/format/flat-row.js'
import { Findings } from '../../src/format/value-findings.js'
import { count, seed } from '../support/counts.js'

const NAMES = ['a', 'b', 'c', 'constructor', 'odd name']

const bounds = fc.record(
  { min: fc.integer({ min: -3, max: 0 }), max: fc.integer({ min: 0, max: 3 }) },
  { requiredKeys: [] },
)
const sizes = fc.record(
  { minLength: fc.nat(1), maxLength: fc.integer({ min: 1, max: 3 }), nonempty: fc.constant(true) },
  { requiredKeys: [] },
)
const presence = fc.record({ optional: fc.boolean(), nullable: fc.boolean() }, { requiredKeys: [] })

const scalar: fc.Arbitrary<FieldShape> = fc.oneof(
  fc
    .tuple(fc.constantFrom<'int' | 'float64'>('int', 'float64'), bounds)
    .map(([type, more]) => ({ type, ...more })),
  sizes.map((more) => ({ type: 'string', ...more }) as const),
  fc.constantFrom<FieldShape>(
    { type: 'int64', min: -1n },
    { type: 'uint64', max: 5n },
    { type: 'boolean' },
    { type: 'timestamp', min: new Date(0) },
    { type: 'bytes', length: 2 },
    { type: 'enum', values: ['x', 'y'] },
    { type: 'string', pattern: '^x' },
    { type: 'any' },
  ),
)

const { shape } = fc.letrec<{ shape: FieldShape; fields: FieldDefinition[] }>((tie) => ({
  shape: fc
    .tuple(
      fc.oneof(
        { maxDepth: 3, depthSize: 'small' },
        scalar,
        fc
          .tuple(sizes, fc.constantFrom<'list' | 'set'>('list', 'set'), tie('shape'))
          .map(([more, type, element]) => ({ type, element, ...more })),
        fc
          .tuple(tie('shape'), tie('shape'))
          .map(([key, element]) => ({ type: 'map', key, element }) as const),
        tie('fields').map((fields) => ({ type: 'object', fields }) as const),
      ),
      presence,
    )
    .map(([one, more]) => ({ ...one, ...more })),
  fields: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), tie('shape')), {
      maxLength: 3,
      selector: ([name]) => name,
    })
    .map((list) => list.map(([name, one]) => ({ path: [name], ...one }))),
}))

const anything = fc.constantFrom<unknown>(
  undefined,
  null,
  0,
  -2,
  9,
  0.5,
  Number.NaN,
  2n,
  -5n,
  'x',
  '',
  'long text',
  true,
  new Date(-1),
  new Date(5),
  new Uint8Array(2),
  [],
  [1],
  {},
  { a: 1 },
  new Map(),
  new Map([['k', 1]]),
  new Set(),
  new Set([1]),
)

/** Values that mostly fit. */
function valueOf(one: FieldShape): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 8, arbitrary: fitting(one) }, { weight: 1, arbitrary: anything })
}

function fitting(one: FieldShape): fc.Arbitrary<unknown> {
  const element = one.element === undefined ? anything : valueOf(one.element)
  switch (one.type) {
    case 'list':
      return fc.array(element, { maxLength: 3 })
    case 'set':
      return fc.array(element, { maxLength: 3 }).map((items) => new Set(items))
    case 'map':
      return fc
        .array(fc.tuple(one.key === undefined ? anything : valueOf(one.key), element), { maxLength: 3 })
        .map((items) => new Map(items))
    case 'object':
      return rowOf(one.fields ?? [])
    case 'int':
    case 'float64':
      return fc.integer({ min: -4, max: 4 })
    case 'string':
      return fc.constantFrom('', 'x', 'xy', 'xyzz')
    default:
      return anything
  }
}

function rowOf(fields: readonly FieldDefinition[]): fc.Arbitrary<Record<string, unknown>> {
  const entries = fields.map((field) => fc.tuple(fc.constant(field.path[0] ?? ''), valueOf(field)))
  const extra = fc.option(fc.tuple(fc.constantFrom('a', 'extra'), anything), { nil: undefined, freq: 5 })
  return fc
    .tuple(fc.tuple(...entries), extra)
    .map(([list, more]) => Object.fromEntries(more === undefined ? list : [more, ...list]))
}

/** What is wrong with a value, by the book. */
function wrong(one: FieldShape, value: unknown, refuse: boolean): string[] {
  const mayLack = one.optional === true
  const nullable = one.nullable ?? (mayLack || one.type === 'any')
  if (value === undefined) return mayLack ? [] : ['']
  if (value === null) return nullable ? [] : ['']
  const own = ownWrong(one, value)
  if (own.length > 0) return own
  if (Array.isArray(value) && one.element !== undefined)
    return value.flatMap((item, i) => under(`[${i}]`, wrong(one.element ?? one, item, refuse)))
  if (value instanceof Set)
    return [...value].flatMap((item) => under('*', wrong(one.element ?? { type: 'any' }, item, refuse)))
  if (value instanceof Map) {
    return [...value].flatMap(([key, item]) => [
      ...under('*', one.key === undefined ? [] : wrong(one.key, key, refuse)),
      ...under('*', one.element === undefined ? [] : wrong(one.element, item, refuse)),
    ])
  }
  return one.type === 'object' && one.fields !== undefined
    ? rowWrong(one.fields, value as Record<string, unknown>, refuse)
    : []
}

function rowWrong(
  fields: readonly FieldDefinition[],
  row: Record<string, unknown>,
  refuse: boolean,
): string[] {
  const declared = fields.map((field) => field.path[0] ?? '')
  const unknown = Object.keys(row).filter((name) => row[name] !== undefined && !declared.includes(name))
  return [
    ...fields.flatMap((field) => {
      const name = field.path[0] ?? ''
      return under(`/${name}`, wrong(field, Object.hasOwn(row, name) ? row[name] : undefined, refuse))
    }),
    ...(refuse ? unknown.map((name) => `/${name}`) : []),
  ]
}

function under(step: string, rest: readonly string[]): string[] {
  return rest.map((one) => step + one)
}

/** One entry per rule that a value of the right type breaks; one if the type is wrong. */
function ownWrong(one: FieldShape, value: unknown): string[] {
  const types: Record<string, boolean> = {
    string: typeof value === 'string',
    int: Number.isSafeInteger(value),
    int64: typeof value === 'bigint',
    uint64: typeof value === 'bigint' && value >= 0n,
    float64: typeof value === 'number',
    boolean: typeof value === 'boolean',
    timestamp: value instanceof Date,
    bytes: value instanceof Uint8Array,
    enum: one.values?.includes(value as string) === true,
    list: Array.isArray(value),
    set: value instanceof Set,
    map: value instanceof Map,
    object: typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype,
    any: true,
  }
  if (types[one.type] !== true) return ['']
  const size =
    value instanceof Set || value instanceof Map ? value.size : Number((value as { length?: number }).length)
  const number = value as number
  const broken = [
    one.min !== undefined && !(number >= (one.min as number)),
    one.max !== undefined && !(number <= (one.max as number)),
    one.length !== undefined && size !== one.length,
    one.minLength !== undefined && size < one.minLength,
    one.maxLength !== undefined && size > one.maxLength,
    one.nonempty === true && size === 0,
    one.pattern !== undefined && !new RegExp(one.pattern, 'u').test(value as string),
  ]
  return broken.filter(Boolean).map(() => '')
}

/** The paths of issues in the oracle's way of writing: entries of sets and maps are not told apart. */
function pathOf(path: string): string {
  let text = ''
  for (const [step] of path.matchAll(/get\((?:"[^"]*"|[^()]*)\)|\["[^"]*"\]|\[\d+\]|[^.[]+/gu)) {
    if (step.startsWith('get(')) text += '*'
    else if (step.startsWith('["')) text += `/${JSON.parse(step.slice(1, -1)) as string}`
    else text += step.startsWith('[') ? step : `/${step}`
  }
  return text
}

const cases = shape.chain((one) => {
  const fields: FieldDefinition[] =
    one.type === 'object' ? [...(one.fields ?? [])] : [{ path: ['a'], ...one }]
  return fc.record({
    fields: fc.constant(fields),
    row: rowOf(fields),
    unknownFields: fc.constantFrom<UnknownFields>('refuse', 'keep', 'strip'),
  })
})

describe('the compiled check of rows', () => {
  it('finds what the oracle finds', () => {
    let good = 0
    let bad = 0
    fc.assert(
      fc.property(cases, ({ fields, row, unknownFields }) => {
        const input = collectionInput('c', fields, 'id')
        const definition = { ...input, primaryKey: [], unknownFields }
        const findings = new Findings()
        compileRowCheck(definition)(row, findings)
        const expected = rowWrong(input.fields, row, unknownFields === 'refuse')
        if (expected.length === 0) good++
        else bad++
        expect(findings.issues.map(({ path }) => pathOf(path)).toSorted()).toEqual(expected.toSorted())
      }),
      { seed, numRuns: count(2000, 50_000) },
    )
    // Neither kind alone would say much.
    expect(Math.min(good, bad)).toBeGreaterThan(100)
  })

  it('agrees with what is told of flat rows from their names and values', () => {
    let flat = 0
    fc.assert(
      fc.property(cases, ({ fields, row, unknownFields }) => {
        const definition = { ...collectionInput('c', fields, 'id'), primaryKey: [], unknownFields }
        const names = Object.keys(row)
        const ofNames = compileFlatFields(definition, new Map())(names)
        if (ofNames === undefined || writeFlat(row, { id: 0, names, fields: ofNames }) < 0) return
        flat++
        const findings = new Findings()
        compileRowCheck(definition)(row, findings)
        expect(findings.issues).toEqual([])
        const fill = compileFill(definition, new Map(), unknownFields === 'strip')
        expect(fill?.(row) ?? row).toBe(row)
      }),
      { seed, numRuns: count(2000, 50_000) },
    )
    expect(flat).toBeGreaterThan(100)
  })

  it('finds nothing unknown in a row that was stripped', () => {
    fc.assert(
      fc.property(cases, ({ fields, row }) => {
        const definition = {
          ...collectionInput('c', fields, 'id'),
          primaryKey: [],
          unknownFields: 'strip' as const,
        }
        const stripped = compileFill(definition, new Map(), true)?.(row) ?? row
        const findings = new Findings()
        compileRowCheck({ ...definition, unknownFields: 'refuse' })(stripped, findings)
        expect(
          findings.issues.filter(({ expected }) => expected.startsWith('no field of this name')),
        ).toEqual([])
      }),
      { seed, numRuns: count(1000, 20_000) },
    )
  })
})
