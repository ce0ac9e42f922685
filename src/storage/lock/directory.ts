/**
 * The lock directory of one database, `<database>.writer.lock/`, and the files in it.
 *
 *     w-<token>, r-<token>   records of writers and readers; complete when they appear
 *     t-<token>              a record being made
 *     gate                   the gate's own directory
 *
 * The directory comes with the first taker and goes when its last file does, so it may vanish before any call here;
 * it cannot while a file of the caller's is in it.
 */
import { type BigIntStats, constants } from 'node:fs'
import { sep } from 'node:path'
import { StorageError } from '../../errors.js'
import { storageError, systemCode, type StorageFailure } from '../storage-errors.js'
import type { LockFiles } from './files.js'
import { MAX_RECORD_BYTES, isTemporaryName } from './record.js'

/** The directory, which may be absent, and what to reach it by. */
export interface LockDirectory {
  readonly path: string
  readonly files: LockFiles
}

/** Content of a record file, and what to tell a change by. */
export interface RecordText {
  /** Undefined if it may not be read. */
  readonly text: string | undefined
  readonly modifiedAt: Date
}

/** A named pipe planted here must not block an open, nor a link lead elsewhere. Absent on Windows. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0)

/** Another user's record, or something planted under a record's name: it stands there, and cannot be read. */
const UNREADABLE: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ELOOP', 'EISDIR', 'ENXIO'])

/** A temporary record older than this is removed whatever it says: if its maker lives, it makes another. */
const TEMPORARY_LIFETIME_MS = 10_000

/** Whether it is there. Refuses anything else under its name, such as a link that leads elsewhere. */
export function isPresent(directory: LockDirectory): boolean {
  const { path } = directory
  const stat = statOf(path, directory)
  if (stat === undefined) return false
  if (stat.isDirectory()) return true
  const what = stat.isSymbolicLink() ? 'a symbolic link' : 'not a directory'
  throw new StorageError(
    `${path} is ${what}, and Varve keeps its locks in a directory of that name. ` +
      'Find out what put it there, then move it away.',
    { path, expected: 'a directory', actual: what },
  )
}

/** Makes the directory if it is absent. */
export function makeDirectory(directory: LockDirectory): void {
  const { path, files } = directory
  try {
    files.mkdirSync(path)
  } catch (cause) {
    expectOnly('EEXIST', { operation: 'create', path, cause })
  }
  isPresent(directory)
}

/** The names of all files; none if the directory is absent. */
export function namesIn({ path, files }: LockDirectory): string[] {
  try {
    return files.readdirSync(path)
  } catch (cause) {
    expectOnly('ENOENT', { operation: 'list', path, cause })
    return []
  }
}

/** Reads a record; undefined if it is gone. */
export function readFrom(directory: LockDirectory, name: string): RecordText | undefined {
  const path = pathIn(directory, name)
  const stat = statOf(path, directory)
  if (stat === undefined) return undefined
  try {
    return { text: readText(path, directory), modifiedAt: stat.mtime }
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT') return undefined
    if (UNREADABLE.has(code ?? '')) return { text: undefined, modifiedAt: stat.mtime }
    throw storageError({ operation: 'read', path, cause })
  }
}

/** Undefined where there is nothing: the usual case, for which making an error takes longer than the call. */
function statOf(path: string, { files }: LockDirectory): BigIntStats | undefined {
  try {
    return files.lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (cause) {
    expectOnly('ENOENT', { operation: 'inspect', path, cause })
    return undefined
  }
}

function readText(path: string, { files }: LockDirectory): string {
  const descriptor = files.openSync(path, READ_FLAGS)
  try {
    const bytes = new Uint8Array(MAX_RECORD_BYTES)
    const length = files.readSync(descriptor, bytes, 0, bytes.length, 0)
    return new TextDecoder().decode(bytes.subarray(0, length))
  } finally {
    files.closeSync(descriptor)
  }
}

/** Creates a file that must not exist and opens it; undefined if the directory is gone. */
export function createIn(directory: LockDirectory, name: string): number | undefined {
  const path = pathIn(directory, name)
  try {
    return directory.files.openSync(path, 'wx+')
  } catch (cause) {
    expectOnly('ENOENT', { operation: 'create', path, cause })
    return undefined
  }
}

/** Renames a file; false if it is gone, or the directory is. */
export function renameIn(directory: LockDirectory, from: string, to: string): boolean {
  const path = pathIn(directory, from)
  try {
    directory.files.renameSync(path, pathIn(directory, to))
    return true
  } catch (cause) {
    expectOnly('ENOENT', { operation: 'rename', path, cause })
    return false
  }
}

/** Removes a file. Absent is not an error. */
export function removeFrom(directory: LockDirectory, name: string): void {
  const path = pathIn(directory, name)
  try {
    directory.files.unlinkSync(path)
  } catch (cause) {
    expectOnly('ENOENT', { operation: 'remove', path, cause })
  }
}

/** Removes a temporary record that its maker has left behind. Failing is no matter: it holds nobody up. */
export function removeTemporary(
  directory: LockDirectory,
  name: string,
  { ownerIsDead, now }: { readonly ownerIsDead: boolean; readonly now: number },
): void {
  if (!isTemporaryName(name)) return
  const { files } = directory
  try {
    const path = pathIn(directory, name)
    const old = now - files.lstatSync(path).mtimeMs > TEMPORARY_LIFETIME_MS
    if (ownerIsDead || old) files.unlinkSync(path)
  } catch {
    // Gone already, or not ours to remove.
  }
}

/** Removes the directory if nothing is in it. Never throws. */
export function removeIfEmpty({ path, files }: LockDirectory): void {
  try {
    files.rmdirSync(path)
  } catch {
    // Others are using it, or it is gone.
  }
}

/** Whether a descriptor of this process is the file under that name. */
export function isOpenAs(directory: LockDirectory, descriptor: number, name: string): boolean {
  const { files } = directory
  try {
    const open = files.fstatSync(descriptor, { bigint: true })
    const named = files.lstatSync(pathIn(directory, name), { bigint: true })
    return open.ino === named.ino && open.dev === named.dev
  } catch {
    return false
  }
}

function pathIn({ path }: LockDirectory, name: string): string {
  return path + sep + name
}

/** Throws for a failure, unless the system gave it this code. */
function expectOnly(code: string, failure: StorageFailure): void {
  if (systemCode(failure.cause) !== code) throw storageError(failure)
}
