/**
 * What the core needs of the world besides storage: checksum, clock, randomness, timers, locks, and a way to know
 * which transaction the running code belongs to. Injected, so that tests own time and chance and the core runs
 * anywhere.
 */
import type { Checksum } from '../format/checksum.js'
import type { RowTools } from '../format/flat-reader.js'
import type { LockHolder } from '../errors.js'
import type { Storage } from './storage.js'

/** A held lock on one database. */
export interface HeldLock {
  /** Releases it. Idempotent, and never throws: a lock that cannot be released is seen as dead once its owner is. */
  release(): void
}

/** What a lock request says. */
export interface LockRequest {
  readonly kind: 'writer' | 'reader'
  /** How long to wait for other holders, in milliseconds; 0 fails at once. */
  readonly waitMs: number
  readonly signal?: AbortSignal | undefined
}

/** Takes locks for databases in one kind of storage. Failing to get one is a `LockedError` naming the holder. */
export interface LockManager {
  /** Takes the lock for the database at `path` (already resolved), waiting without blocking the event loop. */
  acquire(path: string, request: LockRequest): Promise<HeldLock>
  /** As `acquire`; waits by blocking the thread. */
  acquireSync(path: string, request: LockRequest): HeldLock
  /** The live holders now. */
  holders(path: string): LockHolder[]
}

/** A cancellable timer. */
export interface Timer {
  cancel(): void
}

/** Remembers a value along the asynchronous calls that a function starts (`AsyncLocalStorage`). */
export interface AsyncContext {
  run<T>(value: object, fn: () => T): T
  current(): object | undefined
}

export interface Platform {
  readonly checksum: Checksum
  /** Where the checksum comes from: `native`, or `typescript` with the reason in `checksumFallbackReason`. */
  readonly checksumSource: 'native' | 'typescript'
  readonly checksumFallbackReason?: string | undefined
  /** What makes reading of many rows faster; absent where there is no such thing. */
  readonly rowTools?: RowTools | undefined
  /** Milliseconds since 1970, as `Date.now`. */
  now(): number
  /** Fills with unpredictable bytes. */
  randomBytes(length: number): Uint8Array
  /** Resolves after the event loop had a turn. */
  yield(): Promise<void>
  /** Calls `fn` after `ms` milliseconds; never keeps the process alive. */
  setTimer(fn: () => void, ms: number): Timer
  /** Keeps the process alive until it is cancelled; absent where nothing ends by itself. */
  stayAlive?(): Timer
  /** Milliseconds of a clock that never goes back, for budgets. */
  monotonicMs(): number
  /** The storage that a plain path means; undefined where there is none. */
  readonly storage?: Storage | undefined
  /** Locks for that storage; undefined where none are needed (memory) or possible. */
  readonly locks?: LockManager | undefined
  /** Whether an error of `locks` means that no lock can be registered there at all (a read-only directory). */
  cannotRegisterLock?(error: unknown): boolean
  readonly asyncContext?: AsyncContext | undefined
  /** What kind of shared file system a path lies on, such as `NFS`; undefined for a local one, or where it cannot be told. */
  sharedFileSystem?(path: string): string | undefined
  /** Tells the operator something that is no error. */
  warn?(message: string): void
  /** Bytes of index nodes that a checkpoint writes between two turns; where absent, the engine decides. */
  readonly checkpointSliceBytes?: number | undefined
  /** The path that a file URL means; absent where paths are no files. */
  pathOf?(url: URL): string
}
