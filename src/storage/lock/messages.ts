/** What a taker is told when it gets no lock: who stands in the way, and what to do about it. */
import { LockedError, StorageError } from '../../errors.js'
import { systemCode } from '../storage-errors.js'
import type { ThreadIdentity } from './identity.js'
import { STANDSTILL_MS } from './observations.js'
import type { LockKind } from './record.js'
import { isThisProcess, type Sighting } from './survey.js'

/** Who asked, and who was in the way. */
export interface Refusal {
  /** The database's path. */
  readonly path: string
  readonly kind: LockKind
  /** At least one. */
  readonly opponents: readonly Sighting[]
  readonly waitedMs: number
  readonly here: ThreadIdentity
}

/** Names the writer, if there is one, else the reader that has been there longest. */
export function lockedError({ path, kind, opponents, waitedMs, here }: Refusal): LockedError {
  const [first] = opponents.toSorted(byImportance)
  if (first === undefined) throw new TypeError('A refusal names somebody.')
  const doing = first.kind === 'writer' ? 'writing' : 'reading'
  const more = opponents.length === 1 ? '' : `, and in ${opponents.length - 1} more places`
  const waited = waitedMs < 1000 ? '' : ` It was waited for ${Math.round(waitedMs / 1000)} s.`
  const since = first.holder.since.toISOString()
  return new LockedError(
    `The database ${path} is open for ${doing} in ${whereIs(first, here)} since ${since}${more}.${waited} ` +
      [...advice(kind, first, here), ...outOfSight(first)].join(' '),
    { path, holder: first.holder },
  )
}

function byImportance(one: Sighting, other: Sighting): number {
  if (one.kind !== other.kind) return one.kind === 'writer' ? -1 : 1
  return one.holder.since.getTime() - other.holder.since.getTime()
}

function whereIs(sighting: Sighting, here: ThreadIdentity): string {
  const { pid, threadId, host } = sighting.holder
  if (sighting.record === undefined) return 'a place that is not known'
  const thread = threadId === 0 ? 'main thread' : `worker thread ${threadId}`
  if (!isThisProcess(sighting, here)) return `process ${pid} (${thread}) on host ${host}`
  const same = threadId === here.threadId ? ', which is this one' : ''
  return `this very process (pid ${pid}, ${thread}${same})`
}

function advice(kind: LockKind, opponent: Sighting, here: ThreadIdentity): string[] {
  const ours = isThisProcess(opponent, here)
  const close = ours ? 'use the handle that is open, or close it first' : 'close it there first'
  if (kind === 'reader') {
    return [`Open it with mode: 'follow' to read beside the writer; or ${close}, or wait with lock.waitMs.`]
  }
  const why = opponent.kind === 'reader' ? ['A writer needs all readers gone.'] : []
  return [...why, `Please ${close}, or wait with lock.waitMs.`]
}

function outOfSight({ verdict, name }: Sighting): string[] {
  if (verdict.owner !== 'foreign') return []
  const seconds = STANDSTILL_MS / 1000
  return [
    `Whether it still lives cannot be told (${verdict.reason}): it counts as gone after its record ${name} ` +
      `has stood still for ${seconds} s of waiting. If you know that it is gone, remove it with varve locks --break.`,
  ]
}

const NOT_WRITABLE: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'])

/**
 * Whether `error` says that no record can be made beside the database, because the directory is not writable or full.
 * A read-only open can then go on without a lock, frozen at one commit; no living writer was in sight.
 */
export function cannotRegister(error: unknown): error is StorageError {
  return error instanceof StorageError && NOT_WRITABLE.has(systemCode(error.cause) ?? '')
}
