/**
 * Builds the first commit of a compacted generation: a `TxnBegin`, the live records in `TxnRecords` frames, and a `Base`.
 *
 * Records are copied as they are: what their own CRC covers does not change. Frames are completed one by one, so that what is
 * done can be written while the rest is read: between two frames the buffer may be replaced by the next one.
 */
import { type BaseCollection, basePayloadBytes, writeBaseCollections } from '../format/base.js'
import type { Checksum } from '../format/checksum.js'
import { CommitBlock, writeCommitBlock } from '../format/commit.js'
import { FRAME_HEADER_BYTES, FrameKind } from '../format/frame.js'
import { writeUint48, writeUint64 } from '../format/integers.js'
import { RecordField } from '../format/record.js'
import { TXN_BEGIN_BYTES, TxnBeginField } from '../format/txn-begin.js'
import type { CommitPosition } from './commit-position.js'
import { IndexFrameBuilder } from './index-frames.js'
import type { LogBuffer } from './log-buffer.js'
import type { TransactionContext } from './transaction-builder.js'

/** Bytes of records after which a frame is completed. A reader takes a frame in one step, and gives turns in between. */
const FRAME_BYTES: number = 256 * 1024

export class BaseBuilder {
  readonly #checksum: Checksum
  readonly #frames: IndexFrameBuilder
  /** The parent's commit, which the base stands in for. */
  readonly #parent: CommitPosition
  readonly #context: TransactionContext
  #begin = 0
  #operations = 0
  #frameCount = 0
  #framesCrc = 0
  /** Where the frame at hand begins in the buffer; undefined between two frames. */
  #open: number | undefined

  constructor(checksum: Checksum, parent: CommitPosition, context: TransactionContext) {
    this.#checksum = checksum
    this.#frames = new IndexFrameBuilder(checksum)
    this.#parent = parent
    this.#context = context
  }

  start(buffer: LogBuffer): void {
    const { sequence, crc } = this.#parent
    const start = this.#frames.open(buffer)
    this.#begin = buffer.base + start
    const at = buffer.grow(TXN_BEGIN_BYTES)
    writeUint64(buffer.view, at + TxnBeginField.sequence, sequence)
    writeUint64(buffer.view, at + TxnBeginField.previousSequence, sequence)
    buffer.view.setUint32(at + TxnBeginField.previousCrc, crc, true)
    buffer.view.setUint32(at + TxnBeginField.reserved, 0, true)
    this.#close(buffer, start, FrameKind.txnBegin)
  }

  /** Copies the record that is `bytes[start, end)`; returns its position in the new file. */
  add(buffer: LogBuffer, bytes: Uint8Array, start: number, end: number): number {
    const frame = this.#open ?? this.#frames.open(buffer)
    this.#open = frame
    const at = buffer.grow(end - start)
    buffer.bytes.set(bytes.subarray(start, end), at)
    buffer.view.setUint32(at + RecordField.distance, at - frame, true)
    writeUint48(buffer.view, at + RecordField.previous, 0)
    this.#operations += 1
    return buffer.base + at
  }

  /** Completes the frame at hand if it is large enough. True between two frames. */
  completeFrame(buffer: LogBuffer): boolean {
    const frame = this.#open
    if (frame === undefined) return true
    if (buffer.length - frame < FRAME_BYTES) return false
    this.#closeRecords(buffer, frame)
    return true
  }

  /** Completes the commit, which states what the generation begins with. */
  finish(buffer: LogBuffer, collections: readonly BaseCollection[]): CommitPosition {
    if (this.#open !== undefined) this.#closeRecords(buffer, this.#open)
    const start = this.#frames.open(buffer)
    const at = buffer.grow(basePayloadBytes(collections.length))
    writeCommitBlock(buffer.view, at, this.#block())
    writeBaseCollections(buffer.view, at, collections)
    this.#frames.close(buffer, start, FrameKind.base, this.#context)
    const { sequence, time, crc } = this.#parent
    const { epoch } = this.#context
    return { sequence, time, crc, epoch, offset: buffer.base + start, end: buffer.end }
  }

  #block(): CommitBlock {
    const { sequence, time, crc, offset } = this.#parent
    return Object.assign(new CommitBlock(), {
      sequence,
      time,
      operations: this.#operations,
      frames: this.#frameCount,
      framesCrc: this.#framesCrc,
      commitCrc: crc,
      // Of this file nothing is durable yet.
      watermark: 0,
      previousSequence: sequence,
      previousOffset: offset,
      previousCrc: crc,
      begin: this.#begin,
    })
  }

  #closeRecords(buffer: LogBuffer, start: number): void {
    this.#close(buffer, start, FrameKind.txnRecords)
    this.#open = undefined
  }

  #close(buffer: LogBuffer, start: number, kind: FrameKind): void {
    this.#frames.close(buffer, start, kind, this.#context)
    this.#frameCount += 1
    this.#framesCrc = this.#checksum(buffer.bytes, start, start + FRAME_HEADER_BYTES, this.#framesCrc)
  }
}
