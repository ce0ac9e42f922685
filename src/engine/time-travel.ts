/**
 * The database as of any commit that the file still holds: the log, replayed from a base up to that commit.
 *
 * The replay is the one of recovery: what is damaged on the way is an error with its offset, never a state without it
 * (I2). It reads up to the visible commit, so that bytes on their way into the file are never read, and leaves alone what
 * the engine holds, but for the record structures, which only grow.
 */
import { ArgumentError, CorruptionError, HistoryGoneError } from '../errors.js'
import type { Checkpoint } from '../format/checkpoint.js'
import { type Header, isCompacted, LOG_START } from '../format/header.js'
import { shortGeneration } from '../format/frame.js'
import { nearestCheckpoint } from '../log/checkpoints.js'
import type { CommitPosition } from '../log/commit-position.js'
import { judgeLog } from '../log/judge.js'
import type { Judgement } from '../log/judgement.js'
import { generationStart } from '../log/replay.js'
import { runSync, type Task } from '../storage/task.js'
import type { Engine } from './engine.js'
import { Head } from './head.js'
import { emptyState } from './empty-state.js'
import { RecordSource } from './record-source.js'
import { RowReader } from './row-reader.js'
import { type DatabaseState, VisibleState } from './state.js'

/** A commit's place in history. */
type HistoryPoint = Pick<CommitPosition, 'sequence' | 'time'>

/** How far into history to go. */
export interface Moment {
  /** Whether a commit is part of the state as of this moment. Holds for none after the first for which it does not. */
  readonly includes: (commit: HistoryPoint) => boolean
  /** The commit of exactly this sequence is the last one included; undefined for a date. */
  readonly sequence: number | undefined
  /** As part of a sentence. */
  readonly text: string
}

/**
 * The state as of the last commit with a sequence, or a time, up to `at`.
 *
 * Throws `VARVE_ARGUMENT` for what is neither, and for a sequence above the visible commit's; `VARVE_HISTORY_GONE` if the
 * file begins after it; `VARVE_CORRUPTION` if the log is damaged before it.
 */
export function stateAt(engine: Engine, at: unknown): DatabaseState {
  return runSync(findState(engine, at))
}

/** As `stateAt`, as a task. */
export function* findState(engine: Engine, at: unknown): Task<DatabaseState> {
  const moment = momentOf(at)
  const { commit } = engine.state
  if (moment.includes(commit)) {
    if (moment.sequence !== undefined && moment.sequence > commit.sequence)
      throw notYet(moment.sequence, commit)
    return engine.pin()
  }
  return yield* replayTo(engine, moment, commit)
}

/** What `at` says. Throws `VARVE_ARGUMENT` for what is neither a sequence nor a date. */
export function momentOf(at: unknown): Moment {
  if (at instanceof Date && !Number.isNaN(at.getTime())) {
    const time = at.getTime()
    const includes = (commit: HistoryPoint): boolean => commit.time <= time
    return { includes, sequence: undefined, text: `at ${at.toISOString()}` }
  }
  if (typeof at === 'number' && Number.isSafeInteger(at) && at >= 0) {
    const includes = (commit: HistoryPoint): boolean => commit.sequence <= at
    return { includes, sequence: at, text: `at commit ${at}` }
  }
  throw new ArgumentError(
    `The option at must be a commit sequence (an integer of at least 0) or a valid Date, not ${described(at)}.`,
  )
}

/** Where history is read from. */
type Place = Pick<Engine, 'parts' | 'generation' | 'newestCheckpoint'>

/** The state that a file was opened with, read from its log again: nodes that cannot be read are not in it. */
export function rebuiltState(place: Place, commit: CommitPosition): Task<DatabaseState> {
  const { sequence } = commit
  const includes = (one: HistoryPoint): boolean => one.sequence <= sequence
  return replayTo(place, { includes, sequence, text: `at commit ${sequence}` }, commit)
}

/** A base that leads to a damaged node is given up for an older one: what lies between is in the log. */
function* replayTo(place: Place, moment: Moment, visible: CommitPosition): Task<DatabaseState> {
  const { path, platform } = place.parts
  const { header, nodes, file, codecs } = place.generation
  if (moment.sequence !== undefined && moment.sequence < header.parentSequence)
    throw historyGone(header, moment, path)
  const past = nodes.forThePast()
  const rows = new RowReader(new RecordSource(file, platform.checksum), codecs, path)
  const head = new Head(emptyState(generationStart(header), past), codecs, path, past, rows)
  for (let base = nearestBase(place, moment, place.newestCheckpoint); ;) {
    try {
      return yield* replayFrom(base, place, moment, visible, head)
    } catch (error) {
      if (base === undefined || head.damagedNode(error) === undefined) throw error
      base = nearestBase(place, moment, base.previous)
    }
  }
}

function* replayFrom(
  base: Checkpoint | undefined,
  place: Place,
  moment: Moment,
  visible: CommitPosition,
  head: Head,
): Task<DatabaseState> {
  const { platform, path } = place.parts
  const { file, header } = place.generation
  head.start(base, generationStart(header))
  const parent = head.base.commit
  const judgement = yield* judgeLog(
    {
      file,
      checksum: platform.checksum,
      generation: shortGeneration(header.generationId),
      maxEpoch: visible.epoch,
      from: base?.replayFrom ?? parent.end,
      parent,
      startsWithBase: isCompacted(header) && parent.end === LOG_START,
      nodesCheckedBefore: Number.POSITIVE_INFINITY,
      to: visible.end,
      watermark: 0,
      accept: moment.includes,
    },
    head,
  )
  requireReached(judgement, moment, visible, path)
  const { last } = judgement
  if (last.end === LOG_START && isCompacted(header)) throw historyGone(header, moment, path)
  const state = new VisibleState(head.base)
  state.apply(head.takeChange(), last)
  return state
}

/** The newest checkpoint from `offset` back whose commit a moment includes; undefined for the file's begin. */
function nearestBase(place: Place, moment: Moment, offset: number): Checkpoint | undefined {
  const { file, header, checksum } = place.generation
  const generation = shortGeneration(header.generationId)
  const maxEpoch = Number.POSITIVE_INFINITY
  const log = { file, checksum, generation, maxEpoch, to: file.size() }
  return nearestCheckpoint(log, offset, moment.includes)
}

/** The commit after the wanted one was seen, or it is known that there is none: else damage lies between. */
function requireReached(judgement: Judgement, moment: Moment, visible: CommitPosition, path: string): void {
  const { declined, last, breakOffset, breakReason } = judgement
  if (declined || last.sequence === moment.sequence || last.end >= visible.end) return
  const offset = breakOffset ?? last.end
  throw new CorruptionError(
    `The state of ${path} ${moment.text} cannot be built: the log is damaged at offset ${offset} after commit ${last.sequence} (${breakReason}). Later commits and rows are not affected; run verify to see the extent.`,
    { path, offset, actual: breakReason },
  )
}

/** The error for a moment before the begin of a file. */
export function historyGone({ parentSequence }: Header, moment: Moment, path: string): HistoryGoneError {
  return new HistoryGoneError(
    `The state of ${path} ${moment.text} is gone: the file was compacted and begins after commit ${parentSequence}. Read a later commit, or an older copy of the file.`,
    { path, expected: `a commit after ${parentSequence}` },
  )
}

function notYet(sequence: number, { sequence: newest }: CommitPosition): ArgumentError {
  return new ArgumentError(`There is no commit ${sequence} yet: the newest is commit ${newest}.`)
}

function described(value: unknown): string {
  if (value instanceof Date) return 'an invalid Date'
  return typeof value === 'number' || value === null ? String(value) : typeof value
}
