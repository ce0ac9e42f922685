/** Aggregates equal what adding up an array gives, with and without indexes. */
import { describe, expect, it } from 'vitest'
import type { CollectionDefinition } from '../../../src/catalog/definition.js'
import { RowKeys } from '../../../src/catalog/row-key.js'
import { encodeKey } from '../../../src/format/key.js'
import { Database, QueryError, type Row } from '../../../src/index.js'
import { aggregate } from '../../../src/query/aggregate.js'
import { DistinctValues } from '../../../src/query/distinct.js'
import type { QuerySource } from '../../../src/query/source.js'
import { nodePlatform } from '../../../src/storage/node-platform.js'
import { runSync } from '../../../src/storage/task.js'
import { RecordRef, Tree, TreeEditor } from '../../../src/tree/index.js'

const ROWS: readonly Row[] = Array.from({ length: 60 }, (_, id) => ({
  id,
  year: 1900 + (id % 7),
  pages: id % 5 === 0 ? null : id * 10,
  big: BigInt(id) * 10n ** 18n,
  mixed: id % 2 === 0 ? id : BigInt(id),
  tags: [`t${id % 3}`],
  price: { net: id / 2 },
}))

async function open(indexed: boolean): Promise<Database> {
  const db = Database.openInMemory()
  const indexes = indexed
    ? { byYear: { on: 'year' }, byPages: { on: 'pages' }, byYearPages: { on: ['year', 'pages'] } }
    : {}
  await db.registerCollection('t', [], 'id', { indexes })
  await db.collection('t').insertMany(ROWS)
  return db
}

/** The same rows behind trees made by hand, and how often one was read. */
function sourceOfTrees(rows: readonly Row[] = ROWS): {
  readonly source: QuerySource
  readonly reads: () => number
} {
  const definition: CollectionDefinition = {
    id: 1,
    name: 't',
    primaryKey: [['id']],
    fields: [],
    indexes: [],
    version: 1,
  }
  const byYear = {
    id: 1,
    name: 'byYear',
    on: [['year']],
    kinds: ['any' as const],
    unique: false,
    where: undefined,
  }
  const primary = new TreeEditor(Tree.empty)
  const index = new TreeEditor(Tree.emptyOfKeys)
  const scratch = new RecordRef()
  for (const [at, row] of rows.entries()) {
    primary.set(encodeKey([at], ['any'], 'primary'), at, 0, 0, scratch)
    index.set(encodeKey([row['year'] as number, at], ['any', 'any'], 'index'), 0, 0, 0, scratch)
  }
  const indexes = [{ definition: byYear, tree: index.freeze(), rows: rows.length }]
  let reads = 0
  const read = (_id: number, { position }: RecordRef): Row => {
    reads++
    return { ...rows[position] }
  }
  const source: QuerySource = {
    collection: { definition, keys: new RowKeys(definition), tree: primary.freeze(), indexes },
    rows: { read, recall: () => false, note: () => undefined },
    platform: nodePlatform(),
    check: () => undefined,
    other: () => source,
  }
  return { source, reads: () => reads }
}

const add = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0)

describe.each([true, false])('aggregate with indexes: %s', (indexed) => {
  it('gives totals of all rows and of a filter', async () => {
    const db = await open(indexed)
    const t = db.collection('t')
    const pages = ROWS.map(({ pages: one }) => one).filter((one) => typeof one === 'number')
    expect(
      t.aggregate({
        count: true,
        sum: ['pages'],
        avg: ['pages'],
        min: ['pages'],
        max: ['pages', 'price.net'],
      }),
    ).toEqual({
      count: 60,
      sum: { pages: add(pages) },
      avg: { pages: add(pages) / pages.length },
      min: { pages: 10 },
      max: { pages: 590, 'price.net': 29.5 },
    })
    expect(t.aggregate({ where: { year: 1903 }, count: true, max: ['pages'] })).toEqual({
      count: 9,
      max: { pages: 590 },
    })
    expect(t.aggregate({ where: { year: 1903 }, min: ['pages'] })).toEqual({ min: { pages: 30 } })
    expect(t.aggregate({ where: { year: 1 }, count: true, sum: ['pages'], avg: ['pages'] })).toEqual({
      count: 0,
      sum: { pages: 0 },
      avg: { pages: undefined },
    })
    expect(t.aggregate({ where: { year: 1 }, min: ['pages'], max: ['pages'] })).toEqual({
      min: { pages: undefined },
      max: { pages: undefined },
    })
    await db.close()
  })

  it('adds bigints exactly', async () => {
    const db = await open(indexed)
    const { sum } = db.collection('t').aggregate({ sum: ['big', 'mixed'] })
    expect(sum).toEqual({ big: 1770n * 10n ** 18n, mixed: 1770 })
    await db.close()
  })

  it('gives groups in order', async () => {
    const db = await open(indexed)
    const t = db.collection('t')
    const byYear = t.aggregate({ groupBy: 'year', count: true, sum: ['id'] })
    expect(byYear.map(({ group }) => group['year'])).toEqual([1900, 1901, 1902, 1903, 1904, 1905, 1906])
    expect(add(byYear.map(({ count }) => count))).toBe(60)
    expect(byYear[1]).toEqual({
      group: { year: 1901 },
      count: 9,
      sum: { id: add([1, 8, 15, 22, 29, 36, 43, 50, 57]) },
    })
    const two = t.aggregate({ where: { id: { $lt: 6 } }, groupBy: ['tags', 'missing'], count: true })
    expect(two).toHaveLength(3)
    expect(two[0]).toEqual({ group: { tags: ['t0'], missing: null }, count: 2 })
    await db.close()
  })
})

describe('aggregate', () => {
  it('asks the trees for counts, and an index in order for extremes', () => {
    const { source, reads } = sourceOfTrees()
    expect(runSync(aggregate(source, { where: { year: { $gte: 1904 } }, count: true }))).toEqual({
      count: 24,
    })
    expect(runSync(aggregate(source, { where: { id: { $lt: 10 } }, count: true }))).toEqual({ count: 10 })
    expect(reads()).toBe(0)
    expect(runSync(aggregate(source, { min: ['year'], max: ['year'] }))).toEqual({
      min: { year: 1900 },
      max: { year: 1906 },
    })
    expect(reads()).toBe(2)
  })

  it('refuses too many groups', () => {
    const rows = Array.from({ length: 100_001 }, (_, id) => ({ id, year: 0 }))
    const { source } = sourceOfTrees(rows)
    expect(() => runSync(aggregate(source, { groupBy: 'id', count: true }))).toThrow(
      /more than 100000 groups/u,
    )
    expect(runSync(aggregate(source, { where: { id: { $gt: 0 } }, groupBy: 'year', count: true }))).toEqual([
      { group: { year: 0 }, count: 100_000 },
    ])
    const values = new DistinctValues(['id'])
    expect(() => rows.forEach((row) => values.add(row))).toThrow(/more than 100000 distinct/u)
  })

  it('refuses options that it does not know', async () => {
    const db = await open(false)
    for (const options of [
      { total: ['a'] },
      { sum: 'a' },
      { sum: [] },
      { count: 1 },
      { groupBy: [] },
      { where: { $x: 1 } },
      { min: ['a..b'] },
      5,
    ])
      expect(() => db.collection('t').aggregate(options as object)).toThrow(QueryError)
    await db.close()
  })
})
