/** A read that fails inside a transaction: the operation throws, and whatever is committed is whole. */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/database.js'
import { VarveError } from '../../../src/errors.js'
import { stateOf } from '../../support/model-text.js'
import { count, seed } from '../../support/counts.js'
import { type Random, randomFrom } from '../../support/random.js'
import { harness, type Harness } from './harness.js'

/** Of this length, leaves hold a few rows each, and a few hundred rows make a tree of several levels. */
const KEY_LENGTH = 500
const ROWS = 30

function keyOf(n: number): string {
  return `${'k'.repeat(KEY_LENGTH)}${String(n).padStart(4, '0')}`
}

/** A database whose rows and nodes are all stored, and of which nothing stays in memory. */
async function stored(): Promise<Harness> {
  const harnessed = await harness({ cacheBytes: 0 })
  const { db } = harnessed
  await db.insertMany(
    'a',
    Array.from({ length: ROWS }, (_, n) => ({ id: keyOf(n * 2), n })),
  )
  await db.checkpoint()
  return harnessed
}

function readsOf({ storage }: Harness, run: () => void): number {
  const before = storage.calls.read
  run()
  return storage.calls.read - before
}

/** What a log says that is replayed from its begin, against what the index says. */
async function expectLogAndIndexEqual({ db, disk, clock }: Harness): Promise<void> {
  const expected = stateOf(db)
  const image = disk.killImage()
  const replayed = await clock.Database.open('dir/test.varve', { storage: image })
  // Compared as a whole: a message with both would be long.
  expect(stateOf(replayed) === expected).toBe(true)
  expect(replayed.recoveryInfo.badRanges).toEqual([])
}

type Tx = Parameters<Parameters<Database['transactionSync']>[0]>[0]

const OPERATIONS: Readonly<Record<string, (tx: Tx, n: number) => unknown>> = {
  'put of a new row': (tx, n) => tx.collection('a').put({ id: keyOf(n * 2 + 1), n: -1 }),
  'put of a row that is there': (tx, n) => tx.collection('a').put({ id: keyOf(n * 2), n: -2 }),
  'put of a row with a new structure': (tx, n) =>
    tx.collection('a').put({ id: keyOf(n * 2), [`field${n}`]: -3 }),
  insert: (tx, n) => tx.collection('a').insert({ id: keyOf(n * 2 + 1), n: -4 }),
  update: (tx, n) => tx.collection('a').update(keyOf(n * 2), { n: -5 }),
  delete: (tx, n) => tx.collection('a').delete(keyOf(n * 2)),
  'registering a collection': (tx, n) => tx.registerCollection(`more${n}`, [], 'id'),
}

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'done'
  } catch (error) {
    if (VarveError.is(error)) return error.code
    throw error
  }
}

describe('a read that fails inside a transaction', () => {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    for (const first of [true, false]) {
      it(`${name}, ${first ? 'first' : 'after another write'}: throws, and the transaction goes on`, async () => {
        const { db } = await stored()
        const rehearsal = await stored()
        const calls = readsOf(rehearsal, () => rehearsal.db.transactionSync((tx) => void operation(tx, 7)))
        await db.close()
        for (let nth = 1; nth <= calls; nth++) {
          const run = await stored()
          run.db.transactionSync((tx) => {
            if (!first) tx.collection('a').put({ id: 'earlier', n: 1 })
            const before = tx.collection('a').range().toArray()
            run.storage.plan({ operation: 'read', nth, fault: { error: 'EIO' } })
            const code = codeOf(() => operation(tx, 7))
            const fired = run.storage.fired.length
            run.storage.heal()
            // A deletion does without the siblings that it cannot read.
            if (code !== 'done') expect(tx.collection('a').range().toArray()).toEqual(before)
            expect(fired === 0 || code !== 'done' || name === 'delete').toBe(true)
          })
          await expectLogAndIndexEqual(run)
          run.db.transactionSync((tx) => void operation(tx, 8))
          await expectLogAndIndexEqual(run)
          await run.db.close()
        }
        await rehearsal.db.close()
      })
    }
  }

  it('at random places of random transactions, kept, rolled back to a savepoint, or rolled back', async () => {
    const random = randomFrom(seed)
    for (let round = 0; round < count(12, 500); round++) await randomRound(random)
  })

  it('rolls back to a savepoint, and further, over a leaf that rolling back emptied beside one that cannot be read', async () => {
    const { db, storage } = await harness({ cacheBytes: 0 })
    await db.registerCollection('a', [], 'id', { indexes: { byN: { on: 'n' } } })
    const idOf = (n: number): string => `${'k'.repeat(700)}${String(n).padStart(4, '0')}`
    // A full root above six leaves of five keys.
    await db.insertMany(
      'a',
      Array.from({ length: 30 }, (_, i) => ({ id: idOf(i * 2), n: i * 2 })),
    )
    await db.checkpoint()
    const before = stateOf(db)
    const undone = (): never => {
      storage.plan({ operation: 'read', nth: 1, times: Infinity, fault: { error: 'EIO' } })
      throw new RangeError('The test says so.')
    }
    db.transactionSync((tx) => {
      const a = tx.collection('a')
      a.put({ id: idOf(38), n: 1 })
      expect(() =>
        tx.savepoint(() => {
          a.delete(idOf(38))
          expect(() =>
            tx.savepoint(() => {
              a.put({ id: idOf(37), n: 2 })
              a.put({ id: idOf(38), n: 3 })
              undone()
            }),
          ).toThrow(RangeError)
          undone()
        }),
      ).toThrow(RangeError)
      storage.heal()
      a.put({ id: idOf(38), n: 38 })
    })
    expect(stateOf(db) === before).toBe(true)
    await db.close()
  })

  it('an operation refused for its size leaves nothing behind, first in its transaction or not', async () => {
    const { db, storage, clock } = await harness({ maxTransactionBytes: 1000 })
    for (const earlier of [false, true]) {
      db.transactionSync((tx) => {
        if (earlier) tx.collection('a').put({ id: 1 })
        expect(codeOf(() => tx.collection('a').put({ id: 2, text: 'x'.repeat(2000) }))).toBe('VARVE_LIMIT')
      })
      await db.put('a', { id: 3, earlier })
    }
    await db.close()
    const again = await clock.Database.open('dir/test.varve', { storage, recovery: 'strict' })
    expect(again.recoveryInfo.badRanges).toEqual([])
    expect(again.collection('a').range().toArray()).toEqual([{ id: 1 }, { id: 3, earlier: true }])
    await again.close()
  })
})

/** Some transactions with one failing read each. */
async function randomRound(random: Random): Promise<void> {
  const run = await stored()
  const { db, storage } = run
  const operations = Object.values(OPERATIONS)
  for (let i = 0; i < 6; i++) {
    const before = stateOf(db)
    const fails = random.below(4) === 0
    const one = (tx: Tx): string =>
      codeOf(() => operations[random.below(operations.length)]?.(tx, random.below(ROWS)))
    storage.plan({ operation: 'read', nth: 1 + random.below(60), fault: { error: 'EIO' } })
    try {
      db.transactionSync((tx) => {
        for (let step = random.below(8); step >= 0; step--) {
          if (random.below(3) > 0) one(tx)
          else codeOf(() => tx.savepoint(() => void [one(tx), one(tx), one(tx)]))
        }
        storage.heal()
        if (fails) throw new RangeError('The test says so.')
      })
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    if (fails) expect(stateOf(db) === before).toBe(true)
    await expectLogAndIndexEqual(run)
  }
  await db.checkpoint()
  await expectLogAndIndexEqual(run)
  await db.close()
}
