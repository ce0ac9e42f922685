/**
 * Takes checkpoints, slice by slice, while commits go on.
 *
 * A checkpoint describes the commit that was visible when it began. Its trees are detached: nobody edits their nodes, so commits made meanwhile copy
 * what they change, and lie in the log between the frames of the checkpoint; a replay starts right behind its commit (I19).
 * The committer owns the log: it asks for slices, puts them into the file, and says what became of them. A node is let go of
 * only when its image and all below it are in the file (I20); nodes of a slice that was cut back are unstored again.
 */
import { indexBytesOf } from '../format/checkpoint.js'
import type { Checksum } from '../format/checksum.js'
import { alignUp, FrameKind } from '../format/frame.js'
import { LOG_START } from '../format/header.js'
import { IndexFrameBuilder } from '../log/index-frames.js'
import type { LogBuffer } from '../log/log-buffer.js'
import type { CheckpointPlace, LogWriter } from '../log/log-writer.js'
import type { RecoveredLog } from '../log/recover.js'
import { PAUSE, type Task } from '../storage/task.js'
import {
  DeferredTree,
  imageBytes,
  memoryOf,
  type Node,
  type NodeStore,
  releaseChildren,
  releaseRoot,
  releaseStored,
  storedAs,
  unstoredNodes,
  wholeBytes,
  writeImage,
} from '../tree/index.js'
import {
  type CheckpointProgress,
  debtOf,
  isDue,
  isDueAtClose,
  isDueAtRest,
  NODE_SHARE,
  RETRY_LOG_BYTES,
  roomOf,
} from './checkpoint-policy.js'
import { checkpointOf } from './checkpoint-state.js'
import type { Settle } from './acknowledgement.js'
import type { Head } from './head.js'
import type { RowCodecs } from './row-codecs.js'
import { allTrees, type DatabaseState, type VisibleState } from './state.js'

/** Bytes of node images in one slice: less than a millisecond of work. */
const SLICE_BYTES = 256 * 1024

/** Bytes of a slice that take as long as reading what changed of a leaf. */
const READ_WORK_BYTES = 4096

/** So many bytes of a slice to each node of those that are let go of at once. */
const STEP_NODE_BYTES = 512

export interface CheckpointerParts {
  readonly head: Head
  readonly visible: VisibleState
  readonly codecs: RowCodecs
  readonly nodes: NodeStore
  readonly writer: LogWriter
  readonly checksum: Checksum
  readonly log: RecoveredLog
  readonly cacheBytes: number
  /** Whether checkpoints are taken that nobody asked for. */
  readonly automatic: boolean
  /** Bytes of node images in one slice. */
  readonly sliceBytes?: number | undefined
  /** Called when what was asked for can be stored again. */
  readonly wake: () => void
}

/** Frames of a checkpoint at the end of a batch. */
export interface Slice {
  readonly nodes: readonly Node[]
  readonly imageBytes: number
  /** Of the `Checkpoint` frame, if the slice ends with it. */
  readonly place: CheckpointPlace | undefined
}

/** Node images of a slice. */
interface Images {
  readonly nodes: Node[]
  readonly bytes: number
  /** What the bytes would be if all nodes were stored as a whole: the time goes with it. */
  readonly work: number
  readonly done: boolean
}

interface Running {
  readonly state: DatabaseState
  readonly walk: Iterator<Node, void>
  readonly logBytes: number
  readonly unstoredAtStart: number
  readonly madeAtStart: number
  /** Memory of nodes stored so far. */
  stored: number
  /** Where its frame is in the file, once it is. */
  place: CheckpointPlace | undefined
  /** Then: the steps of letting its nodes go. */
  release: Iterator<void, void> | undefined
  completing: boolean
}

interface Waiting {
  readonly sequence: number
  readonly settle: Settle
}

/** The newest checkpoint. */
interface Newest {
  readonly offset: number
  readonly sequence: number
  /** Where its commit ends. */
  readonly commitEnd: number
  /** Bytes of its nodes. */
  readonly indexBytes: number
}

export class Checkpointer {
  readonly #parts: CheckpointerParts
  readonly #frames: IndexFrameBuilder
  #newest: Newest
  #running: Running | undefined
  #waiting: Waiting[] = []
  /** Bytes of nodes that commits still have to pay for. */
  #debt = 0
  #madeSeen = 0
  /** Of commits behind the newest checkpoint's. */
  #logBytes: number
  /** After a failure: log bytes from which on the next one is tried without being asked for. */
  #retryAt = 0
  #suspended = false
  #nodeBytes: number
  /** Why nothing is stored any more. */
  #ended: (() => unknown) | undefined

  constructor(parts: CheckpointerParts) {
    this.#parts = parts
    this.#frames = new IndexFrameBuilder(parts.checksum)
    const { checkpoint, last, nodeBytes } = parts.log
    const entries = checkpoint?.checkpoint.collections ?? []
    this.#newest = {
      offset: checkpoint?.offset ?? 0,
      sequence: checkpoint?.checkpoint.sequence ?? -1,
      commitEnd: checkpoint?.checkpoint.commitEnd ?? LOG_START,
      indexBytes: indexBytesOf(entries),
    }
    this.#logBytes = last.end - this.#newest.commitEnd
    this.#nodeBytes = nodeBytes
  }

  /** Offset of the newest checkpoint; 0 for none. */
  get offset(): number {
    return this.#newest.offset
  }

  /** Sequence of its commit, -1 for none; and where that commit ends, or the log begins. */
  get sequence(): number {
    return this.#newest.sequence
  }

  get commitEnd(): number {
    return this.#newest.commitEnd
  }

  /** Bytes of the newest checkpoint's nodes, and of all node images in the log. */
  get indexBytes(): number {
    return this.#newest.indexBytes
  }

  get nodeBytes(): number {
    return this.#nodeBytes
  }

  get running(): boolean {
    return this.#running !== undefined
  }

  /** Whether somebody waits for a checkpoint. */
  get asked(): boolean {
    return this.#waiting.length > 0 && !this.#suspended
  }

  /** Nothing is stored until `resume`. */
  suspend(): void {
    this.#suspended = true
  }

  resume(): void {
    this.#suspended = false
    if (this.asked) this.#parts.wake()
  }

  /** Those who wait for a checkpoint: another file will have it. */
  handOver(): Settle[] {
    const waiting = this.#waiting.map(({ settle }) => settle)
    this.#waiting = []
    return waiting
  }

  /** Whether commits outran a checkpoint so far that they must wait for it. Nobody waits for one that is suspended: it goes on when they are done. */
  get overdue(): boolean {
    return this.#running !== undefined && !this.#suspended && roomOf(this.#progress(this.#running)) <= 0
  }

  /** Whether a close should take a checkpoint. */
  get dueAtClose(): boolean {
    return this.#parts.automatic && isDueAtClose(this.#logBytes) && this.#isBehind()
  }

  /** Asks for a checkpoint of what is visible now, or of a later commit. */
  request(settle: Settle): void {
    if (!this.#isBehind()) settle()
    else if (this.#ended !== undefined) settle(this.#ended())
    else this.#waiting.push({ sequence: this.#parts.visible.commit.sequence, settle })
  }

  /** Nothing was written for a while: has what is not stored be so, if it takes much memory. */
  rested(): void {
    const { nodes, automatic, wake } = this.#parts
    if (!automatic || this.#logBytes < this.#retryAt || !this.#isBehind()) return
    if (this.#running !== undefined || this.#waiting.length > 0) return
    if (!isDueAtRest(nodes.unstoredBytes, this.#nodeLimitBytes)) return
    // If it fails, nobody who wrote has lost anything.
    this.request(() => undefined)
    wake()
  }

  /** Commits of so many bytes are visible: they pay their part of the checkpoint that runs. */
  committed(logBytes: number): void {
    this.#logBytes += logBytes
    const { nodes } = this.#parts
    const made = nodes.madeBytes - this.#madeSeen
    this.#madeSeen = nodes.madeBytes
    nodes.trim()
    nodes.pool.reclaim()
    if (this.#running !== undefined) this.#debt += debtOf(made, this.#progress(this.#running))
  }

  /** Has one be taken if it is due: what a long replay left unstored need not wait for the next commit. */
  opened(): void {
    if (this.wants(true)) this.#parts.wake()
  }

  /** Whether there is a slice to be written now: one that commits owe, or any if nothing else is to be done. */
  wants(idle: boolean): boolean {
    if (this.#ended !== undefined || this.#suspended) return false
    if (this.#running === undefined) {
      if (!this.#isDue()) return false
      this.#begin()
    }
    const running = this.#running
    if (running === undefined || running.place !== undefined) return false
    return idle || this.#debt > 0
  }

  /** Whether all of a checkpoint is in the file, and it is to be made to count. */
  get complete(): boolean {
    return this.#running?.place !== undefined && !this.#running.completing
  }

  /**
   * Of a complete checkpoint: lets go of some of the nodes that are stored by now, so that making it count takes no longer the more
   * there are. Whether there is more to let go of.
   */
  releaseSome(): boolean {
    const running = this.#running
    if (running === undefined) return false
    running.release ??= this.#releaseSteps()
    return running.release.next().done !== true || this.#parts.nodes.settleSome(this.#stepNodes)
  }

  get #stepNodes(): number {
    return Math.ceil((this.#parts.sliceBytes ?? SLICE_BYTES) / STEP_NODE_BYTES)
  }

  *#releaseSteps(): Generator<void, void, undefined> {
    const { visible, nodes } = this.#parts
    // The second time through what commits held on to meanwhile.
    for (const _ of [1, 2]) {
      for (const tree of allTrees(visible.pin())) yield* releaseStored(tree, nodes, this.#stepNodes)
    }
  }

  /** Adds the next slice to the end of `buffer`; `sequence` is the last commit before it. If it cannot be made, nothing is added, and the checkpoint is given up. */
  addSlice(buffer: LogBuffer, sequence: number): Slice | undefined {
    const running = this.#running
    if (running === undefined) throw new TypeError('No checkpoint runs.')
    const { writer, codecs } = this.#parts
    const context = { sequence, epoch: writer.epoch, generation: writer.generation }
    const start = this.#frames.open(buffer)
    const images = this.#addImages(running, buffer)
    if (images === undefined) {
      buffer.shrink(start)
      return undefined
    }
    const { nodes, bytes, work, done } = images
    if (nodes.length === 0) buffer.shrink(start)
    else this.#frames.close(buffer, start, FrameKind.indexNodes, context)
    this.#nodeBytes += bytes
    this.#debt = Math.max(0, this.#debt - work)
    if (!done) return { nodes, imageBytes: bytes, place: undefined }
    const place = {
      offset: alignUp(buffer.end),
      alone: sequence === running.state.commit.sequence,
      previous: this.#newest.offset,
    }
    const checkpoint = checkpointOf(running.state, codecs, place, this.#nodeBytes)
    return { nodes, imageBytes: bytes, place: this.#frames.addCheckpoint(buffer, checkpoint, context) }
  }

  #addImages(running: Running, buffer: LogBuffer): Images | undefined {
    const nodes: Node[] = []
    try {
      return this.#addImagesTo(nodes, running, buffer)
    } catch (error) {
      for (const node of nodes) node.position = 0
      this.#giveUp(() => error)
      return undefined
    }
  }

  #addImagesTo(nodes: Node[], running: Running, buffer: LogBuffer): Images {
    let [bytes, work] = [0, 0]
    const store = this.#parts.nodes
    const { sliceBytes = SLICE_BYTES } = this.#parts
    while (work < sliceBytes) {
      const next = running.walk.next()
      if (next.done === true) return { nodes, bytes, work, done: true }
      const node = next.value
      const { misses } = store
      const image = store.imageOf(node)
      const length = imageBytes(image)
      const whole = wholeBytes(image)
      const at = buffer.grow(length)
      writeImage(image, buffer.bytes, buffer.view, at, buffer.base + at, this.#parts.checksum)
      storedAs(node, image)
      if (image !== node) store.pool.giveBack(image)
      nodes.push(node)
      bytes += length
      work += whole + (store.misses - misses) * READ_WORK_BYTES
      running.stored += memoryOf(node)
    }
    return { nodes, bytes, work, done: false }
  }

  /** A slice is in the file. */
  written({ nodes, place }: Slice): void {
    const store = this.#parts.nodes
    for (const node of nodes) {
      store.stored(node)
      releaseChildren(node, store)
    }
    if (this.#running !== undefined) this.#running.place = place
  }

  /** A slice is not in the file, and what was there of it was cut off: the checkpoint is given up. */
  failed({ nodes, imageBytes: bytes }: Slice, error: unknown): void {
    for (const node of nodes) node.position = 0
    this.#nodeBytes -= bytes
    this.#giveUp(() => error)
  }

  /** Makes a checkpoint count that is whole in the file. Throws if the writer is poisoned by it. */
  *finish(): Task<void> {
    const running = this.#running
    if (running?.place === undefined) return
    running.completing = true
    const { writer, visible } = this.#parts
    const { end, sequence } = visible.commit
    try {
      yield* writer.nameCheckpoint(running.place, { end, sequence })
    } catch (error) {
      this.#giveUp(() => error)
      throw error
    }
    this.#completed(running, running.place.offset)
    while (this.#parts.nodes.pool.reuseSome(this.#stepNodes)) yield PAUSE
  }

  #completed(running: Running, offset: number): void {
    if (this.#running !== running) return
    const { head, visible, nodes } = this.#parts
    let indexBytes = 0
    for (const tree of allTrees(running.state)) indexBytes += tree.storedRoot().nodeBytes
    const { sequence, end: commitEnd } = running.state.commit
    this.#newest = { offset, sequence, commitEnd, indexBytes }
    this.#logBytes -= running.logBytes
    this.#retryAt = 0
    this.#running = undefined
    nodes.pool.resume()
    this.#debt = 0
    for (const tree of allTrees(visible)) releaseRoot(tree, nodes)
    head.recount((tree) => releaseRoot(tree, nodes))
    const done = this.#waiting.filter((waiting) => waiting.sequence <= sequence)
    this.#waiting = this.#waiting.filter((waiting) => waiting.sequence > sequence)
    for (const { settle } of done) settle()
  }

  /** Nothing more is stored; who waits is told. */
  end(error: () => unknown): void {
    this.#ended ??= error
    this.#giveUp(error)
  }

  #giveUp(error: () => unknown): void {
    this.#running = undefined
    this.#parts.nodes.pool.resume()
    this.#parts.nodes.pool.reuseSome(Number.POSITIVE_INFINITY)
    this.#debt = 0
    this.#retryAt = this.#logBytes + RETRY_LOG_BYTES
    const waiting = this.#waiting
    this.#waiting = []
    for (const { settle } of waiting) settle(error())
  }

  #begin(): void {
    const { visible, nodes } = this.#parts
    const state = visible.pin()
    try {
      // What an open deferred is to be stored.
      for (const tree of allTrees(state)) if (DeferredTree.of(tree) !== undefined) void tree.root
    } catch (error) {
      return this.#giveUp(() => error)
    }
    nodes.pool.pause()
    this.#debt = 0
    this.#madeSeen = nodes.madeBytes
    this.#running = {
      state,
      walk: nodesToStore(state),
      logBytes: this.#logBytes,
      unstoredAtStart: nodes.unstoredBytes,
      madeAtStart: nodes.madeBytes,
      stored: 0,
      place: undefined,
      release: undefined,
      completing: false,
    }
  }

  #isDue(): boolean {
    if (!this.#isBehind()) return false
    if (this.#waiting.length > 0) return true
    const { nodes, automatic } = this.#parts
    if (!automatic || this.#logBytes < this.#retryAt) return false
    const { indexBytes } = this.#newest
    const nodeLimitBytes = this.#nodeLimitBytes
    const { unstoredBytes } = nodes
    return isDue({ logBytes: this.#logBytes, indexBytes, unstoredBytes, nodeLimitBytes })
  }

  #isBehind(): boolean {
    return this.#newest.sequence < this.#parts.visible.commit.sequence
  }

  #progress({ unstoredAtStart, stored, madeAtStart }: Running): CheckpointProgress {
    const made = this.#parts.nodes.madeBytes - madeAtStart
    return { unstoredAtStart, stored, made, nodeLimitBytes: this.#nodeLimitBytes }
  }

  get #nodeLimitBytes(): number {
    return this.#parts.cacheBytes * NODE_SHARE
  }
}

function* nodesToStore(state: DatabaseState): Generator<Node, void, undefined> {
  for (const tree of allTrees(state)) {
    const root = tree.heldRoot
    if (root !== undefined && tree.count > 0) yield* unstoredNodes(root)
  }
}
