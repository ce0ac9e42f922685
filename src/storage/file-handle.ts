/**
 * An open file of the file system: the only place that reads, writes and syncs file descriptors.
 *
 * May assume that the descriptors it is given are of one regular file and belong to it alone.
 * Guarantees that a descriptor is not closed, and so its number not reused by another file, while an asynchronous
 * operation on it runs; and that a sync that failed fails for ever on this handle.
 */
import fs from 'node:fs'
import type { FileIdentity, StorageFile } from './storage.js'
import {
  checkPosition,
  closedError,
  readOnlyError,
  storageError,
  type StorageOperation,
} from './storage-errors.js'

/** The most that one system call is asked for, in bytes: Node refuses lengths past 2^31 - 1. */
const MAX_CALL_BYTES = 2 ** 30

/** What {@link FileHandle} works on. */
export interface FileDescriptors {
  /** For everything but asynchronous syncs. */
  readonly data: number
  /**
   * For asynchronous syncs: a second open file description of the same file; undefined if the file is read-only.
   * Linux reports a failed write-back once per open file description, to the first sync of it that asks. Were a
   * synchronous and an asynchronous sync that run at once to share one, either could take the other's failure, which
   * would then acknowledge lost bytes. It must have been opened before the first write: a description opened later
   * is not told of failures that another one has already been told of.
   */
  readonly backgroundSync: number | undefined
}

/**
 * Closes what nobody can close any more. A file that another one replaced is held by whoever still reads it, and nobody knows who is the
 * last; until its descriptors are closed, its space on the disk is not free.
 */
const abandoned = new FinalizationRegistry<FileDescriptors>(({ data, backgroundSync }) => {
  for (const descriptor of [data, backgroundSync])
    if (descriptor !== undefined) fs.close(descriptor, () => undefined)
})

export class FileHandle implements StorageFile {
  path: string
  readonly #data: number
  readonly #backgroundSync: number | undefined
  #closed = false
  /** Asynchronous operations that may still use a descriptor. */
  #inFlight = 0
  /** The first failed sync. Afterwards the kernel holds lost pages to be clean, and a retry would "succeed". */
  #syncFailure: { readonly error: unknown } | undefined
  /** Settles, never rejecting, after the last asynchronous sync asked for: they run one at a time. */
  #lastBackgroundSync: Promise<void> = Promise.resolve()

  constructor(path: string, descriptors: FileDescriptors) {
    this.path = path
    this.#data = descriptors.data
    this.#backgroundSync = descriptors.backgroundSync
    abandoned.register(this, descriptors, this)
  }

  size(): number {
    this.#requireOpen()
    try {
      return Number(fs.fstatSync(this.#data, { bigint: true }).size)
    } catch (cause) {
      throw this.#failure('inspect', cause)
    }
  }

  identity(): FileIdentity {
    this.#requireOpen()
    try {
      return identityOf(fs.fstatSync(this.#data, { bigint: true }))
    } catch (cause) {
      throw this.#failure('inspect', cause)
    }
  }

  read(target: Uint8Array, position: number): number {
    this.#requireOpen()
    checkPosition(position)
    let done = 0
    try {
      while (done < target.length) {
        const wanted = Math.min(target.length - done, MAX_CALL_BYTES)
        const count = fs.readSync(this.#data, target, done, wanted, position + done)
        if (count === 0) break
        done += count
      }
    } catch (cause) {
      throw this.#failure('read', cause, position + done)
    }
    return done
  }

  async readAsync(target: Uint8Array, position: number): Promise<number> {
    this.#requireOpen()
    checkPosition(position)
    return this.#whileInFlight(async () => {
      let done = 0
      while (done < target.length) {
        const count = await this.#readOnce(target, done, position + done)
        if (count === 0) break
        done += count
      }
      return done
    })
  }

  write(source: Uint8Array, position: number): number {
    this.#requireWritable()
    checkPosition(position)
    try {
      return fs.writeSync(this.#data, source, 0, Math.min(source.length, MAX_CALL_BYTES), position)
    } catch (cause) {
      throw this.#failure('write', cause, position)
    }
  }

  async writeAsync(source: Uint8Array, position: number): Promise<number> {
    this.#requireWritable()
    checkPosition(position)
    return this.#whileInFlight(
      () =>
        new Promise<number>((resolve, reject) => {
          const length = Math.min(source.length, MAX_CALL_BYTES)
          fs.write(this.#data, source, 0, length, position, (cause, count) => {
            if (cause === null) resolve(count)
            else reject(this.#failure('write', cause, position))
          })
        }),
    )
  }

  /**
   * `fdatasync` also makes the size durable, as far as reading the data back needs it. Where it is weaker or absent,
   * Node calls what is stronger: `F_FULLFSYNC` on macOS, `fsync` on other systems, `FlushFileBuffers` on Windows.
   */
  sync(): void {
    this.#requireWritable()
    this.#requireSyncsIntact()
    try {
      fs.fdatasyncSync(this.#data)
    } catch (cause) {
      throw this.#syncFailed(cause)
    }
  }

  async syncAsync(): Promise<void> {
    const descriptor = this.#requireWritable()
    // Each waits for the one before, since two on one description could take each other's failure. Its own sync
    // begins afterwards, and so covers all that was written before this call.
    const result = this.#whileInFlight(async () => {
      await this.#lastBackgroundSync
      this.#requireSyncsIntact()
      await this.#backgroundSyncOnce(descriptor)
    })
    this.#lastBackgroundSync = result.catch(() => undefined)
    return result
  }

  truncate(sizeBytes: number): void {
    this.#requireWritable()
    checkPosition(sizeBytes)
    try {
      fs.ftruncateSync(this.#data, sizeBytes)
    } catch (cause) {
      throw this.#failure('truncate', cause)
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#inFlight === 0) this.#closeDescriptors()
  }

  #readOnce(target: Uint8Array, from: number, position: number): Promise<number> {
    const wanted = Math.min(target.length - from, MAX_CALL_BYTES)
    return new Promise((resolve, reject) => {
      fs.read(this.#data, target, from, wanted, position, (cause, count) => {
        if (cause === null) resolve(count)
        else reject(this.#failure('read', cause, position))
      })
    })
  }

  #backgroundSyncOnce(descriptor: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(descriptor, (cause) => {
        if (cause === null) resolve()
        else reject(this.#syncFailed(cause))
      })
    })
  }

  async #whileInFlight<T>(operation: () => Promise<T>): Promise<T> {
    this.#inFlight++
    try {
      return await operation()
    } finally {
      this.#inFlight--
      if (this.#closed && this.#inFlight === 0) this.#closeAfterwards()
    }
  }

  /** The close that had to wait: nobody is there to hear that it failed, and what counts was synced or refused. */
  #closeAfterwards(): void {
    try {
      this.#closeDescriptors()
    } catch {
      // The descriptor is released all the same.
    }
  }

  #closeDescriptors(): void {
    abandoned.unregister(this)
    try {
      fs.closeSync(this.#data)
    } catch (cause) {
      throw this.#failure('close', cause)
    } finally {
      if (this.#backgroundSync !== undefined) fs.closeSync(this.#backgroundSync)
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw closedError(this.path)
  }

  /** The descriptor for asynchronous syncs, which exactly the writable handles have. */
  #requireWritable(): number {
    this.#requireOpen()
    if (this.#backgroundSync === undefined) throw readOnlyError(this.path)
    return this.#backgroundSync
  }

  #requireSyncsIntact(): void {
    if (this.#syncFailure !== undefined) throw this.#syncFailure.error
  }

  #syncFailed(cause: unknown): unknown {
    const error = this.#failure('sync', cause)
    this.#syncFailure ??= { error }
    return error
  }

  #failure(operation: StorageOperation, cause: unknown, offset?: number): Error {
    return storageError({ operation, path: this.path, offset, cause })
  }
}

/** Device and inode, which together name one physical file as long as it exists. */
export function identityOf(stats: fs.BigIntStats): FileIdentity {
  return { id: `${stats.dev}:${stats.ino}`, sizeBytes: Number(stats.size), links: Number(stats.nlink) }
}
