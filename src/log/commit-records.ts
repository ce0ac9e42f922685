/**
 * Reads records again whose commit was found: those of a commit in their order, or the version of a row that one replaced.
 *
 * A frame is read whole and checked (I1). A single record is checked by its own checksum, and must be of the row that points
 * at it. What fails is a `CorruptionError` with its offset.
 */
import type { Checksum } from '../format/checksum.js'
import { viewOf } from '../format/integers.js'
import { MAX_RECORD_BYTES, Operation, readRecord, RecordField, RecordView } from '../format/record.js'
import type { StorageFile } from '../storage/storage.js'
import { CorruptionError } from '../errors.js'
import { type CommittedLog, FrameReader, NEAR_BYTES } from './frame-reader.js'
import type { RecordsFrame } from './commit-reader.js'

/** A record as it stands in some bytes; valid until the next one is read. */
export interface ReadRecord {
  readonly bytes: Uint8Array
  readonly record: RecordView
  /** Where it stands in the file. */
  readonly position: number
}

/** The records of a commit that consists of these frames and ends at `limit`. */
export function* recordsOf(
  log: CommittedLog,
  frames: readonly RecordsFrame[],
  limit: number,
): Generator<ReadRecord, void, undefined> {
  const reader = new FrameReader(log, NEAR_BYTES)
  const record = new RecordView()
  for (const { offset, firstRecord } of frames) {
    reader.readFrame(offset, limit)
    const { bytes, view, payloadEnd } = reader
    const first = reader.indexOf(firstRecord)
    for (let at = first; at < payloadEnd; at = record.end) {
      const problem = readRecord(bytes, view, at, payloadEnd, record)
      if (problem !== undefined) throw reader.damaged(offset, 'records', problem)
      yield { bytes, record, position: firstRecord + at - first }
    }
  }
}

/** Bytes that hold most records whole. */
const FIRST_READ_BYTES = 1024

/** Reads versions of rows by the back pointers of the records that replaced them. */
export class OlderVersions {
  readonly record: RecordView = new RecordView()
  bytes: Uint8Array = new Uint8Array(FIRST_READ_BYTES)
  readonly #file: StorageFile
  readonly #checksum: Checksum

  constructor({ file, checksum }: Pick<CommittedLog, 'file' | 'checksum'>) {
    this.#file = file
    this.#checksum = checksum
  }

  /** Reads the put at `position` of a row, which ends before `limit`, into `bytes` and `record`. */
  read(position: number, collectionId: number, key: Uint8Array, limit: number): void {
    const { record } = this
    const end = this.#load(position, limit)
    const problem = readRecord(this.bytes, viewOf(this.bytes), 0, end, record, this.#checksum)
    if (problem !== undefined) throw this.#damaged(position, problem)
    const isOfRow = record.collectionId === collectionId && this.#hasKey(key)
    if (!isOfRow || record.operation !== Operation.put)
      throw this.#damaged(position, 'a record of another row')
  }

  /** Fills `bytes` with what may be the record; how many bytes there are. */
  #load(position: number, limit: number): number {
    const length = Math.min(this.bytes.length, limit - position)
    if (length <= 0) throw this.#damaged(position, 'the end of the log')
    const read = this.#file.read(this.bytes.subarray(0, length), position)
    const { record } = this
    const problem = readRecord(this.bytes, viewOf(this.bytes), 0, read, record)
    const more = problem === 'short' && read > RecordField.operation && record.end > read
    if (!more || record.end > MAX_RECORD_BYTES || position + record.end > limit) return read
    this.bytes = new Uint8Array(record.end)
    return this.#file.read(this.bytes, position)
  }

  #hasKey(key: Uint8Array): boolean {
    const { keyStart, keyEnd } = this.record
    return keyEnd - keyStart === key.length && key.every((byte, i) => this.bytes[keyStart + i] === byte)
  }

  #damaged(offset: number, actual: string): CorruptionError {
    const { path } = this.#file
    const expected = 'the version of a row before another one'
    return new CorruptionError(
      `The record at offset ${offset} of ${path} is damaged: expected ${expected}, found ${actual}. Run verify to see the extent; restore a backup, or salvage.`,
      { path, offset, expected, actual },
    )
  }
}
