/**
 * Where a commit is.
 */

/** A commit's place in the log and in history. */
export interface CommitPosition {
  readonly sequence: number
  readonly time: number
  /** Offset of the frame that holds its commit block. */
  readonly offset: number
  readonly crc: number
  /** Where its transaction ends: a multiple of 8. */
  readonly end: number
  /** Of its frame: no frame behind it has a lower one. 0 for the state before any commit. */
  readonly epoch: number
}
