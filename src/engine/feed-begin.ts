/**
 * Finds the commit that a feed goes on behind, in the file as it is now, and the definitions as of it.
 *
 * From the newest checkpoint at or before it the log is read up to it, so that the way is never longer than from one checkpoint
 * to the next. A position that this file's history does not have is an error, never a gap.
 */
import { DivergedError, HistoryGoneError } from '../errors.js'
import { shortGeneration } from '../format/frame.js'
import { isCompacted } from '../format/header.js'
import { nearestCheckpoint } from '../log/checkpoints.js'
import type { CommitPosition } from '../log/commit-position.js'
import { walkCommits } from '../log/commit-walk.js'
import { commitOf, generationStart } from '../log/replay.js'
import type { Task } from '../storage/task.js'
import { definitionsIn } from './checkpoint-state.js'
import { definitionsOf } from './feed-catalog.js'
import type { FeedFilter } from './feed-filter.js'
import type { FeedPosition } from './feed-position.js'
import { type FeedBegin, FeedTarget } from './feed-target.js'
import type { Generation } from './generation.js'

/** A feed's place in one file. */
export interface FeedPlace {
  readonly generation: Generation
  readonly begin: FeedBegin
}

/** A file in which positions are looked for. */
export interface PlaceSource {
  readonly generation: Generation
  /** Offset of its newest checkpoint; 0 for none. */
  readonly newestCheckpoint: number
  readonly path: string
}

/** Finds a position; `undefined` is the begin of the file. Throws `VARVE_HISTORY_GONE` or `VARVE_DIVERGED`. */
export function* findPlace(
  source: PlaceSource,
  position: FeedPosition | undefined,
  filter: FeedFilter,
): Task<FeedPlace> {
  const { generation, path } = source
  const { header, visible, codecs } = generation
  const start = generationStart(header)
  if (position === undefined) return { generation, begin: { last: start, definitions: new Map() } }
  const { commit } = visible
  if (isCompacted(header) && position.sequence < start.sequence) throw historyGone(path, position, start)
  if (position.sequence > commit.sequence) throw diverged(path, position, commit)
  if (position.sequence === commit.sequence) {
    requireSame(path, position, commit)
    return { generation, begin: { last: commit, definitions: definitionsOf(visible) } }
  }
  const wayPoint = wayPointTo(source, position)
  const last = wayPoint === undefined ? start : commitOf(wayPoint)
  const definitions = wayPoint === undefined ? new Map() : definitionsIn(wayPoint, codecs, path)
  const target = new FeedTarget({ path, codecs, filter, begin: { last, definitions } })
  target.skipping = true
  const from = wayPoint?.replayFrom
  const accept = ({ sequence }: { readonly sequence: number }): boolean => sequence <= position.sequence
  yield* walkCommits({ log: generation, after: last, from, to: commit, accept }, target)
  requireSame(path, position, target.last)
  return { generation, begin: { last: target.last, definitions: target.definitions } }
}

function wayPointTo(
  { generation: { file, header, checksum, visible }, newestCheckpoint }: PlaceSource,
  { sequence }: FeedPosition,
): ReturnType<typeof nearestCheckpoint> {
  const generation = shortGeneration(header.generationId)
  const log = { file, checksum, generation, maxEpoch: Number.POSITIVE_INFINITY, to: file.size() }
  // Of a follower, one may be on its way that describes a commit which is not seen here yet.
  const newest = Math.min(sequence, visible.commit.sequence)
  return nearestCheckpoint(log, newestCheckpoint, (checkpoint) => checkpoint.sequence <= newest)
}

/** Whether the commit found is the one that was meant. Of a sequence alone, the last commit up to it is. */
function requireSame(path: string, position: FeedPosition, found: CommitPosition): void {
  const { sequence, crc } = position
  if (crc === undefined || (found.sequence === sequence && found.crc === crc)) return
  throw diverged(path, position, found)
}

function diverged(path: string, position: FeedPosition, found: CommitPosition): DivergedError {
  return new DivergedError(
    `The history of ${path} does not have commit ${position.sequence} as it was when this position was taken; the nearest is commit ${found.sequence}. The file was restored, or lost commits that were not durable. Read the state anew, and go on from its commit.`,
    { path, expected: textOf(position), actual: textOf(found) },
  )
}

function textOf({ sequence, crc }: FeedPosition): string {
  return crc === undefined ? `commit ${sequence}` : `commit ${sequence} with checksum ${crc.toString(16)}`
}

function historyGone(path: string, { sequence }: FeedPosition, start: CommitPosition): HistoryGoneError {
  return new HistoryGoneError(
    `What ${path} was changed by after commit ${sequence} is gone: the file was compacted and begins with commit ${start.sequence}. Read the state anew and go on from its commit, or leave out since to begin with the whole state.`,
    { path, expected: `a commit from ${start.sequence} on`, actual: `commit ${sequence}` },
  )
}
