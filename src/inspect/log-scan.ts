/**
 * Reads a whole log from its begin: every frame, every checksum, the chain of commits. Takes the same memory whatever its
 * length.
 *
 * It goes in stretches, from the commit of one checkpoint to the commit of the next: the chain is followed anew from each, so
 * that damage is told apart from what lies behind it, and costs no more than its own stretch.
 */
import { VarveError } from '../errors.js'
import type { CheckpointedLog, FoundCheckpoint } from '../log/checkpoints.js'
import { judgeLog } from '../log/judge.js'
import type { JudgeInput, Judgement } from '../log/judgement.js'
import { commitOf } from '../log/replay.js'
import type { LogScanner, ScanEvent } from '../log/scanner.js'
import type { Task } from '../storage/task.js'
import { CatalogHead } from './catalog-head.js'
import { contradictionsOf } from './checkpoint-check.js'
import type { Contradiction } from './findings.js'

/** A log as its fixed blocks describe it. */
export type WholeLog = JudgeInput & CheckpointedLog

/** Who follows a scan. */
export interface LogWatch {
  /** Told of every event before it is judged. */
  observe(event: ScanEvent, scanner: LogScanner): void
  /** Told how a stretch was judged. */
  judged(judgement: Judgement): void
  /** Told of content that contradicts itself or is not understood: the stretch was read no further. */
  refused(error: VarveError, stretch: { readonly from: number; readonly to: number }): void
  /** Told of a checkpoint that is not what the log says. */
  contradicted(found: FoundCheckpoint, what: Contradiction): void
}

/** Scans a log with its checkpoints, which are by ascending offset. */
export function* scanLog(
  log: WholeLog,
  checkpoints: readonly FoundCheckpoint[],
  watch: LogWatch,
): Task<void> {
  const head = new CatalogHead(log.parent, log.file.path)
  let start: FoundCheckpoint | undefined
  for (const end of checkpoints) {
    const before = start?.checkpoint.commitEnd ?? 0
    if (end.checkpoint.commitEnd < before) watch.contradicted(end, outOfOrder(before, end))
    if (end.checkpoint.commitEnd <= before) continue
    yield* scanStretch(log, head, { start, end }, watch)
    start = end
  }
  yield* scanStretch(log, head, { start, end: undefined }, watch)
}

function outOfOrder(before: number, { checkpoint }: FoundCheckpoint): Contradiction {
  const expected = `a commit that ends at or after ${before}, as that of the checkpoint before it does`
  return { expected, actual: `one that ends at ${checkpoint.commitEnd}` }
}

interface Stretch {
  readonly start: FoundCheckpoint | undefined
  readonly end: FoundCheckpoint | undefined
}

function* scanStretch(
  log: WholeLog,
  head: CatalogHead,
  { start, end }: Stretch,
  watch: LogWatch,
): Task<void> {
  const parent = start === undefined ? log.parent : commitOf(start.checkpoint)
  const { end: from } = parent
  // A checkpoint counts only after its commit was synced.
  const until = end?.checkpoint.commitEnd
  const bounds = until === undefined ? {} : { to: until, watermark: until }
  const observe = (event: ScanEvent, scanner: LogScanner): void => watch.observe(event, scanner)
  const input = { ...log, parent, from, ...bounds, observe, nameAtMost: Number.POSITIVE_INFINITY }
  try {
    head.start(start?.checkpoint, parent)
    const judgement = yield* judgeLog(input, head)
    watch.judged(judgement)
    if (end === undefined || judgement.classification !== 'clean') return
    for (const what of contradictionsOf(end.checkpoint, judgement.last, head)) watch.contradicted(end, what)
  } catch (error) {
    if (!VarveError.is(error)) throw error
    watch.refused(error, { from, to: input.to })
  }
}
