/**
 * The beginning of a database file up to the end of one commit. It is a database by itself, once fixed blocks of its own say
 * where it ends.
 */
import type { Checksum } from '../format/checksum.js'
import { shortGeneration } from '../format/frame.js'
import { type Header, LOG_START } from '../format/header.js'
import type { Superblock } from '../format/superblock.js'
import { readCheckpoint } from '../log/checkpoints.js'
import type { CommitPosition } from '../log/commit-position.js'
import { readFixedBlocks } from '../log/log-file.js'
import { firstSuperblock } from '../log/superblocks.js'
import type { StorageFile } from '../storage/storage.js'

export interface Prefix {
  readonly header: Header
  /** The last commit in it. */
  readonly commit: CommitPosition
  /** Where it ends: a multiple of 8, at or behind the commit's end, with no other commit between. */
  readonly end: number
  /** Offset of the newest checkpoint that is whole in it; 0 for none. */
  readonly checkpoint: number
  /** Not below the epoch of any frame in it. */
  readonly epoch: number
  /** No commit sequence up to this is given again, whatever the commit. */
  readonly highestSequence: number
}

/** A file, and what whoever reads it knows. */
export interface PrefixSource {
  readonly file: StorageFile
  readonly checksum: Checksum
  readonly commit: CommitPosition
  /** Offset of a checkpoint from which to look back; 0 for none. */
  readonly newestCheckpoint: number
  /** The highest epoch seen in it. */
  readonly highestEpoch: number
}

/** The prefix of a file that ends with a commit which is in it. */
export function prefixOf(source: PrefixSource): Prefix {
  const { file, checksum, commit, highestEpoch } = source
  const { header, superblocks } = readFixedBlocks(file, checksum)
  const commitEnd = Math.max(commit.end, LOG_START)
  const checkpoint = checkpointWithin(source, header, commitEnd)
  return {
    header,
    commit,
    end: Math.max(commitEnd, checkpoint?.end ?? 0),
    checkpoint: checkpoint?.offset ?? 0,
    epoch: Math.max(superblocks.live?.epoch ?? 0, commit.epoch, highestEpoch),
    highestSequence: superblocks.live?.highestSequence ?? 0,
  }
}

/**
 * The newest checkpoint that ends with the commit, or stands right behind it: if it describes the commit and says that a
 * replay goes on at its own begin, no other commit lies between.
 */
function checkpointWithin(
  { file, checksum, commit, newestCheckpoint }: PrefixSource,
  header: Header,
  commitEnd: number,
): { readonly offset: number; readonly end: number } | undefined {
  const generation = shortGeneration(header.generationId)
  const log = { file, checksum, generation, maxEpoch: Number.POSITIVE_INFINITY, to: file.size() }
  for (let at = newestCheckpoint; at > 0;) {
    const found = readCheckpoint(log, at)
    if (found === undefined) return undefined
    const { offset, end, checkpoint } = found
    const isOfCommit = checkpoint.sequence === commit.sequence && checkpoint.commitCrc === commit.crc
    if (end <= commitEnd || (isOfCommit && checkpoint.replayFrom === offset)) return { offset, end }
    at = checkpoint.previous
  }
  return undefined
}

/** The superblock of a prefix that stands alone: nothing in it is uncertain, once it was synced. */
export function superblockOf({
  header,
  commit,
  end,
  checkpoint,
  epoch,
  highestSequence,
}: Prefix): Superblock {
  return {
    ...firstSuperblock(header, Math.max(commit.end, LOG_START)),
    watermarkSequence: commit.sequence,
    checkpoint,
    checkpointEnd: end,
    epoch,
    highestSequence,
  }
}
