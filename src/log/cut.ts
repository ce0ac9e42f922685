/**
 * Cuts a log at an offset so that a crash at any point leaves either the old file or the cut one, and an open knows
 * which.
 *
 * The order of writes is the argument:
 *   1. a superblock with epoch + 1, W = X, a checkpoint at or before X, and "cut at X"; synced. From here on the cut
 *      has happened: an open that finds it finishes it without judging again, and the bytes behind X, of a lower epoch,
 *      are evidence of nothing even if the truncation is lost
 *   2. truncate, sync
 *   3. both superblocks without "cut at X", each synced, because no slot may say it once something is appended
 * The same order serves a recovery and the cut-back of a failed write.
 */
import type { StorageFile } from '../storage/storage.js'
import type { Task } from '../storage/task.js'
import type { SuperblockWriter } from './superblocks.js'

/** Where to cut, and the last commit before it. */
export interface CutPoint {
  readonly offset: number
  /** W afterwards: what is known to be durable, at most `offset`. */
  readonly watermark: number
  readonly watermarkSequence: number
  /** Not below any epoch found in the log. */
  readonly epochFloor: number
}

export function* cutLog(file: StorageFile, superblocks: SuperblockWriter, cut: CutPoint): Task<void> {
  const { live } = superblocks
  yield* superblocks.write({
    epoch: Math.max(live.epoch, cut.epochFloor) + 1,
    watermark: cut.watermark,
    watermarkSequence: cut.watermarkSequence,
    checkpoint: live.checkpoint < cut.offset ? live.checkpoint : 0,
    cutAt: cut.offset,
  })
  yield* finishCut(file, superblocks)
}

/** Carries out the cut that the live superblock names. */
export function* finishCut(file: StorageFile, superblocks: SuperblockWriter): Task<void> {
  file.truncate(superblocks.live.cutAt)
  yield { kind: 'sync', file }
  yield* superblocks.write({ cutAt: 0 })
  yield* superblocks.write({ cutAt: 0 })
}
