/**
 * The database against a model: rows in a list, searched from end to end. Random calls, every result compared.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CollectionReader } from '../../src/collection-reader.js'
import type { Database } from '../../src/database.js'
import { ErrorCode, VarveError } from '../../src/errors.js'
import type { Key } from '../../src/format/key.js'
import type { RangeOptions } from '../../src/key-bounds.js'
import type { Snapshot } from '../../src/snapshot.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import type { TransactionHandle } from '../../src/transaction-handle.js'
import { count, seed } from '../support/counts.js'
import { type Command, commands, type Setting, settings } from '../support/model-commands.js'
import { Duplicate, keyed, Oracle, type Rows, type Shape, SHAPES, type Write } from '../support/model-rows.js'
import { textOf } from '../support/model-text.js'
import { workloadPlatform, type WorkloadPlatform } from '../support/workload-platform.js'

const NAME = 'rows'

/** One compaction at a time, and none over a close. */
function unlessBusy(error: unknown): void {
  if (!VarveError.is(error, ErrorCode.busy) && !VarveError.is(error, ErrorCode.closed)) throw error
}

class Session {
  readonly #shape: Shape
  readonly #oracle: Oracle
  readonly #storage = new MemoryStorage()
  readonly #platform: WorkloadPlatform
  readonly #setting: Setting
  #checkpoints: Promise<void>[] = []
  #db: Database | undefined
  #snapshots: { readonly snapshot: Snapshot; readonly rows: Rows }[] = []

  constructor(shape: Shape, setting: Setting) {
    this.#shape = shape
    this.#setting = setting
    this.#oracle = new Oracle(shape)
    this.#platform = workloadPlatform({ seed: 1, sliceBytes: setting.sliceBytes })
  }

  async run(all: readonly Command[]): Promise<void> {
    if (this.#setting.tall && !this.#shape.uuid) await this.#fill(await this.#open())
    for (const command of all) {
      await this.#command(await this.#open(), command)
      this.#compareAll(await this.#open())
    }
    await Promise.all(this.#checkpoints)
    await this.#db?.close()
    this.#db = undefined
    this.#snapshots = []
    const db = await this.#open()
    this.#compareAll(db)
    await db.close()
  }

  /** A few dozen rows of keys that differ at their end. */
  async #fill(db: Database): Promise<void> {
    const { primaryKey } = this.#shape
    const parts = typeof primaryKey === 'string' ? 1 : primaryKey.length
    const keys = Array.from({ length: 24 }, (_, n): Key => {
      const long = `${'long'.repeat(200)}${n}`
      return parts === 1 ? long : [long, n]
    })
    const write: Write = { kind: 'insertMany', keys, rest: { one: 1 } }
    await this.#writes([asyncWrite(db, this.#shape, write)], [write])
  }

  async #open(): Promise<Database> {
    if (this.#db !== undefined) return this.#db
    this.#db = await this.#platform.Database.open('model', {
      storage: this.#storage,
      durability: 'os',
      cacheBytes: this.#setting.cacheBytes,
    })
    await this.#db.registerCollection(NAME, this.#shape.fields, this.#shape.primaryKey)
    return this.#db
  }

  async #command(db: Database, command: Command): Promise<void> {
    switch (command.kind) {
      case 'write':
        return await this.#writes(
          [
            command.sync
              ? syncWrite(db, this.#shape, command.write)
              : asyncWrite(db, this.#shape, command.write),
          ],
          [command.write],
        )
      case 'together':
        return await this.#writes(
          command.writes.map((write) => asyncWrite(db, this.#shape, write)),
          command.writes,
        )
      case 'transaction':
        return await this.#transaction(db, command)
      case 'range':
        return this.#range(db.collection(NAME), command.options)
      case 'getMany':
        return expectSame(
          db.collection(NAME).getMany(command.keys),
          command.keys.map((key) => this.#oracle.find(key)),
        )
      case 'prefix':
        return expectSame(
          db.collection(NAME).prefix(command.prefix).toArray(),
          this.#oracle.prefix(command.prefix),
        )
      case 'snapshot':
        this.#snapshots.push({ snapshot: db.snapshot(), rows: this.#oracle.rows })
        return
      case 'closeSnapshot':
        return this.#closeSnapshot()
      case 'compact':
        this.#checkpoints.push(db.compact().then(() => undefined, unlessBusy))
        if (command.awaited) await Promise.all(this.#checkpoints.splice(0))
        return
      case 'checkpoint':
        this.#checkpoints.push(db.checkpoint())
        if (command.awaited) await Promise.all(this.#checkpoints.splice(0))
        return
      case 'reopen':
        await db.close()
        for (const { snapshot } of this.#snapshots) expect(() => snapshot.collection(NAME)).toThrow('closed')
        this.#snapshots = []
        this.#db = undefined
    }
  }

  async #writes(calls: readonly Promise<unknown>[], writes: readonly Write[]): Promise<void> {
    const outcomes = await Promise.allSettled(calls)
    for (const [i, write] of writes.entries()) {
      const outcome = outcomes[i]
      const actual = outcome?.status === 'rejected' ? codeOf(outcome.reason) : outcome?.value
      expectSame(
        actual,
        orDuplicate(() => this.#oracle.apply(write)),
      )
    }
  }

  async #transaction(db: Database, command: Extract<Command, { kind: 'transaction' }>): Promise<void> {
    const saved = this.#oracle.rows
    const runPart = (tx: TransactionHandle, part: (typeof command.parts)[number]): void => {
      const before = this.#oracle.rows
      const body = (): void => {
        for (const write of part.writes) {
          expectSame(
            orDuplicate(() => writeIn(tx, this.#shape, write)),
            orDuplicate(() => this.#oracle.apply(write)),
          )
        }
        if (part.savepoint && part.fails) throw new Duplicate()
      }
      if (!part.savepoint) body()
      else if (orDuplicate(() => tx.savepoint(body)) === DUPLICATE) this.#oracle.rows = before
      expectSame(tx.collection(NAME).range().toArray(), this.#oracle.range({}))
      expect(tx.collection(NAME).count()).toBe(this.#oracle.rows.length)
      expectSame(db.collection(NAME).range().toArray(), this.#oracle.range({}, saved))
    }
    const end = (): void => {
      if (command.fails) throw new Duplicate()
    }
    try {
      if (command.sync) {
        db.transactionSync((tx) => {
          for (const part of command.parts) runPart(tx, part)
          end()
        })
      } else {
        await db.transaction(async (tx) => {
          for (const part of command.parts) {
            if (command.turns) await new Promise((resolve) => setImmediate(resolve))
            runPart(tx, part)
          }
          end()
        })
      }
      expect(command.fails).toBe(false)
    } catch (error) {
      if (!(error instanceof Duplicate)) throw error
      this.#oracle.rows = saved
    }
  }

  #range(reader: CollectionReader, options: RangeOptions): void {
    const expected = this.#oracle.range(options)
    expectSame(reader.range(options).toArray(), expected)
    expect(reader.range(options).count()).toBe(expected.length)
    expectSame(reader.range(options).first(), expected[0])
    const { reverse: _reverse, limit: _limit, ...bounds } = options
    expect(reader.count(bounds)).toBe(this.#oracle.range(bounds).length)
  }

  #closeSnapshot(): void {
    const oldest = this.#snapshots.shift()
    if (oldest === undefined) return
    oldest.snapshot.close()
    expect(() => oldest.snapshot.collection(NAME)).toThrow('closed')
  }

  #compareAll(db: Database): void {
    expectSame(db.collection(NAME).range().toArray(), this.#oracle.range({}))
    for (const { key, row } of this.#oracle.rows) {
      expectSame(db.get(NAME, key), row)
      expect(db.has(NAME, key)).toBe(true)
    }
    expect(db.count(NAME)).toBe(this.#oracle.rows.length)
    for (const { snapshot, rows } of this.#snapshots) {
      expectSame(snapshot.collection(NAME).range().toArray(), this.#oracle.range({}, rows))
    }
  }
}

const DUPLICATE = 'VARVE_DUPLICATE_KEY'

function codeOf(error: unknown): string {
  if (error instanceof Duplicate || VarveError.is(error, DUPLICATE)) return DUPLICATE
  throw error
}

function orDuplicate(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return codeOf(error)
  }
}

function expectSame(actual: unknown, expected: unknown): void {
  expect(textOf(actual)).toBe(textOf(expected))
}

async function asyncWrite(db: Database, shape: Shape, write: Write): Promise<unknown> {
  switch (write.kind) {
    case 'insert':
      return await db.insert(NAME, keyed(shape.primaryKey, write.key, write.rest))
    case 'put':
      return await db.put(NAME, keyed(shape.primaryKey, write.key, write.rest))
    case 'insertMany':
      return await db.insertMany(
        NAME,
        write.keys.map((key) => keyed(shape.primaryKey, key, write.rest)),
      )
    case 'update':
      return await db.update(NAME, write.key, write.patch)
    case 'delete':
      return await db.delete(NAME, write.key)
  }
}

async function syncWrite(db: Database, shape: Shape, write: Write): Promise<unknown> {
  const rows = db.collection(NAME)
  switch (write.kind) {
    case 'insert':
      return rows.insertSync(keyed(shape.primaryKey, write.key, write.rest))
    case 'put':
      return rows.putSync(keyed(shape.primaryKey, write.key, write.rest))
    case 'insertMany':
      return rows.insertManySync(write.keys.map((key) => keyed(shape.primaryKey, key, write.rest)))
    case 'update':
      return rows.updateSync(write.key, write.patch)
    case 'delete':
      return rows.deleteSync(write.key)
  }
}

function writeIn(tx: TransactionHandle, shape: Shape, write: Write): unknown {
  const rows = tx.collection(NAME)
  switch (write.kind) {
    case 'insert':
      return rows.insert(keyed(shape.primaryKey, write.key, write.rest))
    case 'put':
      return rows.put(keyed(shape.primaryKey, write.key, write.rest))
    case 'insertMany':
      return rows.insertMany(write.keys.map((key) => keyed(shape.primaryKey, key, write.rest)))
    case 'update':
      return rows.update(write.key, write.patch)
    case 'delete':
      return rows.delete(write.key)
  }
}

describe('the database equals its model', () => {
  for (const [name, shape] of Object.entries(SHAPES)) {
    it(`keys: ${name}`, async () => {
      const property = fc.asyncProperty(settings, commands(shape), (setting, all) =>
        new Session(shape, setting).run(all),
      )
      await fc.assert(property, { seed, numRuns: count(60, 5000) })
    })
  }
})
