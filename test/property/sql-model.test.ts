/** SELECTs equal a plain array that is filtered, sorted, cut and grouped by code of its own, with any indexes. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Database, type IndexInput, type Row } from '../../src/index.js'
import { querySql } from '../../src/sql.js'
import { count, seed } from '../support/counts.js'
import { columnOf, compareScalars, sqlExpression, sqlRow } from '../support/sql-oracle.js'

const RUNS = Math.max(60, count(120, 5_000))
const INDEXES: Readonly<Record<string, IndexInput>> = {
  byN: { on: 'n' },
  bySN: { on: ['s', 'n'] },
  byMixed: { on: 'mixed' },
  byX: { on: 'o.x' },
  byTag: { on: 'tags' },
}

const rowsOf = fc.array(sqlRow, { maxLength: 30 }).map((rows) => rows.map((row, id): Row => ({ id, ...row })))
const indexesOf = fc
  .subarray(Object.keys(INDEXES))
  .map((names) => Object.fromEntries(names.map((name) => [name, INDEXES[name] as IndexInput])))

async function databaseOf(
  rows: readonly Row[],
  indexes: Readonly<Record<string, IndexInput>>,
): Promise<Database> {
  const db = Database.openInMemory()
  await db.registerCollection('t', [{ path: ['id'], type: 'int' }], 'id', { indexes })
  await db.insertMany('t', rows)
  return db
}

const ordering = fc.uniqueArray(
  fc.record({ path: fc.constantFrom('n', 's', 'mixed', 'o.x', 'id'), descending: fc.boolean() }),
  { selector: ({ path }) => path, maxLength: 3 },
)

describe('SELECT', () => {
  it('finds, sorts and cuts as an array does', async () => {
    const kinds = new Set<string>()
    const cut = fc.option(fc.nat({ max: 8 }), { nil: undefined })
    const property = fc.asyncProperty(
      ...([rowsOf, indexesOf, sqlExpression, ordering, cut, cut] as const),
      async (rows, indexes, where, order, limit, offset) => {
        const db = await databaseOf(rows, indexes)
        const values: unknown[] = []
        const by = order.map(({ path, descending }) => `${path}${descending ? ' DESC' : ''}`)
        const text = [
          `SELECT id, n AS number, o.x FROM t WHERE ${where.write(values)}`,
          ...(by.length > 0 ? [`ORDER BY ${by.join(', ')}`] : []),
          ...(limit === undefined ? [] : [`LIMIT ${limit}`]),
          ...(offset === undefined ? [] : [`OFFSET ${offset}`]),
        ].join(' ')
        const query = querySql(db, text, values)
        kinds.add(query.explain().kind)
        const matching = rows.filter((row) => where.truth(row) === true)
        const shaped = matching
          .toSorted((a, b) => compareRows(a, b, order))
          .map((row) => ({ id: row['id'], number: columnOf(row, 'n'), 'o.x': columnOf(row, 'o.x') }))
        const begin = offset ?? 0
        const expected = shaped.slice(begin, limit === undefined ? undefined : begin + limit)
        const found = query.toArray()
        if (order.length > 0) expect(found, text).toEqual(expected)
        else {
          expect(found, text).toHaveLength(expected.length)
          expect(shaped, text).toEqual(expect.arrayContaining(found))
          expect(new Set(found.map(({ id }) => id)).size).toBe(found.length)
        }
        await db.close()
      },
    )
    await fc.assert(property, { seed, numRuns: RUNS })
    expect([...kinds]).toEqual(expect.arrayContaining(['index', 'scan']))
  })

  it('counts, adds and groups as an array does', async () => {
    const groupBy = fc.subarray(['s', 'o.x', 'mixed'])
    const property = fc.asyncProperty(
      ...([rowsOf, indexesOf, sqlExpression, groupBy] as const),
      async (rows, indexes, where, by) => {
        const db = await databaseOf(rows, indexes)
        const values: unknown[] = []
        const columns = [
          ...by,
          'COUNT(*) AS rows',
          'COUNT(n) AS counted',
          'COUNT(DISTINCT n) AS different',
          'SUM(n) AS total',
          'AVG(n) AS mean',
          'MIN(mixed) AS least',
          'MAX(mixed) AS most',
        ]
        const text = `SELECT ${columns.join(', ')} FROM t WHERE ${where.write(values)}${by.length > 0 ? ` GROUP BY ${by.join(', ')}` : ''}`
        const matching = rows.filter((row) => where.truth(row) === true)
        expect(querySql(db, text, values).toArray(), text).toEqual(groupsOf(matching, by))
        await db.close()
      },
    )
    await fc.assert(property, { seed, numRuns: RUNS })
  })
})

/** The primary key breaks ties, in the direction of the last column. */
function compareRows(
  a: Row,
  b: Row,
  order: readonly { readonly path: string; readonly descending: boolean }[],
): number {
  const descending = order.at(-1)?.descending ?? false
  for (const entry of [...order, { path: 'id', descending }]) {
    const difference = compareScalars(columnOf(a, entry.path), columnOf(b, entry.path))
    if (difference !== 0) return entry.descending ? -difference : difference
  }
  return 0
}

function groupsOf(rows: readonly Row[], by: readonly string[]): Record<string, unknown>[] {
  const keys = rows.map((row) => JSON.stringify(by.map((path) => columnOf(row, path))))
  const names = by.length === 0 ? ['[]'] : [...new Set(keys)]
  return names
    .map((name) => ({ key: JSON.parse(name) as unknown[], members: rows.filter((_, i) => keys[i] === name) }))
    .toSorted(
      (a, b) => a.key.map((value, i) => compareScalars(value, b.key[i])).find((sign) => sign !== 0) ?? 0,
    )
    .map(({ key, members }) => ({
      ...Object.fromEntries(by.map((path, i) => [path, key[i]])),
      rows: members.length,
      ...totalsOf(members),
    }))
}

function totalsOf(rows: readonly Row[]): Record<string, unknown> {
  const there = (path: string): unknown[] =>
    rows.map((row) => columnOf(row, path)).filter((value) => value !== null)
  const numbers = there('n') as number[]
  const total = numbers.reduce((sum, value) => sum + value, 0)
  const mixed = there('mixed').toSorted(compareScalars)
  return {
    counted: numbers.length,
    different: new Set(numbers).size,
    total: numbers.length === 0 ? null : total,
    mean: numbers.length === 0 ? null : total / numbers.length,
    least: mixed[0] ?? null,
    most: mixed.at(-1) ?? null,
  }
}
