/**
 * `varve restore`: puts a snapshot in the place of a database.
 */
import type { Command } from 'commander'
import { Database } from '../../src/index.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { usageError } from '../failure.js'
import { quoted } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { wholeNumber } from '../options.js'
import { readTime } from '../typed-json.js'
import { snapshotText } from './export-snapshot.js'

interface Options {
  readonly at?: string | undefined
  /** Seconds. */
  readonly wait: number
}

export const restoreCommand: CommandSpec<Options> = {
  name: 'restore',
  group: HelpGroup.care,
  summary: 'put a snapshot in the place of a database',
  description:
    'Verifies a snapshot (or any other database file), copies it, verifies the copy, and puts it in place. With --force it replaces a ' +
    'database that nobody has open; should the new file not open, the old one is put back. A crash leaves the old file or ' +
    'the new one, whole. The snapshot is not changed.',
  subject: ['<snapshot>', 'path of the file to restore from'],
  operands: [['<database>', 'path of the database to be']],
  databaseOf: ([database = '']) => database,
  examples: [
    'varve restore backup.varve library.varve',
    'varve restore backup.varve library.varve --force',
    'varve restore library.varve yesterday.varve --at 2024-05-01T18:00:00Z',
  ],
  force: 'replace the database if it exists',
  forceReplacesOutput: false,
  patient: true,
  addOptions(command: Command) {
    command
      .option('--at <sequence|time>', 'restore the newest commit at or before a sequence or a time')
      .option('--wait <seconds>', 'how long to wait for others who hold the database', wholeNumber(0), 0)
  },
  work,
}

async function work({ database, operands, options, signal, startProgress }: Run<Options>): Promise<Outcome> {
  const [target = ''] = operands
  const { force = false, wait } = options
  const at = options.at === undefined ? undefined : readMoment(options.at)
  const progress = await startProgress('restore')
  const lock = { waitMs: wait * 1000 }
  const onProgress = progress.update
  const result = await Database.restoreSnapshot(database, target, { force, at, lock, signal, onProgress })
  progress.stop()
  const { leftover } = result
  const notes =
    leftover === undefined ? [] : [`${quoted(leftover)} is the replaced file; it could not be removed.`]
  return { result, text: snapshotText(result.replaced ? 'Replaced' : 'Restored', result), notes }
}

/** A sequence, or a time. */
function readMoment(text: string): number | Date {
  if (/^\d+$/u.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  const time = readTime(text)
  if (time !== undefined) return time
  throw usageError(`--at must be a commit sequence or a time in ISO 8601, not ${quoted(text)}.`)
}
