/**
 * `varve salvage`: every whole transaction of a damaged database in a new file.
 */
import type { Command } from 'commander'
import { salvage, type SalvageReport, type SalvagedRow } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { ExitCode } from '../exit-codes.js'
import { usageError } from '../failure.js'
import { count, counted, exactSize, facts, quoted } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { stringify } from '../typed-json.js'

interface Options {
  readonly to?: string | undefined
}

/** How many of each kind are shown to a person; --json lists all that are named. */
const SHOWN = 20

export const salvageCommand: CommandSpec<Options> = {
  name: 'salvage',
  group: HelpGroup.care,
  summary: 'save what is whole of a damaged database',
  description:
    'Makes a new database file of every whole transaction on both sides of any damage, and of the quarantine files that belong to the ' +
    'database, and says what is missing and what cannot be known. Exits 1 if anything is missing. The damaged file is only ' +
    'read; stop whoever writes to it first.',
  examples: [
    'varve salvage library.varve --to saved.varve',
    'varve salvage library.varve --to saved.varve --force --json',
  ],
  force: 'replace the new file if it exists',
  forceReplacesOutput: false,
  patient: true,
  addOptions(command: Command) {
    command.option('--to <file>', 'path of the new file')
  },
  work,
}

async function work({ database, options, signal, startProgress }: Run<Options>): Promise<Outcome> {
  const { to, force = false } = options
  if (to === undefined) throw usageError('Say with --to where the new file is to be.')
  const progress = await startProgress('salvage')
  const result = await salvage(database, { to, force, signal, onProgress: progress.update })
  progress.stop()
  return { result, text: reportText(result), exitCode: result.complete ? ExitCode.done : ExitCode.findings }
}

function reportText(report: SalvageReport): string {
  const { complete, to, bytes, commits, rows, collections, repairedRows, historyGaps, comparedAt } = report
  const lines: (readonly [string, string])[] = [
    ['size', exactSize(bytes)],
    ['transactions', count(commits)],
    ['rows', `${count(rows)} in ${counted(collections, 'collection')}`],
    ...report.sources.map(
      ({ path, commits: found }) => ['from', `${visible(path)}: ${counted(found, 'transaction')}`] as const,
    ),
    ...report.ignoredQuarantines.map(
      ({ path, reason }) => ['not from', `${visible(path)}: ${reason}`] as const,
    ),
    ...listed(
      'damaged',
      report.damaged,
      ({ path, offset, end, reason }) => `${visible(path)} at offset ${offset} to ${end}: ${reason}`,
    ),
    ...listed(
      'lost',
      report.lost,
      ({ sequence, found }) =>
        `transaction ${sequence}${found === 'partial' ? ', of which parts were found' : ''}`,
    ),
    ...listed('left out', report.conflicts, visible),
    ...listed('older version', report.olderRows, rowText),
    ...listed('lost row', report.lostRows, rowText),
    ...listed('unreadable', report.unreadableRows, (row) => `${rowText(row)}: ${row.reason}`),
    ...listed(
      'recovered',
      report.recoveredCollections,
      ({ name, from }) =>
        `collection ${quoted(name)}, its definition from ${from === 'rows' ? 'its rows' : 'a checkpoint'}`,
    ),
    ...listed(
      'kept',
      report.keptCollections,
      (name) => `collection ${quoted(name)}, which was dropped by what was cut off`,
    ),
  ]
  if (repairedRows > 0)
    lines.push([
      'repaired',
      `${counted(repairedRows, 'row')} by the checkpoint of commit ${String(comparedAt)}`,
    ])
  if (historyGaps > 0)
    lines.push(['history', `${counted(historyGaps, 'row version')} lost their predecessor`])
  const title = `${complete ? 'Complete' : 'INCOMPLETE'}: ${visible(to)}`
  return facts(title, [...lines, ...report.unknown.map((sentence) => ['unknown', sentence] as const)])
}

function rowText({ collection, key }: SalvagedRow): string {
  return `${visible(stringify(key))} of ${quoted(collection)}`
}

function listed<T>(
  label: string,
  items: readonly T[],
  text: (item: T) => string,
): (readonly [string, string])[] {
  const shown = items.slice(0, SHOWN).map((item) => [label, text(item)] as const)
  const more = items.length - shown.length
  return more === 0 ? shown : [...shown, [label, `... and ${count(more)} more`]]
}
