/**
 * What `db.stats()` tells.
 */
import type { Engine } from './engine/engine.js'

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
  /** Bytes of the records that hold live rows and catalog entries. */
  readonly liveBytes: number
  /** Bytes of records that were replaced or deleted, and of deletes. */
  readonly deadBytes: number
  /** Snapshots open, and the age of the oldest in milliseconds (0 for none). */
  readonly snapshots: number
  readonly oldestSnapshotMs: number
}

export function databaseStats(engine: Engine): DatabaseStats {
  const { parts, state, pins } = engine
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
    fileBytes: parts.file.size(),
    liveBytes,
    deadBytes: state.recordBytes - liveBytes,
    snapshots: pins.count,
    oldestSnapshotMs: Math.round(pins.oldestAgeMs),
  }
}
