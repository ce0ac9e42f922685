/**
 * The newest state of the database: what the next transaction starts from, ahead of what readers see.
 *
 * It applies records, from a replay or from a transaction being made, to the trees, and keeps scopes: a scope remembers
 * each collection as it was when the scope first touched it, so that a rollback costs what was touched, in O(1) each.
 */
import { type CatalogEntry, CATALOG_ID, readEntry } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import { CorruptionError, FormatError, type VarveError } from '../errors.js'
import type { BaseCollection } from '../format/base.js'
import { Operation, type RecordView, type ReplacedRecord } from '../format/record.js'
import type { Checkpoint } from '../format/checkpoint.js'
import type { CommitPosition } from '../log/commit-position.js'
import type { RestorableTarget } from '../log/replay.js'
import type { Row } from '../format/value.js'
import { type NodeSource, type Publication, RecordRef, type Tree } from '../tree/index.js'
import { stateOf } from './checkpoint-state.js'
import type { Deferral } from './deferral.js'
import { emptyCollection, emptyIndex, emptyState } from './empty-state.js'
import { addToBuilds, type IndexBuild, runBuild } from './index-build.js'
import { indexChanges, refuseClash } from './index-changes.js'
import type { RowCodecs } from './row-codecs.js'
import type { RowReader } from './row-reader.js'
import { allTrees, type CollectionState, type DatabaseState, type StateChange, treesOf } from './state.js'
import { WorkingCollection } from './working-collection.js'
import type { IndexChange } from './working-index.js'

const NO_CHANGES: readonly IndexChange[] = []
const NO_ROW = new Uint8Array(0)
/** Before every key. */
const NO_KEY = new Uint8Array(0)

/** Where a record of the log was put. */
export interface PlacedRecord {
  readonly position: number
  readonly lengthBytes: number
  readonly crc: number
  /** Whether there is known to be no other row of its key; if not, that is looked up. */
  readonly isNew: boolean
  /** The record that it replaces, where that is known before the row is looked up. */
  readonly replaced?: RecordRef | undefined
}

/** Where rows are read that change or are indexed. */
export type RowsOfRecords = Pick<RowReader, 'read' | 'decodeRecord' | 'replaced'>

/** What a scope must restore. */
interface Scope {
  readonly saved: Map<number, CollectionState | undefined>
  readonly names: ReadonlyMap<string, number>
  readonly recordBytes: number
}

export class Head implements RestorableTarget {
  /** The last commit applied by a replay. */
  lastReplayed: CommitPosition
  /** The state that the replay began from. */
  base: DatabaseState
  readonly #codecs: RowCodecs
  readonly #path: string
  readonly #nodes: NodeSource
  #rows: RowsOfRecords
  /** Whether values that must be unique are: what the log holds was refused or not when it was written. */
  #refusesClashes = false
  #abandon: ((cause: unknown) => VarveError) | undefined
  readonly #dirty = new Set<number>()
  readonly #scopes: Scope[] = []
  readonly #ref = new RecordRef()
  /** Whether records come from its own file, so that where they say the version before is, it is. */
  #replays = false
  /** Of a file that is opened without bringing its trees up to date. */
  #deferral: Deferral | undefined
  #collections = new Map<number, WorkingCollection>()
  #names: ReadonlyMap<string, number> = new Map()
  #recordBytes = 0

  constructor(state: DatabaseState, codecs: RowCodecs, path: string, nodes: NodeSource, rows: RowsOfRecords) {
    this.#codecs = codecs
    this.#path = path
    this.#rows = rows
    this.#nodes = nodes
    this.base = state
    this.lastReplayed = state.commit
    this.reset(state)
  }

  /**
   * From now on transactions change it, whose records `rows` reads before they are in the file. `abandon` has nothing more written, and
   * returns the error that says so.
   */
  serve(rows: RowsOfRecords, abandon: (cause: unknown) => VarveError): void {
    this.#rows = rows
    this.#abandon = abandon
    this.#refusesClashes = true
  }

  /** From now on `rows` is told which records are replaced by those that it applies. */
  observe(rows: RowsOfRecords): void {
    this.#rows = rows
  }

  /** From now on a replay may defer rows. */
  defer(deferral: Deferral): void {
    this.#deferral = deferral
  }

  get deferral(): Deferral | undefined {
    return this.#deferral
  }

  /** Goes back (or forward) to a whole state; scopes are forgotten. */
  reset(state: DatabaseState): void {
    this.#replays = false
    this.#collections = new Map()
    for (const [id, collection] of state.collections) this.#collections.set(id, this.#working(id, collection))
    this.#names = state.names
    this.#recordBytes = state.recordBytes
    this.#dirty.clear()
    this.#scopes.length = 0
    let unstored = 0
    for (const tree of allTrees(state)) unstored += tree.unstoredBytes
    this.#nodes.recount(unstored)
  }

  /** Sums the memory of unstored nodes anew, after a checkpoint has stored many: `release` lets go of a tree's root if it is stored. */
  recount(release: (tree: Tree) => void): void {
    let unstored = 0
    for (const collection of this.#collections.values()) unstored += collection.recount(release)
    this.#nodes.recount(unstored)
  }

  get names(): ReadonlyMap<string, number> {
    return this.#names
  }

  /** The catalog's counter: the id of the next collection. */
  get nextCollectionId(): number {
    return this.#catalog().counter
  }

  collection(id: number): WorkingCollection | undefined {
    return this.#collections.get(id)
  }

  collectionNamed(name: string): WorkingCollection | undefined {
    const id = this.#names.get(name)
    return id === undefined ? undefined : this.#collections.get(id)
  }

  // Scopes

  openScope(): void {
    this.#scopes.push({ saved: new Map(), names: this.#names, recordBytes: this.#recordBytes })
  }

  /** Keeps what was done in the innermost scope. */
  keepScope(): void {
    const scope = this.#scopes.pop()
    const outer = this.#scopes.at(-1)
    if (scope === undefined || outer === undefined) return
    for (const [id, state] of scope.saved) if (!outer.saved.has(id)) outer.saved.set(id, state)
  }

  /** Undoes what was done in the innermost scope. That does not fail; if it does all the same, nothing more is written. */
  undoScope(): void {
    const scope = this.#scopes.at(-1)
    if (scope === undefined) return
    try {
      this.#undo(scope)
    } catch (error) {
      throw this.#abandon?.(error) ?? error
    } finally {
      // Until then it has live trees, which leaving the past detaches.
      this.#scopes.pop()
    }
  }

  #undo(scope: Scope): void {
    for (const [id, state] of scope.saved) {
      if (state === undefined) this.#collections.delete(id)
      else this.#restore(id, state)
    }
    this.#names = scope.names
    this.#recordBytes = scope.recordBytes
  }

  #restore(id: number, state: CollectionState): void {
    const working = this.#collections.get(id)
    if (working === undefined) this.#collections.set(id, this.#working(id, state))
    else working.reset(state)
  }

  #working(id: number, state: CollectionState): WorkingCollection {
    return new WorkingCollection(state, () => this.#leavePast(id))
  }

  /** Only scopes have live trees that were not published. */
  #leavePast(id: number): void {
    for (const { saved } of this.#scopes) {
      const state = saved.get(id)
      if (state !== undefined) for (const tree of treesOf(state)) tree.detach()
    }
    this.#collections.get(id)?.leavePast()
  }

  /** To be called before a collection changes. */
  #touch(id: number): WorkingCollection | undefined {
    const working = this.#collections.get(id)
    this.#save(id, working)
    return working
  }

  #save(id: number, working: WorkingCollection | undefined): void {
    this.#dirty.add(id)
    const scope = this.#scopes.at(-1)
    if (scope !== undefined && !scope.saved.has(id)) scope.saved.set(id, working?.freeze())
  }

  /** Everything changed since the last call, as it is now. */
  takeChange(): StateChange {
    this.#replays = false
    const collections = new Map<number, CollectionState | undefined>()
    const published: Publication[] = []
    for (const id of this.#dirty) {
      const working = this.#collections.get(id)
      collections.set(id, working?.freeze())
      if (working !== undefined) published.push(...working.publish())
    }
    this.#dirty.clear()
    return { collections, names: this.#names, recordBytes: this.#recordBytes, published }
  }

  // Changes

  /** Finds a row that is about to be put or deleted, and has that change look for nothing again. */
  seek(working: WorkingCollection, key: Uint8Array, ref: RecordRef): boolean {
    this.#save(working.definition.id, working)
    return working.seek(key, ref)
  }

  /**
   * Puts a row whose record is `at`; `bytes[start, end)` is the row, and `decoded` the same where it is at hand. If it throws, nothing
   * was changed.
   */
  putRow(
    collectionId: number,
    key: Uint8Array,
    at: PlacedRecord,
    bytes: Uint8Array,
    start: number,
    end: number,
    decoded?: Row,
  ): void {
    const working = this.#touch(collectionId)
    const replaced = working === undefined ? 0 : this.#putInto(working, key, at, bytes, start, end, decoded)
    if (replaced > 0) this.#rows.replaced(replaced)
    this.#recordBytes += at.lengthBytes
  }

  /** Returns the position of the record that was replaced; 0 for none. */
  #putInto(
    working: WorkingCollection,
    key: Uint8Array,
    at: PlacedRecord,
    bytes: Uint8Array,
    start: number,
    end: number,
    decoded: Row | undefined,
  ): number {
    let changes = NO_CHANGES
    if (working.indexes.length > 0) {
      const { id } = working.definition
      const row = decoded ?? this.#rows.decodeRecord(id, at.position, bytes, start, end)
      const old = at.isNew ? undefined : this.#rowBefore(working, key)
      changes = indexChanges(working, key, old, row, this.#refusesClashes)
    }
    if (this.#isDeferred(working, key, at)) return at.replaced?.position ?? 0
    if (at.replaced !== undefined && working.indexes.length === 0)
      return working.replace(key, at, at.replaced)
    working.prepare(key, changes, at.isNew)
    let replaced = 0
    if (at.isNew) working.add(key, at)
    else replaced = working.put(key, at)
    for (const change of changes) change.index.apply(change)
    return replaced
  }

  /** Whether a row is deferred; of a transaction that may be rolled back none is. */
  #isDeferred(working: WorkingCollection, key: Uint8Array, at: PlacedRecord): boolean {
    if (this.#deferral === undefined || !this.#replays || this.#scopes.length > 0) return false
    if (working.indexes.length > 0 || working.definition.id === CATALOG_ID) return false
    return (at.isNew || at.replaced !== undefined) && this.#deferral.takes(working, key, at, at.replaced)
  }

  deleteRow(collectionId: number, key: Uint8Array, at: PlacedRecord): void {
    const working = this.#touch(collectionId)
    if (working !== undefined) {
      const hasIndexes = working.indexes.length > 0
      const old = hasIndexes ? this.#rowBefore(working, key) : undefined
      const changes = hasIndexes
        ? indexChanges(working, key, old, undefined, this.#refusesClashes)
        : NO_CHANGES
      working.prepare(key, changes, false)
      const replaced = working.delete(key)
      for (const change of changes) change.index.apply(change)
      if (replaced > 0) this.#rows.replaced(replaced)
    }
    this.#recordBytes += at.lengthBytes
  }

  /** The row that is replaced or deleted; the error if it cannot be read. */
  #rowBefore(working: WorkingCollection, key: Uint8Array): Row | CorruptionError | undefined {
    const ref = this.#ref
    if (!working.find(key, ref)) return undefined
    try {
      return this.#rows.read(working.definition.id, ref, key)
    } catch (error) {
      if (error instanceof CorruptionError) return error
      throw error
    }
  }

  /** A record of the catalog: kept in the catalog's own tree, and carried out. */
  applyEntry(entry: CatalogEntry, operation: Operation, key: Uint8Array, at: PlacedRecord): void {
    if (operation === Operation.put) this.putRow(CATALOG_ID, key, at, NO_ROW, 0, 0)
    else this.deleteRow(CATALOG_ID, key, at)
    if (entry.kind === 'collection') this.#applyDefinition(entry.id, entry.definition)
    else if (entry.kind === 'counter') this.#applyCounter(entry.collectionId, entry.next)
    else if (entry.kind === 'structure')
      this.#applyStructure(entry.collectionId, entry.structureId, entry.fields)
  }

  #applyDefinition(id: number, definition: CollectionDefinition | undefined): void {
    const working = this.#touch(id)
    const names = new Map(this.#names)
    if (working !== undefined) names.delete(working.definition.name)
    if (definition === undefined) {
      this.#collections.delete(id)
    } else {
      names.set(definition.name, id)
      if (working === undefined)
        this.#collections.set(id, this.#working(id, emptyCollection(definition, this.#nodes)))
      else this.#redefine(working, definition)
    }
    this.#names = names
  }

  /** Indexes that are new, or built farther, get the entries of the rows that there are. */
  #redefine(working: WorkingCollection, definition: CollectionDefinition): void {
    const builds: IndexBuild[] = []
    working.definition = definition
    working.indexes = definition.indexes.map((wanted) => {
      const present = working.indexes.find((index) => index.definition.id === wanted.id)
      const index = present ?? working.newIndex(emptyIndex(wanted, this.#nodes), definition.name)
      const from = present === undefined ? NO_KEY : present.definition.builtTo
      index.advance(wanted, definition.name)
      if (from !== undefined) addToBuilds(builds, index, from)
      return index
    })
    for (const build of builds) this.build(working, build)
  }

  /** Adds the entries that a build is to add. */
  protected build(working: WorkingCollection, build: IndexBuild): void {
    const { id } = working.definition
    runBuild(
      build,
      working.rowsNow(),
      (ref, key) => this.#rowToIndex(id, ref, key),
      (index, entry) => {
        if (this.#refusesClashes) refuseClash(working, index, entry, index.primaryKeyOf(entry))
      },
    )
  }

  /** A row of the log that was damaged since it was indexed costs its own entries, not the open. */
  #rowToIndex(id: number, ref: RecordRef, key: Uint8Array): Row | undefined {
    try {
      return this.#rows.read(id, ref, key)
    } catch (error) {
      if (this.#refusesClashes || !(error instanceof CorruptionError)) throw error
      return undefined
    }
  }

  #applyCounter(id: number, next: number | undefined): void {
    const working = this.#touch(id)
    if (working !== undefined) working.counter = next ?? 1
  }

  /** Structures outlive a drop of their entry: rows of the past may still need them. */
  #applyStructure(id: number, structureId: number, fields: readonly string[] | undefined): void {
    const working = this.#touch(id)
    if (fields === undefined) return
    if (!this.#codecs.learn(id, structureId, fields)) throw this.#contradiction(id, structureId)
    if (working !== undefined) working.structuresLogged = Math.max(working.structuresLogged, structureId + 1)
  }

  #catalog(): WorkingCollection {
    const catalog = this.#collections.get(CATALOG_ID)
    if (catalog === undefined) throw new TypeError('A database state without its catalog.')
    return catalog
  }

  #contradiction(collectionId: number, structureId: number): FormatError {
    return new FormatError(
      `The log of ${this.#path} states record structure ${structureId} of collection ${collectionId} out of order or twice. The file is untouched; use a newer version, or salvage it.`,
      { path: this.#path },
    )
  }

  // RestorableTarget

  start(checkpoint: Checkpoint | undefined, parent: CommitPosition): void {
    const nodes = this.#nodes
    this.base =
      checkpoint === undefined
        ? emptyState(parent, nodes)
        : stateOf(checkpoint, nodes, this.#codecs, this.#path)
    this.lastReplayed = this.base.commit
    this.reset(this.base)
    this.#deferral?.restart()
    this.#replays = true
  }

  damagedNode(error: unknown): number | undefined {
    const { damage } = this.#nodes
    return damage !== undefined && error === damage ? damage.details.offset : undefined
  }

  begin(speculative: boolean): void {
    if (speculative) this.openScope()
  }

  record(bytes: Uint8Array, record: RecordView, position: number, before?: ReplacedRecord): void {
    const key = bytes.subarray(record.keyStart, record.keyEnd)
    const { crc, previous } = record
    const isKnown = this.#replays && before !== undefined
    const replaced = isKnown ? { position: previous, ...before } : undefined
    const at = { position, lengthBytes: record.end - record.start, crc, isNew: previous === 0, replaced }
    const { collectionId } = record
    if (collectionId === CATALOG_ID) return this.#catalogRecord(bytes, record, key, at)
    if (!this.#collections.has(collectionId)) throw this.#unknownCollection(record, position)
    if (record.operation === Operation.put)
      this.putRow(collectionId, key, at, bytes, record.valueStart, record.valueEnd)
    else this.deleteRow(collectionId, key, at)
  }

  #catalogRecord(bytes: Uint8Array, record: RecordView, key: Uint8Array, at: PlacedRecord): void {
    const isPut = record.operation === Operation.put
    const row = isPut ? bytes.subarray(record.valueStart, record.valueEnd) : undefined
    const entry = readEntry(key, row)
    if (entry === undefined) {
      throw new FormatError(
        `The catalog record at offset ${at.position} of ${this.#path} has a valid checksum but is not understood. The file is untouched; use a newer version.`,
        { path: this.#path, offset: at.position },
      )
    }
    this.applyEntry(entry, isPut ? Operation.put : Operation.delete, key, at)
  }

  #unknownCollection(record: RecordView, position: number): FormatError {
    return new FormatError(
      `The record at offset ${position} of ${this.#path} belongs to collection ${record.collectionId}, which the catalog does not know. The file is untouched; use a newer version, or salvage it.`,
      { path: this.#path, offset: position },
    )
  }

  beginsWith(collections: readonly BaseCollection[]): string | undefined {
    if (collections.length !== this.#collections.size) return 'the number of collections'
    const other = collections.find(({ id, digest, rows }) => !this.#collections.get(id)?.holds(rows, digest))
    return other === undefined ? undefined : `the rows of collection ${other.id}`
  }

  commit(position: CommitPosition): void {
    this.keepScope()
    this.lastReplayed = position
  }

  rollback(): void {
    this.undoScope()
  }
}
