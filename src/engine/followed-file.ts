/**
 * One file that another handle writes, as a follower reads it: applies its commits as they come, and moves to the roots of each
 * new checkpoint, so that the nodes that are only in memory are those of the commits since.
 *
 * What readers see changes only where a task may be interrupted, or at its end: never within one turn of theirs, and always from
 * the end of one commit to the end of another (I24).
 */
import { CorruptionError } from '../errors.js'
import type { BaseCollection } from '../format/base.js'
import { shortGeneration } from '../format/frame.js'
import type { RecordView } from '../format/record.js'
import { SUPERBLOCK_OFFSETS, type Superblock } from '../format/superblock.js'
import { type FoundCheckpoint, readCheckpoint } from '../log/checkpoints.js'
import type { CommitPosition } from '../log/commit-position.js'
import { walkCommits } from '../log/commit-walk.js'
import { LogTail, type TailTarget, type TailView } from '../log/log-tail.js'
import { commitOf } from '../log/replay.js'
import { FENCE_SPAN_BYTES, readSuperblocks } from '../log/superblocks.js'
import type { Platform } from '../storage/platform.js'
import type { Task } from '../storage/task.js'
import type { Generation } from './generation.js'
import { VisibleState } from './state.js'

/** How a look at the file ended; `lost`: what was read from it is not in it any more. */
export type Outcome = 'same' | 'advanced' | 'lost'

/** A frame that is not whole is looked at again after so many times what the last look took, and after a second at the latest. */
const PATIENCE = 10
const LONGEST_PATIENCE_MS = 1000

export class FollowedFile {
  readonly generation: Generation
  /** The checkpoint that the state was last read from. */
  checkpoint: FoundCheckpoint | undefined
  readonly #platform: Platform
  readonly #tail: LogTail
  readonly #target: TailTarget
  readonly #told: () => void
  /** The begins of both superblocks as they were read last, and what the live one says. */
  readonly #seen = new Uint8Array(FENCE_SPAN_BYTES)
  readonly #read = new Uint8Array(FENCE_SPAN_BYTES)
  #superblock: Superblock | undefined
  /** The newest checkpoint that was tried. */
  #triedCheckpoint: number
  /** When bytes that were no whole frame are looked at again. */
  #patientUntil = 0
  #size = 0

  /** `told` is called when readers see another commit. */
  constructor(generation: Generation, platform: Platform, told: () => void) {
    const { log, visible } = generation
    this.generation = generation
    this.checkpoint = log.checkpoint
    this.#platform = platform
    this.#told = told
    this.#triedCheckpoint = log.checkpoint?.offset ?? 0
    this.#tail = new LogTail(generation, visible.commit, log.logEnd, log.durable.sequence)
    this.#target = new HeadTarget(generation, () => this.#publish())
  }

  get durableSequence(): number {
    return Math.min(
      this.generation.visible.commit.sequence,
      Math.max(this.#tail.durableSequence, this.#superblock?.watermarkSequence ?? 0),
    )
  }

  /** Bytes of the file behind what was applied, zeros laid ahead included. */
  get bytesBehind(): number {
    return Math.max(0, this.#size - this.#tail.end)
  }

  /** Lets the next look try bytes that were no whole frame, however short a time ago that was. */
  hurry(): void {
    this.#patientUntil = 0
  }

  /** Looks once, and takes in what there is. */
  *poll(): Task<Outcome> {
    const view = this.#look()
    const tail = this.#tail
    if (view === undefined || !tail.isIntact(view)) return 'lost'
    const before = tail.last
    try {
      yield* this.#advance(view)
    } catch (error) {
      this.#goBack()
      throw error
    }
    yield* this.#moveToCheckpoint(view)
    return tail.last === before ? 'same' : 'advanced'
  }

  /** Undefined if the file is another one under the same identity. */
  #look(): TailView | undefined {
    const { file, header, checksum } = this.generation
    // Before the size: what a superblock says of the log was in the file when it was written.
    file.read(this.#read, SUPERBLOCK_OFFSETS[0])
    if (this.#superblock === undefined || !isSame(this.#read, this.#seen)) {
      const { live, slots } = readSuperblocks(file, checksum)
      // One that is being written is read again at the next look.
      if (slots.every((slot) => slot.ok)) this.#seen.set(this.#read)
      if (live !== undefined && live.header.generationId !== header.generationId) return undefined
      // A cut, and whoever writes behind one, says so in a superblock first.
      if (live?.epoch !== this.#superblock?.epoch) this.#tail.rewind()
      this.#superblock = live ?? this.#superblock
    }
    const superblock = this.#superblock
    if (superblock === undefined) return undefined
    const { cutAt } = superblock
    this.#size = file.size()
    return { to: cutAt > 0 ? Math.min(cutAt, this.#size) : this.#size, superblock }
  }

  *#advance(view: TailView): Task<void> {
    const tail = this.#tail
    const started = this.#platform.monotonicMs()
    if (started < this.#patientUntil) return
    this.#patientUntil = 0
    const mayAdvance = tail.mayAdvance(view)
    if (mayAdvance && (yield* tail.advance(view, this.#target))) return
    if (view.superblock.watermark > tail.last.end && tail.last.end < view.to) {
      yield* tail.lookBehind(view, this.#target)
    } else if (mayAdvance) {
      const now = this.#platform.monotonicMs()
      this.#patientUntil = now + Math.min(LONGEST_PATIENCE_MS, PATIENCE * (now - started))
    }
  }

  #publish(): void {
    const { head, visible, nodes, rows } = this.generation
    const commit = head.lastReplayed
    if (commit.sequence === visible.commit.sequence) return rows.settle()
    const change = head.takeChange()
    visible.apply(change, commit)
    for (const { retired } of change.published) nodes.pool.retire(retired)
    rows.settle()
    nodes.trim()
    this.#told()
  }

  /** Of what was read behind what readers see, nothing counts: the next look reads it again. */
  #goBack(): void {
    const { head, visible, rows } = this.generation
    head.reset(visible)
    head.lastReplayed = visible.commit
    rows.settle()
    this.#tail.goBack(visible.commit)
  }

  /** Goes on from the roots of the newest checkpoint and the commits since. */
  *#moveToCheckpoint({ to, superblock }: TailView): Task<void> {
    const { file, checksum, header } = this.generation
    const offset = superblock.checkpoint
    if (offset <= this.#triedCheckpoint || offset >= this.#tail.end) return
    const generation = shortGeneration(header.generationId)
    const found = readCheckpoint({ file, checksum, generation, maxEpoch: superblock.epoch, to }, offset)
    if (found !== undefined && found.checkpoint.sequence > this.#tail.last.sequence) return
    this.#triedCheckpoint = offset
    if (found !== undefined) yield* this.#restart(found)
  }

  *#restart(found: FoundCheckpoint): Task<void> {
    const { head, visible, rows } = this.generation
    const { checkpoint } = found
    const after = commitOf(checkpoint)
    const to = this.#tail.last
    try {
      head.start(checkpoint, after)
      yield* walkCommits({ log: this.generation, after, from: checkpoint.replayFrom, to }, head)
      const state = new VisibleState(head.base)
      state.apply(head.takeChange(), to)
      visible.become(state)
      rows.settle()
      this.checkpoint = found
    } catch (error) {
      this.#goBack()
      // A checkpoint that cannot be used is passed over: the next one comes.
      if (!(error instanceof CorruptionError)) throw error
    }
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** A head, and where what it holds may be shown. */
class HeadTarget implements TailTarget {
  readonly #head: Generation['head']
  readonly pause: () => void

  constructor({ head }: Generation, pause: () => void) {
    this.#head = head
    this.pause = pause
  }

  begin(speculative: boolean): void {
    this.#head.begin(speculative)
  }

  record(bytes: Uint8Array, record: RecordView, position: number): void {
    this.#head.record(bytes, record, position)
  }

  beginsWith(collections: readonly BaseCollection[]): string | undefined {
    return this.#head.beginsWith(collections)
  }

  commit(position: CommitPosition): void {
    this.#head.commit(position)
  }

  rollback(): void {
    this.#head.rollback()
  }
}
