/**
 * Carries commits from memory into the file: group commit, visibility, durability, and going back after a failure.
 *
 * Commits are added in order, each whole in a buffer at its offset. A batch of them is written with one call; then they
 * are visible (I9); then, where asked, one sync acknowledges them all (I10). Commits that arrive while a sync runs share the next.
 * If a write fails, file and memory go back to the end of the same commit, the last one whole in the file, and only
 * later ones fail (I8). While an asynchronous write or sync is under way a synchronous commit may overtake it.
 */
import { StorageError, type VarveError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { type CommitPosition, judgeLog } from '../log/judge.js'
import { LogBuffer } from '../log/log-buffer.js'
import type { CommitEnd, LogWriter } from '../log/log-writer.js'
import type { Platform, Timer } from '../storage/platform.js'
import type { StorageFile } from '../storage/storage.js'
import { runAsync, runSync, type Task } from '../storage/task.js'
import type { Head } from './head.js'
import type { RecordSource } from './record-source.js'
import type { StateChange, VisibleState } from './state.js'

/**
 * When a commit is acknowledged: `commit` after a sync, `interval` and `os` after the write; `interval` syncs every
 * so many milliseconds, `os` leaves it to the operating system.
 */
export type Durability = 'commit' | 'interval' | 'os'

/** Told once: without an error when the commit is acknowledged, with it when the commit failed. */
export type Settle = (error?: unknown) => void

interface PendingCommit {
  readonly position: CommitPosition
  readonly settle: Settle
}

interface Batch {
  readonly buffer: LogBuffer
  readonly commits: PendingCommit[]
  change: StateChange | undefined
}

export interface CommitterParts {
  readonly writer: LogWriter
  readonly head: Head
  readonly visible: VisibleState
  readonly source: RecordSource
  readonly file: StorageFile
  readonly platform: Platform
  readonly checksum: Checksum
  readonly durability: Durability
  readonly syncIntervalMs: number
  /** Told when the head went back: an open transaction was built on commits that failed. */
  readonly onReset: (error: unknown) => void
}

/** Unsynced bytes after which the modes that do not wait for a sync start one in the background. */
const BACKGROUND_SYNC_BYTES = 8 * 1024 * 1024
/** Idle time after which a `Mark` states a watermark that the log does not state yet. */
const IDLE_MARK_MS = 1000
/** Buffers up to this size are used again. */
const REUSED_BUFFER_BYTES = 1024 * 1024

export class Committer {
  readonly #parts: CommitterParts
  readonly #queue: Batch[] = []
  #current: Batch | undefined
  /** Nothing may be sealed while a transaction that is open adds to the current buffer. */
  #held = false
  #spare: Uint8Array | undefined
  #draining = false
  #drained: Promise<void> = Promise.resolve()
  /** The batch that an asynchronous write is carrying right now. */
  #writing: Batch | undefined
  /** Commits that wait for the sync that is under way. */
  #syncing: PendingCommit[] | undefined
  #cuttingBack = false
  #lastAdded: CommitPosition
  #unsyncedBytes = 0
  #statedWatermark: number
  #background: Promise<void> | undefined
  #intervalTimer: Timer | undefined
  #idleTimer: Timer | undefined
  #activeAt = 0
  #ended = false

  constructor(parts: CommitterParts) {
    this.#parts = parts
    this.#lastAdded = parts.visible.commit
    this.#statedWatermark = parts.writer.watermark.end
  }

  /** The last commit added; the next one names it. */
  get lastAdded(): CommitPosition {
    return this.#lastAdded
  }

  get durableSequence(): number {
    return this.#parts.writer.watermark.sequence
  }

  /** The watermark, for the next commit to state. */
  stateWatermark(): number {
    this.#statedWatermark = this.#parts.writer.watermark.end
    return this.#statedWatermark
  }

  /** Why nothing can be committed any more; undefined while it can. */
  get poison(): VarveError | undefined {
    return this.#parts.writer.poison
  }

  /** The buffer in which the next transaction is built. */
  buffer(): LogBuffer {
    if (this.#current === undefined) {
      const base = this.#queue.at(-1)?.buffer.end ?? this.#parts.writer.end
      const buffer = new LogBuffer(base, this.#spare)
      this.#spare = undefined
      this.#parts.source.addBuffer(buffer)
      this.#current = { buffer, commits: [], change: undefined }
    }
    return this.#current.buffer
  }

  /** From now until `release`, the current buffer belongs to a transaction that stays open for a while. */
  hold(): void {
    this.#seal()
    this.#held = true
  }

  release(): void {
    this.#held = false
  }

  /** Adds a commit that was completed in `buffer()`. */
  add(position: CommitPosition, settle: Settle): void {
    this.#current?.commits.push({ position, settle })
    this.#lastAdded = position
  }

  /**
   * For a result that wrote nothing but was read from commits which are not acknowledged yet: it is settled with the last
   * of them, because if they fail, it was never true. False if there are none.
   */
  follow(settle: Settle): boolean {
    const current = this.#current?.commits.length === 0 ? undefined : this.#current
    const commits = current?.commits ?? this.#queue.at(-1)?.commits ?? this.#syncing
    commits?.push({ position: this.#lastAdded, settle })
    return commits !== undefined
  }

  /** Whether commits wait to be written. */
  get busy(): boolean {
    return this.#queue.length > 0 || (this.#current?.commits.length ?? 0) > 0
  }

  /** Starts writing what was added, at the end of the running turn. */
  schedule(): void {
    if (this.#draining) return
    this.#draining = true
    this.#drained = Promise.resolve().then(() => this.#drainAsync())
  }

  async #drainAsync(): Promise<void> {
    try {
      await runAsync(this.#drain(), this.#parts.platform)
    } finally {
      this.#draining = false
      if (this.busy && !this.#held && this.poison === undefined) this.schedule()
      else this.#rest()
    }
  }

  /** Resolves when everything added so far was settled. */
  async settled(): Promise<void> {
    while (this.#draining || (this.busy && !this.#held)) {
      if (!this.#draining) this.schedule()
      await this.#drained
    }
  }

  /** Writes and, where the mode asks, syncs everything added so far, blocking. */
  drainSync(): void {
    if (this.#cuttingBack) throw this.#beingCutBack()
    if (this.#writing !== undefined) this.#overtake(this.#writing)
    runSync(this.#drain())
    this.#rest()
  }

  /** Makes everything visible durable. */
  async sync(): Promise<void> {
    await this.settled()
    await this.quiet()
    await runAsync(this.#syncTask(), this.#parts.platform)
  }

  syncSync(): void {
    this.drainSync()
    runSync(this.#syncTask())
  }

  *#syncTask(): Task<void> {
    const { writer, visible } = this.#parts
    if (writer.poison !== undefined) throw writer.poison
    if (writer.watermark.end >= visible.commit.end) return
    yield* this.#syncTo({ end: visible.commit.end, sequence: visible.commit.sequence })
  }

  *#syncTo(reached: CommitEnd): Task<void> {
    const covered = this.#unsyncedBytes
    yield* this.#parts.writer.sync(reached)
    this.#unsyncedBytes = Math.max(0, this.#unsyncedBytes - covered)
  }

  /** Ends the session; the caller has settled everything. Fails if what readers saw cannot be made durable. */
  *finish(): Task<void> {
    this.stopTimers()
    const { writer, visible } = this.#parts
    const { end, sequence } = visible.commit
    // A sync in the background fails where nobody hears it; whoever closes must.
    if (writer.poison !== undefined && writer.watermark.end < end) throw writer.poison
    yield* writer.finish({ end, sequence })
  }

  /** Resolves when no background sync runs any more. */
  async quiet(): Promise<void> {
    while (this.#background !== undefined) await this.#background
  }

  /** To be called at the end: no timer is set afterwards, whatever is still under way. */
  stopTimers(): void {
    this.#ended = true
    this.#intervalTimer?.cancel()
    this.#idleTimer?.cancel()
    this.#intervalTimer = undefined
    this.#idleTimer = undefined
  }

  // Writing

  *#drain(): Task<void> {
    for (;;) {
      const written: PendingCommit[] = []
      for (let batch = this.#nextBatch(); batch !== undefined; batch = this.#nextBatch()) {
        if (!(yield* this.#write(batch, written))) return
      }
      if (written.length === 0) return
      if (this.#parts.durability === 'commit' && !(yield* this.#makeDurable(written))) return
      for (const { settle } of written) settle()
    }
  }

  #nextBatch(): Batch | undefined {
    if (!this.#held) this.#seal()
    return this.#queue[0]
  }

  /** Closes the current buffer: what the head holds now is the state after its commits. */
  #seal(): void {
    const current = this.#current
    if (current === undefined || current.commits.length === 0) return
    current.change = this.#parts.head.takeChange()
    this.#queue.push(current)
    this.#current = undefined
  }

  /** Writes one batch and makes it visible. False if everything pending has failed. */
  *#write(batch: Batch, written: PendingCommit[]): Task<boolean> {
    const progress = { bytes: 0 }
    this.#writing = batch
    try {
      yield* this.#parts.writer.append(batch.buffer.content(), progress)
    } catch (error) {
      this.#writing = undefined
      return yield* this.#writeFailed(batch, progress.bytes, error, written)
    }
    if (this.#writing === batch) {
      this.#written(batch)
      if (batch.buffer.bytes.length <= REUSED_BUFFER_BYTES) this.#spare = batch.buffer.bytes
    }
    written.push(...batch.commits)
    return true
  }

  /** A batch is whole in the file: its commits become visible. */
  #written(batch: Batch): void {
    this.#writing = undefined
    const last = batch.commits.at(-1)
    if (last === undefined || batch.change === undefined) return
    this.#queue.splice(this.#queue.indexOf(batch), 1)
    this.#parts.visible.apply(batch.change, last.position)
    this.#unsyncedBytes += batch.buffer.length
    this.#parts.source.removeBuffer(batch.buffer)
  }

  *#makeDurable(written: PendingCommit[]): Task<boolean> {
    const { end, sequence } = this.#parts.visible.commit
    const overtaken = this.#syncing
    this.#syncing = written
    try {
      yield* this.#syncTo({ end, sequence })
      return true
    } catch (error) {
      this.#failAll(error, written)
      return false
    } finally {
      this.#syncing = overtaken
    }
  }

  /** While an asynchronous write of `batch` is under way: writes the same bytes now, blocking. */
  #overtake(batch: Batch): void {
    const { writer, visible } = this.#parts
    try {
      runSync(writer.append(batch.buffer.content(), { bytes: 0 }, true))
    } catch (error) {
      // Nothing can be cut back while the other write may still reach the file.
      const poison = writer.abandon('a write failed while another was under way', error, visible.commit)
      this.#failAll(poison, [])
      throw poison
    }
    // Its bytes are not used again: the slower write still reads them.
    this.#written(batch)
  }

  // Failing

  *#writeFailed(batch: Batch, bytes: number, error: unknown, written: PendingCommit[]): Task<boolean> {
    const { writer, visible } = this.#parts
    if (writer.poison !== undefined) {
      this.#failAll(writer.poison, written)
      return false
    }
    const { base } = batch.buffer
    const whole = batch.commits.filter(({ position }) => position.end <= base + bytes)
    const cutAt = whole.at(-1)?.position.end ?? base
    this.#cuttingBack = true
    try {
      yield* writer.cutBack(cutAt)
    } catch (poison) {
      this.#failAll(poison, written)
      return false
    } finally {
      this.#cuttingBack = false
    }
    const failed = this.#pending().filter((commit) => !whole.includes(commit))
    this.#clear()
    this.#parts.head.reset(visible)
    try {
      if (whole.length > 0) this.#readBack(base, cutAt)
    } catch (cause) {
      const unreadable = writer.abandon(
        'commits that were written could not be read back',
        cause,
        visible.commit,
      )
      this.#failAll(unreadable, [...written, ...whole, ...failed])
      return false
    }
    this.#lastAdded = visible.commit
    written.push(...whole)
    this.#parts.onReset(error)
    for (const { settle } of failed) settle(error)
    return true
  }

  /**
   * The whole commits of a failed batch are in the file: their state comes from there. In one turn, because no write may
   * start from a head that is on its way.
   */
  #readBack(from: number, to: number): void {
    const { head, visible, file, checksum, writer } = this.#parts
    const { generation, epoch } = writer
    const parent = visible.commit
    const input = { file, checksum, generation, maxEpoch: epoch, from, to, parent, watermark: 0 }
    const { last } = runSync(judgeLog(input, head))
    if (last.end !== to)
      throw new StorageError(`${file.path} changed between a write and reading it back.`, { path: file.path })
    visible.apply(head.takeChange(), head.lastReplayed)
  }

  /** Nothing more can be written: every commit that is not acknowledged fails. */
  #failAll(error: unknown, written: readonly PendingCommit[]): void {
    const failed = [...written, ...this.#pending()]
    this.#clear()
    this.#parts.head.reset(this.#parts.visible)
    this.#lastAdded = this.#parts.visible.commit
    this.#parts.onReset(error)
    for (const { settle } of failed) settle(error)
  }

  #pending(): PendingCommit[] {
    return [...this.#queue, ...(this.#current === undefined ? [] : [this.#current])].flatMap(
      ({ commits }) => commits,
    )
  }

  #clear(): void {
    for (const batch of this.#queue) this.#parts.source.removeBuffer(batch.buffer)
    if (this.#current !== undefined) this.#parts.source.removeBuffer(this.#current.buffer)
    this.#queue.length = 0
    this.#current = undefined
    this.#held = false
  }

  #beingCutBack(): StorageError {
    return new StorageError(
      'A failed write is being cut back, so a synchronous write cannot run now. Try again.',
    )
  }

  // Background

  /** Called when there is nothing left to write. */
  #rest(): void {
    if (this.#ended || this.poison !== undefined) return
    const { durability, platform, writer, visible, syncIntervalMs } = this.#parts
    const behind = writer.watermark.end < visible.commit.end
    if (durability !== 'commit' && this.#unsyncedBytes >= BACKGROUND_SYNC_BYTES) this.#syncInBackground()
    if (durability === 'interval' && behind && this.#intervalTimer === undefined) {
      this.#intervalTimer = platform.setTimer(() => {
        this.#intervalTimer = undefined
        this.#syncInBackground()
      }, syncIntervalMs)
    }
    this.#activeAt = platform.monotonicMs()
    this.#idleTimer ??= platform.setTimer(() => this.#idle(), IDLE_MARK_MS)
  }

  /** One timer serves all commits: it looks how long the last one is ago. */
  #idle(): void {
    const { platform } = this.#parts
    const rest = this.#activeAt + IDLE_MARK_MS - platform.monotonicMs()
    this.#idleTimer = rest > 0 ? platform.setTimer(() => this.#idle(), rest) : undefined
    if (rest <= 0) this.#markIfBehind()
  }

  #syncInBackground(): void {
    if (this.#background !== undefined || this.poison !== undefined) return
    this.#background = runAsync(this.#syncTask(), this.#parts.platform)
      .catch(() => undefined) // The writer is poisoned, and every later write says so.
      .finally(() => {
        this.#background = undefined
      })
  }

  /** States the watermark in the log, if the log does not state it yet and nothing else is going on. */
  #markIfBehind(): void {
    const { writer, visible } = this.#parts
    if (this.#draining || this.busy || this.#held || this.poison !== undefined) return
    if (writer.watermark.end <= this.#statedWatermark) return
    if (this.#current !== undefined) this.#parts.source.removeBuffer(this.#current.buffer)
    this.#current = undefined
    this.stateWatermark()
    const end = writer.end
    try {
      runSync(writer.mark(visible.commit.sequence))
    } catch {
      this.#removeTornMark(end)
    }
  }

  /** Nothing was promised by a mark, but nothing may be appended behind a torn one. */
  #removeTornMark(end: number): void {
    if (this.poison !== undefined) return
    try {
      runSync(this.#parts.writer.cutBack(end))
    } catch {
      // The writer is poisoned, and every later write says so.
    }
  }
}
