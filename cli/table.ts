/**
 * Tables for a person: no rules, two spaces between the columns, figures to the right.
 */
import { visible } from './escape.js'

export interface Column {
  readonly title: string
  /** Default `left`. */
  readonly align?: 'left' | 'right' | undefined
}

const NO_RULES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: ' ',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

/** A table under its titles, indented as blocks of facts are. Cells may hold anything. */
export async function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const made = new Table({
    head: columns.map(({ title }) => title),
    chars: NO_RULES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: columns.map(({ align }) => align ?? 'left'),
  })
  made.push(...rows.map((row) => row.map(visible)))
  const lines = made.toString().split('\n')
  return lines.map((line) => ` ${line}`.trimEnd() + '\n').join('')
}
