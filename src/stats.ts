/**
 * What `db.stats()` tells.
 */
import type { Engine } from './engine/engine.js'
import type { FollowStats } from './engine/follower.js'
import { indexBytesOf } from './format/checkpoint.js'
import { LOG_START } from './format/header.js'
import type { ByteUse } from './engine/byte-use.js'
import { reclaimOf } from './engine/reclaim.js'

/** Figures of the caches of an open database, counted since it was opened. */
export interface CacheStats {
  /** Most bytes that the caches may take together: the option `cacheBytes`. */
  readonly limitBytes: number
  /** Bytes taken for pages of the log now, tables included. 0 for a database in memory, which needs none. */
  readonly pageBytes: number
  /** Records found in pages in memory. */
  readonly pageHits: number
  /** Reads of the file for a record: of the record alone, or of a page that holds it. */
  readonly pageMisses: number
  /** Pages that made room for others. */
  readonly pageEvictions: number
  /** Memory of tree nodes that are stored in the log and kept, so as not to be read again. */
  readonly nodeBytes: number
  /** Stored nodes found in memory, and those read from the file. */
  readonly nodeHits: number
  readonly nodeMisses: number
  /** Nodes that made room for others. */
  readonly nodeEvictions: number
  /** About how much memory decoded rows take that are kept, so as not to be read and decoded again. */
  readonly rowBytes: number
  /** Rows found decoded in memory, and those that were not. */
  readonly rowHits: number
  readonly rowMisses: number
  /** Rows that made room for others. */
  readonly rowEvictions: number
}

/** How far the index in memory is ahead of the one in the log. */
export interface IndexStats {
  /** Memory of tree nodes that no checkpoint has stored yet. They cannot be evicted. */
  readonly unstoredBytes: number
  /** Offset of the newest checkpoint, and sequence of the commit that it describes; undefined for none. */
  readonly checkpointOffset: number | undefined
  readonly checkpointSequence: number | undefined
  /** Bytes of log from that commit, or the log's begin, to the last commit: about what an open would read. */
  readonly logBytesBehind: number
}

/** What a compaction would give back. */
export interface CompactionStats {
  /** Whether one is under way. */
  readonly running: boolean
  /** About how large the compacted file would be. */
  readonly compactedBytes: number
  /** About how many bytes of the file it would give back. */
  readonly reclaimableBytes: number
  /** Whether these are at least 1 MiB and 10 % of the file. */
  readonly recommended: boolean
}

/** Figures of an open database, from memory: taking them reads nothing. */
export interface DatabaseStats {
  /** Kind of storage: `file`, `memory`, or a storage's own word. */
  readonly storage: string
  /** Where the checksum comes from: `native`, or `typescript` where the native package is missing or fails to load. */
  readonly checksum: 'native' | 'typescript'
  /** Why the native checksum is not used. */
  readonly checksumFallbackReason: string | undefined
  readonly durability: 'commit' | 'interval' | 'os'
  readonly commitSequence: number
  readonly durableSequence: number
  readonly collections: number
  /** Rows of all collections. */
  readonly rows: number
  /** Size of the file in bytes, zeros laid ahead included. */
  readonly fileBytes: number
  /** Bytes of records: live are those that hold rows and catalog entries now, dead the replaced, the deleted, and deletes. */
  readonly records: ByteUse
  /** Bytes of tree nodes in the log: live are those of the newest checkpoint, dead those of older and unfinished ones. */
  readonly nodes: ByteUse
  readonly index: IndexStats
  /** Sequence of the oldest commit that can be read: 0, or the one that the last compaction began with. */
  readonly oldestSequence: number
  readonly compaction: CompactionStats
  /** Snapshots open, and the age of the oldest in milliseconds (0 for none). */
  readonly snapshots: number
  readonly oldestSnapshotMs: number
  readonly cache: CacheStats
  /** With mode `follow`: how far behind it is, and how it fares. */
  readonly follow: FollowStats | undefined
}

export function databaseStats(engine: Engine): DatabaseStats {
  const { parts, generation, state, pins } = engine
  let rows = 0
  let liveBytes = 0
  for (const [id, collection] of state.collections) {
    liveBytes += collection.liveBytes
    if (id !== 0) rows += collection.tree.count
  }
  return {
    storage: parts.storage.kind,
    checksum: parts.platform.checksumSource,
    checksumFallbackReason: parts.platform.checksumFallbackReason,
    durability: parts.durability,
    commitSequence: engine.commitSequence,
    durableSequence: engine.durableSequence,
    collections: state.names.size,
    rows,
    fileBytes: generation.file.size(),
    records: { liveBytes, deadBytes: state.recordBytes - liveBytes },
    nodes: nodeUse(engine),
    index: indexStats(engine),
    oldestSequence: generation.header.parentSequence,
    compaction: compactionStats(engine),
    snapshots: pins.count,
    oldestSnapshotMs: Math.round(pins.oldestAgeMs),
    cache: cacheStats(engine),
    follow: engine.follower?.stats,
  }
}

function compactionStats(engine: Engine): CompactionStats {
  return { running: engine.compactor.running, ...reclaimOf(engine) }
}

function nodeUse({ generation, checkpointer }: Engine): ByteUse {
  const { log } = generation
  const entries = log.checkpoint?.checkpoint.collections ?? []
  // Without a writer nothing is stored after the open.
  const liveBytes = checkpointer?.indexBytes ?? indexBytesOf(entries)
  return { liveBytes, deadBytes: (checkpointer?.nodeBytes ?? log.nodeBytes) - liveBytes }
}

function indexStats({ generation, checkpointer, state, newestCheckpoint }: Engine): IndexStats {
  const opened = generation.log.checkpoint?.checkpoint
  const commitEnd = checkpointer?.commitEnd ?? opened?.commitEnd ?? LOG_START
  const sequence = checkpointer?.sequence ?? opened?.sequence
  return {
    unstoredBytes: generation.nodes.unstoredBytes,
    checkpointOffset: newestCheckpoint === 0 ? undefined : newestCheckpoint,
    checkpointSequence: newestCheckpoint === 0 ? undefined : sequence,
    logBytesBehind: state.commit.end - commitEnd,
  }
}

function cacheStats({ parts, generation }: Engine): CacheStats {
  const { nodes, pages, rows } = generation
  return {
    limitBytes: parts.cacheBytes,
    pageBytes: pages?.heldBytes ?? 0,
    pageHits: pages?.hits ?? 0,
    pageMisses: pages?.misses ?? 0,
    pageEvictions: pages?.evictions ?? 0,
    nodeBytes: nodes.cachedBytes,
    nodeHits: nodes.hits,
    nodeMisses: nodes.misses,
    nodeEvictions: nodes.evictions,
    rowBytes: rows.cache?.bytes ?? 0,
    rowHits: rows.cache?.hits ?? 0,
    rowMisses: rows.cache?.misses ?? 0,
    rowEvictions: rows.cache?.evictions ?? 0,
  }
}
