/**
 * The rows of one commit, or of a transaction, as queries get them.
 *
 * Where an index entry's record was found once, it is found again by what was noted: as long as no newer version of the row came to be. Such a note
 * holds for a commit before the visible one too, if that commit's part of the log has the record: what has no newer version now
 * had none then (I29).
 */
import type { ReplacedRecords } from './engine/replaced-records.js'
import type { RowReader } from './engine/row-reader.js'
import { finishRow, type RowRules } from './engine/row-rules.js'
import type { Row } from './format/value.js'
import type { RowSource } from './query/source.js'
import type { RecordRef, TreeCursor } from './tree/index.js'

export class ViewRows implements RowSource {
  readonly #rows: RowReader
  readonly #rules: RowRules
  readonly #replaced: ReplacedRecords | undefined
  /** Where the commit that is read ends. */
  readonly #end: number

  /** With `replaced` the visible commit is read. */
  constructor(rows: RowReader, rules: RowRules, replaced: ReplacedRecords | undefined) {
    this.#rows = rows
    this.#rules = rules
    this.#replaced = replaced
    this.#end = replaced?.end ?? 0
  }

  read(collectionId: number, ref: RecordRef, key: Uint8Array | undefined): Row {
    return finishRow(this.#rules, this.#rows.readOfWalk(collectionId, ref, key))
  }

  recall(entry: TreeCursor, out: RecordRef): boolean {
    const replaced = this.#replaced
    if (replaced === undefined || !entry.noted(replaced.epoch, out)) return false
    return out.position < this.#end && !replaced.mayHave(out.position)
  }

  /** Only while the commit that is read is the visible one: what was replaced before an epoch is not known any more. */
  note(entry: TreeCursor, ref: RecordRef): void {
    const replaced = this.#replaced
    if (replaced !== undefined && replaced.end === this.#end) entry.note(replaced.epoch, ref)
  }
}
