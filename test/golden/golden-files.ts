/** Where golden files lie, and what is written beside each. */
import { join } from 'node:path'
import type { RecoveryMode } from '../../src/log/recovery-info.js'
import type { ReaderCommit, ReaderRow } from '../reader/run-reader.js'
import type { Outcome } from './make.js'

export const GOLDEN_FOLDER: string = join(import.meta.dirname, 'v1')

/** `<name>.json`: what must be read from `<name>.varve`, in every later version too. */
export interface GoldenContent {
  readonly what: string
  readonly outcomes: Readonly<Record<RecoveryMode, Outcome>>
  readonly commits: readonly ReaderCommit[]
  readonly collections: readonly {
    readonly name: string
    readonly digest: string
    /** Keys and values in the JSON form of the independent reader. */
    readonly rows: readonly Pick<ReaderRow, 'keyHex' | 'value'>[]
  }[]
}
