/**
 * What a salvage tells: what is in the new file, what is missing, and what nobody can know.
 */
import type { KeyPart } from '../format/key.js'

/** Where commits were looked for. */
export interface SalvagedSource {
  readonly path: string
  readonly kind: 'database' | 'quarantine'
  /** Where its bytes stand, or stood, in the database file. */
  readonly offset: number
  readonly bytes: number
  /** Whole transactions in it. */
  readonly commits: number
}

/** Bytes that are no whole transaction, and no other frame either. */
export interface DamagedRange {
  readonly path: string
  /** Offset in the database file, where they stand or stood. */
  readonly offset: number
  readonly end: number
  readonly reason: string
  /** The commit that they say they are of, where they say so. */
  readonly sequence: number | undefined
}

/** A transaction that is not in the new file although it was committed. */
export interface LostTransaction {
  readonly sequence: number
  /** `missing`: nothing of it was found. `partial`: some of its frames were; none was applied. */
  readonly found: 'missing' | 'partial'
  /** What says that it was there: the commit after it, a checkpoint, the watermark, or its own frames. */
  readonly knownBy: 'successor' | 'checkpoint' | 'watermark' | 'frames'
}

/** A row that is concerned by what is missing. */
export interface SalvagedRow {
  readonly collection: string
  readonly key: readonly KeyPart[]
}

/** A record whose transaction is whole, but whose row cannot be read. */
export interface UnreadableRow extends SalvagedRow {
  readonly path: string
  readonly offset: number
  readonly reason: string
}

/** A collection whose definition was lost. */
export interface RecoveredCollection {
  readonly id: number
  readonly name: string
  /** `checkpoint`: the definition that it states. `rows`: none was found; the key's fields were guessed from the rows. */
  readonly from: 'checkpoint' | 'rows'
}

/** What was found and made. */
export interface SalvageReport {
  readonly path: string
  /** The new file. */
  readonly to: string
  /** Whether nothing is known to be missing. */
  readonly complete: boolean
  readonly databaseId: string | undefined
  readonly generationId: string | undefined
  /** What said whose file it is. */
  readonly identity: 'header' | 'superblock' | 'frames'
  readonly sources: readonly SalvagedSource[]
  readonly ignoredQuarantines: readonly { readonly path: string; readonly reason: string }[]
  /** Transactions in the new file. */
  readonly commits: number
  readonly firstSequence: number | undefined
  readonly lastSequence: number | undefined
  readonly collections: number
  readonly rows: number
  readonly bytes: number
  readonly digests: Readonly<Record<string, string>>
  readonly damaged: readonly DamagedRange[]
  readonly lost: readonly LostTransaction[]
  /** Commits that contradict others, left out. */
  readonly conflicts: readonly string[]
  /** Rows whose newest version is missing, and in whose place an older one stands. */
  readonly olderRows: readonly SalvagedRow[]
  /** Rows of which no version was found. */
  readonly lostRows: readonly SalvagedRow[]
  /** Rows put in order by what a checkpoint says: taken from a damaged transaction, or removed as a lost one had. */
  readonly repairedRows: number
  readonly unreadableRows: readonly UnreadableRow[]
  readonly recoveredCollections: readonly RecoveredCollection[]
  /** Collections dropped by transactions that were themselves cut off: they are kept. */
  readonly keptCollections: readonly string[]
  /** Records whose previous version lies in damaged bytes: the row is there, a part of its history is not. */
  readonly historyGaps: number
  /** The commit of the checkpoint that rows were held against; undefined if there was no need, or none. */
  readonly comparedAt: number | undefined
  /** In sentences: what nobody can know. */
  readonly unknown: readonly string[]
}
