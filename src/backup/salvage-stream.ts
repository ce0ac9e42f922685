/**
 * The whole transactions of one source, in the order of its log, whatever is damaged around them.
 *
 * A frame is believed under the rules of `format/frame.ts` (I1). A transaction is whole if all its frames are, its commit
 * block names them, and what it says of its records holds. Whether a commit names the one before it does not matter here: what
 * is missing between two of them is for the reader of the stream to say.
 */
import { FormatError, type VarveError } from '../errors.js'
import { readBaseCollections } from '../format/base.js'
import type { Checksum } from '../format/checksum.js'
import { COMMIT_BLOCK_BYTES, CommitBlock, CommitCrc, readCommitBlock } from '../format/commit.js'
import { FRAME_HEADER_BYTES, FrameKind, hasRecords, type ShortGeneration } from '../format/frame.js'
import { decodeMark } from '../format/mark.js'
import { readRecord, RecordView } from '../format/record.js'
import { TXN_BEGIN_BYTES } from '../format/txn-begin.js'
import { LogScanner } from '../log/scanner.js'
import { PAUSE, type Task } from '../storage/task.js'
import type { SalvageSource } from './salvage-source.js'

/** Where records of one frame stand in their source. */
export interface RecordsSpan {
  readonly start: number
  readonly end: number
}

/** A transaction that is whole, or the part of a generation's first commit that is. */
export interface FoundCommit {
  readonly source: SalvageSource
  readonly sequence: number
  readonly time: number
  readonly crc: number
  readonly previousSequence: number
  readonly previousCrc: number
  /** Where the transaction begins and ends. */
  readonly begin: number
  readonly end: number
  /** Whether it is the first commit of a compacted generation, or a part of it. */
  readonly isBase: boolean
  readonly isWhole: boolean
  readonly spans: readonly RecordsSpan[]
}

/** Bytes of a source that are no whole transaction. */
export interface SalvageBreak {
  readonly source: SalvageSource
  readonly offset: number
  readonly end: number
  readonly reason: string
  /** The commit that they say they belong to, where they say so. */
  readonly sequence: number | undefined
  /** Whether they are frames of a transaction that are themselves whole. */
  readonly isPartial: boolean
}

/** Who follows a stream. */
export interface StreamWatch {
  broken(found: SalvageBreak): void
  /** A whole checkpoint frame. */
  checkpoint(source: SalvageSource, offset: number): void
  /** A frame says that all up to a commit was durable. */
  watermark(end: number, sequence: number | undefined): void
  scanned(bytes: number): void
}

interface Pending {
  readonly begin: number
  readonly sequence: number
  next: number
  frames: number
  framesCrc: number
  readonly spans: RecordsSpan[]
}

/** What a generation that goes on from another begins with. */
export interface BaseName {
  readonly sequence: number
  readonly crc: number
}

export class CommitStream {
  readonly source: SalvageSource
  readonly #checksum: Checksum
  readonly #scanner: LogScanner
  readonly #watch: StreamWatch
  readonly #base: BaseName | undefined
  readonly #block = new CommitBlock()
  readonly #record = new RecordView()
  readonly #crc = new CommitCrc()
  readonly #ready: FoundCommit[] = []
  #pending: Pending | undefined
  /** Records of the transaction at hand. */
  #operations = 0
  #ended = false

  constructor(
    source: SalvageSource,
    generation: ShortGeneration,
    base: BaseName | undefined,
    checksum: Checksum,
    watch: StreamWatch,
  ) {
    const { file, from, to, maxEpoch } = source
    this.source = source
    this.#checksum = checksum
    this.#watch = watch
    this.#base = base
    this.#scanner = new LogScanner({ file, checksum, generation, maxEpoch, from, to })
  }

  /** The next one; undefined at the end. */
  *next(): Task<FoundCommit | undefined> {
    while (this.#ready.length === 0 && !this.#ended) {
      this.#step()
      this.#watch.scanned(this.#scanner.end - this.#scanner.offset)
      yield PAUSE
    }
    return this.#ready.shift()
  }

  #step(): void {
    const scanner = this.#scanner
    const event = scanner.next()
    const { offset, end, header } = scanner
    if (event === 'frame') return this.#frame()
    this.#abandon()
    if (event === 'end' || event === 'zeros') {
      this.#ended = true
      return
    }
    const reason = event === 'gap' ? scanner.reason : 'payloadChecksum'
    const ofCommit = event === 'badPayload' && isOfCommit(header.kind)
    this.#break(offset, end, reason, ofCommit ? header.sequence : undefined)
  }

  #frame(): void {
    const { header, offset } = this.#scanner
    const { kind, flags, replaced } = header
    if (flags !== 0 || (replaced !== 0 && !hasRecords(kind)))
      throw this.#notUnderstood(`flags ${flags}, or what was replaced`)
    if (this.#pending?.next !== offset || !continues(kind)) this.#abandon()
    switch (kind) {
      case FrameKind.transaction:
        return this.#transaction()
      case FrameKind.txnBegin:
        return this.#begin()
      case FrameKind.txnRecords:
        return this.#records()
      case FrameKind.txnCommit:
      case FrameKind.base:
        return this.#commit(kind === FrameKind.base)
      case FrameKind.checkpoint:
        return this.#watch.checkpoint(this.source, offset)
      case FrameKind.mark:
        return this.#mark()
      case FrameKind.indexNodes:
        return
      default:
        throw this.#notUnderstood(`kind ${kind}`)
    }
  }

  #transaction(): void {
    const { offset, payloadStart, end } = this.#scanner
    this.#startRecords()
    const block = this.#readBlock()
    const from = payloadStart + COMMIT_BLOCK_BYTES
    const isWhole = block?.begin === offset && block.frames === 0
    if (!isWhole || !this.#readRecords(from) || !this.#isConsistent(block)) {
      return this.#break(offset, end, 'a commit that contradicts itself', this.#scanner.header.sequence)
    }
    this.#found(offset, end, [this.#span(from)], false)
  }

  #begin(): void {
    const { header, offset, end } = this.#scanner
    if (header.payloadLength !== TXN_BEGIN_BYTES)
      throw this.#notUnderstood('a begin of a transaction that is none')
    this.#startRecords()
    const { sequence } = header
    const framesCrc = this.#headerCrc(0)
    this.#pending = { begin: offset, sequence, next: end, frames: 1, framesCrc, spans: [] }
  }

  #records(): void {
    const { header, offset, end, payloadStart } = this.#scanner
    const pending = this.#pending
    const begin = pending?.begin ?? offset
    if (!this.#readRecords(payloadStart)) {
      this.#pending = undefined
      return this.#break(begin, end, 'records that contradict themselves', header.sequence)
    }
    if (pending === undefined) {
      if (this.#isOfBase(header.sequence)) return this.#partOfBase(offset, end, [this.#span(payloadStart)])
      return this.#break(offset, end, 'records without their transaction', header.sequence, true)
    }
    pending.spans.push(this.#span(payloadStart))
    pending.frames += 1
    pending.framesCrc = this.#headerCrc(pending.framesCrc)
    pending.next = end
  }

  #commit(isBase: boolean): void {
    const { offset, end, header } = this.#scanner
    const pending = this.#pending
    const block = this.#readBlock()
    const isWhole =
      pending !== undefined &&
      block?.begin === pending.begin &&
      block.frames === pending.frames &&
      block.framesCrc === pending.framesCrc
    if (!isWhole || !(isBase ? this.#isBaseBlock(block) : this.#isConsistent(block))) {
      this.#abandon()
      return this.#break(offset, end, 'a commit of other frames than stand before it', header.sequence, true)
    }
    this.#pending = undefined
    this.#found(pending.begin, end, pending.spans, isBase)
  }

  #isBaseBlock(block: CommitBlock): boolean {
    const { bytes, payloadStart, payloadEnd } = this.#scanner
    const stated = readBaseCollections(bytes.subarray(payloadStart, payloadEnd)) !== undefined
    const named =
      this.#base === undefined ||
      (block.sequence === this.#base.sequence && block.commitCrc === this.#base.crc)
    return stated && named && block.operations === this.#operations
  }

  #isConsistent(block: CommitBlock): boolean {
    return (
      block.sequence === this.#scanner.header.sequence &&
      block.sequence > block.previousSequence &&
      block.operations === this.#operations &&
      block.commitCrc === this.#crc.finish(block, this.#checksum)
    )
  }

  #found(begin: number, end: number, spans: readonly RecordsSpan[], isBase: boolean): void {
    const { sequence, time, commitCrc: crc, previousSequence, previousCrc } = this.#block
    const { source } = this
    const commit = { source, sequence, time, crc, previousSequence, previousCrc }
    this.#ready.push({ ...commit, begin, end, isBase, isWhole: true, spans })
  }

  /** Frames whose commit did not come. */
  #abandon(): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    const { begin, next, sequence, spans } = pending
    if (this.#isOfBase(sequence) && spans.length > 0) return this.#partOfBase(begin, next, spans)
    this.#break(begin, next, 'a transaction without its commit', sequence, true)
  }

  #isOfBase(sequence: number): boolean {
    return this.source.kind === 'database' && this.#base?.sequence === sequence
  }

  /** What a generation begins with is a state and no change: each row of it counts by itself. */
  #partOfBase(begin: number, end: number, spans: readonly RecordsSpan[]): void {
    const { source } = this
    const sequence = this.#base?.sequence ?? 0
    this.#break(begin, end, 'a part of the first commit of a compacted file', sequence, true)
    const unknown = { crc: 0, time: 0, previousSequence: sequence, previousCrc: 0 }
    this.#ready.push({ source, sequence, ...unknown, begin, end, isBase: true, isWhole: false, spans })
  }

  #break(offset: number, end: number, reason: string, sequence: number | undefined, isPartial = false): void {
    this.#watch.broken({ source: this.source, offset, end, reason, sequence, isPartial })
  }

  #readBlock(): CommitBlock | undefined {
    const { view, payloadStart, payloadEnd, offset } = this.#scanner
    const fits = payloadEnd - payloadStart >= COMMIT_BLOCK_BYTES
    if (!fits || !readCommitBlock(view, payloadStart, this.#block)) return undefined
    if (this.#block.watermark <= offset) this.#watch.watermark(this.#block.watermark, undefined)
    return this.#block
  }

  #mark(): void {
    const { bytes, payloadStart, payloadEnd, offset } = this.#scanner
    const mark = decodeMark(bytes.subarray(payloadStart, payloadEnd))
    if (mark === undefined) throw this.#notUnderstood('a mark that is none')
    if (mark.watermark <= offset) this.#watch.watermark(mark.watermark, mark.watermarkSequence)
  }

  #startRecords(): void {
    this.#crc.start()
    this.#operations = 0
  }

  /** Whether the payload from `start` on is records. */
  #readRecords(start: number): boolean {
    const { bytes, view, payloadStart, payloadEnd, offset } = this.#scanner
    const shift = offset + FRAME_HEADER_BYTES - payloadStart
    for (let at = start; at < payloadEnd; at = this.#record.end) {
      const problem = readRecord(bytes, view, at, payloadEnd, this.#record, this.#checksum)
      if (problem !== undefined || this.#record.distance !== at + shift - offset) return false
      this.#crc.addRecord(this.#record.crc)
      this.#operations += 1
    }
    return true
  }

  #span(start: number): RecordsSpan {
    const { payloadStart, payloadEnd, offset } = this.#scanner
    const shift = offset + FRAME_HEADER_BYTES - payloadStart
    return { start: start + shift, end: payloadEnd + shift }
  }

  #headerCrc(seed: number): number {
    const { bytes, payloadStart } = this.#scanner
    return this.#checksum(bytes, payloadStart - FRAME_HEADER_BYTES, payloadStart, seed)
  }

  #notUnderstood(what: string): VarveError {
    const { path } = this.source
    const { offset } = this.#scanner
    return new FormatError(
      `The frame at offset ${offset} of ${path} has valid checksums but ${what}, which this version of Varve does not understand. Use a newer version.`,
      { path, offset, actual: what },
    )
  }
}

/** Whether a frame of this kind may go on with the transaction before it. */
function continues(kind: number): boolean {
  return kind === FrameKind.txnRecords || kind === FrameKind.txnCommit || kind === FrameKind.base
}

function isOfCommit(kind: number): boolean {
  return (
    kind === FrameKind.transaction ||
    kind === FrameKind.txnBegin ||
    kind === FrameKind.txnRecords ||
    kind === FrameKind.txnCommit ||
    kind === FrameKind.base
  )
}
