/**
 * Goes through the commits of a log forward, from one that is known to another that is known.
 *
 * The reading is the one of recovery: a commit counts only if it names the one before it (I2), and bytes that cost none are
 * passed over. Where the log is damaged between the two, that is a `CorruptionError` with its offset, after all commits
 * before it. Nothing behind the last commit is read: there may be bytes on their way into the file.
 */
import { CorruptionError } from '../errors.js'
import { shortGeneration } from '../format/frame.js'
import { isCompacted, LOG_START } from '../format/header.js'
import type { Task } from '../storage/task.js'
import type { CommitPosition } from './commit-position.js'
import type { CommittedLog } from './frame-reader.js'
import { judgeLog } from './judge.js'
import type { ReplayTarget } from './replay-target.js'
import type { JudgeInput } from './judgement.js'

/** A run of commits. */
export interface CommitRun {
  readonly log: CommittedLog
  /** The commit before the first one. */
  readonly after: CommitPosition
  /** Where to read from, if that is not where `after` ends: behind frames of no commit. */
  readonly from?: number | undefined
  /** The last one, which was seen before. */
  readonly to: CommitPosition
  /** Ends the run before the first commit for which it is false. */
  readonly accept?: JudgeInput['accept']
  /** Told of every frame before it is judged. */
  readonly observe?: JudgeInput['observe']
}

/** Applies a run of commits to `target`, one by one. */
export function* walkCommits(run: CommitRun, target: ReplayTarget): Task<void> {
  const { log, after, to, accept, observe } = run
  const { file, checksum, header } = log
  const from = run.from ?? after.end
  if (after.end >= to.end) return
  const judgement = yield* judgeLog(
    {
      file,
      checksum,
      generation: shortGeneration(header.generationId),
      maxEpoch: to.epoch,
      from,
      parent: after,
      startsWithBase: isCompacted(header) && after.end === LOG_START,
      nodesCheckedBefore: Number.POSITIVE_INFINITY,
      to: to.end,
      watermark: 0,
      trustsFrames: true,
      accept,
      observe,
    },
    target,
  )
  const { declined, last, breakOffset, breakReason } = judgement
  if (declined || last.end >= to.end) return
  const offset = breakOffset ?? last.end
  throw new CorruptionError(
    `The log of ${file.path} is damaged at offset ${offset} after commit ${last.sequence} (${breakReason}): later commits cannot be reached through it. Run verify to see the extent; restore a backup, or salvage.`,
    { path: file.path, offset, actual: breakReason, commitBefore: last.sequence },
  )
}
