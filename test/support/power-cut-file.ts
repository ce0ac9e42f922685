/**
 * An open file of a `PowerCutStorage`, and the record that all its files write. The model is told in
 * `power-cut-storage.ts`.
 */
import type { MemoryBytes } from '../../src/storage/memory-bytes.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import type { FileIdentity, StorageFile } from '../../src/storage/storage.js'
import { cacheImage, type Disk } from './power-cut-image.js'
import type { LoggedOperation, SyncOperation, WriteOperation } from './power-cut-log.js'

export interface PowerCutOptions {
  /** Awaited by each `writeAsync` and `syncAsync` between its begin and its end. Default: a turn of the event loop. */
  readonly asyncTurn?: ((operation: 'write' | 'sync', path: string) => Promise<void>) | undefined
}

/** A state to begin with. */
export interface Beginning {
  /** The disk before the first operation of the log. */
  readonly disk: Disk
  /** What reads and names show after the last operation of the log. */
  readonly live: Disk
  readonly log: readonly LoggedOperation[]
  readonly tick: number
}

/** What a storage and its open files share. */
export class Recorder {
  readonly live: MemoryStorage = new MemoryStorage()
  readonly disk: Disk
  readonly log: LoggedOperation[]
  readonly asyncTurn: NonNullable<PowerCutOptions['asyncTurn']>
  /** Numbers of physical files by their identity in the live storage. */
  readonly #numbers = new Map<string, number>()
  #lastNumber: number
  #tick: number

  constructor(options: PowerCutOptions, beginning: Beginning) {
    this.asyncTurn = options.asyncTurn ?? (() => new Promise((resolve) => setImmediate(resolve)))
    this.disk = beginning.disk
    this.log = [...beginning.log]
    this.#tick = beginning.tick
    const logged = beginning.log.map((operation) => ('file' in operation ? operation.file : 0))
    this.#lastNumber = Math.max(0, ...beginning.disk.files.keys(), ...logged)
    const firstNames = new Map<number, string>()
    for (const [name, number] of beginning.live.names) {
      const firstName = firstNames.get(number)
      if (firstName !== undefined) this.live.link(firstName, name)
      else this.#restore(name, number, beginning.live.files.get(number))
      firstNames.set(number, firstName ?? name)
    }
  }

  /** The tick that is now; the next one is later. */
  nextTick(): number {
    return ++this.#tick
  }

  /** The number of a live file; a new one if it is new. */
  numberOf(identity: FileIdentity): number {
    const number = this.#numbers.get(identity.id) ?? ++this.#lastNumber
    this.#numbers.set(identity.id, number)
    return number
  }

  #restore(name: string, number: number, bytes: MemoryBytes | undefined): void {
    const file = this.live.open(name, 'create')
    this.#numbers.set(file.identity().id, number)
    if (bytes !== undefined) replaceContent(file, bytes)
    file.close()
  }
}

export class PowerCutFile implements StorageFile {
  readonly #live: StorageFile
  readonly #number: number
  readonly #recorder: Recorder

  constructor(live: StorageFile, number: number, recorder: Recorder) {
    this.#live = live
    this.#number = number
    this.#recorder = recorder
  }

  get path(): string {
    return this.#live.path
  }

  set path(path: string) {
    this.#live.path = path
  }

  size(): number {
    return this.#live.size()
  }

  identity(): FileIdentity {
    return this.#live.identity()
  }

  read(target: Uint8Array, position: number): number {
    return this.#live.read(target, position)
  }

  write(source: Uint8Array, position: number): number {
    const written = this.#live.write(source, position)
    if (written > 0) this.#logWrite(source, position).completedTick = this.#recorder.nextTick()
    return written
  }

  async writeAsync(source: Uint8Array, position: number): Promise<number> {
    const written = this.#live.write(source, position)
    const operation = written > 0 ? this.#logWrite(source, position) : undefined
    await this.#recorder.asyncTurn('write', this.path)
    if (operation !== undefined) operation.completedTick = this.#recorder.nextTick()
    return written
  }

  sync(): void {
    this.#live.sync()
    this.#endSync(this.#beginSync())
  }

  async syncAsync(): Promise<void> {
    this.#live.sync()
    const begin = this.#beginSync()
    await this.#recorder.asyncTurn('sync', this.path)
    this.#endSync(begin)
  }

  truncate(sizeBytes: number): void {
    this.#live.truncate(sizeBytes)
    const { path } = this
    const completedTick = this.#recorder.nextTick()
    this.#recorder.log.push({ kind: 'truncate', path, file: this.#number, sizeBytes, completedTick })
  }

  close(): void {
    this.#live.close()
  }

  /** What a failed sync does to all that no sync covers yet. */
  loseDirtyPages(what: 'cached' | 'evicted'): void {
    const { disk, log } = this.#recorder
    log.push({ kind: 'lose', path: this.path, file: this.#number, evicted: what === 'evicted' })
    const bytes = cacheImage(disk, log, log.length).files.get(this.#number)
    if (what === 'evicted' && bytes !== undefined) replaceContent(this.#live, bytes)
  }

  #logWrite(source: Uint8Array, position: number): WriteOperation {
    const operation: WriteOperation = {
      kind: 'write',
      path: this.path,
      file: this.#number,
      position,
      bytes: source.slice(),
      completedTick: undefined,
    }
    this.#recorder.log.push(operation)
    return operation
  }

  #beginSync(): SyncBegin {
    return { beganAt: this.#recorder.log.length, beganTick: this.#recorder.nextTick() }
  }

  #endSync(begin: SyncBegin): void {
    this.#recorder.log.push({ kind: 'sync', path: this.path, file: this.#number, ...begin })
  }
}

type SyncBegin = Pick<SyncOperation, 'beganAt' | 'beganTick'>

/** The most that is copied at once, in bytes. */
const COPY_BYTES = 1024 * 1024

function replaceContent(file: StorageFile, bytes: MemoryBytes): void {
  file.truncate(0)
  for (let position = 0; position < bytes.size; position += COPY_BYTES) {
    const piece = new Uint8Array(Math.min(COPY_BYTES, bytes.size - position))
    bytes.read(piece, position)
    file.write(piece, position)
  }
}
