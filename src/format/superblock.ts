/**
 * A superblock: the only part of a file that is ever overwritten.
 *
 * Two slots hold two versions; the one with the higher sequence number is live. A write goes to the invalid slot, else
 * to the older one, so a torn write leaves the live one. It fences writers (epoch and session), says how far the log is
 * known to be durable (the watermark), where the newest checkpoint is, and whether a cut of the log is in progress.
 */
import { blockChecksum } from './block-checksum.js'
import type { Checksum } from './checksum.js'
import {
  BLOCK_BYTES,
  BLOCK_CRC_OFFSET,
  type Header,
  IDENTITY_START,
  isSafeIdentity,
  readIdentity,
  writeIdentity,
} from './header.js'
import { hex, readUint64, unhex, viewOf, writeUint64 } from './integers.js'

/** File offsets of the two slots. */
export const SUPERBLOCK_OFFSETS: readonly [number, number] = [BLOCK_BYTES, 2 * BLOCK_BYTES]

/** `VARVESUP` */
export const SUPERBLOCK_MAGIC: readonly number[] = [0x56, 0x41, 0x52, 0x56, 0x45, 0x53, 0x55, 0x50]

/** Byte offsets within a superblock. */
export const SuperblockField = {
  magic: 0,
  sequence: 8,
  identity: 16,
  epoch: 104,
  featuresCompatible: 108,
  featuresReadOnlyCompatible: 112,
  featuresIncompatible: 116,
  sessionId: 120,
  checkpoint: 136,
  watermark: 144,
  watermarkSequence: 152,
  cutAt: 160,
  highestSequence: 168,
  checkpointEnd: 176,
  end: 184,
} as const

/** Feature bits that this version understands; a file with another bit set is refused as its kind of bit demands. */
export const KnownFeatures = { readOnlyCompatible: 0, incompatible: 0 } as const

export interface Superblock {
  /** Rises by one with every superblock written. */
  readonly sequence: number
  readonly header: Header
  readonly epoch: number
  /** 32 hex digits; zeros until a session wrote. */
  readonly sessionId: string
  readonly featuresCompatible: number
  readonly featuresReadOnlyCompatible: number
  readonly featuresIncompatible: number
  /** Offset of the newest `Checkpoint` frame; 0 for none. */
  readonly checkpoint: number
  /** W: end of the last commit known to be durable. */
  readonly watermark: number
  readonly watermarkSequence: number
  /** Offset of a cut in progress; 0 for none. */
  readonly cutAt: number
  /** Highest commit sequence found in bytes that were cut off; none up to it is given again. 0 for none. */
  readonly highestSequence: number
  /**
   * No commit lies between W and here, if W is before: where the frame of the checkpoint ended when it was named, or the log
   * when the session began. All before was durable then, and W at or behind every commit of it. 0 for none.
   */
  readonly checkpointEnd: number
}

export type SuperblockResult =
  | { readonly ok: true; readonly superblock: Superblock }
  | { readonly ok: false; readonly problem: 'magic' | 'checksum' | 'value' | 'missing' }

export function encodeSuperblock(superblock: Superblock, checksum: Checksum): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES)
  const view = viewOf(block)
  block.set(SUPERBLOCK_MAGIC, SuperblockField.magic)
  writeUint64(view, SuperblockField.sequence, superblock.sequence)
  writeIdentity(superblock.header, block, SuperblockField.identity - IDENTITY_START)
  view.setUint32(SuperblockField.epoch, superblock.epoch, true)
  view.setUint32(SuperblockField.featuresCompatible, superblock.featuresCompatible, true)
  view.setUint32(SuperblockField.featuresReadOnlyCompatible, superblock.featuresReadOnlyCompatible, true)
  view.setUint32(SuperblockField.featuresIncompatible, superblock.featuresIncompatible, true)
  block.set(unhex(superblock.sessionId), SuperblockField.sessionId)
  writeUint64(view, SuperblockField.checkpoint, superblock.checkpoint)
  writeUint64(view, SuperblockField.watermark, superblock.watermark)
  writeUint64(view, SuperblockField.watermarkSequence, superblock.watermarkSequence)
  writeUint64(view, SuperblockField.cutAt, superblock.cutAt)
  writeUint64(view, SuperblockField.highestSequence, superblock.highestSequence)
  writeUint64(view, SuperblockField.checkpointEnd, superblock.checkpointEnd)
  view.setUint32(BLOCK_CRC_OFFSET, blockChecksum(block, BLOCK_CRC_OFFSET, checksum), true)
  return block
}

export function decodeSuperblock(block: Uint8Array, checksum: Checksum): SuperblockResult {
  if (block.length < BLOCK_BYTES) return { ok: false, problem: 'missing' }
  if (!SUPERBLOCK_MAGIC.every((byte, i) => block[i] === byte)) return { ok: false, problem: 'magic' }
  const view = viewOf(block)
  if (blockChecksum(block, BLOCK_CRC_OFFSET, checksum) !== view.getUint32(BLOCK_CRC_OFFSET, true)) {
    return { ok: false, problem: 'checksum' }
  }
  const superblock: Superblock = {
    sequence: readUint64(view, SuperblockField.sequence),
    header: readIdentity(block, SuperblockField.identity - IDENTITY_START),
    epoch: view.getUint32(SuperblockField.epoch, true),
    sessionId: hex(block.subarray(SuperblockField.sessionId, SuperblockField.sessionId + 16)),
    featuresCompatible: view.getUint32(SuperblockField.featuresCompatible, true),
    featuresReadOnlyCompatible: view.getUint32(SuperblockField.featuresReadOnlyCompatible, true),
    featuresIncompatible: view.getUint32(SuperblockField.featuresIncompatible, true),
    checkpoint: readUint64(view, SuperblockField.checkpoint),
    watermark: readUint64(view, SuperblockField.watermark),
    watermarkSequence: readUint64(view, SuperblockField.watermarkSequence),
    cutAt: readUint64(view, SuperblockField.cutAt),
    highestSequence: readUint64(view, SuperblockField.highestSequence),
    checkpointEnd: readUint64(view, SuperblockField.checkpointEnd),
  }
  const { sequence, checkpoint, watermark, watermarkSequence, cutAt } = superblock
  const { highestSequence, checkpointEnd } = superblock
  const numbers = [sequence, checkpoint, watermark, watermarkSequence, cutAt, highestSequence, checkpointEnd]
  const safe = numbers.every(Number.isSafeInteger)
  return safe && isSafeIdentity(superblock.header)
    ? { ok: true, superblock }
    : { ok: false, problem: 'value' }
}

/** The part of a superblock that fences writers: read back before each append. */
export const FENCE_BYTES: number = SuperblockField.sessionId + 16

/** Whether the first `FENCE_BYTES` of a slot still carry this session's superblock. */
export function fenceHolds(fence: Uint8Array, expected: Uint8Array): boolean {
  for (let i = 0; i < FENCE_BYTES; i++) if (fence[i] !== expected[i]) return false
  return true
}
