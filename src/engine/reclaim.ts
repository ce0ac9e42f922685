/**
 * What a compaction of a database would give back.
 */
import { indexBytesOf } from '../format/checkpoint.js'
import { LOG_START } from '../format/header.js'
import type { Engine } from './engine.js'
import type { Generation } from './generation.js'
import type { DatabaseState } from './state.js'

/** Fewest dead bytes, and smallest share of the file, for which a compaction is worth its work. */
export const RECOMMENDED_BYTES: number = 1024 * 1024
export const RECOMMENDED_SHARE = 0.1

/** Bytes of a row in a tree that has no stored form yet: measured, with keys of 16 bytes. */
const NODE_BYTES_PER_ROW = 32

export interface Reclaim {
  /** About how large the compacted file would be. */
  readonly compactedBytes: number
  /** About how many bytes of the file a compaction gives back. */
  readonly reclaimableBytes: number
  /** Whether these are at least 1 MiB and 10 % of the file. */
  readonly recommended: boolean
}

/** Of an open database, from what is kept in memory: nothing is read. */
export function reclaimOf({ generation, state, checkpointer }: Engine): Reclaim {
  const stored = generation.log.checkpoint?.checkpoint.collections ?? []
  return reclaim(state, {
    logEnd: logEndOf(generation),
    nodeBytes: checkpointer?.indexBytes ?? indexBytesOf(stored),
  })
}

/** Of a state, by where its log ends and what the nodes of the newest checkpoint take in it (0 for none). */
export function reclaim(
  { collections }: DatabaseState,
  { logEnd, nodeBytes }: { readonly logEnd: number; readonly nodeBytes: number },
): Reclaim {
  let liveBytes = 0
  let entries = 0
  for (const { tree, indexes, liveBytes: bytes } of collections.values()) {
    liveBytes += bytes
    entries += tree.count
    for (const index of indexes) entries += index.tree.count
  }
  const compactedBytes = LOG_START + liveBytes + (nodeBytes === 0 ? entries * NODE_BYTES_PER_ROW : nodeBytes)
  const reclaimableBytes = Math.max(0, logEnd - compactedBytes)
  const recommended = reclaimableBytes >= RECOMMENDED_BYTES && reclaimableBytes >= logEnd * RECOMMENDED_SHARE
  return { compactedBytes, reclaimableBytes, recommended }
}

/** Where the log of a file ends: behind the last commit there may be a checkpoint. Zeros laid ahead are no part of it. */
export function logEndOf({ writer, log, visible }: Generation): number {
  return writer?.end ?? Math.max(log.logEnd, visible.commit.end)
}
