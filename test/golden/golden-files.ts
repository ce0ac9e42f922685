/** What golden files are, where they lie, and what is written beside each. */
import { join } from 'node:path'
import type { RecoveryClass, RecoveryMode } from '../../src/log/recovery-info.js'
import type { ReaderCommit, ReaderRow } from '../reader/run-reader.js'

export const GOLDEN_FOLDER: string = join(import.meta.dirname, 'v1')

/** What an open for writing does: finds the log to be of a class and cuts so much, or refuses with an error code. */
export type Outcome =
  { readonly classification: RecoveryClass; readonly truncatedBytes: number } | { readonly error: string }

export interface GoldenFile {
  readonly name: string
  readonly what: string
  readonly bytes: Uint8Array
  readonly outcomes: Readonly<Record<RecoveryMode, Outcome>>
  /** How many commits its chain has; 0 where every mode refuses. */
  readonly commits: number
  /** The checkpoint that an open starts from; undefined where it reads the log from its begin. */
  readonly checkpoint?: number | undefined
}

export const CLEAN: Outcome = { classification: 'clean', truncatedBytes: 0 }

export const always = (outcome: Outcome): GoldenFile['outcomes'] => ({
  strict: outcome,
  tornTail: outcome,
  autoTruncate: outcome,
})

/** `<name>.json`: what must be read from `<name>.varve`, in every later version too. */
export interface GoldenContent {
  readonly what: string
  readonly outcomes: Readonly<Record<RecoveryMode, Outcome>>
  /** Where an open starts that need not read the whole log: after which checkpoint, and how many commits it then applies. */
  readonly start?: { readonly checkpoint: number; readonly transactionsApplied: number } | undefined
  readonly commits: readonly ReaderCommit[]
  readonly collections: readonly {
    readonly name: string
    readonly digest: string
    /** Keys and values in the JSON form of the independent reader. */
    readonly rows: readonly Pick<ReaderRow, 'keyHex' | 'value'>[]
  }[]
}
