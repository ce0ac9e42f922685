/**
 * What transactions are made of: the same for all of one generation.
 */
import type { TransactionBuilder } from '../log/transaction-builder.js'
import type { Head } from './head.js'
import type { KeysOf } from './keys-of.js'
import type { RowCodecs } from './row-codecs.js'
import type { RowReader } from './row-reader.js'
import type { RulesOf } from './row-rules.js'
import type { RowWriters } from './row-writer.js'
import type { UuidGenerator } from './uuid.js'

/** What a transaction works on. */
export interface TransactionParts {
  readonly head: Head
  readonly builder: TransactionBuilder
  /** Starts the builder in the log's buffer. */
  readonly startBuilder: () => void
  readonly rows: RowReader
  readonly codecs: RowCodecs
  readonly keys: KeysOf
  readonly rules: RulesOf
  readonly writers: RowWriters
  readonly uuids: UuidGenerator
  readonly maxBytes: number
}
