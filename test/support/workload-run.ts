/**
 * Runs a workload over a storage that can lose power, and remembers which states there were and what was acknowledged
 * when: what oracles A and B are asked with.
 *
 * Operations take effect in the order of their calls, so the model is moved along with the calls, and every operation
 * that makes a commit makes a state. An acknowledgement counts from the boundary at which the caller could know of it.
 */
import { expect } from 'vitest'
import type { Database } from '../../src/database.js'
import { ErrorCode, VarveError } from '../../src/errors.js'
import type { Snapshot } from '../../src/snapshot.js'
import type { Storage } from '../../src/storage/storage.js'
import { Model } from './model.js'
import { stateOf, textOf } from './model-text.js'
import { PowerCutStorage } from './power-cut-storage.js'
import type { Step, Workload } from './workload.js'
import {
  applyStep,
  isBlocking,
  isExclusive,
  isRefusal,
  perform,
  takesTurn,
  type WriteStep,
} from './workload-perform.js'
import { workloadPlatform, type WorkloadPlatform } from './workload-platform.js'

export const DATABASE_PATH = 'dir/db.varve'

/** From `boundary` on, state number `state` or a later one must be there. */
export interface Acknowledgement {
  readonly boundary: number
  readonly state: number
}

export interface WorkloadRun {
  readonly workload: Workload
  readonly storage: PowerCutStorage
  /** The states after each commit, from none on. */
  readonly states: readonly string[]
  /** What must survive a power cut. */
  readonly durable: readonly Acknowledgement[]
  /** What must survive a killed process. */
  readonly written: readonly Acknowledgement[]
}

export interface RunOptions {
  /** What the database is given in place of the storage; it must pass everything on, but for what it breaks on purpose. */
  readonly wrap?: ((storage: Storage) => Storage) | undefined
}

/** The last state that was acknowledged by `boundary`. */
export function acknowledgedAt(acknowledgements: readonly Acknowledgement[], boundary: number): number {
  return Math.max(
    0,
    ...acknowledgements.filter((each) => each.boundary <= boundary).map(({ state }) => state),
  )
}

/** A database class over a storage, and the clock it runs on. */
export function databaseOver(
  storage: Storage,
  workload: Pick<Workload, 'seed' | 'layAhead' | 'sliceBytes'>,
): WorkloadPlatform {
  const { seed, layAhead, sliceBytes } = workload
  return workloadPlatform({ seed, storage: layAhead ? storage : undefined, sliceBytes })
}

/** A snapshot, and what it said when it was taken. */
interface Held {
  readonly snapshot: Snapshot
  readonly text: string
}

/** Snapshots that are kept while a database is written to. */
export class HeldSnapshots {
  #held: Held[] = []

  take(db: Database): string {
    const text = stateOf(db)
    this.#held.push({ snapshot: db.snapshot(), text })
    return text
  }

  /** None has changed. */
  compare(): void {
    for (const { snapshot, text } of this.#held) expect(stateOf(snapshot)).toBe(text)
  }

  closeOldest(): void {
    this.#held.shift()?.snapshot.close()
  }

  /** The database is closed, and they with it. */
  forget(): void {
    this.#held = []
  }
}

export async function runWorkload(workload: Workload, options: RunOptions = {}): Promise<WorkloadRun> {
  const storage = new PowerCutStorage()
  const runner = new Runner(workload, storage, options.wrap?.(storage) ?? storage)
  await runner.run()
  return runner
}

class Runner implements WorkloadRun {
  readonly workload: Workload
  readonly storage: PowerCutStorage
  readonly states: string[] = ['']
  readonly durable: Acknowledgement[] = []
  readonly written: Acknowledgement[] = []
  readonly #given: Storage
  readonly #platform: WorkloadPlatform
  readonly #model = new Model()
  readonly #outstanding = new Set<Promise<void>>()
  readonly #snapshots = new HeldSnapshots()
  #turnTaken = false

  constructor(workload: Workload, storage: PowerCutStorage, given: Storage) {
    this.workload = workload
    this.storage = storage
    this.#given = given
    this.#platform = databaseOver(given, workload)
  }

  async run(): Promise<void> {
    let db = await this.#open(false)
    for (const step of this.workload.steps) {
      if (step.do === 'reopen') db = await this.#reopen(db, step.sync)
      else await this.#step(db, step)
    }
    await this.#settle()
    expect(stateOf(db)).toBe(this.states.at(-1))
    this.#snapshots.compare()
    if (this.workload.seed % 3 === 0) await this.#close(db, false)
  }

  async #step(db: Database, step: Exclude<Step, { do: 'reopen' }>): Promise<void> {
    if (step.do === 'settle') await this.#settle()
    else if (step.do === 'tick') this.#platform.advance(1500)
    else if (step.do === 'sync') await this.#sync(db, step.sync)
    else if (step.do === 'checkpoint') await this.#checkpoint(db, step.awaited)
    else if (step.do === 'compact') await this.#compact(db, step)
    else if (step.do === 'snapshot') expect(this.states).toContain(this.#snapshots.take(db))
    else if (step.do === 'lookBack') this.#lookBack()
    else await this.#write(db, step)
  }

  #lookBack(): void {
    this.#snapshots.compare()
    this.#snapshots.closeOldest()
  }

  /** What was visible when it was asked for is durable when it is there. */
  async #checkpoint(db: Database, awaited: boolean): Promise<void> {
    const state = acknowledgedAt(this.written, this.storage.boundary)
    const done = db.checkpoint().then(
      () => this.#acknowledge(this.durable, state),
      (error: unknown) => {
        // A blocking close does not wait for it.
        if (!VarveError.is(error, ErrorCode.closed)) throw error
      },
    )
    this.#track(done)
    if (awaited) await done
  }

  /** As a checkpoint: what was visible when it was asked for is durable when it ends. */
  async #compact(db: Database, { awaited, retained }: Extract<Step, { do: 'compact' }>): Promise<void> {
    const state = acknowledgedAt(this.written, this.storage.boundary)
    const retain = retained === undefined ? undefined : { commits: retained }
    const done = db.compact({ retain }).then(
      () => this.#acknowledge(this.durable, state),
      (error: unknown) => {
        if (!VarveError.is(error, ErrorCode.closed) && !VarveError.is(error, ErrorCode.busy)) throw error
      },
    )
    this.#track(done)
    if (awaited) await done
  }

  async #open(sync: boolean): Promise<Database> {
    const { Database } = this.#platform
    const { durability, cacheBytes } = this.workload
    const options = { storage: this.#given, durability, cacheBytes }
    const db = sync ? Database.openSync(DATABASE_PATH, options) : await Database.open(DATABASE_PATH, options)
    expect(stateOf(db)).toBe(this.states.at(-1))
    expect(db.recoveryInfo.classification).toBe('clean')
    // What an open shows is durable, whoever wrote it.
    this.#acknowledge(this.durable, this.states.length - 1)
    return db
  }

  async #reopen(db: Database, sync: boolean): Promise<Database> {
    if (sync) await this.#settle()
    await this.#close(db, sync)
    return await this.#open(sync)
  }

  async #close(db: Database, sync: boolean): Promise<void> {
    this.#snapshots.compare()
    if (sync) db.closeSync()
    else await db.close()
    this.#snapshots.forget()
    this.#acknowledge(this.durable, this.states.length - 1)
    await this.#settle()
  }

  async #write(db: Database, step: WriteStep): Promise<void> {
    // `db.collection` knows what is visible: a collection that is still being registered it does not.
    const unseen = db.collectionNames().join() !== this.#model.names().join()
    if (isExclusive(step) || (isBlocking(step) && (this.#turnTaken || unseen))) await this.#settle()
    const expected = this.#expect(step)
    const state = this.states.length - 1
    this.#turnTaken ||= takesTurn(step)
    const done = perform(db, step).then(
      (result) => {
        expect(textOf(result)).toBe(expected.text)
        if (expected.wrote) this.#acknowledgeWrite(state)
      },
      (error: unknown) => {
        if (!isRefusal(error)) throw error
        expect(error.code).toBe(expected.text)
      },
    )
    if (isBlocking(step) && !isExclusive(step) && expected.wrote) this.#acknowledgeWrite(state)
    this.#track(done)
    if (isExclusive(step)) await this.#settle()
  }

  #expect(step: WriteStep): { text: string; wrote: boolean } {
    try {
      const done = applyStep(this.#model, step)
      if (done.wrote) this.states.push(this.#model.text())
      return { text: textOf(done.result), wrote: done.wrote }
    } catch (error) {
      if (!isRefusal(error)) throw error
      return { text: error.code, wrote: false }
    }
  }

  async #sync(db: Database, sync: boolean): Promise<void> {
    if (sync && this.#turnTaken) await this.#settle()
    // Behind a transaction that is open there are calls whose commits do not exist yet.
    const state = this.#turnTaken
      ? acknowledgedAt(this.written, this.storage.boundary)
      : this.states.length - 1
    if (sync) {
      db.syncSync()
      this.#acknowledge(this.durable, state)
    } else {
      this.#track(db.sync().then(() => this.#acknowledge(this.durable, state)))
    }
  }

  #acknowledgeWrite(state: number): void {
    this.#acknowledge(this.written, state)
    if (this.workload.durability === 'commit') this.#acknowledge(this.durable, state)
  }

  #acknowledge(list: Acknowledgement[], state: number): void {
    list.push({ boundary: this.storage.boundary, state })
  }

  #track(promise: Promise<void>): void {
    // A failure is thrown by `settle`.
    promise.catch(() => undefined)
    this.#outstanding.add(promise)
  }

  async #settle(): Promise<void> {
    const all = [...this.#outstanding]
    this.#outstanding.clear()
    await Promise.all(all)
    this.#turnTaken = false
  }
}
