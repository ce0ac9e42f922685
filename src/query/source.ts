/** Where a query reads: a collection at one commit or in one transaction, and what reading takes. */
import type { Row } from '../format/value.js'
import type { Platform } from '../storage/platform.js'
import type { RecordRef } from '../tree/index.js'
import type { QueriedCollection } from './plan.js'

/** Reads rows as they are given to callers. */
export interface RowSource {
  /** The row at `ref`. With `key`, the record must be of that key. */
  read(collectionId: number, ref: RecordRef, key: Uint8Array | undefined): Row
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
