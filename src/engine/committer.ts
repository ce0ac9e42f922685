/**
 * Carries commits from memory into the file: group commit, visibility, durability, and going back after a failure.
 *
 * Commits are added in order, each whole in a buffer at its offset. A batch of them is written with one call; then they
 * are visible (I9); then, where asked, one sync acknowledges them all (I10). Commits that arrive while a sync runs share the next.
 * If a write fails, file and memory go back to the end of the same commit, the last one whole in the file, and only
 * later ones fail (I8). While an asynchronous write or sync is under way a synchronous commit may overtake it.
 */
import { ErrorCode, StateError, StorageError, type VarveError } from '../errors.js'
import type { CommitPosition } from '../log/commit-position.js'
import { judgeLog } from '../log/judge.js'
import type { LogBuffer } from '../log/log-buffer.js'
import type { CommitEnd } from '../log/log-writer.js'
import { PAUSE, runAsync, runSync, SYNC_WRITE_BYTES, type Task, type WriteProgress } from '../storage/task.js'
import { acknowledgement, type Settle } from './acknowledgement.js'
import type { Batch, CommitterParts, PendingCommit } from './batch.js'
import { Batches } from './batches.js'
import { Checkpointer } from './checkpointer.js'
import { IdleWork } from './idle-work.js'
import type { StateChange } from './state.js'

/** How long a checkpoint may hold the event loop, in milliseconds: what it stores nodes of often holds it in the same turn. */
const STORING_MS = 2

/** A write that failed, and how many bytes of it are in the file. */
interface FailedWrite extends Readonly<WriteProgress> {
  readonly error: unknown
}

export class Committer {
  readonly #parts: CommitterParts
  readonly #batches: Batches
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
  readonly #idle: IdleWork
  readonly checkpointer: Checkpointer

  constructor(parts: CommitterParts) {
    this.#parts = parts
    this.#batches = new Batches(parts)
    this.#lastAdded = parts.visible.commit
    const { writer, head, visible, checksum, platform } = parts
    this.#statedWatermark = writer.watermark.end
    const sliceBytes = platform.checkpointSliceBytes
    this.checkpointer = new Checkpointer({
      ...parts.checkpoints,
      writer,
      head,
      visible,
      checksum,
      sliceBytes,
      wake: () => this.schedule(),
    })
    const { checkpointer } = this
    const mark = (): void => this.#markIfBehind()
    this.#idle = new IdleWork({ ...parts, checkpointer, sync: () => this.#syncTask(), mark })
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
    return this.#batches.buffer()
  }

  /** From now until `release`, the current buffer belongs to a transaction that stays open for a while. */
  hold(): void {
    this.#batches.hold()
  }

  release(): void {
    this.#batches.release()
  }

  /** Adds a commit that was completed in `buffer()`. */
  add(position: CommitPosition, settle: Settle): void {
    this.#batches.add({ position, settle })
    this.#lastAdded = position
  }

  /** A result that wrote nothing is settled with the last commit that it was read from: if that fails, it was never true. False if there is none. */
  follow(settle: Settle): boolean {
    const commits = this.#batches.newest() ?? this.#syncing
    commits?.push({ position: this.#lastAdded, settle })
    return commits !== undefined
  }

  /** Whether commits wait to be written. */
  get busy(): boolean {
    return this.#batches.busy
  }

  /** Whether nothing is on its way into the file, nor being synced. */
  get atRest(): boolean {
    return !this.busy && !this.#draining && this.#idle.atRest
  }

  /** Starts writing what was added, at the end of the running turn. */
  schedule(): void {
    if (this.#draining) return
    this.#draining = true
    this.#drained = Promise.resolve().then(() => this.#drainAsync())
  }

  async #drainAsync(): Promise<void> {
    try {
      await runAsync(this.#drain(true), this.#parts.platform, undefined, STORING_MS)
    } finally {
      this.#draining = false
      // Whoever asked for a checkpoint since the last look could not start anything.
      const busy = this.busy && this.poison === undefined
      if ((busy || this.checkpointer.asked) && !this.#batches.held) this.schedule()
      else this.#idle.rest(this.#unsyncedBytes)
    }
  }

  /** Resolves when everything added so far was settled. */
  async settled(): Promise<void> {
    while (this.#draining || (this.busy && !this.#batches.held)) {
      if (!this.#draining) this.schedule()
      await this.#drained
    }
  }

  /** Writes and, where the mode asks, syncs everything added so far, blocking. */
  drainSync(): void {
    if (this.#cuttingBack) throw this.#beingCutBack()
    if (this.#writing !== undefined) this.#overtake(this.#writing)
    runSync(this.#drain(false))
    // What is left of a checkpoint goes on when there is time.
    if (this.checkpointer.running || this.checkpointer.asked) this.schedule()
    this.#idle.rest(this.#unsyncedBytes)
  }

  /** Takes a checkpoint of everything visible; resolves when it counts. */
  async checkpoint(): Promise<void> {
    const { acknowledged, settle } = acknowledgement()
    this.checkpointer.request(settle)
    this.schedule()
    await acknowledged
  }

  /** As `checkpoint`, blocking. Everything was drained before. */
  checkpointSync(): void {
    let failure: { readonly error: unknown } | undefined
    this.checkpointer.request((error) => {
      if (error !== undefined) failure = { error }
    })
    runSync(this.#drain(true))
    if (failure !== undefined) throw failure.error
  }

  /** Resolves when commits need not wait for a checkpoint that they outran. */
  async caughtUp(): Promise<void> {
    while (this.checkpointer.overdue && this.poison === undefined) {
      this.schedule()
      await this.#drained
    }
  }

  /** Makes everything visible durable. */
  async sync(): Promise<void> {
    await this.#acknowledged()
    await this.quiet()
    await runAsync(this.#syncTask(), this.#parts.platform)
  }

  /** Resolves when everything added so far was acknowledged, or has failed. */
  async #acknowledged(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.follow(() => resolve())) this.schedule()
      else resolve()
    })
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
    this.stop()
    const { writer, visible } = this.#parts
    const { end, sequence } = visible.commit
    // A sync in the background fails where nobody hears it; whoever closes must.
    if (writer.poison !== undefined && writer.watermark.end < end) throw writer.poison
    yield* writer.finish({ end, sequence })
  }

  /** Resolves when no background sync runs any more. */
  async quiet(): Promise<void> {
    await this.#idle.quiet()
  }

  /** To be called at the end: nothing goes on by itself afterwards, whatever is still under way. */
  stop(): void {
    this.#idle.stop()
    this.checkpointer.end(
      () => new StateError(ErrorCode.closed, 'The database was closed before the checkpoint was taken.'),
    )
  }

  // Writing

  /** Writes and acknowledges what was added, then what is to be stored of the index: with `idle`, all of it. */
  *#drain(idle: boolean): Task<void> {
    let written: PendingCommit[] = []
    for (;;) {
      for (let batch = this.#batches.next(); batch !== undefined; batch = this.#batches.next()) {
        // As most are small, so that the way of a single commit is short.
        const failed = isSmall(batch) ? this.#writeNow(batch, written) : yield* this.#write(batch, written)
        if (failed !== undefined && !(yield* this.#writeFailed(batch, failed, written))) return
      }
      if (written.length > 0) {
        if (this.#parts.durability === 'commit' && !(yield* this.#makeDurable(written))) return
        for (const { settle } of written) settle()
        written = []
      } else if (this.#nothingToStore(idle) || !(yield* this.#storeIndex(idle, written))) {
        return
      }
    }
  }

  /** Whether the index asks for nothing now, which begins a checkpoint that is due. Asked first, so that a commit alone makes no generator. */
  #nothingToStore(idle: boolean): boolean {
    const { checkpointer, poison } = this
    return poison === undefined && !checkpointer.complete && (this.#batches.held || !checkpointer.wants(idle))
  }

  /** A step of the checkpoint that runs or is due; false if there is none to be made now. */
  *#storeIndex(idle: boolean, written: PendingCommit[]): Task<boolean> {
    const { poison } = this
    if (poison !== undefined) {
      this.checkpointer.end(() => poison)
      return false
    }
    if (this.checkpointer.complete) {
      if (!this.checkpointer.releaseSome()) return yield* this.#completeCheckpoint(written)
      yield PAUSE
      return idle
    }
    const slice = this.checkpointer.addSlice(this.buffer(), this.#lastAdded.sequence)
    if (slice !== undefined) this.#batches.addSlice(slice)
    const batch = this.#batches.next()
    if (batch === undefined) return false
    const failed = yield* this.#write(batch, written)
    if (failed !== undefined && !(yield* this.#writeFailed(batch, failed, written))) return false
    yield PAUSE
    return true
  }

  *#completeCheckpoint(written: PendingCommit[]): Task<boolean> {
    try {
      yield* this.checkpointer.finish()
      return true
    } catch (error) {
      // Given up, and nothing else is lost, unless the writer is poisoned by it.
      if (this.poison === undefined) return true
      this.#failAll(error, written)
      return false
    }
  }

  /** Writes one batch in one call, blocking, and makes it visible. */
  #writeNow(batch: Batch, written: PendingCommit[]): FailedWrite | undefined {
    const progress = { bytes: 0 }
    try {
      this.#parts.writer.appendNow(batch.buffer.content(), progress)
    } catch (error) {
      return { bytes: progress.bytes, error }
    }
    this.#written(batch)
    this.#batches.reuse(batch.buffer)
    for (const commit of batch.commits) written.push(commit)
    return undefined
  }

  /** Writes one batch and makes it visible. */
  *#write(batch: Batch, written: PendingCommit[]): Task<FailedWrite | undefined> {
    const progress = { bytes: 0 }
    this.#writing = batch
    try {
      yield* this.#parts.writer.append(batch.buffer.content(), progress)
    } catch (error) {
      this.#writing = undefined
      return { bytes: progress.bytes, error }
    }
    if (this.#writing === batch) {
      this.#written(batch)
      this.#batches.reuse(batch.buffer)
    }
    for (const commit of batch.commits) written.push(commit)
    return undefined
  }

  /** A batch is whole in the file: its commits become visible. */
  #written(batch: Batch): void {
    this.#writing = undefined
    const { buffer, slice, change } = batch
    const last = batch.commits.at(-1)
    this.#batches.remove(batch)
    if (last !== undefined && change !== undefined) {
      this.#show(change, last.position)
      for (const { retired } of change.published) this.#parts.checkpoints.nodes.pool.retire(retired)
      this.checkpointer.committed(last.position.end - buffer.base)
    }
    if (slice !== undefined) this.checkpointer.written(slice)
    this.#unsyncedBytes += buffer.length
    if (last !== undefined) this.#parts.onVisible()
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
      // Nothing can be cut back while the other write may still reach the file. Whatever becomes of it, its batch has failed.
      this.#writing = undefined
      const poison = writer.abandon('a write failed while another was under way', error, visible.commit)
      this.#failAll(poison, [])
      throw poison
    }
    // Its bytes are not used again: the slower write still reads them.
    this.#written(batch)
  }

  // Failing

  /** Goes back behind a write that failed. False if everything pending has failed. */
  *#writeFailed(batch: Batch, { bytes, error }: FailedWrite, written: PendingCommit[]): Task<boolean> {
    const { writer, visible } = this.#parts
    if (writer.poison !== undefined) {
      this.#failAll(writer.poison, written)
      return false
    }
    const { base } = batch.buffer
    const whole = batch.commits.filter(({ position }) => position.end <= base + bytes)
    // Never before the batch: who only follows a commit of an earlier one is among its commits too.
    const cutAt = Math.max(base, whole.at(-1)?.position.end ?? base)
    this.#cuttingBack = true
    try {
      yield* writer.cutBack(cutAt)
    } catch (poison) {
      this.#failAll(poison, written)
      return false
    } finally {
      this.#cuttingBack = false
    }
    const failed = this.#batches.pending().filter((commit) => !whole.includes(commit))
    this.#clear(error)
    this.#parts.head.reset(visible)
    try {
      if (cutAt > base) this.#readBack(base, cutAt)
      this.checkpointer.committed(cutAt - base)
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
    this.#show(head.takeChange(), head.lastReplayed)
    this.#parts.onVisible()
  }

  #show(change: StateChange, position: CommitPosition): void {
    this.#parts.visible.apply(change, position)
    for (const { settle } of change.published) settle()
  }

  /** Nothing more can be written: every commit that is not acknowledged fails. */
  #failAll(error: unknown, written: readonly PendingCommit[]): void {
    const failed = [...written, ...this.#batches.pending()]
    this.#clear(error)
    this.checkpointer.end(() => error)
    this.#parts.head.reset(this.#parts.visible)
    this.#lastAdded = this.#parts.visible.commit
    this.#parts.onReset(error)
    for (const { settle } of failed) settle(error)
  }

  #clear(error: unknown): void {
    for (const { slice } of this.#batches.clear())
      if (slice !== undefined) this.checkpointer.failed(slice, error)
  }

  #beingCutBack(): StorageError {
    return new StorageError(
      'A failed write is being cut back, so a synchronous write cannot run now. Try again.',
    )
  }

  // Background

  /** States the watermark in the log, if the log does not state it yet and nothing else is going on. */
  #markIfBehind(): void {
    const { writer, visible } = this.#parts
    if (this.#draining || this.busy || this.#batches.held || this.poison !== undefined) return
    if (writer.watermark.end <= this.#statedWatermark) return
    this.#batches.dropEmpty()
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

function isSmall({ buffer }: Batch): boolean {
  return buffer.length <= SYNC_WRITE_BYTES
}
