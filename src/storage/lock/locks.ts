/**
 * The locks of a database as the tools show and break them. Taking a lock never comes through here.
 */
import type { LockHolder } from '../../errors.js'
import { isPresent, type LockDirectory, removeFrom, removeIfEmpty } from './directory.js'
import { systemEnvironment } from './environment.js'
import { LockState } from './record.js'
import { survey, type Sighting } from './survey.js'
import { lockDirectoryOf } from './take.js'

/** One lock record, as a person may want to see it. */
export interface LockRecordView {
  readonly kind: 'writer' | 'reader'
  /** Process 0 on host `unknown` if the record cannot be read. */
  readonly holder: LockHolder
  /** Whether it holds others up. True also for an owner that cannot be seen from here. */
  readonly alive: boolean
  /** Why it counts as alive or dead, such as `process 12 has ended`. */
  readonly reason: string
  /** Name of the record's file in the lock directory. */
  readonly file: string
}

/** All lock records of the database at `path` (resolved), dead ones included, oldest first. Changes nothing. */
export function listLocks(path: string): LockRecordView[] {
  return view(survey(directoryOf(path), systemEnvironment()))
}

/**
 * Removes the records of dead owners; with `force`, all. Returns what it removed. A living owner whose record is
 * forced away is not told, and may still be writing.
 */
export function breakLocks(path: string, { force }: { readonly force: boolean }): LockRecordView[] {
  const directory = directoryOf(path)
  const doomed = survey(directory, systemEnvironment()).filter(
    ({ verdict }) => force || verdict.owner === 'dead',
  )
  for (const { name } of doomed) removeFrom(directory, name)
  removeIfEmpty(directory)
  return view(doomed)
}

function directoryOf(path: string): LockDirectory {
  const directory = { path: lockDirectoryOf(path), files: systemEnvironment().files }
  isPresent(directory)
  return directory
}

function view(sightings: readonly Sighting[]): LockRecordView[] {
  return sightings
    .map(({ kind, holder, verdict, record, name }) => ({
      kind,
      holder,
      alive: verdict.owner !== 'dead',
      reason:
        record?.state === LockState.taking
          ? `${verdict.reason}, and is only asking for the lock`
          : verdict.reason,
      file: name,
    }))
    .toSorted((one, other) => one.holder.since.getTime() - other.holder.since.getTime())
}
