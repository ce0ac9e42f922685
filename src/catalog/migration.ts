/**
 * Migrations: what a caller writes, and what the catalog keeps of those that ran.
 */
import { ArgumentError } from '../errors.js'
import { MAX_NAME_BYTES } from '../format/limits.js'
import type { Row } from '../format/value.js'
import type { FieldDefinition } from './field.js'
import type { IndexInput } from './index-definition.js'

/** One step of a migration. Steps are carried out in order, all of them for one row before the next row. */
export type MigrationStep =
  /** Declares a field. `value`, or what it returns for a row, is stored where a row has none. */
  | { readonly addField: FieldDefinition; readonly value?: unknown }
  /** Undeclares a field, and takes it out of every row. */
  | { readonly dropField: string }
  /** Renames a field, in the definition and in every row. `to` lies in the same object. */
  | { readonly renameField: string; readonly to: string }
  /** Replaces a declared field: its type, its constraints. Rows are not changed by it, and must fit in the end. */
  | { readonly changeField: FieldDefinition }
  /** Replaces every row by what the function returns for it. The primary key must stay. */
  | { readonly transform: (row: Row) => Row }
  | { readonly addIndex: string; readonly index: IndexInput }
  | { readonly dropIndex: string }

/** A change of one collection. */
export interface Migration {
  /** A positive integer, higher than those of all migrations before it; never reused. */
  readonly version: number
  /** For people. */
  readonly name: string
  readonly collection: string
  readonly steps: readonly MigrationStep[]
  /**
   * Rows of one commit, where the collection is too large for one transaction. Other writes to the collection are refused until
   * the last of them, also after a crash, until `migrate` has gone on. Default: one transaction.
   */
  readonly batchRows?: number | undefined
}

/** A migration that ran, or that was begun. */
export interface MigrationRecord {
  readonly version: number
  readonly name: string
  readonly collection: string
  /** When it ended, or the last of its batches did: milliseconds since 1970. */
  readonly at: number
  /** Rows that were changed. */
  readonly changed: number
  /** While it goes on in batches: rows up to this encoded key are done. */
  readonly through?: Uint8Array | undefined
}

/** Checks a list of migrations. Throws `VARVE_ARGUMENT`. */
export function checkMigrations(migrations: readonly Migration[]): void {
  let before = 0
  for (const { version, name, collection, steps, batchRows } of migrations) {
    if (!Number.isSafeInteger(version) || version <= before)
      throw new ArgumentError(
        `Migration '${name}' has the version ${version}; versions are positive integers that ascend, and the one before it is ${before}.`,
      )
    before = version
    if (!isText(name) || !isText(collection))
      throw new ArgumentError(`Migration ${version} needs a name and a collection.`)
    if (!Array.isArray(steps) || steps.length === 0)
      throw new ArgumentError(`Migration ${version} ('${name}') has no steps.`)
    if (batchRows !== undefined && (!Number.isSafeInteger(batchRows) || batchRows <= 0))
      throw new ArgumentError(
        `batchRows of migration ${version} must be a positive integer, not ${String(batchRows)}.`,
      )
  }
}

function isText(text: unknown): boolean {
  return typeof text === 'string' && text !== '' && text.length <= MAX_NAME_BYTES && text.isWellFormed()
}
