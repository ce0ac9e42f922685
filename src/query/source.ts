/** Where a query reads: a collection at one commit or in one transaction, and what reading takes. */
import type { Row } from '../format/value.js'
import type { Platform } from '../storage/platform.js'
import type { RecordRef, TreeCursor } from '../tree/index.js'
import type { QueriedCollection } from './plan.js'

/** Reads rows as they are given to callers. */
export interface RowSource {
  /** The row at `ref`. With `key`, the record must be of that key. */
  read(collectionId: number, ref: RecordRef, key: Uint8Array | undefined): Row
  /** Fills `out` with where the row of an index entry is, if that was noted and still holds. */
  recall(entry: TreeCursor, out: RecordRef): boolean
  /** Notes where the row of an index entry was found. */
  note(entry: TreeCursor, ref: RecordRef): void
}

export interface QuerySource {
  readonly collection: QueriedCollection
  readonly rows: RowSource
  readonly platform: Platform
  /** Throws once the view that the query came from is closed. */
  readonly check: () => void
  /** Another collection of the same commit. Throws `VARVE_SCHEMA` if there is none. */
  readonly other: (name: string) => QuerySource
}
