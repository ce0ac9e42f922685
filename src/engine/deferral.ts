/**
 * What an open puts off: rows that it read from the log, and that are not in the trees yet.
 *
 * Most of what a replay takes is bringing trees up to date, of which a read of one row needs nothing. So rows wait, where the log says all that is needed for the sums of
 * their collection, until somebody needs its tree, or until there is time (`bringUpToDate`).
 */
import type { NodeSource } from '../tree/index.js'
import { DEFERRED_CHANGE_BYTES } from '../tree/index.js'
import type { PlacedRecord } from './head.js'
import type { CollectionState, DatabaseState } from './state.js'
import type { WorkingCollection } from './working-collection.js'

export class Deferral {
  readonly #mostBytes: number
  readonly #nodes: Pick<NodeSource, 'damage'>
  #leftBytes: number
  /** Builds the same state anew, without what cannot be read; absent while the file is opened, which then starts from another checkpoint. */
  rebuild: (() => DatabaseState) | undefined

  /** What waits may take so many bytes of memory. */
  constructor(mostBytes: number, nodes: Pick<NodeSource, 'damage'>) {
    this.#mostBytes = mostBytes
    this.#leftBytes = mostBytes
    this.#nodes = nodes
  }

  /** A replay begins. */
  restart(): void {
    this.#leftBytes = this.#mostBytes
  }

  /** Whether a row, which is new or replaces what `at` says, is put off. */
  takes(working: WorkingCollection, key: Uint8Array, at: PlacedRecord): boolean {
    const bytes = key.length + DEFERRED_CHANGE_BYTES
    if (bytes > this.#leftBytes || !working.defer(key, at, at.replaced, this)) return false
    this.#leftBytes -= bytes
    return true
  }

  /** A collection as it is without a node that cannot be read; throws `cause` if there is no such node, or no such state. */
  rebuilt(id: number, cause: unknown): CollectionState {
    if (this.rebuild === undefined || cause !== this.#nodes.damage) throw cause
    const collection = this.rebuild().collections.get(id)
    if (collection === undefined) throw cause
    return collection
  }
}
