/**
 * How a lock is taken.
 *
 *     1. look: while a living record stands in the way, wait, or fail. The taker has announced nothing so far and
 *        disturbs nobody.
 *     2. from the second try on: enter the gate, if it can be had within a moment. Who meets nobody never needs it.
 *     3. announce: publish one's own record.
 *     4. look again: if no living record stands in the way, the lock is held; else withdraw the own record, go to 1.
 *
 * Why there are never two writers (I16), gate or no gate: each publishes before it looks. Of two, the one whose record
 * appeared later finds the other's when it looks, because a standing record is in every listing, is removed by nobody
 * but its owner while that lives, and has a name of its own. So at most one of them sees nobody. The same holds for a
 * writer and a reader. A taker that dies at any step leaves at most a record of a dead owner.
 *
 * It is a generator of pauses, in milliseconds, so that the blocking and the asynchronous way are one: between two
 * pauses it makes short system calls only, and during a pause it has no record standing.
 */
import { StorageError } from '../../errors.js'
import type { LockRequest } from '../platform.js'
import { isPresent, type LockDirectory, makeDirectory, removeIfEmpty } from './directory.js'
import type { LockEnvironment } from './environment.js'
import type { LeaveGate } from './gate.js'
import { type FileLock, OwnRecord, publishRecord } from './held-lock.js'
import { lockedError } from './messages.js'
import { LockState, type LockKind } from './record.js'
import { isThisProcess, surveyLiving, type Sighting } from './survey.js'

/** What is taken, and how. */
export interface Taking {
  /** The database's path, resolved. */
  readonly path: string
  readonly request: LockRequest
  /** The thread stands still during pauses: what it holds itself cannot be released meanwhile. */
  readonly blocking: boolean
  readonly environment: LockEnvironment
}

/** How long the gate is waited for, in milliseconds. */
const GATE_WAIT_MS = 50

/**
 * How long those are waited for that are about to be gone, in milliseconds, whatever `waitMs` says: takers that have
 * announced themselves but hold nothing (two that meet both withdraw, and one should get the lock), and processes that
 * are being taken down.
 */
const PASSING_WAIT_MS = 500

const SHORTEST_PAUSE_MS = 2
const LONGEST_PAUSE_MS = 25

/** Where the locks of the database at `path` are kept. */
export function lockDirectoryOf(path: string): string {
  return `${path}.writer.lock`
}

export function* takeLock(taking: Taking): Generator<number, FileLock, void> {
  const { environment, request, path } = taking
  const directory = { path: lockDirectoryOf(path), files: environment.files }
  const startMs = environment.monotonicMs()
  for (let attempt = 0; ; attempt += 1) {
    const isThere = isPresent(directory)
    let opponents = isThere ? opponentsOf(request.kind, directory, environment) : []
    if (opponents.length === 0) {
      const outcome = yield* announce(taking, directory, attempt > 0)
      if (outcome instanceof OwnRecord) return outcome
      opponents = outcome
    }
    const waitedMs = environment.monotonicMs() - startMs
    const leftMs = patienceMs(opponents, request) - waitedMs
    if (!(leftMs > 0) || (taking.blocking && opponents.some((one) => isThisThread(one, environment)))) {
      throw refusal(taking, opponents, waitedMs)
    }
    yield Math.min(leftMs, pauseMs(attempt, environment))
  }
}

/** Steps 2 to 4: the held lock, or who else was there. Those are none if the own record was removed by force. */
function* announce(
  taking: Taking,
  directory: LockDirectory,
  gated: boolean,
): Generator<number, OwnRecord | Sighting[], void> {
  let leaveGate: LeaveGate | undefined
  let outcome: OwnRecord | Sighting[] = []
  try {
    if (gated) {
      makeDirectory(directory)
      leaveGate = yield* waitForGate(directory, taking.environment)
    }
    outcome = publishAndLook(taking, directory)
    return outcome
  } finally {
    leaveGate?.()
    if (!(outcome instanceof OwnRecord)) removeIfEmpty(directory)
  }
}

/** Steps 3 and 4. Whatever happens, the own record stands afterwards only if the lock is held. */
function publishAndLook(taking: Taking, directory: LockDirectory): OwnRecord | Sighting[] {
  const { environment, request, path } = taking
  const own = publishRecord({ kind: request.kind, path }, directory, environment)
  try {
    const living = surveyLiving(directory, environment)
    const opponents = living.filter(({ name, kind }) => name !== own.name && excludes(request.kind, kind))
    if (opponents.length === 0 && living.some(({ name }) => name === own.name)) {
      own.hold(environment.heartbeatMs)
      return own
    }
    own.release()
    return opponents
  } catch (error) {
    own.release()
    throw error
  }
}

function* waitForGate(
  directory: LockDirectory,
  environment: LockEnvironment,
): Generator<number, LeaveGate | undefined, void> {
  const startMs = environment.monotonicMs()
  for (let attempt = 0; ; attempt += 1) {
    const entered = environment.enterGate(directory.path, environment.files)
    if (entered === 'none') return undefined
    if (entered !== 'busy') return entered
    const leftMs = GATE_WAIT_MS - (environment.monotonicMs() - startMs)
    if (!(leftMs > 0)) return undefined
    yield Math.min(leftMs, pauseMs(attempt, environment))
  }
}

function opponentsOf(kind: LockKind, directory: LockDirectory, environment: LockEnvironment): Sighting[] {
  return surveyLiving(directory, environment).filter((one) => excludes(kind, one.kind))
}

function excludes(one: LockKind, other: LockKind): boolean {
  return one === 'writer' || other === 'writer'
}

function patienceMs(opponents: readonly Sighting[], { waitMs }: LockRequest): number {
  return opponents.every(isPassing) ? Math.max(waitMs, PASSING_WAIT_MS) : waitMs
}

function isPassing({ verdict, record }: Sighting): boolean {
  return verdict.owner === 'ending' || record?.state === LockState.taking
}

/** Doubles up to a limit, and varies by half either way, so that those who met do not meet again. */
function pauseMs(attempt: number, environment: LockEnvironment): number {
  const usual = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** attempt)
  return usual * (0.5 + environment.random())
}

function isThisThread(one: Sighting, { identity }: LockEnvironment): boolean {
  return isThisProcess(one, identity) && one.holder.threadId === identity.threadId
}

function refusal(taking: Taking, opponents: readonly Sighting[], waitedMs: number): Error {
  const { path, request, environment } = taking
  if (opponents.length > 0)
    return lockedError({ path, kind: request.kind, opponents, waitedMs, here: environment.identity })
  return new StorageError(
    `Could not keep a lock record in ${lockDirectoryOf(path)}: it is gone each time it was made. ` +
      'Find out what removes files there.',
    { path },
  )
}
