/**
 * A secondary index under change: the writer's side of an `IndexState`.
 */
import type { IndexDefinition } from '../catalog/index-definition.js'
import { entryKeyStart, hasNullPart, IndexKeys } from '../catalog/index-key.js'
import { compareKeys, keyAfter } from '../format/key-order.js'
import { type Publication, RecordRef, type Tree, TreeEditor } from '../tree/index.js'
import type { IndexState } from './state.js'

/** What a change of a row does to one index. */
export interface IndexChange {
  readonly index: WorkingIndex
  readonly removed: readonly Uint8Array[]
  readonly added: readonly Uint8Array[]
  /** By how many rows with entries there are more. */
  readonly rows: number
}

/** So many entries of a row, so long, may be added to leaves that are not in memory as a whole. */
const FEW_ENTRIES = 8
const SHORT_ENTRY_BYTES = 256

const NONE: readonly Uint8Array[] = []

export class WorkingIndex {
  keys: IndexKeys
  readonly #editor: TreeEditor
  readonly #unread = new RecordRef()
  #definition: IndexDefinition
  #rows: number

  constructor({ definition, tree, rows }: IndexState, collection: string, leavePast: () => void) {
    this.#definition = definition
    this.keys = new IndexKeys(definition, collection)
    this.#editor = new TreeEditor(tree, leavePast)
    this.#rows = rows
  }

  get definition(): IndexDefinition {
    return this.#definition
  }

  /** Whether the row of this primary key has its entries already, if the index is being built. */
  covers(primaryKey: Uint8Array): boolean {
    const { builtTo } = this.#definition
    return builtTo === undefined || compareKeys(primaryKey, builtTo) <= 0
  }

  /** Says up to where it is built, and of which collection it is now. */
  advance(definition: IndexDefinition, collection: string): void {
    this.#definition = definition
    this.keys = this.keys.inCollection(collection)
  }

  /** What has to be done where a row had some entries and has others now; undefined if nothing has. */
  change(before: readonly Uint8Array[], after: readonly Uint8Array[]): IndexChange | undefined {
    const removed = without(before, after)
    const added = without(after, before)
    if (removed.length === 0 && added.length === 0) return undefined
    return { index: this, removed, added, rows: Math.sign(after.length) - Math.sign(before.length) }
  }

  /** The primary key of another row that has the values of `entry`, where these must be unique. */
  clashOf(entry: Uint8Array, primaryKey: Uint8Array): Uint8Array | undefined {
    if (!this.#definition.unique) return undefined
    const parts = this.#definition.on.length
    const end = entryKeyStart(entry, parts)
    if (hasNullPart(entry, end)) return undefined
    const values = entry.subarray(0, end)
    let present = this.#editor.keyFrom(values)
    if (present !== undefined && isOf(present, values, primaryKey))
      present = this.#editor.keyFrom(keyAfter(present))
    if (present === undefined || !startsWith(present, values)) return undefined
    const other = present.subarray(end)
    return compareKeys(other, primaryKey) === 0 ? undefined : other.slice()
  }

  /** Brings into memory whatever a change needs, so that the change itself cannot fail. */
  prepare({ removed, added }: IndexChange): void {
    for (const entry of removed) this.#editor.own(entry)
    for (const entry of added) this.#own(entry, added.length)
  }

  /** Of an entry to be added along with others, so many in all. A few short ones fit into a leaf of which little is in memory. */
  #own(entry: Uint8Array, entries: number): void {
    if (entries <= FEW_ENTRIES && entry.length <= SHORT_ENTRY_BYTES) this.#editor.ownToAdd(entry)
    else this.#editor.own(entry)
  }

  /** Adds entries in order, of rows that had none. If it throws, some of them may be there: whoever calls goes back to a state before. */
  addAll(
    entries: readonly Uint8Array[],
    rows: number,
    refuse: (index: WorkingIndex, entry: Uint8Array) => void,
  ): void {
    for (const entry of entries) {
      if (this.#definition.unique) refuse(this, entry)
      this.#own(entry, 1)
      this.#editor.add(entry, 0, 0, 0)
    }
    this.#rows += rows
  }

  /** The primary key that an entry ends in. */
  primaryKeyOf(entry: Uint8Array): Uint8Array {
    return entry.subarray(entryKeyStart(entry, this.#definition.on.length))
  }

  apply({ removed, added, rows }: IndexChange): void {
    for (const entry of removed) this.#editor.delete(entry, this.#unread)
    for (const entry of added) this.#editor.add(entry, 0, 0, 0)
    this.#rows += rows
  }

  /** The entries of a row that cannot be read any more, found by walking the whole index. */
  entriesWithKey(primaryKey: Uint8Array): readonly Uint8Array[] {
    const found: Uint8Array[] = []
    const parts = this.#definition.on.length
    for (const cursor = this.#editor.freeze().cursor({}); cursor.next();) {
      const entry = cursor.key()
      const start = entryKeyStart(entry, parts)
      if (start >= 0 && compareKeys(entry.subarray(start), primaryKey) === 0) found.push(entry)
    }
    return found
  }

  freeze(): IndexState {
    return { definition: this.#definition, tree: this.#editor.freeze(), rows: this.#rows }
  }

  reset({ definition, tree, rows }: IndexState, collection: string): void {
    this.advance(definition, collection)
    this.#editor.reset(tree)
    this.#rows = rows
  }

  /** Has `release` let go of the tree's root; returns the memory that unstored nodes take. */
  recount(release: (tree: Tree) => void): number {
    const tree = this.#editor.freeze().detach()
    release(tree)
    return tree.unstoredBytes
  }

  publish(): Publication {
    return this.#editor.publish()
  }

  leavePast(): void {
    this.#editor.leavePast()
  }
}

/** Of sorted keys those that are not among other sorted ones. */
function without(keys: readonly Uint8Array[], others: readonly Uint8Array[]): readonly Uint8Array[] {
  if (keys.length === 0 || others.length === 0) return keys
  const rest = keys.filter((key) => !others.some((other) => compareKeys(key, other) === 0))
  return rest.length === 0 ? NONE : rest
}

function isOf(entry: Uint8Array, values: Uint8Array, primaryKey: Uint8Array): boolean {
  return startsWith(entry, values) && compareKeys(entry.subarray(values.length), primaryKey) === 0
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return key.length >= prefix.length && compareKeys(key.subarray(0, prefix.length), prefix) === 0
}
