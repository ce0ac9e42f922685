/**
 * Deletes a database and the files that Varve keeps beside it.
 */
import { checkPath, Sidecar } from '../log/log-file.js'
import { ArgumentError } from '../errors.js'
import type { Platform } from '../storage/platform.js'
import { locksOf } from './local-locks.js'
import type { OpenOptions } from './open.js'

/** Takes the writer lock, removes, releases. The database's own name goes first, so no half-removed one can be opened. */
export async function removeDatabase(
  path: string,
  options: Pick<OpenOptions, 'storage' | 'lock'>,
  platform: Platform,
): Promise<boolean> {
  checkPath(path)
  const storage = options.storage ?? platform.storage
  if (storage === undefined)
    throw new ArgumentError('This entry of Varve has no file system: pass a storage.')
  const resolved = storage.resolve(path)
  const lock = await locksOf(storage, platform).acquire(resolved, {
    kind: 'writer',
    waitMs: options.lock?.waitMs ?? 0,
  })
  try {
    const existed = storage.stat(resolved) !== undefined
    storage.remove(resolved)
    const suffixes = [Sidecar.creating, Sidecar.quarantine, Sidecar.replaced, Sidecar.compacting]
    for (const name of storage.siblings(resolved)) {
      if (suffixes.some((suffix) => name.startsWith(resolved + suffix))) storage.remove(name)
    }
    storage.syncDirectory(resolved)
    return existed
  } finally {
    lock.release()
  }
}
