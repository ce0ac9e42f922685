/**
 * The rows of a query as tables, JSON, NDJSON and CSV.
 */
import type { CollectionDefinition } from '../../src/index.js'
import { cellText, leavesOf } from '../export/cells.js'
import { columnsOf, csv, ndjson, type RowEncoder } from '../export/encoders.js'
import { table } from '../table.js'
import { stringify } from '../typed-json.js'

export const ROW_FORMATS = ['table', 'json', 'ndjson', 'csv'] as const
export type RowFormat = (typeof ROW_FORMATS)[number]

/** What a query gave. */
export interface Answer {
  readonly definition: CollectionDefinition
  /** The columns that SQL named; null for whole rows. */
  readonly columns: readonly string[] | null
  /** The rows, from the first one, as often as they are asked for. */
  readonly rows: () => AsyncIterable<object> | Iterable<object>
}

export interface AnswerEncoder extends Pick<RowEncoder, 'header' | 'text'> {
  readonly footer: string
}

export async function encoderOf(answer: Answer, format: Exclude<RowFormat, 'table'>): Promise<AnswerEncoder> {
  if (format === 'json') return jsonList()
  const encoder = format === 'ndjson' ? ndjson : await csv(await cellColumns(answer))
  return { header: encoder.header, text: encoder.text, footer: '' }
}

/** A list, with one row a line. */
function jsonList(): AnswerEncoder {
  let isFirst = true
  const text = (rows: readonly object[]): string =>
    rows
      .map((row) => {
        const line = `${isFirst ? '\n' : ',\n'}${stringify(row)}`
        isFirst = false
        return line
      })
      .join('')
  return { header: '[', text, footer: '\n]\n' }
}

/** How many rows are looked at for their fields. */
const ROWS_LOOKED_AT = 1000

/** A column for each leaf of the rows: of those that SQL named, or of the key, the declared fields and all others. */
async function cellColumns({ definition, columns, rows }: Answer): Promise<string[]> {
  const first: object[] = []
  for await (const row of rows()) if (first.push(row) === ROWS_LOOKED_AT) break
  if (columns === null) return columnsOf(definition, first)
  return columnsOf({ ...definition, primaryKey: columns.map((name) => [name]), fields: [] }, first)
}

/** Longest text of a cell in a table. */
const MAX_CELL = 60

/** A table of rows that are in memory; figures stand to the right. */
export async function rowsTable(answer: Answer, rows: readonly object[]): Promise<string> {
  const names = await cellColumns(answer)
  if (names.length === 0) return ''
  const leaves = rows.map((row) => new Map(leavesOf(row)))
  const columns = names.map((name) => {
    const isFigure = leaves.every((row) => isNumeric(row.get(name)))
    return { title: name, align: isFigure ? 'right' : 'left' } as const
  })
  return await table(
    columns,
    leaves.map((row) => names.map((name) => shortened(cellText(row.get(name))))),
  )
}

function isNumeric(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'number' || typeof value === 'bigint'
}

function shortened(text: string): string {
  return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text
}
