/**
 * `varve query`: rows by SQL or by a filter.
 */
import type { Command } from 'commander'
import type { Database, QueryPlan } from '../../src/index.js'
import { querySql } from '../../src/sql.js'
import { openFrozen } from '../../src/tools.js'
import { collectionOf } from '../collection.js'
import type { CommandSpec, CommonOptions, Outcome, Run } from '../command.js'
import { visible, visibleLines } from '../escape.js'
import { standardOutputSink } from '../export/sink.js'
import { usageError } from '../failure.js'
import { count, counted } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { choice, wholeNumber } from '../options.js'
import { type Answer, encoderOf, ROW_FORMATS, type RowFormat, rowsTable } from '../query/rows.js'
import { parse, TypedJsonError } from '../typed-json.js'

interface Options {
  readonly collection?: string | undefined
  readonly format?: RowFormat | undefined
  readonly limit?: number | undefined
  readonly explain?: boolean | undefined
}

export const queryCommand: CommandSpec<Options> = {
  name: 'query',
  group: HelpGroup.rows,
  summary: 'find rows by SQL or by a filter',
  description:
    'Prints the rows of a SELECT, or those of a collection that match a filter, which is JSON with the operators of ' +
    'find. SQL needs the package pgsql-ast-parser, installed beside varve. Needs no lock and changes nothing.',
  operands: [['<query>', 'a SELECT, or a filter as JSON']],
  examples: [
    'varve query library.varve "SELECT title, year FROM books WHERE year < 1960 ORDER BY year"',
    `varve query library.varve '{"year": {"$lt": 1960}}' --collection books --format ndjson`,
    'varve query library.varve "SELECT COUNT(*) FROM books WHERE year = 1965" --explain',
  ],
  addOptions(command: Command) {
    command
      .option('--collection <name>', 'the collection that a filter is for')
      .addOption(choice('--format', ROW_FORMATS, 'how rows are printed (default: table)'))
      .option('--limit <rows>', 'print at most so many rows', wholeNumber(0))
      .option('--explain', 'print how the rows would be found, and find none')
  },
  work,
}

/** Most rows of a table where --limit does not say: it is laid out as a whole. */
const TABLE_ROWS = 1000

async function work({ database, operands, options }: Run<Options>): Promise<Outcome> {
  const [text = ''] = operands
  const { json, output, format, limit = Number.POSITIVE_INFINITY } = options
  if (json === true && format !== undefined)
    throw usageError('--json prints rows in its own form; leave out --format.')
  const db = await openFrozen(database)
  try {
    const question = questionOf(db, text, options)
    const plan = question.explain()
    const { collection } = plan
    const columns = question.columns ?? null
    if (options.explain === true)
      return { result: { collection, columns, rows: null, plan }, data: `${visibleLines(String(plan))}\n` }
    const isKept = json === true || output !== undefined
    const { definition } = db.collection(collection)
    if (!isKept && format !== undefined && format !== 'table') {
      await stream({ definition, columns, rows: () => taken(question, limit) }, format)
      return { result: null }
    }
    const most = isKept || options.limit !== undefined ? limit : TABLE_ROWS + 1
    const rows: object[] = []
    for await (const row of taken(question, most)) rows.push(row)
    const result = { collection, columns, rows, plan: null }
    return { result, ...(await printed({ definition, columns, rows: () => rows }, rows, options)) }
  } finally {
    await db.close()
  }
}

/** What `--format` says to print of rows that are in memory. */
async function printed(
  answer: Answer,
  rows: readonly object[],
  { json, format = 'table', limit, output }: Options & CommonOptions,
): Promise<Partial<Outcome>> {
  if (json === true) return {}
  if (format !== 'table') {
    const encoder = await encoderOf(answer, format)
    const text = encoder.header + encoder.text(rows) + encoder.footer
    return { data: format === 'csv' && process.stdout.isTTY ? visibleLines(text) : text }
  }
  const isCut = limit === undefined && output === undefined && rows.length > TABLE_ROWS
  const shown = isCut ? rows.slice(0, TABLE_ROWS) : rows
  const note = `Only the first ${count(TABLE_ROWS)} rows are shown. Ask for more with --limit, or take another --format.`
  return {
    data: await rowsTable({ ...answer, rows: () => shown }, shown),
    text: `${counted(shown.length, 'row')}\n`,
    notes: isCut ? [note] : [],
  }
}

/** Rows that are written at a time. */
const ROWS_PER_SLICE = 500

async function stream(answer: Answer, format: Exclude<RowFormat, 'table'>): Promise<void> {
  const encoder = await encoderOf(answer, format)
  const sink = standardOutputSink(format !== 'csv')
  let slice: object[] = []
  let begun = false
  const write = async (end: string): Promise<boolean> => {
    const text = (begun ? '' : encoder.header) + encoder.text(slice) + end
    begun = true
    slice = []
    return await sink.write(text)
  }
  for await (const row of answer.rows()) {
    slice.push(row)
    if (slice.length === ROWS_PER_SLICE && !(await write(''))) return
  }
  await write(encoder.footer)
}

/** A query, of either language. */
interface Question extends AsyncIterable<object> {
  readonly columns?: readonly string[] | undefined
  readonly explain: () => QueryPlan
}

function questionOf(db: Database, text: string, { collection, limit }: Options): Question {
  if (/^\s*select\b/iu.test(text)) {
    if (collection === undefined) return querySql(db, text)
    throw usageError('--collection is for filters; SQL names its collection after FROM.')
  }
  if (!/^\s*\{/u.test(text))
    throw usageError('The query is neither a SELECT nor a filter in braces, such as {"year": 1965}.')
  if (collection === undefined) throw usageError('Name the collection of the filter with --collection.')
  return collectionOf(db, collection).find(filterOf(text), { limit })
}

function filterOf(text: string): Record<string, unknown> {
  try {
    return parse(text) as Record<string, unknown> // It begins with a brace; find checks what is in it.
  } catch (error) {
    if (!(error instanceof TypedJsonError)) throw error
    throw usageError(`The filter cannot be read: ${visible(error.message)}.`)
  }
}

async function* taken(question: Question, limit: number): AsyncGenerator<object, void, undefined> {
  let left = limit
  if (left === 0) return
  for await (const row of question) {
    yield row
    if (--left === 0) return
  }
}
