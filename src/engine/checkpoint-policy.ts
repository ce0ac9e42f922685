/**
 * When a checkpoint is taken, and how fast.
 *
 * Two things call for one: the log that a replay would have to read, in proportion to the index, so that index nodes never
 * cost more bytes than the rows do and an open stays short; and the memory of nodes that are not stored, which cannot be
 * evicted. Once it runs, each commit pays for a part of it: as much as lets it end before that memory reaches its limit.
 * Once nothing was written for a while, less of such memory calls for one.
 */

/** Parts of `cacheBytes`: what tree nodes may take, and what pages of the log may. */
export const NODE_SHARE = 0.875
export const PAGE_SHARE = 0.0625
/** What pages may take while that holds the whole log, of what nodes leave free. */
export const WHOLE_LOG_SHARE = 0.5
/** The part that decoded rows may take whatever the nodes do, and the most that they take of what nodes leave free. */
export const LEAST_ROW_SHARE: number = 1 - NODE_SHARE - PAGE_SHARE
export const MOST_ROW_SHARE = 0.75

/** The part that deferred rows may take, as in nodes they take more; and the most, as whoever needs their trees at once waits for all of them. */
export const DEFERRED_SHARE = 0.0625
export const MOST_DEFERRED_BYTES: number = 16 * 1024 * 1024

/** Parts of the nodes' share that unstored nodes may take: when a checkpoint begins, and at most. */
const SOFT_UNSTORED = 0.875
const HARD_UNSTORED = 0.97
/** The same while nobody writes: the memory is of more use to readers, and nothing waits for what is stored. */
const REST_UNSTORED = 0.25
/** Whatever the budget, so many bytes may be unstored: else a tiny cache would ask for a checkpoint after every commit. */
const LEAST_UNSTORED_BYTES = 64 * 1024

/**
 * Log bytes that call for a checkpoint, as a multiple of the index's bytes, and where the index is small. Rows in no order
 * change every node between two checkpoints: at 1.5, nodes then cost two thirds of what the rows do.
 */
const LOG_PER_INDEX = 1.5
const LEAST_LOG_BYTES = 4 * 1024 * 1024
/** Log bytes that an open replays in a few milliseconds: a close leaves no more of them behind. */
const CLOSE_LOG_BYTES = 64 * 1024

/** After a failure, so many more bytes of log until the next try that nobody asked for. */
export const RETRY_LOG_BYTES: number = LEAST_LOG_BYTES

/** A commit pays for at least so many times the bytes that it made. */
const LEAST_PACE = 2

/** What the policy looks at, all in bytes. */
export interface CheckpointFigures {
  /** Of commits that the newest checkpoint does not cover. */
  readonly logBytes: number
  /** Of the newest checkpoint's nodes, in the file. */
  readonly indexBytes: number
  /** Memory of unstored nodes. */
  readonly unstoredBytes: number
  /** Of the nodes' share of the cache. */
  readonly nodeLimitBytes: number
}

/** Whether a checkpoint is due. */
export function isDue({ logBytes, indexBytes, unstoredBytes, nodeLimitBytes }: CheckpointFigures): boolean {
  if (logBytes >= Math.max(LEAST_LOG_BYTES, indexBytes * LOG_PER_INDEX)) return true
  return unstoredBytes >= Math.max(LEAST_UNSTORED_BYTES, nodeLimitBytes * SOFT_UNSTORED)
}

/** Whether one is due once nothing was written for a while. */
export function isDueAtRest(unstoredBytes: number, nodeLimitBytes: number): boolean {
  return unstoredBytes >= Math.max(LEAST_UNSTORED_BYTES, nodeLimitBytes * REST_UNSTORED)
}

/** Whether a close takes a checkpoint. */
export function isDueAtClose(logBytes: number): boolean {
  return logBytes >= CLOSE_LOG_BYTES
}

/** How far a checkpoint that runs is, in bytes of memory. */
export interface CheckpointProgress {
  /** Unstored nodes when it began. */
  readonly unstoredAtStart: number
  /** Of these, stored by now. */
  readonly stored: number
  /** Nodes made by commits since it began. */
  readonly made: number
  readonly nodeLimitBytes: number
}

/** Bytes of nodes that a commit must store if it made `madeBytes` of them. */
export function debtOf(madeBytes: number, progress: CheckpointProgress): number {
  const { unstoredAtStart, stored } = progress
  const remaining = Math.max(0, unstoredAtStart - stored)
  const room = roomOf(progress)
  return room <= 0 ? remaining : Math.min(remaining, madeBytes * Math.max(LEAST_PACE, remaining / room))
}

/** Memory left before unstored nodes pass their limit. */
export function roomOf({ unstoredAtStart, made, nodeLimitBytes }: CheckpointProgress): number {
  return Math.max(2 * LEAST_UNSTORED_BYTES, nodeLimitBytes * HARD_UNSTORED) - unstoredAtStart - made
}
