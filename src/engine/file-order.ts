/**
 * An order in which records are read so that the file is gone through once: by the piece of it that each begins in.
 */
import { u32 } from '../format/typed-read.js'
import { PAUSE, type Task } from '../storage/task.js'

/** Pieces that are told apart: larger ones are made of a file with more. */
const MOST_PIECES: number = 2 ** 20
/** Records between two places where ordering may be interrupted. */
const RECORDS_PER_PAUSE = 16 * 1024

export class FileOrder {
  /** The numbers of the records that were sorted last, by their pieces. */
  readonly order: Uint32Array
  readonly #pieceBytes: number
  /** The piece that each begins in. */
  readonly #pieces: Uint32Array

  /** For so many records at most; `pieceBytes`: the size of a piece. */
  constructor(most: number, pieceBytes: number) {
    this.order = new Uint32Array(most)
    this.#pieces = new Uint32Array(most)
    this.#pieceBytes = pieceBytes
  }

  /** Orders the first `count` positions; returns where in the order each piece ends. Pieces have the size asked for, or in a large file a multiple of it. */
  *sort(positions: Float64Array, count: number): Task<Uint32Array> {
    if (count === 0) return new Uint32Array(0)
    const pieces = this.#pieces
    let from = Number.POSITIVE_INFINITY
    let to = 0
    for (let i = 0; i < count; i++) {
      from = Math.min(from, positions[i] ?? 0)
      to = Math.max(to, positions[i] ?? 0)
      if (i % RECORDS_PER_PAUSE === 0) yield PAUSE
    }
    let pieceBytes = this.#pieceBytes
    while ((to - from) / pieceBytes > MOST_PIECES) pieceBytes *= 2
    const first = Math.floor(from / pieceBytes)
    const ends = new Uint32Array(Math.floor(to / pieceBytes) - first + 2)
    for (let i = 0; i < count; i++) {
      const piece = Math.floor((positions[i] ?? 0) / pieceBytes) - first
      pieces[i] = piece
      ends[piece + 1] = u32(ends, piece + 1) + 1
      if (i % RECORDS_PER_PAUSE === 0) yield PAUSE
    }
    for (let piece = 1; piece < ends.length; piece++) ends[piece] = u32(ends, piece) + u32(ends, piece - 1)
    yield PAUSE
    for (let i = 0; i < count; i++) {
      const piece = u32(pieces, i)
      const rank = u32(ends, piece)
      this.order[rank] = i
      ends[piece] = rank + 1
      if (i % RECORDS_PER_PAUSE === 0) yield PAUSE
    }
    return ends
  }
}
