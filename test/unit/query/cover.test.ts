/** Rows built from keys are what reading them gives, to the type and the sign of zero. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Database, type FieldDefinition, type Row } from '../../../src/index.js'
import { count, seed } from '../../support/counts.js'

const FIELDS: readonly FieldDefinition[] = [
  { path: ['tenant'], type: 'string' },
  { path: ['id'], type: 'int64' },
  { path: ['int'], type: 'int' },
  { path: ['float'], type: 'float64' },
  { path: ['big'], type: 'uint64' },
  { path: ['truth'], type: 'boolean' },
  { path: ['time'], type: 'timestamp' },
  { path: ['uuid'], type: 'uuid' },
  { path: ['bytes'], type: 'bytes' },
  { path: ['in', 'text'], type: 'string' },
  { path: ['perhaps'], type: 'string', optional: true },
]
const PATHS = FIELDS.map(({ path }) => path.join('.'))

const row = fc.record(
  {
    tenant: fc.constantFrom('a', 'b'),
    int: fc.constantFrom(-0, 0, 1, -5, 2 ** 53 - 1),
    float: fc.constantFrom(-0, 0, NaN, 0.5, -Infinity),
    big: fc.constantFrom(0n, 5n, 2n ** 63n + 1n),
    truth: fc.boolean(),
    time: fc.date({ noInvalidDate: true }),
    uuid: fc.uuid(),
    bytes: fc.uint8Array({ maxLength: 3 }),
    in: fc.record(
      { text: fc.string({ maxLength: 3 }).filter((text) => text.isWellFormed()) },
      { noNullPrototype: true },
    ),
    perhaps: fc.constantFrom<unknown>('x', null),
  },
  {
    requiredKeys: ['tenant', 'int', 'float', 'big', 'truth', 'time', 'uuid', 'bytes', 'in'],
    noNullPrototype: true,
  },
)

function chosen(whole: Row, select: readonly string[]): Row {
  const part: Row = {}
  for (const name of select) {
    if (name === 'in.text') part['in'] = whole['in']
    else if (Object.hasOwn(whole, name)) part[name] = whole[name]
  }
  return part
}

describe('covered rows', () => {
  it('are the rows themselves, of every type', async () => {
    let covered = 0
    const property = fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 12 }),
      fc.subarray(PATHS.slice(2), { minLength: 1, maxLength: 4 }),
      fc.subarray(PATHS, { minLength: 1 }),
      async (list, on, select) => {
        const db = Database.openInMemory()
        await db.registerCollection('t', FIELDS, ['tenant', 'id'], { indexes: { some: { on } } })
        const rows = list.map((fields, i): Row => ({ ...fields, id: BigInt(i) * 2n ** 40n }))
        await db.collection('t').insertMany(rows)
        const query = db.collection('t').find({}, { select })
        const { analysis, covered: isCovered } = query.explain({ analyze: true })
        if (isCovered && analysis?.read === 0) covered++
        if (isCovered) expect(select.includes('perhaps')).toBe(false)
        // In the order of the ids, so that each is held against its own.
        const found = db
          .collection('t')
          .find({}, { select: [...new Set([...select, 'id'])] })
          .toArray()
        const byId = new Map(found.map((one) => [one['id'], one]))
        for (const whole of rows) expect(byId.get(whole['id'])).toEqual(chosen(whole, [...select, 'id']))
        await db.close()
      },
    )
    await fc.assert(property, { seed, numRuns: Math.max(60, count(100, 5000)) })
    expect(covered).toBeGreaterThan(0)
  })

  it('are never built from a list of one element, nor from what is not declared', async () => {
    const db = Database.openInMemory()
    await db.registerCollection('t', [{ path: ['id'], type: 'int' }], 'id', { indexes: { byA: { on: 'a' } } })
    await db.collection('t').insertMany([
      { id: 1, a: [5] },
      { id: 2, a: 5n },
      { id: 3, a: 5 },
    ])
    const query = db.collection('t').find({ a: 5 }, { select: ['a'], orderBy: 'id' })
    expect(query.explain().covered).toBe(false)
    expect(query.toArray()).toEqual([{ a: [5] }, { a: 5n }, { a: 5 }])
    await db.close()
  })

  it('are read where the key leaves open what was stored', async () => {
    const db = Database.openInMemory()
    const fields = [{ path: ['id'], type: 'int' as const }]
    await db.registerCollection('t', fields, 'id', { indexes: { byN: { on: 'n' } } })
    await db.collection('t').insertMany([{ id: 1, n: 0 }, { id: -0 }, { id: 7 }])
    const query = db.collection('t').find({ id: { $lt: 8 } }, { select: ['id'] })
    const plan = query.explain({ analyze: true })
    expect(plan.covered).toBe(true)
    expect(plan.analysis).toMatchObject({ examined: 3, read: 1 })
    expect(query.toArray().map(({ id }) => id)).toEqual([-0, 1, 7])
    await db.close()
  })
})
