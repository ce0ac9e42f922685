/**
 * `varve compact`: gives back what dead rows and nodes take of a file, in place or as a file elsewhere.
 */
import type { Command } from 'commander'
import { openFrozen } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { usageError } from '../failure.js'
import { type Fact, historyText } from '../figures.js'
import { count, duration, exactSize, facts, percent } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { openForWriting, recoveryNotes, recoveryOf } from '../open-for-writing.js'
import { wholeNumber } from '../options.js'
import { snapshotText } from './export-snapshot.js'

interface Options {
  readonly to?: string | undefined
  readonly retainCommits?: number | undefined
  /** Milliseconds. */
  readonly retainMs?: number | undefined
  readonly dryRun?: boolean | undefined
  /** Seconds. */
  readonly wait: number
}

interface Sizes {
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** The oldest commit that can be read afterwards. */
  readonly oldestSequence: number
}

export const compactCommand: CommandSpec<Options> = {
  name: 'compact',
  group: HelpGroup.care,
  summary: 'give back the space of replaced and deleted rows',
  description:
    'Writes the live rows as a new file beside the database, checks it, and puts it in place: a crash leaves the old file or the ' +
    'new one, whole. It takes the lock of a writer; a program that has the database open compacts it itself, with db.compact(). ' +
    'The history before the last commit goes, but for what --retain-commits and --retain-ms keep. --to writes the new file elsewhere and ' +
    '--dry-run says what there is to be gained: both need no lock, and leave the database as it is.',
  examples: [
    'varve compact library.varve --dry-run',
    'varve compact library.varve',
    'varve compact library.varve --retain-commits 1000',
    'varve compact library.varve --to small.varve',
  ],
  force: 'with --to: replace the new file if it exists',
  forceReplacesOutput: false,
  patient: true,
  addOptions(command: Command) {
    command
      .option('--to <file>', 'write the compacted file here, and leave the database as it is')
      .option('--retain-commits <number>', 'keep so many of the newest commits', wholeNumber(0))
      .option('--retain-ms <milliseconds>', 'keep the commits of so many last milliseconds', wholeNumber(0))
      .option('--dry-run', 'say what it would give back, and do nothing')
      .option('--wait <seconds>', 'how long to wait for others who hold the database', wholeNumber(0), 0)
  },
  work,
}

async function work(run: Run<Options>): Promise<Outcome> {
  const { to, retainCommits, retainMs, dryRun = false, force = false } = run.options
  const retains = retainCommits !== undefined || retainMs !== undefined
  if (retains && (dryRun || to !== undefined))
    throw usageError('--retain-commits and --retain-ms are for a compaction in place, which keeps history.')
  if (dryRun && to !== undefined) throw usageError('--dry-run and --to exclude each other.')
  if (force && to === undefined) throw usageError('--force is for the file of --to.')
  if (dryRun) return await estimate(run)
  return to === undefined ? await compactInPlace(run) : await compactTo(run, to)
}

async function estimate({ database }: Run<Options>): Promise<Outcome> {
  const db = await openFrozen(database)
  try {
    const { fileBytes: bytesBefore, compaction } = db.stats()
    const { compactedBytes: bytesAfter, recommended } = compaction
    const result = { dryRun: true, bytesBefore, bytesAfter, recommended, oldestSequence: db.commitSequence }
    const text = facts(`Nothing was done. A compaction of ${visible(db.path)} would give about this:`, [
      ...sizeFacts(result),
      ['recommended', recommended ? 'yes' : 'no: less than 1 MiB, or than 10% of the file'],
    ])
    return { result, text }
  } finally {
    await db.close()
  }
}

async function compactTo(
  { database, options, signal, startProgress }: Run<Options>,
  to: string,
): Promise<Outcome> {
  const { force } = options
  const db = await openFrozen(database)
  try {
    const { fileBytes: bytesBefore } = db.stats()
    const progress = await startProgress('compact')
    const snapshot = await db.compactTo(to, { force, signal, onProgress: progress.update })
    progress.stop()
    const { bytes: bytesAfter, sequence: oldestSequence } = snapshot
    const result = { dryRun: false, bytesBefore, bytesAfter, oldestSequence, snapshot }
    return { result, text: snapshotText('Compacted to', snapshot) }
  } finally {
    await db.close()
  }
}

async function compactInPlace({ database, options, signal, startProgress }: Run<Options>): Promise<Outcome> {
  const { retainCommits: commits, retainMs: ms, wait } = options
  const db = await openForWriting(database, { wait, create: false, signal })
  try {
    const progress = await startProgress('compact')
    const retain = commits === undefined && ms === undefined ? undefined : { commits, ms }
    const report = await db.compact({ retain, signal, onProgress: progress.update })
    progress.stop()
    const recovery = recoveryOf(db.recoveryInfo)
    const { commitsCopied, durationMs, pauseMs } = report
    const text = facts(`Compacted: ${visible(db.path)}`, [
      ...sizeFacts(report),
      ...(commitsCopied === 0 ? [] : [['commits kept', count(commitsCopied)] as const]),
      ['time', `${duration(durationMs / 1000)}; writes had to wait for ${pauseMs.toFixed(1)} ms of it`],
    ])
    return {
      result: { dryRun: false, ...report, recovery },
      text,
      notes: recoveryNotes(recovery),
    }
  } finally {
    await db.close()
  }
}

/** What became, or would become, of the file. */
function sizeFacts({ bytesBefore, bytesAfter, oldestSequence }: Sizes): Fact[] {
  const gained = bytesBefore - bytesAfter
  return [
    ['size before', exactSize(bytesBefore)],
    ['size after', exactSize(bytesAfter)],
    ['given back', gained <= 0 ? 'nothing' : `${exactSize(gained)}, ${percent(gained / bytesBefore)}`],
    ['history', historyText(oldestSequence)],
  ]
}
