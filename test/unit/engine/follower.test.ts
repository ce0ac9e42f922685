/**
 * A follower beside its writer, in one process: what it sees, when, and what it says when history goes back.
 */
import { describe, expect, it } from 'vitest'
import { Database, MemoryStorage, type Commit, type FollowReload } from '../../../src/index.js'

const NAME = 'followed.varve'
const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error

async function pair(
  storage = new MemoryStorage(),
): Promise<{ writer: Database; follower: Database; storage: MemoryStorage }> {
  const writer = await Database.open(NAME, { storage, durability: 'os' })
  await writer.registerCollection('books', undefined, 'id')
  const follower = await Database.open(NAME, { storage, mode: 'follow' })
  return { writer, follower, storage }
}

const rowsOf = (db: Database): unknown[] => db.collection('books').range().toArray()

describe('a follower', () => {
  it('sees what the writer wrote, between turns alone, and writes nothing', async () => {
    const { writer, follower } = await pair()
    expect(follower.mode).toBe('follow')
    await writer.put('books', { id: 1 })
    expect(follower.count('books')).toBe(0)
    await follower.waitFor(writer.commitSequence, { timeoutMs: 5000 })
    expect(rowsOf(follower)).toEqual([{ id: 1 }])
    expect(follower.position).toBe(writer.position)
    await expect(follower.put('books', { id: 2 })).rejects.toEqual(code('VARVE_READ_ONLY'))
    await expect(
      Database.open('absent.varve', { storage: new MemoryStorage(), mode: 'follow' }),
    ).rejects.toEqual(code('VARVE_NOT_FOUND'))
    await follower.close()
    await writer.close()
  })

  it('gives up waiting in time, and when it is closed or told to', async () => {
    const { writer, follower } = await pair()
    await expect(follower.waitFor(99, { timeoutMs: 5 })).rejects.toEqual(code('VARVE_TIMEOUT'))
    await expect(follower.waitFor(99, { signal: AbortSignal.timeout(5) })).rejects.toThrow('timeout')
    await expect(writer.waitFor(-1)).rejects.toEqual(code('VARVE_ARGUMENT'))
    const waiting = follower.waitFor(99)
    await follower.close()
    await expect(waiting).rejects.toEqual(code('VARVE_CLOSED'))
    await writer.close()
  })

  it('moves to the roots of new checkpoints, and keeps its snapshots', async () => {
    const { writer, follower } = await pair()
    const early = follower.snapshot()
    for (let round = 0; round < 4; round++) {
      await writer.insertMany(
        'books',
        Array.from({ length: 2000 }, (_, i) => ({ id: `${round}-${i}` })),
      )
      await follower.refresh()
      const unstored = follower.stats().index.unstoredBytes
      expect(unstored).toBeGreaterThan(50_000)
      await writer.checkpoint()
      await follower.refresh()
      expect(follower.stats().index.unstoredBytes).toBeLessThan(unstored / 10)
      expect(follower.stats().index.checkpointOffset).toBe(writer.stats().index.checkpointOffset)
      expect(rowsOf(follower)).toEqual(rowsOf(writer))
    }
    expect(early.collection('books').count()).toBe(0)
    await writer.put('books', { id: 'after' })
    await follower.refresh()
    expect(follower.get('books', 'after')).toEqual({ id: 'after' })
    await follower.close()
    await writer.close()
  })

  it('follows the feed, also over a writer that ends and begins again', async () => {
    const { writer, follower, storage } = await pair()
    const controller = new AbortController()
    const seen: Commit[] = []
    const reading = (async () => {
      for await (const commit of follower.changes({ live: true, since: 0, signal: controller.signal }))
        seen.push(commit)
    })()
    let db = writer
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 50; i++) await db.put('books', { id: i, round })
      await db.close()
      db = await Database.open(NAME, { storage, durability: 'os' })
    }
    while (seen.at(-1)?.position !== db.position) await new Promise(setImmediate)
    controller.abort()
    await reading
    const expected: string[] = []
    for await (const { position } of db.changes()) expected.push(position)
    expect(seen.map(({ position }) => position)).toEqual(expected)
    await follower.close()
    await db.close()
  })

  it('goes back with a file that lost its last commits, and its feeds say so', async () => {
    const { writer, storage } = await pair()
    await writer.put('books', { id: 'kept' })
    const kept = { position: writer.position, size: writer.stats().fileBytes }
    await writer.put('books', { id: 'lost' })
    await writer.close()
    const reloads: FollowReload[] = []
    const follower = await Database.open(NAME, {
      storage,
      mode: 'follow',
      follow: { onReload: (reload) => reloads.push(reload) },
    })
    const before = follower.position
    expect(follower.count('books')).toBe(2)
    const feed = follower.changes({ live: true })
    const reading = feed.next()
    const file = storage.open(NAME, 'readWrite')
    file.truncate(kept.size)
    // The superblock of the close says that more was durable.
    const again = await Database.open(NAME, { storage, durability: 'os', recovery: 'autoTruncate' })
    // In the same turn as the open, so that the follower sees both at once.
    again.collection('books').putSync({ id: 'other' })
    await follower.refresh()
    expect(rowsOf(follower)).toEqual([{ id: 'kept' }, { id: 'other' }])
    await expect(reading).rejects.toEqual(code('VARVE_DIVERGED'))
    expect(reloads).toEqual([{ reason: 'cut', from: before, to: again.position }])
    expect(follower.stats().follow).toMatchObject({ reloads: 1, generations: 0, problem: undefined })
    await follower.close()
    await again.close()
  })

  it('goes over to a file that takes the name, and stays where it is while there is none', async () => {
    const { writer, follower, storage } = await pair()
    await writer.put('books', { id: 1 })
    await writer.close()
    await follower.refresh()
    const other = await Database.open('other.varve', { storage, durability: 'os' })
    await other.registerCollection('films', undefined, 'id')
    await other.put('films', { id: 'one' })
    await other.close()
    storage.remove(NAME)
    await follower.refresh()
    expect(follower.count('books')).toBe(1)
    storage.rename('other.varve', NAME)
    await follower.refresh()
    expect(follower.collectionNames()).toEqual(['films'])
    expect(follower.stats().follow).toMatchObject({ reloads: 1, generations: 1 })
    await follower.close()
  })

  it('goes over to a compacted file without anybody noticing but in its figures', async () => {
    const { writer, follower } = await pair()
    const early = follower.snapshot()
    const controller = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      const feed = follower.changes({ live: true, signal: controller.signal })
      for await (const { position } of feed) seen.push(position)
    })()
    const written: string[] = []
    for (let i = 0; i < 300; i++) {
      await writer.put('books', { id: i % 20, i })
      written.push(writer.position)
      if (i % 100 === 50) await writer.compact()
      if (i % 7 === 0) {
        await follower.refresh()
        expect(follower.position).toBe(writer.position)
        expect(rowsOf(follower)).toEqual(rowsOf(writer))
      }
    }
    while (seen.at(-1) !== writer.position) await new Promise(setImmediate)
    controller.abort()
    await reading
    expect(seen).toEqual(written)
    expect(follower.stats().follow).toMatchObject({ generations: 3, reloads: 0 })
    expect(early.collection('books').count()).toBe(0)
    await follower.close()
    await writer.close()
  })
})
