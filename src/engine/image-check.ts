/**
 * Reads back an image before anybody relies on it: every frame, every record and every node, and that they agree.
 *
 * Records lie in the order of keys, so the log and the trees are walked side by side: each record must be what the next entry of
 * its tree points at. The rows must have the digest of the state that was written, and each index its entries.
 */
import { CorruptionError, StorageError } from '../errors.js'
import type { BaseCollection } from '../format/base.js'
import type { Checksum } from '../format/checksum.js'
import { DigestSum } from '../format/digest.js'
import { compareKeys } from '../format/key-order.js'
import type { RecordView } from '../format/record.js'
import { readCheckpoint } from '../log/checkpoints.js'
import { judgeLog, type ReplayTarget } from '../log/judge.js'
import { readFixedBlocks } from '../log/log-file.js'
import { judgeInput } from '../log/replay.js'
import type { StorageFile } from '../storage/storage.js'
import { PAUSE, type Task } from '../storage/task.js'
import { NodeStore, type Tree, type TreeCursor, type TreeWatch, walkTree } from '../tree/index.js'
import { stateOf } from './checkpoint-state.js'
import { RowCodecs } from './row-codecs.js'
import type { CollectionState, DatabaseState } from './state.js'

/** Stored nodes kept while trees are walked, in bytes. */
const NODE_CACHE_BYTES = 1024 * 1024
const ENTRIES_PER_PAUSE = 256

/** Checks the image of a state. Throws `VARVE_CORRUPTION` if it is not that. */
export function* checkImage(file: StorageFile, state: DatabaseState, checksum: Checksum): Task<void> {
  const written = writtenState(file, checksum)
  const check = new ImageCheck(file, state, written)
  const blocks = readFixedBlocks(file, checksum)
  const { classification, last, badRanges } = yield* judgeLog(judgeInput(file, checksum, blocks), check)
  const { sequence, crc } = state.commit
  if (classification !== 'clean' || badRanges.length > 0)
    throw different(file, 'a log without damage', classification)
  if (last.sequence !== sequence || last.crc !== crc)
    throw different(file, `commit ${sequence} as its last`, `commit ${last.sequence}`)
  for (const [id, wanted] of state.collections) yield* checkTrees(file, wanted, written.collections.get(id))
}

/** The state that the image's checkpoint describes. */
function writtenState(file: StorageFile, checksum: Checksum): DatabaseState {
  const blocks = readFixedBlocks(file, checksum)
  const offset = blocks.superblocks.live?.checkpoint ?? 0
  const found = readCheckpoint(judgeInput(file, checksum, blocks), offset)
  if (found === undefined) throw different(file, `a checkpoint at ${offset}`, 'none')
  const nodes = new NodeStore(file, checksum, NODE_CACHE_BYTES)
  return stateOf(found.checkpoint, nodes, new RowCodecs(), file.path)
}

/** Holds the records of the log against the trees. */
class ImageCheck implements ReplayTarget {
  readonly #file: StorageFile
  readonly #wanted: DatabaseState
  readonly #written: DatabaseState
  readonly #digest = new DigestSum()
  #id = -1
  #rows = 0
  #cursor: TreeCursor | undefined

  constructor(file: StorageFile, wanted: DatabaseState, written: DatabaseState) {
    this.#file = file
    this.#wanted = wanted
    this.#written = written
  }

  begin(): void {
    // One commit, which holds all there is.
  }

  record(bytes: Uint8Array, record: RecordView, position: number): void {
    if (record.collectionId !== this.#id) this.#turnTo(record.collectionId)
    const cursor = this.#cursor
    const key = bytes.subarray(record.keyStart, record.keyEnd)
    const isNext =
      cursor?.next() === true &&
      cursor.ref.position === position &&
      cursor.ref.lengthBytes === record.end - record.start &&
      cursor.ref.crc === record.crc &&
      compareKeys(cursor.key(), key) === 0
    if (!isNext) throw different(this.#file, `the record at ${position} next in its tree`, 'another one')
    this.#digest.add(key, 0, key.length, record.crc)
    this.#rows += 1
  }

  /** Records of another collection follow: those of the one before are complete. */
  #turnTo(id: number): void {
    this.#complete()
    this.#id = id
    this.#rows = 0
    this.#digest.set({ a: 0, b: 0 })
    this.#cursor = this.#written.collections.get(id)?.tree.cursor({})
  }

  #complete(): void {
    const wanted = this.#wanted.collections.get(this.#id)
    if (this.#id < 0) return
    const { a, b } = this.#digest
    if (wanted?.tree.count === this.#rows && wanted.digest.a === a && wanted.digest.b === b) return
    throw different(this.#file, `the rows of collection ${this.#id}`, 'others')
  }

  beginsWith(collections: readonly BaseCollection[]): string | undefined {
    this.#complete()
    const other = collections.find(({ id, rows, digest }) => {
      const wanted = this.#wanted.collections.get(id)
      return wanted?.tree.count !== rows || wanted.digest.a !== digest.a || wanted.digest.b !== digest.b
    })
    if (other !== undefined) return `the rows of collection ${other.id}`
    return collections.length === this.#wanted.collections.size ? undefined : 'the number of collections'
  }

  commit(): void {
    // As begun.
  }

  rollback(): void {
    // Its commit is missing, which the judgement says.
  }
}

function* checkTrees(
  file: StorageFile,
  wanted: CollectionState,
  written: CollectionState | undefined,
): Task<void> {
  const { id } = wanted.definition
  if (written?.tree.count !== wanted.tree.count)
    throw different(file, `the rows of collection ${id}`, 'others')
  yield* checkNodes(file, written.tree)
  for (const [i, index] of wanted.indexes.entries()) {
    const copy = written.indexes[i]
    const of = `the entries of index '${index.definition.name}' of collection ${id}`
    if (copy?.rows !== index.rows || copy.tree.count !== index.tree.count) throw different(file, of, 'others')
    yield* checkNodes(file, copy.tree)
    const cursor = copy.tree.cursor({})
    let count = 0
    for (const other = index.tree.cursor({}); other.next();) {
      const [a, b] = cursor.next() ? [cursor.key(), other.key()] : [undefined, other.key()]
      if (a === undefined || compareKeys(a, b) !== 0) throw different(file, of, 'others')
      if (++count % ENTRIES_PER_PAUSE === 0) yield PAUSE
    }
  }
}

function* checkNodes(file: StorageFile, tree: Tree): Task<void> {
  const watch: TreeWatch = {
    failed: (error) => {
      // What the storage refuses to read says nothing about what was written.
      if (error instanceof StorageError) throw error
    },
    found: ({ position, expected, actual }) => {
      throw different(file, `${expected} at ${position}`, actual)
    },
    enter: () => true,
    *leaf() {
      yield PAUSE
    },
  }
  yield* walkTree(tree, watch)
}

function different({ path }: StorageFile, expected: string, actual: string): CorruptionError {
  return new CorruptionError(
    `${path} was written, but reads back as something else: expected ${expected}, found ${actual}. It is not put to use, and the database is untouched. Check the storage and the memory of this machine.`,
    { path, expected, actual },
  )
}
