/**
 * An order in which records are read so that the file is gone through once: by the piece of it that each begins in.
 *
 * What it takes depends on the number of records, and not on how large the file is.
 */
import { u32 } from '../format/typed-read.js'
import { PAUSE, type Task } from '../storage/task.js'

/** The size of a piece. There are fewer than 2^31 in a file. */
export const PIECE_BYTES: number = 64 * 1024
/** So many records are ordered in one turn. */
const FEW = 2048
/** Records between two places where ordering may be interrupted. */
const RECORDS_PER_PAUSE = 16 * 1024
/** Pieces are counted by so many bits of their numbers at a time. */
const DIGIT_BITS = 16
const DIGITS: number = 2 ** DIGIT_BITS

export class FileOrder {
  /** The numbers of the records that were sorted last, by their pieces. */
  readonly order: Uint32Array
  /** The piece that each record begins in. */
  readonly #pieces: Uint32Array
  /** Orders of one pass; made when there are many records. */
  #between: Uint32Array | undefined
  #count = 0

  /** For so many records at most. */
  constructor(most: number) {
    this.order = new Uint32Array(most)
    this.#pieces = new Uint32Array(most)
  }

  /** Orders the first `count` positions. Those of one piece stay in their order. */
  *sort(positions: Float64Array, count: number): Task<void> {
    const { order } = this
    const pieces = this.#pieces
    this.#count = count
    for (let i = 0; i < count; i++) {
      pieces[i] = Math.floor((positions[i] ?? 0) / PIECE_BYTES)
      order[i] = i
      if (i % RECORDS_PER_PAUSE === RECORDS_PER_PAUSE - 1) yield PAUSE
    }
    if (count <= FEW) {
      order.subarray(0, count).sort((a, b) => u32(pieces, a) - u32(pieces, b) || a - b)
      return
    }
    const between = (this.#between ??= new Uint32Array(order.length))
    yield* this.#pass(order, between, 0)
    yield* this.#pass(between, order, DIGIT_BITS)
  }

  /** Where in the order the records end that begin in the same piece as the one at `from` of it. */
  endOfPiece(from: number): number {
    const piece = u32(this.#pieces, u32(this.order, from))
    let to = from + 1
    while (to < this.#count && u32(this.#pieces, u32(this.order, to)) === piece) to++
    return to
  }

  /** Orders by one digit of the pieces' numbers what is ordered by the lower ones. */
  *#pass(from: Uint32Array, to: Uint32Array, shift: number): Task<void> {
    const pieces = this.#pieces
    const count = this.#count
    const digitOf = (i: number): number => (u32(pieces, i) >>> shift) & (DIGITS - 1)
    const starts = new Uint32Array(DIGITS + 1)
    for (let k = 0; k < count; k++) {
      const behind = digitOf(k) + 1
      starts[behind] = u32(starts, behind) + 1
      if (k % RECORDS_PER_PAUSE === RECORDS_PER_PAUSE - 1) yield PAUSE
    }
    for (let digit = 1; digit <= DIGITS; digit++) starts[digit] = u32(starts, digit) + u32(starts, digit - 1)
    yield PAUSE
    for (let k = 0; k < count; k++) {
      const i = u32(from, k)
      const digit = digitOf(i)
      const rank = u32(starts, digit)
      to[rank] = i
      starts[digit] = rank + 1
      if (k % RECORDS_PER_PAUSE === RECORDS_PER_PAUSE - 1) yield PAUSE
    }
  }
}
