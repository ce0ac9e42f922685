/**
 * Builds the first commit of a compacted generation: a `TxnBegin`, the live records in `TxnRecords` frames, and a `Base`.
 *
 * Records are copied as they are: what their own CRC covers does not change. Their lengths are known before they are read, so
 * the frames are laid out first; the records are read to where they belong, in any order; then each frame is closed. Between
 * two layouts the buffer may be replaced by the next one.
 */
import { type BaseCollection, basePayloadBytes, writeBaseCollections } from '../format/base.js'
import type { Checksum } from '../format/checksum.js'
import { CommitBlock, writeCommitBlock } from '../format/commit.js'
import { FRAME_HEADER_BYTES, FrameKind } from '../format/frame.js'
import { writeUint64 } from '../format/integers.js'
import { type RecordRun, writeRunHeads } from '../format/record-run.js'
import { TXN_BEGIN_BYTES, TxnBeginField } from '../format/txn-begin.js'
import { u32 } from '../format/typed-read.js'
import { PAUSE, type Task } from '../storage/task.js'
import type { CommitPosition } from './commit-position.js'
import { IndexFrameBuilder } from './index-frames.js'
import type { LogBuffer } from './log-buffer.js'
import type { TransactionContext } from './transaction-builder.js'

/** Bytes of records after which a frame is completed. A reader takes a frame in one step, and gives turns in between. */
const FRAME_BYTES: number = 64 * 1024

/** Records that are to be copied: how long each is, its CRC, and where it goes. */
export interface RecordList {
  readonly lengths: Uint32Array
  readonly crcs: Uint32Array
  readonly places: Uint32Array
  readonly count: number
}

/** A frame that begins at `start` of the buffer, and the records in it. */
export interface RecordFrame {
  readonly start: number
  readonly run: RecordRun
}

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
    this.#frames.close(buffer, start, FrameKind.txnBegin, this.#context)
    this.#count(buffer, start)
  }

  /**
   * Lays records of these lengths out in frames of their own: `places[i]` becomes where record `i` belongs in the buffer. Each frame is to
   * be closed once its records are there, in order.
   */
  *layOut(buffer: LogBuffer, { lengths, crcs, places, count }: RecordList): Task<RecordFrame[]> {
    const frames: RecordFrame[] = []
    for (let from = 0; from < count;) {
      const start = this.#frames.open(buffer)
      let to = from
      while (to < count && buffer.length - start < FRAME_BYTES) {
        places[to] = buffer.grow(u32(lengths, to))
        to++
      }
      frames.push({ start, run: { places, crcs, from, to, end: buffer.length } })
      buffer.align()
      from = to
      yield PAUSE
    }
    return frames
  }

  /** Closes a frame whose records were read and checked. */
  close(buffer: LogBuffer, { start, run }: RecordFrame): void {
    writeRunHeads(buffer, run, start)
    this.#operations += run.to - run.from
    this.#frames.writeHeader(buffer, start, run.end, FrameKind.txnRecords, this.#context)
    this.#count(buffer, start)
  }

  /** Completes the commit, which states what the generation begins with. */
  finish(buffer: LogBuffer, collections: readonly BaseCollection[]): CommitPosition {
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

  #count(buffer: LogBuffer, start: number): void {
    this.#frameCount += 1
    this.#framesCrc = this.#checksum(buffer.bytes, start, start + FRAME_HEADER_BYTES, this.#framesCrc)
  }
}
