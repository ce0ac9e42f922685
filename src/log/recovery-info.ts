/**
 * What an open found and did: the public facts of recovery.
 */

/** How an open treats a log that does not end cleanly. */
export type RecoveryMode = 'strict' | 'autoTruncate' | 'tornTail'

/**
 * - `clean`: the log ends with a commit at or past the watermark
 * - `shortFile`: the file ends before the watermark; acknowledged commits are missing
 * - `uncommittedTail`: it ends in frames of a transaction that never committed
 * - `tornTail`: it ends in an incomplete write past the watermark; nothing acknowledged as durable is missing
 * - `damage`: bytes before the watermark are damaged; acknowledged commits are unreadable
 */
export type RecoveryClass = 'clean' | 'shortFile' | 'uncommittedTail' | 'tornTail' | 'damage'

/** Bytes that are no part of the chain of commits, and cost none. */
export interface BadRange {
  readonly offset: number
  readonly end: number
  readonly reason: string
}

/** A commit found behind a break of the chain. */
export interface LostCommit {
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly operations: number
  readonly offset: number
}

/** What `recoveryInfo` tells. */
export interface RecoveryInfo {
  readonly mode: RecoveryMode
  readonly classification: RecoveryClass
  /** One sentence: what was found and what was done. */
  readonly reason: string
  /** Offset of the checkpoint that the open began from; undefined if it read the log from its begin. */
  readonly checkpointOffset: number | undefined
  /** Where the chain of commits breaks; undefined for `clean`. */
  readonly breakOffset: number | undefined
  /** The watermark: end of the last commit known to be durable. */
  readonly watermark: number
  /** Bytes cut off (and kept in the quarantine file); 0 if the open cut nothing. */
  readonly truncatedBytes: number
  /** Transactions applied by this open. */
  readonly transactionsApplied: number
  /** Whole transactions behind the break: their number, and the first thousand of them. */
  readonly transactionsCut: number
  readonly cutCommits: readonly LostCommit[]
  readonly quarantinePath: string | undefined
  /** Bad bytes that were passed over because no commit was lost by them. */
  readonly badRanges: readonly BadRange[]
  /** Whether an interrupted cut of an earlier open was finished by this one. */
  readonly finishedCut: boolean
  /** Whether a damaged header block was restored from a superblock. */
  readonly restoredHeader: boolean
}
