/** Where a query reads: a collection at one commit or in one transaction, and what reading takes. */
import type { RowReader } from '../engine/row-reader.js'
import type { Platform } from '../storage/platform.js'
import type { QueriedCollection } from './plan.js'

export interface QuerySource {
  readonly collection: QueriedCollection
  readonly rows: RowReader
  readonly platform: Platform
  /** Throws once the view that the query came from is closed. */
  readonly check: () => void
  /** Another collection of the same commit. Throws `VARVE_SCHEMA` if there is none. */
  readonly other: (name: string) => QuerySource
}
