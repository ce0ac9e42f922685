/**
 * Reads many records whose places are known, in any order: by going through the file once a batch instead of once a record.
 *
 * A batch is gathered in the order in which its records are wanted, and read in the order in which they stand in the file: records that
 * stand near each other are read with one call. Each is checked when it is handed out; one that is not what it should be is
 * read again by itself, so that damage of the file is told as any read of it is.
 */
import type { Checksum } from '../format/checksum.js'
import { viewOf } from '../format/integers.js'
import { readRecord, RecordView } from '../format/record.js'
import type { StorageFile } from '../storage/storage.js'
import { PAUSE, type Task } from '../storage/task.js'
import { RecordRef, type TreeCursor } from '../tree/index.js'
import { RecordSource } from './record-source.js'

/** Bytes of records in a batch, and most records. */
const BATCH_BYTES: number = 16 * 1024 * 1024
const BATCH_RECORDS: number = 128 * 1024
/** The file is read in pieces of this size, where they hold enough of what is wanted: as much as another call costs. */
const PIECE_BYTES: number = 64 * 1024
const BYTES_PER_CALL: number = 16 * 1024
/** Records between two places where the work may be interrupted. */
const RECORDS_PER_PAUSE = 1024

export class RecordGather {
  /** The record handed out last: its bytes, and where its parts are in them. Valid until the next one. */
  bytes: Uint8Array
  readonly record: RecordView = new RecordView()
  readonly #file: StorageFile
  readonly #checksum: Checksum
  /** Reads records that are not in the batch, or not whole there. */
  readonly #source: RecordSource
  readonly #ref = new RecordRef()
  #batch = new Uint8Array(PIECE_BYTES)
  #view: DataView = viewOf(this.#batch)
  readonly #piece = new Uint8Array(PIECE_BYTES)
  #positions = new Float64Array(BATCH_RECORDS)
  #lengths = new Uint32Array(BATCH_RECORDS)
  #crcs = new Uint32Array(BATCH_RECORDS)
  /** Where each record is in the batch. */
  #places = new Uint32Array(BATCH_RECORDS)
  /** The piece of the file that each begins in, and the records by their pieces. */
  #pieces = new Uint32Array(BATCH_RECORDS)
  #order = new Uint32Array(BATCH_RECORDS)
  #count = 0
  #collectionId = 0

  constructor(file: StorageFile, checksum: Checksum) {
    this.#file = file
    this.#checksum = checksum
    this.#source = new RecordSource(file, checksum)
    this.bytes = this.#batch
  }

  /** Gathers the next records of a cursor; how many, 0 at its end. */
  *gather(cursor: TreeCursor, collectionId: number): Task<number> {
    this.#collectionId = collectionId
    this.#count = 0
    let used = 0
    while (this.#count < BATCH_RECORDS && used < BATCH_BYTES && cursor.next()) {
      const { position, lengthBytes, crc } = cursor.ref
      const i = this.#count++
      this.#positions[i] = position
      this.#lengths[i] = lengthBytes
      this.#crcs[i] = crc
      this.#places[i] = used
      used += lengthBytes
      if (this.#count % RECORDS_PER_PAUSE === 0) yield PAUSE
    }
    if (used > this.#batch.length) {
      this.#batch = new Uint8Array(used)
      this.#view = viewOf(this.#batch)
    }
    yield* this.#readPieces()
    return this.#count
  }

  /** Makes `bytes` and `record` the record `i` of the batch. Throws `VARVE_CORRUPTION` if it is damaged. */
  take(i: number): void {
    const start = at(this.#places, i)
    const end = start + at(this.#lengths, i)
    const { record } = this
    const problem = readRecord(this.#batch, this.#view, start, end, record, this.#checksum)
    this.bytes = this.#batch
    const isWanted = record.crc === at(this.#crcs, i) && record.collectionId === this.#collectionId
    if (problem === undefined && record.end === end && isWanted) return
    const ref = this.#ref
    ref.position = this.#positions[i] ?? 0
    ref.lengthBytes = at(this.#lengths, i)
    ref.crc = at(this.#crcs, i)
    this.#source.read(ref, this.#collectionId, undefined)
    this.bytes = this.#source.bytes
    Object.assign(record, this.#source.record)
  }

  *#readPieces(): Task<void> {
    const ends = yield* this.#sortByPiece()
    let from = 0
    for (const to of ends) {
      if (to > from) {
        this.#readPiece(from, to)
        yield PAUSE
      }
      from = to
    }
  }

  /** Orders the records by the piece that they begin in; returns where each piece ends in that order. */
  *#sortByPiece(): Task<Uint32Array> {
    const pieces = this.#pieces
    let [first, last] = [Number.POSITIVE_INFINITY, 0]
    for (let i = 0; i < this.#count; i++) {
      const piece = Math.floor((this.#positions[i] ?? 0) / PIECE_BYTES)
      pieces[i] = piece
      first = Math.min(first, piece)
      last = Math.max(last, piece)
      if (i % RECORDS_PER_PAUSE === 0) yield PAUSE
    }
    const ends = new Uint32Array(this.#count === 0 ? 0 : last - first + 2)
    for (let i = 0; i < this.#count; i++) {
      const behind = at(pieces, i) - first + 1
      ends[behind] = at(ends, behind) + 1
    }
    yield PAUSE
    for (let piece = 1; piece < ends.length; piece++) ends[piece] = at(ends, piece) + at(ends, piece - 1)
    yield PAUSE
    for (let i = 0; i < this.#count; i++) {
      const piece = at(pieces, i) - first
      const rank = at(ends, piece)
      this.#order[rank] = i
      ends[piece] = rank + 1
    }
    yield PAUSE
    return ends
  }

  /** Reads the records `[from, to)` of the order, which begin in one piece. */
  #readPiece(from: number, to: number): void {
    let [start, end] = [Number.POSITIVE_INFINITY, 0]
    for (let k = from; k < to; k++) {
      const i = at(this.#order, k)
      const position = this.#positions[i] ?? 0
      start = Math.min(start, position)
      end = Math.max(end, position + at(this.#lengths, i))
    }
    const together = end - start <= PIECE_BYTES && end - start <= (to - from) * BYTES_PER_CALL
    const piece = this.#piece
    if (together) this.#file.read(piece.subarray(0, end - start), start)
    for (let k = from; k < to; k++) {
      const i = at(this.#order, k)
      const position = this.#positions[i] ?? 0
      const [place, length] = [at(this.#places, i), at(this.#lengths, i)]
      if (together) this.#batch.set(piece.subarray(position - start, position - start + length), place)
      else this.#file.read(this.#batch.subarray(place, place + length), position)
    }
  }
}

function at(list: Uint32Array, i: number): number {
  return list[i] ?? 0
}
