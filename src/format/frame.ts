/**
 * A frame: the unit of the log. A header of 48 bytes, a payload, and zeros up to the next multiple of 8.
 *
 * The bytes at an offset are a frame exactly if all of these hold:
 *   1. the offset is a multiple of 8, and 48 bytes are there
 *   2. the magic is `VFRM`
 *   3. the header's CRC-32C is that of its first 44 bytes; only then is any other field trusted
 *   4. its own offset is the offset it was read at             (misplaced writes, databases stored inside values)
 *   5. its generation is the file's                            (blocks of another file)
 *   6. its epoch is not below that of a frame before it, nor above the live superblock's  (bytes cut, then come back)
 *   7. the payload length is within the limit, and the payload is there
 *   8. the payload's CRC-32C matches
 * Kind, flags and padding are judged later: a frame that meets these conditions but is not understood was written by
 * newer code, and is never cut.
 */
import type { Checksum } from './checksum.js'
import { readUint64, writeUint64 } from './integers.js'

/** Kinds of frames. 0 is never valid, so zeros laid ahead are never a frame. Numbers are never reused. */
export const FrameKind = {
  /** A whole transaction: commit block, then its records. */
  transaction: 1,
  /** A transaction too large for one frame: begins. */
  txnBegin: 2,
  /** Records of such a transaction. */
  txnRecords: 3,
  /** Ends such a transaction: its commit block. */
  txnCommit: 4,
  /** First commit of a compacted generation. */
  base: 5,
  /** Index nodes. */
  indexNodes: 6,
  checkpoint: 7,
  /** Carries the watermark when the writer is idle. */
  mark: 8,
  /** Reserved. */
  blob: 9,
  /** Reserved. */
  label: 10,
} as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

/** `VFRM`, read as a little-endian integer. */
export const FRAME_MAGIC = 0x4d524656

/** Byte offsets within a frame header. */
export const FrameField = {
  magic: 0,
  kind: 4,
  flags: 5,
  replaced: 6,
  payloadLength: 8,
  payloadCrc: 12,
  offset: 16,
  generation: 24,
  epoch: 32,
  sequence: 36,
  headerCrc: 44,
  end: 48,
} as const

export const FRAME_HEADER_BYTES = 48
export const FRAME_ALIGNMENT = 8

/** Bytes of what a frame says of a record that one of its own replaced: its length and its CRC, each an unsigned integer of 4 bytes. */
export const REPLACED_BYTES = 8
/** Most of these that a frame has. */
export const MOST_REPLACED_OF_FRAME = 0xffff

/** Whether frames of a kind have records of transactions. */
export function hasRecords(kind: number): boolean {
  return kind === FrameKind.transaction || kind === FrameKind.txnRecords
}

/** A frame header as read. One object may be filled again and again. */
export class FrameHeader {
  kind = 0
  flags = 0
  /** Of a frame with records: how many descriptions of what they replaced stand behind them. 0 of every other frame. */
  replaced = 0
  payloadLength = 0
  payloadCrc = 0
  offset = 0
  generationLow = 0
  generationHigh = 0
  epoch = 0
  /** The commit that the frame belongs to; for frames of no commit, the last one before it. */
  sequence = 0
  headerCrc = 0
}

/** The first 8 bytes of a generation id, as two little-endian halves: what frames carry of it. */
export interface ShortGeneration {
  readonly low: number
  readonly high: number
}

export function shortGeneration(generationId: string): ShortGeneration {
  const half = (start: number): number => {
    let value = 0
    for (let i = 3; i >= 0; i--)
      value = value * 256 + Number.parseInt(generationId.slice(start + i * 2, start + i * 2 + 2), 16)
    return value
  }
  return { low: half(0), high: half(8) }
}

/** Bytes of a frame with this payload, padding included. */
export function frameBytes(payloadLength: number): number {
  return alignUp(FRAME_HEADER_BYTES + payloadLength)
}

/** The next multiple of 8. Written without bit operations: offsets pass 2^32. */
export function alignUp(offset: number): number {
  const rest = offset % FRAME_ALIGNMENT
  return rest === 0 ? offset : offset + FRAME_ALIGNMENT - rest
}

/** Writes `header` at `at`, computing the header's CRC, which is stored into `header` too. */
export function writeFrameHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  header: FrameHeader,
  checksum: Checksum,
): void {
  view.setUint32(at + FrameField.magic, FRAME_MAGIC, true)
  view.setUint8(at + FrameField.kind, header.kind)
  view.setUint8(at + FrameField.flags, header.flags)
  view.setUint16(at + FrameField.replaced, header.replaced, true)
  view.setUint32(at + FrameField.payloadLength, header.payloadLength, true)
  view.setUint32(at + FrameField.payloadCrc, header.payloadCrc, true)
  writeUint64(view, at + FrameField.offset, header.offset)
  view.setUint32(at + FrameField.generation, header.generationLow, true)
  view.setUint32(at + FrameField.generation + 4, header.generationHigh, true)
  view.setUint32(at + FrameField.epoch, header.epoch, true)
  writeUint64(view, at + FrameField.sequence, header.sequence)
  header.headerCrc = checksum(bytes, at, at + FrameField.headerCrc)
  view.setUint32(at + FrameField.headerCrc, header.headerCrc, true)
}

/** Fills `header` from the bytes at `at`; false if magic or header CRC do not hold (conditions 2 and 3). */
export function readFrameHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  header: FrameHeader,
  checksum: Checksum,
): boolean {
  if (view.getUint32(at + FrameField.magic, true) !== FRAME_MAGIC) return false
  header.headerCrc = view.getUint32(at + FrameField.headerCrc, true)
  if (checksum(bytes, at, at + FrameField.headerCrc) !== header.headerCrc) return false
  header.kind = view.getUint8(at + FrameField.kind)
  header.flags = view.getUint8(at + FrameField.flags)
  header.replaced = view.getUint16(at + FrameField.replaced, true)
  header.payloadLength = view.getUint32(at + FrameField.payloadLength, true)
  header.payloadCrc = view.getUint32(at + FrameField.payloadCrc, true)
  header.offset = readUint64(view, at + FrameField.offset)
  header.generationLow = view.getUint32(at + FrameField.generation, true)
  header.generationHigh = view.getUint32(at + FrameField.generation + 4, true)
  header.epoch = view.getUint32(at + FrameField.epoch, true)
  header.sequence = readUint64(view, at + FrameField.sequence)
  return true
}
