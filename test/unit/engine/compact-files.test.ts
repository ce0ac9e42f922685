/** What compactions leave on a disk, and when they come by themselves. */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/database.js'
import type { DatabaseOptions } from '../../../src/index.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import type { Storage } from '../../../src/storage/storage.js'
import { FaultyStorage } from '../../support/faulty-storage.js'
import { workloadPlatform, type WorkloadPlatform } from '../../support/workload-platform.js'

const PATH = 'rows.varve'
const LEFTOVER = `${PATH}.compact-0123456789abcdef`
const ROWS = 300

async function filled(
  platform: WorkloadPlatform,
  storage: Storage,
  autoCompact: DatabaseOptions['autoCompact'] = false,
): Promise<Database> {
  const db = await platform.Database.open(PATH, { storage, durability: 'os', autoCompact })
  await db.registerCollection('rows', [], 'id')
  await fill(db)
  return db
}

const fill = async (db: Database): Promise<unknown> =>
  await db
    .collection('rows')
    .insertMany(Array.from({ length: ROWS }, (_, id) => ({ id, text: 'x'.repeat(10_000) })))

const erase = async (db: Database): Promise<number> => await db.collection('rows').deleteWhere({})

/** Copies the bytes of a file to another name. */
function copy(storage: Storage, from: string, to: string, length = Number.POSITIVE_INFINITY): void {
  const source = storage.open(from, 'read')
  const bytes = new Uint8Array(Math.min(source.size(), length))
  source.read(bytes, 0)
  const target = storage.open(to, 'create')
  target.write(bytes, 0)
  target.close()
  source.close()
}

const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

/** Lets the clock pass the moment at which an automatic compaction looks, and waits until it is done. */
async function looked(platform: WorkloadPlatform, db: Database): Promise<void> {
  platform.advance(1500)
  do await wait()
  while (db.stats().compaction.running)
}

describe('what an unfinished compaction leaves', () => {
  it('goes with the next clean open, if it is of this database', async () => {
    const storage = new MemoryStorage()
    const platform = workloadPlatform({ seed: 1 })
    await (await filled(platform, storage)).close()
    for (const length of [0, 100, 4096, 100_000, undefined]) {
      copy(storage, PATH, LEFTOVER, length)
      await (await platform.Database.open(PATH, { storage, mode: 'readOnly' })).close()
      expect(storage.siblings(PATH)).toEqual([PATH, LEFTOVER])
      await (await platform.Database.open(PATH, { storage })).close()
      expect(storage.siblings(PATH)).toEqual([PATH])
    }
  })

  it('stays if it is of another database, if its name is another, or if the open cut something off', async () => {
    const storage = new MemoryStorage()
    const platform = workloadPlatform({ seed: 1 })
    await (await filled(platform, storage)).close()
    const other = new MemoryStorage()
    await (await filled(workloadPlatform({ seed: 2 }), other)).close()
    const stranger = other.open(PATH, 'read')
    const bytes = new Uint8Array(stranger.size())
    stranger.read(bytes, 0)
    const file = storage.open(LEFTOVER, 'create')
    file.write(bytes, 0)
    copy(storage, PATH, `${PATH}.compact-mine`)
    await (await platform.Database.open(PATH, { storage })).close()
    expect(storage.siblings(PATH)).toEqual([PATH, LEFTOVER, `${PATH}.compact-mine`])
    storage.remove(LEFTOVER)
    copy(storage, PATH, LEFTOVER)
    const damaged = storage.open(PATH, 'readWrite')
    damaged.write(new Uint8Array([1, 2, 3]), damaged.size())
    await (await platform.Database.open(PATH, { storage })).close()
    expect(storage.siblings(PATH)).toContain(LEFTOVER)
    await (await platform.Database.open(PATH, { storage })).close()
    expect(storage.siblings(PATH)).not.toContain(LEFTOVER)
  })
})

describe('the option autoCompact', () => {
  it('compacts when enough is to be gained, and not before', async () => {
    const storage = new MemoryStorage()
    const platform = workloadPlatform({ seed: 1 })
    const db = await filled(platform, storage, true)
    const { fileBytes } = db.stats()
    await looked(platform, db)
    expect(db.stats()).toMatchObject({ oldestSequence: 0, compaction: { recommended: false } })
    await erase(db)
    expect(db.stats().compaction.reclaimableBytes).toBeGreaterThan(fileBytes * 0.9)
    await looked(platform, db)
    expect(db.stats()).toMatchObject({
      oldestSequence: db.commitSequence,
      compaction: { recommended: false },
    })
    expect(db.stats().fileBytes).toBeLessThan(fileBytes / 10)
    await db.close()
  })

  it('keeps the history that it is told to keep, and does not compact again for that', async () => {
    const storage = new MemoryStorage()
    const platform = workloadPlatform({ seed: 1 })
    const db = await filled(platform, storage, { minShare: 0.2, retain: { commits: 1 } })
    await erase(db)
    // The rows as of the commit before the last one are kept, though none of them is live.
    await looked(platform, db)
    const oldest = db.commitSequence - 1
    expect(db.stats()).toMatchObject({ oldestSequence: oldest, compaction: { recommended: true } })
    await db.put('rows', { id: ROWS, text: 'new' })
    await looked(platform, db)
    expect(db.stats().oldestSequence).toBe(oldest)
    await fill(db)
    await erase(db)
    await looked(platform, db)
    expect(db.stats().oldestSequence).toBe(db.commitSequence - 1)
    await db.close()
  })

  it('goes on after a failure when there is more to be gained', async () => {
    const storage = new FaultyStorage(new MemoryStorage())
    const platform = workloadPlatform({ seed: 1 })
    const db = await filled(platform, storage, true)
    await erase(db)
    storage.plan({ operation: 'rename', nth: 1, fault: { error: 'EIO' } })
    await looked(platform, db)
    storage.heal()
    await looked(platform, db)
    expect(db.stats().oldestSequence).toBe(0)
    expect(storage.siblings(PATH)).toEqual([PATH])
    await fill(db)
    await erase(db)
    await looked(platform, db)
    expect(db.stats().oldestSequence).toBe(db.commitSequence)
    await db.close()
  })

  it('does nothing after an open that cut something off', async () => {
    const storage = new MemoryStorage()
    const platform = workloadPlatform({ seed: 1 })
    const first = await filled(platform, storage)
    await erase(first)
    await first.close()
    const file = storage.open(PATH, 'readWrite')
    file.write(new Uint8Array([1, 2, 3]), file.size())
    const db = await platform.Database.open(PATH, { storage, autoCompact: true })
    expect(db.recoveryInfo.truncatedBytes).toBeGreaterThan(0)
    await looked(platform, db)
    expect(db.stats()).toMatchObject({ oldestSequence: 0, compaction: { recommended: true } })
    await db.close()
  })

  it('says what it takes', async () => {
    const storage = new MemoryStorage()
    const { Database } = workloadPlatform({ seed: 1 })
    for (const autoCompact of [
      { minBytes: -1 },
      { minShare: 2 },
      { minShare: Number.NaN },
      { retain: { ms: -1 } },
    ])
      await expect(Database.open(PATH, { storage, autoCompact })).rejects.toMatchObject({
        code: 'VARVE_ARGUMENT',
      })
  })
})

describe('a compaction without room', () => {
  it('is refused before it begins', async () => {
    const storage = new MemoryStorage()
    const platform = workloadPlatform({ seed: 1 })
    const tight = Object.assign(storage, { freeBytes: () => 1000 })
    const db = await filled(platform, tight)
    await expect(db.compact()).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' })
    expect(db.stats().oldestSequence).toBe(0)
    await db.close()
  })
})

describe('the last step of a compaction', () => {
  it('I23: acknowledges nothing on the new file before its name is durable', async () => {
    const storage = new FaultyStorage(new MemoryStorage())
    const platform = workloadPlatform({ seed: 1 })
    const db = await filled(platform, storage)
    storage.plan({ operation: 'syncDirectory', nth: 1, fault: { error: 'EIO' } })
    await expect(db.compact()).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    expect(storage.fired).toHaveLength(1)
    await expect(db.put('rows', { id: 1, text: 'lost' })).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    await db.close().catch(() => undefined)
    storage.heal()
    const again = await platform.Database.open(PATH, { storage })
    expect(again.count('rows')).toBe(ROWS)
    expect(again.get('rows', 1)).toMatchObject({ text: 'x'.repeat(10_000) })
    expect(storage.siblings(PATH)).toEqual([PATH])
    await again.close()
  })
})
