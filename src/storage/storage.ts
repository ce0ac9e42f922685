/**
 * The seam between Varve and whatever keeps its bytes: a file system, memory, or anything a caller brings.
 *
 * A `Storage` is a flat space of named files; a `StorageFile` is one open file. Reads, writes and syncs come in a
 * synchronous form, because reads of the database are synchronous, and in an asynchronous one that must not block the
 * event loop. An implementation reports failures as `StorageError` and never repairs, retries or hides them: a short
 * write is returned as its count, and a failed sync is final. One conformance suite runs against every implementation.
 */

/** How a file is opened. `create` fails with `VARVE_EXISTS` if the name is taken, the others with `VARVE_NOT_FOUND` if it is absent. */
export type OpenMode = 'read' | 'readWrite' | 'create'

/** How a file is created. */
export interface CreateOptions {
  /** A file whose permission bits the new one gets, whatever the umask; its owner can read and write it in any case. Without effect where files have none. */
  readonly like?: string | undefined
}

/** What tells one physical file from another under the same name. */
export interface FileIdentity {
  /** Equal for two handles exactly if they are the same physical file (device and inode, for a file system). */
  readonly id: string
  readonly sizeBytes: number
  /** Number of names the file has; more than one is refused by the lock. 1 where the notion does not exist. */
  readonly links: number
}

/** One open file. Positions and lengths are bytes; positions go up to 2^53 - 1. */
export interface StorageFile {
  /** The name it goes by: the one it was opened under, until whoever renamed the file says so here. */
  path: string
  /** Current size in bytes. */
  size(): number
  /** Identity and size of the open file itself, whatever its name now points to. */
  identity(): FileIdentity
  /**
   * Reads into `target` from `position`; returns how many bytes were there: fewer than asked only at the end of the
   * file. (An implementation loops over short reads itself.)
   */
  read(target: Uint8Array, position: number): number
  /** As `read`, without blocking the event loop. `target` must not be used until it settles. Where absent, `read` is used. */
  readAsync?(target: Uint8Array, position: number): Promise<number>
  /** Writes `source` at `position`, growing the file as needed; returns the bytes written, which may be fewer. */
  write(source: Uint8Array, position: number): number
  /** As `write`, without blocking the event loop. `source` must not change until it settles. */
  writeAsync(source: Uint8Array, position: number): Promise<number>
  /**
   * Makes everything written so far, and the size, durable. A throw or rejection is final, because pages may be lost: every
   * sync of this handle, in either form, that overlaps or follows the loss must fail too. The engine relies on it.
   */
  sync(): void
  /** As `sync`, without blocking the event loop. Reports its own failure even if a concurrent `sync` succeeded. */
  syncAsync(): Promise<void>
  /** Cuts or grows (with zeros) to `sizeBytes`. */
  truncate(sizeBytes: number): void
  /** Releases the handle. Idempotent. Every other method then throws `VARVE_CLOSED`. */
  close(): void
}

/** A space of named files. */
export interface Storage {
  /** For `stats()` and messages: `file`, `memory`, or the implementation's own word. */
  readonly kind: string
  open(path: string, mode: OpenMode, options?: CreateOptions): StorageFile
  /** What stands under the name now, or undefined. Follows symbolic links. */
  stat(path: string): FileIdentity | undefined
  /** The one name that all names of this file resolve to (symbolic links resolved); a name whose file is absent resolves its directory. */
  resolve(path: string): string
  /** Names (full paths) in the directory of `path` that begin with the base name of `path`, sorted. */
  siblings(path: string): string[]
  /** Atomically moves `from` over `to`, replacing it. Durable after `syncDirectory(to)`. */
  rename(from: string, to: string): void
  /** Gives the file a second name; fails with `VARVE_EXISTS` if `to` is taken. */
  link(from: string, to: string): void
  /** Removes a name. Absent is not an error. */
  remove(path: string): void
  /** Makes creations, renames and removals in the directory of `path` durable. */
  syncDirectory(path: string): void
  /** Bytes that files in the directory of `path` may still take; undefined, or absent, where nobody can tell. */
  freeBytes?(path: string): number | undefined
}
