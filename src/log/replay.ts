/**
 * Reading a whole log by what its fixed blocks say: from its begin, or from the newest checkpoint that can be used.
 */
import type { Checkpoint } from '../format/checkpoint.js'
import type { Checksum } from '../format/checksum.js'
import { FrameKind, shortGeneration } from '../format/frame.js'
import { type Header, isCompacted, LOG_START } from '../format/header.js'
import type { Superblock } from '../format/superblock.js'
import type { StorageFile } from '../storage/storage.js'
import type { Task } from '../storage/task.js'
import { type CheckpointedLog, CheckpointFinder, type FoundCheckpoint } from './checkpoints.js'
import type { CommitPosition } from './commit-position.js'
import { judgeLog } from './judge.js'
import type { ReplayTarget } from './replay-target.js'
import type { JudgeInput, Judgement } from './judgement.js'
import type { FixedBlocks } from './log-file.js'
import type { LogScanner, ScanEvent } from './scanner.js'

/** A target that can start from a checkpoint. */
export interface RestorableTarget extends ReplayTarget {
  /** Forgets everything and starts from a checkpoint, or from `parent` with nothing. Throws if its content is damaged. */
  start(checkpoint: Checkpoint | undefined, parent: CommitPosition): void
  /** Offset of the damaged index node that led to an error; undefined if none did. */
  damagedNode(error: unknown): number | undefined
}

/** Judges a whole file by its fixed blocks, from the log's begin; reads only. */
export function* judgeFile(
  file: StorageFile,
  checksum: Checksum,
  blocks: FixedBlocks,
  target: ReplayTarget,
  watch: Pick<JudgeInput, 'observe' | 'nameAtMost'> = {},
): Task<Judgement> {
  return yield* judgeLog({ ...judgeInput(file, checksum, blocks), ...watch }, target)
}

/** The log from its begin, as its fixed blocks describe it. */
export function judgeInput(
  file: StorageFile,
  checksum: Checksum,
  blocks: FixedBlocks,
): JudgeInput & CheckpointedLog {
  const { header, superblocks } = blocks
  const bothValid = superblocks.slots.every((slot) => slot.ok)
  return {
    file,
    checksum,
    generation: shortGeneration(header.generationId),
    // With a slot damaged, the epoch of the session that wrote it is unknown.
    maxEpoch: bothValid && superblocks.live !== undefined ? superblocks.live.epoch : Number.POSITIVE_INFINITY,
    from: LOG_START,
    parent: generationStart(header),
    startsWithBase: isCompacted(header),
    watermark: superblocks.live?.watermark ?? 0,
    noCommitBefore: superblocks.live?.checkpointEnd ?? 0,
    highestSequence: superblocks.live?.highestSequence ?? 0,
    to: pretendedEnd(file, superblocks.live) ?? file.size(),
  }
}

/** A log replayed from the newest checkpoint that could be used. */
export interface ReplayedLog {
  readonly judgement: Judgement
  readonly checkpoint: FoundCheckpoint | undefined
  readonly nodeBytes: number
}

/**
 * Replays a file into a target, from the newest checkpoint that verifies, and judges its log from there; reads only. A
 * checkpoint that leads to a damaged node is given up for an older one, and without any the log is read from its begin. So
 * is one whose frame stands behind a break, if what is there will be cut (`cuts`): its nodes may go with it.
 */
export function* replayFile(
  file: StorageFile,
  checksum: Checksum,
  blocks: FixedBlocks,
  target: RestorableTarget,
  { cuts }: { readonly cuts: boolean } = { cuts: false },
): Task<ReplayedLog> {
  const input = judgeInput(file, checksum, blocks)
  const finder = checkpointFinder(input, blocks)
  for (;;) {
    const found = yield* finder.next()
    try {
      const replayed = yield* replayFrom(found, input, target)
      const { breakOffset } = replayed.judgement
      const isCut = cuts && found !== undefined && breakOffset !== undefined && breakOffset < found.end
      if (!isCut) return replayed
      finder.passOver(breakOffset)
    } catch (error) {
      const damagedAt = target.damagedNode(error)
      if (found === undefined || damagedAt === undefined) throw error
      finder.passOver(damagedAt)
    }
  }
}

/** Finds the checkpoints of a file by what its superblocks name. */
export function checkpointFinder(log: CheckpointedLog, { superblocks }: FixedBlocks): CheckpointFinder {
  const { slots } = superblocks
  const named = slots.map((slot) => (slot.ok ? slot.superblock.checkpoint : 0))
  const allNamed = slots.every((slot) => slot.ok)
  return new CheckpointFinder(log, named, allNamed)
}

function* replayFrom(
  found: FoundCheckpoint | undefined,
  input: JudgeInput,
  target: RestorableTarget,
): Task<ReplayedLog> {
  const counted = found?.offset ?? 0
  const frames: { readonly offset: number; readonly bytes: number }[] = []
  const observe = (event: ScanEvent, { header, offset }: LogScanner): void => {
    const isWhole = event === 'frame' || event === 'badPayload'
    if (isWhole && header.kind === FrameKind.indexNodes && offset > counted)
      frames.push({ offset, bytes: header.payloadLength })
  }
  const parent = found === undefined ? input.parent : commitOf(found.checkpoint)
  target.start(found?.checkpoint, parent)
  const from = found?.checkpoint.replayFrom ?? parent.end
  const judgement = yield* judgeLog(
    { ...input, parent, from, nodesCheckedBefore: counted, trustsFrames: true, observe },
    target,
  )
  const end = judgement.breakOffset ?? Number.POSITIVE_INFINITY
  // What is behind a break will be cut.
  const kept = frames.filter(({ offset }) => offset < end)
  const nodeBytes = kept.reduce((sum, { bytes }) => sum + bytes, found?.checkpoint.nodeBytes ?? 0)
  return { judgement, checkpoint: found, nodeBytes }
}

/** The commit that a checkpoint describes. */
export function commitOf(checkpoint: Checkpoint): CommitPosition {
  const { sequence, time, commitOffset, commitCrc, commitEpoch, commitEnd } = checkpoint
  return { sequence, time, offset: commitOffset, crc: commitCrc, epoch: commitEpoch, end: commitEnd }
}

/** A reader that meets an interrupted cut reads the file as if it were finished. */
function pretendedEnd(file: StorageFile, live: Superblock | undefined): number | undefined {
  return live !== undefined && live.cutAt > 0 ? Math.min(live.cutAt, file.size()) : undefined
}

/** Where a generation begins: the commit that its first one names. */
export function generationStart(header: Header): CommitPosition {
  return {
    sequence: header.parentSequence,
    time: 0,
    offset: header.parentCommitOffset,
    crc: header.parentCommitCrc,
    end: LOG_START,
    epoch: 0,
  }
}
