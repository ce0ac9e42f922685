/** Leaves that were added to unread, and read for a write that is refused: what is stored of them is bounded all the same. */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/database.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { fileBytes, openOn, PATH, storageWith } from '../../corruption/databases.js'
import { verifiesClean } from '../../reader/engine-facts.js'

const refused = {
  'an insert of a row that is there': (db: Database, id: string) => db.insert('docs', { id, u: -1 }),
  'a put of a value that another row has': (db: Database, id: string) => db.put('docs', { id, u: 1 }),
  'an update to a value that another row has': (db: Database, id: string) => db.update('docs', id, { u: 1 }),
}

/** Crashes behind so many rows each time. */
async function expectSoundAfter(
  refuse: (db: Database, id: string) => Promise<unknown>,
  keyBytes: number,
  rowsBefore: (crash: number) => number,
  crashes: number,
): Promise<void> {
  const idOf = (n: number): string => `${'x'.repeat(keyBytes)}${`${n}`.padStart(5, '0')}`
  let storage = new MemoryStorage()
  let db = openOn(storage)
  const reopen = async (): Promise<void> => {
    const killed = fileBytes(storage)
    await db.close()
    storage = storageWith({ [PATH]: killed })
    db = openOn(storage)
  }
  await db.registerCollection('docs', [], 'id', { indexes: { byU: { on: 'u', unique: true } } })
  let rows = 300
  await db.insertMany(
    'docs',
    Array.from({ length: rows }, (_, n) => ({ id: idOf(n), u: n })),
  )
  await db.checkpoint()
  // Leaves of keys that share their prefix.
  await db.compact()
  for (let crash = 0; crash < crashes; crash++) {
    for (let k = rowsBefore(crash); k > 0; k--)
      await db.insert('docs', { id: `${idOf(150)}-${`${rows}`.padStart(5, '0')}`, u: rows++ })
    await reopen()
    // What is refused is taken back in place only behind a change that is not.
    await db.insert('docs', { id: `y ${rows}`, u: rows++ })
    await expect(refuse(db, idOf(150))).rejects.toThrow()
    await db.checkpoint()
    await reopen()
  }
  expect([...db.collection('docs').range()]).toHaveLength(rows)
  expect(await verifiesClean(fileBytes(storage))).toBe(true)
  await db.close()
}

describe('a leaf that was added to unread, and read for what is refused', () => {
  for (const [name, refuse] of Object.entries(refused)) {
    it(`does not outgrow what a leaf may weigh: ${name}`, async () => {
      await expectSoundAfter(refuse, 60, () => 14, 12)
    })
    it(`can be read, however often that comes: ${name}`, async () => {
      await expectSoundAfter(refuse, 170, (crash) => (crash < 25 ? 3 : crash < 40 ? 5 : 7), 65)
    })
  }
})
