/**
 * A `Storage` in memory: for `openInMemory`, for browsers, and for tests.
 *
 * Behaves as a POSIX file system does where the seam says nothing: an open handle keeps its file when the name is
 * renamed over or removed, and renaming a name to another of the same file changes nothing. The slash separates
 * directories, which need not be made. Everything is lost with the process, so a sync has nothing to do.
 */
import type { FileIdentity, OpenMode, Storage, StorageFile } from './storage.js'
import { MemoryBytes } from './memory-bytes.js'
import { checkPosition, closedError, readOnlyError, storageError, storageErrorOf } from './storage-errors.js'

/** One physical file: content, and how many names it has. */
interface PhysicalFile {
  readonly id: string
  readonly bytes: MemoryBytes
  links: number
}

/** Files held in memory, each as long as a name or an open handle refers to it. */
export class MemoryStorage implements Storage {
  /** Over all instances: two files of different storages are not the same file either. */
  static #filesCreated = 0

  readonly kind = 'memory'
  #names = new Map<string, PhysicalFile>()

  open(path: string, mode: OpenMode): StorageFile {
    const found = this.#names.get(path)
    if (mode !== 'create') {
      if (found === undefined) throw storageErrorOf('ENOENT', { operation: 'open', path })
      return new MemoryStorageFile(path, found, mode === 'readWrite')
    }
    if (found !== undefined) throw storageErrorOf('EEXIST', { operation: 'create', path })
    const created = { id: `memory:${++MemoryStorage.#filesCreated}`, bytes: new MemoryBytes(), links: 1 }
    this.#names.set(path, created)
    return new MemoryStorageFile(path, created, true)
  }

  stat(path: string): FileIdentity | undefined {
    const file = this.#names.get(path)
    return file === undefined ? undefined : identityOf(file)
  }

  resolve(path: string): string {
    return path
  }

  siblings(path: string): string[] {
    const isSibling = (name: string): boolean => name.startsWith(path) && !name.includes('/', path.length)
    return [...this.#names.keys()].filter(isSibling).toSorted()
  }

  rename(from: string, to: string): void {
    const file = this.#names.get(from)
    if (file === undefined) throw storageErrorOf('ENOENT', { operation: 'rename', path: from, target: to })
    const replaced = this.#names.get(to)
    if (replaced === file) return
    if (replaced !== undefined) replaced.links--
    this.#names.set(to, file)
    this.#names.delete(from)
  }

  link(from: string, to: string): void {
    const file = this.#names.get(from)
    if (file === undefined) throw storageErrorOf('ENOENT', { operation: 'link', path: from, target: to })
    if (this.#names.has(to)) throw storageErrorOf('EEXIST', { operation: 'link', path: from, target: to })
    this.#names.set(to, file)
    file.links++
  }

  remove(path: string): void {
    const file = this.#names.get(path)
    if (file === undefined) return
    file.links--
    this.#names.delete(path)
  }

  syncDirectory(_path: string): void {}
}

class MemoryStorageFile implements StorageFile {
  path: string
  readonly #file: PhysicalFile
  readonly #writable: boolean
  #closed = false

  constructor(path: string, file: PhysicalFile, writable: boolean) {
    this.path = path
    this.#file = file
    this.#writable = writable
  }

  size(): number {
    this.#requireOpen()
    return this.#file.bytes.size
  }

  identity(): FileIdentity {
    this.#requireOpen()
    return identityOf(this.#file)
  }

  read(target: Uint8Array, position: number): number {
    this.#requireOpen()
    checkPosition(position)
    return this.#file.bytes.read(target, position)
  }

  write(source: Uint8Array, position: number): number {
    this.#requireWritable()
    checkPosition(position)
    if (!Number.isSafeInteger(position + source.length)) {
      throw storageErrorOf('EFBIG', { operation: 'write', path: this.path, offset: position })
    }
    try {
      this.#file.bytes.write(source, position)
    } catch (cause) {
      throw storageError({ operation: 'write', path: this.path, offset: position, cause: outOfMemory(cause) })
    }
    return source.length
  }

  async writeAsync(source: Uint8Array, position: number): Promise<number> {
    return this.write(source, position)
  }

  sync(): void {
    this.#requireWritable()
  }

  async syncAsync(): Promise<void> {
    this.#requireWritable()
  }

  truncate(sizeBytes: number): void {
    this.#requireWritable()
    checkPosition(sizeBytes)
    this.#file.bytes.truncate(sizeBytes)
  }

  close(): void {
    this.#closed = true
  }

  #requireOpen(): void {
    if (this.#closed) throw closedError(this.path)
  }

  #requireWritable(): void {
    this.#requireOpen()
    if (!this.#writable) throw readOnlyError(this.path)
  }
}

function identityOf(file: PhysicalFile): FileIdentity {
  return { id: file.id, sizeBytes: file.bytes.size, links: file.links }
}

/** Memory that cannot be had is this storage's full disk. */
function outOfMemory(cause: unknown): unknown {
  return cause instanceof RangeError ? Object.assign(cause, { code: 'ENOSPC' }) : cause
}
