/**
 * Writes a state of a database as a file of its own: a compacted generation.
 *
 * The live records go into it in the order of their primary keys, as one commit (`Base`), then the nodes of all trees, built in
 * order, then a checkpoint that names them. Memory does not grow with the number of rows: the trees are built in a second walk over
 * the keys, which tells the places of the records again, because only frames begin anywhere else than where the record
 * before ended. What is written is complete when the last sync returned, and nobody has opened it yet.
 */
import type { BaseCollection } from '../format/base.js'
import type { Checksum } from '../format/checksum.js'
import { FrameKind, shortGeneration } from '../format/frame.js'
import { encodeHeader, type Header, LOG_START } from '../format/header.js'
import { hex } from '../format/integers.js'
import { BaseBuilder } from '../log/base-builder.js'
import type { CommitPosition } from '../log/commit-position.js'
import { IndexFrameBuilder } from '../log/index-frames.js'
import { LogBuffer } from '../log/log-buffer.js'
import type { CheckpointPlace } from '../log/log-writer.js'
import { firstSuperblock, writeFirstSuperblocks } from '../log/superblocks.js'
import type { TransactionContext } from '../log/transaction-builder.js'
import type { Platform } from '../storage/platform.js'
import type { StorageFile } from '../storage/storage.js'
import { PAUSE, type Task, writeFully } from '../storage/task.js'
import {
  imageBytes,
  memoryOnly,
  type Node,
  Tree,
  TreeBuilder,
  writeImage as writeNode,
} from '../tree/index.js'
import { checkpointOf } from './checkpoint-state.js'
import { RecordGather } from './record-gather.js'
import type { RowCodecs } from './row-codecs.js'
import type { CollectionState, DatabaseState, IndexState } from './state.js'

/** Of the frames of an image: the first session that writes to the file raises it. */
const IMAGE_EPOCH = 0
const NODE_FRAME_BYTES: number = 256 * 1024
/** Rows between two places where the work may be interrupted. */
const ROWS_PER_PAUSE = 64

/** A state to be written, and where its records are read. */
export interface ImageSource {
  readonly state: DatabaseState
  readonly file: StorageFile
  readonly codecs: RowCodecs
}

export interface ImageOptions {
  /** No sequence up to this one is given again. Default: that of the state's commit. */
  readonly highestSequence?: number | undefined
  /** Told now and then how many bytes of records were copied, and of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** The header of a generation that begins with a state of another one. */
export function generationAfter(
  parent: Header,
  { sequence, offset, crc }: CommitPosition,
  platform: Platform,
): Header {
  return {
    ...parent,
    generationId: hex(platform.randomBytes(16)),
    createdAt: Math.max(0, Math.floor(platform.now())),
    parentGenerationId: parent.generationId,
    parentSequence: sequence,
    parentCommitOffset: offset,
    parentCommitCrc: crc,
  }
}

/** Writes a state into an empty file, and syncs it. Returns where its log ends. */
export function* writeImage(
  file: StorageFile,
  source: ImageSource,
  header: Header,
  checksum: Checksum,
  options: ImageOptions = {},
): Task<number> {
  yield* writeFully(file, encodeHeader(header, checksum), 0)
  // Whatever is found of the file from now on says whose it is.
  yield { kind: 'sync', file }
  const writer = new ImageWriter(file, source, header, checksum, options)
  const { place, commit } = yield* writer.write()
  const superblock = {
    ...firstSuperblock(header, LOG_START),
    checkpoint: place.offset,
    checkpointEnd: place.end,
    watermark: commit.end,
    watermarkSequence: commit.sequence,
    highestSequence: options.highestSequence ?? commit.sequence,
  }
  yield* writeFirstSuperblocks(file, superblock, checksum)
  yield { kind: 'sync', file }
  return place.end
}

/** From this record on, counted over all of them, records stand one directly behind the other. */
interface Run {
  readonly first: number
  readonly position: number
}

class ImageWriter {
  readonly #file: StorageFile
  readonly #source: ImageSource
  readonly #checksum: Checksum
  readonly #options: ImageOptions
  readonly #context: TransactionContext
  readonly #frames: IndexFrameBuilder
  readonly #collections: readonly CollectionState[]
  readonly #runs: Run[] = []
  #buffer = new LogBuffer(LOG_START)
  #recordBytes = 0
  #nodeBytes = 0
  /** Where the frame of nodes at hand begins in the buffer. */
  #nodeFrame: number | undefined

  constructor(
    file: StorageFile,
    source: ImageSource,
    header: Header,
    checksum: Checksum,
    options: ImageOptions,
  ) {
    const { commit, collections } = source.state
    this.#file = file
    this.#source = source
    this.#checksum = checksum
    this.#options = options
    const generation = shortGeneration(header.generationId)
    this.#context = { sequence: commit.sequence, epoch: IMAGE_EPOCH, generation }
    this.#frames = new IndexFrameBuilder(checksum)
    // The catalog comes first, because rows mean nothing without it.
    this.#collections = [...collections.values()].sort((a, b) => a.definition.id - b.definition.id)
  }

  *write(): Task<{ place: CheckpointPlace; commit: CommitPosition }> {
    const commit = yield* this.#writeBase()
    const collections = new Map<number, CollectionState>()
    const walk = new RunWalk(this.#runs)
    for (const collection of this.#collections)
      collections.set(collection.definition.id, yield* this.#writeTrees(collection, walk))
    this.#closeNodes()
    const { names } = this.#source.state
    const state = { commit, collections, names, recordBytes: this.#recordBytes }
    const place = { offset: this.#buffer.end, alone: true, previous: 0 }
    const checkpoint = checkpointOf(state, this.#source.codecs, place, this.#nodeBytes)
    const placed = this.#frames.addCheckpoint(this.#buffer, checkpoint, this.#context)
    yield* this.#flush()
    return { place: placed, commit }
  }

  // Records

  *#writeBase(): Task<CommitPosition> {
    const { file, state } = this.#source
    const { commit } = state
    const base = new BaseBuilder(this.#checksum, commit, this.#context)
    const records = new RecordGather(file, this.#checksum)
    const total = this.#collections.reduce((sum, { liveBytes }) => sum + liveBytes, 0)
    base.start(this.#buffer)
    let count = 0
    let next = 0
    for (const { definition, tree } of this.#collections) {
      const cursor = tree.cursor({})
      for (let some = yield* records.gather(cursor, definition.id); some > 0;) {
        for (let i = 0; i < some; i++, count++) {
          // That it is the record of this key shows when the image is read back.
          records.take(i)
          const { start, end } = records.record
          const position = base.add(this.#buffer, records.bytes, start, end)
          if (position !== next) this.#runs.push({ first: count, position })
          next = position + end - start
          this.#recordBytes += end - start
          if (base.completeFrame(this.#buffer)) yield* this.#flush()
          if (count % ROWS_PER_PAUSE === 0) yield PAUSE
        }
        this.#options.onProgress?.(this.#recordBytes, total)
        some = yield* records.gather(cursor, definition.id)
      }
    }
    this.#options.onProgress?.(total, total)
    const written = base.finish(this.#buffer, this.#collections.map(baseOf))
    yield* this.#flush()
    return written
  }

  // Trees

  /** Writes the trees of a collection; returns it as the new file has it. */
  *#writeTrees(collection: CollectionState, walk: RunWalk): Task<CollectionState> {
    const builder = TreeBuilder.ofRecords((node) => this.#addNode(node))
    let count = 0
    for (const cursor = collection.tree.cursor({}); cursor.next(); count++) {
      const { lengthBytes, crc } = cursor.ref
      builder.add(cursor.key(), walk.next(lengthBytes), lengthBytes, crc)
      if (count % ROWS_PER_PAUSE === 0) yield* this.#flushNodes()
    }
    const tree = Tree.stored(memoryOnly, builder.finish())
    const indexes: IndexState[] = []
    for (const index of collection.indexes) indexes.push(yield* this.#writeIndex(index))
    return { ...collection, tree, indexes }
  }

  *#writeIndex(index: IndexState): Task<IndexState> {
    const builder = TreeBuilder.ofKeys((node) => this.#addNode(node))
    let count = 0
    for (const cursor = index.tree.cursor({}); cursor.next(); count++) {
      builder.add(cursor.key(), 0, 0, 0)
      if (count % ROWS_PER_PAUSE === 0) yield* this.#flushNodes()
    }
    return { ...index, tree: Tree.storedOfKeys(memoryOnly, builder.finish()) }
  }

  #addNode(node: Node): void {
    const buffer = this.#buffer
    this.#nodeFrame ??= this.#frames.open(buffer)
    const length = imageBytes(node)
    const at = buffer.grow(length)
    writeNode(node, buffer.bytes, buffer.view, at, buffer.base + at, this.#checksum)
    this.#nodeBytes += length
    if (buffer.length - this.#nodeFrame >= NODE_FRAME_BYTES) this.#closeNodes()
  }

  #closeNodes(): void {
    if (this.#nodeFrame === undefined) return
    this.#frames.close(this.#buffer, this.#nodeFrame, FrameKind.indexNodes, this.#context)
    this.#nodeFrame = undefined
  }

  *#flushNodes(): Task<void> {
    if (this.#nodeFrame === undefined) yield* this.#flush()
    yield PAUSE
  }

  /** Writes what is complete. Its memory is used again. */
  *#flush(): Task<void> {
    const buffer = this.#buffer
    if (buffer.length === 0) return
    yield* writeFully(this.#file, buffer.content(), buffer.base)
    this.#buffer = new LogBuffer(buffer.end, buffer.bytes)
  }
}

/** Tells the places of records again, in the order in which they were written. */
class RunWalk {
  readonly #runs: readonly Run[]
  #run = 0
  #count = 0
  #next = 0

  constructor(runs: readonly Run[]) {
    this.#runs = runs
  }

  /** The position of the next record, which has this length. */
  next(lengthBytes: number): number {
    const run = this.#runs[this.#run]
    if (run?.first === this.#count) {
      this.#next = run.position
      this.#run++
    }
    this.#count++
    const position = this.#next
    this.#next += lengthBytes
    return position
  }
}

function baseOf({ definition, tree, digest }: CollectionState): BaseCollection {
  return { id: definition.id, digest, rows: tree.count }
}
