/**
 * Runs a workload over a storage that fails once, and holds the database to what it said: nothing acknowledged is lost,
 * memory and file agree, later writes work, or the handle is poisoned and says so.
 *
 * What a failed call did is known only where the engine promises it: after a failed write exactly the commits reported
 * as done are there; after a failed sync the commits it covered may or may not be, in order, and nothing else is.
 */
import { expect } from 'vitest'
import type { Database } from '../../src/database.js'
import { ErrorCode, VarveError } from '../../src/errors.js'
import { type FaultPlan, type FaultyOperation, FaultyStorage } from './faulty-storage.js'
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
import { DATABASE_PATH, databaseOver, HeldSnapshots } from './workload-run.js'

interface KnownState {
  readonly text: string
  readonly saved: ReturnType<Model['save']>
}

interface Call {
  readonly step: WriteStep
  readonly outcome: Promise<PromiseSettledResult<unknown>>
}

const FAILURES: readonly string[] = [
  ErrorCode.storage,
  ErrorCode.noSpace,
  ErrorCode.poisoned,
  ErrorCode.notFound,
]

export class FaultRun {
  readonly storage: PowerCutStorage = new PowerCutStorage()
  readonly faulty: FaultyStorage
  /** How often each operation was called while it could fail. */
  calls: Partial<Record<FaultyOperation, number>> = {}
  readonly #workload: Workload
  readonly #platform: WorkloadPlatform
  readonly #model = new Model()
  /** The states that may be found, oldest first; those from `#told` on were never acknowledged. */
  #states: KnownState[] = [{ text: '', saved: this.#model.save() }]
  /** The last state that a call was told of. */
  #told = 0
  /** The last state that must survive the loss of pages. */
  #durable = 0
  /** Whether a failed sync dropped pages. */
  readonly #lostPages: boolean
  #calls: Call[] = []
  #turnTaken = false
  #poisoned = false
  /** Two states that may be there differ only in their counters, which rows do not show: what follows proves nothing. */
  #ambiguous = false
  #db: Database | undefined
  readonly #snapshots = new HeldSnapshots()
  #checkpoints: Promise<unknown>[] = []

  constructor(workload: Workload, plan: FaultPlan | undefined) {
    this.#workload = workload
    this.faulty = new FaultyStorage(this.storage, {
      asyncTurn: () => new Promise((resolve) => setImmediate(resolve)),
    })
    this.#platform = workloadPlatform({
      seed: workload.seed,
      storage: workload.layAhead ? this.faulty : undefined,
      sliceBytes: workload.sliceBytes,
    })
    this.#lostPages = plan !== undefined && 'lose' in plan.fault
    if (plan !== undefined) this.faulty.plan(plan)
  }

  /** The whole workload, then a close, a reopen, and a power cut. */
  async run(): Promise<void> {
    for (const step of this.#workload.steps) if (!this.#ambiguous) await this.#step(step)
    await this.#settle()
    await this.#cutNow()
    await this.#reopen()
    await this.#open()
    this.calls = { ...this.faulty.calls }
    this.faulty.heal()
    await this.#restOfFault()
    const db = await this.#open()
    await db.transaction((tx) => tx.registerCollection('zulu', [], 'id'))
    await db.sync()
    expect(db.collectionNames()).toContain('zulu')
    const last = stateOf(db)
    const { Database } = databaseOver(this.storage, this.#workload)
    const image = this.storage.imageAfter(this.storage.boundary)
    const recovered = await Database.open(DATABASE_PATH, { storage: image })
    expect(stateOf(recovered)).toBe(last)
    await db.close()
  }

  /** What the open began by itself may have met the fault, and is not over yet. */
  async #restOfFault(): Promise<void> {
    if (this.faulty.fired.length === 0) return
    const db = await this.#open()
    try {
      await db.checkpoint()
    } catch (error) {
      this.#failed(error)
      await this.#reopen()
    }
  }

  async #step(step: Step): Promise<void> {
    if (step.do === 'settle') return await this.#settle()
    if (step.do === 'reopen') return await this.#reopen()
    const db = await this.#open()
    if (this.#ambiguous) return
    if (step.do === 'tick') this.#platform.advance(1500)
    else if (step.do === 'sync') await this.#sync(db)
    else if (step.do === 'checkpoint') await this.#checkpoint(db, step.awaited)
    else if (step.do === 'compact') await this.#compact(db, step)
    else if (step.do === 'snapshot') this.#look(() => void this.#snapshots.take(db))
    else if (step.do === 'lookBack') this.#look(() => this.#snapshots.compare())
    else await this.#write(db, step)
  }

  /** A read may fail, but what is read is what was there. */
  #look(read: () => void): void {
    try {
      read()
    } catch (error) {
      if (this.#lostPages && VarveError.is(error, ErrorCode.corruption)) return
      expectFailure(error)
    }
  }

  /** Whatever becomes of it, no row changes. */
  async #checkpoint(db: Database, awaited: boolean): Promise<void> {
    const done = db.checkpoint().catch((error: unknown) => {
      if (!VarveError.is(error, ErrorCode.closed)) this.#failed(error)
    })
    this.#checkpoints.push(done)
    if (awaited) await done
  }

  /** Whatever becomes of it, no row changes. */
  async #compact(db: Database, { awaited, retained }: Extract<Step, { do: 'compact' }>): Promise<void> {
    const retain = retained === undefined ? undefined : { commits: retained }
    const done = db.compact({ retain }).then(
      () => undefined,
      (error: unknown) => {
        if (!VarveError.is(error, ErrorCode.closed) && !VarveError.is(error, ErrorCode.busy))
          this.#failed(error)
      },
    )
    this.#checkpoints.push(done)
    if (awaited) await done
  }

  /** The fault happens once, so the second try of anything succeeds. */
  async #open(): Promise<Database> {
    if (this.#db !== undefined) return this.#db
    const { durability, cacheBytes } = this.#workload
    const options = { storage: this.faulty, durability, cacheBytes }
    const open = (): Promise<Database> => this.#platform.Database.open(DATABASE_PATH, options)
    try {
      this.#db = await open()
    } catch (error) {
      expectFailure(error)
      this.#db = await open()
    }
    this.#poisoned = false
    const found = readTwice(this.#db)
    const atLeast = this.#lostPages ? this.#durable : this.#told
    const index = this.#states.findIndex(({ text }, i) => i >= atLeast && text === found)
    if (index < 0) expect.fail(`reopening found\n${found}\nand not\n${this.#describe(atLeast)}`)
    const alike = this.#states.slice(index).filter(({ text }) => text === found)
    this.#ambiguous ||= new Set(alike.map(({ saved }) => countersOf(saved))).size > 1
    this.#is(index)
    return this.#db
  }

  /** From now on this state is the one. */
  #is(index: number): void {
    const state = this.#states[index]
    if (state === undefined) throw new RangeError('No such state.')
    this.#states = this.#states.slice(0, index + 1)
    this.#told = index
    this.#durable = index
    this.#model.restore(state.saved)
  }

  async #write(db: Database, step: WriteStep): Promise<void> {
    const unseen = db.collectionNames().join() !== this.#model.names().join()
    if (isExclusive(step) || (isBlocking(step) && (this.#turnTaken || unseen))) await this.#settle()
    this.#turnTaken ||= takesTurn(step)
    const outcome = perform(db, step).then(
      (value) => ({ status: 'fulfilled', value }) as const,
      (reason: unknown) => ({ status: 'rejected', reason }) as const,
    )
    this.#calls.push({ step, outcome })
    if (isExclusive(step)) await this.#settle()
  }

  async #sync(db: Database): Promise<void> {
    await this.#settle()
    try {
      await db.sync()
      this.#durable = this.#told
    } catch (error) {
      this.#failed(error)
    }
  }

  async #settle(): Promise<void> {
    const calls = this.#calls
    this.#calls = []
    this.#turnTaken = false
    const outcomes = await Promise.all(calls.map(({ outcome }) => outcome))
    await Promise.all(this.#checkpoints.splice(0))
    const failed: WriteStep[] = []
    for (const [i, { step }] of calls.entries()) {
      const outcome = outcomes[i]
      if (outcome?.status === 'fulfilled') {
        // A blocking sync can overtake one that fails: what it acknowledged follows on what is in doubt, so that is there.
        if (failed.length > 0 && this.#writes([...failed, step])) {
          for (const doubtful of failed.splice(0)) this.#happened(doubtful)
        }
        this.#succeeded(step, outcome.value)
      } else if (outcome !== undefined && this.#failed(outcome.reason)) failed.push(step)
    }
    this.#agrees(failed)
  }

  #succeeded(step: WriteStep, value: unknown): void {
    const { result, wrote } = applyStep(this.#model, step)
    expect(textOf(value)).toBe(textOf(result))
    if (wrote) this.#tell()
  }

  /** Whether the last of these steps makes a commit. */
  #writes(steps: readonly WriteStep[]): boolean {
    const saved = this.#model.save()
    const wrote = steps.map((step) => applied(this.#model, step))
    this.#model.restore(saved)
    return wrote.at(-1) === true
  }

  /** A call that was told of as failed, though it cannot have: only a poisoned handle says so. */
  #happened(step: WriteStep): void {
    if (this.#poisoned && applied(this.#model, step)) this.#tell()
  }

  #tell(): void {
    this.#states = this.#states.slice(0, this.#told + 1)
    this.#states.push({ text: this.#model.text(), saved: this.#model.save() })
    this.#told = this.#states.length - 1
    if (this.#workload.durability === 'commit') this.#durable = this.#told
  }

  /** Whether the storage failed the call; a refusal is none of that. */
  #failed(error: unknown): boolean {
    if (isRefusal(error)) return false
    // A write that reads what the kernel dropped.
    if (this.#lostPages && VarveError.is(error, ErrorCode.corruption)) return true
    expectFailure(error)
    if (VarveError.is(error, ErrorCode.poisoned)) this.#poisoned = true
    return true
  }

  /** Memory shows what was told; of a poisoned handle, perhaps also the first of the commits that are in doubt. */
  #agrees(failed: readonly WriteStep[]): void {
    if (this.#db === undefined) return
    if (this.#poisoned) this.#addDoubtful(failed)
    let found: string
    try {
      found = readTwice(this.#db)
    } catch (error) {
      // The kernel dropped what it was to read back, and the checksums tell.
      if (this.#lostPages && VarveError.is(error, ErrorCode.corruption)) return
      throw error
    }
    const allowed = this.#states.slice(this.#told).map(({ text }) => text)
    if (!allowed.includes(found))
      expect.fail(`memory shows\n${found}\nand not\n${this.#describe(this.#told)}`)
  }

  #addDoubtful(failed: readonly WriteStep[]): void {
    const saved = this.#model.save()
    for (const step of failed) {
      applied(this.#model, step)
      this.#states.push({ text: this.#model.text(), saved: this.#model.save() })
    }
    this.#model.restore(saved)
  }

  /** The power fails now: what was acknowledged as durable is there. */
  async #cutNow(): Promise<void> {
    if (this.#db === undefined) return
    const image = this.storage.imageAfter(this.storage.boundary)
    const { Database } = databaseOver(image, this.#workload)
    const db = await Database.open(DATABASE_PATH, { storage: image })
    const found = stateOf(db)
    const allowed = this.#states.slice(this.#durable).map(({ text }) => text)
    if (!allowed.includes(found))
      expect.fail(`a power cut leads to\n${found}\nand not\n${this.#describe(this.#durable)}`)
  }

  async #reopen(): Promise<void> {
    await this.#settle()
    const db = this.#db
    if (db === undefined) return
    if (this.#poisoned) await expectPoisoned(db)
    try {
      await db.close()
      if (!this.#poisoned) this.#durable = this.#told
    } catch (error) {
      expectFailure(error)
    }
    this.#db = undefined
    this.#snapshots.forget()
    await this.#open()
  }

  #describe(from: number): string {
    return this.#states
      .slice(from)
      .map(({ text }) => text)
      .join('\n--- or\n')
  }
}

/** Whether the step made a commit; one that is refused makes none. */
function applied(model: Model, step: WriteStep): boolean {
  try {
    return applyStep(model, step).wrote
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

function countersOf(saved: KnownState['saved']): string {
  return [...saved].map(([name, { next }]) => `${name} ${next}`).join()
}

async function expectPoisoned(db: Database): Promise<void> {
  const refused = expect.objectContaining({ code: ErrorCode.poisoned })
  await expect(db.registerCollection('yankee', [], 'id')).rejects.toEqual(refused)
  await expect(db.sync()).rejects.toEqual(refused)
  expect(() => db.transactionSync(() => undefined)).toThrow(refused)
}

function expectFailure(error: unknown): void {
  if (VarveError.is(error) && FAILURES.includes(error.code)) return
  throw error
}

/** A read may be the call that fails; the next one does not. */
function readTwice(db: Database): string {
  try {
    return stateOf(db)
  } catch (error) {
    expectFailure(error)
    return stateOf(db)
  }
}
