/**
 * Reads commits at places that something checked names: which frames a commit consists of, and what its block says.
 *
 * Whatever does not fit together is a `CorruptionError` with its offset, as in `frame-reader.ts`.
 */
import type { CorruptionError } from '../errors.js'
import { COMMIT_BLOCK_BYTES, CommitBlock, readCommitBlock } from '../format/commit.js'
import { FRAME_HEADER_BYTES, FrameKind } from '../format/frame.js'
import { type CommittedLog, FrameReader, NEAR_BYTES } from './frame-reader.js'

/** How a commit is named by the one that follows it. */
export interface CommitName {
  readonly sequence: number
  /** Offset of the frame that holds its block. */
  readonly offset: number
  readonly crc: number
}

/** Where the records of one frame may stand, as file positions. */
export interface RecordsFrame {
  readonly offset: number
  readonly firstRecord: number
}

export class CommitReader {
  /** The block read last. */
  readonly block: CommitBlock = new CommitBlock()
  /** Whether the commit that `readCommit` read last is the first one of the file. */
  isFirst = false
  readonly #log: CommittedLog
  /** Headers of a large transaction lie megabytes apart. */
  readonly #headers: FrameReader

  constructor(log: CommittedLog) {
    this.#log = log
    this.#headers = new FrameReader(log, NEAR_BYTES)
  }

  /** The block of the commit that the frame with records in `frames` belongs to. The log is read up to `limit`. */
  readBlockOf(frames: FrameReader, limit: number): CommitBlock {
    const { kind, sequence, offset } = frames.header
    if (kind === FrameKind.transaction) return this.#readBlock(frames, sequence)
    const headers = this.#headers
    for (let at = frames.end; ; at = headers.end) {
      headers.readHeader(at, limit)
      if (headers.header.kind === FrameKind.txnRecords) continue
      const { kind: last } = headers.header
      if (last !== FrameKind.txnCommit && last !== FrameKind.base)
        throw this.#misfit(at, 'the commit of the transaction')
      headers.readFrame(at, limit)
      const block = this.#readBlock(headers, sequence)
      if (block.begin >= offset) throw this.#misfit(at, 'a commit of the frames before it')
      return block
    }
  }

  /** Reads a commit's block and finds its frames with records, oldest first. `frames` is left at the frame of the block. */
  readCommit(frames: FrameReader, name: CommitName, limit: number): RecordsFrame[] {
    const { offset, sequence, crc } = name
    frames.readFrame(offset, limit)
    const { kind } = frames.header
    if (kind !== FrameKind.transaction && kind !== FrameKind.txnCommit && kind !== FrameKind.base)
      throw this.#misfit(offset, `commit ${sequence}`)
    const block = this.#readBlock(frames, sequence)
    if (block.commitCrc !== crc) throw this.#misfit(offset, `commit ${sequence} as its successor names it`)
    // The first one of a compacted generation stands in for the one that it names.
    this.isFirst = kind === FrameKind.base || block.previousOffset === 0
    if (block.begin > offset || (block.previousSequence >= sequence && kind !== FrameKind.base))
      throw this.#misfit(offset, 'a commit after what it names')
    if (kind !== FrameKind.transaction) return this.#framesBefore(offset)
    return [{ offset, firstRecord: offset + FRAME_HEADER_BYTES + COMMIT_BLOCK_BYTES }]
  }

  /** The frames of records between a transaction's begin and its commit at `offset`, as the block counts them. */
  #framesBefore(offset: number): RecordsFrame[] {
    const { begin, sequence, frames: count, framesCrc } = this.block
    const headers = this.#headers
    const found: RecordsFrame[] = []
    let crc = 0
    let at = begin
    for (; at < offset; at = headers.end) {
      headers.readHeader(at, offset)
      const kind = at === begin ? FrameKind.txnBegin : FrameKind.txnRecords
      if (headers.header.kind !== kind || headers.header.sequence !== sequence)
        throw this.#misfit(at, `a frame of commit ${sequence}`)
      const { bytes, headerStart, payloadStart } = headers
      crc = this.#log.checksum(bytes, headerStart, payloadStart, crc)
      if (at !== begin) found.push({ offset: at, firstRecord: at + FRAME_HEADER_BYTES })
    }
    if (crc !== framesCrc || found.length + 1 !== count)
      throw this.#misfit(offset, 'the commit of the frames before it')
    return found
  }

  #readBlock(frames: FrameReader, sequence: number): CommitBlock {
    const { view, payloadStart, payloadEnd } = frames
    const { block } = this
    const fits = payloadEnd - payloadStart >= COMMIT_BLOCK_BYTES
    if (!fits || !readCommitBlock(view, payloadStart, block) || block.sequence !== sequence)
      throw this.#misfit(frames.header.offset, `the block of commit ${sequence}`)
    return block
  }

  #misfit(offset: number, expected: string): CorruptionError {
    return this.#headers.damaged(offset, expected, 'another frame')
  }
}
