/** What SQL refuses, where it says it is, and that values stay values. */
import { beforeEach, describe, expect, it } from 'vitest'
import { Database, QueryError, VarveError } from '../../../src/index.js'
import { querySql, sql } from '../../../src/sql.js'

let db: Database

beforeEach(async () => {
  db = Database.openInMemory()
  await db.registerCollection('books', [], 'id')
  await db.insertMany('books', [
    { id: 1, title: 'Dune', secret: true },
    { id: 2, title: `x' OR '1'='1`, tags: ['a'] },
    { id: 3, title: '%' },
  ])
})

function refusal(text: string, values: readonly unknown[] = []): string {
  try {
    querySql(db, text, values).toArray()
  } catch (error) {
    expect(error).toBeInstanceOf(QueryError)
    expect(VarveError.is(error, 'VARVE_QUERY')).toBe(true)
    return (error as Error).message
  }
  return 'nothing was refused'
}

describe('SQL that is not supported', () => {
  it.each([
    ['SELECT id FROM books WHERE', 'line 1, column 27: the statement is not complete'],
    ['SELECT id\nFROM books WHERE id = = 1', "line 2, column 23: '=' is not expected"],
    ["SELECT id\nFROM books WHERE title = 'x", 'line 2, column 26: '],
    ['', 'the statement is not complete'],
    ['SELECT id FROM books; DROP TABLE books', "column 23 ('DROP TABLE books'): only one statement"],
    ['DELETE FROM books', 'DELETE is not supported'],
    ['UPDATE books SET id = 1', 'UPDATE is not supported'],
    ['SELECT id FROM books UNION SELECT id FROM books', 'UNION is not supported'],
    ['WITH b AS (SELECT 1) SELECT id FROM b', 'WITH is not supported'],
    ['SELECT 1', 'a SELECT needs FROM'],
    ['SELECT b.id FROM books b JOIN books c ON b.id = c.id', "column 26 ('JOIN books c"],
    ['SELECT id FROM books, books', 'joins are not supported'],
    ['SELECT id FROM (SELECT id FROM books) b', 'FROM takes the name of a collection only'],
    ['SELECT id FROM public.books', 'there are no schemas'],
    [
      'SELECT id FROM books GROUP BY id HAVING title = 1',
      "column 41 ('title'): the column must be in GROUP BY",
    ],
    ['SELECT id FROM books GROUP BY id HAVING COUNT(*)', 'not supported as a condition'],
    ['SELECT id FROM books FOR UPDATE', 'FOR is not supported'],
    ['SELECT *, id FROM books', "column 8 ('*'): * stands alone"],
    ['SELECT id, id FROM books', "column 12 ('id'): there are two columns 'id'"],
    ['SELECT price + 1 FROM books', "('price + 1'): only a column can stand here"],
    ['SELECT UPPER(title) FROM books', "('UPPER(title)'): this function is not supported"],
    ['SELECT SUM(*) FROM books', 'only COUNT takes *'],
    ['SELECT SUM(DISTINCT id) FROM books', 'SUM of distinct values is not supported'],
    ['SELECT MAX(id) FILTER (WHERE id > 1) FROM books', "with 'filter' is not supported"],
    ['SELECT SUM(id) OVER (PARTITION BY id) FROM books', "with 'over' is not supported"],
    ['SELECT title, COUNT(*) FROM books', "column 8 ('title'): the column must be in GROUP BY"],
    ['SELECT * FROM books GROUP BY id', '* cannot be grouped'],
    ['SELECT DISTINCT ON (id) id FROM books', 'DISTINCT ON is not supported'],
    ['SELECT DISTINCT id FROM books ORDER BY title', 'sorted by their columns only'],
    ['SELECT id FROM books ORDER BY COUNT(*)', "column 31 ('COUNT(*)'): there are no groups"],
    ['SELECT id FROM books ORDER BY 2', "column 31 ('2'): there is no column of this number"],
    ['SELECT id FROM books ORDER BY id NULLS LAST', 'null sorts before all other values'],
    ['SELECT id FROM books ORDER BY LOWER(id)', "('LOWER(id)'): this function is not supported"],
    ['SELECT id FROM books WHERE id = title', "column 28 ('id = title'): a column is compared with a value"],
    ['SELECT id FROM books WHERE id + 1 = 2', "column 28 ('id + 1'): only a column"],
    ['SELECT id FROM books WHERE LOWER(title) = $1', "column 28 ('LOWER(title)'): only a column"],
    ['SELECT id FROM books WHERE EXISTS (SELECT 1)', 'this is not supported as a condition'],
    ['SELECT id FROM books WHERE id IN (SELECT 1)', 'IN takes values only'],
    ['SELECT id FROM books WHERE id IN (1, title)', "column 38 ('title'): IN takes values only"],
    ['SELECT id FROM books WHERE id BETWEEN 1 AND title', "('title'): BETWEEN takes values only"],
    ['SELECT id FROM books WHERE title LIKE 5', 'LIKE takes a text'],
    [`SELECT id FROM books WHERE title LIKE '_${'ab'.repeat(1500)}'`, 'the pattern is too long'],
    ["SELECT id FROM books WHERE title ~ 'a'", 'the operator ~ is not supported'],
    ['SELECT id FROM books WHERE 5', 'this is not supported as a condition'],
    ['SELECT id FROM books WHERE user = 1', 'this is a word of SQL; for a field of this name write "user"'],
    ['SELECT id FROM books WHERE "$or" = 1', 'a column may not begin with $'],
    ['SELECT id FROM books WHERE "a..b" = 1', 'this is no field or dotted path'],
    ["SELECT id FROM books WHERE tags[1] = 'a'", "('tags[1]'): only a column"],
    ['SELECT id FROM books WHERE id = 9007199254740993', 'too many digits; pass it as a value'],
    [`SELECT id FROM books WHERE id = DATE '2020-02-31'`, 'this is no time'],
    [`SELECT id FROM books WHERE id = '5'::int`, 'a cast is not supported here'],
    [`SELECT id FROM books LIMIT -1`, 'LIMIT must be an integer of at least 0'],
    [`SELECT id FROM books OFFSET 1.5`, 'OFFSET must be an integer of at least 0'],
  ])('%s', (text, said) => {
    expect(refusal(text, text.includes('$1') ? ['x'] : [])).toContain(said)
  })

  it('tells its place as a number too', () => {
    const places = [
      'SELECT id FROM books WHERE\n id = title',
      'SELECT id FROM',
      'SELECT id FROM books ORDER 5',
    ].map((text) => {
      try {
        return querySql(db, text)
      } catch (error) {
        return VarveError.is(error, 'VARVE_QUERY') ? error.details.textOffset : error
      }
    })
    expect(places).toEqual([28, 14, 27])
  })

  it('may be nested, but not without end', () => {
    const nested = (times: number): string => `SELECT id FROM books WHERE ${'NOT '.repeat(times)}id = 1`
    expect(querySql(db, nested(200)).toArray()).toEqual([{ id: 1 }])
    expect(refusal(nested(20_000))).toContain('nested too deeply')
    const mixed = `${'(id = 1 OR (id = 2 AND '.repeat(60)}id = 1${'))'.repeat(60)}`
    expect(refusal(`SELECT id FROM books WHERE ${mixed}`)).toContain('nested deeper than 100 levels')
  })

  it('is refused before any row is read', () => {
    expect(() => sql(db)`SELECT id FROM books WHERE id = title`).toThrow(QueryError)
    expect(() => sql(db)`SELECT id FROM nowhere`).toThrow(/no collection 'nowhere'/u)
  })

  it('is not what a plain call is for', () => {
    expect(() => sql(db)('SELECT id FROM books' as unknown as TemplateStringsArray)).toThrow(
      /is a tag of templates/u,
    )
    expect(() => querySql(db, 5 as unknown as string)).toThrow(/takes a text/u)
  })
})

describe('values', () => {
  it.each([
    [[undefined], 'the value of $1 is undefined; use null'],
    [[/x/u], 'the value of $1 can be no value of a row'],
    [[() => 1], 'the value of $1 can be no value of a row'],
    [[Symbol('x')], 'the value of $1 can be no value of a row'],
    [[], 'there is no value for $1; 0 were given'],
    [[1, 2], 'The SQL uses no value $2'],
  ])('%# are refused', (values, said) => {
    expect(refusal('SELECT id FROM books WHERE id = $1', values)).toContain(said)
  })

  it('that have no order, and lists in lists, are refused where they stand', () => {
    expect(refusal('SELECT id FROM books WHERE id > $1', [{ $gt: 0 }])).toContain(
      "column 33 ('$1'): a list or an object",
    )
    expect(refusal('SELECT id FROM books WHERE id IN ($1, $2)', [1, { $gt: 0 }])).toContain(
      'IN takes no list within',
    )
    expect(refusal('SELECT id FROM books WHERE id IN $1', [[/./u]])).toContain('IN takes no list within')
    expect(refusal('SELECT id FROM books WHERE title LIKE $1', [{ $regex: '' }])).toContain(
      'LIKE takes a text',
    )
    expect(refusal('SELECT id FROM books LIMIT $1', ['1'])).toContain('LIMIT must be an integer')
  })

  it('are never text or operators', () => {
    const titled = (title: unknown): unknown[] =>
      sql(db)`SELECT id FROM books WHERE title = ${title}`.toArray().map(({ id }) => id)
    expect(titled(`x' OR '1'='1`)).toEqual([2])
    expect(titled(`' OR TRUE --`)).toEqual([])
    expect(titled(`title`)).toEqual([])
    expect(titled({ $gt: '' })).toEqual([])
    expect(titled({ $ne: null })).toEqual([])
    expect(titled({ $regex: '' })).toEqual([])
    expect(titled('$1')).toEqual([])
    expect(titled('%')).toEqual([3])
  })

  it('cannot stand within quotation marks, where they would be text', () => {
    expect(() => sql(db)`SELECT id FROM books WHERE title = '${'Dune'}'`).toThrow(/uses no value \$1/u)
    expect(() => sql(db)`SELECT id FROM books -- ${'Dune'}`).toThrow(/uses no value \$1/u)
  })

  it('cannot become a part of a name or a number', () => {
    expect(() => sql(db)`SELECT id FROM ${'books'}`).toThrow(QueryError)
    expect(() => sql(db)`SELECT ti${'tle'} FROM books`).toThrow(QueryError)
    expect(() => sql(db)`SELECT id FROM books WHERE id = ${1}0`).toThrow(QueryError)
    expect(() => sql(db)`SELECT id FROM books ORDER BY ${'secret'}`).toThrow(QueryError)
  })
})
