/** `find` on every reader, and what it promises beside the right rows: isolation, pages, plans, projections, lookups. */
import { describe, expect, it } from 'vitest'
import { Database, type IndexInput, QueryError, type Row } from '../../../src/index.js'

async function library(rows = 100, indexes: Readonly<Record<string, IndexInput>> = {}): Promise<Database> {
  const db = Database.openInMemory()
  const fields = [
    { path: ['id'], type: 'int' as const },
    { path: ['year'], type: 'int' as const },
  ]
  await db.registerCollection('books', fields, 'id', {
    indexes: {
      byYear: { on: 'year' },
      byTag: { on: 'tags' },
      byAuthorYear: { on: ['author.name', 'year'] },
      ...indexes,
    },
  })
  const book = (id: number): Row => ({
    id,
    year: 1900 + (id % 10),
    author: { name: `name ${id % 3}`, born: id },
    authorId: id % 3,
    tags: [`t${id % 2}`, `u${id % 5}`],
  })
  await db.collection('books').insertMany(Array.from({ length: rows }, (_, id) => book(id)))
  return db
}

const ids = (rows: Iterable<Row>): unknown[] => Array.from(rows, ({ id }) => id)

describe('a negation', () => {
  it('is the rest of an index, and of one of lists a superset', async () => {
    const db = await library()
    const books = db.collection('books')
    await db.registerCollection('books', [{ path: ['id'], type: 'int' }], 'id')
    await books.insertMany([
      { id: 200, year: null },
      { id: 201, tags: [] },
      { id: 202, year: [], tags: ['t0', 'u9'] },
    ])
    const plan = (filter: object): unknown => {
      const { kind, access, filter: rest } = books.find(filter as Row).explain()
      return [kind, access[0]?.keys, rest]
    }
    expect(plan({ year: { $not: { $lt: 1908 } } })).toEqual(['index', 23, undefined])
    expect(ids(books.find({ year: { $not: { $lt: 1908 } } }, { orderBy: 'id' })).slice(-3)).toEqual([
      200, 201, 202,
    ])
    expect(books.find({ year: { $ne: 1903 } }).count()).toBe(93)
    expect(plan({ tags: { $not: { $lt: 'u4' } } })).toEqual(['index', 23, 'tags not (< "u4")'])
    expect(ids(books.find({ tags: { $not: { $lt: 'u4' } } }, { orderBy: 'id' }))).toEqual([200, 201])
    await db.close()
  })
})

describe('find', () => {
  it('reads the commit it was made at, as often as it is iterated', async () => {
    const db = await library()
    const books = db.collection('books')
    const query = books.find({ year: 1903 })
    const before = ids(query)
    await books.deleteWhere({ year: 1903, id: { $lt: 50 } })
    await books.insert({ id: 1000, year: 1903 })
    expect(ids(query)).toEqual(before)
    expect(query.count()).toBe(10)
    expect(books.find({ year: 1903 }).count()).toBe(6)
    await db.close()
  })

  it('works in snapshots, which see their commit, and in transactions, which see their own writes', async () => {
    const db = await library()
    const past = db.snapshot()
    await db.transaction((tx) => {
      const books = tx.collection('books')
      books.insert({ id: 500, year: 1903, tags: ['t0'] })
      books.delete(3)
      expect(books.find({ year: 1903 }).count()).toBe(10)
      expect(ids(books.find({ year: 1903, id: { $gte: 90 } }, { orderBy: 'id' }))).toEqual([93, 500])
      expect(db.collection('books').find({ id: 500 }).exists()).toBe(false)
    })
    expect(
      past
        .collection('books')
        .find({ id: { $in: [3, 500] } })
        .count(),
    ).toBe(1)
    const query = past.collection('books').find({})
    const rows = query[Symbol.iterator]()
    rows.next()
    past.close()
    expect(() => rows.next()).toThrow(/closed/u)
    await db.close()
  })

  it('gives each row to its caller alone', async () => {
    const db = await library(5)
    const row = db.collection('books').find({ id: 1 }).first()
    if (row !== undefined) row['year'] = 0
    expect(db.collection('books').find({ id: 1 }).first()?.['year']).toBe(1901)
    await db.close()
  })

  it('gives the event loop turns in for await, also while nothing matches', async () => {
    const db = await library(4000)
    let turns = 0
    let ended = false
    const tick = (): void => {
      turns++
      if (!ended) setImmediate(tick)
    }
    setImmediate(tick)
    const found: unknown[] = []
    for await (const row of db.collection('books').find({ missing: 1 })) found.push(row)
    for await (const row of db
      .collection('books')
      .find({ 'author.born': { $lt: 2 } }, { orderBy: 'missing' }))
      found.push(row)
    ended = true
    expect(found).toHaveLength(2)
    expect(turns).toBeGreaterThan(1)
    await db.close()
  })

  it('refuses options that it does not know', async () => {
    const db = await library(1)
    const books = db.collection('books')
    for (const options of [
      { sort: 'year' },
      { limit: -1 },
      { limit: 1.5 },
      { offset: '1' },
      { orderBy: { year: 'up' } },
      { orderBy: ['a', 'a'] },
      { select: 'a' },
      { select: ['a..b'] },
      { after: 5 },
      { lookup: { a: { from: 'b' } } },
    ])
      expect(() => books.find({}, options as object)).toThrow(QueryError)
    expect(() => books.find({}, { lookup: { a: { from: 'nowhere', on: 'id' } } })).toThrow(/nowhere/u)
    await db.close()
  })
})

describe('pages', () => {
  it('hold each row that stays exactly once, whatever is written in between', async () => {
    const db = await library(50)
    const books = db.collection('books')
    for (const orderBy of [undefined, { year: 'desc' as const }, { 'author.born': 'asc' as const }]) {
      const given: unknown[] = []
      let after: string | undefined
      let extra = 1000
      do {
        const page = books.find({ id: { $lt: 50 } }, { orderBy, limit: 7, after }).page()
        given.push(...ids(page.rows))
        after = page.next
        await books.insert({ id: -extra, year: 1905, author: { born: 20 } })
        await books.delete(-extra)
        await books.insert({ id: extra++, year: 1905, author: { born: 20 } })
        await books.put({ ...books.get(25), note: extra })
      } while (after !== undefined)
      expect(given).toHaveLength(50)
      expect(new Set(given).size).toBe(50)
      await books.deleteWhere({ id: { $gte: 1000 } })
    }
    await db.close()
  })

  it('go on when an index is there or not there any more', async () => {
    const db = await library(30)
    const first = db
      .collection('books')
      .find({}, { orderBy: { year: 'desc' }, limit: 10 })
      .page()
    const other = Database.openInMemory()
    await other.registerCollection('books', [], 'id')
    await other.collection('books').insertMany(db.collection('books').find())
    const rest = (from: Database): unknown[] =>
      ids(from.collection('books').find({}, { orderBy: { year: 'desc' }, after: first.next }))
    expect(rest(other)).toEqual(rest(db))
    expect(rest(db)).toHaveLength(20)
    await db.close()
    await other.close()
  })

  it('go over composite keys and UUIDs, both ways', async () => {
    const db = Database.openInMemory()
    const fields = [
      { path: ['tenant'], type: 'uuid' as const },
      { path: ['id'], type: 'int64' as const },
    ]
    await db.registerCollection('t', fields, ['tenant', 'id'], { indexes: { byN: { on: 'n' } } })
    const tenants = ['01890000-0000-7000-8000-000000000000', '01890000-0000-7000-8000-00000000000a']
    const all = Array.from({ length: 40 }, (_, i): Row => ({
      tenant: tenants[i % 2],
      id: BigInt(i),
      n: new Date(i % 3),
    }))
    await db.collection('t').insertMany(all)
    const t = db.collection('t')
    for (const orderBy of [
      undefined,
      { n: 'desc' as const },
      { n: 'asc' as const, id: 'desc' as const },
      { tenant: 'desc' as const, id: 'asc' as const },
    ]) {
      const given: unknown[] = []
      let after: string | undefined
      do {
        const page = t.find({}, { orderBy, limit: 7, after, select: ['id'] }).page()
        given.push(...ids(page.rows))
        after = page.next
      } while (after !== undefined)
      expect(given).toEqual(ids(t.find({}, { orderBy }).toArray()))
      expect(new Set(given).size).toBe(40)
    }
    expect(t.find({ tenant: tenants[0], id: { $gte: 10, $lt: 20n } }).count()).toBe(5)
    expect(t.find({ tenant: { $startsWith: '0189' } }).explain()).toMatchObject({
      kind: 'primary',
      filter: undefined,
      estimatedRows: 40,
    })
    expect(t.find({ tenant: 'no UUID' }).count()).toBe(0)
    await db.close()
  })

  it('refuse a token of another query, and any other text', async () => {
    const db = await library(30)
    const books = db.collection('books')
    const { next } = books.find({ year: { $gt: 0 } }, { limit: 3 }).page()
    const refused: [Row, string | undefined][] = [
      [{ year: { $gt: 1 } }, next],
      [{ year: { $gt: 0 } }, 'x'],
      [{ year: { $gt: 0 } }, '%5B%5D'],
      [{ year: { $gt: 0 } }, '%'],
      [{ year: { $gt: 0 } }, next?.replace(/\d%5D%5D$/u, '%7B%7D%5D%5D')],
    ]
    for (const [filter, after] of refused)
      expect(() => books.find(filter, { limit: 3, after }).page()).toThrow(
        expect.objectContaining({ code: 'VARVE_QUERY' }),
      )
    expect(ids(books.find({ year: { $gt: 0 } }, { limit: 3, after: next }).page().rows)).toEqual([3, 4, 5])
    await db.close()
  })

  it('hold 100 rows unless told, and end', async () => {
    const db = await library(100)
    const page = db.collection('books').find().page()
    expect(page.rows).toHaveLength(100)
    expect(page.next).toBeUndefined()
    await db.close()
  })
})

describe('plans', () => {
  /** A query, and what its plan must say. */
  const CASES: readonly (readonly [filter: Row, options: object, expected: object])[] = [
    [{ id: 5 }, {}, { kind: 'primary', estimatedRows: 1, filter: undefined }],
    [{ id: { $gte: 10, $lt: 20 } }, {}, { kind: 'primary', estimatedRows: 10 }],
    [{ year: 1903 }, {}, { kind: 'index', estimatedRows: 10, filter: undefined, covered: false }],
    [{ year: { $gte: 1908 } }, { orderBy: 'year' }, { kind: 'index', sort: 'index', estimatedRows: 20 }],
    [{ year: { $gte: 1908 } }, { orderBy: { year: 'desc' }, limit: 5 }, { kind: 'index', sort: 'index' }],
    [{}, { orderBy: { year: 'desc' }, limit: 5 }, { kind: 'index', sort: 'index' }],
    [{}, { orderBy: { id: 'desc' } }, { kind: 'scan', sort: 'index' }],
    [{}, { orderBy: ['year', 'author.born'], limit: 3 }, { kind: 'index', sort: 'groups' }],
    [{}, { orderBy: { 'author.name': 'desc' }, limit: 3 }, { kind: 'index', sort: 'groups' }],
    [{ year: { $in: [1901, 1905] } }, {}, { kind: 'index', estimatedRows: 20, filter: undefined }],
    [{ $or: [{ year: 1901 }, { id: 7 }] }, {}, { kind: 'union', estimatedRows: 11, filter: undefined }],
    [{ tags: 't1' }, { limit: 3 }, { kind: 'index', filter: undefined }],
    [{ tags: { $all: ['t1', 'u3'] } }, {}, { kind: 'index', estimatedRows: 20, filter: 'tags = "t1"' }],
    [{ 'author.name': 'name 1', year: { $lt: 1902 } }, {}, { kind: 'index', filter: undefined }],
    [{ 'author.name': 'name 1' }, { orderBy: { year: 'asc' } }, { kind: 'index', sort: 'index' }],
    [{ 'author.name': { $startsWith: 'name 1' } }, {}, { kind: 'index', filter: undefined }],
    [{ year: 1903 }, { select: ['id', 'year'] }, { kind: 'index', covered: true }],
    [{ note: 1 }, {}, { kind: 'scan', filter: 'note = 1' }],
    [{ note: 1 }, { orderBy: 'note', limit: 5 }, { sort: 'top' }],
    [{ note: 1 }, { orderBy: 'note' }, { sort: 'all' }],
    [{ year: { $ne: 1903 } }, {}, { kind: 'scan' }],
  ]

  it.each(CASES)('of %o %o', async (filter, options, expected) => {
    const db = await library()
    expect(db.collection('books').find(filter, options).explain()).toMatchObject(expected)
    await db.close()
  })

  it('say with analyze what it took', async () => {
    const db = await library()
    const books = db.collection('books')
    const plan = books
      .find({ year: { $gte: 1908 } }, { orderBy: { year: 'desc' }, limit: 5 })
      .explain({ analyze: true })
    expect(plan.analysis).toMatchObject({ examined: 5, read: 5, returned: 5 })
    const covered = books.find({ year: 1903 }, { select: ['id', 'year'] }).explain({ analyze: true })
    expect(covered.analysis).toMatchObject({ examined: 10, read: 0, returned: 10 })
    expect(String(plan)).toMatch(
      /^find in books\n└─ limit 5\n {3}└─ index byYear: year >= 1908 \(backward, 20 keys\)\nkeys examined 5, /u,
    )
    await db.close()
  })

  it('look at no more groups of equal keys than are asked for', async () => {
    const db = await library()
    const plan = db
      .collection('books')
      .find({}, { orderBy: { year: 'desc', id: 'asc' }, limit: 3 })
      .explain({ analyze: true })
    expect(plan).toMatchObject({ sort: 'groups', analysis: { examined: 11, returned: 3 } })
    await db.close()
  })

  it('use a partial index only where the filter implies its condition', async () => {
    const db = await library(100, { recent: { on: 'author.born', where: { year: { $gte: 1908 } } } })
    const books = db.collection('books')
    const index = (filter: Row): string | undefined => books.find(filter).explain().access[0]?.index
    expect(index({ 'author.born': 8, year: { $gte: 1908 } })).toBe('recent')
    expect(index({ 'author.born': 8, year: { $gt: 1908, $lt: 1950 } })).toBe('recent')
    expect(index({ 'author.born': 8, year: { $gte: 1907 } })).not.toBe('recent')
    expect(index({ 'author.born': 8, year: { $ne: 1900 } })).not.toBe('recent')
    expect(ids(books.find({ 'author.born': 8, year: { $gte: 1907 } }))).toEqual([8])
    await db.close()
  })

  it('find rows by a default that they got after they were written', async () => {
    const db = await library(20, { byState: { on: 'state' } })
    const fields = [
      { path: ['id'], type: 'int' as const },
      { path: ['year'], type: 'int' as const },
      { path: ['state'], type: 'string' as const, default: 'open' },
    ]
    await db.registerCollection('books', fields, 'id')
    const books = db.collection('books')
    await books.updateWhere({ id: { $lt: 3 } }, { state: 'sold' })
    await books.insert({ id: 100, year: 1 })
    expect(books.find({ state: 'open' }).count()).toBe(18)
    expect(books.find({ state: 'sold' }).count()).toBe(3)
    expect(books.find({ state: null }).count()).toBe(0)
    expect(ids(books.find({}, { orderBy: { state: 'desc' }, limit: 3 }))).toEqual([2, 1, 0])
    await db.close()
  })
})

describe('select and lookup', () => {
  it('gives the chosen fields at their places', async () => {
    const db = await library(3)
    const books = db.collection('books')
    expect(books.find({ id: 2 }, { select: ['id', 'author.name', 'nothing.here'] }).toArray()).toEqual([
      { id: 2, author: { name: 'name 2' } },
    ])
    await books.insert({ id: 9, year: 1, author: [{ name: 'a', x: 1 }, 5, { x: 2 }] })
    expect(books.find({ id: 9 }, { select: ['author.name', 'author.x', 'year'] }).first()).toEqual({
      author: [{ name: 'a', x: 1 }, { x: 2 }],
      year: 1,
    })
    await db.close()
  })

  it('puts rows of other collections in, by key and by field, of the same commit', async () => {
    const db = await library(6)
    await db.registerCollection('authors', [], 'key', { indexes: { byName: { on: 'name' } } })
    await db.collection('authors').insertMany([0, 1].map((key) => ({ key, name: `name ${key}` })))
    const query = db.collection('books').find(
      { id: { $lt: 3 } },
      {
        select: ['id'],
        lookup: {
          writer: { from: 'authors', on: 'authorId' },
          all: { from: 'authors', on: 'author.name', to: 'name' },
        },
      },
    )
    await db.collection('authors').delete(1)
    expect(query.toArray()).toEqual([
      { id: 0, writer: { key: 0, name: 'name 0' }, all: [{ key: 0, name: 'name 0' }] },
      { id: 1, writer: { key: 1, name: 'name 1' }, all: [{ key: 1, name: 'name 1' }] },
      { id: 2, writer: undefined, all: [] },
    ])
    await db.close()
  })
})

describe('writes by filter', () => {
  it('change and delete all rows that match, in one commit', async () => {
    const db = await library(30)
    const books = db.collection('books')
    const before = db.commitSequence
    expect(await books.updateWhere({ year: { $gte: 1905 } }, { year: 1990 })).toBe(15)
    expect(db.commitSequence).toBe(before + 1)
    expect(await books.updateWhere({ year: 1990 }, (row) => ({ ...row, year: 1991 }))).toBe(15)
    expect(books.find({ year: 1991 }).count()).toBe(15)
    expect(await books.deleteWhere({ year: 1991 })).toBe(15)
    expect(await books.deleteWhere({ year: 1991 })).toBe(0)
    expect(books.count()).toBe(15)
    await db.close()
  })

  it('change nothing when one row cannot be changed', async () => {
    const db = await library(30)
    const books = db.collection('books')
    const change = (row: Row): Row => ({ ...row, id: row['id'] === 9 ? 'other' : row['id'], year: 0 })
    await expect(books.updateWhere({ id: { $lt: 20 } }, change)).rejects.toThrow()
    expect(books.find({ year: 0 }).count()).toBe(0)
    await db.transaction((tx) => {
      const inside = tx.collection('books')
      expect(() => inside.updateWhere({ id: { $lt: 20 } }, change)).toThrow()
      expect(inside.updateWhere({ id: { $lt: 5 } }, { year: 7 })).toBe(5)
      expect(inside.deleteWhere({ year: 7, id: 1 })).toBe(1)
    })
    expect(ids(books.find({ year: { $in: [0, 7] } }, { orderBy: 'id' }))).toEqual([0, 2, 3, 4])
    await db.close()
  })

  it('reject a filter that is not understood', async () => {
    const db = await library(1)
    await expect(db.collection('books').deleteWhere({ year: { $oops: 1 } })).rejects.toThrow(QueryError)
    expect(db.collection('books').count()).toBe(1)
    await db.close()
  })
})
