/** Rows kept decoded: within their budget, and never older than the commit that is read. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowCache } from '../../../src/engine/row-cache.js'
import {
  Database,
  defineCollection,
  field,
  type Query,
  type Row,
  type TransactionHandle,
} from '../../../src/index.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { RecordRef } from '../../../src/tree/index.js'
import { difference, storableRow } from '../../support/storable.js'

const CACHE_BYTES = 1024 * 1024

function refOf(position: number): RecordRef {
  const ref = new RecordRef()
  ref.position = position
  ref.lengthBytes = 200
  ref.crc = position * 7
  return ref
}

/** Offers a row until it is kept. */
function keep(cache: RowCache, position: number, row: Row): void {
  cache.offer(refOf(position), 1, row)
  cache.offer(refOf(position), 1, row)
}

describe('a cache of rows', () => {
  it('keeps a row that is read twice, and gives copies of it', () => {
    const cache = new RowCache(CACHE_BYTES, () => 1e6)
    const row = { id: 'a', list: [1, { deep: new Date(5) }], bytes: new Uint8Array([1, 2]) }
    cache.offer(refOf(4096), 1, row)
    expect(cache.at(refOf(4096), 1)).toBeUndefined()
    cache.offer(refOf(4096), 1, row)
    row.list.push(2)
    row.bytes[0] = 9
    const expected = { id: 'a', list: [1, { deep: new Date(5) }], bytes: new Uint8Array([1, 2]) }
    const first = cache.at(refOf(4096), 1)
    expect(first).toEqual(expected)
    Object.assign(first?.['list'] as object, { 1: 'changed' })
    expect(cache.at(refOf(4096), 1)).toEqual(expected)
  })

  it('gives a row for its record alone, and keeps none whose place may come to hold another', () => {
    const cache = new RowCache(CACHE_BYTES, () => 8192)
    keep(cache, 4096, { id: 'a' })
    expect(cache.at(refOf(4096), 2)).toBeUndefined()
    const other = refOf(4096)
    other.crc += 1
    expect(cache.at(other, 1)).toBeUndefined()
    keep(cache, 8192, { id: 'b' })
    expect(cache.count).toBe(1)
  })

  it('stays within what nodes leave free, but for its own share', () => {
    const cache = new RowCache(CACHE_BYTES, () => 1e9)
    for (let i = 1; i <= 4000; i++) keep(cache, i * 256, { id: i, text: 'x'.repeat(100) })
    expect(cache.bytes).toBeLessThanOrEqual(CACHE_BYTES * 0.75)
    expect(cache.count).toBeGreaterThan(1000)
    cache.makeRoom(CACHE_BYTES / 4)
    expect(cache.bytes).toBeLessThanOrEqual(CACHE_BYTES / 4)
    cache.makeRoom(-5)
    expect(cache.bytes).toBeLessThanOrEqual(CACHE_BYTES / 16)
    expect(cache.count).toBeGreaterThan(0)
    cache.letGo()
    keep(cache, 256, { id: 1 })
    expect([cache.count, cache.bytes]).toEqual([0, 0])
  })

  it('evicts what was not asked for lately', () => {
    const cache = new RowCache(CACHE_BYTES, () => 1e9)
    for (let i = 1; i <= 6000; i++) {
      keep(cache, i * 256, { id: i })
      cache.at(refOf(256), 1)
    }
    expect(cache.evictions).toBeGreaterThan(0)
    expect(cache.at(refOf(256), 1)).toEqual({ id: 1 })
    expect(cache.at(refOf(512), 1)).toBeUndefined()
  })

  it('notes no row by its key while commits are on their way', () => {
    const cache = new RowCache(CACHE_BYTES, () => 1e6)
    keep(cache, 4096, { id: 'a' })
    keep(cache, 4352, { id: 'b' })
    cache.note(4096, 'a')
    expect(cache.ofKey(1, 'a')).toEqual({ id: 'a' })
    cache.replaced(4096)
    expect(cache.ofKey(1, 'a')).toBeUndefined()
    cache.note(4352, 'b')
    expect(cache.ofKey(1, 'b')).toBeUndefined()
    cache.settle()
    cache.note(4352, 'b')
    expect(cache.ofKey(1, 'b')).toEqual({ id: 'b' })
  })
})

type Act =
  | { readonly do: 'get' | 'delete' | 'deleteSync'; readonly key: number }
  | { readonly do: 'put' | 'putSync' | 'update'; readonly key: number }
  | {
      readonly do: 'transaction' | 'transactionSync'
      readonly keys: readonly number[]
      readonly fails: boolean
    }
  | { readonly do: 'openTransaction'; readonly keys: readonly number[]; readonly fails: boolean }
  | { readonly do: 'await' | 'turn' | 'compact' | 'keep' | 'find' }

const key = fc.nat(5)
const keys = fc.array(key, { minLength: 1, maxLength: 3 })
const acts = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
    fc.record({ do: fc.constantFrom('put' as const, 'putSync' as const, 'update' as const), key }),
    fc.record({ do: fc.constantFrom('delete' as const, 'deleteSync' as const), key }),
    fc.record({
      do: fc.constantFrom('transaction' as const, 'transactionSync' as const, 'openTransaction' as const),
      keys,
      fails: fc.boolean(),
    }),
    fc.record({ do: fc.constantFrom('await' as const, 'turn' as const, 'compact' as const) }),
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('keep' as const, 'find' as const) }) },
  ),
  { minLength: 10, maxLength: 60 },
)

function unexpected(): never {
  throw new Error('A transaction that throws was committed.')
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A database, and what each of its keys held after each commit that was asked for. */
class Session {
  readonly #db = Database.openInMemory()
  readonly #pending: Promise<unknown>[] = []
  /** Whether a transaction may be open, behind which blocking writes are refused. */
  #open = false
  #version = 0
  /** By key, all values from the oldest that may be visible to the newest. */
  readonly #values = new Map<number, (number | undefined)[]>()
  /** Queries, and what they must find whatever was written since they were made. */
  readonly #queries: { readonly query: Query; readonly rows: string }[] = []

  async run(list: readonly Act[]): Promise<void> {
    const rows = await this.#db.registerCollection('rows', [], 'id', { indexes: { byAll: { on: 'all' } } })
    // Others, so that the index serves to find these.
    await rows.insertMany(Array.from({ length: 20 }, (_, i) => ({ id: 100 + i, all: 0 })))
    expect(rows.find({ all: 1 }).explain().access[0]?.index).toBe('byAll')
    for (const act of list) await this.#act(act)
    await this.#settle()
    for (let i = 0; i < 6; i++) this.#look(i)
    this.#find()
    await this.#db.close()
  }

  #look(id: number): void {
    const allowed = this.#values.get(id) ?? [undefined]
    // Often enough to be kept, and then found by its key.
    for (let i = 0; i < 4; i++) expect(allowed).toContain(this.#db.get('rows', id)?.['version'])
  }

  /** Every query again: by an entry that stays while its row moves. */
  #find(): void {
    this.#keep()
    for (const { query, rows } of this.#queries) {
      for (let i = 0; i < 3; i++) expect(JSON.stringify(query.toArray())).toBe(rows)
    }
  }

  #keep(): void {
    const rows = this.#db.collection('rows')
    const expected = JSON.stringify(rows.range({ lt: 100 }).toArray())
    this.#queries.push({ query: rows.find({ all: 1 }), rows: expected })
  }

  #write(id: number, version: number | undefined): void {
    this.#values.set(id, [...(this.#values.get(id) ?? [undefined]), version])
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0))
    this.#open = false
    for (const [id, values] of this.#values) this.#values.set(id, values.slice(-1))
  }

  async #act(act: Act): Promise<void> {
    if (act.do === 'get') this.#look(act.key)
    else if (act.do === 'await') await this.#settle()
    else if (act.do === 'turn') await turn()
    else if (act.do === 'keep') this.#keep()
    else if (act.do === 'find') this.#find()
    else if (act.do === 'compact') this.#pending.push(this.#db.compact().catch(() => undefined))
    else if ('keys' in act) await this.#transact(act)
    else if ('key' in act) await this.#change(act)
  }

  async #change(act: Extract<Act, { readonly key: number }>): Promise<void> {
    const db = this.#db.collection('rows')
    const row = { id: act.key, all: 1, version: ++this.#version }
    const sync = act.do === 'putSync' || act.do === 'deleteSync'
    if (sync && this.#open) await this.#settle()
    if (act.do === 'put') this.#pending.push(db.put(row))
    else if (act.do === 'putSync') db.putSync(row)
    else if (act.do === 'update') this.#pending.push(db.update(act.key, { version: row.version }))
    else if (act.do === 'delete') this.#pending.push(db.delete(act.key))
    else if (act.do === 'deleteSync') db.deleteSync(act.key)
    const gone = act.do === 'delete' || act.do === 'deleteSync'
    const absent = act.do === 'update' && (this.#values.get(act.key) ?? []).at(-1) === undefined
    if (!absent) this.#write(act.key, gone ? undefined : row.version)
    if (sync) await this.#settle()
  }

  async #transact({ do: how, keys: ids, fails }: Extract<Act, { readonly fails: boolean }>): Promise<void> {
    const db = this.#db
    const version = ++this.#version
    const put = (tx: TransactionHandle): void => {
      for (const id of ids) {
        tx.collection('rows').put({ id, all: 1, version })
        expect(tx.collection('rows').get(id)).toEqual({ id, all: 1, version })
        expect(tx.collection('rows').find({ all: 1 }).toArray()).toContainEqual({ id, all: 1, version })
        // Others still see the commit before.
        this.#look(id)
      }
      if (fails) throw new Error('as meant')
    }
    if (how === 'transactionSync') {
      await this.#settle()
      if (fails) expect(() => db.transactionSync(put)).toThrow('as meant')
      else db.transactionSync(put)
    } else {
      this.#open = true
      const waits = how === 'openTransaction'
      const done = db.transaction(async (tx) => {
        if (waits) await turn()
        put(tx)
        if (waits) await turn()
      })
      this.#pending.push(fails ? done.then(unexpected, () => undefined) : done)
    }
    if (!fails) for (const id of ids) this.#write(id, version)
    if (how === 'transactionSync') await this.#settle()
  }
}

describe('copies', () => {
  it('are as the rows were, whatever they hold, and share nothing with what is kept', () => {
    fc.assert(
      fc.property(storableRow, (row) => {
        const cache = new RowCache(64 * CACHE_BYTES, () => 1e6)
        keep(cache, 4096, row)
        const first = cache.at(refOf(4096), 1)
        expect(difference(row, first)).toBeUndefined()
        if (first !== undefined) scramble(first)
        expect(difference(row, cache.at(refOf(4096), 1))).toBeUndefined()
      }),
    )
  })
})

/** Changes everything that a value holds. */
function scramble(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Date) value.setTime(1)
  else if (value instanceof Uint8Array) value.fill(7)
  else {
    const inner = value instanceof Map ? [...value.keys(), ...value.values()] : Object.values(value)
    for (const each of value instanceof Set ? value : inner) scramble(each)
    if (value instanceof Map || value instanceof Set) value.clear()
    else for (const name of Object.keys(value)) Reflect.deleteProperty(value, name)
  }
}

describe('rows found by their keys, or by an entry of an index', () => {
  it('are their own where a default that is code reads others meanwhile', async () => {
    const storage = new MemoryStorage()
    const old = await Database.open('x', { storage })
    await (
      await old.registerCollection('rows', [{ path: ['id'], type: 'int' }], 'id', { unknownFields: 'refuse' })
    ).insertMany([{ id: 1 }, { id: 2 }])
    await old.close()
    let meanwhile = (): void => undefined
    const more = field.int().default(() => {
      meanwhile()
      return 7
    })
    const Rows = defineCollection({ name: 'rows', primaryKey: 'id', fields: { id: field.int(), more } })
    const db = await Database.open('x', { storage, collections: [Rows] })
    const rows = db.collection(Rows)
    for (let i = 0; i < 3; i++) expect(rows.get(2)).toEqual({ id: 2, more: 7 })
    meanwhile = () => {
      meanwhile = () => undefined
      rows.get(2)
    }
    for (let i = 0; i < 6; i++) {
      expect(rows.get(1)).toEqual({ id: 1, more: 7 })
      meanwhile = () => {
        meanwhile = () => undefined
        rows.has(2)
      }
    }
    await db.close()
  })

  it('I29: are of the visible commit, whatever is on its way', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (list) => {
        await new Session().run(list)
      }),
      { numRuns: 200 },
    )
  })
})
