/**
 * A database file that is made beside its name and gets it only when it is whole, verified and synced (I26).
 *
 * It is created exclusively under a random name in the directory that it is for, so that no link planted there is
 * followed, with the permission bits of the file that it comes from. A crash leaves it under that name, which the next open for writing clears.
 */
import { locksOf } from '../engine/local-locks.js'
import { ErrorCode, StorageError, VarveError } from '../errors.js'
import { hex } from '../format/integers.js'
import { Sidecar } from '../log/log-file.js'
import type { HeldLock, Platform } from '../storage/platform.js'
import type { Storage, StorageFile } from '../storage/storage.js'

const RANDOM_BYTES = 8

/** Where a file is made. */
export interface NewFilePlace {
  readonly storage: Storage
  /** Its name in the end, resolved. */
  readonly path: string
  /** Whose permission bits it gets; undefined for those that any new file has. */
  readonly like: string | undefined
}

/**
 * Makes a file aside: `make` writes it, syncs it and gives it its name. Nothing is left under the name aside, unless it cannot be removed:
 * then the next open for writing does it.
 */
export async function makeAside<T>(
  { storage, path, like }: NewFilePlace,
  platform: Platform,
  make: (file: StorageFile) => Promise<T>,
): Promise<T> {
  const aside = `${path}${Sidecar.creating}${hex(platform.randomBytes(RANDOM_BYTES))}`
  const file = storage.open(aside, 'create', { like })
  try {
    return await make(file)
  } finally {
    // What counts was synced or has failed: neither outcome changes by how this ends.
    quietly(() => file.close())
    quietly(() => storage.remove(aside))
  }
}

/** Does what is no loss if it fails. */
export function quietly(fn: () => void): void {
  try {
    fn()
  } catch (error) {
    if (!VarveError.is(error)) throw error
  }
}

/** Gives a file made aside its name, durably. Without `replace` a name that is taken stays its owner's. */
export function publish(storage: Storage, file: StorageFile, path: string, replace: boolean): void {
  requireOwnName(storage, file)
  if (replace) {
    storage.rename(file.path, path)
    storage.syncDirectory(path)
    return
  }
  storage.link(file.path, path)
  try {
    storage.syncDirectory(path)
  } catch (error) {
    // It is not known to be durable, so it is as if it had not been made.
    quietly(() => storage.remove(path))
    throw error
  }
}

/** In a directory that others may write to, the name may have become that of another file. */
function requireOwnName(storage: Storage, file: StorageFile): void {
  if (storage.stat(file.path)?.id === file.identity().id) return
  throw new StorageError(
    `${file.path} is not the file any more that was written under this name: somebody replaced it. Nothing was put in place; see who writes to this directory.`,
    { path: file.path },
  )
}

/** The error for a name that is taken. */
export function taken(path: string): StorageError {
  return new StorageError(`${path} exists. Choose another name, or use force to replace it.`, {
    code: ErrorCode.exists,
    path,
  })
}

/** A file that somebody has open as a database is not replaced under their hands; undefined if there is none to replace. */
export async function lockReplaced(
  storage: Storage,
  path: string,
  signal: AbortSignal | undefined,
  platform: Platform,
): Promise<HeldLock | undefined> {
  if (storage.stat(path) === undefined) return undefined
  return await locksOf(storage, platform).acquire(path, { kind: 'writer', waitMs: 0, signal })
}
