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
  /** The tree, until somebody needs it. */
  #deferred: DeferredTree | undefined
  /** Whether somebody does, or did. */
  #isNeeded = false
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
    this.#editor = new TreeEditor(state.tree, leavePast)
    this.#liveBytes = state.liveBytes
    this.#digest.set(state.digest)
  }

  /** The tree with everything that was put off. */
  get #tree(): TreeEditor {
    this.#isNeeded = true
    if (this.#deferred !== undefined) this.settle()
    return this.#editor
  }

  /** Puts what was put off into the tree. Throws if a node cannot be read that is needed for that. */
  settle(): void {
    this.#deferred?.settle()
    this.#deferred = undefined
  }

  /** Whether something was put off and is not in the tree yet. */
  get isBehind(): boolean {
    return this.#deferred?.isBehind === true
  }

  /** As `settle`, of so many changes; whether there are more. */
  settleSome(most: number): boolean {
    return this.#deferred?.settleSome(most) === true
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
    return this.#deferred?.count ?? this.#editor.count
  }

  /** Whether it holds so many rows with this digest. */
  holds(rows: number, { a, b }: Digest): boolean {
    return this.count === rows && this.#digest.a === a && this.#digest.b === b
  }

  find(key: Uint8Array, ref: RecordRef): boolean {
    return this.#tree.find(key, ref)
  }

  /** As `find`; a change of this key that comes next need not look for it. */
  lookUp(key: Uint8Array, ref: RecordRef): boolean {
    return this.#tree.lookUp(key, ref)
  }

  /** As `lookUp`, for a change that is going to come. */
  seek(key: Uint8Array, ref: RecordRef): boolean {
    return this.#tree.seek(key, ref)
  }

  /** Brings into memory what a change of this row needs, so that the change itself cannot fail half way; `isNew` if it is known not to be there. */
  prepare(key: Uint8Array, changes: readonly IndexChange[], isNew: boolean): void {
    for (const change of changes) change.index.prepare(change)
    if (isNew) this.#tree.ownToAdd(key)
    else if (changes.length > 0) this.#tree.own(key)
  }

  /** Adds a row that was prepared, and is known not to be there. */
  add(key: Uint8Array, { position, lengthBytes, crc }: RecordRef): void {
    this.#tree.add(key, position, lengthBytes, crc)
    this.#liveBytes += lengthBytes
    this.#digest.add(key, 0, key.length, crc)
  }

  /** Returns the position of the record that was replaced; 0 for none. */
  put(key: Uint8Array, { position, lengthBytes, crc }: RecordRef): number {
    const replaced = this.#replaced
    const wasThere = this.#tree.set(key, position, lengthBytes, crc, replaced)
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
    this.#tree.replace(key, at, previous)
    this.#liveBytes += at.lengthBytes - previous.lengthBytes
    this.#digest.subtract(key, 0, key.length, previous.crc)
    this.#digest.add(key, 0, key.length, at.crc)
    return previous.position
  }

  /**
   * As `add`, or as `replace` of `previous`, which was there, but puts the tree off until somebody needs it. False if somebody does: then nothing
   * was done. What it then takes and cannot be read, `deferral` knows to do without.
   */
  defer(
    key: Uint8Array,
    at: RecordRef,
    previous: RecordRef | undefined,
    deferral: Pick<Deferral, 'rebuilt'>,
  ): boolean {
    if (this.#isNeeded || this.#deferred?.isOpen === false) return false
    this.#deferred ??= new DeferredTree(this.#editor, (cause) => this.#rebuilt(deferral, cause))
    this.#deferred.add(key, at, previous === undefined)
    this.#liveBytes += at.lengthBytes
    this.#digest.add(key, 0, key.length, at.crc)
    if (previous === undefined) return true
    this.#liveBytes -= previous.lengthBytes
    this.#digest.subtract(key, 0, key.length, previous.crc)
    return true
  }

  #rebuilt(deferral: Pick<Deferral, 'rebuilt'>, cause: unknown): Tree {
    const { tree, digest } = deferral.rebuilt(this.definition.id, cause)
    if (!this.holds(tree.count, digest)) throw cause
    return tree
  }

  /** Returns the position of the record that was there; 0 for none. */
  delete(key: Uint8Array): number {
    const replaced = this.#replaced
    if (!this.#tree.delete(key, replaced)) return 0
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
      tree: this.#deferred?.give() ?? this.#editor.freeze(),
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
    this.#tree.reset(state.tree)
    this.#resetIndexes(state)
    this.#liveBytes = state.liveBytes
    this.#digest.set(state.digest)
  }

  /** Has `release` let go of each tree's root; returns the memory that unstored nodes take. */
  recount(release: (tree: Tree) => void): number {
    const tree = this.#tree.freeze().detach()
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
    const tree = this.#tree.freeze()
    const before = from.length === 0 ? 0 : tree.rankOf(from) + (tree.has(from) ? 1 : 0)
    return before + rows < tree.count ? tree.keyAt(before + rows - 1) : undefined
  }

  /** The rows as they are now, for a walk that ends before anything else changes. */
  rowsNow(): Tree {
    return this.#tree.freeze()
  }

  /** The tree as it is now, for a cursor. */
  tree(): Tree {
    return this.#tree.freeze().capture()
  }

  /** What it is now is going to be visible. */
  publish(): Publication[] {
    // What was put off is of an open, before which nobody could see anything.
    const rows = this.#deferred === undefined ? [this.#editor.publish()] : []
    return [...rows, ...this.indexes.map((index) => index.publish())]
  }

  leavePast(): void {
    if (this.#deferred === undefined) this.#editor.leavePast()
    for (const index of this.indexes) index.leavePast()
  }
}
