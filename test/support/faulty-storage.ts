/**
 * A storage that fails on purpose, around any other.
 *
 * The fault model
 * ---------------
 * Every call is counted by operation: `write` and `sync` count their asynchronous forms too; `open` counts every mode.
 * A plan names an operation (or `any`), optionally a path, and the Nth such call after the plan was made; that call, or
 * that one and the following, meet the plan's fault:
 *
 * - `error`: the call fails with this system code (`EIO`, `ENOSPC`, `EMFILE`, ...), as the file storage would report
 *   it. Nothing was done; with `applied`, it was done all the same and only the report is bad. A `close` that fails
 *   has closed. An asynchronous call rejects, and never throws.
 * - `short`: a write writes that many bytes and returns their number, without an error. With `nextError`, the next
 *   write to that file fails with that system code and writes nothing.
 * - `lose`: a sync fails with `EIO` and drops the dirty pages, so that the next sync succeeds without having written
 *   them. The storage within must know what is dirty: a `PowerCutStorage`.
 *
 * `spaceLeft` is a disk that fills up: files may grow by so many bytes in all, then writes are short and the next
 * fails with `ENOSPC`. Setting it again makes room. Cutting a file gives its bytes back, removing it does not.
 *
 * A fault never happens by chance, and a storage without plans behaves as the one within.
 */
import type { StorageError } from '../../src/errors.js'
import type {
  CreateOptions,
  FileIdentity,
  OpenMode,
  Storage,
  StorageFile,
} from '../../src/storage/storage.js'
import {
  errorOf,
  Faults,
  type Call,
  type FaultPlan,
  type FaultyOperation,
  type FiredFault,
} from './fault-plan.js'
import { PowerCutFile } from './power-cut-file.js'
import { PowerCutStorage } from './power-cut-storage.js'

export { FAULTY_OPERATIONS } from './fault-plan.js'
export type { Fault, FaultPlan, FaultyOperation, FiredFault } from './fault-plan.js'

type AsyncTurn = (operation: 'write' | 'sync', path: string) => Promise<void>

export interface FaultyOptions {
  /** Awaited by each `writeAsync` and `syncAsync` after the storage within has done it, or the fault has happened. */
  readonly asyncTurn?: AsyncTurn | undefined
}

export class FaultyStorage implements Storage {
  readonly kind: string
  readonly #inner: Storage
  readonly #faults: Faults = new Faults()
  readonly #asyncTurn: AsyncTurn

  constructor(inner: Storage, options: FaultyOptions = {}) {
    this.kind = `faulty ${inner.kind}`
    this.#inner = inner
    this.#asyncTurn = options.asyncTurn ?? (async () => undefined)
  }

  /** Makes calls fail. Several plans may be made; the first that matches a call decides. */
  plan(plan: FaultPlan): void {
    if ('lose' in plan.fault && !(this.#inner instanceof PowerCutStorage)) {
      throw new TypeError('Only a PowerCutStorage knows which pages are dirty: put one inside.')
    }
    this.#faults.plan(plan)
  }

  /** Forgets all plans and makes room: from now on nothing fails. */
  heal(): void {
    this.#faults.heal()
  }

  /** How many calls there were of each operation. */
  get calls(): Readonly<Record<FaultyOperation, number>> {
    return this.#faults.calls
  }

  /** How many calls there were in all: the last Nth of `any`. */
  get totalCalls(): number {
    return Object.values(this.#faults.calls).reduce((sum, each) => sum + each, 0)
  }

  /** The faults that happened, in order. A test that planned one should see it here. */
  get fired(): readonly FiredFault[] {
    return this.#faults.fired
  }

  /** Bytes by which files may still grow; undefined for no limit. */
  get spaceLeft(): number | undefined {
    return this.#faults.spaceLeft
  }

  set spaceLeft(bytes: number | undefined) {
    this.#faults.spaceLeft = bytes
  }

  open(path: string, mode: OpenMode, options?: CreateOptions): StorageFile {
    const call: Call = { operation: 'open', path, verb: mode === 'create' ? 'create' : 'open' }
    const open = (): FaultyFile =>
      new FaultyFile(this.#inner.open(path, mode, options), this.#faults, this.#asyncTurn)
    return this.#faults.run(call, open, (file) => file.abandon())
  }

  stat(path: string): FileIdentity | undefined {
    return this.#faults.run({ operation: 'stat', path, verb: 'inspect' }, () => this.#inner.stat(path))
  }

  resolve(path: string): string {
    return this.#faults.run({ operation: 'resolve', verb: 'resolve', path }, () => this.#inner.resolve(path))
  }

  siblings(path: string): string[] {
    return this.#faults.run({ operation: 'siblings', path, verb: 'list' }, () => this.#inner.siblings(path))
  }

  rename(from: string, to: string): void {
    this.#faults.run({ operation: 'rename', verb: 'rename', path: to }, () => this.#inner.rename(from, to))
  }

  link(from: string, to: string): void {
    this.#faults.run({ operation: 'link', verb: 'link', path: to }, () => this.#inner.link(from, to))
  }

  remove(path: string): void {
    this.#faults.run({ operation: 'remove', verb: 'remove', path }, () => this.#inner.remove(path))
  }

  syncDirectory(path: string): void {
    this.#faults.run({ operation: 'syncDirectory', verb: 'syncDirectory', path }, () =>
      this.#inner.syncDirectory(path),
    )
  }
}

class FaultyFile implements StorageFile {
  readonly #inner: StorageFile
  readonly #faults: Faults
  readonly #asyncTurn: AsyncTurn

  constructor(inner: StorageFile, faults: Faults, asyncTurn: AsyncTurn) {
    this.#inner = inner
    this.#faults = faults
    this.#asyncTurn = asyncTurn
  }

  get path(): string {
    return this.#inner.path
  }

  set path(path: string) {
    this.#inner.path = path
  }

  size(): number {
    return this.#faults.run(this.#call('size', 'inspect'), () => this.#inner.size())
  }

  identity(): FileIdentity {
    return this.#faults.run(this.#call('identity', 'inspect'), () => this.#inner.identity())
  }

  read(target: Uint8Array, position: number): number {
    const call = { ...this.#call('read', 'read'), offset: position }
    return this.#faults.run(call, () => this.#inner.read(target, position))
  }

  write(source: Uint8Array, position: number): number {
    const { bytes, errorAfterwards } = this.#faults.enterWrite(this.#inner, source, position)
    const written = this.#inner.write(bytes, position)
    if (errorAfterwards !== undefined) throw errorAfterwards
    return written
  }

  async writeAsync(source: Uint8Array, position: number): Promise<number> {
    try {
      const { bytes, errorAfterwards } = this.#faults.enterWrite(this.#inner, source, position)
      const written = await this.#inner.writeAsync(bytes, position)
      if (errorAfterwards !== undefined) throw errorAfterwards
      return written
    } finally {
      await this.#asyncTurn('write', this.path)
    }
  }

  sync(): void {
    const failure = this.#enterSync()
    if (failure === undefined || failure.applied) this.#inner.sync()
    if (failure !== undefined) throw failure.error
  }

  async syncAsync(): Promise<void> {
    try {
      const failure = this.#enterSync()
      if (failure === undefined || failure.applied) await this.#inner.syncAsync()
      if (failure !== undefined) throw failure.error
    } finally {
      await this.#asyncTurn('sync', this.path)
    }
  }

  truncate(sizeBytes: number): void {
    this.#faults.enterTruncate(this.#inner, sizeBytes, () => this.#inner.truncate(sizeBytes))
  }

  close(): void {
    const fault = this.#faults.enter(this.#call('close', 'close'))
    this.#inner.close()
    if (fault !== undefined && 'error' in fault) throw errorOf(this.#call('close', 'close'), fault.error)
  }

  /** Closes what nobody was given, without counting it. */
  abandon(): void {
    this.#inner.close()
  }
  #enterSync(): SyncFailure | undefined {
    const call = this.#call('sync', 'sync')
    const fault = this.#faults.enter(call)
    if (fault === undefined || 'short' in fault) return undefined
    if ('error' in fault) return { applied: fault.applied === true, error: errorOf(call, fault.error) }
    if (this.#inner instanceof PowerCutFile) this.#inner.loseDirtyPages(fault.lose)
    return { applied: false, error: errorOf(call, 'EIO') }
  }

  #call(operation: FaultyOperation, verb: Call['verb']): Call {
    return { operation, verb, path: this.path }
  }
}

interface SyncFailure {
  readonly applied: boolean
  readonly error: StorageError
}
