/**
 * Writes a state of a database as a file of its own: a compacted generation.
 *
 * The live records go into it in the order of their primary keys, as one commit (`Base`), then the nodes of all trees, built in
 * order, then a checkpoint that names them. Memory does not grow with the number of rows: the trees are built in a second walk over
 * the keys, which tells the places of the records again, because only frames begin anywhere else than where the record
 * before ended.
 */
import type { BaseCollection } from '../format/base.js'
import type { Checksum } from '../format/checksum.js'
import { FrameKind, shortGeneration } from '../format/frame.js'
import { encodeHeader, type Header, LOG_START } from '../format/header.js'
import { hex } from '../format/integers.js'
import { runHolds } from '../format/record-run.js'
import { u32 } from '../format/typed-read.js'
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
  leavesOf,
  memoryOnly,
  type Node,
  readRef,
  RecordRef,
  Tree,
  TreeBuilder,
  writeImage as writeNode,
} from '../tree/index.js'
import { checkpointOf } from './checkpoint-state.js'
import { READ_BYTES, RecordGather } from './record-gather.js'
import type { RowCodecs } from './row-codecs.js'
import type { CollectionState, DatabaseState, IndexState } from './state.js'

/** Of the frames of an image: the first session that writes to the file raises it. */
const IMAGE_EPOCH = 0
const NODE_FRAME_BYTES: number = 256 * 1024
/** Bytes that are gathered before they are written. */
const FLUSH_BYTES: number = 1024 * 1024
/** Frames add less to the bytes of records than these divided by two to this power. */
const FRAME_SHARE = 10

/** What a tree of keys alone says of each. */
const NO_RECORD: RecordRef = new RecordRef()

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

/** Writes a state into an empty file, which is then to be synced. Returns where its log ends. */
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
  // In which order the rest reaches the disk does not matter: nobody takes the file for a database before it is synced.
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
  return place.end
}

/** The first record of a frame, counted over all of them, and where it stands. The next ones stand one directly behind the other. */
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
  readonly #ref = new RecordRef()
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
    const total = this.#collections.reduce((sum, { liveBytes }) => sum + liveBytes, 0)
    base.start(this.#buffer)
    let count = 0
    for (const { definition, tree } of this.#collections) {
      const source = { file, checksum: this.#checksum, tree, collectionId: definition.id }
      const records = new RecordGather(source)
      while (yield* records.next()) {
        yield* this.#addRecords(base, records, count)
        count += records.count
        this.#recordBytes += records.bytes
        this.#options.onProgress?.(this.#recordBytes, total)
      }
    }
    this.#options.onProgress?.(total, total)
    const written = base.finish(this.#buffer, this.#collections.map(baseOf))
    yield* this.#flush()
    return written
  }

  /** Adds a batch of records, before which `count` were added. */
  *#addRecords(base: BaseBuilder, records: RecordGather, count: number): Task<void> {
    const buffer = this.#buffer
    // With what frames add, at their usual size, and with what reading takes: a larger buffer would be a copy of all of it.
    buffer.reserve(records.bytes + (records.bytes >>> FRAME_SHARE) + READ_BYTES)
    const frames = yield* base.layOut(buffer, records)
    yield* records.readTo(buffer)
    for (const frame of frames) {
      const { from, to } = frame.run
      if (!runHolds(buffer, frame.run, this.#checksum)) records.readAgain(buffer, from, to)
      this.#runs.push({ first: count + from, position: buffer.base + u32(records.places, from) })
      base.close(buffer, frame)
      yield PAUSE
    }
    if (buffer.length >= FLUSH_BYTES) yield* this.#flush()
  }

  // Trees

  /** Writes the trees of a collection; returns it as the new file has it. */
  *#writeTrees(collection: CollectionState, walk: RunWalk): Task<CollectionState> {
    const builder = TreeBuilder.ofRecords((node) => this.#addNode(node))
    const ref = this.#ref
    for (const leaf of leavesOf(collection.tree)) {
      for (let i = 0; i < leaf.count; i++) {
        readRef(leaf, i, ref)
        ref.position = walk.next(ref.lengthBytes)
        builder.add(leaf, i, ref)
      }
      yield* this.#flushNodes()
    }
    const tree = Tree.stored(memoryOnly, builder.finish())
    const indexes: IndexState[] = []
    for (const index of collection.indexes) indexes.push(yield* this.#writeIndex(index))
    return { ...collection, tree, indexes }
  }

  *#writeIndex(index: IndexState): Task<IndexState> {
    const builder = TreeBuilder.ofKeys((node) => this.#addNode(node))
    for (const leaf of leavesOf(index.tree)) {
      for (let i = 0; i < leaf.count; i++) builder.add(leaf, i, NO_RECORD)
      yield* this.#flushNodes()
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
    if (this.#nodeFrame === undefined && this.#buffer.length >= FLUSH_BYTES) yield* this.#flush()
    yield PAUSE
  }

  /** Writes what is complete. Its memory is used again. */
  *#flush(): Task<void> {
    const buffer = this.#buffer
    if (buffer.length === 0) return
    yield* writeFully(this.#file, buffer.content(), buffer.base)
    this.#buffer = new LogBuffer(buffer.end, buffer)
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
