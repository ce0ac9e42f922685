/**
 * Deferred rows: an open read them from the log, and they are not in the trees yet.
 *
 * Most of what a replay takes is bringing trees up to date, of which a read of one row needs nothing. So rows wait, where the log says all that is needed for the sums of
 * their collection, until somebody needs its tree, or until there is time (`bringUpToDate`).
 *
 * A damaged node is met then, where a replay would have met it during the open, which starts from an older checkpoint in that case. It comes to the same: what still
 * waits is read from the log again, from a checkpoint that does without that node, and the trees of that state take the place of those that cannot be made.
 */
import { StorageError, VarveError } from '../errors.js'
import type { Digest } from '../format/digest.js'
import { PAUSE, runSync, type Task } from '../storage/task.js'
import {
  DEFERRED_CHANGE_BYTES,
  DeferredTree,
  type NodeStore,
  type RecordRef,
  type TreeEditor,
} from '../tree/index.js'
import type { DatabaseState } from './state.js'

/** Rows put into trees between two places where that may be interrupted: a tenth of a millisecond, or a few where code runs for the first time. */
const ROWS_PER_STEP = 64
/** Once as much waits as may, so many rows are put into a tree for each that is added. */
const ROWS_PER_ROW = 4

/** A collection whose rows may wait. */
export interface Waiting {
  readonly id: number
  /** Defers a row; false if somebody needs the tree already. */
  defer(key: Uint8Array, at: RecordRef, previous: RecordRef | undefined, deferral: Deferral): boolean
  /** The tree with the rows that wait; undefined if none do. */
  readonly deferred: DeferredTree | undefined
  /** Whether it holds so many rows with this digest. */
  holds(rows: number, digest: Digest): boolean
}

export class Deferral {
  readonly #nodes: NodeStore
  readonly #mostBytes: number
  #bytes = 0
  readonly #behind = new Map<DeferredTree, Waiting>()
  #rebuild: (() => Task<DatabaseState>) | undefined
  /** Whether what is damaged was tried to be done without, in vain. */
  #gaveUp = false
  /** Why trees cannot be made. */
  readonly #damaged = new Map<DeferredTree, unknown>()

  /** What waits may take so many bytes of memory, and a third more. */
  constructor(mostBytes: number, nodes: NodeStore) {
    this.#mostBytes = mostBytes
    this.#nodes = nodes
  }

  /** A replay begins. */
  restart(): void {
    this.#bytes = 0
    this.#behind.clear()
  }

  /** The file is open. From now on `rebuild` reads the same state from the log again, without nodes that are damaged; until now the open did. */
  opened(rebuild: () => Task<DatabaseState>): void {
    this.#rebuild = rebuild
  }

  /** Whether something waits. */
  get isBehind(): boolean {
    return this.#behind.size > 0
  }

  /** Whether a row, which is new or replaces `previous`, is deferred. */
  takes(waiting: Waiting, key: Uint8Array, at: RecordRef, previous: RecordRef | undefined): boolean {
    if (this.#rebuild !== undefined || (this.#bytes >= this.#mostBytes && !this.#goesOn(waiting)))
      return false
    if (!waiting.defer(key, at, previous, this)) return false
    this.#bytes += key.length + DEFERRED_CHANGE_BYTES
    return true
  }

  /** As much waits as may: some of it goes where it belongs, so that a replay never stops for all of it. False once nothing waits. */
  #goesOn({ deferred }: Waiting): boolean {
    return deferred !== undefined && this.#settleSome(deferred, ROWS_PER_ROW)
  }

  /** A tree that waits. */
  defer(waiting: Waiting, editor: TreeEditor): DeferredTree {
    const deferred = new DeferredTree(editor, (needed) => this.#settle(needed))
    this.#behind.set(deferred, waiting)
    return deferred
  }

  /**
   * Puts all that waits into the trees that the newest state still has, which `treeOf` tells by collection. What cannot be read keeps waiting, and whoever
   * needs it is told.
   */
  *settleAll(treeOf: (id: number) => DeferredTree | undefined): Task<void> {
    for (const [deferred, { id }] of this.#behind) {
      try {
        if (treeOf(id) === deferred) yield* this.#settleInSteps(deferred)
      } catch (error) {
        if (!VarveError.is(error)) throw error
      }
    }
  }

  *#settleInSteps(deferred: DeferredTree): Task<void> {
    try {
      while (this.#settleSome(deferred, ROWS_PER_STEP)) yield PAUSE
    } catch (error) {
      if (this.#canRebuild(error)) yield* this.#rebuildAll()
      else throw error
    }
  }

  /** Puts what waits for a tree into it, at once. Throws what that meets, and cannot be done without. */
  #settle(deferred: DeferredTree): void {
    if (!deferred.isBehind) return
    if (this.#damaged.has(deferred)) throw this.#damaged.get(deferred)
    try {
      this.#settleSome(deferred, Number.POSITIVE_INFINITY)
    } catch (error) {
      if (this.#canRebuild(error)) runSync(this.#rebuildAll())
      if (!deferred.isBehind) return
      if (this.#gaveUp && error === this.#nodes.damage) this.#damaged.set(deferred, error)
      throw error
    }
  }

  /** Leaves are read for rows as a replay reads them. */
  #settleSome(deferred: DeferredTree, most: number): boolean {
    const { replays } = this.#nodes
    this.#nodes.replays = true
    try {
      if (deferred.settleSome(most)) return true
      this.#behind.delete(deferred)
      return false
    } finally {
      this.#nodes.replays = replays
    }
  }

  /** What storage refuses, it may give the next time; what is damaged stays so. */
  #canRebuild(error: unknown): boolean {
    return this.#rebuild !== undefined && !this.#gaveUp && error === this.#nodes.damage
  }

  /** Where one tree meets damage, others may: all that wait are taken from one state. */
  *#rebuildAll(): Task<void> {
    const state = yield* this.#rebuilt()
    for (const [deferred, waiting] of this.#behind) {
      const collection = state?.collections.get(waiting.id)
      if (collection === undefined || !waiting.holds(collection.tree.count, collection.digest)) continue
      deferred.become(collection.tree)
      this.#behind.delete(deferred)
    }
    this.#gaveUp = this.isBehind
  }

  /** Undefined if the log does not have it either. */
  *#rebuilt(): Task<DatabaseState | undefined> {
    try {
      return yield* (this.#rebuild as () => Task<DatabaseState>)()
    } catch (error) {
      if (error instanceof StorageError || !VarveError.is(error)) throw error
      return undefined
    }
  }
}
