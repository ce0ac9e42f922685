/**
 * Opens the log of a database file: follows its chain of commits, and does with its end what the recovery mode says.
 *
 * The table (`docs/recovery.md`) in code: `clean` opens in every mode; the others are refused by `strict`; `tornTail`
 * cuts what was never acknowledged as durable; `autoTruncate` cuts, or opens short, in every case. Nothing is cut
 * before it was copied aside durably (I3), and a refused open leaves every byte as it was (I14).
 */
import { CorruptionError, RecoveryRequiredError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { FRAME_ALIGNMENT } from '../format/frame.js'
import { encodeHeader, type Header, LOG_START } from '../format/header.js'
import { QuarantineReason } from '../format/quarantine.js'
import type { Superblock } from '../format/superblock.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { type Task, writeFully } from '../storage/task.js'
import type { FoundCheckpoint } from './checkpoints.js'
import { cutLog, finishCut } from './cut.js'
import type { CommitPosition } from './commit-position.js'
import type { Judgement } from './judgement.js'
import { checkFeatures, type FixedBlocks, readFixedBlocks } from './log-file.js'
import { type ReplayedLog, replayFile, type RestorableTarget } from './replay.js'
import { quarantine } from './quarantine-files.js'
import type { RecoveryClass, RecoveryInfo, RecoveryMode } from './recovery-info.js'
import { firstSuperblock, SuperblockWriter, writeFirstSuperblocks } from './superblocks.js'

/** A log that was opened, and where writing goes on. */
export interface RecoveredLog {
  readonly header: Header
  readonly last: CommitPosition
  /** The last commit known to be durable. */
  readonly durable: CommitPosition
  /** Where the next frame goes. */
  readonly logEnd: number
  readonly watermark: number
  /** The next sequence is above this: above everything ever seen in the file. */
  readonly highestSequence: number
  /** The next epoch is above this: a session whose superblock was lost may have written with it. */
  readonly highestEpoch: number
  readonly info: RecoveryInfo
  /** What the open started from; undefined if it read the log from its begin. */
  readonly checkpoint: FoundCheckpoint | undefined
  /** Bytes of all node images in the log. */
  readonly nodeBytes: number
}

/** Opens for reading: never writes a byte. */
export function* recoverForReading(
  file: StorageFile,
  checksum: Checksum,
  mode: RecoveryMode,
  target: RestorableTarget,
): Task<RecoveredLog> {
  const blocks = readFixedBlocks(file, checksum)
  refuseDamagedBlocks(blocks, mode, file.path)
  refuseForeign(blocks, file.path, false)
  const replayed = yield* replayFile(file, checksum, blocks, target)
  refuse(replayed, mode, file.path)
  return conclude(blocks.header, replayed, mode, {})
}

/** A file opened for writing: its log, and its superblocks. */
export interface WritableLog extends RecoveredLog {
  readonly superblocks: SuperblockWriter
}

/** Opens for writing: finishes an interrupted cut, recovers, and cuts as the mode says. The caller holds the writer lock. */
export function* recoverForWriting(
  storage: Storage,
  file: StorageFile,
  checksum: Checksum,
  mode: RecoveryMode,
  target: RestorableTarget,
): Task<WritableLog> {
  const blocks = readFixedBlocks(file, checksum)
  refuseDamagedBlocks(blocks, mode, file.path)
  refuseForeign(blocks, file.path, true)
  // What an interrupted cut left behind is not judged: the log ends where that cut says. Nothing is written before it is
  // certain that this open goes on.
  const replayed = yield* replayFile(file, checksum, blocks, target, { cuts: true })
  const { judgement } = replayed
  refuse(replayed, mode, file.path)
  const finishedCut = yield* finishInterruptedCut(file, checksum, blocks)
  const quarantinePath = yield* keepAside(storage, file, checksum, blocks, judgement)
  const restoredHeader = yield* restoreHeader(file, checksum, blocks)
  const current = finishedCut ? readFixedBlocks(file, checksum) : blocks
  const superblocks = yield* writableSuperblocks(file, checksum, current, judgement)
  const truncatedBytes = yield* cutBroken(file, superblocks, judgement)
  const done = { finishedCut, restoredHeader, truncatedBytes, quarantinePath }
  return { ...conclude(blocks.header, replayed, mode, done), superblocks }
}

/** What this version does not understand is refused in every mode. */
function refuseForeign(blocks: FixedBlocks, path: string, forWriting: boolean): void {
  const { live } = blocks.superblocks
  if (live === undefined) return
  checkFeatures(live, path, forWriting)
  refuseImpossibleCut(live, path)
}

/** A damaged header or two damaged superblocks cost no commit, but leave the file without its second copy. */
function refuseDamagedBlocks(blocks: FixedBlocks, mode: RecoveryMode, path: string): void {
  if (mode === 'autoTruncate') return
  const what = blocks.headerDamaged
    ? 'The header block'
    : blocks.superblocks.live === undefined
      ? 'Both superblocks'
      : undefined
  if (what === undefined) return
  throw new CorruptionError(
    `${what} of ${path} fail their checksum. No commit is lost by it: open with recovery 'autoTruncate' to restore it.`,
    { path, offset: 0, expected: 'blocks with their checksums' },
  )
}

function* finishInterruptedCut(file: StorageFile, checksum: Checksum, blocks: FixedBlocks): Task<boolean> {
  const { live, liveSlot } = blocks.superblocks
  if (live === undefined || liveSlot === undefined || live.cutAt === 0) return false
  yield* finishCut(file, new SuperblockWriter(file, checksum, live, liveSlot))
  return true
}

/** Checksums hold, yet the log cannot end there. */
function refuseImpossibleCut({ cutAt }: Superblock, path: string): void {
  if (cutAt === 0 || (cutAt >= LOG_START && cutAt % FRAME_ALIGNMENT === 0)) return
  throw new CorruptionError(
    `The superblock of ${path} has a valid checksum but says that the log is to be cut at ${cutAt}, where none can end. The file is untouched; restore a backup, or salvage it.`,
    { path, offset: cutAt, expected: 'the offset of a cut in the log', actual: String(cutAt) },
  )
}

function* restoreHeader(file: StorageFile, checksum: Checksum, blocks: FixedBlocks): Task<boolean> {
  if (!blocks.headerDamaged) return false
  // A crash within this write leaves the superblock's copy, from which the next open does the same.
  yield* writeFully(file, encodeHeader(blocks.header, checksum), 0)
  yield { kind: 'sync', file }
  return true
}

/** The superblocks of the file; if neither is valid, two new ones whose epoch passes everything in the log. */
function* writableSuperblocks(
  file: StorageFile,
  checksum: Checksum,
  blocks: FixedBlocks,
  judgement: Judgement,
): Task<SuperblockWriter> {
  const { live, liveSlot } = blocks.superblocks
  if (live !== undefined && liveSlot !== undefined)
    return new SuperblockWriter(file, checksum, live, liveSlot)
  const fresh: Superblock = {
    ...firstSuperblock(blocks.header, LOG_START),
    epoch: judgement.highestEpoch,
    watermark: Math.min(judgement.watermark, judgement.last.end),
  }
  const superblocks = yield* writeFirstSuperblocks(file, fresh, checksum)
  yield { kind: 'sync', file }
  return superblocks
}

const REASON: Record<Exclude<RecoveryClass, 'clean'>, QuarantineReason> = {
  uncommittedTail: QuarantineReason.uncommittedTail,
  tornTail: QuarantineReason.tornTail,
  damage: QuarantineReason.damage,
  shortFile: QuarantineReason.shortFile,
}

/** Copies what lies behind the break aside; its path, or undefined if nothing does. */
function* keepAside(
  storage: Storage,
  file: StorageFile,
  checksum: Checksum,
  blocks: FixedBlocks,
  judgement: Judgement,
): Task<string | undefined> {
  const { classification, breakOffset, highestEpoch } = judgement
  if (classification === 'clean' || breakOffset === undefined) return undefined
  const offset = Math.max(breakOffset, LOG_START)
  if (file.size() <= offset) return undefined
  const { databaseId, generationId } = blocks.header
  const epoch = blocks.superblocks.live?.epoch ?? highestEpoch
  const request = { databaseId, generationId, epoch, reason: REASON[classification], offset }
  return yield* quarantine(storage, file, request, checksum)
}

/** Cuts what lies behind the break and was kept aside; returns how many bytes that was. */
function* cutBroken(file: StorageFile, superblocks: SuperblockWriter, judgement: Judgement): Task<number> {
  const { classification, breakOffset, last } = judgement
  if (classification === 'clean' || breakOffset === undefined) return 0
  const offset = Math.max(breakOffset, LOG_START)
  const truncatedBytes = Math.max(0, file.size() - offset)
  // What is left may itself never have been synced; W does not rise by a cut.
  const watermark = Math.min(judgement.watermark, last.end)
  yield* cutLog(file, superblocks, {
    offset,
    watermark,
    watermarkSequence: watermark === last.end ? last.sequence : judgement.durable.sequence,
    epochFloor: judgement.highestEpoch,
    sequenceFloor: judgement.highestSequence,
  })
  return truncatedBytes
}

/** Throws where the mode refuses. */
function refuse(replayed: ReplayedLog, mode: RecoveryMode, path: string): void {
  const { classification, breakOffset } = replayed.judgement
  if (classification === 'clean' || mode === 'autoTruncate') return
  const acknowledged = classification === 'damage' || classification === 'shortFile'
  if (mode === 'tornTail' && !acknowledged) return
  const recovery = infoOf(replayed, mode, {})
  const details = { path, offset: breakOffset, recovery }
  if (acknowledged) {
    throw new CorruptionError(
      `${recovery.reason} Restore a backup, save what is whole with salvage, or open with recovery 'autoTruncate' to keep the commits before it; what is cut is kept aside.`,
      details,
    )
  }
  throw new RecoveryRequiredError(
    `${recovery.reason} Open it for writing with recovery 'autoTruncate' or 'tornTail' to cut it; what is cut is kept aside.`,
    details,
  )
}

/** What an open for writing did besides judging. */
interface Done {
  readonly finishedCut?: boolean
  readonly restoredHeader?: boolean
  readonly truncatedBytes?: number
  readonly quarantinePath?: string | undefined
}

function conclude(header: Header, replayed: ReplayedLog, mode: RecoveryMode, done: Done): RecoveredLog {
  const { judgement, checkpoint, nodeBytes } = replayed
  const { last, durable, logEnd, watermark, highestSequence } = judgement
  return {
    header,
    last,
    durable: durable.end <= watermark ? durable : last,
    logEnd: Math.max(logEnd, LOG_START),
    watermark: Math.min(watermark, Math.max(last.end, LOG_START)),
    highestSequence,
    highestEpoch: judgement.highestEpoch,
    info: infoOf(replayed, mode, done),
    checkpoint,
    nodeBytes,
  }
}

function infoOf(replayed: ReplayedLog, mode: RecoveryMode, done: Done): RecoveryInfo {
  const { judgement, checkpoint } = replayed
  return {
    mode,
    classification: judgement.classification,
    reason: describe(judgement),
    checkpointOffset: checkpoint?.offset,
    breakOffset: judgement.breakOffset,
    watermark: judgement.watermark,
    truncatedBytes: done.truncatedBytes ?? 0,
    transactionsApplied: judgement.transactionsApplied,
    transactionsCut: judgement.transactionsCut,
    cutCommits: judgement.cutCommits,
    quarantinePath: done.quarantinePath,
    badRanges: judgement.badRanges,
    finishedCut: done.finishedCut ?? false,
    restoredHeader: done.restoredHeader ?? false,
  }
}

function describe(judgement: Judgement): string {
  const { breakOffset, breakReason, watermark, last, fileSize } = judgement
  const after = `after commit ${last.sequence}`
  switch (judgement.classification) {
    case 'clean':
      return `The log ends cleanly ${after}.`
    case 'shortFile':
      return `The file has ${fileSize} bytes of log, but commits up to offset ${watermark} were durable: it was cut short ${after}.`
    case 'uncommittedTail':
      return `The log ends ${after} in a transaction that never committed (${breakReason}).`
    case 'tornTail':
      return `The log ends ${after} in an incomplete write (${breakReason}).`
    case 'damage':
      return `The log is damaged at offset ${breakOffset} ${after} (${breakReason}), before the end of what was durable (${watermark}).`
  }
}
