/** Reads the tables of the format page. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const FORMAT_PAGE: string = join(import.meta.dirname, '../../docs/format.md')

export function formatPage(): string {
  return readFileSync(FORMAT_PAGE, 'utf8')
}

/** A row of a table: cell by column name. */
export type TableRow = Readonly<Record<string, string>>

/** The rows of the first table under a heading that has these columns. */
export function tableUnder(page: string, heading: string, columns: readonly string[]): TableRow[] {
  const lines = sectionOf(page, heading)
  const head = lines.findIndex((line) => JSON.stringify(cellsOf(line)) === JSON.stringify(columns))
  if (head < 0) throw new Error(`There is no table ${columns.join(' | ')} under '${heading}'.`)
  const rows: TableRow[] = []
  for (const line of lines.slice(head + 2)) {
    if (!line.startsWith('|')) break
    const cells = cellsOf(line)
    rows.push(Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? ''])))
  }
  return rows
}

/** The lines from a heading, which is given with its number signs, to the next one. */
function sectionOf(page: string, heading: string): string[] {
  const lines = page.split('\n')
  const start = lines.indexOf(heading)
  if (start < 0) throw new Error(`The page has no heading '${heading}'.`)
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => /^#+ /.test(line))
  return end < 0 ? rest : rest.slice(0, end)
}

function cellsOf(line: string): string[] {
  if (!line.startsWith('|')) return []
  return line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim())
}

/** A field as a table states it, or as the constants do. */
export interface FieldPlace {
  readonly field: string
  readonly offset: number
  readonly size: number
}

/** The fields of a table of offset, size, field and content. */
export function fieldsUnder(page: string, heading: string): FieldPlace[] {
  return tableUnder(page, heading, ['offset', 'size', 'field', 'content']).map((row) => ({
    field: row['field'] ?? '',
    offset: Number(row['offset']?.replaceAll(',', '')),
    size: Number(row['size']?.replaceAll(',', '')),
  }))
}

/** The fields of a constant that maps names to offsets, `end` among them: each ends where the next one begins. */
export function fieldsOf(offsets: Readonly<Record<string, number>>): FieldPlace[] {
  const places = Object.entries(offsets).sort(([, a], [, b]) => a - b)
  return places.flatMap(([field, offset], i) => {
    const next = places[i + 1]
    return next === undefined ? [] : [{ field, offset, size: next[1] - offset }]
  })
}

/** A line of the worked example: bytes of the golden file, and what they are. */
export interface ExampleLine {
  readonly offset: number
  readonly bytes: readonly number[]
  /** Empty where the line goes on with the one before it. */
  readonly meaning: string
}

export function workedExample(page: string): ExampleLine[] {
  return sectionOf(page, '## A worked example').flatMap((line) => {
    const [, offset, bytes, meaning] =
      /^([0-9a-f]{8}) {2}((?:[0-9a-f]{2} ?)+?) *(?: {2}(.*))?$/.exec(line) ?? []
    if (offset === undefined || bytes === undefined) return []
    const values = bytes.trim().split(' ')
    return [
      {
        offset: Number.parseInt(offset, 16),
        bytes: values.map((byte) => Number.parseInt(byte, 16)),
        meaning: meaning ?? '',
      },
    ]
  })
}
