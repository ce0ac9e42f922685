/**
 * Appends to a log in one writing session.
 *
 * What it guarantees: the epoch rises before the first append (I5); every append was preceded by a check that this session
 * still owns the file (I6: epoch, session id, size, inode), at most `trustMs` before; a failed append leaves the file as it was before it, or the writer poisoned; a failed sync poisons it at
 * once (I7), because the pages that failed may be marked clean and a second sync would lie. It knows bytes, offsets and the
 * watermark; what a commit is, its callers know.
 */
import { ErrorCode, StateError, StorageError, type VarveError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import {
  FRAME_HEADER_BYTES,
  frameBytes,
  FrameHeader,
  FrameKind,
  type ShortGeneration,
  shortGeneration,
  writeFrameHeader,
} from '../format/frame.js'
import { hex, viewOf } from '../format/integers.js'
import { encodeMark, MARK_BYTES } from '../format/mark.js'
import { SUPERBLOCK_OFFSETS } from '../format/superblock.js'
import type { Platform } from '../storage/platform.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { type Task, writeFully, writeNow, type WriteProgress } from '../storage/task.js'
import { cutLog } from './cut.js'
import type { WritableLog } from './recover.js'
import { FENCE_SPAN_BYTES, type SuperblockWriter } from './superblocks.js'

/** Zeros are laid ahead in steps of this size for small durable commits, so that a sync need not grow the file. */
const AHEAD_BYTES = 256 * 1024
const REWRITE_BYTES = 1024 * 1024

export interface LogWriterOptions {
  readonly storage: Storage
  readonly file: StorageFile
  readonly platform: Platform
  /** Whether to lay zeros ahead of small appends. */
  readonly layAhead: boolean
  /** For how many milliseconds a check that the file is still this session's holds; 0 for one append. */
  readonly trustMs?: number | undefined
}

/**
 * The end of what is known to be synced. A checkpoint that the live superblock names was synced before, with everything
 * before it.
 */
function syncedEnd({ watermark, checkpoint, superblocks }: WritableLog): number {
  const named = checkpoint !== undefined && checkpoint.offset === superblocks.live.checkpoint
  return named ? Math.max(watermark, checkpoint.end) : watermark
}

/** The end of a commit: what a watermark points at. */
export interface CommitEnd {
  readonly end: number
  readonly sequence: number
}

/** Where a checkpoint's frame begins and ends. */
export interface CheckpointPlace {
  readonly offset: number
  readonly end: number
}

export class LogWriter {
  readonly generation: ShortGeneration
  readonly #file: StorageFile
  readonly #storage: Storage
  readonly #checksum: Checksum
  readonly #superblocks: SuperblockWriter
  readonly #layAhead: boolean
  readonly #platform: Platform
  readonly #trustMs: number
  #checkedAt = -Infinity
  readonly #inode: string
  readonly #fence = new Uint8Array(FENCE_SPAN_BYTES)
  #end: number
  /** Physical size: `#end` and the zeros laid ahead. */
  #size: number
  #watermark: CommitEnd
  #poison: VarveError | undefined
  #wrote = false
  /** What is laid ahead at once. */
  #zeros: Uint8Array | undefined

  private constructor(options: LogWriterOptions, log: WritableLog) {
    this.#file = options.file
    this.#storage = options.storage
    this.#checksum = options.platform.checksum
    this.#layAhead = options.layAhead
    this.#platform = options.platform
    this.#trustMs = options.trustMs ?? 0
    this.#superblocks = log.superblocks
    this.#inode = options.file.identity().id
    this.generation = shortGeneration(log.header.generationId)
    this.#end = log.logEnd
    this.#size = options.file.size()
    this.#watermark = { end: log.watermark, sequence: log.durable.sequence }
  }

  /**
   * Begins a session: makes what the file holds durable, then raises the epoch under a new session id.
   *
   * What lies past the watermark is written again before it is synced: after a failed sync the kernel may hold pages
   * that never reached the disk yet count as clean, and only dirty pages are written by a sync.
   */
  static *begin(options: LogWriterOptions, log: WritableLog): Task<LogWriter> {
    const writer = new LogWriter(options, log)
    const synced = syncedEnd(log)
    if (log.logEnd > synced || writer.#size < log.logEnd) yield* writer.#rewrite(Math.min(synced, log.logEnd))
    const { live } = log.superblocks
    yield* log.superblocks.write({
      checkpoint: log.checkpoint?.offset ?? 0,
      // All of it is durable now, so that damage behind the last commit costs none, whichever checkpoint is named.
      checkpointEnd: log.logEnd,
      epoch: Math.max(live.epoch, log.highestEpoch) + 1,
      sessionId: hex(options.platform.randomBytes(16)),
      watermark: log.last.end,
      watermarkSequence: log.last.sequence,
    })
    writer.#watermark = { end: log.last.end, sequence: log.last.sequence }
    return writer
  }

  /** Where the next frame goes. */
  get end(): number {
    return this.#end
  }

  get epoch(): number {
    return this.#superblocks.live.epoch
  }

  /** W: the end of the last commit known to be durable. */
  get watermark(): CommitEnd {
    return this.#watermark
  }

  /** Why this writer writes nothing more; undefined while it does. */
  get poison(): VarveError | undefined {
    return this.#poison
  }

  /** Bytes laid ahead of the log's end. */
  get aheadBytes(): number {
    return this.#size - this.#end
  }

  /**
   * Writes `bytes` at the end of the log. If it fails, the log's end is unchanged, `progress.bytes` says how much was
   * written, and `cutBack` must run before the next append.
   *
   * While an asynchronous append is under way, a synchronous one of the same bytes (`takeOver`) may overtake it; the
   * slower one then writes the same bytes to the same place and finds the end moved.
   */
  *append(bytes: Uint8Array, progress: WriteProgress, takeOver = false): Task<void> {
    if (!takeOver) this.#beforeAppend(bytes.length)
    const at = this.#end
    this.#wrote = true
    try {
      yield* writeFully(this.#file, bytes, at, progress)
    } catch (error) {
      if (this.#end === at) throw error
    }
    if (this.#end === at) this.#appended(bytes.length)
  }

  /** As `append`, blocking. No other append is under way. */
  appendNow(bytes: Uint8Array, progress: WriteProgress): void {
    this.#beforeAppend(bytes.length)
    this.#wrote = true
    writeNow(this.#file, bytes, this.#end, progress)
    this.#appended(bytes.length)
  }

  #beforeAppend(length: number): void {
    this.#checkOwnership()
    if (this.#layAhead && length < AHEAD_BYTES && this.#end + length > this.#size) this.#growAhead()
  }

  #appended(length: number): void {
    this.#end += length
    this.#size = Math.max(this.#size, this.#end)
  }

  /**
   * Makes everything appended so far durable. `reached` is the last commit that had been written when it began; only
   * that much is proven (I17).
   */
  *sync(reached: CommitEnd): Task<void> {
    this.#refuseIfPoisoned()
    try {
      yield { kind: 'sync', file: this.#file }
    } catch (error) {
      throw this.#poisoned('a sync failed', error, reached)
    }
    // Another sync may have failed while this one ran, and dropped pages that this one then found clean.
    this.#refuseIfPoisoned()
    if (reached.end > this.#watermark.end) this.#watermark = reached
  }

  /** After a failed append: cuts the file back to `offset`, a frame's end at or before what was written. */
  *cutBack(offset: number): Task<void> {
    this.#refuseIfPoisoned()
    const watermark = this.#watermark
    try {
      yield* cutLog(this.#file, this.#superblocks, {
        offset,
        watermark: watermark.end,
        watermarkSequence: watermark.sequence,
        epochFloor: 0,
        sequenceFloor: 0,
      })
    } catch (error) {
      throw this.#poisoned('a failed write could not be cut back', error, watermark)
    }
    this.#end = offset
    this.#size = offset
  }

  /** Declares the writer unusable for a reason that its caller knows. */
  abandon(what: string, cause: unknown, reached: CommitEnd): VarveError {
    return this.#poisoned(what, cause, reached)
  }

  /** Appends a `Mark` frame that carries the watermark. */
  *mark(sequence: number): Task<void> {
    const bytes = new Uint8Array(frameBytes(MARK_BYTES))
    bytes.set(
      encodeMark({ watermark: this.#watermark.end, watermarkSequence: this.#watermark.sequence }),
      FRAME_HEADER_BYTES,
    )
    const header = Object.assign(new FrameHeader(), {
      kind: FrameKind.mark,
      payloadLength: MARK_BYTES,
      payloadCrc: this.#checksum(bytes, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + MARK_BYTES),
      offset: this.#end,
      generationLow: this.generation.low,
      generationHigh: this.generation.high,
      epoch: this.epoch,
      sequence,
    })
    writeFrameHeader(bytes, viewOf(bytes), 0, header, this.#checksum)
    yield* this.append(bytes, { bytes: 0 })
  }

  /**
   * Makes a checkpoint count whose frame was appended: it is synced before the superblock names it, because an open takes
   * what a superblock names for durable. `reached` is the last commit that had been written when this began.
   */
  *nameCheckpoint(place: CheckpointPlace, reached: CommitEnd): Task<void> {
    yield* this.sync(reached)
    this.requireOwnership()
    const { end: watermark, sequence: watermarkSequence } = this.#watermark
    const { offset: checkpoint, end: checkpointEnd } = place
    try {
      yield* this.#superblocks.write({ checkpoint, checkpointEnd, watermark, watermarkSequence })
    } catch (error) {
      throw this.#poisoned('a superblock could not be written', error, reached)
    }
    this.#refuseIfPoisoned()
  }

  /** Ends the session: everything durable, zeros cut off, the watermark in the superblock. `last` is the last commit. */
  *finish(last: CommitEnd): Task<void> {
    if (this.#poison !== undefined || (!this.#wrote && this.#size === this.#end)) return
    this.requireOwnership()
    if (this.#watermark.end < last.end) yield* this.sync(last)
    if (this.#size > this.#end) this.#file.truncate(this.#end)
    yield* this.#superblocks.write({ watermark: last.end, watermarkSequence: last.sequence })
  }

  /** Declares the writer unusable. */
  #poisoned(what: string, cause: unknown, reached: CommitEnd): VarveError {
    const known = this.#watermark.sequence
    const unknown =
      reached.sequence > known
        ? ` Commits ${known + 1} to ${reached.sequence} may or may not be durable.`
        : ''
    this.#poison ??= new StateError(
      ErrorCode.poisoned,
      `${this.#file.path}: ${what}, so this handle writes nothing more.${unknown} Reads go on. Close it, check the storage, and open the database again.`,
      { path: this.#file.path, cause },
    )
    return this.#poison
  }

  #refuseIfPoisoned(): void {
    if (this.#poison !== undefined) throw this.#poison
  }

  /**
   * The second line behind the lock: whoever stole it, restored a backup over the path, or wrote into the zeros laid
   * ahead is noticed before this session adds to the confusion.
   */
  requireOwnership(): void {
    this.#refuseIfPoisoned()
    const { path } = this.#file
    this.#file.read(this.#fence, SUPERBLOCK_OFFSETS[0])
    if (!this.#superblocks.fenceHolds(this.#fence))
      throw this.#lost('another session has written its superblock')
    const named = this.#storage.stat(path)
    if (named?.id !== this.#inode) throw this.#lost('the path names another file now')
    const { sizeBytes } = named
    if (sizeBytes !== this.#size) throw this.#lost(`its size is ${sizeBytes} instead of ${this.#size} bytes`)
  }

  /** As `requireOwnership`, unless it was checked a moment ago. */
  #checkOwnership(): void {
    if (this.#trustMs === 0) return this.requireOwnership()
    const now = this.#platform.monotonicMs()
    if (now - this.#checkedAt < this.#trustMs) return this.#refuseIfPoisoned()
    this.requireOwnership()
    this.#checkedAt = now
  }

  #lost(what: string): VarveError {
    const { path } = this.#file
    this.#poison ??= new StateError(
      ErrorCode.poisoned,
      `${path} is no longer this handle's to write: ${what}. Nothing was written. Close this handle and open the database again.`,
      { path },
    )
    return this.#poison
  }

  /**
   * Lays zeros ahead, behind those that are left. Written in one synchronous call: were it under way while another append overtook it,
   * the zeros would land on that append's bytes. No space for them is no failure: the write itself will tell.
   */
  #growAhead(): void {
    this.#zeros ??= new Uint8Array(AHEAD_BYTES)
    try {
      this.#size += this.#file.write(this.#zeros, this.#size)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.#file.truncate(this.#end)
      this.#size = this.#end
    }
  }

  *#rewrite(from: number): Task<void> {
    for (let at = from; at < this.#end; at += REWRITE_BYTES) {
      const bytes = new Uint8Array(Math.min(REWRITE_BYTES, this.#end - at))
      // Beyond the size, the missing padding of the last frame: zeros.
      this.#file.read(bytes, at)
      yield* writeFully(this.#file, bytes, at)
    }
    this.#size = Math.max(this.#size, this.#end)
    yield { kind: 'sync', file: this.#file }
  }
}
