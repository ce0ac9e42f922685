/**
 * Reads single records, from the file or from bytes still on their way into it, and checks what it reads.
 *
 * A record counts only if (I13) its CRC holds, equals the one the index keeps, and it is the record of that collection and
 * key: so a misdirected write or a stale block is found by the read that meets it. The next read of the same record looks
 * into the file again: what was damaged in memory only, heals.
 */
import { CorruptionError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { viewOf } from '../format/integers.js'
import { readRecord, RecordView } from '../format/record.js'
import type { LogBuffer } from '../log/log-buffer.js'
import type { PageCache } from '../storage/page-cache.js'
import type { StorageFile } from '../storage/storage.js'
import type { RecordRef } from '../tree/index.js'

const SCRATCH_BYTES = 64 * 1024

/** Where a record is in the file. */
type Range = Pick<RecordRef, 'position' | 'lengthBytes'>

export class RecordSource {
  /** The record read last: its bytes and where its parts are in them. Valid until the next read. */
  bytes: Uint8Array = new Uint8Array(SCRATCH_BYTES)
  readonly record: RecordView = new RecordView()
  readonly #file: StorageFile
  readonly #checksum: Checksum
  readonly #pages: PageCache | undefined
  readonly #buffers: LogBuffer[] = []
  #scratch: Uint8Array = this.bytes
  #scratchView: DataView = viewOf(this.#scratch)
  #view: DataView = this.#scratchView

  constructor(file: StorageFile, checksum: Checksum, pages?: PageCache) {
    this.#file = file
    this.#checksum = checksum
    this.#pages = pages
  }

  /** Bytes at and past `buffer.base` are read from it until it is removed. */
  addBuffer(buffer: LogBuffer): void {
    this.#buffers.push(buffer)
  }

  removeBuffer(buffer: LogBuffer): void {
    const index = this.#buffers.indexOf(buffer)
    if (index >= 0) this.#buffers.splice(index, 1)
  }

  /** Reads and checks the record that `ref` points at. */
  read(ref: RecordRef, collectionId: number, key: Uint8Array | undefined): void {
    const { position, lengthBytes } = ref
    const start = this.#place(position, lengthBytes)
    const { record } = this
    const problem = readRecord(this.bytes, this.#view, start, start + lengthBytes, record, this.#checksum)
    if (problem !== undefined) throw this.#corrupt(ref, `a record with its checksum`, problem)
    if (
      record.crc !== ref.crc ||
      record.end !== start + lengthBytes ||
      record.collectionId !== collectionId
    ) {
      throw this.#corrupt(ref, 'the record that the index points at', 'another record')
    }
    if (key !== undefined && !this.#hasKey(key)) {
      throw this.#corrupt(ref, 'the record of this key', 'a record of another key')
    }
  }

  /** Makes `bytes` hold the range, and returns the index of its start. */
  #place(position: number, lengthBytes: number): number {
    const buffer = this.#buffers.length === 0 ? undefined : this.#bufferOf(position)
    if (buffer !== undefined) {
      this.bytes = buffer.bytes
      this.#view = buffer.view
      return position - buffer.base
    }
    const pages = this.#pages
    if (pages === undefined || !pages.locate(position, lengthBytes)) {
      return this.#readScratch(position, lengthBytes)
    }
    this.bytes = pages.bytes
    this.#view = pages.view
    return pages.start
  }

  #readScratch(position: number, lengthBytes: number): number {
    if (lengthBytes > this.#scratch.length) {
      this.#scratch = new Uint8Array(lengthBytes)
      this.#scratchView = viewOf(this.#scratch)
    }
    this.bytes = this.#scratch
    this.#view = this.#scratchView
    const read = (this.#pages ?? this.#file).read(this.#scratch.subarray(0, lengthBytes), position)
    if (read < lengthBytes)
      throw this.#corrupt({ position, lengthBytes }, `${lengthBytes} bytes`, `${read} bytes`)
    return 0
  }

  #bufferOf(position: number): LogBuffer | undefined {
    return this.#buffers.find((buffer) => position >= buffer.base && position < buffer.end)
  }

  #hasKey(key: Uint8Array): boolean {
    const { keyStart, keyEnd } = this.record
    if (keyEnd - keyStart !== key.length) return false
    for (let i = 0; i < key.length; i++) if (this.bytes[keyStart + i] !== key[i]) return false
    return true
  }

  #corrupt(range: Range, expected: string, actual: string): CorruptionError {
    const { position: offset, lengthBytes } = range
    this.#pages?.drop(offset, lengthBytes)
    const { path } = this.#file
    return new CorruptionError(
      `The record at offset ${offset} of ${path} is damaged: expected ${expected}, found ${actual}. Run verify to see the extent; restore a backup, or salvage.`,
      { path, offset, expected, actual },
    )
  }
}
