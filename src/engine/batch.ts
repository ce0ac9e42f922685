/**
 * What a committer carries, and what it is made of.
 */
import type { Checksum } from '../format/checksum.js'
import type { CommitPosition } from '../log/commit-position.js'
import type { LogBuffer } from '../log/log-buffer.js'
import type { LogWriter } from '../log/log-writer.js'
import type { Platform } from '../storage/platform.js'
import type { StorageFile } from '../storage/storage.js'
import type { Settle } from './acknowledgement.js'
import type { CheckpointerParts, Slice } from './checkpointer.js'
import type { Head } from './head.js'
import type { RecordSource } from './record-source.js'
import type { StateChange, VisibleState } from './state.js'

/**
 * When a commit is acknowledged: `commit` after a sync, `interval` and `os` after the write; `interval` syncs every
 * so many milliseconds, `os` leaves it to the operating system.
 */
export type Durability = 'commit' | 'interval' | 'os'

/** A commit on its way, and who waits for it. */
export interface PendingCommit {
  readonly position: CommitPosition
  readonly settle: Settle
}

/** Commits that are written with one call. */
export interface Batch {
  readonly buffer: LogBuffer
  readonly commits: PendingCommit[]
  /** The state after its commits; undefined until it is closed, and if it has none. */
  change: StateChange | undefined
  /** Frames of a checkpoint behind its commits. */
  slice: Slice | undefined
}

export interface CommitterParts {
  readonly writer: LogWriter
  readonly head: Head
  readonly visible: VisibleState
  readonly source: RecordSource
  readonly file: StorageFile
  readonly platform: Platform
  readonly checksum: Checksum
  readonly durability: Durability
  readonly syncIntervalMs: number
  /** Told when the head went back: an open transaction was built on commits that failed. */
  readonly onReset: (error: unknown) => void
  /** Told when more commits are visible. */
  readonly onVisible: () => void
  readonly checkpoints: Pick<CheckpointerParts, 'codecs' | 'nodes' | 'log' | 'cacheBytes' | 'automatic'>
}
