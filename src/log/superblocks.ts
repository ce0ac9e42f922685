/**
 * The two superblock slots of one file: which is live, and how the next version is written.
 *
 * A write goes to the slot that is invalid, else to the older one, so whatever happens during it the live one stays.
 * No append may happen while any slot says "cut at X": should the newer slot be damaged later, the older would have the
 * cut finished again, over commits made since.
 */
import { LimitError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { BLOCK_BYTES, type Header } from '../format/header.js'
import {
  decodeSuperblock,
  encodeSuperblock,
  FENCE_BYTES,
  fenceHolds,
  SUPERBLOCK_OFFSETS,
  type Superblock,
  type SuperblockResult,
} from '../format/superblock.js'
import type { StorageFile } from '../storage/storage.js'
import { type Task, writeFully } from '../storage/task.js'

export const SLOTS = [0, 1] as const
export type Slot = (typeof SLOTS)[number]

/** Bytes that a fence check reads, from the first slot's begin. */
export const FENCE_SPAN_BYTES: number = SUPERBLOCK_OFFSETS[1] - SUPERBLOCK_OFFSETS[0] + FENCE_BYTES

const MAX_EPOCH = 0xffff_ffff

/** What the two slots hold, and which of them is live. */
export interface SuperblockSlots {
  readonly slots: readonly [SuperblockResult, SuperblockResult]
  /** The slot of the live superblock; undefined if neither is valid. */
  readonly liveSlot: Slot | undefined
  readonly live: Superblock | undefined
}

export function readSuperblocks(file: StorageFile, checksum: Checksum): SuperblockSlots {
  const read = (slot: Slot): SuperblockResult => {
    const block = new Uint8Array(BLOCK_BYTES)
    const length = file.read(block, SUPERBLOCK_OFFSETS[slot])
    return decodeSuperblock(block.subarray(0, length), checksum)
  }
  const slots = [read(0), read(1)] as const
  const sequence = (slot: Slot): number => {
    const result = slots[slot]
    return result.ok ? result.superblock.sequence : -1
  }
  const newest: Slot = sequence(1) > sequence(0) ? 1 : 0
  const result = slots[newest]
  return result.ok
    ? { slots, liveSlot: newest, live: result.superblock }
    : { slots, liveSlot: undefined, live: undefined }
}

/** What a new version changes; the rest stays as in the live one. */
export type SuperblockChange = Partial<Omit<Superblock, 'sequence' | 'header'>>

/** The slots of a file that is open for writing. */
export class SuperblockWriter {
  #live: Superblock
  #liveSlot: Slot
  #liveBytes: Uint8Array
  #olderBytes: Uint8Array | undefined
  /** Whether the sync of the live one has not ended, or has failed. */
  #unsynced = false
  readonly #file: StorageFile
  readonly #checksum: Checksum

  constructor(file: StorageFile, checksum: Checksum, live: Superblock, liveSlot: Slot) {
    this.#file = file
    this.#checksum = checksum
    this.#live = live
    this.#liveSlot = liveSlot
    this.#liveBytes = encodeSuperblock(live, checksum)
  }

  get live(): Superblock {
    return this.#live
  }

  /**
   * Whether both slots, read into `bytes` from the first one's begin, still carry what stood in them after the last
   * write. Both, because another session writes the older one first, and a file copied over this one changes the live.
   */
  fenceHolds(bytes: Uint8Array): boolean {
    const slots =
      this.#liveSlot === 0 ? [this.#liveBytes, this.#olderBytes] : [this.#olderBytes, this.#liveBytes]
    return slots.every((expected, slot) => {
      const start = SUPERBLOCK_OFFSETS[slot === 0 ? 0 : 1] - SUPERBLOCK_OFFSETS[0]
      return expected !== undefined && fenceHolds(bytes.subarray(start, start + FENCE_BYTES), expected)
    })
  }

  /**
   * Writes the next version into the other slot and syncs it. It is what the fence asks for as soon as it was written, so that
   * appends may go on during the sync; if that fails, whoever asked poisons the writer. A blocking call may want the next
   * version meanwhile: not before the live one is on the disk, because a power cut could tear both.
   */
  *write(change: SuperblockChange): Task<void> {
    if (this.#unsynced) yield { kind: 'sync', file: this.#file }
    const next: Superblock = { ...this.#live, ...change, sequence: this.#live.sequence + 1 }
    if (next.epoch > MAX_EPOCH || !Number.isSafeInteger(next.sequence)) throw this.#exhausted()
    const slot: Slot = this.#liveSlot === 0 ? 1 : 0
    const bytes = encodeSuperblock(next, this.#checksum)
    yield* writeFully(this.#file, bytes, SUPERBLOCK_OFFSETS[slot])
    this.#live = next
    this.#liveSlot = slot
    this.#olderBytes = this.#liveBytes
    this.#liveBytes = bytes
    this.#unsynced = true
    yield { kind: 'sync', file: this.#file }
    if (this.#live === next) this.#unsynced = false
  }

  /** Counters that wrapped around would make the newest frames look like the oldest. */
  #exhausted(): LimitError {
    const { path } = this.#file
    return new LimitError(`${path} has used up its epochs. Copy its content into a new database.`, {
      path,
      limit: 'epoch',
    })
  }
}

/** Writes both slots of a file that has none yet. */
export function* writeFirstSuperblocks(
  file: StorageFile,
  first: Superblock,
  checksum: Checksum,
): Task<SuperblockWriter> {
  const second = { ...first, sequence: first.sequence + 1 }
  yield* writeFully(file, encodeSuperblock(first, checksum), SUPERBLOCK_OFFSETS[0])
  yield* writeFully(file, encodeSuperblock(second, checksum), SUPERBLOCK_OFFSETS[1])
  return new SuperblockWriter(file, checksum, second, 1)
}

/** The superblock of a file that has none yet. */
export function firstSuperblock(header: Header, logEnd: number): Superblock {
  return {
    sequence: 1,
    header,
    epoch: 0,
    sessionId: '0'.repeat(32),
    featuresCompatible: 0,
    featuresReadOnlyCompatible: 0,
    featuresIncompatible: 0,
    checkpoint: 0,
    watermark: logEnd,
    watermarkSequence: header.parentSequence,
    cutAt: 0,
    highestSequence: 0,
    checkpointEnd: 0,
  }
}
