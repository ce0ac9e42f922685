/**
 * `varve watch`: the commits of a database, as they come.
 */
import type { Command } from 'commander'
import { type Change, type Commit, Database } from '../../src/index.js'
import type { CommandSpec, CommonOptions, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { counted, quoted } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { collect } from '../options.js'
import { writeStandardOutput } from '../standard-output.js'
import { stringify } from '../typed-json.js'

interface Options {
  readonly since?: string | undefined
  readonly collection?: readonly string[] | undefined
  readonly before?: boolean | undefined
  readonly once?: boolean | undefined
}

export const watchCommand: CommandSpec<Options> = {
  name: 'watch',
  group: HelpGroup.look,
  summary: 'print commits as they come',
  description:
    'Prints each commit and what it changed, beside whoever writes, until it is interrupted (Ctrl-C), which is its proper ' +
    'end. With --json each commit is one line of JSON, with its rows; an error ends them with the usual envelope. ' +
    'Needs no lock, and changes nothing.',
  examples: [
    'varve watch library.varve',
    'varve watch library.varve --since 120 --once',
    'varve watch library.varve --since start --json | jq .sequence',
  ],
  patient: true,
  addOptions(command: Command) {
    command
      .option(
        '--since <commit>',
        'begin behind this commit: a sequence, or a position as --json prints it; start is the begin of the file (default: now; with --once start)',
      )
      .option('--collection <name>', 'tell of this collection; may be given several times', collect)
      .option('--before', 'with --json, also print the row that was there before each change')
      .option('--once', 'end at the commit that is the last one now')
  },
  work,
}

async function work(run: Run<Options>): Promise<Outcome> {
  const { database, options, signal } = run
  const { since, collection, before, once = false } = options
  const db = await Database.open(database, { mode: 'follow' })
  let commits = 0
  let { position } = db
  try {
    const feed = { since: sinceOf(since), collections: collection, before, live: !once, signal }
    for await (const commit of db.changes(feed)) {
      if (!(await print(commit, options))) break
      commits += 1
      position = commit.position
    }
    return { result: { commits, position }, isPrinted: true }
  } finally {
    await db.close()
  }
}

function sinceOf(since: string | undefined): string | number | undefined {
  return since !== undefined && /^\d+$/u.test(since) ? Number(since) : since
}

/** Prints a commit, change by change; false once nobody reads. */
async function print(commit: Commit, options: Options & CommonOptions): Promise<boolean> {
  return options.json === true ? await printLine(commit) : await printText(commit, options)
}

/** Some changes at a time, so that a large commit is never in memory as a whole. */
const CHANGES_PER_WRITE = 100

async function printLine({ sequence, time, position, base, changes }: Commit): Promise<boolean> {
  const head = stringify({ sequence, time, position, base })
  let text = `${head.slice(0, -1)},"changes":[`
  let count = 0
  for await (const change of changes) {
    text += (count === 0 ? '' : ',') + stringify(change)
    count += 1
    if (count % CHANGES_PER_WRITE !== 0) continue
    if (!(await writeStandardOutput(text))) return false
    text = ''
  }
  return await writeStandardOutput(`${text}]}\n`)
}

async function printText(
  { sequence, time, base, changes }: Commit,
  { quiet }: CommonOptions,
): Promise<boolean> {
  let text = `commit ${sequence}  ${time.toISOString()}${base ? '  (the state that the file begins with)' : ''}\n`
  let count = 0
  for await (const change of changes) {
    if (quiet !== true) text += `  ${lineOf(change)}\n`
    count += 1
    if (count % CHANGES_PER_WRITE !== 0) continue
    if (!(await writeStandardOutput(text))) return false
    text = ''
  }
  if (quiet === true) text = `${text.trimEnd()}  ${counted(count, 'change')}\n`
  return await writeStandardOutput(text)
}

function lineOf(change: Change): string {
  const { operation, collection } = change
  const name = `${operation} ${quoted(collection)}`
  if (operation === 'put' || operation === 'delete') return `${name} ${stringify(change.key)}`
  if (operation === 'rename') return `${operation} ${quoted(change.from)} to ${quoted(collection)}`
  if (operation === 'migrate') return `${name} ${visible(change.migration.name)}`
  return name
}
