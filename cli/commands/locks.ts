/**
 * `varve locks`: who holds a database, and the removal of records that hold others up for nothing.
 */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { ErrorCode, StorageError } from '../../src/index.js'
import { breakLocks, listLocks } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { usageError } from '../failure.js'
import { counted } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { table } from '../table.js'

interface Options {
  readonly break?: boolean | undefined
}

type LockRecord = ReturnType<typeof listLocks>[number]

export const locksCommand: CommandSpec<Options> = {
  name: 'locks',
  group: HelpGroup.look,
  summary: 'show who holds the database, and remove dead locks',
  description:
    'Shows every lock record beside the database, whose it is and whether its owner lives. Dead records hold nobody ' +
    'up: the next open clears them. --break removes them now; with --force it removes those of living owners too. ' +
    'A writer that lost its record that way is not told, and two writers can be at work: do it only where you know ' +
    'that the owner is gone, on a machine that cannot be seen from here.',
  examples: ['varve locks library.varve', 'varve locks library.varve --break'],
  force: 'with --break: remove the records of living owners too',
  forceReplacesOutput: false,
  addOptions(command: Command) {
    command.option('--break', 'remove the records of dead owners, and print them')
  },
  work,
}

async function work({ database, options }: Run<Options>): Promise<Outcome> {
  const { break: remove = false, force = false } = options
  if (force && !remove) throw usageError('--force needs --break here. It removes the locks of living owners.')
  const path = resolvedPath(database)
  const removed = remove ? breakLocks(path, { force }) : []
  const locks = listLocks(path)
  if (locks.length + removed.length === 0 && !existsSync(path)) {
    throw new StorageError(`There is no database at ${path}.`, { code: ErrorCode.notFound, path })
  }
  const result = { path, locks, removed }
  if (!remove) return { result, text: await recordsText(locks, `Nobody holds ${visible(path)}.`) }
  const title =
    removed.length === 0 ? 'Nothing to remove.\n' : `Removed ${counted(removed.length, 'lock record')}:\n`
  const left = locks.length === 0 ? '' : `\nLeft:\n${await recordsText(locks, '')}`
  return { result, text: title + (removed.length === 0 ? '' : await recordsText(removed, '')) + left }
}

/** The name that locks stand beside: without symbolic links, even where the database itself is gone. */
function resolvedPath(database: string): string {
  const path = resolve(database)
  try {
    return realpathSync(path)
  } catch {
    return existsSync(dirname(path)) ? join(realpathSync(dirname(path)), basename(path)) : path
  }
}

const COLUMNS = [
  { title: 'kind' },
  { title: 'process', align: 'right' },
  { title: 'thread', align: 'right' },
  { title: 'host' },
  { title: 'since' },
  { title: 'owner' },
] as const

async function recordsText(records: readonly LockRecord[], none: string): Promise<string> {
  if (records.length === 0) return `${none}\n`
  const rows = records.map(({ kind, holder, alive, reason }) => [
    kind,
    String(holder.pid),
    String(holder.threadId),
    holder.host,
    holder.since.toISOString(),
    `${alive ? 'holds it' : 'dead'}: ${reason}`,
  ])
  return await table(COLUMNS, rows)
}
