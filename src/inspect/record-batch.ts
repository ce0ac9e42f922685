/**
 * Records that entries of a tree lead to, with the keys of these, to be visited in the order in which they stand in the file: rows
 * in the order of their keys lie all over it.
 */
import { FileOrder } from '../engine/file-order.js'
import { MAX_KEY_BYTES } from '../format/limits.js'
import { u32 } from '../format/typed-read.js'
import { PAUSE, type Task } from '../storage/task.js'
import { RecordRef } from '../tree/index.js'

/** Most records, and most bytes of their keys. */
const MOST_RECORDS: number = 256 * 1024
const MOST_KEY_BYTES: number = 8 * 1024 * 1024
const FIRST_RECORDS = 1024
const FIRST_KEY_BYTES = 16 * 1024
/** Records between two places where the visit may be interrupted. */
const RECORDS_PER_PAUSE = 64

export class RecordBatch {
  #count = 0
  #positions = new Float64Array(FIRST_RECORDS)
  #lengths = new Uint32Array(FIRST_RECORDS)
  #crcs = new Uint32Array(FIRST_RECORDS)
  /** Where the key of each ends. */
  #ends = new Uint32Array(FIRST_RECORDS)
  #keys = new Uint8Array(FIRST_KEY_BYTES)
  #inFile = new FileOrder(FIRST_RECORDS)

  get isFull(): boolean {
    return this.#count === MOST_RECORDS || this.#endOf(this.#count - 1) >= MOST_KEY_BYTES
  }

  add({ position, lengthBytes, crc }: RecordRef, key: Uint8Array): void {
    const i = this.#count++
    const start = this.#endOf(i - 1)
    const end = start + key.length
    if (this.#count > this.#positions.length) this.#grow()
    if (end > this.#keys.length) this.#growKeys(end)
    this.#positions[i] = position
    this.#lengths[i] = lengthBytes
    this.#crcs[i] = crc
    this.#ends[i] = end
    this.#keys.set(key, start)
  }

  /** Visits the records, and has none any more. What is given to `visit` is valid until it returns. */
  *visit(visit: (ref: RecordRef, key: Uint8Array) => void): Task<void> {
    const count = this.#count
    yield* this.#inFile.sort(this.#positions, count)
    const { order } = this.#inFile
    const ref = new RecordRef()
    for (let k = 0; k < count; k++) {
      const i = u32(order, k)
      ref.position = this.#positions[i] ?? 0
      ref.lengthBytes = u32(this.#lengths, i)
      ref.crc = u32(this.#crcs, i)
      visit(ref, this.#keys.subarray(this.#endOf(i - 1), this.#endOf(i)))
      if (k % RECORDS_PER_PAUSE === RECORDS_PER_PAUSE - 1) yield PAUSE
    }
    this.#count = 0
  }

  #endOf(i: number): number {
    return i < 0 ? 0 : u32(this.#ends, i)
  }

  #grow(): void {
    const most = 2 * this.#positions.length
    this.#positions = grown(this.#positions, new Float64Array(most))
    this.#lengths = grown(this.#lengths, new Uint32Array(most))
    this.#crcs = grown(this.#crcs, new Uint32Array(most))
    this.#ends = grown(this.#ends, new Uint32Array(most))
    this.#inFile = new FileOrder(most)
  }

  #growKeys(least: number): void {
    const wanted = Math.max(least, Math.min(2 * this.#keys.length, MOST_KEY_BYTES + MAX_KEY_BYTES))
    this.#keys = grown(this.#keys, new Uint8Array(wanted))
  }
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
