/**
 * CSV with a header line: one field a column, text in every field. A column `author.name` fills the field `name` of the
 * object `author`.
 */
import type { Row } from '../../src/index.js'
import { valueAt } from '../text-types.js'
import { setOwn } from '../typed-json.js'
import { type CsvRecord, CsvRecords, type Parsed } from './csv-records.js'
import { BadData, type InputRow } from './row.js'
import { type Text, Utf8Lines } from './utf8-lines.js'

export async function* readCsv(chunks: AsyncIterable<Buffer>): AsyncGenerator<InputRow[], void, undefined> {
  const lines = new Utf8Lines()
  const records = new CsvRecords()
  const table = new Table()
  for await (const chunk of chunks) yield* readPiece(lines.feed(chunk), records, table)
  yield* readPiece(lines.end(), records, table)
  yield* readParsed(await records.end(), table)
}

async function* readPiece(
  { text, problem }: Text,
  records: CsvRecords,
  table: Table,
): AsyncGenerator<InputRow[], void, undefined> {
  yield* readParsed(await records.feed(text), table)
  if (problem === undefined) return
  // The parser holds the last record back until it has seen what follows.
  yield* readParsed(await records.end(), table)
  throw problem
}

/** The rows before the bad one come first. */
function* readParsed({ records, problem }: Parsed, table: Table): Generator<InputRow[], void, undefined> {
  yield table.rows(records)
  if (problem !== undefined) throw problem
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

function place(row: Row, path: readonly string[], cell: string): void {
  let target = row
  for (const name of path.slice(0, -1)) {
    const present = valueAt(target, [name])
    const next = (present ?? {}) as Row // Made by this very function: cells lie in leaves only.
    if (present === undefined) setOwn(target, name, next)
    target = next
  }
  setOwn(target, path.at(-1) ?? '', cell)
}
