/**
 * What `inspect` tells of the index: the checkpoint that an open starts from, the shape of each tree, and what of the log is
 * live.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import { indexBytesOf } from '../format/checkpoint.js'
import { LOG_START } from '../format/header.js'
import type { Task } from '../storage/task.js'
import { treeShape } from '../tree/index.js'
import type { ReplayedState } from './analysed-file.js'
import type { ByteUse } from '../engine/byte-use.js'
import { type Reclaim, reclaim } from '../engine/reclaim.js'

/** The newest checkpoint that an open can start from. */
export interface CheckpointReport {
  readonly offset: number
  /** Sequence of the commit that it describes. */
  readonly sequence: number
  /** From where an open reads the log. */
  readonly replayFrom: number
}

/** The tree of a collection, or of a secondary index, as of the last commit. */
export interface TreeReport {
  readonly id: number
  /** Empty for the catalog, which is collection 0. */
  readonly name: string
  /** The secondary index that it is the tree of; undefined for the rows' own. */
  readonly index: string | undefined
  /** Rows, or rows that have entries. */
  readonly rows: number
  /** Keys in the tree: rows, or entries of an index. */
  readonly keys: number
  /** Levels; 1 for a single leaf. */
  readonly depth: number
  readonly leaves: number
  /** Leaves of which the checkpoint has what changed alone, beside an older image: reading one takes a read more. */
  readonly deltas: number
  readonly innerNodes: number
  /** Nodes that are damaged; what is below them is not counted. */
  readonly unreadableNodes: number
  /** How full leaves, and inner nodes, are on average: from 0 to 1. */
  readonly leafFill: number
  readonly innerFill: number
  /** Bytes of its nodes in the log, as of the checkpoint. */
  readonly nodeBytes: number
}

/** What of the log is live, and what that means. */
export interface UseReport {
  readonly checkpoint: CheckpointReport | undefined
  /** Bytes of log that commits took since the checkpoint's, with what stands between them. */
  readonly logBytesBehind: number
  /** Live are the records of rows and catalog entries as of the last commit; dead all others. */
  readonly records: ByteUse
  /** Live are the nodes of the checkpoint; dead all others. */
  readonly nodes: ByteUse
  /** What a compaction would give back. */
  readonly compaction: Reclaim
}

export interface IndexReport extends UseReport {
  readonly trees: readonly TreeReport[]
}

export function* indexReport(replayed: ReplayedState): Task<IndexReport> {
  const { checkpoint: found, state } = replayed
  const entries = found?.checkpoint.collections ?? []
  const trees: TreeReport[] = []
  for (const [id, { definition, tree, indexes }] of state.collections) {
    const entry = entries.find((one) => one.id === id)
    const { name } = definition
    const { entries: keys, bytes: _memory, ...shape } = yield* treeShape(tree)
    const ownBytes = entry?.root.nodeBytes ?? 0
    trees.push({ id, name, index: undefined, rows: keys, keys, ...shape, nodeBytes: ownBytes })
    for (const { definition: of, tree: indexTree, rows } of indexes) {
      const { entries: indexKeys, bytes: _indexMemory, ...indexShape } = yield* treeShape(indexTree)
      const stored = entry?.indexes.find((one) => one.id === of.id)?.root.nodeBytes ?? 0
      trees.push({ id, name, index: of.name, rows, keys: indexKeys, ...indexShape, nodeBytes: stored })
    }
  }
  return { ...useReport(replayed), trees: trees.sort((a, b) => a.id - b.id) }
}

/** From what an open reads of the file. */
export function useReport({ checkpoint: found, judgement, state, nodeBytes }: ReplayedState): UseReport {
  const liveNodes = indexBytesOf(found?.checkpoint.collections ?? [])
  const liveRecords = sum(Array.from(state.collections.values(), ({ liveBytes }) => liveBytes))
  return {
    checkpoint: found && {
      offset: found.offset,
      sequence: found.checkpoint.sequence,
      replayFrom: found.checkpoint.replayFrom,
    },
    logBytesBehind: judgement.last.end - (found?.checkpoint.commitEnd ?? LOG_START),
    records: { liveBytes: liveRecords, deadBytes: state.recordBytes - liveRecords },
    nodes: { liveBytes: liveNodes, deadBytes: nodeBytes - liveNodes },
    compaction: reclaim(state, { logEnd: judgement.logEnd, nodeBytes: liveNodes }),
  }
}

/** Rows of all collections but the catalog. */
export function rowsOf(trees: readonly TreeReport[]): number {
  return sum(trees.map(({ id, index, rows }) => (id === CATALOG_ID || index !== undefined ? 0 : rows)))
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
