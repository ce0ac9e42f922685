/**
 * How a database is followed that somebody else writes.
 */
import { ArgumentError } from '../errors.js'

/** What `onReload` is told. */
export interface FollowReload {
  /**
   * `cut`: the last commits that were seen are not in the file any more, because they were lost before they were durable.
   * `replaced`: another file took the name whose history does not go on from what was seen: a restore, or a database of its own.
   */
  readonly reason: 'cut' | 'replaced'
  /** Position of the last commit seen before, and of the one seen now. */
  readonly from: string
  readonly to: string
}

/** Options of `mode: 'follow'`. */
export interface FollowOptions {
  /** Milliseconds between two looks at the file while commits come. Default 2. */
  readonly minPollMs?: number | undefined
  /** Milliseconds between two looks when nothing has come for a while. Default 20. */
  readonly maxPollMs?: number | undefined
  /**
   * Called after the state went over to another line of history, in a turn of its own. Must not throw. Feeds say the same by
   * `VARVE_DIVERGED` or `VARVE_HISTORY_GONE`.
   */
  readonly onReload?: ((reload: FollowReload) => void) | undefined
}

const DEFAULT_MIN_POLL_MS = 2
const DEFAULT_MAX_POLL_MS = 20

/** Options with everything decided. */
export interface PollBounds {
  readonly minPollMs: number
  readonly maxPollMs: number
  readonly onReload: ((reload: FollowReload) => void) | undefined
}

/** Throws `VARVE_ARGUMENT` for what cannot be meant. */
export function pollBounds(options: FollowOptions = {}): PollBounds {
  const { minPollMs = DEFAULT_MIN_POLL_MS, onReload } = options
  const { maxPollMs = Math.max(DEFAULT_MAX_POLL_MS, minPollMs) } = options
  if (!isTime(minPollMs) || !isTime(maxPollMs) || minPollMs > maxPollMs)
    throw new ArgumentError(
      'The options follow.minPollMs and follow.maxPollMs must be milliseconds of at least 1, the first not above the second.',
    )
  return { minPollMs, maxPollMs, onReload }
}

function isTime(ms: number): boolean {
  return typeof ms === 'number' && ms >= 1 && Number.isFinite(ms)
}
