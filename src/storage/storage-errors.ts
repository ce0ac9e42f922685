/**
 * The errors of every `Storage`, so that all of them refuse the same things in the same words, and the checks that
 * come before any I/O.
 *
 * Imports nothing of the platform: a system's failure is known here only by its `code`, such as `ENOSPC`.
 */
import { ArgumentError, ErrorCode, StateError, StorageError } from '../errors.js'

/** What a storage was doing when it failed: the verb of the message. */
export type StorageOperation =
  | 'open'
  | 'create'
  | 'inspect'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'close'
  | 'resolve'
  | 'list'
  | 'rename'
  | 'link'
  | 'remove'
  | 'syncDirectory'

/** Where and why an operation failed. */
export interface StorageFailure {
  readonly operation: StorageOperation
  readonly path: string
  /** The second name, of a rename or link. */
  readonly target?: string | undefined
  /** Byte offset in `path`, of a read or write. */
  readonly offset?: number | undefined
  /** Why, where no system said it: a clause, and what to do. */
  readonly reason?: string | undefined
  readonly cause?: unknown
}

const VERBS: Readonly<Record<StorageOperation, string>> = {
  open: 'open',
  create: 'create',
  inspect: 'look at',
  read: 'read',
  write: 'write to',
  sync: 'make durable what was written to',
  truncate: 'change the size of',
  close: 'close',
  resolve: 'resolve the name',
  list: 'list the files beside',
  rename: 'rename',
  link: 'link',
  remove: 'remove',
  syncDirectory: 'make durable the directory of',
}

const CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ['ENOSPC', ErrorCode.noSpace],
  ['EDQUOT', ErrorCode.noSpace],
  ['EFBIG', ErrorCode.noSpace],
  ['ENOENT', ErrorCode.notFound],
  ['EEXIST', ErrorCode.exists],
])

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'no space is left. Free some, then try again'],
  ['EDQUOT', 'the quota is used up. Free some space or raise it, then try again'],
  ['EFBIG', 'the file would pass the largest size allowed here. Raise the limit, or use another file system'],
  ['ENOENT', 'it does not exist, or its directory does not. Check the path'],
  ['EEXIST', 'the name is taken. Choose another, or remove the file that has it'],
  ['EACCES', 'permission is denied. Check the owner and mode of the file and its directory'],
  ['EPERM', 'it is not permitted. Check the owner, mode and attributes of the file and its directory'],
  ['EROFS', 'the file system is read-only'],
  ['EMFILE', 'this process has too many open files. Close some, or raise its limit'],
  ['ENFILE', 'the system has too many open files. Close some, or raise its limit'],
  ['EIO', 'the device failed. Check it and the system log; back up what can be read'],
  ['ELOOP', 'its symbolic links form a loop, or there are too many'],
  ['ENOTDIR', 'a part of the path is not a directory'],
  ['EISDIR', 'it is a directory. Name a file'],
  ['ENAMETOOLONG', 'the name is too long'],
])

/** The `StorageError` for a failure that the system named by a code; other causes are told in their own words. */
export function storageError(failure: StorageFailure): StorageError {
  const { operation, path, target, offset, cause } = failure
  const system = systemCode(cause)
  const names = target === undefined ? path : `${path} to ${target}`
  const where = offset === undefined ? names : `${names} at offset ${offset}`
  const reason = failure.reason ?? REASONS.get(system ?? '') ?? messageOf(cause)
  const suffix = system === undefined ? '' : ` (${system})`
  return new StorageError(`Could not ${VERBS[operation]} ${where}: ${reason}${suffix}.`, {
    code: CODES.get(system ?? '') ?? ErrorCode.storage,
    path: target !== undefined && system === 'EEXIST' ? target : path,
    offset,
    cause,
  })
}

/** As {@link storageError}, for a storage that has no system under it and names the system's code itself. */
export function storageErrorOf(system: string, failure: Omit<StorageFailure, 'cause'>): StorageError {
  return storageError({ ...failure, cause: Object.assign(new Error(system), { code: system }) })
}

/** What every method of a closed file throws. */
export function closedError(path: string): StateError {
  return new StateError(ErrorCode.closed, `The file ${path} is closed. Open it again to use it.`, { path })
}

/** What changing a file opened for reading throws. */
export function readOnlyError(path: string): StateError {
  return new StateError(
    ErrorCode.readOnly,
    `The file ${path} was opened for reading. Open it with mode 'readWrite' to change it.`,
    { path },
  )
}

/** Refuses what is no byte position or size: a system call would take some of these for "wherever you are". */
export function checkPosition(position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return
  throw new ArgumentError(`A file position or size is an integer from 0 to 2^53 - 1, not ${position}.`)
}

/** The `code` that the system gave its error, such as `ENOSPC`. */
export function systemCode(cause: unknown): string | undefined {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined
  return typeof cause.code === 'string' ? cause.code : undefined
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'the storage gave no reason'
}
