/**
 * `varve export`: the rows of a collection, in key order, as text.
 */
import { extname, resolve } from 'node:path'
import type { Command } from 'commander'
import type { CollectionReader, Database } from '../../src/index.js'
import { openFrozen } from '../../src/tools.js'
import { collectionOf } from '../collection.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible, visibleLines } from '../escape.js'
import {
  columnsOf,
  csv,
  EXPORT_FORMATS,
  type ExportFormat,
  ndjson,
  type RowEncoder,
} from '../export/encoders.js'
import { usageError } from '../failure.js'
import { count, counted, duration, facts, quoted, size } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { NewFile } from '../new-file.js'
import { choice, wholeNumber } from '../options.js'
import { NO_PROGRESS } from '../progress.js'
import { writeStandardOutput } from '../standard-output.js'

interface Options {
  readonly format?: ExportFormat | undefined
  readonly to?: string | undefined
  readonly columns?: readonly string[] | undefined
  readonly limit?: number | undefined
}

export const exportCommand: CommandSpec<Options> = {
  name: 'export',
  group: HelpGroup.rows,
  summary: 'write the rows of a collection as NDJSON or CSV',
  description:
    'Writes every row, in the order of their keys, to standard output or a file. NDJSON keeps every type: import ' +
    'reads it back as it was. CSV is for spreadsheets, and has text only. Needs no lock, and changes nothing in the ' +
    'database.',
  operands: [['<collection>', 'name of the collection']],
  examples: [
    'varve export library.varve books > books.ndjson',
    'varve export library.varve books --format csv --columns title,year',
    'varve export library.varve books --to books.csv',
  ],
  force: 'replace the files of --to and --output if they exist',
  addOptions(command: Command) {
    command
      .addOption(
        choice('--format', EXPORT_FORMATS, 'what to write (default: by the name of --to, else ndjson)'),
      )
      .option('--to <file>', 'write to a file, which appears when it is complete')
      .option(
        '--columns <names>',
        'columns of the CSV, with commas between (default: key, declared fields, and fields of the first 1,000 rows)',
        (text: string) => text.split(','),
      )
      .option('--limit <rows>', 'write at most so many rows', wholeNumber(0))
  },
  work,
}

async function work(run: Run<Options>): Promise<Outcome> {
  const { database, options } = run
  const { to } = options
  if (options.json === true && to === undefined) {
    throw usageError('--json needs --to: without it, standard output carries the rows.')
  }
  // A name that is taken is refused before the work.
  const file = to === undefined ? undefined : new NewFile(to, { force: options.force === true, database })
  try {
    const db = await openFrozen(database)
    try {
      const outcome = await exportRows(db, run, file)
      file?.finish()
      return outcome
    } finally {
      await db.close()
    }
  } finally {
    file?.discard()
  }
}

async function exportRows(db: Database, run: Run<Options>, file: NewFile | undefined): Promise<Outcome> {
  const { operands, options } = run
  const [name = ''] = operands
  const { to, limit } = options
  const startedMs = performance.now()
  const collection = collectionOf(db, name)
  const format = formatOf(options)
  const encoder = await encoderOf(collection, format, options.columns)
  // A bar among the rows would be in the way.
  const progress =
    file === undefined && process.stdout.isTTY ? NO_PROGRESS : await run.startProgress('export')
  const total = Math.min(collection.count(), limit ?? Number.POSITIVE_INFINITY)
  const write = file === undefined ? standardOutput(format) : intoFile(file)
  let rows = 0
  let bytes = 0
  for await (const batch of slices(collection, limit)) {
    const text = (rows === 0 ? encoder.header : '') + encoder.text(batch)
    if (!(await write(text))) break
    rows += batch.length
    bytes += Buffer.byteLength(text)
    progress.update(rows, total, counted(rows, 'row'))
  }
  progress.stop()
  const seconds = Math.round(performance.now() - startedMs) / 1000
  // Who names columns knows what is left out.
  const leftOut = options.columns === undefined ? [...encoder.leftOut] : []
  const result = {
    collection: name,
    format,
    to: to === undefined ? null : resolve(to),
    rows,
    bytes,
    leftOut,
    seconds,
  }
  return {
    result,
    text: to === undefined ? '' : reportText(result, to),
    notes: leftOut.length === 0 ? [] : [leftOutNote(leftOut)],
  }
}

/** Takes text; says whether to go on. */
type Write = (text: string) => Promise<boolean>

function standardOutput(format: ExportFormat): Write {
  // JSON is safe to show as it is.
  const isShown = format === 'csv' && process.stdout.isTTY
  return async (text) => await writeStandardOutput(isShown ? visibleLines(text) : text)
}

function intoFile(file: NewFile): Write {
  return (text) => {
    file.write(text)
    return Promise.resolve(true)
  }
}

/** How many rows are looked at for fields that are not declared. */
const ROWS_LOOKED_AT = 1000
/** Rows written at a time. */
const ROWS_PER_SLICE = 500

function formatOf({ format, to, columns }: Options): ExportFormat {
  const byName = to !== undefined && extname(to).toLowerCase() === '.csv' ? 'csv' : 'ndjson'
  const chosen = format ?? byName
  if (columns !== undefined && chosen !== 'csv') throw usageError('--columns is for --format csv.')
  return chosen
}

async function encoderOf(
  collection: CollectionReader,
  format: ExportFormat,
  columns: readonly string[] | undefined,
): Promise<RowEncoder> {
  if (format === 'ndjson') return ndjson
  return await csv(columns ?? columnsOf(collection.definition, collection.range({ limit: ROWS_LOOKED_AT })))
}

/** The rows, some at a time; at least one slice, so that a header is written. */
async function* slices(
  collection: CollectionReader,
  limit: number | undefined,
): AsyncGenerator<object[], void, undefined> {
  let slice: object[] = []
  for await (const row of collection.range({ limit })) {
    slice.push(row)
    if (slice.length < ROWS_PER_SLICE) continue
    yield slice
    slice = []
  }
  yield slice
}

interface Result {
  readonly collection: string
  readonly format: ExportFormat
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
}

function reportText({ collection, format, rows, bytes, seconds }: Result, to: string): string {
  return facts(`Exported ${quoted(collection)} to ${visible(to)}`, [
    ['rows', count(rows)],
    ['size', size(bytes)],
    ['format', format],
    ['time', duration(seconds)],
  ])
}

function leftOutNote(names: readonly string[]): string {
  const shown = names.slice(0, 5).map(quoted).join(', ')
  const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
  return `Some rows have fields without a column, which were left out: ${shown}${more}. Name them with --columns, or export NDJSON.`
}
