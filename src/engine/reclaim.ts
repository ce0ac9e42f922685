/**
 * What a compaction of an open database would give back.
 */
import { indexBytesOf } from '../format/checkpoint.js'
import { LOG_START } from '../format/header.js'
import type { Engine } from './engine.js'

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

/** From what is kept in memory: nothing is read. */
export function reclaimOf(engine: Engine): Reclaim {
  const { generation, state, checkpointer } = engine
  let liveBytes = 0
  let entries = 0
  for (const { tree, indexes, liveBytes: bytes } of state.collections.values()) {
    liveBytes += bytes
    entries += tree.count
    for (const index of indexes) entries += index.tree.count
  }
  const stored =
    checkpointer?.indexBytes ?? indexBytesOf(generation.log.checkpoint?.checkpoint.collections ?? [])
  const nodeBytes = stored === 0 ? entries * NODE_BYTES_PER_ROW : stored
  const compactedBytes = LOG_START + liveBytes + nodeBytes
  return reclaim(state.commit.end, compactedBytes)
}

/** What is to be gained, by the sizes before and after. */
export function reclaim(fileBytes: number, compactedBytes: number): Reclaim {
  const reclaimableBytes = Math.max(0, fileBytes - compactedBytes)
  const recommended =
    reclaimableBytes >= RECOMMENDED_BYTES && reclaimableBytes >= fileBytes * RECOMMENDED_SHARE
  return { compactedBytes, reclaimableBytes, recommended }
}
