/**
 * A look at a lock directory: which records are in it, whose they are, and which of their owners live.
 */
import type { LockHolder } from '../../errors.js'
import {
  isOpenAs,
  type LockDirectory,
  namesIn,
  readFrom,
  type RecordText,
  removeFrom,
  removeTemporary,
} from './directory.js'
import type { LockEnvironment } from './environment.js'
import type { ThreadIdentity } from './identity.js'
import { judge, type Observer, type Verdict } from './liveness.js'
import { STANDSTILL_MS } from './observations.js'
import {
  decodeRecord,
  holderOf,
  isTemporaryName,
  kindOfName,
  recordName,
  type LockKind,
  type LockRecord,
} from './record.js'
import { sharedFileSystem } from './shared-storage.js'

/** One record as it was found. */
export interface Sighting {
  /** File name in the lock directory. */
  readonly name: string
  readonly kind: LockKind
  /** Undefined if the file says nothing that this version understands. */
  readonly record: LockRecord | undefined
  readonly holder: LockHolder
  readonly verdict: Verdict
}

/** All records of the directory. One that comes or goes meanwhile may be missing; a standing one never is. */
export function survey(directory: LockDirectory, environment: LockEnvironment): Sighting[] {
  const names = namesIn(directory)
  environment.observations.keepOnly(directory.path, new Set(names))
  const observer = observerOf(directory, environment)
  const sightings: Sighting[] = []
  for (const name of names) {
    const kind = kindOfName(name)
    const found = kind === undefined ? undefined : readFrom(directory, name)
    if (kind === undefined || found === undefined) continue
    const record = found.text === undefined ? undefined : decodeRecord(kind, found.text)
    const holder = record === undefined ? unknownHolder(kind, found.modifiedAt) : holderOf(record)
    const verdict = record === undefined ? judgeUnknown(found, observer) : judge(record, observer)
    const settled = watchHeartbeat(verdict, { name, found, directory, environment })
    sightings.push({ name, kind, record, holder, verdict: settled })
  }
  return sightings
}

/** Whether a sighting is of this process: one of our number that is seen to live is; what is out of sight never is. */
export function isThisProcess({ holder, verdict }: Sighting, here: ThreadIdentity): boolean {
  return verdict.owner === 'alive' && holder.pid === here.pid
}

/** As {@link survey}, after which everything that the dead have left behind is gone; returns the living. */
export function surveyLiving(directory: LockDirectory, environment: LockEnvironment): Sighting[] {
  const sightings = survey(directory, environment)
  for (const { name, verdict } of sightings) if (verdict.owner === 'dead') removeFrom(directory, name)
  clearTemporaries(directory, environment)
  return sightings.filter(({ verdict }) => verdict.owner !== 'dead')
}

/** Removes the half-made records of takers that are gone. */
function clearTemporaries(directory: LockDirectory, environment: LockEnvironment): void {
  const names = namesIn(directory).filter(isTemporaryName)
  if (names.length === 0) return
  const observer = observerOf(directory, environment)
  for (const name of names) {
    const text = readFrom(directory, name)?.text ?? ''
    const record = decodeRecord('writer', text) ?? decodeRecord('reader', text)
    const ownerIsDead = record !== undefined && judge(record, observer).owner === 'dead'
    removeTemporary(directory, name, { ownerIsDead, now: environment.now() })
  }
}

/**
 * What to think of a record that cannot be understood. Takers publish complete records only, so an empty one has
 * lost its content in a power cut; one of another version, or of another user's, is watched like one out of sight.
 */
function judgeUnknown({ text }: RecordText, { sharedStorage }: Observer): Verdict {
  if (text === undefined) return { owner: 'foreign', reason: 'its record may not be read by this user' }
  if (/^\0*$/u.test(text) && !sharedStorage) {
    return { owner: 'dead', reason: 'its record is empty, as a power cut leaves it' }
  }
  return { owner: 'foreign', reason: 'its record is not one that this version understands' }
}

interface Watch {
  readonly name: string
  readonly found: RecordText
  readonly directory: LockDirectory
  readonly environment: LockEnvironment
}

/** An owner that cannot be looked up is dead when nothing has changed in its record for long enough. */
function watchHeartbeat(verdict: Verdict, { name, found, directory, environment }: Watch): Verdict {
  if (verdict.owner !== 'foreign') return verdict
  const evidence = `${found.modifiedAt.getTime()} ${found.text ?? ''}`
  const nowMs = environment.monotonicMs()
  const standstillMs = environment.observations.standstillMs(directory.path, name, evidence, nowMs)
  if (standstillMs < STANDSTILL_MS) return verdict
  const seconds = STANDSTILL_MS / 1000
  return { owner: 'dead', reason: `${verdict.reason}, and its heartbeat has stood still for ${seconds} s` }
}

function unknownHolder(kind: LockKind, since: Date): LockHolder {
  return { kind, pid: 0, threadId: 0, host: 'unknown', since }
}

function observerOf(directory: LockDirectory, environment: LockEnvironment): Observer {
  return {
    here: environment.identity,
    processes: environment.processes,
    sharedStorage: sharedFileSystem(directory.path, environment.files) !== undefined,
    isOpenHere: ({ kind, token, descriptor }) => isOpenAs(directory, descriptor, recordName(kind, token)),
  }
}
