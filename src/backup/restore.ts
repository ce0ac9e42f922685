/**
 * Restore: puts a verified copy of a database file in the place of another, so that a crash at any step leaves the old
 * file or the new one, whole.
 *
 * The order is the argument:
 *   1. the source is verified, copied aside, synced, and the copy verified: nothing at the target has changed
 *   2. the old file gets a second name, `<db>.replaced-<n>`; synced. Both names are one file
 *   3. the copy is renamed over the target; synced. There is no moment at which the target has no file
 *   4. the target is opened and read to its end. If that, or 3, fails, the second name is renamed back
 *   5. the second name goes
 * So the target always has a name that leads to a whole file (I27). What a crash leaves of the second name, the next open for writing clears (`log/replaced-files.ts`).
 */
import { locksOf } from '../engine/local-locks.js'
import { ArgumentError, CorruptionError, ErrorCode, StorageError } from '../errors.js'
import { analyse } from '../inspect/analysed-file.js'
import { checkPath, removeLeftovers } from '../log/log-file.js'
import { dropSecondNames, nextReplacedName } from '../log/replaced-files.js'
import type { Platform } from '../storage/platform.js'
import { requireRoom } from '../storage/room.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { runAsync } from '../storage/task.js'
import { checkCopy } from './check-copy.js'
import { copyPrefix } from './copy-prefix.js'
import type { ExportReport } from './export.js'
import { makeAside, publish, quietly, taken } from './new-file.js'
import type { Prefix } from './prefix.js'
import { prefixToRestore, verifySource } from './restore-source.js'

/** Options of `Database.restoreSnapshot`. */
export interface RestoreOptions {
  /** Replace the database that is there. Default false. */
  readonly force?: boolean | undefined
  /** Restore the state as of a commit sequence, or a time: the newest commit at or before it. Default: the last commit. */
  readonly at?: number | Date | undefined
  /** `waitMs`: how long to wait for others who hold the target, in milliseconds. Default 0: fail at once. */
  readonly lock?: { readonly waitMs?: number | undefined } | undefined
  /** Where both files are; the file system by default. */
  readonly storage?: Storage | undefined
  /** Ends the work before the copy is put in place; nothing is left of it. */
  readonly signal?: AbortSignal | undefined
  /** Called now and then with how far the work is, in bytes: source verified, copied, copy verified. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** What was restored; of the file at `path`. */
export interface RestoreReport extends ExportReport {
  /** What it was restored from, with symbolic links resolved. */
  readonly source: string
  /** Whether a file was replaced. */
  readonly replaced: boolean
  /** Where the replaced file still is, if it could not be removed in the end. */
  readonly leftover: string | undefined
}

/** What a restore works on, with everything decided. */
interface Restoring {
  readonly source: string
  readonly target: string
  readonly storage: Storage
  readonly platform: Platform
  readonly options: RestoreOptions
}

/** Restores a database file. */
export async function restoreSnapshot(
  source: string,
  target: string,
  options: RestoreOptions,
  platform: Platform,
): Promise<RestoreReport> {
  const restoring = decide(source, target, options, platform)
  const { storage } = restoring
  const { signal, lock: { waitMs = 0 } = {} } = options
  const lock = await locksOf(storage, platform).acquire(restoring.target, { kind: 'writer', waitMs, signal })
  try {
    return await restore(restoring)
  } finally {
    lock.release()
  }
}

function decide(source: string, target: string, options: RestoreOptions, platform: Platform): Restoring {
  checkPath(source)
  checkPath(target)
  options.signal?.throwIfAborted()
  const storage = options.storage ?? platform.storage
  if (storage === undefined)
    throw new ArgumentError('This entry of Varve has no file system: pass a storage.')
  const from = storage.resolve(source)
  const to = storage.resolve(target)
  const present = storage.stat(from)
  if (present === undefined) {
    throw new StorageError(`There is no database at ${from}.`, { code: ErrorCode.notFound, path: from })
  }
  if (from === to || storage.stat(to)?.id === present.id) {
    throw new ArgumentError(
      `${target} is the file to be restored itself. To go back in time, restore it to another name with at.`,
    )
  }
  return { source: from, target: to, storage, platform, options }
}

async function restore(restoring: Restoring): Promise<RestoreReport> {
  const { source, target, storage, platform, options } = restoring
  const { signal, at } = options
  const beside = storage.siblings(target)
  removeLeftovers(storage, target, beside)
  dropSecondNames(storage, target, beside)
  const replaced = requireReplaceable(restoring)
  const onPart = partsOf(storage.stat(source)?.sizeBytes ?? 0, options.onProgress)
  await verifySource(source, { storage, signal, onProgress: onPart(0) }, platform)
  const file = storage.open(source, 'read')
  try {
    const { prefix, digests: expected } = await runAsync(
      prefixToRestore(file, platform, at),
      platform,
      signal,
    )
    const { end: bytes, commit, header } = prefix
    requireRoom(storage, target, bytes)
    const place = { storage, path: target, like: replaced ? target : source }
    const { report, leftover } = await makeAside(place, platform, async (copy) => {
      const onBytes = (done: number): void => onPart(1)(done, bytes)
      await runAsync(copyPrefix(file, copy, prefix, platform.checksum, { signal, onBytes }), platform, signal)
      const checks = { storage, signal, onProgress: onPart(2) }
      const checked = await checkCopy(copy.path, { source, digests: expected }, checks, platform)
      signal?.throwIfAborted()
      if (!replaced) publish(storage, copy, target, false)
      const kept = replaced ? await replace(restoring, copy, prefix) : undefined
      return { report: checked, leftover: kept }
    })
    const { collections, rows, digests } = report
    const { databaseId, generationId } = header
    const { sequence, time } = commit
    const of = { path: target, sequence, time: new Date(time), bytes, databaseId, generationId }
    return { ...of, collections, rows, digests, source, replaced, leftover }
  } finally {
    quietly(() => file.close())
  }
}

/** Whether there is a file to be replaced; throws if it may not be. */
function requireReplaceable({ storage, target, options }: Restoring): boolean {
  const present = storage.stat(target)
  if (present === undefined) return false
  if (options.force !== true) throw taken(target)
  // What is not a regular file is not replaced by one.
  storage.open(target, 'read').close()
  if (present.links <= 1) return true
  throw new StorageError(
    `${target} has ${present.links} hard links: replacing it would leave the others as they are. Remove the other names first.`,
    { path: target, actual: `${present.links} links` },
  )
}

/** Replaces the target; where the old file still is, if its second name could not be removed. */
async function replace(restoring: Restoring, copy: StorageFile, prefix: Prefix): Promise<string | undefined> {
  const { storage, target } = restoring
  const old = storage.stat(target)?.id
  const kept = nextReplacedName(storage, target)
  storage.link(target, kept)
  try {
    storage.syncDirectory(target)
    publish(storage, copy, target, true)
    await requireOpens(restoring, copy, prefix)
  } catch (error) {
    putBack(storage, target, kept, old)
    throw error
  }
  try {
    storage.remove(kept)
    storage.syncDirectory(target)
    return undefined
  } catch {
    // The target is whole. The next open for writing removes the old file, if it is of the same database.
    return kept
  }
}

/** The old file gets its name back. If both names lead to it, a rename would change nothing: the second one goes. */
function putBack(storage: Storage, target: string, kept: string, old: string | undefined): void {
  if (storage.stat(target)?.id === old) storage.remove(kept)
  else storage.rename(kept, target)
  storage.syncDirectory(target)
}

/** The file at the target is the copy, and the log that an open finds in it ends with the commit that was restored. */
async function requireOpens(restoring: Restoring, copy: StorageFile, { commit }: Prefix): Promise<void> {
  const { storage, target, platform } = restoring
  const { judgement } = await analyse(target, { storage }, platform, (analysed) => analysed.replay())
  const { classification, last } = judgement
  const isCopy = storage.stat(target)?.id === copy.identity().id
  if (isCopy && classification === 'clean' && last.sequence === commit.sequence && last.crc === commit.crc)
    return
  throw new CorruptionError(
    `${target} is not what was put there: its log is ${classification} and ends with commit ${last.sequence} instead of ${commit.sequence}. The file that was there before was put back; check the storage.`,
    { path: target, expected: `commit ${commit.sequence}`, actual: `commit ${last.sequence}` },
  )
}

/** Progress of three parts of about the same length, in bytes of one of them. */
function partsOf(
  bytes: number,
  onProgress: RestoreOptions['onProgress'],
): (part: number) => (done: number, total: number) => void {
  return (part) => (done, total) =>
    onProgress?.(bytes * (part + (total === 0 ? 1 : Math.min(1, done / total))), bytes * 3)
}
