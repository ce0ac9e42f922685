/**
 * The commits that are not in the file yet: the batch that is added to, and those that wait to be written, in order.
 */
import { LogBuffer } from '../log/log-buffer.js'
import type { Batch, CommitterParts, PendingCommit } from './batch.js'
import type { Slice } from './checkpointer.js'

/** Buffers up to this size are used again. */
const REUSED_BUFFER_BYTES = 1024 * 1024

export class Batches {
  readonly #parts: Pick<CommitterParts, 'head' | 'source' | 'writer'>
  /** Closed ones. */
  readonly #queue: Batch[] = []
  #current: Batch | undefined
  #held = false
  #spare: LogBuffer | undefined

  constructor(parts: Pick<CommitterParts, 'head' | 'source' | 'writer'>) {
    this.#parts = parts
  }

  /** The buffer in which the next transaction is built. */
  buffer(): LogBuffer {
    if (this.#current === undefined) {
      const base = this.#queue.at(-1)?.buffer.end ?? this.#parts.writer.end
      const buffer = new LogBuffer(base, this.#spare)
      this.#spare = undefined
      this.#parts.source.addBuffer(buffer)
      this.#current = { buffer, commits: [], change: undefined, slice: undefined }
    }
    return this.#current.buffer
  }

  /** From now until `release`, the current buffer belongs to a transaction that stays open for a while: nothing of it is closed. */
  hold(): void {
    this.#close()
    this.#held = true
  }

  release(): void {
    this.#held = false
  }

  get held(): boolean {
    return this.#held
  }

  /** Whether commits wait to be written. */
  get busy(): boolean {
    return this.#queue.length > 0 || (this.#current?.commits.length ?? 0) > 0
  }

  /** Adds a commit that was completed in `buffer()`. */
  add(commit: PendingCommit): void {
    this.#current?.commits.push(commit)
  }

  /** Adds frames of a checkpoint that were completed there, behind which nothing comes. */
  addSlice(slice: Slice): void {
    if (this.#current !== undefined) this.#current.slice = slice
  }

  /** The commits among which the one is that was added last; undefined if none waits. */
  newest(): PendingCommit[] | undefined {
    const commits = this.#current?.commits
    return commits !== undefined && commits.length > 0 ? commits : this.#queue.at(-1)?.commits
  }

  /** The batch to be written next. */
  next(): Batch | undefined {
    if (!this.#held) this.#close()
    return this.#queue[0]
  }

  /** Closes the current batch: what the head holds now is the state after its commits. */
  #close(): void {
    const current = this.#current
    if (current === undefined || (current.commits.length === 0 && current.slice === undefined)) return
    if (current.commits.length > 0) current.change = this.#parts.head.takeChange()
    this.#queue.push(current)
    this.#current = undefined
  }

  /** A batch was written. */
  remove(batch: Batch): void {
    if (this.#queue[0] === batch) this.#queue.shift()
    else this.#queue.splice(this.#queue.indexOf(batch), 1)
    this.#parts.source.removeBuffer(batch.buffer)
  }

  /** Takes memory for the next batch: nobody reads or writes this buffer any more. */
  reuse(buffer: LogBuffer): void {
    if (buffer.bytes.length <= REUSED_BUFFER_BYTES) this.#spare = buffer
  }

  /** All commits, in order. */
  pending(): PendingCommit[] {
    return this.#all().flatMap(({ commits }) => commits)
  }

  /** Gives all of them up, and returns them. */
  clear(): readonly Batch[] {
    const all = this.#all()
    for (const { buffer } of all) this.#parts.source.removeBuffer(buffer)
    this.#queue.length = 0
    this.#current = undefined
    this.#held = false
    return all
  }

  /** Gives up a buffer to which nothing was added: something else is written where it stands. */
  dropEmpty(): void {
    if (this.#current !== undefined) this.#parts.source.removeBuffer(this.#current.buffer)
    this.#current = undefined
  }

  #all(): Batch[] {
    return this.#current === undefined ? [...this.#queue] : [...this.#queue, this.#current]
  }
}
