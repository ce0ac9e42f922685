/**
 * `varve checkpoint`: stores the index, so that the next open has less to read.
 */
import type { Command } from 'commander'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { count, duration, exactSize, facts } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { openForWriting, recoveryNotes, recoveryOf } from '../open-for-writing.js'
import { wholeNumber } from '../options.js'

interface Options {
  /** Seconds. */
  readonly wait: number
}

export const checkpointCommand: CommandSpec<Options> = {
  name: 'checkpoint',
  group: HelpGroup.care,
  summary: 'store the index, so that opens have less to read',
  description:
    'Takes a checkpoint of the last commit. Databases do it by themselves when it pays, and when they are closed: this is for one ' +
    'whose writer was killed, before readers open it often. A tail that the writer left is moved aside first.',
  examples: ['varve checkpoint library.varve', 'varve checkpoint library.varve --wait 10'],
  addOptions(command: Command) {
    command.option('--wait <seconds>', 'how long to wait for others who hold the database', wholeNumber(0), 0)
  },
  work,
}

async function work({ database, options, signal }: Run<Options>): Promise<Outcome> {
  const db = await openForWriting(database, { wait: options.wait, create: false, signal })
  try {
    const started = performance.now()
    const { logBytesBehind: logBytesBefore } = db.stats().index
    await db.checkpoint()
    const { checkpointSequence: sequence = 0, checkpointOffset: offset = 0 } = db.stats().index
    const durationMs = performance.now() - started
    const recovery = recoveryOf(db.recoveryInfo)
    const text = facts(`Checkpoint: ${visible(db.path)}`, [
      ['of commit', count(sequence)],
      ['at', String(offset)],
      ['log behind', `${exactSize(logBytesBefore)} before, none now`],
      ['time', duration(durationMs / 1000)],
    ])
    return {
      result: { sequence, offset, logBytesBefore, durationMs, recovery },
      text,
      notes: recoveryNotes(recovery),
    }
  } finally {
    await db.close()
  }
}
