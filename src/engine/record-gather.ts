/**
 * Reads the records of a tree for a copy of them, a batch at a time: by going through the file once a batch instead of once a record.
 *
 * A batch is gathered in the order of keys, in which the records are wanted, and read in the order in which they stand in the file:
 * records that stand near each other are read with one call. Where they go was laid out before. What is read is not
 * checked here, because that costs less for many records together; a record can be read again by itself, so that damage
 * of the file is told as any read of it is.
 */
import type { Checksum } from '../format/checksum.js'
import { MAX_RECORD_BYTES, RECORD_BODY } from '../format/record.js'
import { u32 } from '../format/typed-read.js'
import type { RecordList } from '../log/base-builder.js'
import type { LogBuffer } from '../log/log-buffer.js'
import type { StorageFile } from '../storage/storage.js'
import { PAUSE, type Task } from '../storage/task.js'
import { leavesOf, type Node, readRef, RecordRef, type Tree } from '../tree/index.js'
import { FileOrder, PIECE_BYTES } from './file-order.js'
import { RecordSource } from './record-source.js'

/** Bytes of records in a batch, and most records. */
const BATCH_BYTES: number = 32 * 1024 * 1024
const BATCH_RECORDS: number = 256 * 1024
/** The file is read in pieces where they hold enough of what is wanted: as much as another call costs. */
const BYTES_PER_CALL: number = 16 * 1024
/** Most bytes of a read: the last record of a piece goes on behind it. */
export const READ_BYTES: number = PIECE_BYTES + BYTES_PER_CALL

/** Where the records are that are to be read. */
export interface GatherSource {
  readonly file: StorageFile
  readonly checksum: Checksum
  readonly tree: Tree
  readonly collectionId: number
}

export class RecordGather implements RecordList {
  /** Of the batch: how many records, their lengths and CRCs, and the index of the buffer where each goes. */
  count = 0
  readonly lengths: Uint32Array
  readonly crcs: Uint32Array
  readonly places: Uint32Array
  /** Bytes of the batch's records. */
  bytes = 0
  readonly #source: GatherSource
  readonly #fileBytes: number
  readonly #leaves: Generator<Node, void, undefined>
  readonly #positions: Float64Array
  readonly #inFile: FileOrder
  readonly #ref = new RecordRef()
  #leaf: Node | undefined
  #index = 0

  constructor(source: GatherSource) {
    const most = Math.min(source.tree.count, BATCH_RECORDS)
    this.#source = source
    this.#fileBytes = source.file.size()
    this.#leaves = leavesOf(source.tree)
    this.lengths = new Uint32Array(most)
    this.crcs = new Uint32Array(most)
    this.places = new Uint32Array(most)
    this.#positions = new Float64Array(most)
    this.#inFile = new FileOrder(most)
  }

  /** Gathers the next batch; false if nothing is left. */
  *next(): Task<boolean> {
    this.count = 0
    this.bytes = 0
    while (this.bytes < BATCH_BYTES) {
      const leaf = this.#leafAtHand()
      if (leaf === undefined || this.count === this.lengths.length) break
      this.#addOf(leaf)
      yield PAUSE
    }
    return this.count > 0
  }

  /** Reads every record of the batch to its place in the buffer. */
  *readTo(buffer: LogBuffer): Task<void> {
    buffer.reserve(READ_BYTES)
    const inFile = this.#inFile
    yield* inFile.sort(this.#positions, this.count)
    for (let from = 0, to = 0; from < this.count; from = to) {
      to = inFile.endOfPiece(from)
      this.#readPiece(buffer, from, to)
      yield PAUSE
    }
  }

  /** Reads records of the batch again, one by one. Throws `VARVE_CORRUPTION` if one is damaged. */
  readAgain({ bytes }: LogBuffer, from: number, to: number): void {
    const { file, checksum, collectionId } = this.#source
    const single = new RecordSource(file, checksum)
    const ref = this.#ref
    for (let i = from; i < to; i++) {
      ref.position = this.#positions[i] ?? 0
      ref.lengthBytes = u32(this.lengths, i)
      ref.crc = u32(this.crcs, i)
      single.read(ref, collectionId, undefined)
      bytes.set(single.bytes.subarray(single.record.start, single.record.end), u32(this.places, i))
    }
  }

  /** The leaf with the record that comes next; undefined behind the last one. */
  #leafAtHand(): Node | undefined {
    while (this.#leaf === undefined || this.#index === this.#leaf.count) {
      const next = this.#leaves.next()
      if (next.done === true) return undefined
      this.#leaf = next.value
      this.#index = 0
    }
    return this.#leaf
  }

  #addOf(leaf: Node): void {
    const ref = this.#ref
    const fileBytes = this.#fileBytes
    const most = this.lengths.length
    for (; this.#index < leaf.count && this.count < most && this.bytes < BATCH_BYTES; this.#index++) {
      readRef(leaf, this.#index, ref)
      const { position, lengthBytes, crc } = ref
      if (lengthBytes <= RECORD_BODY || lengthBytes > MAX_RECORD_BYTES || position + lengthBytes > fileBytes)
        this.#refuse(ref)
      const i = this.count++
      this.#positions[i] = position
      this.lengths[i] = lengthBytes
      this.crcs[i] = crc
      this.bytes += lengthBytes
    }
  }

  /** No record is so short or so long, or so far behind. */
  #refuse(ref: RecordRef): void {
    const { file, checksum, collectionId } = this.#source
    new RecordSource(file, checksum).read(ref, collectionId, undefined)
  }

  /** Reads the records `[from, to)` of the order, which begin in one piece: through the room behind the buffer's content. */
  #readPiece(buffer: LogBuffer, from: number, to: number): void {
    const { file } = this.#source
    const { bytes, length: room } = buffer
    const positions = this.#positions
    const { order } = this.#inFile
    let start = Number.POSITIVE_INFINITY
    let end = 0
    for (let k = from; k < to; k++) {
      const i = u32(order, k)
      const position = positions[i] ?? 0
      start = Math.min(start, position)
      end = Math.max(end, position + u32(this.lengths, i))
    }
    const together = end - start <= READ_BYTES && end - start <= (to - from) * BYTES_PER_CALL
    if (together) file.read(bytes.subarray(room, room + end - start), start)
    for (let k = from; k < to; k++) {
      const i = u32(order, k)
      const position = positions[i] ?? 0
      const place = u32(this.places, i)
      const length = u32(this.lengths, i)
      const at = room + position - start
      if (together) bytes.copyWithin(place, at, at + length)
      else file.read(bytes.subarray(place, place + length), position)
    }
  }
}
