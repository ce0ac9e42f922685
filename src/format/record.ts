/**
 * A record: one operation of a transaction on one row (or catalog entry).
 *
 *     crc u32 | distance u32 | previous u48 || operation u8 | collection varint | key length varint
 *                                           || value length varint | [expiry u64] | key | value
 *
 * The CRC covers what stands right of the double bar: so a point read checks what it returns, and the same row has the
 * same CRC in every generation. The distance to the frame's header and the position of the row's previous version
 * depend on the place; the frame's own CRC covers them.
 */
import type { Checksum } from './checksum.js'
import { readUint48, readUint64, varintBytes, writeUint48, writeVarint } from './integers.js'
import { MAX_KEY_BYTES, MAX_ROW_BYTES } from './limits.js'

/** What a record does. Numbers are never reused. */
export const Operation = { put: 1, delete: 2 } as const
export type Operation = (typeof Operation)[keyof typeof Operation]

/** Set in the operation byte when an expiry time (milliseconds since 1970) follows the value length. */
export const EXPIRY_FLAG = 0x80

/** Byte offsets of a record's fixed part. */
export const RecordField = { crc: 0, distance: 4, previous: 8, operation: 14 } as const

/** Where the bytes that the CRC covers begin. */
export const RECORD_BODY: number = RecordField.operation

/** Most bytes of a record: its fixed part, three varints, an expiry time, the longest key and the largest row. */
export const MAX_RECORD_BYTES: number = RECORD_BODY + 1 + 3 * 5 + 8 + MAX_KEY_BYTES + MAX_ROW_BYTES

/** A record as read, with offsets into the bytes it was read from. One object may be filled again and again. */
export class RecordView {
  /** Where the record begins, and ends. */
  start = 0
  end = 0
  crc = 0
  distance = 0
  /** File position of the row's previous version; 0 for none. */
  previous = 0
  operation = 0
  collectionId = 0
  /** Milliseconds since 1970, or 0 for none. */
  expiry = 0
  keyStart = 0
  valueStart = 0
  get keyEnd(): number {
    return this.valueStart
  }
  get valueEnd(): number {
    return this.end
  }
}

/** What a frame may say of the version before one of its records: the whole length and the CRC. */
export interface ReplacedRecord {
  readonly lengthBytes: number
  readonly crc: number
}

/** Why bytes are not a record; undefined when they are. */
export type RecordProblem =
  'short' | 'operation' | 'collection' | 'keyLength' | 'valueLength' | 'expiry' | 'checksum'

/** Bytes of a record without expiry. */
export function recordBytes(collectionId: number, keyLength: number, valueLength: number): number {
  const lengths = varintBytes(collectionId) + varintBytes(keyLength) + varintBytes(valueLength)
  return RECORD_BODY + 1 + lengths + keyLength + valueLength
}

/** What `writeRecord` writes. */
export interface RecordInput {
  readonly operation: Operation
  readonly collectionId: number
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly previous: number
  readonly distance: number
}

/** Writes a record at `at`, where `recordBytes` bytes are free; returns its CRC. */
export function writeRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  record: RecordInput,
  checksum: Checksum,
): number {
  const { key, value } = record
  view.setUint32(at + RecordField.distance, record.distance, true)
  writeUint48(view, at + RecordField.previous, record.previous)
  bytes[at + RecordField.operation] = record.operation
  let end = writeVarint(bytes, at + RECORD_BODY + 1, record.collectionId)
  end = writeVarint(bytes, end, key.length)
  end = writeVarint(bytes, end, value.length)
  bytes.set(key, end)
  end += key.length
  bytes.set(value, end)
  end += value.length
  const crc = checksum(bytes, at + RECORD_BODY, end)
  view.setUint32(at + RecordField.crc, crc, true)
  return crc
}

/**
 * Reads the record at `start` into `record`, staying within `end`. Checks structure, and the CRC unless `checksum` is
 * left out because a CRC over the same bytes was just checked.
 */
export function readRecord(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  record: RecordView,
  checksum?: Checksum,
): RecordProblem | undefined {
  if (end - start < RECORD_BODY + 4) return 'short'
  record.start = start
  record.crc = view.getUint32(start + RecordField.crc, true)
  record.distance = view.getUint32(start + RecordField.distance, true)
  record.previous = readUint48(view, start + RecordField.previous)
  const operationByte = view.getUint8(start + RecordField.operation)
  record.operation = operationByte & ~EXPIRY_FLAG
  if (record.operation !== Operation.put && record.operation !== Operation.delete) return 'operation'

  varintEnd = start + RECORD_BODY + 1
  record.collectionId = readVarint(view, end)
  if (varintEnd === 0) return 'collection'
  const keyLength = readVarint(view, end)
  if (varintEnd === 0 || keyLength > MAX_KEY_BYTES) return 'keyLength'
  const valueLength = readVarint(view, end)
  if (varintEnd === 0 || valueLength > MAX_ROW_BYTES) return 'valueLength'
  let at = varintEnd
  record.expiry = 0
  if (operationByte >= EXPIRY_FLAG) {
    if (end - at < 8) return 'expiry'
    record.expiry = readUint64(view, at)
    if (!Number.isSafeInteger(record.expiry)) return 'expiry'
    at += 8
  }
  record.keyStart = at
  record.valueStart = at + keyLength
  record.end = record.valueStart + valueLength
  if (record.end > end) return 'short'
  if (checksum !== undefined && checksum(bytes, start + RECORD_BODY, record.end) !== record.crc)
    return 'checksum'
  return undefined
}

/** Where the varint read last ended, or 0 if it was ill-formed: module state, so that reading allocates nothing. */
let varintEnd = 0

function readVarint(view: DataView, end: number): number {
  let at = varintEnd
  let value = 0
  let unit = 1
  for (let bytes = 0; bytes < 5 && at < end; bytes++) {
    const byte = view.getUint8(at++)
    value += (byte & 0x7f) * unit
    unit *= 128
    if (byte < 0x80) {
      varintEnd = value <= 0xffff_ffff ? at : 0
      return value
    }
  }
  varintEnd = 0
  return 0
}
