/**
 * Cuts a log at an offset so that a crash at any point leaves either the old file or the cut one, and an open knows
 * which.
 *
 * The order of writes is the argument:
 *   1. a superblock with epoch + 1, W = X, a checkpoint at or before X, and "cut at X"; synced. From here on the cut
 *      has happened: an open that finds it finishes it without judging again, and the bytes behind X, of a lower epoch,
 *      are evidence of nothing even if the truncation is lost
 *   2. truncate, sync
 *   3. both superblocks without "cut at X", each synced, because no slot may say it once something is appended (I4)
 * The same order serves a recovery and the cut-back of a failed write.
 */
import { alignUp, FRAME_ALIGNMENT } from '../format/frame.js'
import { LOG_START } from '../format/header.js'
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
  /** Not below any commit sequence found in the log, cut bytes included. */
  readonly sequenceFloor: number
}

export function* cutLog(file: StorageFile, superblocks: SuperblockWriter, cut: CutPoint): Task<void> {
  const { live } = superblocks
  yield* superblocks.write({
    epoch: Math.max(live.epoch, cut.epochFloor) + 1,
    watermark: cut.watermark,
    watermarkSequence: cut.watermarkSequence,
    checkpoint: live.checkpoint < cut.offset ? live.checkpoint : 0,
    checkpointEnd: Math.min(live.checkpointEnd, cut.offset),
    cutAt: cut.offset,
    highestSequence: Math.max(live.highestSequence, cut.sequenceFloor),
  })
  yield* truncateAndClear(file, superblocks, cut.offset)
}

/**
 * Finishes the cut that the live superblock names and an earlier session did not.
 *
 * If that session's sync failed, superblock and truncation may be known to the cache alone, and no later sync would
 * write them. So both are made again: the superblock in the other slot, the truncation by way of a larger size.
 */
export function* finishCut(file: StorageFile, superblocks: SuperblockWriter): Task<void> {
  yield* superblocks.write({})
  // Never beyond what is there: a cut does not bring bytes back.
  const offset = Math.min(superblocks.live.cutAt, Math.max(LOG_START, alignUp(file.size())))
  file.truncate(offset + FRAME_ALIGNMENT)
  yield* truncateAndClear(file, superblocks, offset)
}

function* truncateAndClear(file: StorageFile, superblocks: SuperblockWriter, offset: number): Task<void> {
  file.truncate(offset)
  yield { kind: 'sync', file }
  yield* superblocks.write({ cutAt: 0 })
  yield* superblocks.write({ cutAt: 0 })
}
