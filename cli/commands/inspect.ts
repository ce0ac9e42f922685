/**
 * `varve inspect`: what a database file is and how it stands.
 */
import type { InspectReport, SuperblockReport, TreeReport } from '../../src/tools.js'
import { inspect } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { besideFacts, compactionFacts, type Fact, useFacts } from '../figures.js'
import { count, counted, exactSize, facts, percent, quoted, timeText } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { table } from '../table.js'

export const inspectCommand: CommandSpec<object> = {
  name: 'inspect',
  group: HelpGroup.look,
  summary: 'show what a database file is and how it stands',
  description:
    'Shows header, superblocks, extent of the log, the newest checkpoint, the trees of the index, frames, commits, ' +
    'live and dead bytes, what a compaction would give back, and who holds the lock. Reads the file as it is, needs no lock and changes nothing.',
  examples: ['varve inspect library.varve', 'varve inspect library.varve --json'],
  work,
}

async function work({ database, signal, startProgress }: Run<object>): Promise<Outcome> {
  const progress = await startProgress('inspect')
  const result = await inspect(database, { signal, onProgress: progress.update })
  progress.stop()
  return { result, text: await reportText(result) }
}

async function reportText(report: InspectReport): Promise<string> {
  const { superblocks, frames, trees } = report
  return [
    facts(`Database ${visible(report.path)}`, fileFacts(report)),
    `Superblocks\n${await table(SUPERBLOCK_COLUMNS, superblocks.map(superblockRow))}`,
    facts('Log', logFacts(report)),
    frames.length === 0
      ? 'Frames\n  none\n'
      : `Frames\n${await table(
          FRAME_COLUMNS,
          frames.map(({ kind, frames: number, bytes }) => [kind, count(number), count(bytes)]),
        )}`,
    facts('Commits', commitFacts(report)),
    facts('Rows', rowFacts(report)),
    facts('Index', indexFacts(report)),
    await table(TREE_COLUMNS, trees.map(treeRow)),
    facts('Compaction', compactionFacts(report)),
    facts('Beside the file', besideFacts(report)),
  ].join('\n')
}

function fileFacts({ header, headerDamaged, hasParent, epoch, fileBytes }: InspectReport): Fact[] {
  const { parentGenerationId, parentSequence } = header
  return [
    ['size', exactSize(fileBytes)],
    ['format', `${header.formatMajor}.${header.formatMinor}`],
    ['created', timeText(header.createdAt)],
    ['database id', header.databaseId],
    ['generation', header.generationId],
    [
      'made from',
      hasParent
        ? `commit ${count(parentSequence)} of generation ${parentGenerationId}`
        : 'nothing: it is the first',
    ],
    ['epoch', epoch === undefined ? 'unknown: no superblock is valid' : String(epoch)],
    ...(headerDamaged ? [['header', 'DAMAGED: this is what the superblocks repeat of it'] as const] : []),
  ]
}

const SUPERBLOCK_COLUMNS = [
  { title: 'slot' },
  { title: 'state' },
  { title: 'sequence', align: 'right' },
  { title: 'epoch', align: 'right' },
  { title: 'durable to', align: 'right' },
  { title: 'at commit', align: 'right' },
  { title: 'checkpoint', align: 'right' },
  { title: 'cut at', align: 'right' },
] as const

const FRAME_COLUMNS = [
  { title: 'kind' },
  { title: 'frames', align: 'right' },
  { title: 'bytes', align: 'right' },
] as const

function superblockRow({ slot, live, problem, content }: SuperblockReport): string[] {
  const name = slot === 0 ? 'A' : 'B'
  if (content === undefined) return [name, `not valid (${problem ?? 'unknown'})`, '', '', '', '', '', '']
  const { sequence, epoch, watermark, watermarkSequence, checkpoint, cutAt } = content
  return [
    name,
    live ? 'live' : 'older',
    String(sequence),
    String(epoch),
    String(watermark),
    String(watermarkSequence),
    checkpoint === 0 ? 'none' : String(checkpoint),
    cutAt === 0 ? 'none' : String(cutAt),
  ]
}

const TREE_COLUMNS = [
  { title: 'tree of' },
  { title: 'keys', align: 'right' },
  { title: 'depth', align: 'right' },
  { title: 'leaves', align: 'right' },
  { title: 'full', align: 'right' },
  { title: 'deltas', align: 'right' },
  { title: 'inner nodes', align: 'right' },
  { title: 'full', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'damaged', align: 'right' },
] as const

function treeRow(tree: TreeReport): string[] {
  const {
    id,
    name,
    index,
    keys,
    depth,
    leaves,
    leafFill,
    deltas,
    innerNodes,
    innerFill,
    nodeBytes,
    unreadableNodes,
  } = tree
  const of = id === 0 ? 'the catalog' : quoted(name)
  return [
    index === undefined ? of : `${of}, index ${quoted(index)}`,
    count(keys),
    count(depth),
    count(leaves),
    percent(leafFill),
    count(deltas),
    count(innerNodes),
    innerNodes === 0 ? '' : percent(innerFill),
    count(nodeBytes),
    unreadableNodes === 0 ? '' : counted(unreadableNodes, 'node'),
  ]
}

function logFacts({ log, watermark }: InspectReport): Fact[] {
  const { start, end, behindBytes, classification, breakOffset, reason } = log
  return [
    ['extent', `${start} to ${end}: ${exactSize(end - start)}`],
    ['behind it', exactSize(behindBytes)],
    ['state', classification],
    ...(breakOffset === undefined
      ? []
      : [['breaks at', `${breakOffset}: ${visible(reason ?? '')}`] as const]),
    ['durable to', `${watermark} (W)`],
  ]
}

function commitFacts({ commits }: InspectReport): Fact[] {
  const { count: number, firstSequence, firstTime, lastSequence, lastTime, behindBreak } = commits
  return [
    ['count', count(number)],
    ['first', firstSequence === undefined ? 'none' : `${firstSequence} at ${firstTime ?? 'an unknown time'}`],
    ['last', lastSequence === undefined ? 'none' : `${lastSequence} at ${lastTime ?? 'an unknown time'}`],
    ...(behindBreak === 0 ? [] : [['behind the break', count(behindBreak)] as const]),
  ]
}

function rowFacts({ collections, rows, records }: InspectReport): Fact[] {
  return [
    ['rows', `${count(rows)} in ${counted(collections, 'collection')}`],
    ...useFacts(records, 'replaced or deleted'),
  ]
}

function indexFacts({ checkpoint, checkpoints, logBytesBehind, nodes }: InspectReport): Fact[] {
  const newest =
    checkpoint === undefined ? 'none' : `at ${checkpoint.offset}, of commit ${count(checkpoint.sequence)}`
  return [
    ['checkpoints', count(checkpoints)],
    ['newest', newest],
    ...(checkpoint === undefined ? [] : [['replay from', String(checkpoint.replayFrom)] as const]),
    ['log behind', exactSize(logBytesBehind)],
    ...useFacts(nodes, 'of older checkpoints'),
  ]
}
