import { afterEach, describe, expect, it } from 'vitest'
import { Database, VarveError } from '../../../src/index.js'
import { type Harness, harness, PATH } from './harness.js'

const ROWS = 2000
const TEXT = 'x'.repeat(200)

/** Rows over some 30 pages, in order of their keys. */
async function filled(cacheBytes?: number): Promise<Harness> {
  const made = await harness({ cacheBytes })
  await made.db.insertMany(
    'a',
    Array.from({ length: ROWS }, (_, id) => ({ id, text: `row ${id}. ${TEXT}` })),
  )
  // So that their last page is whole.
  await made.db.insert('a', { id: ROWS, text: 'x'.repeat(40_000) })
  return made
}

function flip(disk: Harness['disk'], offset: number): void {
  const file = disk.open(PATH, 'readWrite')
  const byte = new Uint8Array(1)
  file.read(byte, offset)
  byte[0] = (byte[0] ?? 0) ^ 1
  file.write(byte, offset)
  file.close()
}

function offsetOf(disk: Harness['disk'], text: string): number {
  const file = disk.open(PATH, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return Buffer.from(bytes).indexOf(text)
}

function corruption(read: () => unknown): VarveError {
  try {
    read()
  } catch (error) {
    if (VarveError.is(error, 'VARVE_CORRUPTION')) return error
    throw error
  }
  throw new Error('Expected corruption, read a row.')
}

describe('rows read through pages in memory', () => {
  let opened: Harness
  afterEach(async () => {
    await opened.db.close()
  })

  it('cost one read of the file for many rows, where they are read in order', async () => {
    opened = await filled()
    const { db, storage } = opened
    const before = storage.calls.read
    expect(db.collection('a').range().toArray()).toHaveLength(ROWS + 1)
    expect(storage.calls.read - before).toBeLessThan(40)
    const { cache } = db.stats()
    expect(cache.pageHits).toBeGreaterThan(ROWS - 40)
    expect(cache.pageMisses).toBeGreaterThan(20)
    expect(cache.pageBytes).toBeLessThanOrEqual(cache.limitBytes / 8)
  })

  it('cost no read when they are read again', async () => {
    opened = await filled()
    const { db, storage } = opened
    for (let i = 0; i < 3; i++) db.get('a', 700)
    const before = storage.calls.read
    for (let i = 0; i < 20; i++) expect(db.get('a', 700)).toEqual({ id: 700, text: `row 700. ${TEXT}` })
    expect(storage.calls.read).toBe(before)
  })

  it('cost a read each where there is no memory for pages', async () => {
    opened = await filled(0)
    const { db, storage } = opened
    db.get('a', 700)
    const before = storage.calls.read
    for (let i = 0; i < 20; i++) expect(db.get('a', 700)?.['id']).toBe(700)
    expect(storage.calls.read - before).toBeGreaterThanOrEqual(20)
    expect(db.stats().cache).toMatchObject({ limitBytes: 0, pageBytes: 0, pageHits: 0, pageEvictions: 0 })
  })

  it('are found damaged at the same offset as without, but only if the file is (I13)', async () => {
    const offsets: unknown[] = []
    for (const cacheBytes of [0, undefined]) {
      opened = await filled(cacheBytes)
      const { db, disk } = opened
      const offset = offsetOf(disk, 'row 701.')
      flip(disk, offset)
      // Makes its page worth keeping before it is met.
      for (const id of [690, 691, 692, 700]) expect(db.get('a', id)?.['id']).toBe(id)
      const error = corruption(() => db.get('a', 701))
      offsets.push(error.details.offset)
      expect(offset - Number(error.details.offset)).toBeLessThan(60)
      expect(corruption(() => db.get('a', 701)).details).toEqual(error.details)
      expect(db.get('a', 702)?.['id']).toBe(702)
      flip(disk, offset)
      expect(db.get('a', 701)).toEqual({ id: 701, text: `row 701. ${TEXT}` })
      if (cacheBytes === 0) await db.close()
    }
    expect(offsets[0]).toBe(offsets[1])
  })

  it('are right while rows are added behind them, replaced and deleted', async () => {
    opened = await filled(64 * 1024 * 8)
    const { db } = opened
    for (let round = 0; round < 30; round++) {
      const rows = Array.from({ length: 40 }, (_, i) => ({
        id: round * 40 + i,
        text: `round ${round} ${TEXT}`,
      }))
      await db.transaction((tx) => rows.forEach((row) => tx.collection('a').put(row)))
      for (const row of rows) expect(db.get('a', row.id)).toEqual(row)
      for (const row of rows) expect(db.get('a', row.id)).toEqual(row)
      expect(db.stats().cache.pageBytes).toBeLessThanOrEqual(64 * 1024)
    }
    expect(db.stats().cache.pageHits).toBeGreaterThan(0)
  })
})

describe('a database in memory', () => {
  it('keeps no pages', async () => {
    const db = Database.openInMemory({ cacheBytes: 1024 * 1024 })
    await db.registerCollection('a', [], 'id')
    await db.insert('a', { id: 1 })
    for (let i = 0; i < 3; i++) db.get('a', 1)
    expect(db.stats().cache).toMatchObject({
      limitBytes: 1024 * 1024,
      pageBytes: 0,
      pageHits: 0,
      pageMisses: 0,
    })
    await db.close()
  })
})
