/**
 * Compacts by itself, where the option `autoCompact` asks for it.
 *
 * Looks a while after commits, from figures in memory. Never after an open that cut something off: what is left of the file
 * may be all that a salvage has. After a failure it waits until there is clearly more to be gained.
 */
import { ArgumentError } from '../errors.js'
import type { Timer } from '../storage/platform.js'
import type { Engine } from './engine.js'
import { logEndOf, RECOMMENDED_BYTES, RECOMMENDED_SHARE, reclaimOf } from './reclaim.js'

/** When a compaction is to be made without being asked for. */
export interface AutoCompactOptions {
  /** Fewest bytes to be gained. Default 1 MiB. */
  readonly minBytes?: number | undefined
  /** Smallest share of the file to be gained, from 0 to 1. Default 0.5. */
  readonly minShare?: number | undefined
}

/** How long after a commit it looks, in milliseconds. */
const LOOK_AFTER_MS = 1000
const DEFAULT_SHARE = 0.5
/** By how much more there must be to gain after a failure. */
const AFTER_FAILURE = 1.5

/** What the option says, decided; undefined for never. */
export function autoCompactPolicy(
  option: boolean | AutoCompactOptions | undefined,
): Required<{ [K in keyof AutoCompactOptions]: number }> | undefined {
  if (option === undefined || option === false) return undefined
  const { minBytes = RECOMMENDED_BYTES, minShare = DEFAULT_SHARE } = option === true ? {} : option
  if (!(minBytes >= 0) || !(minShare >= 0 && minShare <= 1)) {
    throw new ArgumentError(
      'The option autoCompact must be true, false, or { minBytes, minShare } with a number of at least 0 and one from 0 to 1.',
    )
  }
  return { minBytes, minShare: Math.max(minShare, RECOMMENDED_SHARE) }
}

/** Watches an engine until it is closed. */
export function compactAutomatically(
  engine: Engine,
  policy: NonNullable<ReturnType<typeof autoCompactPolicy>>,
): void {
  const { platform, info } = engine.parts
  if (info.classification !== 'clean' || info.truncatedBytes > 0) return
  let timer: Timer | undefined
  let atLeast = policy.minBytes
  const look = (): void => {
    timer = undefined
    if (engine.closed || engine.compactor.running) return
    const { reclaimableBytes } = reclaimOf(engine)
    if (reclaimableBytes < atLeast || reclaimableBytes < logEndOf(engine.generation) * policy.minShare) return
    engine.compactor.compact({}).then(
      () => void (atLeast = policy.minBytes),
      // The database goes on as it was; a compaction by hand tells why.
      () => void (atLeast = reclaimableBytes * AFTER_FAILURE),
    )
  }
  const soon = (): void => void (timer ??= platform.setTimer(look, LOOK_AFTER_MS))
  engine.watchers.add((change) => (change === 'closed' ? timer?.cancel() : soon()))
  soon()
}
