/**
 * Builds the frames of transactions in memory, at the offsets they will have in the log.
 *
 * A record's position is known when it is added, so the index can point at it at once. Both forms of a transaction, one
 * frame or several, place the first record at the same distance from the transaction's begin:
 *
 *     Transaction header 48 | commit block 72                    | records ...
 *     TxnBegin header 48    | payload 24 | TxnRecords header 48  | records ... | TxnRecords header 48 | records ... | TxnCommit
 *
 * so which form it takes is decided at its commit. Until then header space is reserved, and frames are only noted.
 */
import type { Checksum } from '../format/checksum.js'
import { COMMIT_BLOCK_BYTES, CommitBlock, CommitCrc, writeCommitBlock } from '../format/commit.js'
import {
  FRAME_HEADER_BYTES,
  FrameHeader,
  FrameKind,
  MOST_REPLACED_OF_FRAME,
  REPLACED_BYTES,
  type ShortGeneration,
  writeFrameHeader,
} from '../format/frame.js'
import { writeUint64 } from '../format/integers.js'
import { TRANSACTION_FRAME_BYTES } from '../format/limits.js'
import {
  type Operation,
  readRecord,
  recordBytes,
  RecordField,
  RecordView,
  type ReplacedRecord,
  writeRecord,
} from '../format/record.js'
import { u32 } from '../format/typed-read.js'
import { TXN_BEGIN_BYTES, TxnBeginField } from '../format/txn-begin.js'
import type { CommitPosition } from './commit-position.js'
import type { LogBuffer } from './log-buffer.js'

/** Distance of the first record from the transaction's begin, in both forms. */
const FIRST_RECORD: number = FRAME_HEADER_BYTES + COMMIT_BLOCK_BYTES
/** In the form of several frames, where the first `TxnRecords` header stands. */
const FIRST_RECORDS_HEADER: number = FRAME_HEADER_BYTES + TXN_BEGIN_BYTES

/** What there was of replaced records up to some record: how many were told, and how many were not. */
interface ReplacedMark {
  readonly replaced: number
  readonly untold: number
}

/** Where a transaction stood at a savepoint. */
export interface BuilderMark extends ReplacedMark {
  readonly length: number
  readonly records: number
  readonly frames: number
}

/** A frame after the first one of records: where it begins in the buffer, and where the records of the one before it end. */
interface FrameStart extends ReplacedMark {
  readonly start: number
  readonly endBefore: number
}

/** Words that are kept of a replaced record: its length and its CRC. */
const REPLACED_WORDS = 2
const FIRST_REPLACED = 64
/** Memory for more of them is not kept from one transaction to the next. */
const MOST_KEPT_REPLACED = 64 * 1024

/** What a transaction's frames need to know of the log. */
export interface TransactionContext {
  readonly sequence: number
  readonly epoch: number
  readonly generation: ShortGeneration
}

export class TransactionBuilder {
  readonly #checksum: Checksum
  readonly #crc = new CommitCrc()
  readonly #header = new FrameHeader()
  readonly #block = new CommitBlock()
  readonly #view = new RecordView()
  #buffer: LogBuffer | undefined
  #context: TransactionContext = { sequence: 0, epoch: 0, generation: { low: 0, high: 0 } }
  /** Index in the buffer where the transaction begins, and where each frame after the first one of records begins. */
  #begin = 0
  #frames: FrameStart[] = []
  /** What was said of replaced records, and how many of them there are of which nothing was. */
  #replaced = new Uint32Array(FIRST_REPLACED * REPLACED_WORDS)
  #replacedCount = 0
  #untold = 0
  /** How it was before the record added last. */
  #lengthBefore = 0
  #framesBefore = 0
  #replacedBefore = 0
  #untoldBefore = 0
  /** Of the record added last: its position in the file, its length and its CRC. */
  position = 0
  lengthBytes = 0
  crc = 0
  /** Whether it is a row's first version. */
  isNew = false

  constructor(checksum: Checksum) {
    this.#checksum = checksum
  }

  /** Bytes that the transaction takes so far. */
  get bytes(): number {
    return this.#buffer === undefined ? 0 : this.#buffer.length - this.#begin
  }

  get records(): number {
    return this.#crc.records
  }

  start(buffer: LogBuffer, context: TransactionContext): void {
    this.#buffer = buffer
    this.#context = context
    this.#begin = buffer.length
    this.#frames = []
    if (this.#replaced.length > MOST_KEPT_REPLACED * REPLACED_WORDS)
      this.#replaced = new Uint32Array(FIRST_REPLACED * REPLACED_WORDS)
    this.#replacedCount = 0
    this.#untold = 0
    this.#crc.start()
    buffer.grow(FIRST_RECORD)
  }

  /**
   * Adds a record; its place and CRC are then in `position`, `lengthBytes` and `crc`. `replaced` is the version before, which is at `previous`: if
   * that is said of all that a frame's records replace, a replay need not look for any.
   */
  add(
    operation: Operation,
    collectionId: number,
    key: Uint8Array,
    value: Uint8Array,
    previous: number,
    replaced?: ReplacedRecord,
  ): void {
    const buffer = this.#open()
    this.#lengthBefore = buffer.length
    this.#framesBefore = this.#frames.length
    this.#replacedBefore = this.#replacedCount
    this.#untoldBefore = this.#untold
    const length = recordBytes(collectionId, key.length, value.length)
    const frame = this.#frames.at(-1)?.start ?? this.#begin
    const used = buffer.length - frame
    const needsFrame =
      used > FRAME_HEADER_BYTES && used + length > TRANSACTION_FRAME_BYTES && this.#crc.records > 0
    const start = needsFrame ? this.#openFrame(buffer) : frame
    const at = buffer.grow(length)
    const record = { operation, collectionId, key, value, previous, distance: at - start }
    this.crc = writeRecord(buffer.bytes, buffer.view, at, record, this.#checksum)
    this.position = buffer.base + at
    this.lengthBytes = length
    this.isNew = previous === 0
    this.#crc.addRecord(this.crc)
    if (previous > 0) this.#noteReplaced(replaced)
  }

  #noteReplaced(replaced: ReplacedRecord | undefined): void {
    if (replaced === undefined) {
      this.#untold++
      return
    }
    const at = this.#replacedCount++ * REPLACED_WORDS
    if (at === this.#replaced.length) {
      const more = new Uint32Array(at * 2)
      more.set(this.#replaced)
      this.#replaced = more
    }
    this.#replaced[at] = replaced.lengthBytes
    this.#replaced[at + 1] = replaced.crc
  }

  /** Takes out the record that was added last; nothing was done since. */
  takeBack(): void {
    this.rollbackTo({
      length: this.#lengthBefore,
      records: this.#crc.records - 1,
      frames: this.#framesBefore,
      replaced: this.#replacedBefore,
      untold: this.#untoldBefore,
    })
  }

  mark(): BuilderMark {
    return {
      length: this.#open().length,
      records: this.#crc.records,
      frames: this.#frames.length,
      replaced: this.#replacedCount,
      untold: this.#untold,
    }
  }

  rollbackTo(mark: BuilderMark): void {
    this.#open().shrink(mark.length)
    this.#crc.keep(mark.records)
    this.#frames.length = mark.frames
    this.#replacedCount = mark.replaced
    this.#untold = mark.untold
  }

  /** Gives the transaction up; the buffer is as before it. */
  abandon(): void {
    this.#buffer?.shrink(this.#begin)
    this.#buffer = undefined
  }

  /** Completes the frames. The commit's place and CRC are those of its own position in the log. */
  finish(time: number, previous: CommitPosition, watermark: number): CommitPosition {
    const buffer = this.#open()
    const block = this.#block
    block.sequence = this.#context.sequence
    block.time = time
    block.operations = this.#crc.records
    block.watermark = watermark
    block.previousSequence = previous.sequence
    block.previousOffset = previous.offset
    block.previousCrc = previous.crc
    block.begin = buffer.base + this.#begin
    block.commitCrc = this.#crc.finish(block, this.#checksum)
    const offset = this.#frames.length === 0 ? this.#finishSingle(buffer) : this.#finishSeveral(buffer)
    this.#buffer = undefined
    const end = buffer.base + buffer.length
    return { sequence: block.sequence, time, offset, crc: block.commitCrc, end, epoch: this.#context.epoch }
  }

  #finishSingle(buffer: LogBuffer): number {
    this.#block.frames = 0
    this.#block.framesCrc = 0
    writeCommitBlock(buffer.view, this.#begin + FRAME_HEADER_BYTES, this.#block)
    const replaced = this.#writeReplaced(buffer)
    this.#writeFrame(buffer, FrameKind.transaction, this.#begin, buffer.length, replaced)
    buffer.align()
    return buffer.base + this.#begin
  }

  #finishSeveral(buffer: LogBuffer): number {
    const begin = this.#begin
    this.#writeBeginPayload(buffer, begin + FRAME_HEADER_BYTES)
    this.#writeFrame(buffer, FrameKind.txnBegin, begin, begin + FIRST_RECORDS_HEADER)
    let framesCrc = this.#headerCrc(buffer, begin, 0)
    const frames = [...this.#frames, this.#frameEnd(buffer)]
    let start = begin + FIRST_RECORDS_HEADER
    let from: ReplacedMark = NOTHING_REPLACED
    this.#patchDistances(buffer, begin + FIRST_RECORD, frames[0]?.endBefore ?? 0)
    for (const next of frames) {
      const replaced = replacedBetween(from, next)
      this.#writeFrame(
        buffer,
        FrameKind.txnRecords,
        start,
        next.endBefore + replaced * REPLACED_BYTES,
        replaced,
      )
      framesCrc = this.#headerCrc(buffer, start, framesCrc)
      start = next.start
      from = next
    }
    this.#block.frames = frames.length + 1
    this.#block.framesCrc = framesCrc
    const commit = buffer.grow(FRAME_HEADER_BYTES + COMMIT_BLOCK_BYTES)
    writeCommitBlock(buffer.view, commit + FRAME_HEADER_BYTES, this.#block)
    this.#writeFrame(buffer, FrameKind.txnCommit, commit, buffer.length)
    return buffer.base + commit
  }

  /** Ends the frame of records at hand, with what it says of replaced ones; where the next one begins. */
  #frameEnd(buffer: LogBuffer): FrameStart {
    const endBefore = buffer.length
    this.#writeReplaced(buffer)
    buffer.align()
    return { start: buffer.length, endBefore, replaced: this.#replacedCount, untold: this.#untold }
  }

  /** Says what the records of the frame at hand replaced, if that is known of all; of how many it does. */
  #writeReplaced(buffer: LogBuffer): number {
    const from = this.#frames.at(-1) ?? NOTHING_REPLACED
    const count = replacedBetween(from, { replaced: this.#replacedCount, untold: this.#untold })
    const at = buffer.grow(count * REPLACED_BYTES)
    const words = from.replaced * REPLACED_WORDS
    for (let i = 0; i < count * REPLACED_WORDS; i++)
      buffer.view.setUint32(at + i * 4, u32(this.#replaced, words + i), true)
    return count
  }

  /** The first frame's records were added as if their frame began with the transaction. The CRC does not cover this. */
  #patchDistances(buffer: LogBuffer, from: number, to: number): void {
    for (let at = from; at < to && this.#readRecord(buffer, at, to); at = this.#view.end) {
      const distance = at - (this.#begin + FIRST_RECORDS_HEADER)
      buffer.view.setUint32(at + RecordField.distance, distance, true)
    }
  }

  #readRecord(buffer: LogBuffer, at: number, end: number): boolean {
    return readRecord(buffer.bytes, buffer.view, at, end, this.#view) === undefined
  }

  #writeBeginPayload(buffer: LogBuffer, at: number): void {
    const { view } = buffer
    writeUint64(view, at + TxnBeginField.sequence, this.#context.sequence)
    writeUint64(view, at + TxnBeginField.previousSequence, this.#block.previousSequence)
    view.setUint32(at + TxnBeginField.previousCrc, this.#block.previousCrc, true)
    view.setUint32(at + TxnBeginField.reserved, 0, true)
  }

  #writeFrame(buffer: LogBuffer, kind: FrameKind, start: number, end: number, replaced = 0): void {
    const header = this.#header
    const payload = start + FRAME_HEADER_BYTES
    header.kind = kind
    header.replaced = replaced
    header.payloadLength = end - payload
    header.payloadCrc = this.#checksum(buffer.bytes, payload, end)
    header.offset = buffer.base + start
    header.generationLow = this.#context.generation.low
    header.generationHigh = this.#context.generation.high
    header.epoch = this.#context.epoch
    header.sequence = this.#context.sequence
    writeFrameHeader(buffer.bytes, buffer.view, start, header, this.#checksum)
  }

  #headerCrc(buffer: LogBuffer, start: number, seed: number): number {
    return this.#checksum(buffer.bytes, start, start + FRAME_HEADER_BYTES, seed)
  }

  #openFrame(buffer: LogBuffer): number {
    const frame = this.#frameEnd(buffer)
    buffer.grow(FRAME_HEADER_BYTES)
    this.#frames.push(frame)
    return frame.start
  }

  #open(): LogBuffer {
    if (this.#buffer === undefined) throw new TypeError('No transaction is being built.')
    return this.#buffer
  }
}

const NOTHING_REPLACED: ReplacedMark = { replaced: 0, untold: 0 }

/** What a frame says of how many replaced records that its records replaced: of all, or of none. */
function replacedBetween(from: ReplacedMark, to: ReplacedMark): number {
  const count = to.replaced - from.replaced
  return to.untold > from.untold || count > MOST_REPLACED_OF_FRAME ? 0 : count
}
