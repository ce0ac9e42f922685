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
import { checkRetain, type RetainOptions } from './retain.js'

/** When a compaction is to be made without being asked for. */
export interface AutoCompactOptions {
  /** Fewest bytes to be gained. Default 1 MiB. */
  readonly minBytes?: number | undefined
  /** Smallest share of the file to be gained, from 0 to 1. Default 0.5. */
  readonly minShare?: number | undefined
  /** History that each compaction keeps, as `retain` of `compact` does. Default: none. What is kept counts as nothing to be gained. */
  readonly retain?: RetainOptions | undefined
}

/** The option, decided. */
export interface AutoCompactPolicy {
  readonly minBytes: number
  readonly minShare: number
  readonly retain: RetainOptions | undefined
}

/** How long after a commit it looks, in milliseconds. */
const LOOK_AFTER_MS = 1000
const DEFAULT_SHARE = 0.5
/** By how much more there must be to gain after a failure. */
const AFTER_FAILURE = 1.5

/** What the option says, decided; undefined for never. */
export function autoCompactPolicy(
  option: boolean | AutoCompactOptions | undefined,
): AutoCompactPolicy | undefined {
  if (option === undefined || option === false) return undefined
  const { minBytes = RECOMMENDED_BYTES, minShare = DEFAULT_SHARE, retain } = option === true ? {} : option
  if (!(minBytes >= 0) || !(minShare >= 0 && minShare <= 1)) {
    throw new ArgumentError(
      'The option autoCompact must be true, false, or { minBytes, minShare, retain } with a number of at least 0 and one from 0 to 1.',
    )
  }
  if (retain !== undefined) checkRetain(retain)
  return { minBytes, minShare: Math.max(minShare, RECOMMENDED_SHARE), retain }
}

/** Watches an engine until it is closed. */
export function compactAutomatically(
  engine: Engine,
  { minBytes, minShare, retain }: AutoCompactPolicy,
): void {
  const { platform, info } = engine.parts
  if (info.classification !== 'clean' || info.truncatedBytes > 0) return
  let timer: Timer | undefined
  let atLeast = minBytes
  // What the last compaction has left is history that it was asked to keep.
  let kept = 0
  const look = (): void => {
    timer = undefined
    if (engine.closed || engine.compactor.running) return
    const gain = reclaimOf(engine).reclaimableBytes - kept
    if (gain < atLeast || gain < logEndOf(engine.generation) * minShare) return
    engine.compactor.compact({ retain }).then(
      () => {
        atLeast = minBytes
        kept = retain === undefined ? 0 : reclaimOf(engine).reclaimableBytes
      },
      // The database goes on as it was; a compaction by hand tells why.
      () => void (atLeast = gain * AFTER_FAILURE),
    )
  }
  const soon = (): void => void (timer ??= platform.setTimer(look, LOOK_AFTER_MS))
  engine.watchers.add((change) => (change === 'closed' ? timer?.cancel() : soon()))
  soon()
}
