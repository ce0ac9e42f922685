/** Rows in and out: import, export, and one after the other. */
import { readFileSync, writeFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { count, sampled, seed } from '../support/counts.js'
import { difference, objectOf, storable } from '../support/storable.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { type Envelope, envelopeOf } from './envelope.js'
import { createLibrary, leaveTornTail } from './library.js'
import { type Ended, varve } from './run.js'

const directory = temporaryDirectory()
const cwd = directory.path
let databases = 0

/** The name of a database that is not there yet. */
const fresh = (): string => `fresh-${++databases}.varve`
const run = async (args: readonly string[], input: string | Uint8Array = ''): Promise<Ended> =>
  await varve(args, { cwd, input })
const importing = async (args: readonly string[], input: string | Uint8Array = ''): Promise<Envelope> =>
  envelopeOf((await run(['import', ...args, '--json'], input)).stdout)

async function rowsOf(name: string, collection = 'rows'): Promise<Record<string, unknown>[]> {
  const db = await Database.open(directory.file(name), { mode: 'readOnly' })
  try {
    return db.collection(collection).range().toArray()
  } finally {
    await db.close()
  }
}

beforeAll(async () => await createLibrary(directory.file('library.varve')))
afterAll(() => directory.remove())

/** A field as dump-catalog shows it. */
interface Declared {
  readonly path: readonly string[]
  readonly type: string
  readonly optional?: boolean
}

describe('import', () => {
  it('reads a JSON array, NDJSON and CSV alike, by the name of the file or as it is told', async () => {
    const rows = [
      { id: '1', name: 'é' },
      { id: '2', name: '' },
    ]
    const ndjson = rows.map((row) => JSON.stringify(row)).join('\n')
    writeFileSync(directory.file('rows.json'), JSON.stringify(rows))
    writeFileSync(directory.file('rows.JSONL'), ndjson)
    writeFileSync(directory.file('rows.csv'), 'id,name\r\n1,é\r\n2,\r\n')
    writeFileSync(directory.file('rows.txt'), `\ufeff${ndjson}`)
    for (const args of [['rows.json'], ['rows.JSONL'], ['rows.csv'], ['rows.txt', '--format', 'ndjson']]) {
      const name = fresh()
      const { result } = await importing([name, 'rows', ...args, '--key', 'id'])
      expect(result).toMatchObject({
        collection: 'rows',
        created: true,
        rowsRead: 2,
        inserted: 2,
        skipped: 0,
        replaced: 0,
        batches: 1,
      })
      expect(await rowsOf(name)).toEqual(rows)
    }
  })

  it('finds no rows in an empty file, and makes the collection', async () => {
    for (const [format, text] of [
      ['ndjson', ''],
      ['csv', ''],
      ['csv', 'a,b\n'],
      ['json', ' [ ] '],
      ['ndjson', '\ufeff\r\n\r\n'],
    ] as const) {
      const name = fresh()
      const { result } = await importing([name, 'rows', '-', '--format', format, '--key', 'id'], text)
      expect(result).toMatchObject({ created: true, rowsRead: 0, batches: 0 })
      expect(await rowsOf(name)).toEqual([])
    }
  })

  it('converts and declares what --type names', async () => {
    const columns = [
      's:string',
      'i:int',
      'l:int64',
      'u:uint64',
      'f:float64',
      'b:boolean',
      't:timestamp',
      'id:uuid',
      'y:bytes',
      'j:json',
      'o.n:int?',
    ]
    const types = columns.flatMap((column) => ['--type', column])
    const csv = [
      's,i,l,u,f,b,t,id,y,j,o.n',
      '007,-5,9223372036854775807,18446744073709551615, 1.5e3 ,true,2020-01-02T03:04:05+01:00,0189D9B7-0000-7000-8000-000000000000,AAE=,"[1,{""$bigint"":""2""}]",7',
      ',0,-9223372036854775808,0,-0,0,2020-01-02,0189d9b7-0000-7000-8000-000000000001,,null,',
    ]
    const name = fresh()
    expect(
      (await importing([name, 'rows', '-', '--format', 'csv', '--key', 'id', ...types], csv.join('\n')))
        .error,
    ).toBeUndefined()
    expect(await rowsOf(name)).toEqual([
      {
        s: '007',
        i: -5,
        l: 9_223_372_036_854_775_807n,
        u: 18_446_744_073_709_551_615n,
        f: 1500,
        b: true,
        t: new Date('2020-01-02T02:04:05Z'),
        id: '0189d9b7-0000-7000-8000-000000000000',
        y: new Uint8Array([0, 1]),
        j: [1, 2n],
        o: { n: 7 },
      },
      {
        s: '',
        i: 0,
        l: -9_223_372_036_854_775_808n,
        u: 0n,
        f: -0,
        b: false,
        t: new Date('2020-01-02'),
        id: '0189d9b7-0000-7000-8000-000000000001',
        y: new Uint8Array(),
        j: null,
        o: {},
      },
    ])
    const { result } = envelopeOf((await run(['dump-catalog', name, '--json'])).stdout)
    const { collections } = result as { collections: { fields: Declared[] }[] } & typeof result
    const [collection] = collections
    expect(
      collection?.fields.map(
        ({ path, type, optional }) => `${path.join('.')}:${type}${optional === true ? '?' : ''}`,
      ),
    ).toEqual(columns.map((column) => column.replace('j:json', 'j:any')))
  })

  it('converts JSON too, and what the collection declares without being told', async () => {
    const name = fresh()
    const types = ['--type', 'n:int64', '--type', 'f:float64', '--type', 't:timestamp', '--type', 's:string']
    await importing([name, 'rows', '-', '--key', 'n', ...types], '{"n":1,"f":"2.5","t":0,"s":7}')
    await importing(
      [name, 'rows', '-'],
      '{"n":12345678901234567,"f":12345678901234567,"t":"2020-01-02","s":"x"}',
    )
    await importing([name, 'rows', '-', '--format', 'csv'], 'n,f,t,s\n3,4,2020-01-02T00:00:00Z,5\n')
    expect(await rowsOf(name)).toEqual([
      { n: 1n, f: 2.5, t: new Date(0), s: '7' },
      { n: 3n, f: 4, t: new Date('2020-01-02'), s: '5' },
      { n: 12_345_678_901_234_567n, f: 12_345_678_901_234_568, t: new Date('2020-01-02'), s: 'x' },
    ])
  })

  const values = [
    ['i:int', '1.5', 'an integer from'],
    ['i:int', '9007199254740993', 'an integer from'],
    ['l:int64', '9223372036854775808', 'an integer from -2^63'],
    ['u:uint64', '-1', 'an integer from 0'],
    ['f:float64', '1,5', 'a number'],
    ['f:float64', '1e999', 'a number'],
    ['f:float64', '0x10', 'a number'],
    ['b:boolean', 'yes', 'true or false'],
    ['t:timestamp', '2021-02-29', 'a time in ISO 8601'],
    ['t:timestamp', '01/02/2020', 'a time in ISO 8601'],
    ['t:timestamp', '1577934245', 'a time in ISO 8601'],
    ['d:uuid', 'x', 'a UUID'],
    ['y:bytes', '***', 'bytes in base64'],
    ['j:json', '{', 'JSON'],
  ] as const
  it.each(sampled(values, 4))('refuses a value for %s that is none: %s', async (column, cell, expected) => {
    const field = column.slice(0, 1)
    const name = fresh()
    const text = `id,${field}\n1,"${cell}"\n`
    const { error } = await importing(
      [name, 'rows', '-', '--format', 'csv', '--key', 'id', '--type', column],
      text,
    )
    expect(error).toMatchObject({
      code: 'CLI_DATA',
      details: { input: 'standard input', line: 2, field, inserted: 0 },
    })
    expect(error?.message).toContain(`line 2, field '${field}': expected ${expected}`)
  })

  it('makes keys when asked to', async () => {
    const name = fresh()
    await importing(
      [name, 'rows', '-', '--generate-key'],
      '{"n":1}\n{"n":2,"id":"0189d9b7-0000-7000-8000-000000000000"}\n',
    )
    await importing([name, 'rows', '-', '--generate-key'], '{"n":3}\n')
    await importing([name, 'rows', '-'], '{"n":4}\n')
    const rows = await rowsOf(name)
    expect(new Set(rows.map(({ n }) => n))).toEqual(new Set([1, 2, 3, 4]))
    for (const { id } of rows)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u)
  })

  it('takes composite and nested keys', async () => {
    const name = fresh()
    await importing(
      [name, 'rows', '-', '--key', 'a.b', '--key', 'c', '--type', 'c:int', '--format', 'csv'],
      'c,a.b\n2,x\n1,x\n3,w\n',
    )
    expect((await rowsOf(name)).map(({ c }) => c)).toEqual([3, 1, 2])
    expect((await importing([name, 'rows', '-', '--key', 'a.b', '--key', 'c'], '')).ok).toBe(true)
    expect((await importing([name, 'rows', '-', '--key', 'c', '--key', 'a.b'], '')).error?.code).toBe(
      'CLI_USAGE',
    )
  })

  it('keeps whole batches before the bad row, nothing of its own, and says so', async () => {
    const lines = Array.from({ length: 25 }, (_, index) => (index === 17 ? '{"id":' : `{"id":${index}}`))
    const name = fresh()
    const { error } = await importing([name, 'rows', '-', '--key', 'id', '--batch', '5'], lines.join('\n'))
    expect(error?.message).toMatch(
      /^standard input, line 18: it is not JSON \(.*\)\. 15 rows before it are in, nothing of its batch\.$/u,
    )
    expect(error?.details).toMatchObject({ line: 18, inserted: 15, batches: 3 })
    expect((await rowsOf(name)).map(({ id }) => id)).toEqual(Array.from({ length: 15 }, (_, id) => id))
  })

  it('leaves nothing behind when the very first batch is bad', async () => {
    const name = fresh()
    await importing([name, 'rows', '-', '--key', 'id'], '{"id":')
    expect((await run(['inspect', name])).code).toBe(3)
    await importing([name, 'rows', '-', '--key', 'id'], '{"id":1}\n{"no":2}\n')
    expect((await run(['collections', name])).stdout).toContain('has no collections')
  })

  it('keeps, replaces or refuses rows whose keys are taken', async () => {
    const name = fresh()
    await importing([name, 'rows', '-', '--key', 'id'], '{"id":1,"v":"old"}\n{"id":2,"v":"old"}\n')
    const more = '{"id":2,"v":"new"}\n{"id":3,"v":"new"}\n{"id":3,"v":"newer"}\n'
    expect((await importing([name, 'rows', '-'], more)).error).toMatchObject({
      code: 'CLI_REFUSED',
      details: { line: 1, key: 2 },
    })
    expect((await importing([name, 'rows', '-', '--on-conflict', 'skip'], more)).result).toMatchObject({
      rowsRead: 3,
      inserted: 1,
      skipped: 2,
      replaced: 0,
    })
    expect(await rowsOf(name)).toEqual([
      { id: 1, v: 'old' },
      { id: 2, v: 'old' },
      { id: 3, v: 'new' },
    ])
    expect((await importing([name, 'rows', '-', '--on-conflict', 'replace'], more)).result).toMatchObject({
      rowsRead: 3,
      inserted: 0,
      skipped: 0,
      replaced: 3,
    })
    expect(await rowsOf(name)).toEqual([
      { id: 1, v: 'old' },
      { id: 2, v: 'new' },
      { id: 3, v: 'newer' },
    ])
  })

  it('refuses UTF-16 and what is no UTF-8, by its line', async () => {
    const utf16 = Buffer.from('\ufeffid\n1\n', 'utf16le')
    expect(
      (await importing([fresh(), 'rows', '-', '--format', 'csv', '--key', 'id'], utf16)).error?.message,
    ).toContain('is UTF-16')
    const latin1 = Buffer.from('id,name\n1,a\n2,caf\u00e9\n', 'latin1')
    expect(
      (await importing([fresh(), 'rows', '-', '--format', 'csv', '--key', 'id'], latin1)).error?.message,
    ).toContain('line 3: it is not UTF-8')
  })

  it('says what recovery did to a tail that a killed writer left', async () => {
    const path = directory.file('torn.varve')
    writeFileSync(path, readFileSync(directory.file('library.varve')))
    leaveTornTail(path)
    const { result } = await importing([path, 'books', '-'], '{"title":"Ulysses","year":1922}')
    expect(result?.['recovery']).toMatchObject({
      classification: 'tornTail',
      truncatedBytes: 31,
      quarantinePath: expect.stringContaining('quarantine'),
    })
  })

  it('tells a person what it did', async () => {
    const name = fresh()
    const { stdout, stderr } = await run(['import', name, 'rows', '-', '--key', 'id'], '{"id":1}\n')
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      /^Imported into 'rows', which is new, of .*\n {2}rows read {2}1\n {2}inserted {3}1\n {2}batches {4}1\n {2}time {7}\d+\.\d\d s\n$/u,
    )
  })
})

describe('export', () => {
  it('writes NDJSON in the order of the keys', async () => {
    const { stdout, stderr, code } = await run(['export', 'library.varve', 'loans', '--limit', '2'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(
      '{"reader":0,"day":{"$date":"2020-01-02T00:00:00.000Z"},"amount":{"$bigint":"2"},"fee":{"$number":"-0"}}\n' +
        '{"reader":0,"day":{"$date":"2020-01-04T00:00:00.000Z"},"amount":{"$bigint":"4"},"fee":{"$number":"-0"}}\n',
    )
  })

  it('writes CSV with a column for every leaf of the rows', async () => {
    const { stdout } = await run(['export', 'library.varve', 'books', '--format', 'csv'])
    expect(stdout).toBe(
      'title,year,author.name,tags,author.born\n' +
        'Dune,1965,Frank Herbert,"[""desert"",""spice""]",\n' +
        'Emma,1815,Jane Austen,[],\n' +
        'Solaris,1961,Stanisław Lem,"[""sea""]",1921-09-12T00:00:00.000Z\n',
    )
    expect(
      (
        await run([
          'export',
          'library.varve',
          'books',
          '--format',
          'csv',
          '--columns',
          'year,title,none',
          '--limit',
          '1',
        ])
      ).stdout,
    ).toBe('year,title,none\n1965,Dune,\n')
  })

  it('names the fields that no column took', async () => {
    const name = fresh()
    const rows = Array.from({ length: 1002 }, (_, id) =>
      id < 1000 ? { id } : { id, late: 1, 'e\u001b[31m': 2 },
    )
    await importing([name, 'rows', '-', '--key', 'id', '--format', 'json'], JSON.stringify(rows))
    const plain = await run(['export', name, 'rows', '--format', 'csv'])
    expect(plain.code).toBe(0)
    expect(plain.stderr).toContain(String.raw`left out: 'late', 'e\u001b[31m'.`)
    const { result } = envelopeOf((await run(['export', name, 'rows', '--to', 'late.csv', '--json'])).stdout)
    expect(result).toMatchObject({
      format: 'csv',
      rows: 1002,
      leftOut: ['late', 'e\u001b[31m'],
      to: directory.file('late.csv'),
    })
  })

  it('writes a file that is whole, and says how much', async () => {
    const { stdout } = await run(['export', 'library.varve', 'books', '--to', 'books.ndjson'])
    expect(stdout).toMatch(/^Exported 'books' to books\.ndjson\n {2}rows {4}3\n/u)
    const { result } = envelopeOf(
      (await run(['export', 'library.varve', 'books', '--to', 'again.ndjson', '--json'])).stdout,
    )
    const text = readFileSync(directory.file('again.ndjson'), 'utf8')
    expect(text).toBe((await run(['export', 'library.varve', 'books'])).stdout)
    expect(result).toMatchObject({ rows: 3, bytes: Buffer.byteLength(text) })
  })

  it('writes a header for no rows, and nothing as NDJSON', async () => {
    const name = fresh()
    await importing([name, 'rows', '-', '--key', 'id', '--type', 'n:int'], '')
    expect((await run(['export', name, 'rows', '--format', 'csv'])).stdout).toBe('id,n\n')
    expect((await run(['export', name, 'rows'])).stdout).toBe('')
  })
})

describe('export and import', () => {
  const names = fc.constantFrom('a', 'b', 'nested', '$date', '$$map', '__proto__', 'constructor', 'é', '0')
  const row = fc.array(fc.tuple(names, storable), { maxLength: 4 }).map(objectOf)

  it('give the same rows again, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 30 }), async (contents) => {
        const [from, to] = [fresh(), fresh()]
        const rows = contents.map((content, id) => ({ id, ...content }))
        const db = await Database.open(directory.file(from))
        await (await db.registerCollection('rows', [], 'id')).insertMany(rows)
        await db.close()
        const { stdout } = await run(['export', from, 'rows'])
        expect((await importing([to, 'rows', '-', '--key', 'id'], stdout)).error).toBeUndefined()
        const [before, after] = [await rowsOf(from), await rowsOf(to)]
        expect(difference(before, after)).toBeUndefined()
        expect((await run(['export', to, 'rows'])).stdout).toBe(stdout)
      }),
      { seed, numRuns: count(3, 200) },
    )
  })

  it('give the same texts again by way of CSV', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom('', ' ', '\r', '\n', '"', ',', '\ufeff', 'a\r\nb'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 20 }), async (cells) => {
        const [from, to] = [fresh(), fresh()]
        const rows = cells.map(([a, b], id) => ({ id: String(id), a, b }))
        const db = await Database.open(directory.file(from))
        await (await db.registerCollection('rows', [], 'id')).insertMany(rows)
        await db.close()
        const { stdout } = await run(['export', from, 'rows', '--format', 'csv'])
        expect(
          (await importing([to, 'rows', '-', '--format', 'csv', '--key', 'id'], stdout)).error,
        ).toBeUndefined()
        expect(await rowsOf(to)).toEqual(await rowsOf(from))
      }),
      { seed, numRuns: count(3, 200) },
    )
  })
})
