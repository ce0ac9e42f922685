/** Entries of an index that have much in common: they take little of an image, and of a leaf as much as others. */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/database.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { fileBytes, openOn, PATH, storageWith } from '../../corruption/databases.js'
import { verifiesClean } from '../../reader/engine-facts.js'

const textOf = (n: number, bytes: number): string => `${n}`.padStart(5, '0').padEnd(bytes, '.')

/** Inserts so many rows of one text, in one commit or in one each. */
async function insertDense(
  db: Database,
  { from, rows, bytes, alone }: { from: number; rows: number; bytes: number; alone: boolean },
): Promise<void> {
  const made = Array.from({ length: rows }, (_, n) => ({ id: `new ${from + n}`, text: textOf(150, bytes) }))
  if (alone) for (const row of made) await db.insert('docs', row)
  else await db.insertMany('docs', made)
}

function expectFound(db: Database, rows: number, bytes: number): void {
  const found = db.collection('docs').find({ text: textOf(150, bytes) })
  expect([...found]).toHaveLength(rows + 1)
}

describe('many entries of one value, added to a leaf that was not read', () => {
  for (const bytes of [20, 60, 230]) {
    for (const rows of [50, 150, 300, 350, 1000]) {
      for (const alone of [false, true]) {
        const how = alone ? 'in commits of their own' : 'in one commit'
        it(`are found after crashes, and stored soundly: ${rows} of ${bytes} bytes, ${how}`, async () => {
          await expectSoundAfter({ crashes: 3, rows, bytes, alone })
        })
      }
    }
    it(`are stored soundly over many crashes, of ${bytes} bytes`, async () => {
      for (const rows of [3, 20, 40]) await expectSoundAfter({ crashes: 20, rows, bytes, alone: false })
    })
  }
})

interface Crashes {
  readonly crashes: number
  readonly rows: number
  readonly bytes: number
  readonly alone: boolean
}

/** Crashes behind so many rows each time; a checkpoint is taken when the log was replayed. */
async function expectSoundAfter({ crashes, rows, bytes, alone }: Crashes): Promise<void> {
  let storage = new MemoryStorage()
  let db = openOn(storage)
  await db.registerCollection('docs', [], 'id', { indexes: { byText: { on: 'text' } } })
  const first = Array.from({ length: 300 }, (_, n) => ({ id: `old ${n}`, text: textOf(n, bytes) }))
  await db.insertMany('docs', first)
  await db.checkpoint()
  for (let crash = 0; crash < crashes; crash++) {
    await insertDense(db, { from: crash * rows, rows, bytes, alone })
    const killed = fileBytes(storage)
    await db.close()
    storage = storageWith({ [PATH]: killed })
    db = openOn(storage)
    if (crash % 3 === 1) expectFound(db, (crash + 1) * rows, bytes)
    await db.checkpoint()
    if (crash % 3 === 2) expectFound(db, (crash + 1) * rows, bytes)
  }
  await db.close()
  expect(await verifiesClean(fileBytes(storage))).toBe(true)
}
