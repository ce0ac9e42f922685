/** What a follower makes of a log that is being written: every part of it that may be there, and what can never become whole. */
import { describe, expect, it } from 'vitest'
import { Database, MemoryStorage, type Storage } from '../../../src/index.js'
import { nodePlatform } from '../../../src/storage/node-platform.js'
import type { Platform } from '../../../src/storage/platform.js'
import { FRAME_MAGIC, FrameKind } from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import { FaultyStorage } from '../../support/faulty-storage.js'
import { stateOf } from '../../support/model-text.js'

const NAME = 'tail.varve'
const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error

function bytesOf(storage: Storage): Uint8Array {
  const file = storage.open(NAME, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return bytes
}

/** A file as it was before some commits and is behind them, and every state between. */
async function grown(
  rowBytes: number,
): Promise<{ before: Uint8Array; after: Uint8Array; states: Map<number, string> }> {
  const storage = new MemoryStorage()
  const db = await Database.open(NAME, { storage, durability: 'os' })
  await db.registerCollection('rows', undefined, 'id')
  const before = bytesOf(storage)
  const states = new Map<number, string>([[db.commitSequence, stateOf(db)]])
  const note = (): void => void states.set(db.commitSequence, stateOf(db))
  await db.put('rows', { id: 1 })
  note()
  await db.transaction((tx) => {
    for (let i = 0; i < 5; i++) tx.collection('rows').put({ id: i, text: 'x'.repeat(rowBytes) })
  })
  note()
  await db.checkpoint()
  await db.put('rows', { id: 'last' })
  note()
  const after = bytesOf(storage)
  await db.close()
  return { before, after, states }
}

describe('a log that grows', () => {
  // Small, and of several frames.
  for (const rowBytes of [100, 1_500_000]) {
    it(`is seen commit by commit, whatever part of it is there: rows of ${rowBytes} bytes`, async () => {
      const { before, after, states } = await grown(rowBytes)
      const last = [...states.keys()].at(-1)
      for (const zeros of [0, 4096]) {
        const storage = new MemoryStorage()
        const file = storage.open(NAME, 'create')
        file.write(before, 0)
        const follower = await Database.open(NAME, {
          storage,
          mode: 'follow',
          follow: { minPollMs: 1000, maxPollMs: 1000 },
        })
        const step = Math.max(1, Math.floor((after.length - before.length) / (rowBytes > 1000 ? 20 : 150)))
        const seen = new Set<number>()
        for (let length = before.length; ; length = Math.min(after.length, length + step)) {
          file.write(after.subarray(LOG_START, length), LOG_START)
          file.write(new Uint8Array(zeros), length)
          if (length === after.length) file.write(after.subarray(0, LOG_START), 0)
          await follower.refresh()
          seen.add(follower.commitSequence)
          expect(stateOf(follower)).toBe(states.get(follower.commitSequence))
          if (length === after.length) break
        }
        // Bytes that were not whole are looked at again after a while.
        await follower.waitFor(last ?? 0, { timeoutMs: 20_000 })
        expect(stateOf(follower)).toBe(states.get(last ?? 0))
        expect(seen.size).toBeGreaterThan(1)
        expect(follower.stats().follow).toMatchObject({ reloads: 0, problem: undefined })
        await follower.close()
      }
    })
  }

  it('is looked at when somebody asks, however slow the look before was', async () => {
    const { before, after, states } = await grown(100)
    const storage = new MemoryStorage()
    const file = storage.open(NAME, 'create')
    file.write(before, 0)
    let now = 0
    const platform = { ...nodePlatform(), monotonicMs: () => (now += 100) }
    const slow = class extends Database {
      static override platform(): Platform {
        return platform
      }
    }
    const follower = await slow.open(NAME, {
      storage,
      mode: 'follow',
      follow: { minPollMs: 1000, maxPollMs: 1000 },
    })
    // The header of a frame is whole and leads beyond what follows, which are zeros.
    file.write(after.subarray(LOG_START, before.length + 64), LOG_START)
    file.write(new Uint8Array(after.length), before.length + 64)
    await follower.refresh()
    expect(follower.commitSequence).toBe([...states.keys()][0])
    file.write(after, 0)
    await follower.refresh()
    expect(follower.commitSequence).toBe([...states.keys()].at(-1))
    await follower.close()
  })

  it('that is damaged where durable commits follow is an error, and what was seen stays', async () => {
    const { before, after, states } = await grown(100)
    const storage = new MemoryStorage()
    const file = storage.open(NAME, 'create')
    file.write(before, 0)
    const follower = await Database.open(NAME, { storage, mode: 'follow' })
    const first = follower.commitSequence
    const waiting = follower.waitFor(first + 1)
    const feed = follower.changes({ live: true }).next()
    const spoiled = after.slice()
    spoiled[before.length + 60] = (spoiled[before.length + 60] ?? 0) ^ 1
    file.write(spoiled, 0)
    await expect(waiting).rejects.toEqual(code('VARVE_CORRUPTION'))
    await expect(feed).rejects.toEqual(code('VARVE_CORRUPTION'))
    await expect(follower.refresh()).rejects.toEqual(code('VARVE_CORRUPTION'))
    expect(follower.stats().follow?.problem?.details.offset).toBe(before.length)
    expect(stateOf(follower)).toBe(states.get(first))
    // Somebody mends it.
    file.write(after, 0)
    await follower.refresh()
    expect(stateOf(follower)).toBe([...states.values()].at(-1))
    await follower.close()
  })

  it('takes options that can be meant', async () => {
    const storage = new MemoryStorage()
    for (const follow of [{ minPollMs: 0 }, { maxPollMs: Infinity }, { minPollMs: 5, maxPollMs: 4 }])
      await expect(Database.open(NAME, { storage, mode: 'follow', follow })).rejects.toEqual(
        code('VARVE_ARGUMENT'),
      )
  })
})

type Commit = (db: Database) => Promise<unknown>

/** How the frame begins that ends a transaction of several. */
const COMMIT_FRAME = [...new Uint8Array(new Uint32Array([FRAME_MAGIC]).buffer), FrameKind.txnCommit]

describe('a look that fails', () => {
  /** A follower's `nth` read of a look at some commits fails, the last of which has no end if `isCut`; false if there was no such read. */
  async function failsAt(nth: number, commits: readonly Commit[], isCut: boolean): Promise<boolean> {
    const { db, storage: written } = await indexed()
    const before = bytesOf(written)
    const storage = new MemoryStorage()
    const file = storage.open(NAME, 'create')
    file.write(before, 0)
    const faulty = new FaultyStorage(storage)
    const poll = { minPollMs: 100_000, maxPollMs: 100_000 }
    const follower = await Database.open(NAME, { storage: faulty, mode: 'follow', follow: poll })
    const states = new Map([[db.commitSequence, stateOf(db)]])
    let after = before
    for (const commit of commits) {
      await commit(db)
      after = bytesOf(written)
      states.set(db.commitSequence, stateOf(db))
    }
    const end = isCut ? Buffer.from(after).lastIndexOf(Buffer.from(COMMIT_FRAME)) : after.length
    // Not what its superblocks say: a checkpoint may have made all of it durable.
    file.write(after.subarray(LOG_START, end), LOG_START)
    faulty.plan({ operation: 'read', nth, fault: { error: 'EIO' } })
    const failed = await follower.refresh().then(
      () => false,
      () => true,
    )
    faulty.heal()
    const seen = follower.commitSequence
    expect(stateOf(follower)).toBe(states.get(seen))
    await follower.refresh()
    expect(follower.commitSequence).toBeGreaterThanOrEqual(seen)
    expect(follower.commitSequence).toBe(isCut ? db.commitSequence - 1 : db.commitSequence)
    expect(stateOf(follower)).toBe(states.get(follower.commitSequence))
    if (!isCut) expect(follower.stats().records).toEqual(db.stats().records)
    const next = await Database.open(NAME, { storage, durability: 'os', recovery: 'autoTruncate' })
    await next.put('rows', { id: 2, n: 2 })
    await follower.refresh()
    expect(stateOf(follower)).toBe(stateOf(next))
    expect(follower.stats().records).toEqual(next.stats().records)
    await next.close()
    await follower.close()
    await db.close()
    return failed
  }

  async function indexed(): Promise<{ db: Database; storage: Storage }> {
    const storage = new MemoryStorage()
    const db = await Database.open(NAME, { storage, durability: 'os' })
    await db.registerCollection('rows', undefined, 'id', { indexes: { byN: { on: 'n' } } })
    await db.insertMany(
      'rows',
      Array.from({ length: 2000 }, (_, id) => ({ id, n: 0 })),
    )
    await db.checkpoint()
    return { db, storage }
  }

  async function failsAnywhere(commits: readonly Commit[], isCut = false): Promise<void> {
    let failures = 0
    for (let nth = 1; await failsAt(nth, commits, isCut); nth++) failures++
    expect(failures).toBeGreaterThan(3)
  }

  it('leaves readers at a commit, and the next one goes on from there', async () => {
    const puts = [0, 300, 600, 900, 1200].map(
      (id): Commit =>
        (db) =>
          db.put('rows', { id, n: id }),
    )
    await failsAnywhere([...puts, (db) => db.insert('rows', { id: 5000, n: 1 })])
  })

  it('shows nothing of a transaction that never commits', async () => {
    const large: Commit = (db) =>
      db.transaction((tx) => {
        for (let id = 300; id < 900; id++) tx.collection('rows').put({ id, n: 9, text: 'x'.repeat(10_000) })
      })
    await failsAnywhere([(db) => db.put('rows', { id: 1, n: 1 }), large], true)
  })
})
