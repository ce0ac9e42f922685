/**
 * Finding the newest checkpoint that can be used, and reading it.
 *
 * Superblocks name the newest ones, and each names the one before it. Only where one of them cannot be read is the whole log
 * scanned for others. A checkpoint that turned out to be unusable because of a damaged node is passed over with every other
 * one that may hold that node: those whose frame stands behind it.
 */
import type { Checksum } from '../format/checksum.js'
import { type Checkpoint, decodeCheckpoint } from '../format/checkpoint.js'
import {
  alignUp,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  FrameHeader,
  FrameKind,
  readFrameHeader,
  type ShortGeneration,
} from '../format/frame.js'
import { LOG_START } from '../format/header.js'
import { viewOf } from '../format/integers.js'
import { MAX_FRAME_PAYLOAD_BYTES } from '../format/limits.js'
import type { StorageFile } from '../storage/storage.js'
import { PAUSE, type Task } from '../storage/task.js'
import { LogScanner } from './scanner.js'

/** A checkpoint and where its frame stands. */
export interface FoundCheckpoint {
  readonly offset: number
  readonly end: number
  readonly checkpoint: Checkpoint
}

/** The log in which checkpoints are looked for. */
export interface CheckpointedLog {
  readonly file: StorageFile
  readonly checksum: Checksum
  readonly generation: ShortGeneration
  readonly maxEpoch: number
  /** Where the log ends. */
  readonly to: number
  /** Up to where it is known to have been synced. Default: all of it. */
  readonly watermark?: number | undefined
}

/** The checkpoint whose frame begins at `offset`; undefined if none does that holds every condition of a frame. */
export function readCheckpoint(log: CheckpointedLog, offset: number): FoundCheckpoint | undefined {
  const { file, checksum, generation, maxEpoch, to } = log
  if (offset < LOG_START || offset % FRAME_ALIGNMENT !== 0 || offset + FRAME_HEADER_BYTES > to)
    return undefined
  const head = new Uint8Array(FRAME_HEADER_BYTES)
  const header = new FrameHeader()
  if (file.read(head, offset) < head.length) return undefined
  if (!readFrameHeader(head, viewOf(head), 0, header, checksum)) return undefined
  const { kind, flags, replaced, payloadLength, payloadCrc } = header
  if (kind !== FrameKind.checkpoint || flags !== 0 || replaced !== 0 || header.offset !== offset)
    return undefined
  if (header.generationLow !== generation.low || header.generationHigh !== generation.high) return undefined
  const end = offset + FRAME_HEADER_BYTES + payloadLength
  if (header.epoch > maxEpoch || payloadLength > MAX_FRAME_PAYLOAD_BYTES || end > to) return undefined
  const payload = new Uint8Array(payloadLength)
  if (file.read(payload, offset + FRAME_HEADER_BYTES) < payloadLength) return undefined
  if (checksum(payload, 0, payloadLength) !== payloadCrc) return undefined
  const checkpoint = decodeCheckpoint(payload)
  if (checkpoint === undefined || !isPlausible(checkpoint, offset)) return undefined
  return { offset, end: alignUp(end), checkpoint }
}

/**
 * The newest checkpoint, from the one at `offset` back, whose commit `includes` holds for: a way point to a commit of the past.
 * Undefined if there is none before one that cannot be read.
 */
export function nearestCheckpoint(
  log: CheckpointedLog,
  offset: number,
  includes: (checkpoint: Checkpoint) => boolean,
): Checkpoint | undefined {
  for (let at = offset; at > 0;) {
    const checkpoint = readCheckpoint(log, at)?.checkpoint
    if (checkpoint === undefined || includes(checkpoint)) return checkpoint
    at = checkpoint.previous
  }
  return undefined
}

/** What it points at lies before it. */
function isPlausible({ replayFrom, commitEnd, commitOffset, previous }: Checkpoint, offset: number): boolean {
  if (commitEnd < LOG_START || replayFrom > offset || replayFrom % FRAME_ALIGNMENT !== 0) return false
  return commitEnd <= replayFrom && (commitOffset < commitEnd || commitEnd === LOG_START) && previous < offset
}

/**
 * Offsets of the checkpoints in the log, in its order. Reads the whole log. Behind bad bytes at or past the watermark there are
 * none: what they were may never have reached the disk, and nodes with it.
 */
export function* scanForCheckpoints(log: CheckpointedLog): Task<number[]> {
  const scanner = new LogScanner({ ...log, from: LOG_START })
  const { watermark = Number.POSITIVE_INFINITY } = log
  const offsets: number[] = []
  for (let event = scanner.next(); event !== 'end' && event !== 'zeros'; event = scanner.next()) {
    if (event !== 'frame' && scanner.end > watermark) return offsets
    if (event === 'frame' && scanner.header.kind === FrameKind.checkpoint) offsets.push(scanner.offset)
    yield PAUSE
  }
  return offsets
}

export class CheckpointFinder {
  readonly #log: CheckpointedLog
  readonly #untried: Set<number>
  readonly #tried = new Set<number>()
  /** Whether there may be checkpoints that nobody names. */
  #scanNeeded: boolean
  #below = Number.POSITIVE_INFINITY

  /** `named` are the offsets in the superblocks; `allNamed` says that both superblocks could be read. */
  constructor(log: CheckpointedLog, named: readonly number[], allNamed: boolean) {
    this.#log = log
    this.#untried = new Set(named.filter((offset) => offset > 0))
    this.#scanNeeded = !allNamed
  }

  /** From now on only checkpoints that stand before a damaged node. */
  passOver(damagedAt: number): void {
    this.#below = Math.min(this.#below, damagedAt)
  }

  /** The newest one not given yet; undefined if there is no other. */
  *next(): Task<FoundCheckpoint | undefined> {
    for (;;) {
      const offset = this.#newest()
      if (offset === undefined) {
        if (!this.#scanNeeded) return undefined
        this.#scanNeeded = false
        for (const found of yield* scanForCheckpoints(this.#log)) {
          if (!this.#tried.has(found)) this.#untried.add(found)
        }
        continue
      }
      this.#untried.delete(offset)
      this.#tried.add(offset)
      const found = readCheckpoint(this.#log, offset)
      if (found === undefined) {
        this.#scanNeeded ||= true
        continue
      }
      const { previous } = found.checkpoint
      if (previous > 0 && !this.#tried.has(previous)) this.#untried.add(previous)
      if (offset < this.#below) return found
    }
  }

  #newest(): number | undefined {
    return this.#untried.size === 0 ? undefined : Math.max(...this.#untried)
  }
}
