/** The readers of import, fed piece by piece, wherever the pieces are cut. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batches } from '../../cli/import/batches.js'
import { readCsv } from '../../cli/import/csv.js'
import { readJsonArray } from '../../cli/import/json-array.js'
import { readNdjson } from '../../cli/import/ndjson.js'
import { parse } from '../../cli/typed-json.js'
import { BadData, type InputRow, type RowReader } from '../../cli/import/row.js'
import { count, seed } from '../support/counts.js'

/** What a reader gave, and how it ended. */
interface Read {
  readonly rows: InputRow[]
  readonly problem?: string
}

async function* cutAt(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer, void, undefined> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (const [index, end] of places.entries()) {
    await Promise.resolve()
    yield bytes.subarray(places[index - 1] ?? 0, end)
  }
}

async function read(reader: RowReader, input: string | Buffer, cuts: readonly number[] = []): Promise<Read> {
  const rows: InputRow[] = []
  try {
    for await (const piece of reader(cutAt(Buffer.from(input), cuts))) rows.push(...piece)
  } catch (error) {
    if (!(error instanceof BadData)) throw error
    const { line, what, field } = error
    return { rows, problem: `${line}: ${what}${field === undefined ? '' : ` (${field})`}` }
  }
  return { rows }
}

const cuts = fc.array(fc.nat(), { maxLength: 6 })
const json = fc.dictionary(fc.string({ unit: 'binary', maxLength: 6 }), fc.jsonValue({ maxDepth: 3 }), {
  maxKeys: 3,
  noNullPrototype: true,
})
const runs = { seed, numRuns: count(300, 20_000) }

describe('a JSON array', () => {
  it('gives its rows wherever the text is cut', async () => {
    const layout = fc.constantFrom(undefined, 1, '\t', '\n')
    await fc.assert(
      fc.asyncProperty(fc.array(json, { maxLength: 5 }), layout, cuts, async (rows, space, places) => {
        const text = JSON.stringify(rows, undefined, space)
        const { rows: found, problem } = await read(readJsonArray, text, places)
        expect(problem).toBeUndefined()
        expect(found.map(({ row }) => row)).toEqual(rows.map((row) => parse(JSON.stringify(row))))
      }),
      runs,
    )
  })

  it('tells the line that a row begins on', async () => {
    const { rows } = await read(readJsonArray, '\n[\n{"a":\n1}\n,\n\n{"a":2}, {"a":3}]\n')
    expect(rows.map(({ line }) => line)).toEqual([3, 7, 7])
  })

  it.each([
    ['', 0, '1: the file ends, where an array of rows was expected'],
    ['\n  ', 0, '2: the file ends, where an array of rows was expected'],
    ['{"a":1}', 0, `1: an array of rows was expected, not "{"; for one row a line use --format ndjson`],
    ['[', 0, '1: the file ends, where a row or the end of the array was expected'],
    ['[{"a":1}', 1, `1: the file ends, where ',' or ']' was expected`],
    ['[{"a":1},\n', 1, '2: the file ends, where a row was expected'],
    ['[{"a":1},]', 1, '1: a row was expected, not "]"'],
    ['[{"a":1}\n{"a":2}]', 1, `2: ',' or ']' was expected, not "{"`],
    ['[{"a":1}]\n]', 1, '2: nothing more was expected, not "]"'],
    ['[{"a":1}, 5]', 1, '1: a row was expected, not "5"'],
    ['[{"a":1}, [5]]', 1, '1: a row was expected, not "["'],
    ['[{"a":1},\n{"a":"]}', 1, '2: the file ends, where the end of the row was expected'],
  ])('refuses %j by its line', async (text, number, problem) => {
    expect(await read(readJsonArray, text)).toEqual({ rows: expect.any(Array), problem })
    expect((await read(readJsonArray, text)).rows).toHaveLength(number)
  })

  it('refuses what is no JSON, and no UTF-8, by the line it begins on', async () => {
    expect((await read(readJsonArray, '[{"a":1},\n{"a":]}\n]')).problem).toMatch(/^2: it is not JSON/u)
    const bytes = Buffer.concat([Buffer.from('[{"a":1},\n{"a":"'), Buffer.from([0xff]), Buffer.from('"}]')])
    expect(await read(readJsonArray, bytes)).toEqual({
      rows: [{ row: { a: 1 }, line: 1 }],
      problem: '2: it is not UTF-8',
    })
  })
})

describe('NDJSON', () => {
  it('gives its rows wherever the text is cut', async () => {
    const lineEnd = fc.constantFrom('\n', '\r\n')
    await fc.assert(
      fc.asyncProperty(
        fc.array(json, { maxLength: 5 }),
        lineEnd,
        fc.boolean(),
        cuts,
        async (rows, end, ended, places) => {
          const text = rows.map((row) => JSON.stringify(row)).join(end) + (ended ? end : '')
          const { rows: found, problem } = await read(readNdjson, text, places)
          expect(problem).toBeUndefined()
          expect(found.map(({ row }) => row)).toEqual(rows.map((row) => parse(JSON.stringify(row))))
          expect(found.map(({ line }) => line)).toEqual(rows.map((_, index) => index + 1))
        },
      ),
      runs,
    )
  })

  it('counts empty lines, and finds nothing in them', async () => {
    const { rows } = await read(readNdjson, '\n{"a":1}\r\n \r\n\n{"a":2}\n\n')
    expect(rows).toEqual([
      { row: { a: 1 }, line: 2 },
      { row: { a: 2 }, line: 5 },
    ])
    expect(await read(readNdjson, '')).toEqual({ rows: [] })
  })

  it.each([
    ['{"a":1}\n[1]\n', '2: a row must be an object, not an array'],
    ['{"a":1}\nnull\n', '2: a row must be an object, not null'],
    ['{"a":1}\n5', '2: a row must be an object, not a number'],
    ['{"a":1}\n{"$date":"2020-01-01"}', '2: a row must be an object, not a Date'],
    ['{"a":1}\n{"$map":[]}', '2: a row must be an object, not a Map'],
  ])('gives the rows before the bad one of %j', async (text, problem) => {
    expect(await read(readNdjson, text)).toEqual({ rows: [{ row: { a: 1 }, line: 1 }], problem })
  })

  it('refuses a line longer than any row, in bounded memory', async () => {
    const piece = Buffer.alloc(16 * 1024 * 1024, 'x')
    async function* endless(): AsyncGenerator<Buffer, void, undefined> {
      yield Buffer.from('{"a":1}\n')
      for (;;) {
        await Promise.resolve()
        yield piece
      }
    }
    const failure = (async () => {
      for await (const rows of readNdjson(endless())) expect(rows.length).toBeLessThan(2)
    })()
    await expect(failure).rejects.toThrow('longer than any row')
  })
})

describe('CSV', () => {
  const cell = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom('', '"', ',', '\n', '\r\n', 'a\r\nb'),
  )
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`

  it('gives its cells wherever the text is cut, and the lines that rows begin on', async () => {
    const table = fc.array(fc.tuple(cell, cell), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom('\n', '\r\n'), cuts, async (records, end, places) => {
        const lines = ['a,b', ...records.map((cells) => cells.map(quote).join(','))]
        const { rows, problem } = await read(readCsv, lines.join(end), places)
        expect(problem).toBeUndefined()
        expect(rows.map(({ row }) => [row['a'], row['b']])).toEqual(records)
        let next = 2
        const begins = records.map((cells) => {
          const line = next
          next += 1 + (cells.join(',').match(/\r\n|\n|\r/gu) ?? []).length
          return line
        })
        expect(rows.map(({ line }) => line)).toEqual(begins)
      }),
      runs,
    )
  })

  it('takes any line end, passes over empty lines, and needs no last one', async () => {
    const expected = [
      { a: '1', b: '2' },
      { a: '3', b: '' },
    ]
    for (const text of ['a,b\n1,2\n\n3,\n', 'a,b\r\n1,2\r\n3,', 'a,b\r1,2\r3,\r', '\r\na,b\n1,2\r\n3,\n\n']) {
      const { rows } = await read(readCsv, text)
      expect(rows.map(({ row }) => row)).toEqual(expected)
    }
    expect(await read(readCsv, '')).toEqual({ rows: [] })
    expect(await read(readCsv, 'a,b\n')).toEqual({ rows: [] })
  })

  it('makes objects of dotted columns, and fields of any name', async () => {
    const { rows } = await read(
      readCsv,
      'id,author.name,author.born.year,__proto__,constructor\n1,H,1920,p,c\n',
    )
    expect(JSON.stringify(rows[0]?.row)).toBe(
      '{"id":"1","author":{"name":"H","born":{"year":"1920"}},"__proto__":"p","constructor":"c"}',
    )
  })

  it.each([
    ['a,,b\n1,2,3\n', '1: column 2 of the header has no name'],
    ['a,b,a\n1,2,3\n', `1: the header names 'a' twice`],
    ['a,a.b\n1,2\n', `1: the column 'a.b' lies within another one`],
    ['a,b\n1,2\n3\n', '3: it has 1 cell, not as many as the header'],
    ['a,b\n1,"x\r\ny"\n3,4,5\n', '4: it has 3 cells, not as many as the header'],
    ['a,b\n1,2\n3,"4\n5,6\n', '3: a quotation mark in this record is never closed'],
    [
      'a,b\n1,2\n3,"4"x\n',
      '3: text follows the closing quotation mark of a cell; write a quotation mark within it twice',
    ],
    ['a,b\n1,2\n3,x"4"\n', '3: a quotation mark stands within a cell that does not begin with one'],
  ])('refuses %j by its line', async (text, problem) => {
    const found = await read(readCsv, text)
    expect(found.problem).toBe(problem)
    expect(found.rows).toHaveLength(problem.startsWith('1:') ? 0 : 1)
  })

  it('gives the rows before the line that is no UTF-8', async () => {
    const bytes = Buffer.concat([
      Buffer.from('a\nb\né\n'),
      Buffer.from([0x78, 0xe9, 0x0a]),
      Buffer.from('c\n'),
    ])
    for (let cut = 0; cut < bytes.length; cut++) {
      const { rows, problem } = await read(readCsv, bytes, [cut])
      expect(rows.map(({ row }) => row['a'])).toEqual(['b', 'é'])
      expect(problem).toBe('4: it is not UTF-8')
    }
  })
})

describe('batches', () => {
  it('are full but for the last, whatever the pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(7), { maxLength: 8 }),
        fc.integer({ min: 1, max: 5 }),
        async (sizes, size) => {
          let line = 0
          const pieces = sizes.map((length) => Array.from({ length }, () => ({ row: {}, line: ++line })))
          async function* feed(): AsyncGenerator<InputRow[], void, undefined> {
            await Promise.resolve()
            yield* pieces
          }
          const found: InputRow[][] = []
          for await (const batch of batches(feed(), size)) found.push(batch)
          expect(found.flat()).toEqual(pieces.flat())
          expect(found.slice(0, -1).every((batch) => batch.length === size)).toBe(true)
          expect(found.every((batch) => batch.length > 0 && batch.length <= size)).toBe(true)
        },
      ),
      runs,
    )
  })
})
