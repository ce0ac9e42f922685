/**
 * What a commit looks like to readers: immutable collections, each a tree and the figures kept with it.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import type { Digest } from '../format/digest.js'
import type { CommitPosition } from '../log/commit-position.js'
import type { Node, Tree } from '../tree/index.js'

/** One collection as of a commit. Never changes. */
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
}

/** The collections that a run of commits changed, and how they are after it; undefined for a dropped one. */
export interface StateChange {
  readonly collections: ReadonlyMap<number, CollectionState | undefined>
  readonly names: ReadonlyMap<string, number>
  readonly recordBytes: number
  /** Nodes that no state has from these commits on. */
  readonly retired: readonly (readonly Node[])[]
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

  /** This commit, kept. */
  pin(): DatabaseState {
    const { commit, names, recordBytes } = this
    return { commit, names, recordBytes, collections: new Map(this.collections) }
  }
}
