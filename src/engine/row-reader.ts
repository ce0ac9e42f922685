/**
 * Reads rows: the record that the index points at, checked, then decoded. What it returns is the caller's own.
 */
import { CorruptionError } from '../errors.js'
import { DecodeFailure } from '../format/decode-failure.js'
import type { Row } from '../format/value.js'
import type { RecordRef } from '../tree/index.js'
import type { RecordSource } from './record-source.js'
import type { ReplacedRecords } from './replaced-records.js'
import type { RowCache } from './row-cache.js'
import type { RowCodecs } from './row-codecs.js'

export class RowReader {
  readonly #source: RecordSource
  readonly #codecs: RowCodecs
  readonly #path: string
  /** Rows that were read before; undefined where none are kept. */
  readonly cache: RowCache | undefined
  /** What was replaced of what is visible; undefined while a file is opened. */
  readonly replacedRecords: ReplacedRecords | undefined

  constructor(
    source: RecordSource,
    codecs: RowCodecs,
    path: string,
    cache?: RowCache,
    replacedRecords?: ReplacedRecords,
  ) {
    this.cache = cache
    this.replacedRecords = replacedRecords
    this.#source = source
    this.#codecs = codecs
    this.#path = path
  }

  /** The row at `ref`. With `key`, the record must be of that key. */
  read(collectionId: number, ref: RecordRef, key: Uint8Array | undefined): Row {
    const { cache } = this
    const kept = cache?.at(ref, collectionId)
    if (kept !== undefined) return kept
    const row = this.#readRecord(collectionId, ref, key)
    cache?.offer(ref, collectionId, row)
    return row
  }

  /** As `read`, for a row that is about to be replaced: it is not worth keeping. */
  readLast(collectionId: number, ref: RecordRef, key: Uint8Array | undefined): Row {
    return this.cache?.at(ref, collectionId) ?? this.#readRecord(collectionId, ref, key)
  }

  /** The row at `ref`, met on a walk through keys in order. */
  readOfWalk(collectionId: number, ref: RecordRef, key?: Uint8Array): Row {
    if (this.cache?.takesWalks !== false) return this.read(collectionId, ref, key)
    return this.#readRecord(collectionId, ref, key)
  }

  #readRecord(collectionId: number, ref: RecordRef, key: Uint8Array | undefined): Row {
    const source = this.#source
    source.read(ref, collectionId, key)
    const { valueStart, valueEnd } = source.record
    return this.decodeRecord(collectionId, ref.position, source.bytes, valueStart, valueEnd)
  }

  /** The record at `position` is not the newest of its key any more. */
  replaced(position: number): void {
    this.cache?.replaced(position)
    this.replacedRecords?.add(position)
  }

  /** All that was replaced is so in the visible commit, or came to nothing. */
  settle(): void {
    this.cache?.settle()
    this.replacedRecords?.settle()
  }

  /** The encoded row at `ref`, the caller's own. */
  bytesAt(collectionId: number, ref: RecordRef, key: Uint8Array): Uint8Array {
    const source = this.#source
    source.read(ref, collectionId, key)
    return source.bytes.slice(source.record.valueStart, source.record.valueEnd)
  }

  /** A row just encoded, read back. */
  decode(collectionId: number, bytes: Uint8Array): Row {
    return this.decodeRecord(collectionId, 0, bytes, 0, bytes.length)
  }

  /** The row between two indices of `bytes`, from a record at `position` that was checked. */
  decodeRecord(collectionId: number, position: number, bytes: Uint8Array, start: number, end: number): Row {
    const row = this.#codecs.of(collectionId).decode(bytes, start, end)
    if (row instanceof DecodeFailure) throw this.#undecodable(position, row)
    return row
  }

  #undecodable(offset: number, failure: DecodeFailure): CorruptionError {
    return new CorruptionError(
      `The row at offset ${offset} of ${this.#path} has a valid checksum but cannot be decoded: ${failure.reason}. Run verify --deep.`,
      { path: this.#path, offset, actual: failure.reason },
    )
  }
}
