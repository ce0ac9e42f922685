/** Where a query reads: a collection at one commit or in one transaction, and what reading takes. */
import type { Row } from '../format/value.js'
import type { Platform } from '../storage/platform.js'
import type { RecordRef } from '../tree/index.js'
import type { QueriedCollection } from './plan.js'

/** Reads rows as they are given to callers. */
export interface RowSource {
  /** The row at `ref`. With `key`, the record must be of that key. */
  read(collectionId: number, ref: RecordRef, key: Uint8Array | undefined): Row
  /** The row whose record is at `position`, if it is in memory and known to be in the commit that is read. */
  known(collectionId: number, position: number): Row | undefined
  /** Notes that the commit that is read has the row whose record is at `position`. Whether `known` would find it now. */
  note(position: number): boolean
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
