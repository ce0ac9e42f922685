/**
 * Records of CSV, piece by piece, each with the line that it begins on.
 */
import { CsvError, type Parser, parse } from 'csv-parse'
import { BadData, MAX_ROW_TEXT_BYTES, tooLong } from './row.js'

export interface CsvRecord {
  readonly cells: readonly string[]
  readonly line: number
}

/** Records of a piece of text, and what ended the reading after them. */
export interface Parsed {
  readonly records: readonly CsvRecord[]
  readonly problem: BadData | undefined
}

/** The CSV parser, asked for the records of each piece: its stream would drop those before a bad one. */
export class CsvRecords {
  readonly #parser: Parser
  readonly #lines = new LineCount()
  #records: CsvRecord[] = []

  constructor() {
    this.#parser = parse({
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      max_record_size: MAX_ROW_TEXT_BYTES,
      on_record: (cells: string[], { lines }) => {
        this.#records.push({ cells, line: this.#lines.lineOf(cells, lines) })
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
    return { records, problem: error === null || error === undefined ? undefined : this.#badData(error) }
  }

  #badData(error: Error): BadData {
    if (!(error instanceof CsvError)) throw error
    const { code } = error
    const ownLine = error['lines']
    if (code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH' && typeof ownLine === 'number') {
      const cells: unknown = error['record']
      const number = Array.isArray(cells) ? cells.length : 0
      const line = Array.isArray(cells) ? this.#lines.lineOf(cells.map(String), ownLine) : ownLine
      return new BadData(
        line,
        `it has ${number} ${number === 1 ? 'cell' : 'cells'}, not as many as the header`,
      )
    }
    const line = this.#lines.next
    return code === 'CSV_MAX_RECORD_SIZE'
      ? tooLong(line)
      : new BadData(line, REASONS.get(code) ?? error.message)
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['CSV_QUOTE_NOT_CLOSED', 'a quotation mark in this record is never closed'],
  [
    'CSV_INVALID_CLOSING_QUOTE',
    'text follows the closing quotation mark of a cell; write a quotation mark within it twice',
  ],
  ['INVALID_OPENING_QUOTE', 'a quotation mark stands within a cell that does not begin with one'],
])

const LINE_BREAK = /\r\n|\n|\r/gu

/** Where records begin. The parser knows where they end, but counts CR LF within quotation marks as two lines. */
class LineCount {
  /** The line after the last record. */
  next = 1
  #parserLines = 0
  #excess = 0

  lineOf(cells: readonly string[], parserLines: number): number {
    let breaks = 0
    if (parserLines !== this.#parserLines + 1) {
      const found = cells.flatMap((cell) => cell.match(LINE_BREAK) ?? [])
      breaks = found.length
      this.#excess += found.filter((text) => text.length === 2).length
    }
    this.#parserLines = parserLines
    const end = parserLines - this.#excess
    this.next = end + 1
    return end - breaks
  }
}
