/**
 * What an engine is made of: everything that opening a database brings.
 */
import type { RecoveryInfo } from '../log/recovery-info.js'
import type { HeldLock, Platform } from '../storage/platform.js'
import type { Storage } from '../storage/storage.js'
import type { Durability } from './batch.js'
import type { RowCodecs } from './row-codecs.js'

export interface EngineParts {
  readonly path: string
  readonly storage: Storage
  readonly platform: Platform
  readonly info: RecoveryInfo
  /** Whether the file goes with the process, so that nobody needs a checkpoint. */
  readonly ephemeral: boolean
  /** Of all generations: what a record structure means never changes. */
  readonly codecs: RowCodecs
  readonly lock: HeldLock | undefined
  /** No sequence up to this one is given again. */
  readonly highestSequence: number
  readonly durability: Durability
  readonly syncIntervalMs: number
  readonly maxTransactionBytes: number
  /** For tree nodes and pages of the log together. */
  readonly cacheBytes: number
}
