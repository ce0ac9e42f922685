/**
 * Reads back an image before anybody relies on it: every frame, every node, and that they agree.
 *
 *   what is read                         is what was written, because
 *   the fixed blocks                     header and both superblocks have their CRCs
 *   every byte of the log                each frame's CRC was made from memory, and is checked over what the file holds
 *   the chain, the base, what it states  they are judged as at every open
 *   the trees                            each node has its CRC and keeps the order of keys; the counts above it are right
 *   every record                         it stands where its tree says, is as long, has that CRC beside it and that key in it
 *   the rows                             their keys and CRCs have the digest of the state that was written
 *   each index                           it has the entries of the index that it was made from
 *
 * That a record's bytes have the CRC beside them was checked when they were copied, in the same memory right before their frame's
 * CRC was made of it. So what the frame's CRC vouches for is not checked record by record again.
 *
 * Records lie in the order of keys, so the log and the trees are walked side by side, each once.
 */
import { CorruptionError, StorageError } from '../errors.js'
import type { BaseCollection } from '../format/base.js'
import type { Checksum } from '../format/checksum.js'
import { type Digest, DigestSum } from '../format/digest.js'
import { FRAME_HEADER_BYTES } from '../format/frame.js'
import { Operation, readRecord, RecordView } from '../format/record.js'
import { readCheckpoint } from '../log/checkpoints.js'
import { judgeLog } from '../log/judge.js'
import type { ReplayTarget } from '../log/replay-target.js'
import { type FixedBlocks, readFixedBlocks } from '../log/log-file.js'
import { judgeInput } from '../log/replay.js'
import type { LogScanner } from '../log/scanner.js'
import type { StorageFile } from '../storage/storage.js'
import { PAUSE, type Task } from '../storage/task.js'
import {
  hasKey,
  leavesOf,
  type Node,
  NodeStore,
  readRef,
  RecordRef,
  sameKey,
  type Tree,
  type TreeWatch,
  walkTree,
} from '../tree/index.js'
import { stateOf } from './checkpoint-state.js'
import { RowCodecs } from './row-codecs.js'
import type { CollectionState, DatabaseState, IndexState } from './state.js'

/** Stored nodes kept while trees are walked, in bytes. */
const NODE_CACHE_BYTES = 1024 * 1024

/** Checks the image of a state. Throws `VARVE_CORRUPTION` if it is not that. */
export function* checkImage(file: StorageFile, state: DatabaseState, checksum: Checksum): Task<void> {
  const blocks = readFixedBlocks(file, checksum)
  if (blocks.headerDamaged || blocks.superblocks.slots.some(({ ok }) => !ok))
    throw different(file, 'a header and two superblocks', 'damaged ones')
  const written = writtenState(file, blocks, checksum)
  const check = new ImageCheck(file, state, written)
  const { classification, last, badRanges } = yield* judgeLog(judgeInput(file, checksum, blocks), check)
  const { sequence, crc } = state.commit
  if (classification !== 'clean' || badRanges.length > 0)
    throw different(file, 'a log without damage', classification)
  if (last.sequence !== sequence || last.crc !== crc)
    throw different(file, `commit ${sequence} as its last`, `commit ${last.sequence}`)
  for (const [id, { indexes }] of state.collections) {
    for (const [i, index] of indexes.entries())
      yield* checkIndex(file, id, index, written.collections.get(id)?.indexes[i])
  }
}

/** The state that the image's checkpoint describes. */
function writtenState(file: StorageFile, blocks: FixedBlocks, checksum: Checksum): DatabaseState {
  const offset = blocks.superblocks.live?.checkpoint ?? 0
  const found = readCheckpoint(judgeInput(file, checksum, blocks), offset)
  if (found === undefined) throw different(file, `a checkpoint at ${offset}`, 'none')
  const nodes = new NodeStore(file, checksum, NODE_CACHE_BYTES)
  return stateOf(found.checkpoint, nodes, new RowCodecs(), file.path)
}

/** Holds the records of the log against the trees: those of one collection after the other, by ascending ids. */
class ImageCheck implements ReplayTarget {
  readonly #file: StorageFile
  readonly #state: DatabaseState
  readonly #written: DatabaseState
  /** Those that are to come. */
  readonly #collections: CollectionState[]
  readonly #digest = new DigestSum()
  readonly #record = new RecordView()
  readonly #ref = new RecordRef()
  #wanted: CollectionState | undefined
  #rows = 0
  #leaves: Iterator<Node> = [][Symbol.iterator]()
  #leaf: Node | undefined
  /** The entry of the leaf that comes next. */
  #index = 0

  constructor(file: StorageFile, wanted: DatabaseState, written: DatabaseState) {
    this.#file = file
    this.#state = wanted
    this.#written = written
    this.#collections = [...wanted.collections.values()].sort((a, b) => a.definition.id - b.definition.id)
  }

  begin(): void {
    // One commit, which holds all there is.
  }

  recordOfBase(frame: LogScanner, at: number): number {
    const leaf = this.#leafAtHand()
    if (leaf === undefined) throw this.#unexpected(frame, at)
    return this.#check(frame, at, leaf)
  }

  record(): void {
    throw new TypeError('A record of an image outside its base.')
  }

  /** Checks that the record at `at` is that of the leaf's next entry; returns where it ends. */
  #check(frame: LogScanner, at: number, leaf: Node): number {
    const { bytes, view, payloadStart, payloadEnd, offset } = frame
    const record = this.#record
    const ref = this.#ref
    readRef(leaf, this.#index, ref)
    const distance = at - payloadStart + FRAME_HEADER_BYTES
    const isNext =
      readRecord(bytes, view, at, payloadEnd, record) === undefined &&
      record.operation === Operation.put &&
      record.collectionId === this.#wanted?.definition.id &&
      record.distance === distance &&
      record.previous === 0 &&
      record.crc === ref.crc &&
      record.end - at === ref.lengthBytes &&
      ref.position === offset + distance &&
      hasKey(leaf, this.#index, bytes, record.keyStart, record.keyEnd)
    if (!isNext) throw this.#unexpected(frame, at)
    this.#digest.add(bytes, record.keyStart, record.keyEnd, record.crc)
    this.#rows += 1
    this.#index += 1
    return record.end
  }

  /** The leaf whose next entry comes next; undefined behind the last one of all. */
  #leafAtHand(): Node | undefined {
    while (this.#leaf === undefined || this.#index === this.#leaf.count) {
      const next = this.#leaves.next()
      this.#index = 0
      this.#leaf = next.done === true ? undefined : next.value
      if (this.#leaf === undefined && !this.#turn()) return undefined
    }
    return this.#leaf
  }

  /** Completes a collection and turns to the next one; false behind the last one. */
  #turn(): boolean {
    this.#complete()
    const wanted = this.#collections.shift()
    this.#wanted = wanted
    if (wanted === undefined) return false
    this.#rows = 0
    this.#digest.set({ a: 0, b: 0 })
    const written = this.#written.collections.get(wanted.definition.id)
    if (written === undefined || !hasRowsOf(wanted, written.tree.count, written.digest))
      throw this.#others(wanted)
    this.#leaves = checkedLeaves(this.#file, written.tree)
    return true
  }

  #complete(): void {
    const wanted = this.#wanted
    if (wanted !== undefined && !hasRowsOf(wanted, this.#rows, this.#digest)) throw this.#others(wanted)
  }

  beginsWith(stated: readonly BaseCollection[]): string | undefined {
    // What is left has no rows.
    if (this.#leafAtHand() !== undefined) return 'the rows of its trees'
    const { collections } = this.#state
    const other = stated.find(({ id, rows, digest }) => {
      const wanted = collections.get(id)
      return wanted === undefined || !hasRowsOf(wanted, rows, digest)
    })
    if (other !== undefined) return `the rows of collection ${other.id}`
    return stated.length === collections.size ? undefined : 'the number of collections'
  }

  commit(): void {
    // As begun.
  }

  rollback(): void {
    // Its commit is missing, which the judgement says.
  }

  #unexpected({ offset, payloadStart }: LogScanner, at: number): CorruptionError {
    const position = offset + FRAME_HEADER_BYTES + at - payloadStart
    return different(this.#file, `the record at ${position} next in its tree`, 'another one')
  }

  #others({ definition }: CollectionState): CorruptionError {
    return different(this.#file, `the rows of collection ${definition.id}`, 'others')
  }
}

function hasRowsOf({ tree, digest }: CollectionState, rows: number, { a, b }: Digest): boolean {
  return tree.count === rows && digest.a === a && digest.b === b
}

/** Checks that an index has the entries of the one that it was made from. */
function* checkIndex(
  file: StorageFile,
  id: number,
  wanted: IndexState,
  written: IndexState | undefined,
): Task<void> {
  const of = `the entries of index '${wanted.definition.name}' of collection ${id}`
  if (written?.rows !== wanted.rows || written.tree.count !== wanted.tree.count)
    throw different(file, of, 'others')
  // As many entries in both, though their leaves begin elsewhere.
  const others = leavesOf(wanted.tree)
  let other: Node | undefined
  let k = 0
  for (const leaf of checkedLeaves(file, written.tree)) {
    for (let i = 0; i < leaf.count; i++, k++) {
      while (other === undefined || k === other.count) {
        const next = others.next()
        if (next.done === true) throw different(file, of, 'others')
        other = next.value
        k = 0
      }
      if (!sameKey(leaf, i, other, k)) throw different(file, of, 'others')
    }
    yield PAUSE
  }
}

/** The leaves of a tree of the image, each after it and all above it were checked. */
function* checkedLeaves(file: StorageFile, tree: Tree): Generator<Node, void, undefined> {
  let reached: Node | undefined
  const watch: TreeWatch = {
    failed: (error) => {
      // What the storage refuses to read says nothing about what was written.
      if (error instanceof StorageError) throw error
    },
    found: ({ position, expected, actual }) => {
      throw different(file, `${expected} at ${position}`, actual)
    },
    enter: () => true,
    *leaf(leaf) {
      reached = leaf
      yield PAUSE
    },
  }
  const walk = walkTree(tree, watch)
  while (walk.next(0).done !== true) {
    if (reached === undefined) continue
    yield reached
    reached = undefined
  }
}

function different({ path }: StorageFile, expected: string, actual: string): CorruptionError {
  return new CorruptionError(
    `${path} was written, but reads back as something else: expected ${expected}, found ${actual}. It is not put to use, and the database is untouched. Check the storage and the memory of this machine.`,
    { path, expected, actual },
  )
}
