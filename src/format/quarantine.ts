/**
 * The head of a quarantine file: what recovery cut off a log, kept aside to the byte. The cut bytes follow the head.
 */
import type { Checksum } from './checksum.js'
import { hex, readUint64, unhex, viewOf, writeUint64 } from './integers.js'

/** `VARVEQRT` */
export const QUARANTINE_MAGIC: readonly number[] = [0x56, 0x41, 0x52, 0x56, 0x45, 0x51, 0x52, 0x54]

/** Byte offsets within the head. */
export const QuarantineField = {
  magic: 0,
  version: 8,
  reason: 10,
  contentCrc: 12,
  databaseId: 16,
  generationId: 32,
  epoch: 48,
  reserved: 52,
  offset: 56,
  length: 64,
  headCrc: 72,
  end: 76,
} as const

/** The head, padded with zeros so that the content begins at a multiple of 8. */
export const QUARANTINE_HEAD_BYTES = 80
export const QUARANTINE_VERSION = 1

/** Why the bytes were cut. Numbers are never reused. */
export const QuarantineReason = { uncommittedTail: 1, tornTail: 2, damage: 3, shortFile: 4 } as const
export type QuarantineReason = (typeof QuarantineReason)[keyof typeof QuarantineReason]

export interface QuarantineHead {
  readonly reason: QuarantineReason
  readonly databaseId: string
  readonly generationId: string
  /** Epoch of the superblock under which the bytes were cut. */
  readonly epoch: number
  /** Where the bytes stood in the file. */
  readonly offset: number
  /** How many there are. */
  readonly length: number
  /** CRC-32C over them. */
  readonly contentCrc: number
}

export function encodeQuarantineHead(head: QuarantineHead, checksum: Checksum): Uint8Array {
  const bytes = new Uint8Array(QUARANTINE_HEAD_BYTES)
  const view = viewOf(bytes)
  bytes.set(QUARANTINE_MAGIC, QuarantineField.magic)
  view.setUint16(QuarantineField.version, QUARANTINE_VERSION, true)
  view.setUint16(QuarantineField.reason, head.reason, true)
  view.setUint32(QuarantineField.contentCrc, head.contentCrc, true)
  bytes.set(unhex(head.databaseId), QuarantineField.databaseId)
  bytes.set(unhex(head.generationId), QuarantineField.generationId)
  view.setUint32(QuarantineField.epoch, head.epoch, true)
  writeUint64(view, QuarantineField.offset, head.offset)
  writeUint64(view, QuarantineField.length, head.length)
  view.setUint32(QuarantineField.headCrc, checksum(bytes, 0, QuarantineField.headCrc), true)
  return bytes
}

/** Reads a head; undefined if these bytes are none. */
export function decodeQuarantineHead(bytes: Uint8Array, checksum: Checksum): QuarantineHead | undefined {
  if (bytes.length < QUARANTINE_HEAD_BYTES) return undefined
  if (!QUARANTINE_MAGIC.every((byte, i) => bytes[i] === byte)) return undefined
  const view = viewOf(bytes)
  if (checksum(bytes, 0, QuarantineField.headCrc) !== view.getUint32(QuarantineField.headCrc, true))
    return undefined
  const reason = Object.values(QuarantineReason).find(
    (known) => known === view.getUint16(QuarantineField.reason, true),
  )
  if (reason === undefined || view.getUint16(QuarantineField.version, true) !== QUARANTINE_VERSION)
    return undefined
  const offset = readUint64(view, QuarantineField.offset)
  const length = readUint64(view, QuarantineField.length)
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return undefined
  return {
    reason,
    databaseId: hex(bytes.subarray(QuarantineField.databaseId, QuarantineField.databaseId + 16)),
    generationId: hex(bytes.subarray(QuarantineField.generationId, QuarantineField.generationId + 16)),
    epoch: view.getUint32(QuarantineField.epoch, true),
    offset,
    length,
    contentCrc: view.getUint32(QuarantineField.contentCrc, true),
  }
}
