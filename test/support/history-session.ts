/**
 * Random workloads whose past is known: steps as data, run against a database and a `HistoryModel` together, and the
 * comparison of everything that can be asked about the past.
 */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Database } from '../../src/database.js'
import { VarveError } from '../../src/errors.js'
import type { TransactionHandle } from '../../src/transaction-handle.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import {
  type Change,
  HistoryModel,
  type PastCommit,
  type PastVersion,
  Refusal,
  type RowWrite,
} from './history-model.js'
import { stateOf, textOf } from './model-text.js'
import { workloadPlatform, type WorkloadPlatform } from './workload-platform.js'

const NAMES = ['x', 'y', 'z'] as const
const KEYS = ['a', 'b', 'c'] as const
const PATH = 'past.varve'
/** Two such rows fill a frame, so that a transaction with more of them takes several. */
const LARGE_ROW_BYTES = 2_500_000

export type Step =
  | { readonly kind: 'change'; readonly change: Change }
  /** Called one after the other, awaited together: they share a write. */
  | { readonly kind: 'together'; readonly writes: readonly RowWrite[] }
  | {
      readonly kind: 'transaction'
      readonly parts: readonly {
        readonly changes: readonly Change[]
        readonly savepoint: boolean
        readonly fails: boolean
      }[]
      readonly fails: boolean
      readonly large: boolean
    }
  | { readonly kind: 'tick'; readonly ms: number }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'reopen'; readonly readOnly: boolean }

export function steps(): fc.Arbitrary<Step[]> {
  const name = fc.constantFrom(...NAMES)
  const key = fc.constantFrom(...KEYS)
  const value = fc.nat(99)
  const write: fc.Arbitrary<RowWrite> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), name, key, value }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('update' as const), name, key, value }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), name, key }) },
  )
  const change: fc.Arbitrary<Change> = fc.oneof(
    { weight: 8, arbitrary: write },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('register' as const), name }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), name }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename' as const), name, to: name }) },
  )
  const part = fc.record({
    changes: fc.array(change, { maxLength: 5 }),
    savepoint: fc.boolean(),
    fails: fc.boolean(),
  })
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('change' as const), change }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('together' as const),
        writes: fc.array(write, { minLength: 2, maxLength: 4 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('transaction' as const),
        parts: fc.array(part, { maxLength: 3 }),
        fails: fc.boolean(),
        large: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), readOnly: fc.boolean() }) },
  )
  return fc.array(step, { minLength: 1, maxLength: 25 }).map((list) => [...FIRST, ...list])
}

/** Most workloads should have something to write to. */
const FIRST: readonly Step[] = [
  { kind: 'change', change: { kind: 'register', name: 'x' } },
  { kind: 'change', change: { kind: 'register', name: 'y' } },
]

class Thrown extends Error {}

/** A database in memory beside its model. */
export class PastSession {
  readonly model: HistoryModel = new HistoryModel()
  readonly storage: MemoryStorage = new MemoryStorage()
  readonly #clock: WorkloadPlatform = workloadPlatform()
  #db: Database | undefined

  get db(): Database {
    if (this.#db === undefined) throw new TypeError('The session has not begun.')
    return this.#db
  }

  async open(mode: 'readWrite' | 'readOnly' = 'readWrite'): Promise<void> {
    const { storage } = this
    this.#db = await this.#clock.Database.open(PATH, { storage, durability: 'os', mode, cacheBytes: 0 })
  }

  async run(all: readonly Step[]): Promise<void> {
    await this.open()
    for (const step of all) await this.#step(step)
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case 'change':
        await this.#change(step.change)
        break
      case 'together':
        await this.#together(step.writes)
        break
      case 'transaction':
        await this.#transaction(step)
        break
      case 'tick':
        this.#clock.advance(step.ms)
        break
      case 'checkpoint':
        await this.db.checkpoint()
        break
      case 'reopen':
        await this.#reopen(step.readOnly)
        break
    }
    expect(this.db.commitSequence).toBe(this.model.commits.at(-1)?.sequence)
  }

  /** Where a reader comes in between, it must find the same past. */
  async #reopen(readOnly: boolean): Promise<void> {
    await this.db.close()
    if (readOnly) {
      await this.open('readOnly')
      checkStates(this.db, this.model)
      await this.db.close()
    }
    await this.open()
  }

  async #change(change: Change): Promise<void> {
    const refused = this.#refuses(change, 0)
    const done = inDatabase(this.db, change)
    if (refused) await expect(done).rejects.toThrow(VarveError)
    else await done
    this.#commitModel()
  }

  async #together(writes: readonly RowWrite[]): Promise<void> {
    const done = writes.map(async (write) => {
      const refused = this.#refuses(write, 0)
      if (this.model.wrote) this.model.commit(this.#now())
      const result = inDatabase(this.db, write)
      if (refused) await expect(result).rejects.toThrow(VarveError)
      else await result
    })
    await Promise.all(done)
    this.model.number(this.db.commitSequence)
  }

  async #transaction(step: Step & { kind: 'transaction' }): Promise<void> {
    const saved = this.model.save()
    const pad = step.large ? LARGE_ROW_BYTES : 0
    try {
      await this.db.transaction(async (tx) => {
        for (const part of step.parts) {
          this.#part(tx, part, pad)
          await Promise.resolve()
        }
        if (step.fails) throw new Thrown('given up')
      })
      expect(step.fails).toBe(false)
    } catch (error) {
      if (!(error instanceof Thrown)) throw error
      this.model.restore(saved)
    }
    this.#commitModel()
  }

  #part(
    tx: TransactionHandle,
    part: { readonly changes: readonly Change[]; readonly savepoint: boolean; readonly fails: boolean },
    pad: number,
  ): void {
    const run = (): void => {
      for (const change of part.changes) {
        if (this.#refuses(change, pad)) expect(() => inTransaction(tx, change, pad)).toThrow(VarveError)
        else inTransaction(tx, change, pad)
      }
    }
    if (!part.savepoint) return run()
    const saved = this.model.save()
    const fails = (): void => {
      run()
      if (part.fails) throw new Thrown('undone')
    }
    if (!part.fails) return tx.savepoint(fails)
    expect(() => tx.savepoint(fails)).toThrow('undone')
    this.model.restore(saved)
  }

  #refuses(change: Change, pad: number): boolean {
    try {
      this.model.apply(change, pad)
      return false
    } catch (error) {
      if (error instanceof Refusal) return true
      throw error
    }
  }

  #commitModel(): void {
    if (!this.model.wrote) return
    this.model.commit(this.#now())
    this.model.number(this.db.commitSequence)
  }

  #now(): number {
    return this.#clock.platform.now()
  }
}

async function inDatabase(db: Database, change: Change): Promise<unknown> {
  switch (change.kind) {
    case 'put':
      return await db.put(change.name, HistoryModel.row(change.key, change.value))
    case 'update':
      return await db.update(change.name, change.key, { value: change.value })
    case 'delete':
      return await db.delete(change.name, change.key)
    case 'register':
      return await db.registerCollection(change.name, [], 'id')
    case 'drop':
      return await db.dropCollection(change.name)
    case 'rename':
      return await db.renameCollection(change.name, change.to)
  }
}

function inTransaction(tx: TransactionHandle, change: Change, pad: number): void {
  const { name } = change
  switch (change.kind) {
    case 'put':
      return void tx.collection(name).put(HistoryModel.row(change.key, change.value, pad))
    case 'update':
      return void tx.collection(name).update(change.key, { value: change.value })
    case 'delete':
      return void tx.collection(name).delete(change.key)
    case 'register':
      return tx.registerCollection(name, [], 'id')
    case 'drop':
      return void tx.dropCollection(name)
    case 'rename':
      return tx.renameCollection(name, change.to)
  }
}

// What is compared

/** Every state, by each sequence there may be, and by dates at, before and after each commit. */
export function checkStates(db: Database, model: HistoryModel): void {
  for (let at = 0; at <= db.commitSequence; at++) checkState(db, at, model.atSequence(at))
  const times = new Set(model.commits.flatMap(({ time }) => [time - 1, time, time + 1]))
  for (const time of times) checkState(db, new Date(time), model.atTime(time))
}

function checkState(db: Database, at: number | Date, expected: PastCommit | undefined): void {
  const snapshot = db.snapshot({ at })
  const { sequence, time } = snapshot
  const found = { sequence, time: time.getTime(), text: stateOf(snapshot) }
  expect(found).toEqual({ sequence: expected?.sequence, time: expected?.time, text: expected?.text })
  snapshot.close()
}

/** A large row stands for itself by its length. */
function versionText({ row, ...version }: PastVersion): string {
  return textOf({ ...version, row: row && { ...row, pad: String(row['pad']).length } })
}

/** The history of every row, in the view of every commit; and in the database's own. */
export async function checkHistories(db: Database, model: HistoryModel): Promise<void> {
  for (const commit of model.commits) {
    const snapshot = db.snapshot({ at: commit.sequence })
    for (const name of snapshot.collectionNames()) {
      const collection = snapshot.collection(name)
      for (const key of KEYS) {
        for (const scan of [false, true]) {
          const expected = model.history(commit, name, key, scan).map(versionText)
          const history = collection.history(key, { scan })
          expect(history.toArray().map(versionText)).toEqual(expected)
          if (commit !== model.commits.at(-1)) continue
          expect(db.collection(name).history(key, { scan }).toArray().map(versionText)).toEqual(expected)
          const awaited: string[] = []
          for await (const version of history) awaited.push(versionText(version))
          expect(awaited).toEqual(expected)
        }
      }
    }
    snapshot.close()
  }
}
