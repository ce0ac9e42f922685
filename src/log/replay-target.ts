/**
 * What the commits of a log are applied to.
 */
import type { BaseCollection } from '../format/base.js'
import type { RecordView, ReplacedRecord } from '../format/record.js'
import type { CommitPosition } from './commit-position.js'
import type { LogScanner } from './scanner.js'

/** What commits are applied to. Records between `begin` and `commit` count only if the commit comes. */
export interface ReplayTarget {
  /** A transaction begins. `speculative` if it may be rolled back; else its commit follows for certain. */
  begin(speculative: boolean): void
  /**
   * One record; `position` is where it stands in the file, and `replaced` what its frame says of the version before, if it does. Throws if its
   * content is not understood.
   */
  record(bytes: Uint8Array, record: RecordView, position: number, replaced?: ReplacedRecord): void
  /** Takes a record of a compacted generation's first commit, at an index of its frame's bytes, before it was read; where it ends. */
  recordOfBase?(frame: LogScanner, at: number): number
  /** The first commit of a compacted generation follows: whether what it states was applied. If not, how they differ. */
  beginsWith?(collections: readonly BaseCollection[]): string | undefined
  commit(position: CommitPosition): void
  rollback(): void
}
