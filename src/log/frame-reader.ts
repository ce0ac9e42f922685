/**
 * Reads frames at offsets that something checked points at: a commit that names the one before it, or the position of a
 * record.
 *
 * A frame that is pointed at must be there: one that fails a condition of `format/frame.ts` (I1) is a `CorruptionError`
 * with its offset. Each reader keeps a buffer of its own, so that what it read stays valid until its next read, and it
 * reads nothing past the frame that is asked for. It goes from newer frames to older ones (and within a transaction
 * freely): the epoch may not rise on the way.
 */
import { CorruptionError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import {
  alignUp,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  FrameHeader,
  readFrameHeader,
  REPLACED_BYTES,
  type ShortGeneration,
  shortGeneration,
} from '../format/frame.js'
import { type Header, LOG_START } from '../format/header.js'
import { viewOf } from '../format/integers.js'
import { MAX_FRAME_PAYLOAD_BYTES } from '../format/limits.js'
import { RecordField } from '../format/record.js'
import type { StorageFile } from '../storage/storage.js'

/** A file whose log is read backwards from a commit. */
export interface CommittedLog {
  readonly file: StorageFile
  readonly checksum: Checksum
  readonly header: Header
}

/** Bytes read at once where frames lie far apart: a small commit is then one or two reads. */
export const NEAR_BYTES = 4096

export class FrameReader {
  /** The header read last. */
  readonly header: FrameHeader = new FrameHeader()
  /** The bytes that hold what was read last, and where header and payload stand in them; the payload without what it says of replaced records. */
  bytes: Uint8Array
  view: DataView
  headerStart = 0
  payloadStart = 0
  payloadEnd = 0
  /** Offset behind the frame, padding included. */
  end = 0
  readonly #log: CommittedLog
  readonly #generation: ShortGeneration
  readonly #windowBytes: number
  /** The window: `bytes` from index 0 on are the file from here, for so many bytes. */
  #start = 0
  #length = 0
  /** The frame whose payload is in the window, checked; -1 for none. */
  #whole = -1
  #maxEpoch = Number.POSITIVE_INFINITY

  /** Reads ahead towards the log's begin, `windowBytes` at once. */
  constructor(log: CommittedLog, windowBytes: number) {
    this.#log = log
    this.#generation = shortGeneration(log.header.generationId)
    this.#windowBytes = windowBytes
    this.bytes = new Uint8Array(windowBytes)
    this.view = viewOf(this.bytes)
  }

  /** Offset of the frame that the record at `position` says it is in, not checked yet. */
  frameOf(position: number): number {
    if (position < LOG_START) throw this.damaged(position, 'a record within the log', 'none', 'record')
    const at = this.#load(position, RecordField.previous)
    const distance = this.view.getUint32(at + RecordField.distance, true)
    const offset = position - distance
    if (distance < FRAME_HEADER_BYTES || offset < LOG_START || offset % FRAME_ALIGNMENT !== 0)
      throw this.damaged(position, 'the distance to its frame', String(distance), 'record')
    return offset
  }

  /** Reads and checks the header of the frame at `offset`, which must end at or before `limit`. */
  readHeader(offset: number, limit: number): void {
    const { header } = this
    if (offset < LOG_START || offset % FRAME_ALIGNMENT !== 0 || offset + FRAME_HEADER_BYTES > limit)
      throw this.damaged(offset, 'a frame within the log', 'none')
    this.#place(this.#load(offset, FRAME_HEADER_BYTES))
    this.#whole = -1
    if (!readFrameHeader(this.bytes, this.view, this.headerStart, header, this.#log.checksum))
      throw this.damaged(offset, 'the header of a frame', 'bytes that are none')
    if (header.offset !== offset) throw this.damaged(offset, 'its own offset', String(header.offset))
    const { low, high } = this.#generation
    if (header.generationLow !== low || header.generationHigh !== high)
      throw this.damaged(offset, 'a frame of this file', 'one of another')
    if (header.epoch > this.#maxEpoch)
      throw this.damaged(offset, `an epoch up to ${this.#maxEpoch}`, String(header.epoch))
    this.#maxEpoch = header.epoch
    this.end = alignUp(offset + FRAME_HEADER_BYTES + header.payloadLength)
    if (header.payloadLength > MAX_FRAME_PAYLOAD_BYTES || this.end > limit)
      throw this.damaged(offset, `a frame that ends by ${limit}`, `one that ends at ${this.end}`)
  }

  /** As `readHeader`, and reads the payload; whether its checksum holds. */
  readPayload(offset: number, limit: number): boolean {
    if (this.#whole === offset) return true
    this.readHeader(offset, limit)
    const { payloadLength, payloadCrc, replaced } = this.header
    this.#place(this.#load(offset, FRAME_HEADER_BYTES + payloadLength))
    const end = this.payloadStart + payloadLength
    this.payloadEnd = end - replaced * REPLACED_BYTES
    if (this.#log.checksum(this.bytes, this.payloadStart, end) !== payloadCrc) return false
    this.#whole = offset
    return true
  }

  /** As `readPayload`; throws if its checksum does not hold. */
  readFrame(offset: number, limit: number): void {
    if (!this.readPayload(offset, limit)) throw this.badPayload(offset)
  }

  badPayload(offset: number): CorruptionError {
    return this.damaged(offset, 'a payload with its checksum', 'another checksum')
  }

  damaged(offset: number, expected: string, actual: string, what = 'frame'): CorruptionError {
    const { path } = this.#log.file
    return new CorruptionError(
      `The ${what} at offset ${offset} of ${path} is damaged: expected ${expected}, found ${actual}. Run verify to see the extent; restore a backup, or salvage.`,
      { path, offset, expected, actual },
    )
  }

  /** Where in `bytes` the byte at a file position is; it must be in the window. */
  indexOf(position: number): number {
    return position - this.#start
  }

  #place(headerStart: number): void {
    this.headerStart = headerStart
    this.payloadStart = headerStart + FRAME_HEADER_BYTES
  }

  /** Makes `[position, position + length)` available, with what stands before it; its index in `bytes`. */
  #load(position: number, length: number): number {
    if (position < this.#start || position + length > this.#start + this.#length) this.#fill(position, length)
    return position - this.#start
  }

  #fill(position: number, length: number): void {
    const end = position + length
    const start = length >= this.#windowBytes ? position : Math.max(LOG_START, end - this.#windowBytes)
    this.#whole = -1
    this.#length = 0
    if (end - start > this.bytes.length) {
      this.bytes = new Uint8Array(end - start)
      this.view = viewOf(this.bytes)
    }
    const read = this.#log.file.read(this.bytes.subarray(0, end - start), start)
    if (start + read < end) throw this.damaged(position, `${length} bytes`, 'the end of the file')
    this.#start = start
    this.#length = end - start
  }
}
