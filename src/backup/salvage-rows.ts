/**
 * Holds the salvaged rows against a checkpoint: its trees say which keys there were as of its commit, and of each row the
 * record, whatever became of the transaction that wrote it.
 *
 * What is certain: a key that an intact node has was there, and its record, if its own CRC is the one that the node states, is the
 * row. A key that the tree does not have, as intact nodes show, was not there. What later transactions, lost or not, did to a
 * row, a checkpoint does not say: a difference is mended in the end, unless a later transaction wrote that row.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import { RecordSource } from '../engine/record-source.js'
import { VarveError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { DecodeFailure } from '../format/decode-failure.js'
import type { StoredRoot } from '../format/checkpoint.js'
import { hex } from '../format/integers.js'
import { Operation } from '../format/record.js'
import { PAUSE, type Task } from '../storage/task.js'
import { NodeStore, RecordRef, Tree, type TreeFinding, walkTree } from '../tree/index.js'
import { keyOf, type Node, readRef } from '../tree/node.js'
import { partsOf, type SalvageApplier } from './salvage-apply.js'
import type { LineCollection, SalvageLine } from './salvage-line.js'
import type { SalvagedRow } from './salvage-report.js'
import type { SurveyedCheckpoint } from './salvage-survey.js'
import type { SalvageWriter } from './salvage-writer.js'

const NODE_CACHE_BYTES: number = 4 * 1024 * 1024
const ROWS_PER_PAUSE = 64

/** A row that is not as the checkpoint says. */
interface Difference {
  /** The collection's id in the log. */
  readonly id: number
  readonly key: Uint8Array
  /** Where the checkpoint's record of it is; undefined for a row that it says is gone. */
  readonly ref: { readonly position: number; readonly lengthBytes: number; readonly crc: number } | undefined
  /** Whether a version of it was salvaged. */
  readonly isPresent: boolean
}

export interface RowComparisonParts {
  readonly found: SurveyedCheckpoint
  readonly writer: SalvageWriter
  readonly applier: SalvageApplier
  readonly checksum: Checksum
}

export class RowComparison {
  readonly olderRows: SalvagedRow[] = []
  readonly lostRows: SalvagedRow[] = []
  repaired = 0
  /** Whether all its nodes could be read. */
  isWhole = true
  readonly #parts: RowComparisonParts
  readonly #differences: Difference[] = []
  /** Rows of the new file whose last version the checkpoint says nothing of. */
  readonly #outside = new Set<string>()
  readonly #source: RecordSource
  readonly #nodes: NodeStore
  #line: SalvageLine | undefined

  constructor(parts: RowComparisonParts) {
    const { found, checksum } = parts
    this.#parts = parts
    this.#source = new RecordSource(found.source.file, checksum)
    this.#nodes = new NodeStore(found.source.file, checksum, NODE_CACHE_BYTES)
  }

  get sequence(): number {
    return this.#parts.found.checkpoint.sequence
  }

  /**
   * Told of every row that a transaction writes, by its collection's id in the new file: lines give ids of their own. If it is later than
   * the checkpoint, what that says of the row is past; if it was cut off the log, the checkpoint never knew of it.
   */
  touched(outId: number, key: Uint8Array, isCut: boolean): void {
    const isOutside = isCut || this.hasDifferences
    if (!isOutside && this.#outside.size === 0) return
    const name = nameOf(outId, key)
    if (isOutside) this.#outside.add(name)
    else this.#outside.delete(name)
  }

  /** Compares, after all transactions up to the checkpoint's commit were applied. `line` is that of the log. */
  *compare(line: SalvageLine): Task<void> {
    this.#line = line
    for (const { id, root } of this.#parts.found.checkpoint.collections)
      if (id !== CATALOG_ID) yield* this.#compareCollection(id, line.collections.get(id), root)
  }

  get hasDifferences(): boolean {
    return this.#differences.length > 0
  }

  /** Mends what nobody wrote since, in the transaction that is open. */
  *mend(): Task<void> {
    let n = 0
    for (const difference of this.#differences) {
      this.#mendRow(difference)
      if (++n % ROWS_PER_PAUSE === 0) yield PAUSE
    }
  }

  *#compareCollection(id: number, collection: LineCollection | undefined, root: StoredRoot): Task<void> {
    const tree = Tree.stored(this.#nodes, root)
    let isReadable = true
    yield* walkTree(tree, {
      found: ({ kind }: TreeFinding) => {
        if (kind === 'unreadable' || kind === 'layout' || kind === 'depth') isReadable = false
      },
      enter: () => true,
      leaf: (leaf) => this.#compareLeaf(id, collection, leaf),
    })
    this.isWhole &&= isReadable
    if (collection !== undefined) yield* this.#compareDeleted(id, collection, tree)
  }

  *#compareLeaf(id: number, collection: LineCollection | undefined, leaf: Node): Task<void> {
    const stated = new RecordRef()
    const present = new RecordRef()
    const out = collection === undefined ? undefined : this.#parts.writer.head.collection(collection.outId)
    for (let i = 0; i < leaf.count; i++) {
      const key = keyOf(leaf, i)
      readRef(leaf, i, stated)
      const isPresent = out?.find(key, present) === true
      // A row that was encoded anew has another CRC, and is known to be of a whole transaction.
      if (!isPresent || (present.crc !== stated.crc && collection?.diverged !== true)) {
        const { position, lengthBytes, crc } = stated
        const ref = { position, lengthBytes, crc }
        this.#differences.push({ id, key: key.slice(), ref, isPresent })
      }
      if (i % ROWS_PER_PAUSE === ROWS_PER_PAUSE - 1) yield PAUSE
    }
  }

  /** Rows that are there, though the checkpoint shows that they were not. */
  *#compareDeleted(id: number, collection: LineCollection, tree: Tree): Task<void> {
    const rows = this.#parts.writer.head.collection(collection.outId)?.rowsNow()
    if (rows === undefined) return
    let n = 0
    for (const cursor = rows.cursor({}); cursor.next();) {
      const key = cursor.key()
      if (this.#isGone(tree, key))
        this.#differences.push({ id, key: key.slice(), ref: undefined, isPresent: true })
      if (++n % ROWS_PER_PAUSE === 0) yield PAUSE
    }
  }

  #isGone(tree: Tree, key: Uint8Array): boolean {
    try {
      return !tree.has(key)
    } catch (error) {
      if (VarveError.is(error)) return false
      throw error
    }
  }

  #mendRow({ id, key, ref, isPresent }: Difference): void {
    const { writer, applier } = this.#parts
    const line = this.#line
    const collection = line === undefined ? undefined : (line.collections.get(id) ?? this.#recover(line, id))
    if (line === undefined || collection === undefined) return this.#lose(`collection ${id}`, key, false)
    if (this.#outside.has(nameOf(collection.outId, key))) return
    if (ref === undefined) {
      writer.delete(collection.outId, key)
      this.repaired += 1
      return
    }
    const value = this.#recordOf(id, key, ref)
    const row = value === undefined ? undefined : applier.rowOf(line, collection, value, this.sequence)
    if (value === undefined || row === undefined || row instanceof DecodeFailure)
      return this.#lose(collection.definition.name, key, isPresent)
    applier.putDecoded(collection, key, value, row)
    this.repaired += 1
  }

  #lose(collection: string, key: Uint8Array, isPresent: boolean): void {
    const rows = isPresent ? this.olderRows : this.lostRows
    rows.push({ collection, key: partsOf(key) })
  }

  #recover(line: SalvageLine, id: number): LineCollection | undefined {
    const none = new Uint8Array(0)
    const { sequence } = this
    const record = { key: none, value: none, isPut: false, path: '', offset: 0, sequence }
    return this.#parts.applier.recover(line, id, record)
  }

  /** The row's bytes as the checkpoint's record has them; undefined if that is damaged. */
  #recordOf(
    id: number,
    key: Uint8Array,
    { position, lengthBytes, crc }: NonNullable<Difference['ref']>,
  ): Uint8Array | undefined {
    const source = this.#source
    try {
      source.read(Object.assign(new RecordRef(), { position, lengthBytes, crc }), id, key)
    } catch (error) {
      if (VarveError.is(error)) return undefined
      throw error
    }
    const { record, bytes } = source
    return record.operation === Operation.put ? bytes.slice(record.valueStart, record.valueEnd) : undefined
  }
}

function nameOf(outId: number, key: Uint8Array): string {
  return `${outId} ${hex(key)}`
}
