/**
 * The commit block: what makes the records of a transaction count.
 *
 * It stands at the start of a `Transaction` payload, and is the payload of a `TxnCommit`. It names the commit before it
 * (sequence, offset, CRC), so the commits of a file form a chain, and recovery applies a commit only if it names the
 * one just applied. A commit's CRC covers what it says, not where it stands, so it is the same in every generation:
 * (sequence, CRC) is a position in the history of the database.
 */
import type { Checksum } from './checksum.js'
import { readUint64, viewOf, writeUint64 } from './integers.js'

/** Byte offsets within a commit block. */
export const CommitField = {
  sequence: 0,
  time: 8,
  operations: 16,
  frames: 20,
  framesCrc: 24,
  commitCrc: 28,
  watermark: 32,
  previousSequence: 40,
  previousOffset: 48,
  previousCrc: 56,
  reserved: 60,
  begin: 64,
  end: 72,
} as const

export const COMMIT_BLOCK_BYTES = 72

export class CommitBlock {
  sequence = 0
  /** Milliseconds since 1970; never before the last commit's. */
  time = 0
  /** Number of records. */
  operations = 0
  /** Frames of the transaction before the one that holds this block: 0 for a `Transaction`. */
  frames = 0
  /** CRC-32C over the 48-byte headers of those frames, in order; 0 for none. */
  framesCrc = 0
  commitCrc = 0
  /** W as the writer knew it. */
  watermark = 0
  previousSequence = 0
  /** Offset of the frame that holds the previous commit's block, in this file or, for a generation's first commit, its parent. */
  previousOffset = 0
  previousCrc = 0
  /** Offset of the transaction's first frame. */
  begin = 0
}

export function writeCommitBlock(view: DataView, at: number, block: CommitBlock): void {
  writeUint64(view, at + CommitField.sequence, block.sequence)
  writeUint64(view, at + CommitField.time, block.time)
  view.setUint32(at + CommitField.operations, block.operations, true)
  view.setUint32(at + CommitField.frames, block.frames, true)
  view.setUint32(at + CommitField.framesCrc, block.framesCrc, true)
  view.setUint32(at + CommitField.commitCrc, block.commitCrc, true)
  writeUint64(view, at + CommitField.watermark, block.watermark)
  writeUint64(view, at + CommitField.previousSequence, block.previousSequence)
  writeUint64(view, at + CommitField.previousOffset, block.previousOffset)
  view.setUint32(at + CommitField.previousCrc, block.previousCrc, true)
  view.setUint32(at + CommitField.reserved, 0, true)
  writeUint64(view, at + CommitField.begin, block.begin)
}

/** Fills `block`; false if a 64-bit field is no safe integer or the reserved field is not zero. */
export function readCommitBlock(view: DataView, at: number, block: CommitBlock): boolean {
  block.sequence = readUint64(view, at + CommitField.sequence)
  block.time = readUint64(view, at + CommitField.time)
  block.operations = view.getUint32(at + CommitField.operations, true)
  block.frames = view.getUint32(at + CommitField.frames, true)
  block.framesCrc = view.getUint32(at + CommitField.framesCrc, true)
  block.commitCrc = view.getUint32(at + CommitField.commitCrc, true)
  block.watermark = readUint64(view, at + CommitField.watermark)
  block.previousSequence = readUint64(view, at + CommitField.previousSequence)
  block.previousOffset = readUint64(view, at + CommitField.previousOffset)
  block.previousCrc = view.getUint32(at + CommitField.previousCrc, true)
  block.begin = readUint64(view, at + CommitField.begin)
  return (
    view.getUint32(at + CommitField.reserved, true) === 0 &&
    Number.isSafeInteger(block.sequence) &&
    Number.isSafeInteger(block.time) &&
    Number.isSafeInteger(block.watermark) &&
    Number.isSafeInteger(block.previousSequence) &&
    Number.isSafeInteger(block.previousOffset) &&
    Number.isSafeInteger(block.begin)
  )
}

const CRC_HEAD_BYTES = 32

const FIRST_CRC_BYTES = 4096
/** Memory for more records' CRCs is not kept from one transaction to the next. */
const MOST_KEPT_CRC_BYTES: number = 256 * 1024

/** Accumulates a commit's CRC: over sequence, time, operations, previous sequence and CRC, then each record's CRC. */
export class CommitCrc {
  #bytes = new Uint8Array(FIRST_CRC_BYTES)
  #view = viewOf(this.#bytes)
  #length = CRC_HEAD_BYTES

  start(): void {
    if (this.#bytes.length > MOST_KEPT_CRC_BYTES) {
      this.#bytes = new Uint8Array(FIRST_CRC_BYTES)
      this.#view = viewOf(this.#bytes)
    }
    this.#length = CRC_HEAD_BYTES
  }

  /** How many records were added since `start`. */
  get records(): number {
    return (this.#length - CRC_HEAD_BYTES) / 4
  }

  addRecord(crc: number): void {
    if (this.#length + 4 > this.#bytes.length) this.#grow()
    this.#view.setUint32(this.#length, crc, true)
    this.#length += 4
  }

  /** Forgets all but the first `records` records: a savepoint was rolled back. */
  keep(records: number): void {
    this.#length = CRC_HEAD_BYTES + records * 4
  }

  finish(block: CommitBlock, checksum: Checksum): number {
    writeUint64(this.#view, 0, block.sequence)
    writeUint64(this.#view, 8, block.time)
    this.#view.setUint32(16, block.operations, true)
    writeUint64(this.#view, 20, block.previousSequence)
    this.#view.setUint32(28, block.previousCrc, true)
    return checksum(this.#bytes, 0, this.#length)
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 4)
    larger.set(this.#bytes)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }
}
