/**
 * Whether there is room for what is about to be written.
 */
import { ErrorCode, StorageError } from '../errors.js'
import type { Storage } from './storage.js'

/**
 * Refuses to begin what there is no room for beside `path`, where the storage can tell. `what` takes the bytes; by default the file
 * of that name.
 */
export function requireRoom(storage: Storage, path: string, bytes: number, what: string = path): void {
  const free = storage.freeBytes?.(path)
  if (free === undefined || free >= bytes) return
  throw new StorageError(
    `There is no room for ${what}: it takes about ${bytes} bytes, and ${free} are free. Free some, then try again, or choose another place.`,
    { code: ErrorCode.noSpace, path, expected: `${bytes} bytes`, actual: `${free} bytes` },
  )
}
