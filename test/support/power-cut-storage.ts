/**
 * A storage in memory that can lose power, for tests of what survives.
 *
 * The model
 * ---------
 * The storage has a live state, which reads and names show, and a disk. Every change goes to the live state at once
 * and into a log; the disk is worked out from the log when a test asks for it.
 *
 * Operations and boundaries. The log's entries are the operations: write, truncate, create, link, rename and remove
 * are changes; sync and syncDirectory make changes durable. An operation's index is its place in the log. A cut happens
 * at a boundary b, from 0 to `boundary`: operations 0 to b - 1 have happened, no other has.
 *
 * What is certain. A sync of a file covers the writes and truncations of that file that had completed when it began;
 * it is logged when it ends. So a cut before its end promises nothing of it, and writes made while it runs are left to
 * the next one. `syncDirectory` covers all earlier changes to names of that directory (a rename counts for the
 * directory that it moves to). A file's sync does not cover its name, nor does a name's sync cover the content.
 *
 * What is open. Of all other changes, any subset is on the disk; the survivors are applied in their order. So a later
 * write can be there without an earlier one (a gap reads as zeros), a truncation without the writes before it, a rename
 * without the creation that it follows. This is more than real file systems do, who keep most of these in order. Each
 * change is atomic but a write, of which any sectors may be there, or a part as a `Tear` says.
 *
 * Asynchronous operations. `writeAsync` changes the live state when it is called, and completes after a turn: a sync
 * that begins before then does not cover it. `syncAsync` begins when it is called and ends after a turn. What a turn is
 * is the option `asyncTurn`; by default one of the event loop.
 *
 * Failed syncs. `loseDirtyPages` on a file does what Linux does when write-back fails: no later sync covers what was
 * written before, though it reports success; the bytes are still read from the cache (`cached`), or no longer
 * (`evicted`: zeros or old bytes are read, in a file as long as before). Under `cached` they are open for ever: some
 * may have reached the disk. Writing a range again makes it dirty again. `FaultyStorage` around this storage uses it.
 *
 * Ends. `imageAfter` gives the storage after a power cut and a restart: live state and disk are the same.
 * `killImage` gives the storage after the process was killed: the live state is as it was, and what was not synced
 * still is not, so that the power can be cut afterwards. Both are new storages that share nothing with this one, can
 * be written to, and can be cut again.
 */
import type { FileIdentity, OpenMode, Storage } from '../../src/storage/storage.js'
import { PowerCutFile, Recorder, type Beginning, type PowerCutOptions } from './power-cut-file.js'
import { cacheImage, cutImage, type Choice, type Disk } from './power-cut-image.js'
import { describeOperation, fatesAt, type LoggedOperation } from './power-cut-log.js'

export type { Choice, Tear } from './power-cut-image.js'
export type { LoggedOperation } from './power-cut-log.js'

export type { PowerCutFile, PowerCutOptions } from './power-cut-file.js'

const NO_FILES: Disk = { files: new Map(), names: new Map() }
const EMPTY: Beginning = { disk: NO_FILES, live: NO_FILES, log: [], tick: 0 }

/** Files in memory, with a disk behind them that power cuts show. */
export class PowerCutStorage implements Storage {
  readonly kind = 'power-cut'
  readonly #recorder: Recorder
  readonly #options: PowerCutOptions

  constructor(options: PowerCutOptions = {}, beginning: Beginning = EMPTY) {
    this.#options = options
    this.#recorder = new Recorder(options, beginning)
  }

  /** All operations so far. */
  get log(): readonly LoggedOperation[] {
    return this.#recorder.log
  }

  /** The boundary that is now: the number of operations so far. */
  get boundary(): number {
    return this.#recorder.log.length
  }

  /** What a restart finds after the power failed at `boundary`. */
  imageAfter(boundary: number, choice: Choice = 'none'): PowerCutStorage {
    const disk = cutImage(this.#recorder.disk, this.log, this.#check(boundary), choice)
    return new PowerCutStorage(this.#options, { disk, live: disk, log: [], tick: 0 })
  }

  /** What a new process finds after this one was killed at `boundary`. */
  killImage(boundary: number = this.boundary): PowerCutStorage {
    const { disk } = this.#recorder
    const tick = this.#recorder.nextTick()
    const live = cacheImage(disk, this.log, this.#check(boundary))
    // What was still being written has been handed to the kernel: for a later sync it is as good as complete.
    const log = this.log.slice(0, boundary).map((operation) => {
      if (operation.kind !== 'write') return operation
      return { ...operation, completedTick: operation.completedTick ?? tick }
    })
    return new PowerCutStorage(this.#options, { disk, live, log, tick })
  }

  /** Indexes of the operations that may or may not be on the disk after a cut at `boundary`. */
  openAt(boundary: number): number[] {
    const fates = fatesAt(this.log, this.#check(boundary))
    return [...fates.keys()].filter((index) => fates[index] === 'open')
  }

  /** The operations before `boundary`, one a line: for the message of a failing test. */
  describe(boundary: number = this.boundary): string {
    const fates = fatesAt(this.log, this.#check(boundary))
    const lines = this.log.slice(0, boundary).map((operation, index) => {
      const fate = fates[index]
      return `${index}: ${describeOperation(operation)}${fate === undefined ? '' : ` (${fate})`}`
    })
    return lines.join('\n')
  }

  open(path: string, mode: OpenMode): PowerCutFile {
    const file = this.#recorder.live.open(path, mode)
    const number = this.#recorder.numberOf(file.identity())
    if (mode === 'create') this.#recorder.log.push({ kind: 'create', path, file: number })
    return new PowerCutFile(file, number, this.#recorder)
  }

  stat(path: string): FileIdentity | undefined {
    return this.#recorder.live.stat(path)
  }

  resolve(path: string): string {
    return this.#recorder.live.resolve(path)
  }

  siblings(path: string): string[] {
    return this.#recorder.live.siblings(path)
  }

  rename(from: string, to: string): void {
    const { live, log } = this.#recorder
    const replaced = live.stat(to)
    live.rename(from, to)
    const moved = live.stat(to)
    if (moved === undefined || moved.id === replaced?.id) return
    log.push({ kind: 'rename', path: from, to, file: this.#recorder.numberOf(moved) })
  }

  link(from: string, to: string): void {
    const { live, log } = this.#recorder
    live.link(from, to)
    const linked = live.stat(to)
    if (linked !== undefined) log.push({ kind: 'link', path: to, file: this.#recorder.numberOf(linked) })
  }

  remove(path: string): void {
    const { live, log } = this.#recorder
    const removed = live.stat(path)
    live.remove(path)
    if (removed !== undefined) log.push({ kind: 'remove', path, file: this.#recorder.numberOf(removed) })
  }

  syncDirectory(path: string): void {
    this.#recorder.log.push({ kind: 'syncDirectory', path })
  }

  #check(boundary: number): number {
    if (Number.isInteger(boundary) && boundary >= 0 && boundary <= this.boundary) return boundary
    throw new RangeError(`A boundary is from 0 to ${this.boundary}, not ${boundary}.`)
  }
}
