/** Rows one after the other, as the layers of a query hand them on. */
import type { Row } from '../format/value.js'

/** What is handed on: a row, or nothing yet. */
export type Found = Row | undefined

/** Goes on when it is asked, like a cursor. */
export interface RowStream {
  /** After `next` returned true. `undefined` is no row, but a place where whoever asks may rest: what comes may take long. */
  readonly row: Found
  /** Goes to the next row, or rest; false after the last. */
  next(): boolean
}

/** A stream that is written as a generator. */
export class GeneratedRows implements RowStream {
  row: Found
  readonly #rows: Generator<Found, void, undefined>

  constructor(rows: Generator<Found, void, undefined>) {
    this.#rows = rows
  }

  next(): boolean {
    const { value, done } = this.#rows.next()
    this.row = value ?? undefined
    return done !== true
  }
}
