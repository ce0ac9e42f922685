/**
 * What a compaction that did not end leaves beside a database: `<db>.compact-<16 hex digits>`.
 *
 * Its header is durable before anything else is written to it, so a file that is longer than its header says whose it is.
 */
import { BLOCK_BYTES } from '../format/header.js'
import { hex } from '../format/integers.js'
import type { Platform } from '../storage/platform.js'
import { Sidecar } from './log-file.js'
import { type Owner, removeOwn } from './own-files.js'

const RANDOM_BYTES = 8
const RANDOM = /^[0-9a-f]{16}$/u

/** A name for a generation that is being written. */
export function compactionName(path: string, platform: Platform): string {
  return `${path}${Sidecar.compacting}${hex(platform.randomBytes(RANDOM_BYTES))}`
}

/**
 * Removes unfinished generations of this database, after the file at the path was opened and ends cleanly, and those too short to be
 * anybody's. The caller holds the writer lock.
 */
export function dropCompactions(path: string, beside: readonly string[], owner: Owner): void {
  const prefix = path + Sidecar.compacting
  const names = beside.filter((name) => name.startsWith(prefix) && RANDOM.test(name.slice(prefix.length)))
  removeOwn(owner, names, (name) => (owner.storage.stat(name)?.sizeBytes ?? 0) <= BLOCK_BYTES)
}
