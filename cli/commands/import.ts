/**
 * `varve import`: rows from a file or standard input into a collection.
 */
import type { Command } from 'commander'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { usageError } from '../failure.js'
import { count, duration, facts, quoted } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { CONFLICT_POLICIES, type ConflictPolicy, type Written } from '../import/batch-writer.js'
import { batches } from '../import/batches.js'
import { readTypedField } from '../import/conversions.js'
import { firstBatch, importBatches, rowsIn, type Source } from '../import/importer.js'
import { type Format, formatOf, FORMATS, Input } from '../import/input.js'
import { readJsonArray } from '../import/json-array.js'
import { readNdjson } from '../import/ndjson.js'
import type { RowReader } from '../import/row.js'
import { checkHasKey, openTarget, type Wish } from '../import/target.js'
import { openForWriting, type Recovery, recoveryNotes, recoveryOf } from '../open-for-writing.js'
import { choice, collect, wholeNumber } from '../options.js'
import { IMPORT_TYPES } from '../text-types.js'

interface Options {
  readonly format?: Format | undefined
  readonly key?: readonly string[] | undefined
  readonly generateKey?: boolean | undefined
  readonly type?: readonly string[] | undefined
  readonly batch: number
  readonly onConflict: ConflictPolicy
  readonly unchecked?: boolean | undefined
  /** Seconds. */
  readonly wait: number
}

export const importCommand: CommandSpec<Options> = {
  name: 'import',
  group: HelpGroup.rows,
  summary: 'put rows from a file into a collection',
  description:
    'Reads a JSON array, NDJSON (one object a line, as export writes it) or CSV (with a header line) and inserts ' +
    'every row. Database and collection are made if they are absent. Rows go in by batches, each in one ' +
    'transaction: a row that cannot be taken is named by its line, and nothing of its batch is written; earlier ' +
    'batches stay. Ctrl-C ends the import after the batch under way.',
  operands: [
    ['<collection>', 'name of the collection'],
    ['<file>', 'file to read, or - for standard input'],
  ],
  examples: [
    'varve import library.varve books books.json --key title',
    'varve import library.varve loans loans.csv --generate-key --type due:timestamp',
    'varve export old.varve books | varve import library.varve books - --key title',
  ],
  patient: true,
  addOptions(command: Command) {
    command
      .addOption(choice('--format', FORMATS, 'what the file holds (default: by its name, NDJSON for -)'))
      .option('--key <path>', 'field that is the primary key; several times for a composite key', collect)
      .option('--generate-key', 'make a key for every row: a UUID (version 7) in the field id')
      .option(
        '--type <field:type>',
        `convert a field, and declare it in a new collection; several times (${IMPORT_TYPES.join(', ')}; ` +
          'with a ? behind it the field may be absent)',
        collect,
      )
      .option('--batch <rows>', 'rows in a transaction', wholeNumber(1), 1000)
      .addOption(
        choice('--on-conflict', CONFLICT_POLICIES, 'what to do with a row whose key is taken', 'fail'),
      )
      .option(
        '--unchecked',
        'import into a collection whose validator or defaults are code, without them; all other rules hold',
      )
      .option('--wait <seconds>', 'how long to wait for others who hold the database', wholeNumber(0), 0)
  },
  work,
}

async function work({ database, operands, options, signal, startProgress }: Run<Options>): Promise<Outcome> {
  const [collection = '', file = ''] = operands
  const startedMs = performance.now()
  const wish = readWish(options)
  const input = new Input(file, signal)
  const read = await readerOf(formatOf(file, options.format))
  const source: Source = { input, batches: batches(read(input.chunks()), options.batch), signal }
  try {
    // Read before anything is made, so that a wrong file leaves nothing behind.
    const first = await firstBatch(source)
    checkHasKey(database, collection, wish)
    const db = await openForWriting(database, { wait: options.wait, unchecked: wish.unchecked, signal })
    try {
      const target = openTarget(db, collection, wish)
      const progress = await startProgress(`import ${input.shortName}`)
      const written = await importBatches(source, first, target, options.onConflict, progress)
      const seconds = Math.round(performance.now() - startedMs) / 1000
      const created = target.register !== undefined
      const rowsRead = rowsIn(written) + written.skipped
      const recovery = recoveryOf(db.recoveryInfo)
      const result: Result = { collection, created, rowsRead, ...written, seconds, recovery }
      return {
        result,
        text: reportText(result, db.path),
        notes: recoveryNotes(recovery),
      }
    } finally {
      await db.close()
    }
  } finally {
    await source.batches.return()
  }
}

/** Throws `CLI_USAGE` where options exclude each other. */
function readWish({ key, generateKey = false, type = [], unchecked = false }: Options): Wish {
  if (key !== undefined && generateKey) throw usageError('--key and --generate-key exclude each other.')
  return { key, generateKey, fields: type.map(readTypedField), unchecked }
}

async function readerOf(format: Format): Promise<RowReader> {
  if (format === 'json') return readJsonArray
  if (format === 'ndjson') return readNdjson
  const { readCsv } = await import('../import/csv.js')
  return readCsv
}

interface Result extends Readonly<Written> {
  readonly collection: string
  readonly created: boolean
  readonly rowsRead: number
  readonly seconds: number
  readonly recovery: Recovery | undefined
}

function reportText(result: Result, path: string): string {
  const { collection, created, rowsRead, inserted, skipped, replaced, batches: number, seconds } = result
  return facts(`Imported into ${quoted(collection)}${created ? ', which is new,' : ''} of ${visible(path)}`, [
    ['rows read', count(rowsRead)],
    ['inserted', count(inserted)],
    ...(skipped > 0 ? [['skipped', `${count(skipped)}: their keys were taken`] as const] : []),
    ...(replaced > 0 ? [['replaced', count(replaced)] as const] : []),
    ['batches', count(number)],
    ['time', duration(seconds)],
  ])
}
