/**
 * Walks a log and reports what it meets, frame by frame; it judges nothing.
 *
 * It believes a frame only under the conditions listed in `format/frame.ts` (I1). After bytes that are no frame it looks for
 * the next one at every multiple of 8. Its checksum work is bounded by a multiple of the file's size, so that bytes made
 * to look like a million overlapping frames cost no more than a scan.
 */
import type { Checksum } from '../format/checksum.js'
import {
  alignUp,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FrameHeader,
  FrameKind,
  readFrameHeader,
  type ShortGeneration,
  REPLACED_BYTES,
} from '../format/frame.js'
import { isZero, viewOf } from '../format/integers.js'
import { MAX_FRAME_PAYLOAD_BYTES } from '../format/limits.js'
import type { StorageFile } from '../storage/storage.js'

/**
 * What a step met:
 * - `frame`: a whole frame. `paddingOk` says whether its padding is zero
 * - `badPayload`: a valid header whose payload fails its checksum
 * - `gap`: bytes that are no frame, up to the next frame or the end
 * - `zeros`: nothing but zeros up to the end of the file
 * - `end`: the end of the file
 */
export type ScanEvent = 'frame' | 'badPayload' | 'gap' | 'zeros' | 'end'

/** Why the bytes at a gap's begin are no frame. */
export type GapReason =
  | 'noFrame'
  | 'headerChecksum'
  | 'wrongOffset'
  | 'wrongGeneration'
  | 'wrongEpoch'
  | 'payloadLength'
  | 'incomplete'
  | 'payloadChecksum'

export interface ScanOptions {
  readonly file: StorageFile
  readonly checksum: Checksum
  readonly generation: ShortGeneration
  /** Frames of a higher epoch are not believed; Infinity where a superblock is missing. */
  readonly maxEpoch: number
  /** Frames of a lower epoch are not believed. Default 0. */
  readonly epochFloor?: number | undefined
  /** Where a frame may begin whatever the bytes before it are: the search for one stops here too. Default 0. */
  readonly noCommitBefore?: number | undefined
  /** Payloads of `IndexNodes` frames before this offset are passed over unread. Default 0. */
  readonly nodesCheckedBefore?: number | undefined
  /** Whether somebody is writing behind the log's end: then it ends for now where there is no whole frame. Default false. */
  readonly growing?: boolean | undefined
  /** Where to begin, a multiple of 8. */
  readonly from: number
  /** Where the file ends for this scan; its size by default. */
  readonly to?: number | undefined
}

const WINDOW_BYTES = 1024 * 1024
/** Where the log grows, most looks find a commit or two and then zeros. */
const GROWING_WINDOW_BYTES = 64 * 1024
/** Bytes checksummed, as a multiple of the bytes scanned, before the scanner stops looking for frames in bad bytes. */
const CHECKSUM_WORK_FACTOR = 4

export class LogScanner {
  /** The event's place: `[offset, end)`. For a frame, `end` is where the next one begins. */
  offset: number
  end: number
  /** The frame's header, for `frame` and `badPayload`. Overwritten by the next step. */
  readonly header: FrameHeader = new FrameHeader()
  /** The bytes that hold the payload, where it begins in them, and where it ends but for what it says of replaced records; valid until the next step. */
  bytes: Uint8Array
  view: DataView
  payloadStart = 0
  payloadEnd = 0
  paddingOk = true
  /** Why, for `gap`. */
  reason: GapReason = 'noFrame'

  readonly #options: ScanOptions
  readonly #limit: number
  #position: number
  #windowStart = 0
  #windowEnd = 0
  #epochFloor: number
  #checksumBudget: number

  constructor(options: ScanOptions) {
    this.#options = options
    this.#limit = options.to ?? options.file.size()
    this.#position = options.from
    this.#epochFloor = options.epochFloor ?? 0
    this.offset = options.from
    this.end = options.from
    const length = Math.max(this.#limit - options.from, 0)
    this.#checksumBudget = CHECKSUM_WORK_FACTOR * Math.max(length, WINDOW_BYTES)
    const windowBytes = options.growing === true ? GROWING_WINDOW_BYTES : WINDOW_BYTES
    this.bytes = new Uint8Array(Math.min(windowBytes, alignUp(length)))
    this.view = viewOf(this.bytes)
  }

  next(): ScanEvent {
    const at = this.#position
    this.offset = at
    if (at >= this.#limit) {
      this.end = at
      return 'end'
    }
    const problem = this.#tryFrame(at)
    if (problem === undefined) return this.#acceptFrame(at)
    if (this.#options.growing === true) {
      this.end = at
      return 'end'
    }
    if (problem === 'payloadChecksum') return this.#acceptBadPayload(at)
    if (problem === 'noFrame' && this.#zerosToEnd(at)) {
      this.end = this.#limit
      this.#position = this.#limit
      return 'zeros'
    }
    this.end = this.#findFrame(at + FRAME_ALIGNMENT)
    this.reason = problem
    this.#position = this.end
    return 'gap'
  }

  #acceptFrame(at: number): ScanEvent {
    const payloadEnd = at + FRAME_HEADER_BYTES + this.header.payloadLength
    // A file cut within a frame's padding still holds the whole frame.
    this.end = alignUp(payloadEnd)
    this.#epochFloor = this.header.epoch
    this.#position = this.end
    this.paddingOk = true
    if (this.#isUnread(payloadEnd)) return 'frame'
    const paddingEnd = Math.min(this.end, this.#limit)
    this.#load(at, paddingEnd - at)
    this.paddingOk = isZero(this.bytes, payloadEnd - this.#windowStart, paddingEnd - this.#windowStart)
    this.payloadStart = at + FRAME_HEADER_BYTES - this.#windowStart
    this.payloadEnd = payloadEnd - this.header.replaced * REPLACED_BYTES - this.#windowStart
    return 'frame'
  }

  /**
   * The header is sound, so its length is believed where the frame is of no commit (nothing but that frame is lost).
   * Elsewhere a torn write may have left whole frames inside, so the search goes on right behind the header's begin.
   */
  #acceptBadPayload(at: number): ScanEvent {
    const { kind, payloadLength } = this.header
    const skip = kind === FrameKind.indexNodes || kind === FrameKind.checkpoint
    this.end = skip ? alignUp(at + FRAME_HEADER_BYTES + payloadLength) : this.#findFrameKeepingHeader(at)
    this.#position = this.end
    return 'badPayload'
  }

  #findFrameKeepingHeader(at: number): number {
    const kept = Object.assign(new FrameHeader(), this.header)
    const end = this.#findFrame(at + FRAME_ALIGNMENT)
    Object.assign(this.header, kept)
    return end
  }

  /** Reads a frame's header and checks its payload; undefined if all conditions hold. */
  #tryFrame(at: number): GapReason | undefined {
    if (this.#limit - at < FRAME_HEADER_BYTES) return 'noFrame'
    this.#load(at, FRAME_HEADER_BYTES)
    const { header } = this
    const start = at - this.#windowStart
    if (this.view.getUint32(start, true) !== FRAME_MAGIC) return 'noFrame'
    this.#checksumBudget -= FRAME_HEADER_BYTES
    if (!readFrameHeader(this.bytes, this.view, start, header, this.#options.checksum))
      return 'headerChecksum'
    if (header.offset !== at) return 'wrongOffset'
    const { low, high } = this.#options.generation
    if (header.generationLow !== low || header.generationHigh !== high) return 'wrongGeneration'
    if (header.epoch < this.#epochFloor || header.epoch > this.#options.maxEpoch) return 'wrongEpoch'
    if (header.payloadLength > MAX_FRAME_PAYLOAD_BYTES) return 'payloadLength'
    const end = at + FRAME_HEADER_BYTES + header.payloadLength
    if (end > this.#limit) return 'incomplete'
    if (this.#isUnread(end)) return undefined
    return this.#payloadHolds(at) ? undefined : 'payloadChecksum'
  }

  /** Whether the payload of the frame that ends at `end` is passed over. */
  #isUnread(end: number): boolean {
    return this.header.kind === FrameKind.indexNodes && end <= (this.#options.nodesCheckedBefore ?? 0)
  }

  #payloadHolds(at: number): boolean {
    const { payloadLength, payloadCrc } = this.header
    this.#load(at, FRAME_HEADER_BYTES + payloadLength)
    this.#checksumBudget -= payloadLength
    const start = at + FRAME_HEADER_BYTES - this.#windowStart
    return this.#options.checksum(this.bytes, start, start + payloadLength) === payloadCrc
  }

  /** The next offset at or after `from` where a frame is believed, or the limit. */
  #findFrame(from: number): number {
    const { noCommitBefore = 0 } = this.#options
    // Zeros laid ahead of the log may end anywhere behind it.
    const stops = noCommitBefore >= from && noCommitBefore % FRAME_ALIGNMENT === 0
    const stop = stops ? Math.min(noCommitBefore, this.#limit) : this.#limit
    for (let at = from; this.#limit - at >= FRAME_HEADER_BYTES && at < stop; at += FRAME_ALIGNMENT) {
      if (this.#checksumBudget <= 0) break
      this.#load(at, FRAME_HEADER_BYTES)
      if (this.view.getUint32(at - this.#windowStart, true) !== FRAME_MAGIC) continue
      const problem = this.#tryFrame(at)
      if (problem === undefined) return at
    }
    return stop
  }

  #zerosToEnd(at: number): boolean {
    for (let position = at; position < this.#limit;) {
      this.#load(position, 1)
      // What is loaded already comes first: a log of many small gaps is not read anew at each of them.
      const start = position - this.#windowStart
      const end = this.#windowEnd - this.#windowStart
      if (!isZero(this.bytes, start, end)) return false
      position = this.#windowEnd
    }
    return true
  }

  /** Makes `[position, position + length)`, which lies below the limit, available in the window. */
  #load(position: number, length: number): void {
    if (position >= this.#windowStart && position + length <= this.#windowEnd) return
    if (length > this.bytes.length) {
      this.bytes = new Uint8Array(alignUp(length))
      this.view = viewOf(this.bytes)
    }
    const wanted = Math.min(this.bytes.length, this.#limit - position)
    const read = this.#options.file.read(this.bytes.subarray(0, wanted), position)
    // Bytes that vanished since the size was taken read as zeros: a shrinking file looks torn, never stale.
    this.bytes.fill(0, read, Math.max(wanted, length))
    this.#windowStart = position
    this.#windowEnd = position + Math.max(wanted, length)
  }
}
