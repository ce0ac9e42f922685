/**
 * Follows the end of a log that somebody else is writing: applies commits as they become whole.
 *
 * What it may meet behind the last commit: nothing, zeros laid ahead, the begin of a frame, a frame whose bytes are on their way,
 * a transaction without its commit. All of that is "not yet". A commit counts only if it is whole and names the one
 * applied last (I2), so what was cut off and written anew is never taken for a continuation; but what was applied may be cut
 * off later, which `isIntact` sees: no sequence is used twice, so the frame of the last commit is there or it is not.
 */
import {
  alignUp,
  FRAME_HEADER_BYTES,
  FrameHeader,
  FrameKind,
  readFrameHeader,
  type ShortGeneration,
  shortGeneration,
} from '../format/frame.js'
import { CorruptionError } from '../errors.js'
import type { BaseCollection } from '../format/base.js'
import { LOG_START } from '../format/header.js'
import { viewOf } from '../format/integers.js'
import { MAX_FRAME_PAYLOAD_BYTES } from '../format/limits.js'
import type { RecordView } from '../format/record.js'
import type { Superblock } from '../format/superblock.js'
import type { Task } from '../storage/task.js'
import type { CommitPosition } from './commit-position.js'
import type { CommittedLog } from './frame-reader.js'
import { judgeLog } from './judge.js'
import type { ReplayTarget } from './replay-target.js'
import type { Judgement } from './judgement.js'

/** How far the file reaches, and what its live superblock says. */
export interface TailView {
  readonly to: number
  readonly superblock: Superblock
}

/** What may be applied, and what must be for that to be true. */
export interface TailTarget extends ReplayTarget {
  /** Called between transactions, before anybody else's code may run. */
  pause(): void
}

export class LogTail {
  /** The commit applied last, and where the next frame goes. */
  last: CommitPosition
  end: number
  /** The last commit known to be durable, as far as the log says. */
  durableSequence: number
  readonly #log: CommittedLog
  readonly #generation: ShortGeneration
  readonly #header = new FrameHeader()
  readonly #bytes = new Uint8Array(FRAME_HEADER_BYTES)
  readonly #view: DataView = viewOf(this.#bytes)

  constructor(log: CommittedLog, last: CommitPosition, end: number, durableSequence: number) {
    this.#log = log
    this.#generation = shortGeneration(log.header.generationId)
    this.last = last
    this.end = end
    this.durableSequence = durableSequence
  }

  /** Whether the commit applied last is still in the log. */
  isIntact({ to }: TailView): boolean {
    const { sequence, offset, end, epoch } = this.last
    if (end <= LOG_START) return true
    if (!this.#readHeader(offset, to)) return false
    const header = this.#header
    const isWhole = offset + FRAME_HEADER_BYTES + header.payloadLength <= to
    return isWhole && header.sequence === sequence && header.epoch === epoch
  }

  /** Passes by frames of no commit behind the last one anew: they may have been cut off, and others stand there. */
  rewind(): void {
    this.end = Math.max(this.last.end, LOG_START)
  }

  /** Goes on behind a commit that was applied. */
  goBack(commit: CommitPosition): void {
    this.last = commit
    this.rewind()
  }

  /** Whether what begins at the end may be a whole transaction, or another frame: a few short reads. */
  mayAdvance({ to }: TailView): boolean {
    let at = this.end
    if (!this.#readHeader(at, to)) return false
    const isBegin = this.#header.kind === FrameKind.txnBegin
    for (;;) {
      const end = at + FRAME_HEADER_BYTES + this.#header.payloadLength
      if (end > to) return false
      const { kind } = this.#header
      if (!isBegin || (kind !== FrameKind.txnBegin && kind !== FrameKind.txnRecords)) return true
      at = alignUp(end)
      if (!this.#readHeader(at, to)) return false
    }
  }

  /** Applies what is whole; whether that was anything. */
  *advance({ to, superblock }: TailView, target: TailTarget): Task<boolean> {
    return yield* this.#judge(to, superblock, target, true)
  }

  /**
   * Looks for commits behind bytes that are none, where the superblock says that durable ones follow. Throws if none goes on from
   * here: then the log is damaged.
   */
  *lookBehind({ to, superblock }: TailView, target: TailTarget): Task<void> {
    const { end, last } = this
    if (yield* this.#judge(to, superblock, target, false)) return
    const { path } = this.#log.file
    throw new CorruptionError(
      `The log of ${path} is damaged at offset ${end} after commit ${last.sequence}: durable commits behind it cannot be reached. Run verify to see the extent; restore a backup, or salvage.`,
      { path, offset: end, commitBefore: last.sequence },
    )
  }

  *#judge(to: number, superblock: Superblock, target: TailTarget, growing: boolean): Task<boolean> {
    const { last: parent, end: from } = this
    const { file, checksum } = this.#log
    const { epoch: maxEpoch, watermark, checkpointEnd: noCommitBefore } = superblock
    const watch = new PausingTarget(target)
    const walk = judgeLog(
      {
        file,
        checksum,
        generation: this.#generation,
        maxEpoch,
        from,
        parent,
        nodesCheckedBefore: Number.POSITIVE_INFINITY,
        growing,
        watermark: growing ? 0 : watermark,
        noCommitBefore: growing ? 0 : noCommitBefore,
        to,
        trustsFrames: true,
      },
      watch,
    )
    let next = walk.next(0)
    while (next.done !== true) {
      watch.pause()
      next = walk.next(yield next.value)
    }
    watch.pause()
    this.#arrive(next.value, parent)
    return this.end > from
  }

  #arrive({ last, logEnd, watermark, durable }: Judgement, parent: CommitPosition): void {
    this.last = last
    // Frames of no commit behind it are passed over for good.
    this.end = Math.max(logEnd, last.end)
    if (watermark >= parent.end) this.durableSequence = Math.max(this.durableSequence, durable.sequence)
  }

  /** Reads a frame's header; false if there is none, or it is of another file or of before the last commit. */
  #readHeader(offset: number, to: number): boolean {
    if (offset + FRAME_HEADER_BYTES > to) return false
    const { file, checksum } = this.#log
    if (file.read(this.#bytes, offset) < FRAME_HEADER_BYTES) return false
    const header = this.#header
    if (!readFrameHeader(this.#bytes, this.#view, 0, header, checksum)) return false
    const { low, high } = this.#generation
    const isOurs = header.generationLow === low && header.generationHigh === high && header.offset === offset
    return isOurs && header.epoch >= this.last.epoch && header.payloadLength <= MAX_FRAME_PAYLOAD_BYTES
  }
}

/** Knows whether a transaction is open. */
class PausingTarget implements ReplayTarget {
  readonly #target: TailTarget
  #isOpen = false

  constructor(target: TailTarget) {
    this.#target = target
  }

  begin(speculative: boolean): void {
    this.#isOpen = true
    this.#target.begin(speculative)
  }

  record(bytes: Uint8Array, record: RecordView, position: number): void {
    this.#target.record(bytes, record, position)
  }

  beginsWith(collections: readonly BaseCollection[]): string | undefined {
    return this.#target.beginsWith?.(collections)
  }

  commit(position: CommitPosition): void {
    this.#target.commit(position)
    this.#isOpen = false
  }

  rollback(): void {
    this.#target.rollback()
    this.#isOpen = false
  }

  pause(): void {
    if (!this.#isOpen) this.#target.pause()
  }
}
