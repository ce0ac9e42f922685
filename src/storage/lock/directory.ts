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
import { constants, type Stats } from 'node:fs'
import { join } from 'node:path'
import { StorageError } from '../../errors.js'
import { storageError, systemCode, type StorageOperation } from '../storage-errors.js'
import type { LockFiles } from './files.js'
import { MAX_RECORD_BYTES, isTemporaryName } from './record.js'

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

export class LockDirectory {
  readonly path: string
  readonly #files: LockFiles

  constructor(path: string, files: LockFiles) {
    this.path = path
    this.#files = files
  }

  /** Whether it is there. Refuses anything else under its name, such as a link that leads elsewhere. */
  check(): boolean {
    const stat = this.#stat(this.path)
    if (stat === undefined) return false
    if (stat.isDirectory()) return true
    const what = stat.isSymbolicLink() ? 'a symbolic link' : 'not a directory'
    throw new StorageError(
      `${this.path} is ${what}, and Varve keeps its locks in a directory of that name. ` +
        'Find out what put it there, then move it away.',
      { path: this.path, expected: 'a directory', actual: what },
    )
  }

  /** Makes the directory if it is absent. */
  make(): void {
    this.#attempt('create', this.path, () => this.#files.mkdirSync(this.path), 'EEXIST')
    this.check()
  }

  /** The names of all files; none if the directory is absent. */
  names(): string[] {
    return this.#attempt('list', this.path, () => this.#files.readdirSync(this.path), 'ENOENT') ?? []
  }

  /** Reads a record; undefined if it is gone. */
  read(name: string): RecordText | undefined {
    const path = join(this.path, name)
    const stat = this.#stat(path)
    if (stat === undefined) return undefined
    try {
      return { text: this.#readText(path), modifiedAt: stat.mtime }
    } catch (cause) {
      const code = systemCode(cause)
      if (code === 'ENOENT') return undefined
      if (UNREADABLE.has(code ?? '')) return { text: undefined, modifiedAt: stat.mtime }
      throw storageError({ operation: 'read', path, cause })
    }
  }

  /** Undefined where there is nothing: the usual case, for which making an error takes longer than the call. */
  #stat(path: string): Stats | undefined {
    return this.#attempt(
      'inspect',
      path,
      () => this.#files.lstatSync(path, { throwIfNoEntry: false }),
      'ENOENT',
    )
  }

  #readText(path: string): string {
    const descriptor = this.#files.openSync(path, READ_FLAGS)
    try {
      const bytes = new Uint8Array(MAX_RECORD_BYTES)
      const length = this.#files.readSync(descriptor, bytes, 0, bytes.length, 0)
      return new TextDecoder().decode(bytes.subarray(0, length))
    } finally {
      this.#files.closeSync(descriptor)
    }
  }

  /** Creates a file that must not exist and opens it; undefined if the directory is gone. */
  create(name: string): number | undefined {
    const path = join(this.path, name)
    return this.#attempt('create', path, () => this.#files.openSync(path, 'wx+'), 'ENOENT')
  }

  /** Renames a file; false if it is gone, or the directory is. */
  rename(from: string, to: string): boolean {
    const path = join(this.path, from)
    const rename = (): true => {
      this.#files.renameSync(path, join(this.path, to))
      return true
    }
    return this.#attempt('rename', path, rename, 'ENOENT') ?? false
  }

  /** Removes a file. Absent is not an error. */
  remove(name: string): void {
    const path = join(this.path, name)
    this.#attempt('remove', path, () => this.#files.unlinkSync(path), 'ENOENT')
  }

  /** Removes a temporary record that its maker has left behind. Failing is no matter: it holds nobody up. */
  removeTemporary(name: string, ownerIsDead: boolean, now: number): void {
    if (!isTemporaryName(name)) return
    try {
      const path = join(this.path, name)
      const old = now - this.#files.lstatSync(path).mtimeMs > TEMPORARY_LIFETIME_MS
      if (ownerIsDead || old) this.#files.unlinkSync(path)
    } catch {
      // Gone already, or not ours to remove.
    }
  }

  /** Removes the directory if nothing is in it. Never throws. */
  removeIfEmpty(): void {
    try {
      this.#files.rmdirSync(this.path)
    } catch {
      // Others are using it, or it is gone.
    }
  }

  /** Whether a descriptor of this process is the file under that name. */
  isOpenAs(descriptor: number, name: string): boolean {
    try {
      const open = this.#files.fstatSync(descriptor, { bigint: true })
      const named = this.#files.lstatSync(join(this.path, name), { bigint: true })
      return open.ino === named.ino && open.dev === named.dev
    } catch {
      return false
    }
  }

  /** Runs one call; a failure with the code `expected` is undefined, any other a `StorageError`. */
  #attempt<T>(operation: StorageOperation, path: string, call: () => T, expected: string): T | undefined {
    try {
      return call()
    } catch (cause) {
      if (systemCode(cause) === expected) return undefined
      throw storageError({ operation, path, cause })
    }
  }
}
