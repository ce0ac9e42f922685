/**
 * Walks the trees of one state of a database: every node, every record that they lead to, and the figures kept with them.
 */
import { CATALOG_ID, readEntry } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import { entryKeyStart } from '../catalog/index-key.js'
import { KeysOf } from '../engine/keys-of.js'
import { RecordSource } from '../engine/record-source.js'
import type { RowCodecs } from '../engine/row-codecs.js'
import { RowReader } from '../engine/row-reader.js'
import { VarveError } from '../errors.js'
import { type Digest, DigestSum, digestText } from '../format/digest.js'
import { LOG_START } from '../format/header.js'
import { Operation } from '../format/record.js'
import type { Row } from '../format/value.js'
import { PageCache } from '../storage/page-cache.js'
import { PAUSE, type Task } from '../storage/task.js'
import { RecordRef, type Tree, type TreeFinding, type TreeWatch, walkTree } from '../tree/index.js'
import { keyOf, type Node, readRef } from '../tree/node.js'
import type { AnalysedFile } from './analysed-file.js'
import type { Findings } from './findings.js'
import { IndexTally } from './index-tally.js'
import type { NodeRanges } from './node-ranges.js'
import { PlaceSet } from './place-set.js'
import { RecordBatch } from './record-batch.js'

/** Pages kept of the records' file, in bytes: it is gone through in its own order. */
const RECORD_CACHE_BYTES = 1024 * 1024

/** Rows between two places where the work may be interrupted. */
const ROWS_PER_PAUSE = 64

/** An index, and what is kept with it. */
export interface WalkedIndex {
  readonly definition: IndexDefinition
  readonly tree: Tree
  readonly count: number
  readonly rows: number
  readonly nodeBytes: number | undefined
}

/** One tree, and what is kept with it. */
export interface WalkedCollection {
  readonly id: number
  /** Undefined where it cannot be read: its rows are then not decoded. */
  readonly definition: CollectionDefinition | undefined
  readonly tree: Tree
  readonly count: number
  readonly liveBytes: number
  readonly digest: Digest
  /** Bytes of all its images; undefined for a tree that is not stored as a whole. */
  readonly nodeBytes: number | undefined
  readonly indexes: readonly WalkedIndex[]
}

/** Of the rows of a collection while their tree is walked. */
interface WalkedRows {
  readonly collection: WalkedCollection
  readonly tally: Tally
  readonly wanted: readonly IndexTally[]
  /** Records that are to be checked. */
  readonly batch: RecordBatch
}

export interface StateWalkParts {
  readonly analysed: AnalysedFile
  readonly findings: Findings
  readonly ranges: NodeRanges
  /** What states the figures, for findings about them. */
  readonly statedAt: { readonly kind: string; readonly offset: number }
  /** Where the nodes of this state end, and its records. */
  readonly nodesBefore: number
  readonly recordsBefore: number
  /** Whose leaves' records were read already. */
  readonly walkedBefore: StateWalk | undefined
  /** Whether rows are decoded. */
  readonly deep: boolean
  /** Told of bytes as they are checked. */
  readonly onBytes: (bytes: number) => void
}

export class StateWalk {
  readonly #parts: StateWalkParts
  readonly #nodes = new PlaceSet()
  readonly #records = new PlaceSet()
  readonly #reader: RecordChecker

  constructor(parts: StateWalkParts) {
    this.#parts = parts
    this.#reader = new RecordChecker(parts.analysed, parts.findings)
  }

  /** Whether the node at a position was reached. */
  reached(position: number): boolean {
    return this.#nodes.has(position)
  }

  *walk(collection: WalkedCollection): Task<void> {
    const name = collection.definition?.name ?? ''
    const wanted = collection.indexes.map(({ definition }) => new IndexTally(definition, name))
    const tally = yield* this.#walkRows(collection, wanted)
    this.#checkFigures(collection, tally)
    for (const [i, index] of collection.indexes.entries()) {
      yield* this.#walkIndex(index, collection, tally.isReadable ? wanted[i] : undefined)
    }
  }

  /** Walks the tree of the rows, and checks their records; adds to `wanted` what they should have in the indexes. */
  *#walkRows(collection: WalkedCollection, wanted: readonly IndexTally[]): Task<Tally> {
    const walked = { collection, wanted, tally: new Tally(), batch: new RecordBatch() }
    const { tally } = walked
    const watch: TreeWatch = {
      found: (finding) => this.#found(finding, `collection ${collection.id}`, tally),
      enter: (position, lengthBytes) => this.#enter(position, lengthBytes, tally),
      leaf: (leaf) => this.#leaf(leaf, walked),
    }
    yield* walkTree(collection.tree, watch)
    yield* this.#checkRecords(walked)
    return tally
  }

  /** Walks an index, and holds it against what the rows say, if all of them were decoded. */
  *#walkIndex(index: WalkedIndex, collection: WalkedCollection, wanted: IndexTally | undefined): Task<void> {
    const { definition, tree, count, rows, nodeBytes } = index
    const of = `index '${definition.name}' of collection ${collection.id}`
    const tally = new Tally()
    const held = new IndexTally(definition, collection.definition?.name ?? '')
    const watch: TreeWatch = {
      found: (finding) => this.#found(finding, of, tally),
      enter: (position, lengthBytes) => this.#enter(position, lengthBytes, tally),
      leaf: (leaf) => this.#indexLeaf(leaf, index, collection, held),
    }
    yield* walkTree(tree, watch)
    if (!tally.isWhole) return
    const figures: Figure[] = [
      ['keys', count, held.entries],
      ['bytes of nodes', nodeBytes, tally.nodeBytes],
    ]
    this.#compare(of, figures)
    if (wanted === undefined || !this.#parts.deep) return
    this.#compare(of, [['rows', rows, wanted.rows]])
    if (wanted.equals(held)) return
    const { findings, statedAt } = this.#parts
    const expected = `${wanted.entries} entries in ${of}, as the rows say`
    findings.error('index', statedAt, {
      expected,
      actual: `${held.entries} entries, not all of them the same`,
    })
  }

  *#indexLeaf(leaf: Node, index: WalkedIndex, collection: WalkedCollection, held: IndexTally): Task<void> {
    const { findings, statedAt } = this.#parts
    for (let i = 0; i < leaf.count; i++) {
      const entry = keyOf(leaf, i)
      held.addEntry(entry)
      const start = entryKeyStart(entry, index.definition.on.length)
      if (start < 0 || !this.#hasRow(collection.tree, entry.subarray(start))) {
        const place = leaf.position === 0 ? statedAt : { offset: leaf.position }
        const what = `an entry of index '${index.definition.name}' that leads to a row`
        findings.error('index', place, { expected: what, actual: 'one that leads to none' })
      }
      if (i % ROWS_PER_PAUSE === ROWS_PER_PAUSE - 1) yield PAUSE
    }
  }

  /** A tree that cannot be read was found so already. */
  #hasRow(tree: Tree, key: Uint8Array): boolean {
    try {
      return tree.has(key)
    } catch (error) {
      if (VarveError.is(error)) return true
      throw error
    }
  }

  #found(finding: TreeFinding, of: string, tally: Tally): void {
    const { kind, path, position, lengthBytes, expected, actual } = finding
    if (kind === 'unreadable' || kind === 'layout' || kind === 'depth') tally.isWhole = false
    const { findings } = this.#parts
    if (position !== 0)
      return findings.error('node', { offset: position, end: position + lengthBytes }, { expected, actual })
    const where = `node ${path === '' ? '/' : path} of the tree of ${of}`
    findings.error('tree', { offset: 0 }, { expected: `${expected} (${where})`, actual })
  }

  #enter(position: number, lengthBytes: number, tally: Tally): boolean {
    const { findings, ranges, nodesBefore, onBytes } = this.#parts
    const end = position + lengthBytes
    const place = { offset: position, end }
    const misplaced = (expected: string, actual: string): boolean => {
      findings.error('node', place, { expected, actual })
      tally.isWhole = false
      return false
    }
    if (position < LOG_START || end > nodesBefore)
      return misplaced(
        `an index node between ${LOG_START} and ${nodesBefore}`,
        `one at ${position} to ${end}`,
      )
    if (!this.#nodes.add(position))
      return misplaced('an index node that is reached once', 'a second way to it, or to bytes of it')
    tally.nodeBytes += lengthBytes
    onBytes(lengthBytes)
    if (!ranges.hold(position, lengthBytes))
      findings.error('node', place, { expected: 'an index node in a frame of such', actual: 'one outside' })
    return true
  }

  *#leaf(leaf: Node, walked: WalkedRows): Task<void> {
    const { tally, wanted, batch } = walked
    const { walkedBefore, onBytes, deep } = this.#parts
    const isRead =
      leaf.position !== 0 && walkedBefore?.reached(leaf.position) === true && (wanted.length === 0 || !deep)
    const ref = new RecordRef()
    for (let i = 0; i < leaf.count; i++) {
      const key = keyOf(leaf, i)
      readRef(leaf, i, ref)
      tally.add(key, ref)
      if (this.#isInPlace(ref) && !isRead) batch.add(ref, key)
      else onBytes(ref.lengthBytes)
      if (batch.isFull) yield* this.#checkRecords(walked)
      if (i % ROWS_PER_PAUSE === ROWS_PER_PAUSE - 1) yield PAUSE
    }
  }

  /** Checks the records of the batch. */
  *#checkRecords({ collection, tally, wanted, batch }: WalkedRows): Task<void> {
    const { onBytes, deep } = this.#parts
    yield* batch.visit((ref, key) => {
      onBytes(ref.lengthBytes)
      const row = this.#reader.check(ref, key, collection, deep)
      if (row === undefined) tally.isReadable = false
      else for (const index of wanted) index.addRow(row, key)
    })
  }

  /** Whether a record lies where the records of this state do, and nobody else led to it. */
  #isInPlace({ position, lengthBytes }: RecordRef): boolean {
    const { findings, recordsBefore } = this.#parts
    const end = position + lengthBytes
    const place = { offset: position, end }
    if (position < LOG_START || end > recordsBefore) {
      const expected = `a record between ${LOG_START} and ${recordsBefore}`
      findings.error('record', place, { expected, actual: `one at ${position} to ${end}` })
      return false
    }
    if (this.#records.add(position)) return true
    const what = {
      expected: 'a record that is reached once',
      actual: 'a second way to it, or to bytes of it',
    }
    findings.error('record', place, what)
    return true
  }

  #compare(of: string, figures: readonly Figure[]): void {
    const { findings, statedAt } = this.#parts
    for (const [what, stated, found] of figures) {
      if (stated === undefined || stated === found) continue
      const expected = `${found} ${what} of ${of}, as its tree has`
      findings.error(statedAt.kind, statedAt, { expected, actual: String(stated) })
    }
  }

  /** Figures can only be right if all that they count was seen. */
  #checkFigures(collection: WalkedCollection, tally: Tally): void {
    if (!tally.isWhole) return
    const { findings, statedAt } = this.#parts
    const of = collection.id === CATALOG_ID ? 'the catalog' : `collection ${collection.id}`
    const figures: Figure[] = [
      ['keys', collection.count, tally.count],
      ['bytes of live records', collection.liveBytes, tally.liveBytes],
      ['bytes of nodes', collection.nodeBytes, tally.nodeBytes],
    ]
    this.#compare(of, figures)
    const [stated, found] = [digestText(collection.digest), digestText(tally.digest)]
    if (stated === found) return
    findings.error('digest', statedAt, { expected: `state digest ${found} of ${of}`, actual: stated })
  }
}

/** What is counted, what is stated of it, and what was found. */
type Figure = readonly [what: string, stated: number | undefined, found: number]

/** What a tree's leaves say, added up. */
class Tally {
  count = 0
  liveBytes = 0
  nodeBytes = 0
  /** Whether everything below the root was seen. */
  isWhole = true
  /** Whether every row was decoded. */
  isReadable = true
  readonly digest: DigestSum = new DigestSum()

  add(key: Uint8Array, { lengthBytes, crc }: RecordRef): void {
    this.count++
    this.liveBytes += lengthBytes
    this.digest.add(key, 0, key.length, crc)
  }
}

/** Reads records, and holds them against the entries that lead to them. */
class RecordChecker {
  readonly #findings: Findings
  readonly #codecs: RowCodecs
  readonly #source: RecordSource
  readonly #rows: RowReader
  readonly #keys = new KeysOf()

  constructor({ file, platform, codecs, path }: AnalysedFile, findings: Findings) {
    this.#findings = findings
    this.#codecs = codecs
    const sizeBytes = file.size()
    // What a live writer takes back behind the last commit is read anew before it is called damaged.
    const pages = new PageCache({ file, limitBytes: RECORD_CACHE_BYTES, end: () => sizeBytes })
    this.#source = new RecordSource(file, platform.checksum, pages)
    this.#rows = new RowReader(this.#source, this.#codecs, path)
  }

  /** Checks one record; with `deep`, also the row in it, which is returned if it can be read. */
  check(
    ref: RecordRef,
    key: Uint8Array,
    { id, definition }: WalkedCollection,
    deep: boolean,
  ): Row | undefined {
    const place = { offset: ref.position, end: ref.position + ref.lengthBytes }
    try {
      this.#source.read(ref, id, key)
    } catch (error) {
      this.#report('record', place, error)
      return undefined
    }
    if (this.#source.record.operation !== Operation.put) {
      const what = { expected: 'a record of a row', actual: 'that of a delete' }
      this.#findings.error('record', place, what)
      return undefined
    }
    if (!deep || definition === undefined) return undefined
    try {
      const row = id === CATALOG_ID ? undefined : this.#row(ref, definition)
      const isOfKey = row === undefined ? this.#isEntry(key) : this.#isRowOf(row, key, definition)
      if (!isOfKey)
        this.#findings.error('row', place, { expected: 'a row of its key', actual: 'a row of another key' })
      return row
    } catch (error) {
      this.#report('row', place, error)
      return undefined
    }
  }

  /** The row in the record read last. */
  #row({ position }: RecordRef, { id }: CollectionDefinition): Row {
    const { bytes, record } = this.#source
    return this.#rows.decodeRecord(id, position, bytes, record.valueStart, record.valueEnd)
  }

  #isRowOf(row: Row, key: Uint8Array, definition: CollectionDefinition): boolean {
    const keys = this.#keys.of(definition)
    return sameBytes(keys.encodeParts(keys.partsOf(row)), key)
  }

  #isEntry(key: Uint8Array): boolean {
    const { bytes, record } = this.#source
    return readEntry(key, bytes.subarray(record.valueStart, record.valueEnd)) !== undefined
  }

  #report(kind: string, place: { readonly offset: number; readonly end: number }, error: unknown): void {
    if (!VarveError.is(error)) throw error
    const { expected = 'a row that can be read', actual = error.message } = error.details
    this.#findings.error(kind, place, { expected, actual })
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
