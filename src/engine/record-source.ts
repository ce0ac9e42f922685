/**
 * Reads single records, from the file or from bytes still on their way into it, and checks what it reads.
 *
 * A record counts only if (I13) its CRC holds, equals the one the index keeps, and it is the record of that collection and
 * key: so a misdirected write or a stale block is found by the read that meets it. A record in a page in memory
 * is read from the file before it is called damaged.
 */
import { CorruptionError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { viewOf } from '../format/integers.js'
import { MAX_RECORD_BYTES, readRecord, RecordView } from '../format/record.js'
import type { LogBuffer } from '../log/log-buffer.js'
import type { PageCache } from '../storage/page-cache.js'
import type { StorageFile } from '../storage/storage.js'
import type { RecordRef } from '../tree/index.js'

const SCRATCH_BYTES = 64 * 1024

/** Why a record is not the one wanted. */
interface Mismatch {
  readonly expected: string
  readonly actual: string
}

export class RecordSource {
  /** The record read last: its bytes and where its parts are in them. Valid until the next read. */
  bytes: Uint8Array = new Uint8Array(SCRATCH_BYTES)
  readonly record: RecordView = new RecordView()
  readonly #file: StorageFile
  readonly #checksum: Checksum
  #pages: PageCache | undefined
  readonly #buffers: LogBuffer[] = []
  #scratch: Uint8Array = this.bytes
  #scratchView: DataView = viewOf(this.#scratch)
  #view: DataView = this.#scratchView
  /** The pages, if the record read last lies in one of them. */
  #shown: PageCache | undefined

  constructor(file: StorageFile, checksum: Checksum, pages?: PageCache) {
    this.#file = file
    this.#checksum = checksum
    this.#pages = pages
  }

  /** From now on records are read from the file alone. */
  dropPages(): void {
    this.#pages = undefined
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
    const start = this.#place(ref.position, ref.lengthBytes)
    const shown = this.#shown
    // Of bytes in memory the checksum is computed once.
    const checksum = shown?.isChecked === true ? undefined : this.#checksum
    let mismatch = this.#check(start, ref, collectionId, key, checksum)
    if (mismatch === undefined) {
      if (checksum !== undefined) shown?.setChecked()
      return
    }
    // Damage in memory alone, or in the file no longer, is no damage of the file.
    if (this.#readAnew(ref)) mismatch = this.#check(0, ref, collectionId, key, this.#checksum)
    if (mismatch !== undefined) throw this.#corrupt(ref.position, mismatch)
  }

  /** Whether the record at `start` of `bytes` is the one wanted; if not, why. */
  #check(
    start: number,
    ref: RecordRef,
    collectionId: number,
    key: Uint8Array | undefined,
    checksum: Checksum | undefined,
  ): Mismatch | undefined {
    const { record } = this
    const end = start + ref.lengthBytes
    const problem = readRecord(this.bytes, this.#view, start, end, record, checksum)
    if (problem !== undefined) return { expected: 'a record with its checksum', actual: problem }
    if (record.crc !== ref.crc || record.end !== end || record.collectionId !== collectionId) {
      return { expected: 'the record that the index points at', actual: 'another record' }
    }
    if (key !== undefined && !this.#hasKey(key)) {
      return { expected: 'the record of this key', actual: 'a record of another key' }
    }
    return undefined
  }

  /** Makes `bytes` hold the range, and returns the index of its start. */
  #place(position: number, lengthBytes: number): number {
    this.#shown = undefined
    const buffer = this.#buffers.length === 0 ? undefined : this.#bufferOf(position)
    if (buffer !== undefined) {
      this.bytes = buffer.bytes
      this.#view = buffer.view
      return position - buffer.base
    }
    const pages = this.#pages
    if (pages === undefined || !pages.locate(position, lengthBytes)) {
      const target = this.#target(position, lengthBytes)
      return this.#whole(position, target, (pages ?? this.#file).read(target, position))
    }
    this.#shown = pages
    this.bytes = pages.bytes
    this.#view = pages.view
    return pages.start
  }

  /** Reads a record from the file if it may have been in memory; false if it was not. */
  #readAnew({ position, lengthBytes }: RecordRef): boolean {
    const pages = this.#pages
    if (pages === undefined || this.#bufferOf(position) !== undefined) return false
    const target = this.#target(position, lengthBytes)
    this.#whole(position, target, pages.readAnew(target, position))
    return true
  }

  /** The start of the scratch memory, which `bytes` is from now on. */
  #target(position: number, lengthBytes: number): Uint8Array {
    // Before anything is allocated for it.
    if (lengthBytes > MAX_RECORD_BYTES)
      throw this.#corrupt(position, {
        expected: `at most ${MAX_RECORD_BYTES} bytes`,
        actual: `${lengthBytes} bytes`,
      })
    if (lengthBytes > this.#scratch.length) {
      this.#scratch = new Uint8Array(lengthBytes)
      this.#scratchView = viewOf(this.#scratch)
    }
    this.bytes = this.#scratch
    this.#view = this.#scratchView
    return this.#scratch.subarray(0, lengthBytes)
  }

  /** Where `target` starts, if it was filled. */
  #whole(position: number, target: Uint8Array, readBytes: number): number {
    if (readBytes === target.length) return 0
    throw this.#corrupt(position, { expected: `${target.length} bytes`, actual: `${readBytes} bytes` })
  }

  #bufferOf(position: number): LogBuffer | undefined {
    for (const buffer of this.#buffers) if (position >= buffer.base && position < buffer.end) return buffer
    return undefined
  }

  #hasKey(key: Uint8Array): boolean {
    const { keyStart, keyEnd } = this.record
    if (keyEnd - keyStart !== key.length) return false
    for (let i = 0; i < key.length; i++) if (this.bytes[keyStart + i] !== key[i]) return false
    return true
  }

  #corrupt(offset: number, { expected, actual }: Mismatch): CorruptionError {
    const { path } = this.#file
    return new CorruptionError(
      `The record at offset ${offset} of ${path} is damaged: expected ${expected}, found ${actual}. Run verify to see the extent; restore a backup, or salvage.`,
      { path, offset, expected, actual },
    )
  }
}
