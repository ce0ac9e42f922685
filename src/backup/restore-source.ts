/**
 * What a restore copies: a database file that verifies, up to its last commit or one before it.
 */
import { historyGone, type Moment, momentOf } from '../engine/time-travel.js'
import { CorruptionError, RecoveryRequiredError } from '../errors.js'
import { isCompacted, LOG_START } from '../format/header.js'
import { AnalysedFile } from '../inspect/analysed-file.js'
import { CatalogHead } from '../inspect/catalog-head.js'
import { verifyFile, type VerifyOptions } from '../inspect/verify.js'
import type { CommitPosition } from '../log/commit-position.js'
import { judgeLog } from '../log/judge.js'
import type { Platform } from '../storage/platform.js'
import type { StorageFile } from '../storage/storage.js'
import type { Task } from '../storage/task.js'
import { digestsOf } from './check-copy.js'
import { type Prefix, prefixOf } from './prefix.js'

/** Verifies a file to be restored, every row of it. Throws `VARVE_CORRUPTION`, or `VARVE_RECOVERY_REQUIRED` for its end. */
export async function verifySource(path: string, options: VerifyOptions, platform: Platform): Promise<void> {
  const report = await verifyFile(path, { ...options, deep: true }, platform)
  const error = report.findings.find(({ severity }) => severity === 'error')
  if (error !== undefined) {
    const { offset, expected, actual } = error
    throw new CorruptionError(
      `${path} is damaged, so it was not restored: at offset ${offset} ${expected} was expected, and there was ${actual}. Run verify to see all; restore another copy, or salvage this one.`,
      { path, offset, expected, actual },
    )
  }
  const warning = report.findings[0]
  if (warning === undefined) return
  throw new RecoveryRequiredError(
    `${path} does not end cleanly (${warning.actual}), and nobody is writing to it, so it was not restored. Open a copy of it for writing, which cuts that end and keeps it aside, and restore the copy.`,
    { path, offset: warning.offset, actual: warning.actual },
  )
}

/** A prefix to copy, and the state digests of what is in it, where they are known. */
export interface RestorablePrefix {
  readonly prefix: Prefix
  readonly digests: Readonly<Record<string, string>> | undefined
}

/** Finds the prefix to copy. With `at`, it ends with the newest commit at or before that. */
export function* prefixToRestore(file: StorageFile, platform: Platform, at: unknown): Task<RestorablePrefix> {
  const analysed = new AnalysedFile(file, platform)
  const { judgement, checkpoint, state } = yield* analysed.replay()
  const commit = at === undefined ? judgement.last : yield* commitAt(analysed, momentOf(at))
  const { checksum } = platform
  const newestCheckpoint = checkpoint?.offset ?? 0
  const prefix = prefixOf({ file, checksum, commit, newestCheckpoint, highestEpoch: judgement.highestEpoch })
  const highestSequence = Math.max(prefix.highestSequence, judgement.highestSequence)
  // Frames that another copy of this file gets behind this end are no frames of the one that is made here.
  return {
    prefix: { ...prefix, highestSequence, epoch: prefix.epoch + 1 },
    digests: at === undefined ? digestsOf(state) : undefined,
  }
}

/** The newest commit that a moment includes, found from the log's begin. */
function* commitAt({ log, blocks, path }: AnalysedFile, moment: Moment): Task<CommitPosition> {
  const { header } = blocks
  if (moment.sequence !== undefined && moment.sequence < header.parentSequence)
    throw historyGone(header, moment, path)
  const head = new CatalogHead(log.parent, path)
  head.start(undefined, log.parent)
  const { last } = yield* judgeLog({ ...log, accept: moment.includes }, head)
  if (last.end === LOG_START && isCompacted(header)) throw historyGone(header, moment, path)
  return last
}
