/**
 * A transaction of several frames, as a reader has it before its commit comes.
 */
import type { CommitBlock } from '../format/commit.js'

/** A transaction of several frames whose commit has not come yet. */
export interface PendingTransaction {
  readonly begin: number
  readonly sequence: number
  frames: number
  framesCrc: number
  /** Where its next frame must be. */
  next: number
}

/** Whether the frames are those that the commit states. */
export function isWhole(pending: PendingTransaction | undefined, block: CommitBlock): boolean {
  return (
    pending !== undefined &&
    block.begin === pending.begin &&
    block.frames === pending.frames &&
    block.framesCrc === pending.framesCrc
  )
}
