/**
 * What a commit looks like to readers: immutable collections, each a tree and the figures kept with it.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import type { Digest } from '../format/digest.js'
import type { CommitPosition } from '../log/commit-position.js'
import type { Publication, Tree } from '../tree/index.js'

/** One secondary index as of a commit. What it says never changes. */
export interface IndexState {
  readonly definition: IndexDefinition
  /** Of keys alone: the encoded values, and the primary key behind them. */
  readonly tree: Tree
  /** Rows that have entries. There are more entries than these exactly if one of them has several. */
  readonly rows: number
}

/** One collection as of a commit. What it says never changes. */
export interface CollectionState {
  readonly definition: CollectionDefinition
  readonly tree: Tree
  /** Bytes of the records that hold the live rows. */
  readonly liveBytes: number
  readonly digest: Digest
  /** The next generated number. */
  readonly counter: number
  /** How many of the collection's record structures the log holds. */
  readonly structuresLogged: number
  /** Those that are being built among them. */
  readonly indexes: readonly IndexState[]
}

/** Whether queries may use an index: it is not being built. */
export function isWhole({ definition }: IndexState): boolean {
  return definition.builtTo === undefined
}

/** All trees of a collection. */
export function treesOf({ tree, indexes }: CollectionState): readonly Tree[] {
  return indexes.length === 0 ? [tree] : [tree, ...indexes.map((index) => index.tree)]
}

/** All trees of a database. */
export function allTrees({ collections }: Pick<DatabaseState, 'collections'>): readonly Tree[] {
  return [...collections.values()].flatMap(treesOf)
}

/** The collections that a run of commits changed, and how they are after it; undefined for a dropped one. */
export interface StateChange {
  readonly collections: ReadonlyMap<number, CollectionState | undefined>
  readonly names: ReadonlyMap<string, number>
  readonly recordBytes: number
  /** The trees of these collections. */
  readonly published: readonly Publication[]
}

/** The whole database as of a commit. */
export interface DatabaseState {
  readonly commit: CommitPosition
  readonly collections: ReadonlyMap<number, CollectionState>
  /** Ids by name; the catalog is not among them. */
  readonly names: ReadonlyMap<string, number>
  /** Bytes of all records in the log up to this commit. */
  readonly recordBytes: number
}

/**
 * The state that readers see now. It moves from commit to commit in place, so that a commit costs what it changed; a
 * snapshot copies the map of collections (not the collections).
 */
export class VisibleState implements DatabaseState {
  commit: CommitPosition
  names: ReadonlyMap<string, number>
  recordBytes: number
  readonly collections: Map<number, CollectionState>

  constructor(state: DatabaseState) {
    this.commit = state.commit
    this.names = state.names
    this.recordBytes = state.recordBytes
    this.collections = new Map(state.collections)
  }

  apply(change: StateChange, commit: CommitPosition): void {
    this.commit = commit
    this.names = change.names
    this.recordBytes = change.recordBytes
    for (const [id, state] of change.collections) {
      if (state === undefined) this.collections.delete(id)
      else this.collections.set(id, state)
    }
  }

  /** Goes over to a whole state, of this commit or another one. */
  become(state: DatabaseState): void {
    this.commit = state.commit
    this.names = state.names
    this.recordBytes = state.recordBytes
    this.collections.clear()
    for (const [id, collection] of state.collections) this.collections.set(id, collection)
  }

  /** This commit, kept. */
  pin(): DatabaseState {
    const { commit, names, recordBytes } = this
    for (const tree of allTrees(this)) tree.detach()
    return { commit, names, recordBytes, collections: new Map(this.collections) }
  }
}
