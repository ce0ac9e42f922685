/**
 * CSV with a header line: one field a column, text in every field. A column `author.name` fills the field `name` of the
 * object `author`.
 */
import { isUtf8 } from 'node:buffer'
import { CsvError, type Parser, parse } from 'csv-parse'
import { setOwn } from '../typed-json.js'
import { PartialText } from './partial-text.js'
import { BadData, type InputRow, MAX_ROW_TEXT_BYTES, notUtf8, tooLong } from './row.js'

const LINE_FEED = 0x0a

/** A record as the parser gives it, with the line it ends on. */
interface CsvRecord {
  readonly cells: readonly string[]
  readonly line: number
}

export async function* readCsv(chunks: AsyncIterable<Buffer>): AsyncGenerator<InputRow[], void, undefined> {
  const lines = new Utf8Lines()
  const parser = new RecordParser()
  const table = new Table()
  for await (const chunk of chunks) yield* readPiece(lines.feed(chunk), parser, table)
  yield* readPiece(lines.end(), parser, table)
  const { records, problem } = await parser.end()
  yield table.rows(records)
  if (problem !== undefined) throw problem
}

/** The rows before the bad one come first. */
async function* readPiece(
  { text, problem: badText }: Text,
  parser: RecordParser,
  table: Table,
): AsyncGenerator<InputRow[], void, undefined> {
  const { records, problem: badRecord } = await parser.feed(text)
  yield table.rows(records)
  const problem = badRecord ?? badText
  if (problem !== undefined) throw problem
}

/** A piece of the text, and what ended it. */
interface Text {
  readonly text: string
  readonly problem: BadData | undefined
}

/** Records of a piece of text, and what ended the reading after them. */
interface Parsed {
  readonly records: readonly CsvRecord[]
  readonly problem: BadData | undefined
}

/** The CSV parser, asked piece by piece: a stream would drop the records before a bad one. */
class RecordParser {
  readonly #parser: Parser
  #records: CsvRecord[] = []

  constructor() {
    this.#parser = parse({
      columns: false,
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      max_record_size: MAX_ROW_TEXT_BYTES,
      on_record: (cells: string[], { lines }) => {
        this.#records.push({ cells, line: lines })
        return null
      },
    })
    // Errors are handed to the callbacks of write and end.
    this.#parser.on('error', () => undefined)
    this.#parser.resume()
  }

  async feed(text: string): Promise<Parsed> {
    return await this.#take((done) => this.#parser.write(text, done))
  }

  async end(): Promise<Parsed> {
    return await this.#take((done) => {
      this.#parser.once('end', () => done(null)).once('error', done)
      this.#parser.end()
    })
  }

  async #take(work: (done: (error: Error | null | undefined) => void) => void): Promise<Parsed> {
    const error = await new Promise<Error | null | undefined>((resolve) => {
      work(resolve)
    })
    const records = this.#records
    this.#records = []
    return { records, problem: error === null || error === undefined ? undefined : badData(error) }
  }
}

function badData(error: Error): BadData {
  if (!(error instanceof CsvError)) throw error
  const line = typeof error['lines'] === 'number' ? error['lines'] : 1
  if (error.code === 'CSV_MAX_RECORD_SIZE') return tooLong(line)
  return new BadData(line, lowerFirst(error.message.replace(/\s+on line \d+.*$|\s+at line \d+.*$/su, '')))
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}

/** Whole lines of text from bytes that may be cut anywhere; a line that is no UTF-8 ends the text. */
class Utf8Lines {
  readonly #rest = new PartialText()
  #line = 1

  feed(chunk: Buffer): Text {
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    if (end > 0) {
      const text = this.#read(this.#rest.take(chunk.subarray(0, end)))
      this.#rest.add(chunk.subarray(end))
      return text
    }
    const problem = this.#rest.add(chunk) > MAX_ROW_TEXT_BYTES ? tooLong(this.#line) : undefined
    return { text: '', problem }
  }

  end(): Text {
    return this.#read(this.#rest.take(Buffer.alloc(0)))
  }

  #read(bytes: Buffer): Text {
    let start = 0
    const isSound = isUtf8(bytes)
    for (let end = 0; start < bytes.length; start = end) {
      end = bytes.indexOf(LINE_FEED, start) + 1 || bytes.length
      if (!isSound && !isUtf8(bytes.subarray(start, end))) break
      this.#line += 1
    }
    return { text: bytes.toString('utf8', 0, start), problem: isSound ? undefined : notUtf8(this.#line) }
  }
}

/** The header, once it was read, and the rows under it. */
class Table {
  #columns: Columns | undefined

  rows(records: readonly CsvRecord[]): InputRow[] {
    const rows: InputRow[] = []
    for (const { cells, line } of records) {
      if (this.#columns === undefined) this.#columns = new Columns(cells, line)
      else rows.push({ row: this.#columns.row(cells), line })
    }
    return rows
  }
}

/** The header: where in a row each cell belongs. */
class Columns {
  readonly #paths: readonly (readonly string[])[]

  constructor(names: readonly string[], line: number) {
    const empty = names.indexOf('')
    if (empty >= 0) throw new BadData(line, `column ${empty + 1} of the header has no name`)
    const paths = names.map((name) => name.split('.'))
    const taken = new Set<string>()
    for (const [index, path] of paths.entries()) {
      if (taken.has(JSON.stringify(path)))
        throw new BadData(line, `the header names '${names[index] ?? ''}' twice`)
      taken.add(JSON.stringify(path))
    }
    const clash = paths.find((path) =>
      path.some((_, depth) => depth > 0 && taken.has(JSON.stringify(path.slice(0, depth)))),
    )
    if (clash !== undefined)
      throw new BadData(line, `the column '${clash.join('.')}' lies within another one`)
    this.#paths = paths
  }

  row(cells: readonly string[]): Record<string, unknown> {
    const row: Record<string, unknown> = {}
    for (const [index, path] of this.#paths.entries()) place(row, path, cells[index] ?? '')
    return row
  }
}

function place(row: object, path: readonly string[], cell: string): void {
  let target = row
  for (const name of path.slice(0, -1)) {
    const present: unknown = Object.getOwnPropertyDescriptor(target, name)?.value
    const next = typeof present === 'object' && present !== null ? present : {}
    if (next !== present) setOwn(target, name, next)
    target = next
  }
  setOwn(target, path.at(-1) ?? '', cell)
}
