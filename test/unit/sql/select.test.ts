/** What each construct of a SELECT gives, and how it is carried out. */
import { beforeEach, describe, expect, it } from 'vitest'
import { Database, type Row } from '../../../src/index.js'
import { querySql, sql } from '../../../src/sql.js'

let db: Database

const rows: readonly Row[] = [
  { id: 1, title: 'Dune', year: 1965, author: { firstName: 'Frank', home: { city: 'Tacoma' } }, price: 9.5 },
  { id: 2, title: 'Emma', year: 1815, author: { firstName: 'Jane' }, tags: [], price: 5, inPrint: true },
  { id: 3, title: '100% wool', year: null, tags: ['craft', 'wool'], price: 20n, inPrint: false },
  { id: 4, title: 'Dune Messiah', year: 1969, author: { firstName: 'Frank' }, tags: ['sf'] },
  { id: 5, title: 'Letters', added: new Date('2020-01-31'), editors: [{ name: 'A' }, { name: 'B' }] },
]

beforeEach(async () => {
  db = Database.openInMemory()
  await db.registerCollection('books', [{ path: ['id'], type: 'int' }], 'id', {
    indexes: { byYear: { on: 'year' }, byTitle: { on: 'title' } },
  })
  await db.insertMany('books', rows)
  await db.registerCollection('odd name', [], 'id')
  await db.insert('odd name', { id: 1, order: 7, user: 'ada' })
})

/** The ids that a condition lets through, in order. */
const ids = (where: string, ...values: unknown[]): unknown[] =>
  querySql(db, `SELECT id FROM books WHERE ${where} ORDER BY id`, values)
    .toArray()
    .map(({ id }) => id)

describe('columns', () => {
  it('have null where a row has nothing, the path or AS for a name, and keep the case of names', () => {
    expect(
      sql(
        db,
      )`SELECT id, author.firstName, author.home.city AS homeCity, year AS "the year" FROM books WHERE id < 3`.toArray(),
    ).toEqual([
      { id: 1, 'author.firstName': 'Frank', homeCity: 'Tacoma', 'the year': 1965 },
      { id: 2, 'author.firstName': 'Jane', homeCity: null, 'the year': 1815 },
    ])
  })

  it('may be named without AS, and qualified by the collection or its alias', () => {
    expect(sql(db)`SELECT b.title bookTitle, B.id "No" FROM books AS b WHERE b.id = 1`.toArray()).toEqual([
      { bookTitle: 'Dune', No: 1 },
    ])
    expect(sql(db)`SELECT books.title FROM books WHERE books.id = 1`.toArray()).toEqual([{ title: 'Dune' }])
  })

  it('are whole rows with *, and lists of what is in lists', () => {
    expect(sql(db)`SELECT * FROM books WHERE id = 4`.toArray()).toEqual([rows[3]])
    expect(sql(db)`SELECT editors.name FROM books WHERE id = 5`.first()).toEqual({
      'editors.name': ['A', 'B'],
    })
    expect(sql(db)`SELECT * FROM books`.columns).toBeUndefined()
    expect(sql(db)`SELECT id, year y FROM books`.columns).toEqual(['id', 'y'])
  })

  it('take any name within quotation marks', () => {
    expect(sql(db)`SELECT "order", "user" AS "Wh""o" FROM "odd name"`.toArray()).toEqual([
      { order: 7, 'Wh"o': 'ada' },
    ])
    expect(
      sql(db)`SELECT "author.home.city" FROM books WHERE "author.home.city" IS NOT NULL`.toArray(),
    ).toEqual([{ 'author.home.city': 'Tacoma' }])
  })
})

describe('WHERE', () => {
  it.each([
    ['year = 1965', [1]],
    ['1965 = year', [1]],
    ['year > 1815', [1, 4]],
    ['1815 < year', [1, 4]],
    ['year >= 1815 AND year <= 1965', [1, 2]],
    ['year BETWEEN 1900 AND 1965', [1]],
    ['year NOT BETWEEN 1900 AND 1965', [2, 4]],
    ['year BETWEEN NULL AND 1900', []],
    ['year NOT BETWEEN NULL AND 1900', [1, 4]],
    ['year IN (1965, 1969)', [1, 4]],
    ['year IN (1965)', [1]],
    ['year IN (1965, NULL)', [1]],
    ['year NOT IN (1965)', [2, 4]],
    ['year NOT IN (1965, NULL)', []],
    ['year IS NULL', [3, 5]],
    ['year IS NOT NULL', [1, 2, 4]],
    ['price = 20', [3]],
    ['price > -1', [1, 2, 3]],
    ['inPrint', [2]],
    ['NOT inPrint', [3]],
    ['inPrint IS TRUE', [2]],
    ['inPrint IS NOT TRUE', [1, 3, 4, 5]],
    ['inPrint IS FALSE', [3]],
    ['inPrint IS NOT FALSE', [1, 2, 4, 5]],
    ['(year > 1900) IS NOT TRUE', [2, 3, 5]],
    [`author.firstName = 'Frank'`, [1, 4]],
    [`author.home.city = 'Tacoma'`, [1]],
    [`tags = 'sf'`, [4]],
    [`tags <> 'sf'`, [2, 3]],
    [`added = DATE '2020-01-31'`, [5]],
    [`added > TIMESTAMP '2020-01-30T23:00:00-00:30'`, [5]],
    [`year > '1900'`, []],
    ['TRUE', [1, 2, 3, 4, 5]],
    ['FALSE OR id = 2', [2]],
    ['NULL', []],
    ['1 = 1 AND id = 3', [3]],
    ['1 = 2', []],
  ])('%s', (where, expected) => {
    expect(ids(where)).toEqual(expected)
  })

  it.each([
    ['year <> 1965', [2, 4]],
    ['NOT year = 1965', [2, 4]],
    ['NOT (year <> 1965)', [1]],
    ['year <> NULL', []],
    ['year = NULL', []],
    ['NOT (year = NULL)', []],
    ['NOT (year > 1900)', [2]],
    ['NOT (year > 1900 AND price > 0)', [2]],
    ['NOT (year > 1900 OR price > 8)', [2]],
    ['year > 1900 OR NOT (year > 1900)', [1, 2, 4]],
    ['NULL OR id = 1', [1]],
    ['NOT (NULL AND id = 1)', [2, 3, 4, 5]],
  ])('knows of unknown: %s', (where, expected) => {
    expect(ids(where)).toEqual(expected)
  })

  it.each([
    [`title LIKE 'Dune'`, [1]],
    [`title LIKE 'Dune%'`, [1, 4]],
    [`title LIKE '%e%'`, [1, 4, 5]],
    [`title LIKE 'D_ne'`, [1]],
    [`title LIKE '%'`, [1, 2, 3, 4, 5]],
    [`title LIKE '_'`, []],
    [`title LIKE '____'`, [1, 2]],
    [`title LIKE ''`, []],
    [String.raw`title LIKE '100\%%'`, [3]],
    [String.raw`title LIKE '%\%%'`, [3]],
    [`title LIKE '%.%'`, []],
    [`title LIKE 'dune%'`, []],
    [`title ILIKE 'dUNE%'`, [1, 4]],
    [`title NOT LIKE 'D%'`, [2, 3, 5]],
    [`NOT (title LIKE 'D%')`, [2, 3, 5]],
    [`author.firstName NOT LIKE 'F%'`, [2]],
    [`year LIKE '%'`, []],
    [`title LIKE NULL`, []],
  ])('matches %s', (where, expected) => {
    expect(ids(where)).toEqual(expected)
  })

  it('takes values of every type, and lists for IN', () => {
    expect(ids('added = $1', new Date('2020-01-31'))).toEqual([5])
    expect(ids('price = $1', 20n)).toEqual([3])
    expect(ids('title IN $1', ['Dune', 'Emma'])).toEqual([1, 2])
    expect(ids('title IN ($1, $2)', 'Dune', 'Emma')).toEqual([1, 2])
    expect(ids('title NOT IN $1', ['Dune', null])).toEqual([])
    expect(ids('author = $1', { firstName: 'Jane' })).toEqual([2])
    expect(ids('tags = $1', ['craft', 'wool'])).toEqual([3])
    expect(ids('id IN $1', [])).toEqual([])
    expect(ids('id NOT IN $1', [])).toEqual([1, 2, 3, 4, 5])
    expect(ids('price > -$1', 1)).toEqual([1, 2, 3])
    expect(ids('$1 AND id = $2', true, 1)).toEqual([1])
    expect(ids('id = $2 OR id = $1 OR year = $1', 1, 2)).toEqual([1, 2])
  })
})

describe('ORDER BY, LIMIT and OFFSET', () => {
  it('sort by several columns, their names or numbers, null first', () => {
    const of = (text: string): unknown[] =>
      querySql(db, `SELECT id, year AS y FROM books ${text}`)
        .toArray()
        .map(({ id }) => id)
    expect(of('ORDER BY author.firstName DESC, year DESC')).toEqual([2, 4, 1, 5, 3])
    expect(of('ORDER BY y, id DESC')).toEqual([5, 3, 2, 1, 4])
    expect(of('ORDER BY 2 DESC NULLS LAST LIMIT 2 OFFSET 1')).toEqual([1, 2])
    expect(of('ORDER BY id ASC, id DESC')).toEqual([1, 2, 3, 4, 5])
    expect(of('ORDER BY id OFFSET 4')).toEqual([5])
    expect(of('ORDER BY id LIMIT 0')).toEqual([])
    expect(sql(db)`SELECT id FROM books ORDER BY id LIMIT ${1} OFFSET ${2}`.toArray()).toEqual([{ id: 3 }])
  })
})

describe('aggregates', () => {
  it('pass over null, and are null of nothing', () => {
    expect(
      sql(
        db,
      )`SELECT COUNT(*), COUNT(year) AS years, SUM(price), AVG(price), MIN(year), MAX(title) FROM books`.toArray(),
    ).toEqual([{ count: 5, years: 3, sum: 34.5, avg: 11.5, min: 1815, max: 'Letters' }])
    expect(
      sql(
        db,
      )`SELECT COUNT(*) n, COUNT(year) c, SUM(price) s, AVG(price) a, MIN(year) l, MAX(year) g FROM books WHERE id > 9`.toArray(),
    ).toEqual([{ n: 0, c: 0, s: null, a: null, l: null, g: null }])
  })

  it('go by groups', () => {
    expect(
      sql(
        db,
      )`SELECT author.firstName AS who, COUNT(*) AS n, COUNT(DISTINCT year) AS years, COUNT(price) AS prices, SUM(year) AS total
              FROM books GROUP BY author.firstName ORDER BY n DESC, who`.toArray(),
    ).toEqual([
      { who: null, n: 2, years: 0, prices: 1, total: null },
      { who: 'Frank', n: 2, years: 2, prices: 1, total: 3934 },
      { who: 'Jane', n: 1, years: 1, prices: 1, total: 1815 },
    ])
    expect(
      sql(db)`SELECT year FROM books GROUP BY 1 ORDER BY COUNT(*) DESC, year DESC LIMIT 2 OFFSET 1`.toArray(),
    ).toEqual([{ year: 1969 }, { year: 1965 }])
    expect(sql(db)`SELECT COUNT(*) n FROM books WHERE id > 9 GROUP BY year`.toArray()).toEqual([])
    expect(sql(db)`SELECT COUNT(DISTINCT author.firstName) n FROM books`.toArray()).toEqual([{ n: 2 }])
  })

  it('are kept or not by HAVING, whose truths are those of WHERE', () => {
    const groups = (having: string, ...values: unknown[]): unknown[] =>
      querySql(
        db,
        `SELECT author.firstName AS name FROM books GROUP BY author.firstName HAVING ${having} ORDER BY name`,
        values,
      )
        .toArray()
        .map(({ name }) => name)
    expect(groups('COUNT(*) > 1')).toEqual([null, 'Frank'])
    expect(groups('COUNT(*) > 1 AND author.firstName IS NOT NULL')).toEqual(['Frank'])
    expect(groups('MIN(year) < $1', 1900)).toEqual(['Jane'])
    // Unknown where no row of the group has the column.
    expect(groups('NOT SUM(price) > 5')).toEqual(['Jane'])
    expect(groups('SUM(price) IS NULL')).toEqual([])
    expect(groups('COUNT(DISTINCT year) BETWEEN 1 AND 2 OR FALSE')).toEqual(['Frank', 'Jane'])
    expect(groups('1 = 2')).toEqual([])
    const [counted] = sql(
      db,
    )`SELECT author.firstName AS name, COUNT(*) AS n FROM books GROUP BY name HAVING author.firstName LIKE 'F%' LIMIT 1`.toArray()
    expect(counted).toEqual({ name: 'Frank', n: 2 })
  })

  it('have DISTINCT beside them', () => {
    expect(sql(db)`SELECT DISTINCT author.firstName AS who FROM books ORDER BY who DESC`.toArray()).toEqual([
      { who: 'Jane' },
      { who: 'Frank' },
      { who: null },
    ])
  })
})

describe('NOT of a range', () => {
  it('is a range of the index, and of what is null', async () => {
    await db.insertMany(
      'books',
      Array.from({ length: 30 }, (_, i) => ({ id: 100 + i, year: 1965 })),
    )
    expect(ids('NOT year >= 1900')).toEqual([2])
    const query = querySql(db, 'SELECT id FROM books WHERE NOT year >= 1900')
    expect(query.explain()).toMatchObject({ kind: 'index', access: [{ bounds: ['year not (>= 1900)'] }] })
    expect(ids('NOT year BETWEEN 1900 AND 1966')).toEqual([2, 4])
    expect(ids('year NOT IN (1965, 1815)')).toEqual([4])
  })
})

describe('a query', () => {
  it('is planned as find is', () => {
    expect(
      sql(db)`SELECT title FROM books WHERE year BETWEEN 1900 AND 1970 ORDER BY year`.explain(),
    ).toMatchObject({
      kind: 'index',
      sort: 'index',
      filter: undefined,
      access: [{ index: 'byYear', bounds: ['year >= 1900 and <= 1970'] }],
    })
    expect(sql(db)`SELECT id FROM books WHERE title LIKE 'Dune%'`.explain().access[0]?.index).toBe('byTitle')
    expect(
      sql(db)`SELECT id FROM books WHERE title LIKE 'Dune%'`.explain({ analyze: true }).analysis?.returned,
    ).toBe(2)
    expect(sql(db)`SELECT id FROM books WHERE year = NULL`.explain().estimatedRows).toBe(0)
    expect(sql(db)`SELECT COUNT(*) FROM books WHERE year = 1965`.explain().access[0]?.index).toBe('byYear')
  })

  it('gives rows one by one, again and again, and to for await', async () => {
    const query = sql(db)<{ id: number }>`SELECT id FROM books ORDER BY id`
    for (const { id } of query) {
      expect(id).toBe(1)
      break
    }
    expect(query.first()).toEqual({ id: 1 })
    const found: number[] = []
    for await (const { id } of query) found.push(id)
    expect(found).toEqual([1, 2, 3, 4, 5])
    await db.collection('books').delete(1)
    expect(query.first()).toEqual({ id: 2 })
    const counted: unknown[] = []
    const groups = sql(
      db,
    )`SELECT COUNT(*) AS n, COUNT(year) AS years, COUNT(DISTINCT author.firstName) AS names FROM books`
    const next = groups[Symbol.asyncIterator]().next()
    await db.collection('books').delete(2)
    counted.push((await next).value)
    for await (const row of groups) counted.push(row)
    // Each is of one commit.
    expect(counted).toEqual([
      { n: 4, years: 2, names: 2 },
      { n: 3, years: 1, names: 1 },
    ])
  })

  it('takes other values and another database each time that a template is met', async () => {
    const other = Database.openInMemory()
    await other.registerCollection('books', [], 'id')
    await other.insert('books', { id: 7 })
    const titled = (source: Database, id: number): unknown =>
      sql(source)`SELECT id FROM books WHERE id = ${id}`.first()
    expect([titled(db, 1), titled(db, 2), titled(other, 7), titled(other, 1)]).toEqual([
      { id: 1 },
      { id: 2 },
      { id: 7 },
      undefined,
    ])
    const value = (id: unknown): unknown => sql(db)`SELECT id FROM books WHERE id = '${id}'`
    expect(() => value(1)).toThrow(/uses no value/u)
    expect(() => value(1)).toThrow(/uses no value/u)
    await other.close()
  })

  it('reads snapshots and transactions too', async () => {
    const past = db.snapshot()
    await db.transaction((tx) => {
      tx.collection('books').delete(1)
      expect(sql(tx)`SELECT COUNT(*) n FROM books`.first()).toEqual({ n: 4 })
    })
    expect(sql(past)`SELECT COUNT(*) n FROM books`.first()).toEqual({ n: 5 })
    expect(sql(db)`SELECT COUNT(*) n FROM books`.first()).toEqual({ n: 4 })
    past.close()
  })
})
