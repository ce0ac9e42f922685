/** `varve query`: SQL and filters, every format, plans, and what becomes of queries that are wrong. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { envelopeOf } from './envelope.js'
import { createLibrary } from './library.js'
import { type Ended, varve } from './run.js'

const directory = temporaryDirectory()
const database = directory.file('library.varve')

beforeAll(async () => await createLibrary(database))
afterAll(() => directory.remove())

const query = async (...args: string[]): Promise<Ended> =>
  await varve(['query', database, ...args], { cwd: directory.path })

describe('varve query', () => {
  it('prints a table, with figures to the right', async () => {
    const { code, stdout, stderr } = await query(
      'SELECT title, year, author.name AS "by" FROM books ORDER BY year',
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(
      '  title    year  by\n  Emma     1815  Jane Austen\n  Solaris  1961  Stanisław Lem\n  Dune     1965  Frank Herbert\n3 rows\n',
    )
  })

  it('takes a filter, with every type that rows have', async () => {
    const rows = async (filter: string, collection = 'books'): Promise<unknown[]> => {
      const { code, stdout } = await query(filter, '--collection', collection, '--format', 'json')
      expect(code).toBe(0)
      return JSON.parse(stdout) as unknown[]
    }
    expect(await rows('{"year": {"$lt": 1900}}')).toMatchObject([{ title: 'Emma' }])
    expect(await rows('{"author.born": {"$date": "1921-09-12"}}')).toMatchObject([{ title: 'Solaris' }])
    expect(await rows('{"amount": {"$in": [{"$bigint": "3"}, 5]}}', 'loans')).toHaveLength(2)
    expect(await rows('{"title": "None"}')).toEqual([])
  })

  it('prints NDJSON, JSON and CSV', async () => {
    const text = "SELECT title, tags FROM books WHERE title <> 'Emma' ORDER BY title DESC"
    expect((await query(text, '--format', 'ndjson')).stdout).toBe(
      '{"title":"Solaris","tags":["sea"]}\n{"title":"Dune","tags":["desert","spice"]}\n',
    )
    expect(JSON.parse((await query(text, '--format', 'json')).stdout)).toEqual([
      { title: 'Solaris', tags: ['sea'] },
      { title: 'Dune', tags: ['desert', 'spice'] },
    ])
    expect((await query(text, '--format', 'csv')).stdout).toBe(
      'title,tags\nSolaris,"[""sea""]"\nDune,"[""desert"",""spice""]"\n',
    )
    expect((await query('{}', '--collection', 'books', '--format', 'csv', '--limit', '1')).stdout).toBe(
      'title,year,author.name,tags\nDune,1965,Frank Herbert,"[""desert"",""spice""]"\n',
    )
  })

  it('prints no more than --limit', async () => {
    expect(
      (await query('SELECT title FROM books', '--limit', '2', '--format', 'ndjson')).stdout.split('\n'),
    ).toHaveLength(3)
    expect((await query('{}', '--collection', 'loans', '--limit', '1')).stdout).toMatch(/\n1 row\n$/u)
    expect((await query('SELECT title FROM books', '--limit', '0')).stdout).toBe('  title\n0 rows\n')
  })

  it('explains', async () => {
    const text = "SELECT year FROM books WHERE title BETWEEN 'D' AND 'F'"
    expect((await query(text, '--explain')).stdout).toBe(
      'find in books\n└─ primary key: title >= "D" and <= "F" (2 keys)\n',
    )
    const { stdout } = await query('{"title": "Dune"}', '--collection', 'books', '--explain', '--json')
    expect(envelopeOf(stdout).result).toMatchObject({
      collection: 'books',
      rows: null,
      plan: { kind: 'primary' },
    })
  })

  it('prints one object with --json, and keeps it with --output', async () => {
    const { stdout } = await query('SELECT COUNT(*) AS n, MAX(day) AS "last" FROM loans', '--json')
    expect(envelopeOf(stdout).result).toEqual({
      collection: 'loans',
      columns: ['n', 'last'],
      rows: [{ n: 40, last: { $date: '2020-02-09T00:00:00.000Z' } }],
      plan: null,
    })
    const kept = await query(
      'SELECT title FROM books',
      '--output',
      directory.file('kept.json'),
      '--format',
      'csv',
    )
    expect(kept.stdout).toBe('title\nDune\nEmma\nSolaris\n')
  })

  it.each<[args: string[], said: string]>([
    [['SELECT title FROM books WHERE year = = 5'], 'line 1, column 38'],
    [['SELECT title FROM nowhere'], "no collection 'nowhere'"],
    [['SELECT title FROM books', '--collection', 'books'], '--collection is for filters'],
    [['DELETE FROM books'], 'neither a SELECT nor a filter'],
    [['{"year": 1965}'], 'Name the collection of the filter with --collection'],
    [['{"year": }', '--collection', 'books'], 'The filter cannot be read: it is not JSON'],
    [['{"year": {"$near": 1}}', '--collection', 'books'], 'there is no such operator here'],
    [['{}', '--collection', 'nowhere'], "no collection 'nowhere'"],
    [['SELECT title FROM books', '--format', 'xml'], '--format'],
    [['SELECT title FROM books', '--format', 'csv', '--json'], '--json prints rows in its own form'],
  ])('refuses %j', async (args, said) => {
    const { code, stdout, stderr } = await query(...args)
    expect(code).toBe(2)
    expect(stdout + stderr).toContain(said)
  })
})
