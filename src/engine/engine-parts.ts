/**
 * What an engine is made of: everything that opening a file brings.
 */
import type { Header } from '../format/header.js'
import type { LogWriter } from '../log/log-writer.js'
import type { RecoveredLog } from '../log/recover.js'
import type { RecoveryInfo } from '../log/recovery-info.js'
import type { HeldLock, Platform } from '../storage/platform.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import type { NodeStore } from '../tree/index.js'
import type { Durability } from './batch.js'
import type { Head } from './head.js'
import type { RowCodecs } from './row-codecs.js'
import type { VisibleState } from './state.js'

/** What an opened file brings. */
export interface EngineParts {
  readonly path: string
  readonly storage: Storage
  readonly platform: Platform
  readonly file: StorageFile
  readonly header: Header
  readonly info: RecoveryInfo
  /** What the recovery found. */
  readonly log: RecoveredLog
  readonly head: Head
  readonly nodes: NodeStore
  /** Whether the file goes with the process, so that nobody needs a checkpoint. */
  readonly ephemeral: boolean
  readonly visible: VisibleState
  readonly codecs: RowCodecs
  readonly lock: HeldLock | undefined
  /** Absent when the database is open for reading only. */
  readonly writer: LogWriter | undefined
  /** No sequence up to this one is given again. */
  readonly highestSequence: number
  readonly durability: Durability
  readonly syncIntervalMs: number
  readonly maxTransactionBytes: number
  /** For tree nodes and pages of the log together. */
  readonly cacheBytes: number
}
