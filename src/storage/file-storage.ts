/**
 * The `Storage` of the file system.
 *
 * Only regular files are opened: a pipe or a device under the name is refused at once instead of hanging or being
 * written to. A file is created exclusively, so that a symbolic link planted under the name is refused, not followed.
 */
import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { FileHandle, identityOf } from './file-handle.js'
import type { CreateOptions, FileIdentity, OpenMode, Storage, StorageFile } from './storage.js'
import { storageError, systemCode, type StorageFailure } from './storage-errors.js'

/** Some of these are absent on some systems, whatever the types say; absent is no flag. */
const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants
const O_NOFOLLOW: number = fs.constants.O_NOFOLLOW ?? 0
/** Makes opening a pipe that nobody writes return instead of wait; without effect on regular files. */
const O_NONBLOCK: number = fs.constants.O_NONBLOCK ?? 0

const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY | O_NONBLOCK,
  readWrite: O_RDWR | O_NONBLOCK,
  create: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
}

const PERMISSION_BITS = 0o777
const OWNER_ONLY = 0o600

/** What a system answers that cannot sync a directory, where none is needed or none can be had. */
const DIRECTORY_SYNC_UNSUPPORTED: ReadonlySet<string> =
  process.platform === 'win32' ? new Set(['EPERM', 'EISDIR', 'EACCES', 'EINVAL']) : new Set(['EINVAL'])

/** Files by their paths; relative ones are of the current directory. */
export const fileStorage: Required<Storage> = {
  kind: 'file',
  open,
  stat,
  resolve,
  siblings,
  rename(from, to) {
    attempt({ operation: 'rename', path: from, target: to }, () => fs.renameSync(from, to))
  },
  link(from, to) {
    attempt({ operation: 'link', path: from, target: to }, () => fs.linkSync(from, to))
  },
  remove,
  syncDirectory,
  freeBytes,
}

function open(path: string, mode: OpenMode, { like }: CreateOptions = {}): StorageFile {
  const operation = mode === 'create' ? 'create' : 'open'
  const bits = like === undefined ? undefined : permissionsOf(like)
  // Never wider than it shall be, not even for a moment.
  const data = openDescriptor(
    { operation, path },
    OPEN_FLAGS[mode],
    bits === undefined ? undefined : OWNER_ONLY,
  )
  try {
    if (mode === 'create' && bits !== undefined) attempt({ operation, path }, () => fs.fchmodSync(data, bits))
    const opened = statusOf({ operation, path }, data)
    if (!opened.isFile()) throw storageError({ operation, path, reason: 'it is not a regular file' })
    const backgroundSync = mode === 'read' ? undefined : openAgain(path, opened)
    return new FileHandle(path, { data, backgroundSync })
  } catch (error) {
    fs.closeSync(data)
    if (mode === 'create') remove(path)
    throw error
  }
}

function openDescriptor(failure: StorageFailure, flags: number, permissions?: number): number {
  try {
    return fs.openSync(failure.path, flags, permissions)
  } catch (cause) {
    throw storageError({ ...failure, cause })
  }
}

function statusOf(failure: StorageFailure, descriptor: number): fs.BigIntStats {
  try {
    return fs.fstatSync(descriptor, { bigint: true })
  } catch (cause) {
    throw storageError({ ...failure, cause })
  }
}

function stat(path: string): FileIdentity | undefined {
  try {
    const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false })
    return stats === undefined ? undefined : identityOf(stats)
  } catch (cause) {
    throw storageError({ operation: 'inspect', path, cause })
  }
}

function resolve(path: string): string {
  try {
    return fs.realpathSync.native(path)
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw storageError({ operation: 'resolve', path, cause })
  }
  const directory = dirname(path)
  const resolved = attempt({ operation: 'resolve', path: directory }, () => fs.realpathSync.native(directory))
  return join(resolved, basename(path))
}

function siblings(path: string): string[] {
  // A letter more, so that a path that ends in a separator has an empty base name instead of its directory's.
  const base = basename(`${path}x`).slice(0, -1)
  const prefix = path.slice(0, path.length - base.length)
  const found: string[] = []
  for (const name of namesBeside(path)) if (name.startsWith(base)) found.push(prefix + name)
  return found.toSorted()
}

function namesBeside(path: string): string[] {
  try {
    return fs.readdirSync(dirname(`${path}x`))
  } catch (cause) {
    throw storageError({ operation: 'list', path, cause })
  }
}

function remove(path: string): void {
  try {
    fs.unlinkSync(path)
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw storageError({ operation: 'remove', path, cause })
  }
}

function syncDirectory(path: string): void {
  try {
    const descriptor = fs.openSync(dirname(path), O_RDONLY)
    try {
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
  } catch (cause) {
    if (DIRECTORY_SYNC_UNSUPPORTED.has(systemCode(cause) ?? '')) return
    throw storageError({ operation: 'syncDirectory', path, cause })
  }
}

/** What somebody without privileges may still take. Some file systems do not tell, or say zero of everything. */
function freeBytes(path: string): number | undefined {
  try {
    const { bavail, bsize, blocks } = fs.statfsSync(dirname(path))
    return blocks === 0 ? undefined : bavail * bsize
  } catch {
    return undefined
  }
}

/** The permission bits of a file; its owner may read and write in any case, as whoever creates a file like it must. */
function permissionsOf(path: string): number {
  const { mode } = attempt({ operation: 'inspect', path }, () => fs.statSync(path))
  return (mode & PERMISSION_BITS) | OWNER_ONLY
}

/** A second open file description of the file that `path` named a moment ago. */
function openAgain(path: string, opened: fs.BigIntStats): number {
  const descriptor = openDescriptor({ operation: 'open', path }, OPEN_FLAGS.readWrite)
  const again = fs.fstatSync(descriptor, { bigint: true })
  if (again.dev === opened.dev && again.ino === opened.ino) return descriptor
  fs.closeSync(descriptor)
  throw storageError({
    operation: 'open',
    path,
    reason: 'another file took its name meanwhile. Open it again',
  })
}

function attempt<T>(failure: StorageFailure, call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw storageError({ ...failure, cause })
  }
}
