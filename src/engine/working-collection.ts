/**
 * A collection under change: the writer's side of a `CollectionState`.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import { type Digest, DigestSum } from '../format/digest.js'
import type { KeyPart } from '../format/key.js'
import { DeferredTree, type Publication, RecordRef, type Tree, TreeEditor } from '../tree/index.js'
import type { Deferral } from './deferral.js'
import { type CollectionState, type IndexState, isWhole } from './state.js'
import { type IndexChange, WorkingIndex } from './working-index.js'

const NO_INDEXES: readonly IndexState[] = []

export class WorkingCollection {
  definition: CollectionDefinition
  counter: number
  structuresLogged: number
  /** Its secondary indexes, by when they were added. */
  indexes: readonly WorkingIndex[]
  readonly #editor: TreeEditor
  /** What the editor is behind. */
  #deferred: DeferredTree | undefined
  /** Whether rows may wait: nobody needed the tree yet. */
  #mayWait = true
  readonly #digest = new DigestSum()
  readonly #replaced = new RecordRef()
  readonly #leavePast: () => void
  #liveBytes: number

  /** `leavePast` detaches all trees of it that anybody has, and then calls `leavePast` of it. */
  constructor(state: CollectionState, leavePast: () => void) {
    this.#leavePast = leavePast
    this.definition = state.definition
    this.counter = state.counter
    this.structuresLogged = state.structuresLogged
    this.indexes = state.indexes.map((index) => this.newIndex(index, state.definition.name))
    this.#deferred = DeferredTree.of(state.tree)
    this.#editor = this.#deferred?.editor ?? new TreeEditor(state.tree, leavePast)
    this.#liveBytes = state.liveBytes
    this.#digest.set(state.digest)
  }

  get id(): number {
    return this.definition.id
  }

  /** The tree with the rows that wait; undefined if none do. */
  get deferred(): DeferredTree | undefined {
    return this.#deferred?.isBehind === true ? this.#deferred : undefined
  }

  /** The editor of the tree with all rows in it. Throws if it cannot be made. */
  #settled(): TreeEditor {
    this.#mayWait = false
    void this.deferred?.give().root
    this.#deferred = undefined
    return this.#editor
  }

  newIndex(state: IndexState, collection: string): WorkingIndex {
    return new WorkingIndex(state, collection, this.#leavePast)
  }

  /** Where the counter goes for a key that the caller gives; undefined if it is past it already. */
  counterPast([part]: readonly KeyPart[]): number | undefined {
    if (typeof part !== 'number' || part < this.counter) return undefined
    return Math.min(part + 1, Number.MAX_SAFE_INTEGER)
  }

  get count(): number {
    return this.deferred?.count ?? this.#editor.count
  }

  /** Whether it holds so many rows with this digest. */
  holds(rows: number, { a, b }: Digest): boolean {
    return this.count === rows && this.#digest.a === a && this.#digest.b === b
  }

  find(key: Uint8Array, ref: RecordRef): boolean {
    return this.#settled().find(key, ref)
  }

  /** As `find`; a change of this key that comes next need not look for it. */
  lookUp(key: Uint8Array, ref: RecordRef): boolean {
    return this.#settled().lookUp(key, ref)
  }

  /** As `lookUp`, for a change that is going to come. */
  seek(key: Uint8Array, ref: RecordRef): boolean {
    return this.#settled().seek(key, ref)
  }

  /** Brings into memory what a change of this row needs, so that the change itself cannot fail half way; `isNew` if it is known not to be there. */
  prepare(key: Uint8Array, changes: readonly IndexChange[], isNew: boolean): void {
    for (const change of changes) change.index.prepare(change)
    if (isNew) this.#settled().ownToAdd(key)
    else if (changes.length > 0) this.#settled().own(key)
  }

  /** Adds a row that was prepared, and is known not to be there. */
  add(key: Uint8Array, { position, lengthBytes, crc }: RecordRef): void {
    this.#settled().add(key, position, lengthBytes, crc)
    this.#liveBytes += lengthBytes
    this.#digest.add(key, 0, key.length, crc)
  }

  /** Returns the position of the record that was replaced; 0 for none. */
  put(key: Uint8Array, { position, lengthBytes, crc }: RecordRef): number {
    const replaced = this.#replaced
    const wasThere = this.#settled().set(key, position, lengthBytes, crc, replaced)
    if (wasThere) {
      this.#liveBytes -= replaced.lengthBytes
      this.#digest.subtract(key, 0, key.length, replaced.crc)
    }
    this.#liveBytes += lengthBytes
    this.#digest.add(key, 0, key.length, crc)
    return wasThere ? replaced.position : 0
  }

  /** Puts a row that is known to be there, as `previous`: its leaf need not be read for that. Returns the position of the record that was replaced. */
  replace(key: Uint8Array, at: RecordRef, previous: RecordRef): number {
    this.#settled().replace(key, at, previous)
    this.#liveBytes += at.lengthBytes - previous.lengthBytes
    this.#digest.subtract(key, 0, key.length, previous.crc)
    this.#digest.add(key, 0, key.length, at.crc)
    return previous.position
  }

  /** As `add`, or as `replace` of `previous`, which was there, but lets the tree wait. False if somebody needs it already: then nothing was done. */
  defer(key: Uint8Array, at: RecordRef, previous: RecordRef | undefined, deferral: Deferral): boolean {
    if (!this.#mayWait || this.#deferred?.isOpen === false) return false
    this.#deferred ??= deferral.defer(this, this.#editor)
    this.#deferred.add(key, at, previous === undefined)
    this.#liveBytes += at.lengthBytes
    this.#digest.add(key, 0, key.length, at.crc)
    if (previous === undefined) return true
    this.#liveBytes -= previous.lengthBytes
    this.#digest.subtract(key, 0, key.length, previous.crc)
    return true
  }

  /** Returns the position of the record that was there; 0 for none. */
  delete(key: Uint8Array): number {
    const replaced = this.#replaced
    if (!this.#settled().delete(key, replaced)) return 0
    this.#liveBytes -= replaced.lengthBytes
    this.#digest.subtract(key, 0, key.length, replaced.crc)
    return replaced.position
  }

  /** The collection as it is now, in O(1). */
  freeze(): CollectionState {
    const digest: Digest = { a: this.#digest.a, b: this.#digest.b }
    const { definition, counter, structuresLogged } = this
    return {
      definition,
      tree: this.deferred?.give() ?? this.#editor.freeze(),
      liveBytes: this.#liveBytes,
      digest,
      counter,
      structuresLogged,
      indexes: this.indexes.length === 0 ? NO_INDEXES : this.indexes.map((index) => index.freeze()),
    }
  }

  reset(state: CollectionState): void {
    this.definition = state.definition
    this.counter = state.counter
    this.structuresLogged = state.structuresLogged
    // Of a tree that waits nothing was changed.
    if (this.deferred === undefined || DeferredTree.of(state.tree) !== this.deferred)
      this.#settled().reset(state.tree)
    this.#resetIndexes(state)
    this.#liveBytes = state.liveBytes
    this.#digest.set(state.digest)
  }

  /** Has `release` let go of each tree's root; returns the memory that unstored nodes take. */
  recount(release: (tree: Tree) => void): number {
    const tree = this.#settled().freeze().detach()
    release(tree)
    return this.indexes.reduce((bytes, index) => bytes + index.recount(release), tree.unstoredBytes)
  }

  #resetIndexes({ indexes, definition }: CollectionState): void {
    const kept = new Map(this.indexes.map((index) => [index.definition.id, index]))
    this.indexes = indexes.map((state) => {
      const index = kept.get(state.definition.id)
      index?.reset(state, definition.name)
      return index ?? this.newIndex(state, definition.name)
    })
  }

  /** Its indexes as they are now, for cursors, without those that are being built. */
  wholeIndexes(): readonly IndexState[] {
    if (this.indexes.length === 0) return NO_INDEXES
    const whole = this.indexes.map((index) => index.freeze()).filter(isWhole)
    for (const { tree } of whole) tree.capture()
    return whole
  }

  /** The key that so many rows behind `from` are up to; undefined if there are not so many. An empty key is before all. */
  keyAfter(from: Uint8Array, rows: number): Uint8Array | undefined {
    const tree = this.#settled().freeze()
    const before = from.length === 0 ? 0 : tree.rankOf(from) + (tree.has(from) ? 1 : 0)
    return before + rows < tree.count ? tree.keyAt(before + rows - 1) : undefined
  }

  /** The rows as they are now, for a walk that ends before anything else changes. */
  rowsNow(): Tree {
    return this.#settled().freeze()
  }

  /** The tree as it is now, for a cursor. */
  tree(): Tree {
    return this.#settled().freeze().capture()
  }

  /** What it is now is going to be visible. */
  publish(): Publication[] {
    // What waits is as it was when the file was opened.
    const rows = this.deferred === undefined ? [this.#editor.publish()] : []
    return [...rows, ...this.indexes.map((index) => index.publish())]
  }

  leavePast(): void {
    if (this.deferred === undefined) this.#editor.leavePast()
    for (const index of this.indexes) index.leavePast()
  }
}
