/**
 * Queries equal a plain array's filter, sort and slice, whatever the rows, the filter, the order, and the indexes there are; mingo
 * judges filters too, where it means the same. Every way to reach rows is taken often.
 */
import * as fc from 'fast-check'
import { Query as MingoQuery } from 'mingo'
import { describe, expect, it } from 'vitest'
import { Database, type IndexInput, type Query, type QueryPlan, type Row } from '../../src/index.js'
import { count, seed } from '../support/counts.js'
import { type Doc, matches, order, reach, same, sorted } from '../support/query-oracle.js'

const RUNS = Math.max(60, count(80, 5_000))

const text = fc.constantFrom('', 'a', 'ab', 'abc', 'b', 'ba', 'é', '\uffff', '😀', 'a\0')
const integer = fc.integer({ min: -3, max: 6 })
const scalar = fc.oneof(
  { weight: 4, arbitrary: integer },
  { weight: 3, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(null, true, false, NaN, -0, 2.5, 1n, 4n, 2n ** 60n, Infinity),
  },
  { weight: 1, arbitrary: integer.map((ms) => new Date(ms)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2 }) },
)
const anything = fc.oneof(
  { weight: 5, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.record({ d: scalar }, { requiredKeys: [], noNullPrototype: true }) },
  {
    weight: 1,
    arbitrary: fc.array(fc.record({ d: scalar }, { requiredKeys: [], noNullPrototype: true }), {
      maxLength: 2,
    }),
  },
)

/** `n` and `s` are declared, so an index can stand in for them; the rest is as it comes. */
const row = fc.record(
  {
    n: integer,
    s: text,
    a: anything,
    b: integer,
    c: fc.oneof(fc.record({ d: anything }, { requiredKeys: [], noNullPrototype: true }), anything),
    tags: fc.array(scalar, { maxLength: 3 }),
  },
  { requiredKeys: ['n', 's'], noNullPrototype: true },
)
const rows = fc
  .oneof(
    { weight: 1, arbitrary: fc.array(row, { maxLength: 5 }) },
    { weight: 4, arbitrary: fc.array(row, { minLength: 25, maxLength: 60, size: 'max' }) },
  )
  .map((list) => list.map((fields, id): Row => ({ id: (id * 7) % 61, ...fields })))

const PATHS = ['id', 'n', 's', 'a', 'b', 'c', 'c.d', 'tags', 'a.d', 'missing']
const path = fc.constantFrom(...PATHS)
const comparison = fc
  .tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), scalar)
  .map(([operator, value]): Doc => ({ [operator]: value }))
const within = fc.oneof(
  fc.tuple(integer, integer).map(([from, to]): Doc => ({ $gte: from, $lt: to })),
  fc.tuple(text, text).map(([from, to]): Doc => ({ $gt: from, $lte: to })),
)
const condition: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 4, arbitrary: comparison },
  { weight: 3, arbitrary: within },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 4 }).map((values): Doc => ({ $in: values })) },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }).map((values): Doc => ({ $nin: values })) },
  { weight: 1, arbitrary: anything.map((value): Doc => ({ $ne: value })) },
  { weight: 1, arbitrary: anything.filter((value) => !isPlain(value)).map((value): Doc => ({ $eq: value })) },
  { weight: 1, arbitrary: fc.boolean().map((value): Doc => ({ $exists: value })) },
  { weight: 1, arbitrary: comparison.map((value): Doc => ({ $not: value })) },
  {
    weight: 1,
    arbitrary: fc.array(scalar, { minLength: 1, maxLength: 2 }).map((values): Doc => ({ $all: values })),
  },
  { weight: 1, arbitrary: within.map((value): Doc => ({ $elemMatch: value })) },
  { weight: 1, arbitrary: fc.nat(3).map((value): Doc => ({ $size: value })) },
  { weight: 2, arbitrary: text.map((value): Doc => ({ $startsWith: value })) },
  { weight: 1, arbitrary: fc.constantFrom('^a', 'b$', 'a|é').map((value): Doc => ({ $regex: value })) },
)

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** Conditions that fit what stands at their paths, so that they find something. */
const fitting: fc.Arbitrary<[string, unknown]> = fc.oneof(
  fc.tuple(fc.constantFrom('id', 'n', 'b'), fc.oneof(integer, bounded(integer), several(integer))),
  fc.tuple(
    fc.constant('s'),
    fc.oneof(
      text,
      bounded(text),
      several(text),
      text.map((value): Doc => ({ $startsWith: value })),
    ),
  ),
  fc.tuple(fc.constantFrom('a', 'c.d', 'tags'), fc.oneof(scalar, bounded(integer), several(scalar))),
)

function bounded(value: fc.Arbitrary<unknown>): fc.Arbitrary<Doc> {
  return fc
    .tuple(
      fc.constantFrom('$gt', '$gte', '$lt', '$lte'),
      value,
      fc.constantFrom('$gt', '$gte', '$lt', '$lte'),
      value,
    )
    .map(([a, x, b, y]) => ({ [a]: x, [b]: y }))
}

function several(value: fc.Arbitrary<unknown>): fc.Arbitrary<Doc> {
  return fc.array(value, { minLength: 1, maxLength: 3 }).map((values) => ({ $in: values }))
}

const conditions = fc
  .array(fc.oneof({ weight: 3, arbitrary: fitting }, { weight: 2, arbitrary: fc.tuple(path, condition) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((list): Doc => Object.fromEntries(list))
const filter: fc.Arbitrary<Doc> = fc.oneof(
  { weight: 6, arbitrary: conditions },
  { weight: 1, arbitrary: fc.constant<Doc>({}) },
  // What partial indexes are for.
  {
    weight: 1,
    arbitrary: fc
      .tuple(text, fc.constantFrom('$eq', '$gt'))
      .map(([s, name]): Doc => ({ n: 3, s: { [name]: s } })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(integer, integer).map(([n, b]): Doc => ({ n, b: { $gte: Math.max(b, 2) } })),
  },
  { weight: 1, arbitrary: fc.tuple(integer, integer).map(([a, b]): Doc => ({ a, b })) },
  // And compound ones.
  { weight: 1, arbitrary: fc.tuple(text, integer).map(([s, n]): Doc => ({ s, n: { $gte: n } })) },
  { weight: 1, arbitrary: fc.tuple(integer, integer).map(([b, n]): Doc => ({ b, n })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('$or', '$or', '$or', '$and', '$nor'),
        fc.array(conditions, { minLength: 1, maxLength: 3 }),
        conditions,
        fc.boolean(),
      )
      .map(([name, parts, more, alone]): Doc => (alone ? { [name]: parts } : { ...more, [name]: parts })),
  },
)

type OrderList = (readonly [string, 'asc' | 'desc'])[]
const orderBy: fc.Arbitrary<OrderList> = fc.oneof(
  fc.constantFrom<OrderList>(
    [['n', 'asc']],
    [['n', 'desc']],
    [
      ['s', 'desc'],
      ['n', 'desc'],
    ],
    [
      ['s', 'asc'],
      ['n', 'asc'],
    ],
    [['b', 'asc']],
    [['id', 'desc']],
    [['s', 'asc']],
    [['s', 'desc']],
    [
      ['b', 'desc'],
      ['a', 'asc'],
    ],
  ),
  fc.uniqueArray(fc.tuple(path, fc.constantFrom('asc' as const, 'desc' as const)), {
    maxLength: 3,
    selector: ([name]) => name,
  }),
)
const asked = fc.record({
  filter,
  orderBy: fc.oneof(fc.constant<OrderList>([]), orderBy),
  limit: fc.oneof(fc.constant(undefined), fc.nat(12)),
  offset: fc.oneof(fc.constant(0), fc.nat(6)),
  select: fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.subarray(['id', 'n', 's', 'c.d'], { minLength: 1 }) },
  ),
})

/** Indexes to choose from: of one field, nested, compound, of lists, partial. */
const INDEXES: Readonly<Record<string, IndexInput>> = {
  byN: { on: 'n' },
  byS: { on: 's' },
  bySN: { on: ['s', 'n'] },
  byA: { on: 'a' },
  byB: { on: 'b' },
  byBN: { on: ['b', 'n'] },
  byCD: { on: 'c.d' },
  byTags: { on: 'tags' },
  byTagsN: { on: ['tags', 'n'] },
  fewN: { on: 'n', where: { b: { $gte: 2 } } },
  fewS: { on: 's', where: { n: 3 } },
  fewA: { on: 'a', where: { b: { $exists: true } } },
}
const indexes = fc
  .subarray(Object.keys(INDEXES), { minLength: 3 })
  .map((names) => Object.fromEntries(names.map((name) => [name, INDEXES[name] ?? { on: name }])))
/** Two lists in one compound index are refused, so `n` is never a list; `a`, `c.d` and `tags` stand alone or with it. */

type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never

const taken = new Map<string, number>()
function note(what: string): void {
  taken.set(what, (taken.get(what) ?? 0) + 1)
}

function noteAll(plan: QueryPlan, rowsFound: number): void {
  if (rowsFound === 0) return
  note(plan.kind)
  if (plan.sort !== 'none') note(`sort: ${plan.sort}`)
  if (plan.covered) note(`covered ${plan.kind}`)
  for (const { index, multiKey, direction, ranges, bounds } of plan.access) {
    if (multiKey) note('multi-key')
    if (index.startsWith('few')) note('partial')
    if (direction === 'backward') note('backward')
    if (ranges > 1) note('several ranges')
    if (bounds.length > 1) note('compound')
    if (index !== 'primary' && bounds.length === 0) note('whole index')
  }
}

function check(
  query: Query,
  docs: readonly Doc[],
  { filter: wanted, orderBy: fields, limit, offset, select }: Asked,
): void {
  const all = docs.filter((doc) => matches(wanted, doc))
  const plan = query.explain()
  const found = query.toArray()
  noteAll(plan, found.length)
  const length = Math.max(0, Math.min(all.length - offset, limit ?? Infinity))
  expect(found).toHaveLength(length)
  expect(query.count()).toBe(length)
  expect(query.exists()).toBe(length > 0)
  const shown = (doc: Doc): Row => (select === undefined ? { ...doc } : pick(doc, select))
  const first = query.first()
  if (length === 0) expect(first).toBeUndefined()
  else if (fields.length > 0) expect(first).toEqual(found[0])
  else expect(all.some((doc) => same(shown(doc), first))).toBe(true)
  if (fields.length > 0)
    expect(found).toEqual(
      sorted(all, fields)
        .slice(offset, offset + (limit ?? Infinity))
        .map(shown),
    )
  else {
    const left = all.map(shown)
    for (const one of found) {
      const at = left.findIndex((doc) => same(doc, one))
      expect(at).toBeGreaterThanOrEqual(0)
      left.splice(at, 1)
    }
  }
}

function pick(doc: Doc, select: readonly string[]): Row {
  const chosen: Row = {}
  for (const name of select) {
    if (name !== 'c.d') {
      if (Object.hasOwn(doc, name)) chosen[name] = doc[name]
    } else if (Array.isArray(doc['c'])) {
      chosen['c'] = doc['c'].filter(isPlain).map((element: unknown) => ({ ...(element as Doc) }))
    } else if (isPlain(doc['c'])) chosen['c'] = { ...(doc['c'] as Doc) }
  }
  return chosen
}

async function open(list: readonly Row[], chosen: Readonly<Record<string, IndexInput>>): Promise<Database> {
  const db = Database.openInMemory()
  const fields = [
    { path: ['id'], type: 'int' as const },
    { path: ['n'], type: 'int' as const },
    { path: ['s'], type: 'string' as const },
  ]
  await db.registerCollection('t', fields, 'id', { indexes: chosen })
  await db.collection('t').insertMany(list)
  return db
}

describe('queries', () => {
  it('give what filter, sort and slice of an array give, by every access path', async () => {
    const property = fc.asyncProperty(
      rows,
      indexes,
      fc.array(asked, { minLength: 25, maxLength: 25 }),
      async (list, chosen, queries) => {
        const db = await open(list, chosen)
        for (const one of queries) {
          const { filter: wanted, orderBy: fields, ...options } = one
          check(
            db
              .collection('t')
              .find(wanted, { ...options, orderBy: fields.map(([name, way]) => ({ [name]: way })) }),
            list,
            one,
          )
        }
        await db.close()
      },
    )
    await fc.assert(property, { seed, numRuns: RUNS })
    const least = {
      scan: 20,
      primary: 2,
      index: 40,
      union: 3,
      'sort: index': 8,
      'sort: groups': 1,
      'sort: top': 10,
      'sort: all': 15,
      'covered index': 4,
      'multi-key': 8,
      partial: 6,
      backward: 5,
      'several ranges': 6,
      compound: 1,
      'whole index': 3,
    }
    const seldom = Object.entries(least).filter(([what, times]) => (taken.get(what) ?? 0) < times)
    expect({ seldom, taken: seldom.length > 0 ? [...taken] : [] }).toEqual({ seldom: [], taken: [] })
  })

  it('give pages that put together are all rows in order', async () => {
    const property = fc.asyncProperty(
      rows,
      indexes,
      filter,
      orderBy,
      fc.integer({ min: 1, max: 7 }),
      async (list, chosen, wanted, fields, limit) => {
        const db = await open(list, chosen)
        const given: Row[] = []
        let after: string | undefined
        let pages = 0
        do {
          const page = db
            .collection('t')
            .find(wanted, { orderBy: fields.map(([name, way]) => ({ [name]: way })), limit, after })
            .page()
          given.push(...page.rows)
          after = page.next
          pages++
        } while (after !== undefined && pages < 100)
        expect(given).toEqual(
          sorted(
            list.filter((doc) => matches(wanted, doc)),
            fields,
          ),
        )
        await db.close()
      },
    )
    await fc.assert(property, { seed, numRuns: RUNS })
  })

  it('give the distinct values of a path', async () => {
    const property = fc.asyncProperty(rows, indexes, filter, path, async (list, chosen, wanted, name) => {
      const db = await open(list, chosen)
      const values = list
        .filter((doc) => matches(wanted, doc))
        .flatMap((doc) => reach(doc, name.split('.')))
        .flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]))
        .map((value) => value ?? null)
      const found = db.collection('t').find(wanted).distinct(name)
      const expected = values.filter((value, i) => values.findIndex((other) => same(value, other)) === i)
      expect(found).toHaveLength(expected.length)
      for (const value of expected) expect(found.some((other) => same(value, other))).toBe(true)
      for (const [i, value] of found.slice(1).entries()) expect(order(found[i], value)).toBeLessThanOrEqual(0)
      await db.close()
    })
    await fc.assert(property, { seed, numRuns: Math.ceil(RUNS / 2) })
  })
})

describe('filters and mingo', () => {
  /** Where both mean the same: no NaN, bigint, bytes or -0, `$all` of lists alone, and no operator of ours. */
  const plain = fc.oneof(integer, fc.constantFrom('', 'a', 'ab', 'b'), fc.constantFrom(null, true, false))
  const plainRow = fc.record(
    {
      a: fc.oneof(plain, fc.array(plain, { maxLength: 3 })),
      b: integer,
      c: fc.record({ d: plain }, { requiredKeys: [], noNullPrototype: true }),
      tags: fc.array(plain, { maxLength: 3 }),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  const comparable = fc.oneof(integer, fc.constantFrom('', 'a', 'ab', 'b'))
  const allOf = fc.array(comparable, { minLength: 1, maxLength: 2 }).map((value): Doc => ({ $all: value }))
  const plainCondition = fc.oneof(
    plain,
    fc
      .tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), comparable)
      .map(([name, value]): Doc => ({ [name]: value })),
    fc
      .tuple(fc.constantFrom('$in', '$nin'), fc.array(plain, { maxLength: 3 }))
      .map(([name, value]): Doc => ({ [name]: value })),
    fc.tuple(fc.constantFrom('$eq', '$ne'), plain).map(([name, value]): Doc => ({ [name]: value })),
    fc.boolean().map((value): Doc => ({ $exists: value })),
    fc.nat(3).map((value): Doc => ({ $size: value })),
    integer.map((value): Doc => ({ $elemMatch: { $gte: value } })),
    integer.map((value): Doc => ({ $not: { $gt: value } })),
    fc.constantFrom('^a', 'b$').map((value): Doc => ({ $regex: value })),
  )
  const plainConditions = fc
    .array(
      fc.oneof(
        {
          weight: 6,
          arbitrary: fc.tuple(fc.constantFrom('a', 'b', 'c.d', 'tags', 'missing'), plainCondition),
        },
        { weight: 1, arbitrary: fc.tuple(fc.constant('tags'), allOf) },
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    )
    .map((list): Doc => Object.fromEntries(list))
  const plainFilter = fc.oneof(
    plainConditions,
    fc
      .tuple(
        fc.constantFrom('$or', '$and', '$nor'),
        fc.array(plainConditions, { minLength: 1, maxLength: 2 }),
      )
      .map(([name, of]): Doc => ({ [name]: of })),
  )

  it('match the same rows', async () => {
    let matched = 0
    const property = fc.asyncProperty(
      fc.array(plainRow, { maxLength: 20 }),
      fc.array(plainFilter, { minLength: 10, maxLength: 10 }),
      async (list, filters) => {
        const docs = list.map((fields, id) => ({ id, ...fields }))
        const db = Database.openInMemory()
        await db.registerCollection('t', [], 'id', {
          indexes: { byA: { on: 'a' }, byCD: { on: 'c.d' }, byTags: { on: 'tags' } },
        })
        await db.collection('t').insertMany(docs)
        for (const one of filters) {
          const judge = new MingoQuery(one)
          const expected = docs.filter((doc) => judge.test(doc)).map(({ id }) => id)
          matched += expected.length
          const found = db.collection('t').find(one, { orderBy: 'id' }).toArray()
          expect({ one, ids: found.map(({ id }) => id) }).toEqual({ one, ids: expected })
        }
        await db.close()
      },
    )
    await fc.assert(property, { seed, numRuns: RUNS })
    expect(matched).toBeGreaterThan(50)
  })
})
