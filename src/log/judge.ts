/**
 * Follows the chain of commits through a log, applies it to a target, and classifies how the log ends.
 *
 * A commit is applied only if it names the one applied last (I2). Damage is a break in the chain, not a bad frame: bad
 * bytes after which a commit still names the last one applied cost nothing and are reported. The classification is the
 * recovery table of `docs/recovery.md`; what to do about it is the caller's business. Reads only.
 */
import type { FormatError } from '../errors.js'
import { readBaseCollections } from '../format/base.js'
import { COMMIT_BLOCK_BYTES, CommitBlock, CommitCrc, readCommitBlock } from '../format/commit.js'
import { FRAME_HEADER_BYTES, FrameKind, hasRecords, REPLACED_BYTES } from '../format/frame.js'
import { LOG_START } from '../format/header.js'
import { decodeMark } from '../format/mark.js'
import { readRecord, RecordView, type ReplacedRecord } from '../format/record.js'
import { TXN_BEGIN_BYTES } from '../format/txn-begin.js'
import { PAUSE, type Task } from '../storage/task.js'
import type { BadRange, LostCommit, RecoveryClass } from './recovery-info.js'
import type { CommitPosition } from './commit-position.js'
import { contradiction, type JudgeInput, type Judgement, notUnderstood } from './judgement.js'
import { isWhole, type PendingTransaction } from './pending-transaction.js'
import type { ReplayTarget } from './replay-target.js'
import { LogScanner } from './scanner.js'

/** What an open names of its findings; `verify` names all. */
const NAMED_BY_AN_OPEN = 1000
/** Bytes of log between two places where a task may be interrupted: few, since the first rows of a process take ten times as long. */
const BYTES_PER_PAUSE = 8 * 1024

/** Reads the log from `input.from` to its end, applying what is in the chain. */
export function* judgeLog(input: JudgeInput, target: ReplayTarget): Task<Judgement> {
  const judge = new LogJudge(input, target)
  let pausedAt = input.from
  while (judge.step()) {
    if (judge.position - pausedAt < BYTES_PER_PAUSE) continue
    pausedAt = judge.position
    yield PAUSE
  }
  return judge.conclude()
}

interface Break {
  readonly offset: number
  readonly reason: string
  readonly uncommitted: boolean
}

/** Records of a frame that are to be applied: from an index of its bytes on, and what is to be done then. */
interface Rest {
  at: number
  /** How many of those before replaced others. */
  replaced: number
  readonly finish: () => void
}

class LogJudge {
  readonly #input: JudgeInput
  readonly #target: ReplayTarget
  readonly #nameAtMost: number
  readonly #scanner: LogScanner
  readonly #block = new CommitBlock()
  readonly #record = new RecordView()
  readonly #commitCrc = new CommitCrc()
  readonly #fileSize: number
  #last: CommitPosition
  #durable: CommitPosition
  #pending: PendingTransaction | undefined
  /** The first anomaly since the last commit applied: X, unless a later commit shows that none was lost. */
  #break: Break | undefined
  #suspects: BadRange[] = []
  #badRanges: BadRange[] = []
  #lost: LostCommit[] = []
  #lostCount = 0
  /** Of the transaction at hand. */
  #records = 0
  /** What is left of the frame at hand. */
  #rest: Rest | undefined
  /** Whether the first commit must be, and is not yet read, that of a compacted generation. */
  #awaitsBase: boolean
  #applied = 0
  #declined = false
  #firstTime = 0
  #logEnd: number
  #watermark: number
  #highestSequence: number
  #highestEpoch = 0

  constructor(input: JudgeInput, target: ReplayTarget) {
    this.#input = input
    this.#target = target
    this.#nameAtMost = input.nameAtMost ?? NAMED_BY_AN_OPEN
    this.#fileSize = input.to ?? input.file.size()
    this.#scanner = new LogScanner({ ...input, epochFloor: input.parent.epoch })
    this.#awaitsBase = input.startsWithBase === true && input.parent.end === LOG_START
    this.#last = input.parent
    this.#durable = input.parent
    this.#logEnd = input.from
    this.#watermark = input.watermark
    this.#highestSequence = Math.max(input.parent.sequence, input.highestSequence ?? 0)
  }

  /** How far the scan is. */
  get position(): number {
    const { offset, payloadStart, end } = this.#scanner
    return this.#rest === undefined ? end : offset + FRAME_HEADER_BYTES + this.#rest.at - payloadStart
  }

  /** Takes one event of the scan; false at the end, or once a commit was declined. */
  step(): boolean {
    if (this.#rest !== undefined) {
      this.#goOn(this.#rest)
      return !this.#declined
    }
    const scanner = this.#scanner
    const event = scanner.next()
    this.#input.observe?.(event, scanner)
    if (event === 'end' || event === 'zeros') return false
    if (event === 'frame') this.#frame()
    else if (event === 'badPayload') this.#badPayload()
    else this.#gap()
    return !this.#declined
  }

  #frame(): void {
    const { header, offset, end, paddingOk } = this.#scanner
    if (header.flags !== 0 || (header.replaced !== 0 && !hasRecords(header.kind)))
      throw this.#notUnderstood(`flags ${header.flags}, or what was replaced`)
    if (!Number.isSafeInteger(header.sequence)) throw this.#notUnderstood('a sequence above 2^53 - 1')
    this.#highestSequence = Math.max(this.#highestSequence, header.sequence)
    this.#highestEpoch = Math.max(this.#highestEpoch, header.epoch)
    switch (header.kind) {
      case FrameKind.transaction:
        this.#transaction()
        break
      case FrameKind.txnBegin:
        this.#txnBegin()
        break
      case FrameKind.txnRecords:
        this.#txnRecords()
        break
      case FrameKind.txnCommit:
        this.#txnCommit()
        break
      case FrameKind.base:
        this.#base()
        break
      case FrameKind.mark:
        this.#mark()
        break
      case FrameKind.indexNodes:
      case FrameKind.checkpoint:
        this.#ofNoCommit()
        break
      default:
        throw this.#notUnderstood(`kind ${header.kind}`)
    }
    if (!paddingOk) this.#note({ offset, end, reason: 'padding is not zero' })
  }

  #transaction(): void {
    const scanner = this.#scanner
    this.#abandonPending()
    const block = this.#readBlock()
    if (!this.#links() || block.begin !== scanner.offset || block.frames !== 0)
      return this.#unlinked(scanner.offset)
    if (!this.#accepts()) return
    this.#records = 0
    this.#commitCrc.start()
    this.#target.begin(false)
    this.#applyRecords(scanner.payloadStart + COMMIT_BLOCK_BYTES, () =>
      this.#apply(this.#commitCrc.finish(block, this.#input.checksum)),
    )
  }

  #txnBegin(): void {
    const { header, offset, end } = this.#scanner
    if (header.payloadLength !== TXN_BEGIN_BYTES)
      throw this.#notUnderstood('a begin of a transaction that is none')
    this.#abandonPending()
    const framesCrc = this.#headerCrc(0)
    this.#pending = {
      begin: offset,
      sequence: header.sequence,
      frames: 1,
      framesCrc,
      next: end,
    }
    this.#records = 0
    this.#commitCrc.start()
    this.#target.begin(true)
  }

  #txnRecords(): void {
    const { offset, end, payloadStart } = this.#scanner
    const pending = this.#pendingAt(offset)
    if (pending === undefined) return this.#anomaly(offset, end, 'records without their transaction', offset)
    this.#applyRecords(payloadStart, () => {
      pending.frames += 1
      pending.framesCrc = this.#headerCrc(pending.framesCrc)
      pending.next = end
    })
  }

  #txnCommit(): void {
    const { offset } = this.#scanner
    const pending = this.#pendingAt(offset)
    const block = this.#readBlock()
    if (!isWhole(pending, block) || !this.#links()) return this.#unlinkedTransaction()
    if (!this.#accepts()) return
    this.#pending = undefined
    this.#apply(this.#commitCrc.finish(block, this.#input.checksum))
  }

  /**
   * The first commit of a compacted generation. It stands in for the commit of the parent that it was made from, and so has
   * that one's CRC; its own records are vouched for by the CRC of their frames.
   */
  #base(): void {
    const { offset, bytes, payloadStart, payloadEnd } = this.#scanner
    const pending = this.#pendingAt(offset)
    const block = this.#readBlock()
    const collections = readBaseCollections(bytes.subarray(payloadStart, payloadEnd))
    if (collections === undefined) throw this.#notUnderstood('a base that is none')
    if (!isWhole(pending, block) || !this.#isFirst(block)) return this.#unlinkedTransaction()
    if (!this.#accepts()) return
    this.#pending = undefined
    const difference = this.#target.beginsWith?.(collections)
    if (difference !== undefined) this.#contradiction(difference)
    this.#awaitsBase = false
    this.#apply(this.#last.crc)
  }

  /** Whether a block is that of the generation's first commit: it names the parent's commit, and is it. */
  #isFirst({ sequence, previousSequence, previousOffset, previousCrc }: CommitBlock): boolean {
    const last = this.#last
    return (
      this.#awaitsBase &&
      sequence === last.sequence &&
      previousSequence === last.sequence &&
      previousOffset === last.offset &&
      previousCrc === last.crc
    )
  }

  #unlinkedTransaction(): void {
    const begin = this.#pending?.begin ?? this.#scanner.offset
    this.#abandonPending()
    this.#unlinked(begin)
  }

  #mark(): void {
    const { bytes, payloadStart, payloadEnd, offset } = this.#scanner
    const mark = decodeMark(bytes.subarray(payloadStart, payloadEnd))
    if (mark === undefined) throw this.#notUnderstood('a mark that is none')
    this.#noteWatermark(mark.watermark, offset)
    this.#ofNoCommit()
  }

  /** A whole frame that belongs to no commit. */
  #ofNoCommit(): void {
    this.#abandonPending()
    if (this.#break === undefined) this.#logEnd = this.#scanner.end
  }

  #badPayload(): void {
    const { header, offset, end } = this.#scanner
    const ofNoCommit = header.kind === FrameKind.indexNodes || header.kind === FrameKind.checkpoint
    if (!ofNoCommit) return this.#anomaly(offset, end, 'payloadChecksum', offset)
    this.#ofNoCommit()
    this.#note({ offset, end, reason: 'an index frame fails its checksum' })
  }

  #gap(): void {
    const { offset, end, reason } = this.#scanner
    if (!this.#costsNothing(offset, end)) return this.#anomaly(offset, end, reason, offset)
    this.#logEnd = end
    this.#note({ offset, end, reason })
  }

  /** Bytes at `offset` break the chain, unless a later commit shows that they do not. */
  #anomaly(offset: number, end: number, reason: string, breakAt: number): void {
    const begin = this.#pending?.begin ?? breakAt
    this.#dropPending()
    this.#break ??= { offset: begin, reason: `${reason} at offset ${offset}`, uncommitted: false }
    if (this.#suspects.length < this.#nameAtMost) this.#suspects.push({ offset, end, reason })
  }

  /** Bytes that are no frame, where no commit lies. If the file ends within them, it was cut: nothing can be appended there. */
  #costsNothing(offset: number, end: number): boolean {
    const { watermark, noCommitBefore = 0 } = this.#input
    const isBetween = offset >= watermark && end <= noCommitBefore
    const goesOn = end === noCommitBefore || end < this.#fileSize
    return isBetween && goesOn && this.#pending === undefined && this.#break === undefined
  }

  /** A commit that does not name the last one applied. */
  #unlinked(begin: number): void {
    const { sequence, time, operations } = this.#block
    const { offset, end } = this.#scanner
    this.#lostCount += 1
    if (this.#lost.length < this.#nameAtMost) this.#lost.push({ sequence, time, operations, offset })
    const expected = `commit ${sequence} does not follow commit ${this.#last.sequence}`
    this.#anomaly(offset, end, expected, begin)
  }

  /** Frames of a transaction whose commit did not come: a break, if nothing in the chain follows. */
  #abandonPending(): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#dropPending()
    const reason = `a transaction that begins at offset ${pending.begin} has no commit`
    this.#break ??= { offset: pending.begin, reason, uncommitted: true }
    if (this.#suspects.length < this.#nameAtMost)
      this.#suspects.push({ offset: pending.begin, end: pending.next, reason })
  }

  #dropPending(): void {
    if (this.#pending === undefined) return
    this.#pending = undefined
    this.#target.rollback()
  }

  #pendingAt(offset: number): PendingTransaction | undefined {
    if (this.#pending !== undefined && this.#pending.next !== offset) this.#abandonPending()
    return this.#pending
  }

  /** The block was checked to link: it becomes the last commit, and anomalies before it turn out harmless. */
  #apply(crc: number): void {
    const { header, offset, end } = this.#scanner
    const block = this.#block
    if (block.operations !== this.#records) this.#contradiction('the number of operations')
    if (block.commitCrc !== crc) this.#contradiction('the commit checksum')
    if (block.sequence !== header.sequence) this.#contradiction('the sequence')
    if (block.time < this.#last.time) this.#contradiction('the time')
    this.#last = {
      sequence: block.sequence,
      time: block.time,
      offset,
      crc: block.commitCrc,
      end,
      epoch: header.epoch,
    }
    this.#target.commit(this.#last)
    if (this.#applied === 0) this.#firstTime = block.time
    this.#applied += 1
    this.#logEnd = end
    if (this.#watermark >= end) this.#durable = this.#last
    this.#forgive()
  }

  /** A commit links to the last one applied: none was lost by the anomalies between them. */
  #forgive(): void {
    for (const suspect of this.#suspects) this.#note(suspect)
    this.#suspects = []
    this.#lost = []
    this.#lostCount = 0
    this.#break = undefined
  }

  /** Whether the commit at hand, which links, is wanted. If not, its own records are rolled back, and the reading ends. */
  #accepts(): boolean {
    const { accept } = this.#input
    if (accept === undefined || accept(this.#block)) return true
    this.#dropPending()
    this.#forgive()
    this.#declined = true
    return false
  }

  #links(): boolean {
    const { previousSequence, previousOffset, previousCrc, sequence } = this.#block
    const last = this.#last
    return (
      !this.#awaitsBase &&
      previousSequence === last.sequence &&
      previousOffset === last.offset &&
      previousCrc === last.crc &&
      sequence > last.sequence
    )
  }

  #readBlock(): CommitBlock {
    const { header, view, payloadStart, payloadEnd, offset } = this.#scanner
    const length = payloadEnd - payloadStart
    const alone = header.kind === FrameKind.txnCommit
    // A base says more, which is judged where it is read.
    const fits = alone ? length === COMMIT_BLOCK_BYTES : length >= COMMIT_BLOCK_BYTES
    if (!fits || !readCommitBlock(view, payloadStart, this.#block))
      throw this.#notUnderstood('a commit block that is none')
    this.#noteWatermark(this.#block.watermark, offset)
    return this.#block
  }

  /** Applies the records of the frame at hand from the index `start` on, some in this step and the others in the next ones. */
  #applyRecords(start: number, finish: () => void): void {
    this.#rest = { at: start, replaced: 0, finish }
    this.#goOn(this.#rest)
  }

  #goOn(rest: Rest): void {
    const { bytes, view, payloadStart, payloadEnd, offset } = this.#scanner
    const base = offset + FRAME_HEADER_BYTES - payloadStart
    const checksum = this.#input.trustsFrames === true ? undefined : this.#input.checksum
    const until = Math.min(payloadEnd, rest.at + BYTES_PER_PAUSE)
    for (let at = rest.at; at < until; at = rest.at) {
      this.#records += 1
      const end = this.#awaitsBase ? this.#target.recordOfBase?.(this.#scanner, at) : undefined
      if (end !== undefined) {
        rest.at = end
        continue
      }
      const problem = readRecord(bytes, view, at, payloadEnd, this.#record, checksum)
      if (problem !== undefined)
        throw this.#notUnderstood(`a record at offset ${base + at} that is none (${problem})`)
      if (this.#record.distance !== base + at - offset)
        this.#contradiction('a record’s distance to its frame')
      if (!this.#awaitsBase) this.#commitCrc.addRecord(this.#record.crc)
      this.#target.record(bytes, this.#record, base + at, this.#replaced(rest))
      rest.at = this.#record.end
    }
    if (rest.at < payloadEnd) return
    if (rest.replaced !== this.#scanner.header.replaced) this.#contradiction('the number of replaced records')
    this.#rest = undefined
    rest.finish()
  }

  /** What the frame says of the record that the one at hand replaces. */
  #replaced(rest: Rest): ReplacedRecord | undefined {
    const { header, view, payloadEnd } = this.#scanner
    if (this.#record.previous === 0 || header.replaced === 0) return undefined
    if (rest.replaced === header.replaced) this.#contradiction('the number of replaced records')
    const at = payloadEnd + REPLACED_BYTES * rest.replaced++
    return { lengthBytes: view.getUint32(at, true), crc: view.getUint32(at + 4, true) }
  }

  #headerCrc(seed: number): number {
    const { bytes, payloadStart } = this.#scanner
    return this.#input.checksum(bytes, payloadStart - FRAME_HEADER_BYTES, payloadStart, seed)
  }

  /** A watermark proves only what lies before the frame that states it. */
  #noteWatermark(watermark: number, statedAt: number): void {
    if (watermark > statedAt || watermark <= this.#watermark) return
    this.#watermark = watermark
    if (watermark >= this.#last.end) this.#durable = this.#last
  }

  #note(range: BadRange): void {
    if (this.#badRanges.length < this.#nameAtMost) this.#badRanges.push(range)
  }

  #notUnderstood(what: string): FormatError {
    return notUnderstood(this.#input.file.path, this.#scanner.offset, what)
  }

  #contradiction(what: string): never {
    throw contradiction(this.#input.file.path, this.#scanner.offset, what)
  }

  conclude(): Judgement {
    this.#abandonPending()
    const { classification, breakOffset } = this.#classify()
    return {
      classification,
      breakOffset,
      breakReason: this.#break?.reason ?? 'the file ends before its last durable commit',
      logEnd: breakOffset ?? this.#logEnd,
      fileSize: this.#fileSize,
      last: this.#last,
      firstTime: this.#firstTime,
      watermark: this.#watermark,
      durable: this.#durable,
      highestSequence: this.#highestSequence,
      highestEpoch: this.#highestEpoch,
      transactionsApplied: this.#applied,
      declined: this.#declined,
      transactionsCut: this.#lostCount,
      cutCommits: this.#lost,
      badRanges: this.#badRanges,
      brokenRanges: this.#suspects,
    }
  }

  #classify(): { classification: RecoveryClass; breakOffset: number | undefined } {
    if (this.#declined) return { classification: 'clean', breakOffset: undefined }
    const watermark = this.#watermark
    const found = this.#break
    const lastEnd = Math.max(this.#last.end, LOG_START)
    // A file shorter than its fixed blocks has lost its superblocks, so what they said of W is not known.
    if (this.#fileSize < Math.max(watermark, LOG_START))
      return { classification: 'shortFile', breakOffset: found?.offset ?? this.#logEnd }
    if (found === undefined) {
      if (lastEnd >= watermark) return { classification: 'clean', breakOffset: undefined }
      return { classification: 'shortFile', breakOffset: this.#logEnd }
    }
    if (found.offset < watermark) return { classification: 'damage', breakOffset: found.offset }
    const uncommitted = found.uncommitted && this.#suspects.length === 1
    return { classification: uncommitted ? 'uncommittedTail' : 'tornTail', breakOffset: found.offset }
  }
}
