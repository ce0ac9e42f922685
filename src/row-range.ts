/**
 * A range of rows in key order: iterated lazily over one commit, whatever is written meanwhile.
 */
import type { Row } from './format/value.js'
import type { RowReader } from './engine/row-reader.js'
import { finishRow, type RowRules } from './engine/row-rules.js'
import type { Platform } from './storage/platform.js'
import { SLICE_MS } from './storage/task.js'
import type { KeyBounds, Tree, TreeCursor } from './tree/index.js'

/** What a range walks. */
export interface RangeSource {
  readonly tree: Tree
  readonly collectionId: number
  readonly bounds: KeyBounds
  readonly reverse: boolean
  readonly limit: number
  readonly rows: RowReader
  readonly rules: RowRules
  readonly platform: Platform
  /** Throws once the view that the range came from is closed. */
  readonly check: () => void
}

/**
 * Rows of a collection in the order of their primary keys. Iterable as often as wanted, each time over the commit it was
 * made at. `for await` gives the event loop a turn every few milliseconds; `for` and `toArray` do not.
 *
 * @example
 * ```ts
 * for (const row of books.range({ gte: 'A', lt: 'B' })) console.log(row['title'])
 * ```
 */
export class RowRange<R extends Row = Row> {
  readonly #source: RangeSource

  /** Made by `range` and `prefix`. */
  constructor(source: RangeSource) {
    this.#source = source
  }

  *[Symbol.iterator](): Generator<R, void, undefined> {
    const { tree, bounds, reverse, limit } = this.#source
    const cursor = tree.cursor(bounds, { reverse })
    for (let left = limit; left > 0 && cursor.next(); left--) yield this.#rowAt(cursor)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    const { platform } = this.#source
    let sliceEnd = platform.monotonicMs() + SLICE_MS
    for (const row of this) {
      if (platform.monotonicMs() >= sliceEnd) {
        await platform.yield()
        sliceEnd = platform.monotonicMs() + SLICE_MS
      }
      yield row
    }
  }

  /** All rows at once. Holds the event loop for as long as it takes. */
  toArray(): R[] {
    const { tree, bounds, reverse, limit } = this.#source
    const found: R[] = []
    const cursor = tree.cursor(bounds, { reverse })
    while (found.length < limit && cursor.next()) found.push(this.#rowAt(cursor))
    return found
  }

  /** The first row, or undefined. */
  first(): R | undefined {
    for (const row of this) return row
    return undefined
  }

  #rowAt({ ref }: TreeCursor): R {
    const { rows, rules, collectionId, check } = this.#source
    check()
    // Rows are what was stored: their type is the caller's claim.
    return finishRow(rules, rows.readOfWalk(collectionId, ref)) as R
  }

  /** How many rows there are, from the index's counts: no row is read. */
  count(): number {
    return Math.min(this.#source.limit, this.#source.tree.countRange(this.#source.bounds))
  }
}
