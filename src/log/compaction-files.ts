/**
 * What a compaction that did not end leaves beside a database: `<db>.compact-<16 hex digits>`.
 *
 * Its header is durable before anything else is written to it, so a file that is longer than its header says whose it is.
 */
import type { Checksum } from '../format/checksum.js'
import { BLOCK_BYTES } from '../format/header.js'
import { hex } from '../format/integers.js'
import { VarveError } from '../errors.js'
import type { Platform } from '../storage/platform.js'
import type { Storage } from '../storage/storage.js'
import { Sidecar } from './log-file.js'
import { databaseIdOf } from './replaced-files.js'

const RANDOM_BYTES = 8
const RANDOM = /^[0-9a-f]{16}$/u

/** A name for a generation that is being written. */
export function compactionName(path: string, platform: Platform): string {
  return `${path}${Sidecar.compacting}${hex(platform.randomBytes(RANDOM_BYTES))}`
}

/**
 * Removes unfinished generations of this database, after the file at the path was opened and ends cleanly. Those of another
 * database are left to their owner. `beside` are names in the directory, some of which may be gone. The caller holds the writer lock.
 * A file that cannot be removed stays.
 */
export function dropCompactions(
  storage: Storage,
  path: string,
  beside: readonly string[],
  databaseId: string,
  checksum: Checksum,
): void {
  const prefix = path + Sidecar.compacting
  try {
    for (const name of beside) {
      if (!name.startsWith(prefix) || !RANDOM.test(name.slice(prefix.length))) continue
      const sizeBytes = storage.stat(name)?.sizeBytes ?? 0
      if (sizeBytes <= BLOCK_BYTES || databaseIdOf(storage, name, checksum) === databaseId)
        storage.remove(name)
    }
  } catch (error) {
    if (!VarveError.is(error)) throw error
  }
}
