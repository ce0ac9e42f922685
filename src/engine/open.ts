/**
 * Opens a database: lock, file, recovery, writing session; and the way back when any of them fails.
 */
import { ArgumentError, ErrorCode, StorageError, VarveError } from '../errors.js'
import { DEFAULT_CACHE_BYTES, DEFAULT_MAX_TRANSACTION_BYTES } from '../format/limits.js'
import { checkPath, createDatabase, removeLeftovers } from '../log/log-file.js'
import { dropCompactions } from '../log/compaction-files.js'
import { dropReplaced, dropSecondNames } from '../log/replaced-files.js'
import type { RecoveryMode } from '../log/recovery-info.js'
import type { HeldLock, LockManager, LockRequest, Platform } from '../storage/platform.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { PAUSE, runAsync, runSync, type Task } from '../storage/task.js'
import {
  autoCompactPolicy,
  type AutoCompactOptions,
  type AutoCompactPolicy,
  compactAutomatically,
} from './auto-compact.js'
import type { Durability } from './batch.js'
import { bringUpToDate } from './bring-up-to-date.js'
import { Engine } from './engine.js'
import type { EngineParts } from './engine-parts.js'
import type { OpenedFile } from './generation.js'
import { Follower } from './follower.js'
import { type FollowOptions, pollBounds, type PollBounds } from './follow-options.js'
import { openToRead, openToWrite } from './open-file.js'
import { locksOf } from './local-locks.js'
import { RowCodecs } from './row-codecs.js'

/** How a database is opened. Public: see `Database.open`. */
export interface OpenOptions {
  /**
   * `readWrite` (default) takes the writer lock, `readOnly` a shared one and never changes a byte. `follow` takes none and never
   * changes a byte either: it reads beside a writer in any thread or process, and sees its commits as they come.
   */
  readonly mode?: 'readWrite' | 'readOnly' | 'follow' | undefined
  /** How a file is followed; for mode `follow`. */
  readonly follow?: FollowOptions | undefined
  /** Create the database if it does not exist. Default true for `readWrite`; ignored for the other modes. */
  readonly create?: boolean | undefined
  /**
   * What to do with a log that does not end cleanly: `autoTruncate` (default for `readWrite`) cuts and keeps aside what
   * is cut, `tornTail` cuts only what was never acknowledged as durable, `strict` (default for `readOnly`) refuses.
   * With `readOnly`, `autoTruncate` and `tornTail` read what stands before the break and cut nothing. Ignored for `follow`, where
   * what is not whole may be on its way.
   */
  readonly recovery?: RecoveryMode | undefined
  /**
   * When a write is acknowledged: `commit` (default) after a sync; `interval` and `os` after the write itself, where
   * `interval` syncs every `syncIntervalMs` and `os` leaves it to the operating system. An acknowledged write survives
   * a killed process in all of them, a power cut only with `commit` (or after `sync`).
   */
  readonly durability?: Durability | undefined
  /** Milliseconds between two syncs of durability `interval`. Default 100. */
  readonly syncIntervalMs?: number | undefined
  /** Most bytes that one transaction may hold in memory. Default 512 MiB. */
  readonly maxTransactionBytes?: number | undefined
  /**
   * Most memory that tree nodes and pages of the log may take together, in bytes. Default 64 MiB; 0 keeps nothing that can
   * be read again.
   */
  readonly cacheBytes?: number | undefined
  /**
   * Whether to compact by itself when there is enough to be gained: by default, with `true`, at least 1 MiB and half of the file. Never
   * after an open that cut something off. Default false.
   */
  readonly autoCompact?: boolean | AutoCompactOptions | undefined
  /** `waitMs`: how long to wait for other holders of the lock, in milliseconds. Default 0: fail at once. */
  readonly lock?: { readonly waitMs?: number | undefined } | undefined
  /** Where the file is; the file system by default. */
  readonly storage?: Storage | undefined
  /** Ends the waiting and reading of an asynchronous open. */
  readonly signal?: AbortSignal | undefined
}

const DEFAULT_SYNC_INTERVAL_MS = 100

const OPTIONS: Record<keyof OpenOptions, true> = {
  mode: true,
  follow: true,
  create: true,
  recovery: true,
  durability: true,
  syncIntervalMs: true,
  maxTransactionBytes: true,
  cacheBytes: true,
  autoCompact: true,
  lock: true,
  storage: true,
  signal: true,
}

/** Options with everything decided. */
interface Opening {
  readonly path: string
  readonly storage: Storage
  readonly platform: Platform
  readonly locks: LockManager
  readonly request: LockRequest
  readonly readOnly: boolean
  /** For mode `follow`. */
  readonly follow: PollBounds | undefined
  readonly ephemeral: boolean
  readonly create: boolean
  readonly recovery: RecoveryMode | undefined
  readonly durability: Durability
  readonly syncIntervalMs: number
  readonly maxTransactionBytes: number
  readonly cacheBytes: number
  readonly autoCompact: AutoCompactPolicy | undefined
}

export async function openEngine(path: string, options: OpenOptions, platform: Platform): Promise<Engine> {
  const opening = decide(path, options, platform)
  if (opening.follow !== undefined)
    return await runAsync(openToFollow(opening, opening.follow), platform, options.signal)
  let lock: HeldLock | undefined
  try {
    lock = await opening.locks.acquire(opening.path, opening.request)
  } catch (error) {
    passIfUnlockable(opening, error)
  }
  try {
    return await runAsync(openTask(opening, lock), platform, options.signal)
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** `ephemeral`: nobody will open the file again, so that no checkpoint is taken but by hand. */
export function openEngineSync(
  path: string,
  options: OpenOptions,
  platform: Platform,
  { ephemeral = false }: { readonly ephemeral?: boolean } = {},
): Engine {
  const opening = { ...decide(path, options, platform), ephemeral }
  if (opening.follow !== undefined) return runSync(openToFollow(opening, opening.follow))
  let lock: HeldLock | undefined
  try {
    lock = opening.locks.acquireSync(opening.path, opening.request)
  } catch (error) {
    passIfUnlockable(opening, error)
  }
  try {
    return runSync(openTask(opening, lock))
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** Opens for reading without a lock, frozen at the last commit in the chain. */
export async function openFrozenEngine(path: string, platform: Platform): Promise<Engine> {
  const opening = decide(path, { mode: 'readOnly' }, platform)
  return await runAsync(openTask(opening, undefined), platform)
}

/** A reader in a directory that it cannot write goes on without a lock, frozen at the commit it finds. */
function passIfUnlockable(opening: Opening, error: unknown): void {
  const { readOnly, platform, path, storage } = opening
  if (readOnly && platform.cannotRegisterLock?.(error) === true && storage.stat(path) !== undefined) return
  throw error
}

function decide(path: string, options: OpenOptions, platform: Platform): Opening {
  checkPath(path)
  checkNames(options)
  const storage = options.storage ?? platform.storage
  if (storage === undefined) {
    throw new ArgumentError(
      'This entry of Varve has no file system: pass a storage, or use Database.openInMemory().',
    )
  }
  checkChoice('mode', options.mode, ['readWrite', 'readOnly', 'follow'])
  const follow = options.mode === 'follow' ? pollBounds(options.follow) : undefined
  const readOnly = options.mode === 'readOnly' || follow !== undefined
  checkChoice('recovery', options.recovery, ['strict', 'autoTruncate', 'tornTail'])
  checkChoice('durability', options.durability, ['commit', 'interval', 'os'])
  const waitMs = checkNumber('lock.waitMs', options.lock?.waitMs, 0)
  const request: LockRequest = { kind: readOnly ? 'reader' : 'writer', waitMs, signal: options.signal }
  const resolved = storage.resolve(path)
  if (!readOnly && options.create === false && storage.stat(resolved) === undefined) throw missing(resolved)
  if (readOnly && storage.stat(resolved) === undefined) throw missing(resolved)
  return {
    path: resolved,
    storage,
    platform,
    locks: locksOf(storage, platform),
    request,
    readOnly,
    follow,
    ephemeral: false,
    create: options.create ?? true,
    recovery: follow === undefined ? options.recovery : undefined,
    durability: options.durability ?? 'commit',
    syncIntervalMs: checkNumber('syncIntervalMs', options.syncIntervalMs, DEFAULT_SYNC_INTERVAL_MS),
    maxTransactionBytes: checkNumber(
      'maxTransactionBytes',
      options.maxTransactionBytes,
      DEFAULT_MAX_TRANSACTION_BYTES,
    ),
    cacheBytes: checkFinite('cacheBytes', options.cacheBytes, DEFAULT_CACHE_BYTES),
    autoCompact: autoCompactPolicy(options.autoCompact),
  }
}

/** Locks between hosts rest on more than a shared file system keeps. */
function warnOfSharing({ storage, platform, path }: Opening): void {
  const kind = storage === platform.storage ? platform.sharedFileSystem?.(path) : undefined
  if (kind === undefined) return
  platform.warn?.(
    `${path} lies on a shared file system (${kind}). Varve supports these for a single host only: never open it from another host at the same time.`,
  )
}

function* openTask(opening: Opening, lock: HeldLock | undefined): Task<Engine> {
  warnOfSharing(opening)
  return opening.readOnly ? yield* openForReading(opening, lock) : yield* openForWriting(opening, lock)
}

function* openForReading(opening: Opening, lock: HeldLock | undefined): Task<Engine> {
  const { storage, path } = opening
  const file = storage.open(path, 'read')
  try {
    const codecs = new RowCodecs(opening.platform.rowTools)
    // Without a lock there may be a writer beside it, whose incomplete tail is no finding.
    const mode = opening.recovery ?? (lock === undefined ? 'tornTail' : 'strict')
    const opened = yield* openToRead({ ...opening, codecs, defers: opening.follow === undefined }, file, mode)
    return newEngine(opening, { ...opened, codecs, lock })
  } catch (error) {
    file.close()
    throw error
  }
}

/** What looks like damage may be a cut that the writer is making at this moment. */
const FOLLOW_TRIES = 5

function* openToFollow(opening: Opening, bounds: PollBounds): Task<Engine> {
  warnOfSharing(opening)
  for (let tries = 1; ; tries++) {
    try {
      const engine = yield* openForReading(opening, undefined)
      engine.follower = new Follower(engine, bounds)
      return engine
    } catch (error) {
      if (tries === FOLLOW_TRIES || !VarveError.is(error, ErrorCode.corruption)) throw error
    }
    yield PAUSE
  }
}

function* openForWriting(opening: Opening, lock: HeldLock | undefined): Task<Engine> {
  const { storage, path, platform } = opening
  // Under the lock nobody else makes any of these.
  const beside = storage.siblings(path)
  yield* createIfAbsent(opening, beside)
  const file = storage.open(path, 'readWrite')
  try {
    refuseHardLinks(file)
    const codecs = new RowCodecs(opening.platform.rowTools)
    const mode = opening.recovery ?? 'autoTruncate'
    // Whoever gave the file its name (a creation, a compaction, a restore) may have stopped before the name was durable.
    const recovered = (): void => storage.syncDirectory(path)
    const opened = yield* openToWrite({ ...opening, codecs, defers: true }, file, mode, recovered)
    const { info, header } = opened.log
    if (info.classification === 'clean') {
      const owner = { storage, databaseId: header.databaseId, checksum: platform.checksum }
      dropReplaced(path, beside, owner)
      dropCompactions(path, beside, owner)
    }
    const engine = newEngine(opening, { ...opened, codecs, lock })
    if (opening.autoCompact !== undefined) compactAutomatically(engine, opening.autoCompact)
    return engine
  } catch (error) {
    file.close()
    throw error
  }
}

function* createIfAbsent(opening: Opening, beside: readonly string[]): Task<void> {
  const { storage, path, platform, create } = opening
  removeLeftovers(storage, path, beside)
  dropSecondNames(storage, path, beside)
  const present = storage.stat(path)
  if (present !== undefined && present.sizeBytes > 0) return
  if (!create && present === undefined) throw missing(path)
  try {
    yield* createDatabase(storage, path, platform)
  } catch (error) {
    // Somebody put a file there meanwhile (a restore, a copy): theirs is opened.
    if (!(error instanceof StorageError) || error.code !== ErrorCode.exists) throw error
  }
}

function newEngine(
  opening: Opening,
  { codecs, lock, ...opened }: OpenedFile & Pick<EngineParts, 'codecs' | 'lock'>,
): Engine {
  const { path, storage, platform, durability, syncIntervalMs, maxTransactionBytes, cacheBytes } = opening
  const { log } = opened
  const parts: EngineParts = {
    path,
    storage,
    platform,
    info: log.info,
    ephemeral: opening.ephemeral,
    codecs,
    lock,
    highestSequence: log.highestSequence,
    durability,
    syncIntervalMs,
    maxTransactionBytes,
    cacheBytes,
  }
  const engine = new Engine(parts, opened)
  bringUpToDate(engine)
  return engine
}

function missing(path: string): StorageError {
  return new StorageError(`There is no database at ${path}.`, { code: ErrorCode.notFound, path })
}

/** The lock stands beside one name: under another name of the same file, a second writer would not see it. */
function refuseHardLinks(file: StorageFile): void {
  const { links } = file.identity()
  if (links <= 1) return
  throw new StorageError(
    `${file.path} has ${links} hard links. A lock beside one name does not protect the others: remove the other names, or copy the file.`,
    { path: file.path, actual: `${links} links` },
  )
}

/** A misspelt `durability` would silently promise something else. */
function checkNames(options: OpenOptions): void {
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(OPTIONS, name))
  if (unknown.length === 0) return
  throw new ArgumentError(
    `There is no option ${unknown.join(', ')}. Known are ${Object.keys(OPTIONS).join(', ')}.`,
  )
}

function checkChoice(name: string, value: unknown, known: readonly string[]): void {
  if (value === undefined || (typeof value === 'string' && known.includes(value))) return
  throw new ArgumentError(
    `The option ${name} must be one of ${known.map((one) => `'${one}'`).join(', ')}, not ${JSON.stringify(value)}.`,
  )
}

function checkNumber(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (typeof value === 'number' && value >= 0) return value
  throw new ArgumentError(`The option ${name} must be a number of at least 0, not ${JSON.stringify(value)}.`)
}

/** What is shared out must be a number that has parts. */
function checkFinite(name: string, value: number | undefined, fallback: number): number {
  const checked = checkNumber(name, value, fallback)
  if (checked !== Number.POSITIVE_INFINITY) return checked
  throw new ArgumentError(`The option ${name} must be a finite number of at least 0.`)
}
