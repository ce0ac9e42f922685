/**
 * Rows as the text of a format.
 */
import { declaredLeaves } from '../declared-fields.js'
import type { CollectionDefinition } from '../../src/index.js'
import { stringify } from '../typed-json.js'
import { cellText, leavesOf } from './cells.js'

export const EXPORT_FORMATS = ['ndjson', 'csv'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Turns rows into text, in order. */
export interface RowEncoder {
  readonly header: string
  text: (rows: readonly object[]) => string
  /** Fields that rows had and that the format has no place for. */
  readonly leftOut: ReadonlySet<string>
}

/** One row a line, every type kept. */
export const ndjson: RowEncoder = {
  header: '',
  text: (rows) => rows.map((row) => `${stringify(row)}\n`).join(''),
  leftOut: new Set(),
}

/** A header line, and the fields that the columns name. */
export async function csv(columns: readonly string[]): Promise<RowEncoder> {
  const { stringify: csvText } = await import('csv-stringify/sync')
  const leftOut = new Set<string>()
  const known = new Set(columns)
  const cellsOf = (row: object): string[] => {
    const values = new Map(leavesOf(row))
    for (const name of values.keys()) if (!known.has(name)) leftOut.add(name)
    return columns.map((name) => cellText(values.get(name)))
  }
  // A lone empty cell would be an empty line, which readers pass over; a lone \r would end one.
  const rules = { quoted_empty: columns.length === 1, quoted_match: /\r/u }
  return {
    header: csvText([[...columns]], rules),
    text: (rows) => csvText(rows.map(cellsOf), rules),
    leftOut,
  }
}

/** The columns of a collection: key, declared fields, then what `rows` have besides. */
export function columnsOf({ primaryKey, fields }: CollectionDefinition, rows: Iterable<object>): string[] {
  const declared = [...primaryKey, ...declaredLeaves(fields).map(({ path }) => path)].map((path) =>
    path.join('.'),
  )
  const columns = new Set(declared)
  for (const row of rows) for (const [name] of leavesOf(row)) columns.add(name)
  // A declared object that is written field by field needs no column of its own.
  return [...columns].filter((name) => ![...columns].some((other) => other.startsWith(`${name}.`)))
}
