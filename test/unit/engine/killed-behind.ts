/** Databases that were killed behind a checkpoint, and what they held. */
import type { Database } from '../../../src/database.js'
import type { DatabaseStats } from '../../../src/stats.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { fileBytes, openOn } from '../../corruption/databases.js'
import { stateOf } from '../../support/model-text.js'

export const ROWS = 3000
export const idOf = (n: number): string => `${n}`.padStart(9, '0')

export interface Killed {
  readonly expected: string
  readonly records: DatabaseStats['records']
  readonly bytes: Uint8Array
}

/** A database with a checkpoint behind its rows, killed behind `write`; a cache for all of it, so that no other checkpoint comes. */
export async function killedBehind(write: (db: Database) => unknown, indexed = false): Promise<Killed> {
  const storage = new MemoryStorage()
  const db = openOn(storage)
  const indexes = indexed ? { indexes: { byN: { on: 'n' } } } : {}
  await db.registerCollection('docs', [], 'id', indexes)
  await db.insertMany(
    'docs',
    Array.from({ length: ROWS }, (_, n) => ({ id: idOf(n), n })),
  )
  await db.checkpoint()
  await write(db)
  const killed = { expected: stateOf(db), records: db.stats().records, bytes: fileBytes(storage) }
  await db.close()
  return killed
}

/** Rows all over the collection. */
export const SOME: readonly number[] = Array.from({ length: 120 }, (_, i) => (i * 1009) % ROWS)
