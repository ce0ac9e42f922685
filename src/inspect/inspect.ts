/**
 * `inspect`: what a file is and how it stands, without judging it healthy or not.
 */
import type { LockHolder } from '../errors.js'
import { FrameKind } from '../format/frame.js'
import { type Header, isCompacted, LOG_START } from '../format/header.js'
import type { Superblock, SuperblockResult } from '../format/superblock.js'
import { listQuarantines } from '../log/quarantine-files.js'
import type { LostCommit, RecoveryClass } from '../log/recovery-info.js'
import type { Platform } from '../storage/platform.js'
import type { Storage } from '../storage/storage.js'
import type { Task } from '../storage/task.js'
import { type AnalysedFile, analyse, type InspectOptions, type ReplayedState } from './analysed-file.js'
import { type FrameCount, FrameCounter } from './frame-counter.js'
import { type IndexReport, indexReport, rowsOf } from './index-report.js'
import { scanLog } from './log-scan.js'

/** A superblock as `inspect` shows it. */
export interface SuperblockReport {
  readonly slot: number
  readonly live: boolean
  readonly valid: boolean
  /** Why it is not valid. */
  readonly problem: string | undefined
  readonly content: Omit<Superblock, 'header'> | undefined
}

/** Commits in the chain, and those behind its break. */
export interface CommitsReport {
  readonly count: number
  readonly firstSequence: number | undefined
  readonly firstTime: string | undefined
  readonly lastSequence: number | undefined
  readonly lastTime: string | undefined
  readonly behindBreak: number
  readonly cut: readonly LostCommit[]
}

export interface InspectReport extends IndexReport {
  readonly path: string
  readonly fileBytes: number
  readonly header: Header
  readonly headerDamaged: boolean
  readonly hasParent: boolean
  /** Sequence of the oldest commit that can be read: 0, or the one that the last compaction began with. */
  readonly oldestSequence: number
  readonly epoch: number | undefined
  readonly superblocks: readonly SuperblockReport[]
  /** How many checkpoints there are in the log, whole or not as trees. */
  readonly checkpoints: number
  /** W: the end of the last commit known to be durable. */
  readonly watermark: number
  readonly log: {
    readonly start: number
    readonly end: number
    /** Bytes behind the log's end: zeros laid ahead, or a tail that is no part of the chain. */
    readonly behindBytes: number
    /** How an open finds the log to end. */
    readonly classification: RecoveryClass
    readonly breakOffset: number | undefined
    readonly reason: string | undefined
  }
  readonly frames: readonly FrameCount[]
  readonly commits: CommitsReport
  readonly collections: number
  readonly rows: number
  readonly lockHolders: readonly LockHolder[]
  readonly quarantines: readonly { readonly path: string; readonly offset: number; readonly bytes: number }[]
}

/** Analyses a database file. Needs no lock, and changes nothing. */
export async function inspectFile(
  path: string,
  options: InspectOptions,
  platform: Platform,
): Promise<InspectReport> {
  return await analyse(path, options, platform, (analysed) => inspection(analysed, options))
}

function* inspection(analysed: AnalysedFile, options: InspectOptions): Task<InspectReport> {
  const total = analysed.file.size()
  const counter = new FrameCounter((end) => options.onProgress?.(Math.min(end, total), total))
  const replayed = yield* analysed.replay()
  yield* scanLog(analysed.log, yield* analysed.checkpoints(), counter)
  const index = yield* indexReport(replayed)
  return {
    ...fileReport(analysed),
    ...index,
    ...logReport(analysed, replayed),
    checkpoints: counter.framesOf(FrameKind.checkpoint),
    frames: counter.list(),
    commits: commitsReport(replayed, counter),
    collections: replayed.state.names.size,
    rows: rowsOf(index.trees),
    ...besideReport(analysed, options.storage ?? analysed.platform.storage),
  }
}

function fileReport({
  path,
  file,
  blocks,
}: AnalysedFile): Pick<
  InspectReport,
  'path' | 'fileBytes' | 'header' | 'headerDamaged' | 'hasParent' | 'oldestSequence' | 'epoch' | 'superblocks'
> {
  const { header, headerDamaged, superblocks } = blocks
  const { slots, live, liveSlot } = superblocks
  return {
    path,
    fileBytes: file.size(),
    header,
    headerDamaged,
    hasParent: isCompacted(header),
    oldestSequence: header.parentSequence,
    epoch: live?.epoch,
    superblocks: slots.map((slot, i) => superblockReport(slot, i, liveSlot === i)),
  }
}

function logReport(
  { file }: AnalysedFile,
  { judgement }: ReplayedState,
): Pick<InspectReport, 'watermark' | 'log'> {
  const { classification, breakOffset, breakReason, logEnd, watermark } = judgement
  return {
    watermark,
    log: {
      start: LOG_START,
      end: logEnd,
      behindBytes: Math.max(0, file.size() - logEnd),
      classification,
      breakOffset,
      reason: classification === 'clean' ? undefined : breakReason,
    },
  }
}

/** What an open reads says how the log ends; the scan of all of it, how it begins. */
function commitsReport({ judgement, state }: ReplayedState, counter: FrameCounter): CommitsReport {
  const { sequence, time } = state.commit
  const any = counter.commits > 0
  const { firstSequence, firstTime } = counter
  return {
    count: counter.commits,
    firstSequence: any ? firstSequence : undefined,
    firstTime: firstTime === undefined ? undefined : isoTime(firstTime),
    lastSequence: any ? sequence : undefined,
    lastTime: any ? isoTime(time) : undefined,
    behindBreak: judgement.transactionsCut,
    cut: judgement.cutCommits,
  }
}

/** What stands beside a file. */
export function besideReport(
  { path, platform }: AnalysedFile,
  storage: Storage | undefined,
): Pick<InspectReport, 'lockHolders' | 'quarantines'> {
  const quarantines = storage === undefined ? [] : listQuarantines(storage, path, platform.checksum)
  return {
    lockHolders: storage === platform.storage ? (platform.locks?.holders(path) ?? []) : [],
    quarantines: quarantines.map(({ path: name, head }) => ({
      path: name,
      offset: head.offset,
      bytes: head.length,
    })),
  }
}

function superblockReport(slot: SuperblockResult, index: number, live: boolean): SuperblockReport {
  if (!slot.ok) return { slot: index, live, valid: false, problem: slot.problem, content: undefined }
  const { header: _header, ...content } = slot.superblock
  return { slot: index, live, valid: true, problem: undefined, content }
}

/** ISO 8601, or the number itself where no calendar reaches it. */
export function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}
