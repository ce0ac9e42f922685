/**
 * `varve migrate`: what migrations a database has had, what those in a file would do, and doing it.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import type { Migration, MigrationRecord, MigrationReport } from '../../src/index.js'
import { openFrozen } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { ExitCode } from '../exit-codes.js'
import { CliError, CliErrorCode, usageError } from '../failure.js'
import { count, counted, facts, quoted, timeText } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { openForWriting } from '../open-for-writing.js'
import { wholeNumber } from '../options.js'

interface Options {
  /** Seconds. */
  readonly wait: number
}

export const migrateCommand: CommandSpec<Options> = {
  name: 'migrate',
  group: HelpGroup.rows,
  summary: 'bring collections into the form that newer code expects',
  description:
    'status lists the migrations that ran. plan says what those of a file would do that have not run yet, and exits 1 if rows ' +
    'would not fit; it changes nothing. apply runs them, each in one transaction, or in batches that go on after an ' +
    'interruption. The file is a JavaScript module whose export migrations, or default export, is the array that ' +
    'db.migrate takes; it is run.',
  operands: [
    ['<action>', 'status, plan or apply'],
    ['[file]', 'module with the migrations, for plan and apply'],
  ],
  examples: [
    'varve migrate library.varve status',
    'varve migrate library.varve plan migrations.mjs',
    'varve migrate library.varve apply migrations.mjs',
  ],
  addOptions(command: Command) {
    command.option('--wait <seconds>', 'how long to wait for others who hold the database', wholeNumber(0), 0)
  },
  work,
}

async function work({ database, operands, options, signal }: Run<Options>): Promise<Outcome> {
  const [action = '', file] = operands
  if (action === 'status') return await status(database, file)
  if (action !== 'plan' && action !== 'apply')
    throw usageError(`There is no action ${quoted(action)}: name status, plan or apply.`)
  if (file === undefined) throw usageError(`${action} needs the module with the migrations.`)
  const migrations = await migrationsOf(file)
  const db =
    action === 'plan'
      ? await openFrozen(database)
      : await openForWriting(database, { wait: options.wait, create: false, signal })
  try {
    const report = await db.migrate(migrations, { dryRun: action === 'plan' })
    const misfits = report.migrations.reduce((sum, one) => sum + one.misfits, 0)
    return {
      result: report,
      text: reportText(report),
      exitCode: misfits > 0 ? ExitCode.findings : ExitCode.done,
    }
  } finally {
    await db.close()
  }
}

async function status(database: string, file: string | undefined): Promise<Outcome> {
  if (file !== undefined) throw usageError('status takes no module.')
  const db = await openFrozen(database)
  try {
    const migrations = db.migrations().map(({ through, ...record }) => ({
      ...record,
      finished: through === undefined,
    }))
    const text =
      migrations.length === 0 ? 'No migration has run.\n' : db.migrations().map(recordText).join('\n')
    return { result: { migrations }, text }
  } finally {
    await db.close()
  }
}

async function migrationsOf(file: string): Promise<readonly Migration[]> {
  let module: { readonly migrations?: unknown; readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as typeof module
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(CliErrorCode.data, `${visible(file)} cannot be loaded: ${visible(why)}`, { cause })
  }
  const migrations = module.migrations ?? module.default
  // What is in the list is checked by migrate.
  if (Array.isArray(migrations)) return migrations as readonly Migration[]
  throw new CliError(
    CliErrorCode.data,
    `${visible(file)} exports no array, neither as migrations nor as its default.`,
  )
}

function recordText({ version, name, collection, at, changed, through }: MigrationRecord): string {
  return facts(`Migration ${version}: ${visible(name)}`, [
    ['collection', quoted(collection)],
    ['rows changed', count(changed)],
    through === undefined ? ['ended', timeText(at)] : ['NOT ENDED', `last batch ${timeText(at)}`],
  ])
}

function reportText({ dryRun, migrations, present }: MigrationReport): string {
  if (migrations.length === 0) return `Nothing to do: ${counted(present.length, 'migration')} ran before.\n`
  return migrations
    .map(({ version, name, collection, rows, changed, misfits, misfitExamples }) =>
      facts(`Migration ${version}: ${visible(name)}`, [
        ['collection', quoted(collection)],
        ['rows', count(rows)],
        [dryRun ? 'would change' : 'changed', count(changed)],
        ...(misfits === 0 ? [] : [['would not fit', count(misfits)] as const]),
        ...misfitExamples.map((example) => ['', visible(example)] as const),
      ]),
    )
    .join('\n')
}
