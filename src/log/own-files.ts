/**
 * Files beside a database that are its own, told from those of others by the database id in their headers.
 */
import { VarveError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { readFixedBlocks } from './log-file.js'

/** The database that files are looked at for. */
export interface Owner {
  readonly storage: Storage
  readonly databaseId: string
  readonly checksum: Checksum
}

/**
 * Removes those of these files that are the owner's, or that are `nobodys`; some may be gone. Files of another database, or of none that
 * can be told, are left to their owner. A file that cannot be removed stays.
 */
export function removeOwn(
  owner: Owner,
  names: readonly string[],
  nobodys: (name: string) => boolean = () => false,
): void {
  const { storage, databaseId } = owner
  try {
    for (const name of names)
      if (nobodys(name) || databaseIdOf(owner, name) === databaseId) storage.remove(name)
  } catch (error) {
    if (!VarveError.is(error)) throw error
  }
}

/** Whose file it is; undefined if that cannot be told. */
function databaseIdOf({ storage, checksum }: Owner, name: string): string | undefined {
  let file: StorageFile | undefined
  try {
    file = storage.open(name, 'read')
    return readFixedBlocks(file, checksum).header.databaseId
  } catch (error) {
    if (VarveError.is(error)) return undefined
    throw error
  } finally {
    file?.close()
  }
}
