/**
 * The two superblock slots of one file: which is live, and how the next version is written.
 *
 * A write goes to the slot that is invalid, else to the older one, so whatever happens during it the live one stays.
 * No append may happen while any slot says "cut at X": should the newer slot be damaged later, the older would have the
 * cut finished again, over commits made since.
 */
import type { Checksum } from '../format/checksum.js'
import { BLOCK_BYTES, type Header } from '../format/header.js'
import {
  decodeSuperblock,
  encodeSuperblock,
  SUPERBLOCK_OFFSETS,
  type Superblock,
  type SuperblockResult,
} from '../format/superblock.js'
import type { StorageFile } from '../storage/storage.js'
import { type Task, writeFully } from '../storage/task.js'

export const SLOTS = [0, 1] as const
export type Slot = (typeof SLOTS)[number]

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
  return result.ok ? { slots, liveSlot: newest, live: result.superblock } : { slots, liveSlot: undefined, live: undefined }
}

/** What a new version changes; the rest stays as in the live one. */
export type SuperblockChange = Partial<Omit<Superblock, 'sequence' | 'header'>>

/** The slots of a file that is open for writing. */
export class SuperblockWriter {
  #live: Superblock
  #liveSlot: Slot
  #liveBytes: Uint8Array
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

  /** Where the live slot stands in the file, and its bytes: what a fence check compares. */
  get liveOffset(): number {
    return SUPERBLOCK_OFFSETS[this.#liveSlot]
  }

  get liveBytes(): Uint8Array {
    return this.#liveBytes
  }

  /** Writes the next version into the other slot and syncs it. */
  *write(change: SuperblockChange): Task<void> {
    const next: Superblock = { ...this.#live, ...change, sequence: this.#live.sequence + 1 }
    const slot: Slot = this.#liveSlot === 0 ? 1 : 0
    const bytes = encodeSuperblock(next, this.#checksum)
    yield* writeFully(this.#file, bytes, SUPERBLOCK_OFFSETS[slot])
    yield { kind: 'sync', file: this.#file }
    this.#live = next
    this.#liveSlot = slot
    this.#liveBytes = bytes
  }
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
  }
}
