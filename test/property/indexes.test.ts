/**
 * Secondary indexes under random work: after every step each holds exactly what the rows say, whatever was undone, stored,
 * evicted, killed, replayed or built meanwhile; and every commit of the past has the indexes that it had.
 */
import { describe, expect, it, vi } from 'vitest'
import { KeysOf } from '../../src/engine/keys-of.js'
import { openEngineSync } from '../../src/engine/open.js'
import type { Engine } from '../../src/engine/engine.js'
import type { CollectionState, DatabaseState } from '../../src/engine/state.js'
import { stateAt } from '../../src/engine/time-travel.js'
import { Database } from '../../src/database.js'
import { VarveError } from '../../src/errors.js'
import type { Row } from '../../src/format/value.js'
import type { IndexInput } from '../../src/catalog/index-definition.js'
import { verifyFile } from '../../src/inspect/verify.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { ColumnCount, isPartial, Node } from '../../src/tree/node.js'
import { NodeStore } from '../../src/tree/node-store.js'
import { count, seed } from '../support/counts.js'
import { entriesOf, type OracleRow } from '../support/index-oracle.js'
import { randomFrom, type Random } from '../support/random.js'
import { workloadPlatform } from '../support/workload-platform.js'
import { fileBytes, PATH, storageWith } from '../corruption/databases.js'

const NAME = 'rows'

const INDEXES: Readonly<Record<string, IndexInput>> = {
  byNumber: { on: 'n' },
  byTag: { on: 'tags' },
  byTwo: { on: ['deep.a', 'n'] },
  byList: { on: ['n', 'list.x'] },
  some: { on: 'text', where: { n: { $gte: 3 }, flag: true } },
  single: { on: 'alone', unique: true },
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const HOLDS_ALL = (): boolean => true
const holdsSome = (row: Row): boolean => typeof row['n'] === 'number' && row['n'] >= 3 && row['flag'] === true

interface Setting {
  readonly name: string
  readonly cacheBytes: number
  readonly sliceBytes: number | undefined
  /** Rows that the first transaction puts, and different keys of all. */
  readonly rows: number
  readonly keys: number
}

const SETTINGS: readonly Setting[] = [
  { name: 'nothing cached, one node a slice', cacheBytes: 0, sliceBytes: 1, rows: 0, keys: 60 },
  {
    name: 'nothing cached, trees of many leaves',
    cacheBytes: 0,
    sliceBytes: undefined,
    rows: 500,
    keys: 900,
  },
  { name: 'a usual cache', cacheBytes: 64 * 1024 * 1024, sliceBytes: undefined, rows: 0, keys: 60 },
]

class Session {
  readonly #random: Random
  readonly #setting: Setting
  readonly keys = new KeysOf()
  #storage = new MemoryStorage()
  #engine: Engine | undefined
  #refused = 0
  #past: { readonly sequence: number; readonly entries: string }[] = []

  constructor(random: Random, setting: Setting) {
    this.#random = random
    this.#setting = setting
  }

  get refused(): number {
    return this.#refused
  }

  async run(steps: number): Promise<void> {
    await this.#register()
    const { rows } = this.#setting
    if (rows > 0) await this.#load(rows)
    for (let i = 0; i < steps; i++) {
      await this.#step()
      this.#check(this.#open().state)
      this.#remember()
    }
    this.#checkPast()
    await new Database(this.#open()).close()
    this.#engine = undefined
    this.#check(this.#open().state)
    await new Database(this.#open()).close()
    this.#engine = undefined
    const storage = this.#storage
    const { platform } = workloadPlatform({ seed: 1, storage })
    const { findings } = await verifyFile(PATH, { storage, deep: true }, platform)
    expect(findings).toEqual([])
  }

  async #load(rows: number): Promise<void> {
    const db = new Database(this.#open())
    for (let id = 0; id < rows; id++)
      await this.#refusable(() => db.transaction((tx) => void tx.collection(NAME).put(this.#row(id))))
    await db.checkpoint()
  }

  #open(): Engine {
    const { cacheBytes, sliceBytes } = this.#setting
    const { platform } = workloadPlatform({ seed: 1, sliceBytes, storage: this.#storage })
    this.#engine ??= openEngineSync(PATH, { cacheBytes, durability: 'os' }, platform)
    return this.#engine
  }

  async #step(): Promise<void> {
    const random = this.#random
    const db = new Database(this.#open())
    const dice = random.below(100)
    if (dice < 60) await this.#refusable(() => db.transaction((tx) => this.#write(tx.collection(NAME))))
    else if (dice < 70) await this.#refusable(() => this.#undone(db))
    else if (dice < 78) await this.#register()
    else if (dice < 88) await db.checkpoint()
    else if (dice < 94) this.#kill()
    else {
      await db.close()
      this.#engine = undefined
    }
  }

  async #refusable(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!VarveError.is(error)) throw error
      this.#refused++
    }
  }

  /** A transaction that fails in the end, or half of which is taken back. */
  async #undone(db: Database): Promise<void> {
    const random = this.#random
    await db.transaction((tx) => {
      this.#write(tx.collection(NAME))
      try {
        tx.savepoint(() => {
          this.#write(tx.collection(NAME))
          throw new Error('taken back')
        })
      } catch {
        // Goes on with what was there before the savepoint.
      }
      if (random.below(2) === 0) throw new VarveError('VARVE_TRANSACTION', 'given up')
    })
  }

  #write(rows: { put(row: Row): unknown; delete(key: number): boolean }): void {
    const random = this.#random
    for (let i = random.below(6); i >= 0; i--) {
      const id = random.below(this.#setting.keys)
      if (random.below(4) === 0) rows.delete(id)
      else rows.put(this.#row(id))
    }
  }

  #row(id: number): Row {
    const random = this.#random
    const pick = <T>(...values: T[]): T => values[random.below(values.length)] as T
    return {
      id,
      n: pick<unknown>(random.below(6), 2n, null, 'text', Number.NaN, -0, new Date(5), { no: 'order' }),
      tags: pick<unknown>([], ['a'], ['a', 'b', 'a'], 'c', [[1]], [null, 1]),
      deep: pick<unknown>({ a: random.below(3) }, { a: 'x'.repeat(random.below(200)) }, {}, null),
      list: pick<unknown>([{ x: 1 }, { x: 2 }, {}], [], [3], { x: 9 }),
      flag: pick(true, false),
      text: pick('b', 'ä', ''),
      ...(random.below(3) === 0 ? { alone: random.below(5 * this.#setting.keys) } : {}),
    }
  }

  async #register(): Promise<void> {
    const random = this.#random
    const chosen = Object.entries(INDEXES).filter(() => random.below(3) > 0)
    const db = new Database(this.#open())
    await this.#refusable(() =>
      db.registerCollection(NAME, [], 'id', { indexes: Object.fromEntries(chosen) }),
    )
  }

  /** As it is in the file, with nobody to close it. */
  #kill(): void {
    const bytes = fileBytes(this.#storage)
    this.#storage = storageWith({ [PATH]: bytes })
    this.#engine = undefined
  }

  #check(state: DatabaseState): void {
    const collection = this.#collectionOf(state)
    if (collection === undefined) return
    const rows = this.#rowsOf(collection)
    for (const { definition, tree, rows: held } of collection.indexes) {
      const { on, kinds, where, builtTo } = definition
      expect(builtTo, definition.name).toBeUndefined()
      const expected = entriesOf({ on, kinds, holds: where === undefined ? HOLDS_ALL : holdsSome }, rows)
      const entries: string[] = []
      for (const cursor = tree.cursor({}); cursor.next();) entries.push(hex(cursor.key()))
      expect(entries, definition.name).toEqual(expected.entries)
      expect(held, definition.name).toBe(expected.rows)
    }
  }

  #collectionOf(state: DatabaseState): CollectionState | undefined {
    const id = state.names.get(NAME)
    return id === undefined ? undefined : state.collections.get(id)
  }

  #rowsOf({ definition, tree }: CollectionState): OracleRow[] {
    const rows: OracleRow[] = []
    for (const cursor = tree.cursor({}); cursor.next();) {
      const key = cursor.key()
      rows.push({ key, row: this.#open().generation.rows.read(definition.id, cursor.ref, key) })
    }
    return rows
  }

  #remember(): void {
    const { state } = this.#open()
    this.#past.push({ sequence: state.commit.sequence, entries: this.#textOf(state) })
  }

  #textOf(state: DatabaseState): string {
    const lines: string[] = []
    for (const { definition, tree } of this.#collectionOf(state)?.indexes ?? []) {
      for (const cursor = tree.cursor({}); cursor.next();)
        lines.push(`${definition.name} ${hex(cursor.key())}`)
    }
    return lines.join('\n')
  }

  #checkPast(): void {
    for (const { sequence, entries } of this.#past) {
      if (this.#random.below(3) > 0) continue
      expect(this.#textOf(stateAt(this.#open(), sequence)), `commit ${sequence}`).toBe(entries)
    }
  }
}

describe('secondary indexes (I22)', () => {
  it.each(SETTINGS)('hold what the rows say: $name', async (setting) => {
    const random = randomFrom(seed)
    let refused = 0
    const parts = vi.spyOn(NodeStore.prototype, 'part')
    const rounds = setting.rows > 0 ? count(4, 60) : count(12, 400)
    for (let round = 0; round < Math.max(3, rounds); round++) {
      const session = new Session(random, setting)
      await session.run(30)
      refused += session.refused
    }
    expect(refused).toBeGreaterThan(0)
    const isPart = ({ value }: { readonly value: unknown }): boolean =>
      value instanceof Node && isPartial(value) && value.columns === ColumnCount.keysLeaf
    if (setting.rows > 0) expect(parts.mock.results.filter(isPart).length).toBeGreaterThan(0)
    parts.mockRestore()
  })
})
