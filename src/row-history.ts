/**
 * The versions of a row, newest first: found lazily, up to one commit, whatever is written meanwhile.
 */
import type { RowReader } from './engine/row-reader.js'
import { finishRow, type RowRules } from './engine/row-rules.js'
import type { Row } from './format/value.js'
import { everyLife, type FoundVersion, presentLife, type VersionQuery } from './log/version-walk.js'
import type { Platform } from './storage/platform.js'
import { SLICE_MS } from './storage/task.js'
import { RecordRef, type Tree } from './tree/index.js'

/** What `history` takes. */
export interface HistoryOptions {
  /**
   * Also give earlier lives of the row, before it was deleted, and the deletes, by reading the log back to its begin.
   * Default false.
   */
  readonly scan?: boolean | undefined
}

/** A row as a commit left it. */
export interface RowVersion<R extends Row = Row> {
  /** The commit's sequence. */
  readonly sequence: number
  /** When it was committed. */
  readonly time: Date
  readonly operation: 'put' | 'delete'
  /** The row; undefined for a delete. */
  readonly row: R | undefined
}

/** What a history is made of. */
export interface HistorySource extends VersionQuery {
  readonly tree: Tree
  readonly scan: boolean
  readonly rows: RowReader
  readonly rules: RowRules
  readonly platform: Platform
  /** Throws once the view that the history came from is closed. */
  readonly check: () => void
}

/**
 * Versions of a row, newest first. Iterable as often as wanted, each time up to the commit it was made at. `for await`
 * gives the event loop a turn every few milliseconds; `for` and `toArray` do not.
 *
 * @example
 * ```ts
 * for (const { sequence, time, row } of books.history('Emma')) console.log(sequence, time, row?.['year'])
 * ```
 */
export class RowHistory<R extends Row = Row> {
  readonly #source: HistorySource

  /** Made by `history`. */
  constructor(source: HistorySource) {
    this.#source = source
  }

  *[Symbol.iterator](): Generator<RowVersion<R>, void, undefined> {
    for (const version of this.#walk()) if (version !== undefined) yield version
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RowVersion<R>, void, undefined> {
    const { platform } = this.#source
    let sliceEnd = platform.monotonicMs() + SLICE_MS
    for (const version of this.#walk()) {
      if (platform.monotonicMs() >= sliceEnd) {
        await platform.yield()
        sliceEnd = platform.monotonicMs() + SLICE_MS
      }
      if (version !== undefined) yield version
    }
  }

  /** All versions at once. Holds the event loop for as long as it takes. */
  toArray(): RowVersion<R>[] {
    return [...this]
  }

  /** Undefined where nothing was found for a while. */
  *#walk(): Generator<RowVersion<R> | undefined, void, undefined> {
    const { tree, scan, check, key } = this.#source
    check()
    const ref = new RecordRef()
    if (!scan && !tree.find(key, ref)) return
    for (const found of scan ? everyLife(this.#source) : presentLife(this.#source, ref)) {
      yield found === undefined ? undefined : this.#version(found)
      check()
    }
  }

  #version({
    sequence,
    time,
    operation,
    position,
    bytes,
    valueStart,
    valueEnd,
  }: FoundVersion): RowVersion<R> {
    const { rows, rules, collectionId } = this.#source
    const row =
      operation === 'put'
        ? finishRow(rules, rows.decodeRecord(collectionId, position, bytes, valueStart, valueEnd))
        : undefined
    return { sequence, time: new Date(time), operation, row: row as R | undefined } // The type of stored rows is the caller's claim.
  }
}
