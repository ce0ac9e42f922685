/**
 * The rows of one commit, or of a transaction, as queries get them.
 *
 * A row of the visible commit that is in memory may be given for its record's position alone. It is the right one for an older commit
 * too, if that commit's part of the log holds the record: then there was no newer version yet, since there is none now (I29).
 */
import type { RowCache } from './engine/row-cache.js'
import type { RowReader } from './engine/row-reader.js'
import { finishRow, type RowRules } from './engine/row-rules.js'
import type { Row } from './format/value.js'
import type { RowSource } from './query/source.js'
import type { RecordRef } from './tree/index.js'

export class ViewRows implements RowSource {
  readonly #rows: RowReader
  readonly #rules: RowRules
  readonly #newest: RowCache | undefined
  /** Where the commit that is read ends. */
  readonly #end: number

  /** With `newest` the visible commit is read. */
  constructor(rows: RowReader, rules: RowRules, newest: RowCache | undefined) {
    this.#rows = rows
    this.#rules = rules
    this.#newest = newest
    this.#end = newest?.end ?? 0
  }

  read(collectionId: number, ref: RecordRef, key: Uint8Array | undefined): Row {
    return finishRow(this.#rules, this.#rows.read(collectionId, ref, key))
  }

  known(collectionId: number, position: number): Row | undefined {
    const row = position < this.#end ? this.#newest?.newestAt(collectionId, position) : undefined
    return row === undefined ? undefined : finishRow(this.#rules, row)
  }

  /** Only while the commit that is read is the visible one: there may be a newer version since. */
  note(position: number): boolean {
    const newest = this.#newest
    return newest !== undefined && newest.end === this.#end && newest.noteNewest(position)
  }
}
