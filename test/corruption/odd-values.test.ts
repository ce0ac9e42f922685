/**
 * Odd rows and keys through the whole database, reopened: catalogue row 17.
 *
 * Oracle. A row comes back exactly, from the open database and from a reopened one, rows in the order of their keys;
 * what may not be stored is refused with a typed error and leaves nothing behind; no prototype changes.
 */
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.js'
import type { Key } from '../../src/format/key.js'
import { encodeKey } from '../../src/format/key.js'
import { hex } from '../../src/format/integers.js'
import { count, seed, UNHURRIED_MS } from '../support/counts.js'
import { oddKey, oddObject, REFUSED_KEYS, refusedValue } from '../support/odd-values.js'
import { randomFrom } from '../support/random.js'
import { caught, openOn, storageWith } from './databases.js'

const ROWS: number = count(10_000, 1_000_000)
const BATCH = 500

/** Own names and values of a prototype: what careless decoding would change. */
const fingerprint = (): string =>
  [Object.prototype, Array.prototype, Map.prototype, Function.prototype]
    .map((prototype) => Reflect.ownKeys(prototype).map(String).toSorted().join())
    .join('\n')

describe('odd rows and keys', () => {
  it('come back exactly, also after a reopen', { timeout: UNHURRIED_MS }, () => {
    const before = fingerprint()
    const random = randomFrom(seed)
    const storage = storageWith({})
    const model = new Map<string, Record<string, unknown>>()
    let db = openOn(storage)
    db.transactionSync((tx) => tx.registerCollection('odd', [], 'id'))
    let refused = 0
    for (let done = 0; done < ROWS; done += BATCH) {
      db.transactionSync((tx) => {
        for (let i = 0; i < BATCH; i++) {
          const id = oddKey(random)
          const row = { ...oddObject(random), id }
          tx.collection('odd').put(row)
          model.set(hex(encodeKey([id as string], ['any'], 'primary')), row)
          if (i % 10 !== 0) continue
          const error = caught(() =>
            tx.collection('odd').put({ id: `refused ${i}`, bad: refusedValue(random) }),
          )
          expect(VarveError.is(error), String(error)).toBe(true)
          refused++
        }
      })
      if (done % (10 * BATCH) === 0) {
        db.closeSync()
        db = openOn(storage, { recovery: 'strict' })
      }
    }
    db.closeSync()
    db = openOn(storage, { recovery: 'strict' })
    const keys = [...model.keys()].toSorted()
    expect(db.count('odd')).toBe(keys.length)
    let at = 0
    for (const row of db.collection('odd').range()) {
      const expected = model.get(keys[at++] ?? '')
      if (!isDeepStrictEqual(row, expected)) expect(row).toStrictEqual(expected)
    }
    for (const row of model.values()) {
      if (!isDeepStrictEqual(db.get('odd', row['id'] as Key), row))
        expect.fail('a row is not found by its key')
    }
    db.closeSync()
    console.log(`${ROWS} rows, ${keys.length} keys, ${refused} refusals, VARVE_SEED=${seed}`)
    expect(fingerprint()).toBe(before)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(refused).toBeGreaterThan(ROWS / 20)
  })

  it.each(REFUSED_KEYS.map((key) => [typeof key === 'symbol' ? 'a symbol' : key, key]))(
    'refuses the key %j',
    (_name, id) => {
      const db = openOn(storageWith({}))
      db.transactionSync((tx) => tx.registerCollection('odd', [], 'id'))
      const { commitSequence } = db
      const error = caught(() => db.collection('odd').putSync({ id, value: 1 }))
      expect(VarveError.is(error), String(error)).toBe(true)
      expect(db.commitSequence).toBe(commitSequence)
      expect(db.count('odd')).toBe(0)
      db.closeSync()
    },
  )

  it('takes 0 and -0, and a number and a bigint of one value, for the same key', () => {
    const db = openOn(storageWith({}))
    db.transactionSync((tx) => tx.registerCollection('odd', [], 'id'))
    for (const id of [0, -0, 0n, 7, 7n]) db.collection('odd').putSync({ id, by: typeof id })
    expect(db.count('odd')).toBe(2)
    expect(db.get('odd', 7)).toEqual({ id: 7n, by: 'bigint' })
    db.closeSync()
  })

  it('canary: a difference in sign, type or prototype would be seen', () => {
    expect(isDeepStrictEqual({ a: -0 }, { a: 0 })).toBe(false)
    expect(isDeepStrictEqual({ a: 1n }, { a: 1 })).toBe(false)
    expect(isDeepStrictEqual({}, JSON.parse('{"__proto__":1}'))).toBe(false)
    expect(isDeepStrictEqual(new Map([[1, 2]]), new Map([[1, 3]]))).toBe(false)
  })
})
