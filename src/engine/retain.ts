/**
 * Which history a compaction keeps.
 */
import { ArgumentError, HistoryGoneError } from '../errors.js'
import { LOG_START } from '../format/header.js'
import { CommitReader, type CommitName } from '../log/commit-reader.js'
import { FrameReader, NEAR_BYTES } from '../log/frame-reader.js'
import { PAUSE, type Task } from '../storage/task.js'
import type { Engine } from './engine.js'
import type { DatabaseState } from './state.js'
import { findState } from './time-travel.js'

/** History to keep. A commit is kept if one of these asks for it. */
export interface RetainOptions {
  /** So many of the newest commits. */
  readonly commits?: number | undefined
  /** The commits of the last milliseconds. */
  readonly ms?: number | undefined
}

/** The state that the kept commits were made on: the file's first one, if it holds no more than these. */
export function* stateToRetain(engine: Engine, retain: RetainOptions): Task<DatabaseState> {
  checkRetain(retain)
  const { commits, ms } = retain
  const byCount = commits === undefined ? undefined : yield* commitsBack(engine, commits)
  if (ms === undefined) return byCount === undefined ? engine.pin() : yield* findState(engine, byCount)
  const byTime = yield* stateBefore(engine, new Date(engine.parts.platform.now() - ms))
  if (byCount === undefined || byTime.commit.sequence <= byCount) return byTime
  return yield* findState(engine, byCount)
}

/** The sequence of the commit before the last `count` ones. */
function* commitsBack(engine: Engine, count: number): Task<number> {
  const { file, header, checksum } = engine.generation
  const log = { file, header, checksum }
  const reader = new CommitReader(log)
  const frames = new FrameReader(log, NEAR_BYTES)
  const { commit } = engine.state
  if (commit.end === LOG_START) return commit.sequence
  let name: CommitName = commit
  let limit = commit.end
  for (let left = count; left > 0; left--) {
    reader.readCommit(frames, name, limit)
    const { begin, previousSequence, previousOffset, previousCrc } = reader.block
    if (reader.isFirst) return previousSequence
    limit = begin
    name = { sequence: previousSequence, offset: previousOffset, crc: previousCrc }
    yield PAUSE
  }
  return name.sequence
}

/** The state at a date; the oldest there is, if that is later. */
function* stateBefore(engine: Engine, date: Date): Task<DatabaseState> {
  try {
    return yield* findState(engine, date)
  } catch (error) {
    if (!(error instanceof HistoryGoneError)) throw error
    return yield* findState(engine, engine.generation.header.parentSequence)
  }
}

/** Throws `VARVE_ARGUMENT` for what is no amount of history. */
export function checkRetain({ commits, ms }: RetainOptions): void {
  for (const [name, value] of Object.entries({ commits, ms })) {
    if (value === undefined || (Number.isFinite(value) && value >= 0)) continue
    throw new ArgumentError(
      `The option retain.${name} must be a finite number of at least 0, not ${String(value)}.`,
    )
  }
}
