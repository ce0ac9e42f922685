/**
 * `varve stats`: the figures of a database, in milliseconds.
 */
import { stats, type StatsReport } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { besideFacts, compactionFacts, type Fact, useFacts } from '../figures.js'
import { count, counted, exactSize, facts } from '../format.js'
import { HelpGroup } from '../help-groups.js'

export const statsCommand: CommandSpec<object> = {
  name: 'stats',
  group: HelpGroup.look,
  summary: 'show the figures of a database',
  description:
    'Shows rows, commits, live and dead bytes, the newest checkpoint, what a compaction would give back, who holds the lock and ' +
    'what recovery put aside: what an open would read, so it takes no longer than one. Needs no lock and changes nothing.',
  examples: ['varve stats library.varve', 'varve stats library.varve --json'],
  work,
}

async function work({ database, signal }: Run<object>): Promise<Outcome> {
  const result = await stats(database, { signal })
  return { result, text: reportText(result) }
}

function reportText(report: StatsReport): string {
  const { path, fileBytes, classification, collections, rows, commitSequence, commitTime } = report
  const database: Fact[] = [
    ['size', exactSize(fileBytes)],
    ['state', classification],
    ['rows', `${count(rows)} in ${counted(collections, 'collection')}`],
    ['last commit', commitTime === undefined ? 'none' : `${count(commitSequence)} at ${commitTime}`],
  ]
  return [
    facts(`Database ${visible(path)}`, database),
    facts('Rows', useFacts(report.records, 'replaced or deleted')),
    facts('Index', [
      ['checkpoint', checkpointText(report)],
      ['log behind', exactSize(report.logBytesBehind)],
      ...useFacts(report.nodes, 'of older checkpoints'),
    ]),
    facts('Compaction', compactionFacts(report)),
    facts('Beside the file', besideFacts(report)),
  ].join('\n')
}

function checkpointText({ checkpoint }: StatsReport): string {
  if (checkpoint === undefined) return 'none'
  return `of commit ${count(checkpoint.sequence)}, at ${checkpoint.offset}`
}
