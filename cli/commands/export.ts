/**
 * `varve export`: the rows of a collection, in key order, as text.
 */
import { extname, resolve } from 'node:path'
import type { Command } from 'commander'
import type { CollectionReader } from '../../src/index.js'
import { openFrozen } from '../../src/tools.js'
import { collectionOf } from '../collection.js'
import type { CommandSpec, CommonOptions, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import {
  columnsOf,
  csv,
  EXPORT_FORMATS,
  type ExportFormat,
  ndjson,
  type RowEncoder,
} from '../export/encoders.js'
import { fileSink, type Sink, standardOutputSink } from '../export/sink.js'
import { usageError } from '../failure.js'
import { count, counted, duration, facts, quoted, size } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { checkNewFile } from '../new-file.js'
import { choice, wholeNumber } from '../options.js'
import { NO_PROGRESS } from '../progress.js'

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
  const { database, operands, options } = run
  const [name = ''] = operands
  const format = formatOf(options)
  checkFiles(database, options)
  const db = await openFrozen(database)
  try {
    const collection = collectionOf(db, name)
    const encoder = await encoderOf(collection, format, options.columns)
    const sink = sinkOf(database, format, options)
    try {
      const written = await writeRows({ collection, encoder, sink, run })
      sink.finish()
      return outcomeOf(options, { collection: name, format, ...written }, encoder)
    } finally {
      sink.discard()
    }
  } finally {
    await db.close()
  }
}

/** Throws, before any work, where the options name files that may not be written. */
function checkFiles(database: string, { to, output, json, force = false }: Options & CommonOptions): void {
  if (to === undefined) {
    if (json !== true) return
    throw usageError('--json needs --to: without it, standard output carries the rows.')
  }
  if (output !== undefined && resolve(to) === resolve(output)) {
    throw usageError('--to and --output name the same file.')
  }
  checkNewFile(to, { force, database })
}

function sinkOf(
  database: string,
  format: ExportFormat,
  { to, force = false }: Options & CommonOptions,
): Sink {
  return to === undefined ? standardOutputSink(format === 'ndjson') : fileSink(to, { force, database })
}

interface Writing {
  readonly collection: CollectionReader
  readonly encoder: RowEncoder
  readonly sink: Sink
  readonly run: Run<Options>
}

interface Written {
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
}

async function writeRows({ collection, encoder, sink, run }: Writing): Promise<Written> {
  const { to, limit } = run.options
  const startedMs = performance.now()
  // A bar among the rows would be in the way.
  const hasRoom = to !== undefined || !process.stdout.isTTY
  const progress = hasRoom ? await run.startProgress('export') : NO_PROGRESS
  const total = Math.min(collection.count(), limit ?? Number.POSITIVE_INFINITY)
  let rows = 0
  let bytes = 0
  for await (const slice of slices(collection, limit)) {
    const text = (rows === 0 ? encoder.header : '') + encoder.text(slice)
    if (!(await sink.write(text))) break
    rows += slice.length
    bytes += Buffer.byteLength(text)
    progress.update(rows, total, counted(rows, 'row'))
  }
  progress.stop()
  return { rows, bytes, seconds: Math.round(performance.now() - startedMs) / 1000 }
}

interface Result extends Written {
  readonly collection: string
  readonly format: ExportFormat
}

function outcomeOf({ to, columns }: Options, written: Result, encoder: RowEncoder): Outcome {
  // Who names columns knows what is left out.
  const leftOut = columns === undefined ? [...encoder.leftOut] : []
  return {
    result: { ...written, to: to === undefined ? null : resolve(to), leftOut },
    text: to === undefined ? '' : reportText(written, to),
    notes: leftOut.length === 0 ? [] : [leftOutNote(leftOut)],
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
