/**
 * Reads single records, from the file or from bytes still on their way into it, and checks what it reads.
 *
 * A record counts only if (I13) its CRC holds, equals the one the index keeps, and it is the record of that collection and
 * key: so a misdirected write or a stale block is found by the read that meets it.
 */
import { CorruptionError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { viewOf } from '../format/integers.js'
import { readRecord, RecordView } from '../format/record.js'
import type { LogBuffer } from '../log/log-buffer.js'
import type { StorageFile } from '../storage/storage.js'
import type { RecordRef } from '../tree/index.js'

const SCRATCH_BYTES = 64 * 1024

export class RecordSource {
  /** The record read last: its bytes and where its parts are in them. Valid until the next read. */
  bytes: Uint8Array = new Uint8Array(SCRATCH_BYTES)
  readonly record: RecordView = new RecordView()
  readonly #file: StorageFile
  readonly #checksum: Checksum
  readonly #buffers: LogBuffer[] = []
  #scratch: Uint8Array = this.bytes
  #scratchView: DataView = viewOf(this.#scratch)

  constructor(file: StorageFile, checksum: Checksum) {
    this.#file = file
    this.#checksum = checksum
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
    const buffer = this.#buffers.length === 0 ? undefined : this.#bufferOf(position)
    const start = buffer === undefined ? this.#readFile(position, lengthBytes) : position - buffer.base
    const view = buffer === undefined ? this.#scratchView : buffer.view
    this.bytes = buffer === undefined ? this.#scratch : buffer.bytes
    const { record } = this
    const problem = readRecord(this.bytes, view, start, start + lengthBytes, record, this.#checksum)
    if (problem !== undefined) throw this.#corrupt(position, `a record with its checksum`, problem)
    if (
      record.crc !== ref.crc ||
      record.end !== start + lengthBytes ||
      record.collectionId !== collectionId
    ) {
      throw this.#corrupt(position, 'the record that the index points at', 'another record')
    }
    if (key !== undefined && !this.#hasKey(key)) {
      throw this.#corrupt(position, 'the record of this key', 'a record of another key')
    }
  }

  #readFile(position: number, lengthBytes: number): number {
    if (lengthBytes > this.#scratch.length) {
      this.#scratch = new Uint8Array(lengthBytes)
      this.#scratchView = viewOf(this.#scratch)
    }
    const read = this.#file.read(this.#scratch.subarray(0, lengthBytes), position)
    if (read < lengthBytes) throw this.#corrupt(position, `${lengthBytes} bytes`, `${read} bytes`)
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

  #corrupt(offset: number, expected: string, actual: string): CorruptionError {
    const { path } = this.#file
    return new CorruptionError(
      `The record at offset ${offset} of ${path} is damaged: expected ${expected}, found ${actual}. Run verify to see the extent; restore a backup, or salvage.`,
      { path, offset, expected, actual },
    )
  }
}
