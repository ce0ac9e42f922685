/** Checkpoints beside commits: between any two slices, over failing writes and syncs, and at a close. */
import { describe, expect, it, vi } from 'vitest'
import type { Database } from '../../../src/database.js'
import { shortGeneration } from '../../../src/format/frame.js'
import { NodeKind } from '../../../src/format/index-node.js'
import { readCheckpoint } from '../../../src/log/checkpoints.js'
import { readFixedBlocks } from '../../../src/log/log-file.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import type { Storage } from '../../../src/storage/storage.js'
import { verify } from '../../../src/tools.js'
import { NodeStore } from '../../../src/tree/node-store.js'
import { fileBytes, PATH as FILE, storageWith } from '../../corruption/databases.js'
import { type FramePlace, framesOf, INDEX_NODES_KIND, nodeKindsOf } from '../../reader/mended.js'
import { type Fault, FaultyStorage } from '../../support/faulty-storage.js'
import { stateOf } from '../../support/model-text.js'
import { PowerCutStorage } from '../../support/power-cut-storage.js'
import { goesOn, openImage } from '../../support/workload-checks.js'
import { workloadPlatform, type WorkloadPlatform } from '../../support/workload-platform.js'
import { protocolBreach } from '../../support/workload-protocol.js'
import { gate, PATH, turn } from './harness.js'

/** As `dir/db.varve`, where the helpers of the crash tests look. */
const CRASH_PATH = 'dir/db.varve'
const workload = { seed: 1, layAhead: false }

/** Rows with keys so long that a few of them make a tree of three levels. */
function rows(from: number, to: number, note = 'first'): { id: string; note: string }[] {
  return Array.from({ length: to - from }, (_, i) => ({
    id: `${'k'.repeat(500)}${String(from + i).padStart(4, '0')}`,
    note,
  }))
}

/** Rows whose keys share nothing at their begin, so that the images of their nodes are large. */
function wideRows(from: number, to: number): { id: string; note: string }[] {
  return rows(from, to).map(({ id, note }) => ({ id: id.slice(500) + id.slice(0, 500), note }))
}

/** What the newest checkpoint of a file says, and where it stands. */
function newestCheckpoint(storage: Storage, path: string, { platform }: WorkloadPlatform) {
  const file = storage.open(path, 'read')
  const { header, superblocks } = readFixedBlocks(file, platform.checksum)
  const { live } = superblocks
  if (live === undefined) throw new Error('No superblock.')
  const generation = shortGeneration(header.generationId)
  const log = { file, checksum: platform.checksum, generation, maxEpoch: live.epoch, to: file.size() }
  const found = readCheckpoint(log, live.checkpoint)
  file.close()
  return found
}

async function expectSound(storage: Storage, path: string, expected: string): Promise<void> {
  const report = await verify(path, { storage, deep: true })
  expect(report.findings).toEqual([])
  const { Database: Fresh } = workloadPlatform()
  for (const cacheBytes of [0, undefined]) {
    const db = await Fresh.open(path, { storage, mode: 'readOnly', cacheBytes })
    expect(stateOf(db) === expected).toBe(true)
    await db.close()
  }
}

describe('a checkpoint with a commit between every two slices', () => {
  it('describes the commit it began at, and is replayed from right behind it, not from its frame (I19)', async () => {
    const storage = new PowerCutStorage()
    const states: string[] = ['']
    const acknowledged: { boundary: number; state: number }[] = []
    const pending: Promise<unknown>[] = []
    let between = -1
    const onPause = (): void => {
      if (between < 0) return
      between++
      const [row] = rows(between * 3, between * 3 + 1, `between ${between}`)
      if (row === undefined) return
      // The state that this commit leads to is known once it is visible.
      pending.push(
        db.put('a', row).then(() => {
          states.push(stateOf(db))
          acknowledged.push({ boundary: storage.boundary, state: states.length - 1 })
        }),
      )
    }
    const platform = workloadPlatform({ sliceBytes: 1, onPause })
    const db: Database = await platform.Database.open(CRASH_PATH, { storage, cacheBytes: 0 })
    await db.registerCollection('a', [], 'id')
    states.push(stateOf(db))
    await db.insertMany('a', rows(0, 40))
    states.push(stateOf(db))
    acknowledged.push({ boundary: storage.boundary, state: states.length - 1 })
    const described = db.commitSequence
    const from = storage.boundary

    between = 0
    await db.checkpoint()
    const done = between
    between = -1
    await Promise.all(pending)
    expect(done).toBeGreaterThan(7)
    expect(storage.boundary - from).toBeGreaterThan(2 * done)
    expect(protocolBreach(storage.log)).toBeUndefined()

    const found = newestCheckpoint(storage.killImage(), CRASH_PATH, platform)
    expect(found?.checkpoint.sequence).toBe(described)
    expect(found?.checkpoint.replayFrom).toBe(found?.checkpoint.commitEnd)
    const killed = storage.killImage()
    const reopened = await workloadPlatform().Database.open(CRASH_PATH, { storage: killed })
    expect(reopened.recoveryInfo.checkpointOffset).toBe(found?.offset)
    expect(reopened.recoveryInfo.transactionsApplied).toBe(pending.length)
    expect(stateOf(reopened) === states.at(-1)).toBe(true)
    await reopened.close()

    for (let boundary = from; boundary <= storage.boundary; boundary++) {
      const atLeast = Math.max(0, ...acknowledged.filter((a) => a.boundary <= boundary).map((a) => a.state))
      const expected = { workload, states, atLeast }
      for (const choice of ['none', 'all', { survivors: { seed: boundary } }] as const) {
        const image = storage.imageAfter(boundary, choice)
        const opened = await openImage(image, expected)
        if (boundary % 9 === 0) await goesOn(image, opened.db, expected)
      }
    }
    await expectSound(storage.killImage(), CRASH_PATH, states.at(-1) ?? '')
    await db.close()
  })

  it('lets go of what is stored while each of several trees goes on changing (I20)', async () => {
    const storage = new PowerCutStorage()
    const names = ['a', 'b', 'c']
    let commits = -1
    const platform = workloadPlatform({
      sliceBytes: 1,
      onPause: () => {
        if (commits < 0) return
        const again = rows(commits % 40, (commits % 40) + 1, `again ${commits++}`)
        for (const name of names) void db.put(name, again[0] ?? {})
        if (commits % 3 === 0) expect(db.get('b', again[0]?.id ?? '')).not.toEqual(again[0])
      },
    })
    const db: Database = await platform.Database.open(CRASH_PATH, { storage, cacheBytes: 0 })
    for (const name of names) {
      await db.registerCollection(name, [], 'id')
      await db.insertMany(name, rows(0, 40))
    }
    commits = 0
    await db.checkpoint()
    expect(commits).toBeGreaterThan(20)
    commits = -1
    await db.sync()
    await expectSound(storage.killImage(), CRASH_PATH, stateOf(db))
    await db.close()
  })

  it('and nothing between them is replayed from behind its own frame', async () => {
    const storage = new PowerCutStorage()
    const platform = workloadPlatform({ sliceBytes: 1 })
    const db = await platform.Database.open(PATH, { storage })
    await db.registerCollection('a', [], 'id')
    await db.insertMany('a', rows(0, 30))
    await db.checkpoint()
    const found = newestCheckpoint(storage, PATH, platform)
    expect(found?.checkpoint.replayFrom).toBe(found?.offset)
    const again = await workloadPlatform().Database.open(PATH, { storage: storage.killImage() })
    expect(again.recoveryInfo).toMatchObject({ checkpointOffset: found?.offset, transactionsApplied: 0 })
    expect(again.count('a')).toBe(30)
    await again.close()
    await db.close()
  })
})

describe('a checkpoint that is asked for', () => {
  it('covers what was acknowledged, and is there at once if nothing was committed since', async () => {
    const storage = new PowerCutStorage()
    const platform = workloadPlatform({ sliceBytes: 1 })
    const db = await platform.Database.open(PATH, { storage })
    await db.registerCollection('a', [], 'id')
    await db.insertMany('a', rows(0, 20))
    const first = db.checkpoint()
    const second = db.checkpoint()
    await db.put('a', { id: 'later' })
    const third = db.checkpoint()
    await Promise.all([first, second, third])
    expect(newestCheckpoint(storage, PATH, platform)?.checkpoint.sequence).toBe(db.commitSequence)
    const { boundary } = storage
    await db.checkpoint()
    expect(storage.boundary).toBe(boundary)
    await db.close()
  })

  it('waits for an open transaction, and does not hold it up', async () => {
    const storage = new PowerCutStorage()
    const platform = workloadPlatform({ sliceBytes: 1 })
    const db = await platform.Database.open(PATH, { storage })
    await db.registerCollection('a', [], 'id')
    await db.insertMany('a', rows(0, 20))
    const { opened, open } = gate()
    const transaction = db.transaction(async (tx) => {
      tx.collection('a').put({ id: 'one' })
      await opened
      tx.collection('a').put({ id: 'two' })
    })
    await turn()
    const checkpoint = db.checkpoint().then(() => expect(db.has('a', 'two')).toBe(true))
    await turn()
    open()
    await transaction
    await checkpoint
    await expectSound(storage.killImage(), PATH, stateOf(db))
    await db.close()
  })

  it('stores no more nodes at a time where it stores what changed of them', async () => {
    const storage = new MemoryStorage()
    const db = await workloadPlatform({ sliceBytes: 4000, storage }).Database.open(FILE, { storage })
    await db.registerCollection('a', [], 'id')
    await db.insertMany(
      'a',
      Array.from({ length: 1000 }, (_, id) => ({ id })),
    )
    await db.checkpoint()
    const slicesOf = (bytes: Uint8Array): FramePlace[] =>
      framesOf(bytes).filter(({ kind }) => kind === INDEX_NODES_KIND)
    const before = slicesOf(fileBytes(storage)).length
    await db.transaction((tx) => {
      for (let id = 0; id < 1000; id += 50) tx.collection('a').put({ id, more: true })
    })
    await db.checkpoint()
    const bytes = fileBytes(storage)
    const slices = slicesOf(bytes).slice(before)
    const kinds = slices.flatMap((slice) => nodeKindsOf(bytes, slice))
    expect(kinds.filter((kind) => kind === NodeKind.recordsDelta).length).toBeGreaterThan(5)
    for (const slice of slices) expect(nodeKindsOf(bytes, slice).length).toBeLessThan(6)
    await db.close()
  })

  it('stores fewer nodes at a time where it reads what changed of them before', async () => {
    const ids = Array.from({ length: 1000 }, (_, n) => ({ id: n * 100 }))
    const first = new MemoryStorage()
    const platform = workloadPlatform({ storage: first })
    const db = await platform.Database.open(FILE, { storage: first })
    await db.registerCollection('a', [], 'id')
    await db.insertMany('a', ids)
    for (const more of [1, 2, 3]) {
      await db.checkpoint()
      await db.transaction((tx) => {
        for (const { id } of ids.filter((_, n) => n % 50 === 0)) tx.collection('a').insert({ id: id + more })
      })
    }
    const killed = fileBytes(first)
    await db.close()
    const storage = storageWith({ [FILE]: killed })
    const sliceBytes = 3 * 4096
    const again = await workloadPlatform({ storage, sliceBytes }).Database.open(FILE, { storage })
    await again.checkpoint()
    const slicesOf = (bytes: Uint8Array): number[] =>
      framesOf(bytes)
        .filter(({ kind }) => kind === INDEX_NODES_KIND)
        .map((slice) => nodeKindsOf(bytes, slice).filter((kind) => kind === NodeKind.recordsDelta).length)
    const slices = slicesOf(fileBytes(storage)).slice(slicesOf(killed).length)
    expect(slices.reduce((sum, deltas) => sum + deltas, 0)).toBeGreaterThan(5)
    expect(Math.max(...slices)).toBeLessThanOrEqual(3)
    await again.close()
  })

  it('is refused within a transaction and after a close, and taken by a close that blocks', async () => {
    const storage = new PowerCutStorage()
    const db = await workloadPlatform({ sliceBytes: 1 }).Database.open(PATH, { storage })
    await db.registerCollection('a', [], 'id')
    await db.transaction(async () => {
      await expect(db.checkpoint()).rejects.toMatchObject({ code: 'VARVE_TRANSACTION' })
    })
    await db.insertMany('a', rows(0, 20))
    const asked = db.checkpoint()
    db.closeSync()
    await asked
    await expect(db.checkpoint()).rejects.toMatchObject({ code: 'VARVE_CLOSED' })
    const again = await workloadPlatform().Database.open(PATH, { storage, recovery: 'strict' })
    expect(again.recoveryInfo.transactionsApplied).toBe(0)
    expect(again.count('a')).toBe(20)
    await again.close()
  })
})

const WRITE_FAULTS: readonly Fault[] = [
  { short: 1, nextError: 'ENOSPC' },
  { short: 'half', nextError: 'EIO' },
  { short: 'allButOne', nextError: 'ENOSPC' },
  { error: 'EIO', applied: true },
]

interface Faulty {
  readonly disk: PowerCutStorage
  readonly storage: FaultyStorage
  readonly db: Database
}

/** A database with one checkpoint, and much to store for the next. */
async function faulty(sliceBytes: number): Promise<Faulty> {
  const disk = new PowerCutStorage()
  const storage = new FaultyStorage(disk)
  const db = await workloadPlatform({ sliceBytes }).Database.open(PATH, { storage, cacheBytes: 0 })
  await db.registerCollection('a', [], 'id')
  await db.insertMany('a', rows(0, 30))
  await db.checkpoint()
  await db.insertMany('a', rows(30, 60))
  for (const row of rows(5, 8, 'second')) await db.put('a', row)
  return { disk, storage, db }
}

describe('a checkpoint whose write fails', () => {
  it.each(WRITE_FAULTS)('is given up, commits go on, and the next one is right: %j', async (fault) => {
    const rehearsal = await faulty(300)
    const before = rehearsal.storage.calls.write
    await rehearsal.db.checkpoint()
    // All but the last are slices; the last is the superblock.
    const slices = rehearsal.storage.calls.write - before - 1
    expect(slices).toBeGreaterThan(5)
    const cases = Array.from({ length: Math.ceil(slices / 3) }, (_, i) => ({
      sliceBytes: 300,
      nth: 1 + i * 3,
    }))
    // All in one slice: parents fail together with their children.
    for (const { sliceBytes, nth } of [...cases, { sliceBytes: 1e6, nth: 1 }]) {
      const { db, disk, storage } = await faulty(sliceBytes)
      const state = stateOf(db)
      storage.plan({ operation: 'write', nth, fault })
      await expect(db.checkpoint()).rejects.toMatchObject({
        code: expect.stringMatching(/VARVE_(?:NO_SPACE|STORAGE)/u) as string,
      })
      storage.heal()
      // Nodes that are not in the file are still in memory, and the others are read from it.
      expect(stateOf(db) === state).toBe(true)
      await expectSound(disk.killImage(), PATH, state)
      await db.put('a', { id: 'later' })
      const after = stateOf(db)
      await db.checkpoint()
      expect(stateOf(db) === after).toBe(true)
      expect(protocolBreach(disk.log)).toBeUndefined()
      await expectSound(disk.killImage(), PATH, after)
      await db.close()
    }
    await rehearsal.db.close()
  })

  it('out of space leaves reads and a later try, also while commits fail with it', async () => {
    const { db, disk, storage } = await faulty(300)
    const state = stateOf(db)
    storage.spaceLeft = 1500
    await expect(db.checkpoint()).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' })
    storage.spaceLeft = 100
    await expect(db.insertMany('a', rows(100, 120))).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' })
    await expect(db.checkpoint()).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' })
    expect(stateOf(db) === state).toBe(true)
    storage.heal()
    await db.checkpoint()
    await expectSound(disk.killImage(), PATH, state)
    await db.close()
  })

  it('poisons when the sync before its naming fails, or the superblock, and the older one serves', async () => {
    const rehearsal = await faulty(1e6)
    const calls = rehearsal.storage.calls.sync
    await rehearsal.db.checkpoint()
    const syncs = rehearsal.storage.calls.sync - calls
    await rehearsal.db.close()
    expect(syncs).toBe(2)
    for (const lose of ['cached', 'evicted'] as const) {
      for (let nth = 1; nth <= syncs; nth++) {
        const { db, disk, storage } = await faulty(1e6)
        const state = stateOf(db)
        storage.plan({ operation: 'sync', nth, fault: { lose } })
        await expect(db.checkpoint()).rejects.toMatchObject({ code: 'VARVE_POISONED' })
        await expect(db.put('a', { id: 'later' })).rejects.toMatchObject({ code: 'VARVE_POISONED' })
        await expect(db.checkpoint()).rejects.toMatchObject({ code: 'VARVE_POISONED' })
        const { boundary } = disk
        await db.close().catch(() => undefined)
        expect(disk.boundary).toBe(boundary)
        for (const choice of ['none', 'all', { survivors: { seed: nth } }] as const) {
          const image = disk.imageAfter(boundary, choice)
          const again = await workloadPlatform().Database.open(PATH, { storage: image })
          expect(stateOf(again) === state).toBe(true)
          await again.close()
        }
        const sameBoot = await workloadPlatform().Database.open(PATH, { storage })
        expect(stateOf(sameBoot) === state).toBe(true)
        await sameBoot.close()
      }
    }
  })
})

/** A database whose asynchronous writes and syncs wait at a gate, and a checkpoint on its way. */
async function gated(at: 'write' | 'sync', nth: number) {
  const { opened, open } = gate()
  let reached = (): void => undefined
  const waiting = new Promise<void>((resolve) => (reached = resolve))
  let seen = Infinity
  const asyncTurn = async (operation: 'write' | 'sync'): Promise<void> => {
    if (operation !== at || ++seen !== nth) return
    reached()
    await opened
  }
  const disk = new PowerCutStorage({ asyncTurn })
  const storage = new FaultyStorage(disk)
  const db = await workloadPlatform().Database.open(PATH, { storage })
  await db.registerCollection('a', [], 'id')
  // Keys that share nothing: the images of their nodes are too large for a blocking write.
  await db.insertMany('a', wideRows(0, 200))
  seen = 0
  const checkpoint = db.checkpoint().then(
    () => 'done',
    (error: unknown) => error,
  )
  await waiting
  return { disk, storage, db, open, checkpoint }
}

describe('blocking calls while a checkpoint is on its way', () => {
  it('overtake the write of a slice', async () => {
    const { disk, db, open, checkpoint } = await gated('write', 1)
    db.collection('a').putSync({ id: 'overtaking' })
    expect(db.count('a')).toBe(201)
    const state = stateOf(db)
    open()
    expect(await checkpoint).toBe('done')
    expect(stateOf(db) === state).toBe(true)
    await expectSound(disk.killImage(), PATH, state)
    await db.close()
  })

  it('leave a tree to read when they fail to overtake it, though the slower write succeeds', async () => {
    const { storage, db, open, checkpoint } = await gated('write', 1)
    const state = stateOf(db)
    storage.plan({ operation: 'write', fault: { error: 'EIO' } })
    expect(() => db.collection('a').putSync({ id: 'overtaking' })).toThrow(
      expect.objectContaining({ code: 'VARVE_POISONED' }),
    )
    storage.heal()
    expect(stateOf(db) === state).toBe(true)
    open()
    expect(await checkpoint).toMatchObject({ code: 'VARVE_POISONED' })
    await turn()
    expect(stateOf(db) === state).toBe(true)
    await db.close().catch(() => undefined)
  })

  it.each([1, 2])('never leave two superblocks unsynced: a close during sync %i', async (nth) => {
    const { disk, db, open, checkpoint } = await gated('sync', nth)
    const state = stateOf(db)
    db.closeSync()
    open()
    await checkpoint
    expect(protocolBreach(disk.log)).toBeUndefined()
    await expectSound(disk, PATH, state)
  })

  it.each([1, 2])('never leave two superblocks unsynced: a write that fails during sync %i', async (nth) => {
    const { disk, storage, db, open, checkpoint } = await gated('sync', nth)
    const state = stateOf(db)
    storage.plan({ operation: 'write', fault: { short: 'half', nextError: 'EIO' } })
    expect(() => db.collection('a').putSync({ id: 'failing' })).toThrow(
      expect.objectContaining({ code: 'VARVE_STORAGE' }),
    )
    storage.heal()
    expect(stateOf(db) === state).toBe(true)
    open()
    expect(await checkpoint).toBe('done')
    expect(protocolBreach(disk.log)).toBeUndefined()
    await expectSound(disk.killImage(), PATH, state)
    await db.close()
  })
})

describe('whoever waits for a checkpoint is told', () => {
  it.each(['checkpoint', 'close'] as const)('of a sync that failed meanwhile: a %s', async (how) => {
    const disk = new PowerCutStorage()
    const storage = new FaultyStorage(disk)
    const db = await workloadPlatform().Database.open(PATH, { storage, durability: 'os' })
    await db.registerCollection('a', [], 'id')
    await db.put('a', { id: 'large', text: 'x'.repeat(100_000) })
    storage.plan({ operation: 'sync', fault: { error: 'EIO' } })
    const synced = db.sync()
    const asked = how === 'checkpoint' ? db.checkpoint() : synced
    await expect(synced).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    await expect(asked).rejects.toMatchObject({ code: 'VARVE_POISONED' })
    // A close would take a checkpoint of so much.
    await expect(db.close()).rejects.toMatchObject({ code: 'VARVE_POISONED' })
  })

  it('of a failing call that harms nothing but the checkpoint, and the next one is taken', async () => {
    for (const operation of ['read', 'stat'] as const) {
      const { db, disk, storage } = await faulty(1e6)
      const state = stateOf(db)
      // The first look is before the slice is written, the second before the superblock is.
      storage.plan({ operation, nth: 2, fault: { error: 'EIO' } })
      await expect(db.checkpoint()).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
      expect(storage.fired).toHaveLength(1)
      await db.put('a', { id: 'later' })
      await db.delete('a', 'later')
      await db.checkpoint()
      await expectSound(disk.killImage(), PATH, state)
      await db.close()
    }
  })
})

describe('a slice that cannot be made', () => {
  it('leaves nothing in the log, and the next checkpoint stores all', async () => {
    const storage = new MemoryStorage()
    const db = await workloadPlatform({ storage, sliceBytes: 8000 }).Database.open(FILE, { storage })
    await db.registerCollection('a', [], 'id')
    await db.insertMany('a', rows(0, 1000))
    let images = 0
    const imageOf = vi.spyOn(NodeStore.prototype, 'imageOf').mockImplementation((node) => {
      if (++images === 6) throw new RangeError('An image that cannot be.')
      return node
    })
    await expect(db.checkpoint()).rejects.toThrow('An image that cannot be.')
    imageOf.mockRestore()
    expect(images).toBe(6)
    await db.insertMany('a', rows(1000, 1010))
    expect((await verify(FILE, { storage })).findings).toEqual([])
    await db.checkpoint()
    const state = stateOf(db)
    await db.close()
    expect((await verify(FILE, { storage, deep: true })).findings).toEqual([])
    const again = await workloadPlatform({ storage }).Database.open(FILE, { storage })
    expect(stateOf(again)).toEqual(state)
    await again.close()
  })
})

describe('a slice whose write fails', () => {
  it('takes no earlier one with it, though somebody waits for an earlier commit', async () => {
    const { opened, open } = gate()
    let reached = (): void => undefined
    const waiting = new Promise<void>((resolve) => (reached = resolve))
    let seen = Infinity
    const disk = new PowerCutStorage()
    const asyncTurn = async (operation: 'write' | 'sync'): Promise<void> => {
      if (operation !== 'write' || ++seen !== 2) return
      reached()
      await opened
    }
    const storage = new FaultyStorage(disk, { asyncTurn })
    const platform = workloadPlatform({ sliceBytes: 70_000 })
    const db = await platform.Database.open(PATH, { storage })
    await db.registerCollection('a', [], 'id')
    await db.insertMany('a', wideRows(0, 150))
    await db.checkpoint()
    await db.insertMany('a', wideRows(150, 850))
    const state = stateOf(db)
    seen = 0
    storage.plan({ operation: 'write', nth: 2, fault: { error: 'ENOSPC' } })
    const checkpoint = db.checkpoint().catch((error: unknown) => error)
    await waiting
    const size = disk.stat(PATH)?.sizeBytes
    const synced = db.sync()
    open()
    expect(await checkpoint).toMatchObject({ code: 'VARVE_NO_SPACE' })
    await synced
    expect(disk.stat(PATH)?.sizeBytes).toBe(size)
    expect(stateOf(db) === state).toBe(true)
    await db.checkpoint()
    expect(stateOf(db) === state).toBe(true)
    await expectSound(disk.killImage(), PATH, state)
    await db.close()
  })
})

describe('snapshots across checkpoints', () => {
  it('say what they said, whatever was stored, let go of and evicted since', async () => {
    const storage = new PowerCutStorage()
    const db = await workloadPlatform({ sliceBytes: 5000 }).Database.open(PATH, { storage, cacheBytes: 0 })
    await db.registerCollection('a', [], 'id')
    const held: { texts: string; snapshot: ReturnType<Database['snapshot']> }[] = []
    for (let round = 0; round < 12; round++) {
      await db.transaction((tx) => {
        for (const row of rows(round * 5, round * 5 + 12, `round ${round}`)) tx.collection('a').put(row)
        for (const { id } of rows(round, round + 2)) tx.collection('a').delete(id)
      })
      held.push({ texts: stateOf(db), snapshot: db.snapshot() })
      const asked = db.checkpoint()
      for (const row of rows(round * 3, round * 3 + 4, `meanwhile ${round}`)) await db.put('a', row)
      held.push({ texts: stateOf(db), snapshot: db.snapshot() })
      if (round % 2 === 0) await asked
    }
    await db.checkpoint()
    for (const { texts, snapshot } of held) {
      expect(stateOf(snapshot) === texts).toBe(true)
      snapshot.close()
    }
    await db.close()
  })
})
