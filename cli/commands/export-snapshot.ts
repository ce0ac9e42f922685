/**
 * `varve export-snapshot`: one commit of a database as a file of its own.
 */
import type { Command } from 'commander'
import type { ExportReport } from '../../src/index.js'
import { openFrozen } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { count, counted, exactSize, facts } from '../format.js'
import { HelpGroup } from '../help-groups.js'

interface Options {
  readonly compact?: boolean | undefined
}

export const exportSnapshotCommand: CommandSpec<Options> = {
  name: 'export-snapshot',
  group: HelpGroup.care,
  summary: 'write the last commit to a new database file',
  description:
    'Copies the database up to its last commit into a new file, a database by itself, and verifies all of it before it gets ' +
    'its name. Needs no lock: whoever writes to the database goes on meanwhile. Nothing is left of a copy that fails.',
  operands: [['<file>', 'path of the new file']],
  examples: [
    'varve export-snapshot library.varve backup.varve',
    'varve export-snapshot library.varve backup.varve --compact --force',
  ],
  force: 'replace the file if it exists',
  forceReplacesOutput: false,
  patient: true,
  addOptions(command: Command) {
    command.option('--compact', 'write live rows alone, without history: a smaller file, in more time')
  },
  work,
}

async function work({ database, operands, options, signal, startProgress }: Run<Options>): Promise<Outcome> {
  const [file = ''] = operands
  const { force = false, compact = false } = options
  const db = await openFrozen(database)
  try {
    const progress = await startProgress('export')
    const result = await db.exportSnapshot(file, { force, compact, signal, onProgress: progress.update })
    progress.stop()
    return { result, text: snapshotText('Exported', result) }
  } finally {
    await db.close()
  }
}

/** What a person reads of a file that holds one commit. */
export function snapshotText(
  verb: string,
  { path, sequence, time, bytes, rows, collections }: ExportReport,
): string {
  return facts(`${verb}: ${visible(path)}`, [
    ['commit', `${count(sequence)}${sequence === 0 ? '' : `, of ${time.toISOString()}`}`],
    ['size', exactSize(bytes)],
    ['rows', `${count(rows)} in ${counted(collections, 'collection')}`],
  ])
}
