/** A directory that takes no new file: nothing is made, nothing is left, and what is there stays as it was. */
import { describe, expect, it } from 'vitest'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { FaultyStorage } from '../../support/faulty-storage.js'
import { workloadPlatform } from '../../support/workload-platform.js'

const PATH = 'dir/library.varve'
const COPY = 'dir/copy.varve'

function setUp(): { storage: FaultyStorage; Database: ReturnType<typeof workloadPlatform>['Database'] } {
  const storage = new FaultyStorage(new MemoryStorage())
  return { storage, Database: workloadPlatform({ seed: 1, storage }).Database }
}

describe.each(['EACCES', 'EROFS'])('a directory that answers %s to every new file', (error) => {
  const refuse = (storage: FaultyStorage): void =>
    storage.plan({
      operation: 'open',
      path: (path) => /\.(?:new|compact)-/u.test(path),
      times: Number.POSITIVE_INFINITY,
      fault: { error },
    })

  it('fails an export and a compaction, and the database goes on', async () => {
    const { storage, Database } = setUp()
    const db = await Database.open(PATH)
    await db.registerCollection('books', undefined, 'title')
    await db.put('books', { title: 'Dune' })
    refuse(storage)
    const refused = { code: 'VARVE_STORAGE' }
    await expect(db.exportSnapshot(COPY)).rejects.toMatchObject(refused)
    await expect(db.exportSnapshot(COPY, { compact: true })).rejects.toMatchObject(refused)
    await expect(db.compactTo(COPY)).rejects.toMatchObject(refused)
    await expect(db.compact()).rejects.toMatchObject(refused)
    expect(storage.fired).toHaveLength(4)
    expect(storage.siblings('dir/')).toEqual([PATH])
    await db.put('books', { title: 'Ubik' })
    await db.close()
    const again = await Database.open(PATH, { recovery: 'strict' })
    expect(again.count('books')).toBe(2)
    await again.close()
  })

  it('fails a restore, and leaves the target as it was', async () => {
    const { storage, Database } = setUp()
    for (const [path, title] of [
      [PATH, 'Dune'],
      [COPY, 'Ubik'],
    ] as const) {
      const db = await Database.open(path)
      await db.registerCollection('books', undefined, 'title')
      await db.put('books', { title })
      await db.close()
    }
    refuse(storage)
    const refused = { code: 'VARVE_STORAGE' }
    await expect(Database.restoreSnapshot(COPY, PATH, { force: true })).rejects.toMatchObject(refused)
    await expect(Database.restoreSnapshot(COPY, 'dir/new.varve')).rejects.toMatchObject(refused)
    expect(storage.siblings('dir/')).toEqual([COPY, PATH])
    const db = await Database.open(PATH, { recovery: 'strict' })
    expect([...db.collection('books').range()]).toEqual([{ title: 'Dune' }])
    await db.close()
  })
})
