/** What a replay puts off, and carries out in the order of keys, leaves what the log says. */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/database.js'
import { count, seed } from '../../support/counts.js'
import { stateOf } from '../../support/model-text.js'
import { type Random, randomFrom } from '../../support/random.js'
import { verify } from '../../../src/tools.js'
import { harness, type Harness, PATH } from './harness.js'

/** Of this length, a leaf holds a few rows. */
const KEY_LENGTH = 300
const KEYS = 300
const STEPS = 12

type Tx = Parameters<Parameters<Database['transactionSync']>[0]>[0]

function keyOf(n: number): string {
  return `${'k'.repeat(n % 7 === 0 ? 3 : KEY_LENGTH)}${String(n).padStart(4, '0')}`
}

/** Rows in no order, some of them put several times, or put and deleted. */
function change(tx: Tx, random: Random, collection: string, rows: number): void {
  for (let i = 0; i < rows; i++) {
    const id = keyOf(random.below(KEYS))
    if (random.below(4) === 0) tx.collection(collection).delete(id)
    else tx.collection(collection).put({ id, n: random.below(100) })
  }
}

/** What may stand between them in a log. */
const STEPS_OF: readonly ((db: Database, random: Random, step: number) => unknown)[] = [
  (db, random) => db.transactionSync((tx) => change(tx, random, 'a', 100)),
  (db, random) => db.transactionSync((tx) => change(tx, random, 'b', 100)),
  (db, random) => {
    for (let i = 0; i < 40; i++) db.transactionSync((tx) => change(tx, random, i % 2 === 0 ? 'a' : 'b', 3))
  },
  // Several frames: it might be rolled back.
  (db, random) =>
    db.transactionSync((tx) => {
      change(tx, random, 'a', 50)
      tx.collection('a').put({ id: keyOf(random.below(KEYS)), long: 'x'.repeat(2_000_000) })
      change(tx, random, 'b', 50)
    }),
  (db, random, step) =>
    db.transactionSync((tx) => {
      tx.collection('a').put({ id: keyOf(random.below(KEYS)), [`field${step}`]: step })
      tx.registerCollection(`more${step}`, [], 'id')
      change(tx, random, `more${step}`, 80)
    }),
  (db) =>
    db.transactionSync((tx) => {
      tx.dropCollection('b')
      tx.registerCollection('b', [], 'id')
    }),
  (db) => db.checkpoint(),
]

async function expectReplayed({ db, disk, clock }: Harness): Promise<void> {
  const storage = disk.killImage()
  const replayed = await clock.Database.open(PATH, { storage })
  // Compared as a whole: a message with both would be long.
  expect(stateOf(replayed) === stateOf(db)).toBe(true)
  expect(replayed.stats().records).toEqual(db.stats().records)
  // The digest is in the checkpoint, and held against the rows.
  await replayed.checkpoint()
  await replayed.close()
  expect(await verify(PATH, { storage, deep: true })).toMatchObject({ ok: true, findings: [] })
}

describe('rows that a replay puts off', () => {
  it('are those of the log, whatever stands between them', async () => {
    for (let run = 0; run < count(4, 100); run++) {
      const random = randomFrom(seed + run)
      const opened = await harness({ cacheBytes: random.below(2) * 2 ** 20 })
      const { db } = opened
      await db.registerCollection('b', [], 'id')
      for (let step = 0; step < STEPS; step++)
        await STEPS_OF[random.below(STEPS_OF.length)]?.(db, random, step)
      await expectReplayed(opened)
      await db.close()
    }
  })
})
