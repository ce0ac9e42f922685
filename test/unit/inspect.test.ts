/** What the tools and `stats()` say of a file, and that they say the same. */
import { describe, expect, it } from 'vitest'
import type { Database as AnyDatabase } from '../../src/database.js'
import { Database, type DatabaseStats, MemoryStorage } from '../../src/index.js'
import {
  dumpCatalog,
  inspect,
  type InspectReport,
  stats as fileStats,
  verify,
  type VerifyReport,
} from '../../src/tools.js'
import { FRAME_HEADER_BYTES } from '../../src/format/frame.js'
import { count, seed } from '../support/counts.js'
import { type Random, randomFrom } from '../support/random.js'

async function sample(rows: number): Promise<MemoryStorage> {
  const storage = new MemoryStorage()
  const db = await Database.open('x', { storage, durability: 'os' })
  await db.registerCollection('rows', [], 'id')
  for (let id = 0; id < rows; id++) void db.put('rows', { id })
  await db.close()
  return storage
}

describe('verify', () => {
  it('finds nothing in a sound file', async () => {
    const storage = await sample(10)
    expect(await verify('x', { storage, deep: true })).toMatchObject({ ok: true, findings: [], rows: 10 })
  })

  it('lists every finding, however many', async () => {
    const storage = await sample(2000)
    const file = storage.open('x', 'readWrite')
    const bytes = new Uint8Array(file.size())
    file.read(bytes, 0)
    // The last byte of each frame's magic: every frame of the log is gone, one by one.
    let broken = 0
    for (let at = 12_288; at < bytes.length; at += 8) {
      if (bytes[at] !== 0x56 || bytes[at + 1] !== 0x46 || bytes[at + 2] !== 0x52 || bytes[at + 3] !== 0x4d)
        continue
      if (broken++ % 2 === 0) file.write(new Uint8Array([0]), at)
    }
    file.close()
    const report = await verify('x', { storage })
    expect(report.ok).toBe(false)
    expect(report.findings.filter(({ actual }) => actual === 'noFrame').length).toBe(Math.ceil(broken / 2))
  })

  it('finds a superblock copied over the other', async () => {
    const storage = await sample(1)
    const file = storage.open('x', 'readWrite')
    const block = new Uint8Array(4096)
    file.read(block, 4096)
    file.write(block, 8192)
    file.close()
    const { findings } = await verify('x', { storage })
    expect(findings).toMatchObject([{ kind: 'superblock', severity: 'error' }])
  })

  it('tells how far it is, up to the end and never back', async () => {
    const storage = new MemoryStorage()
    const db = await Database.open('x', { storage, durability: 'os' })
    await work(db, randomFrom(seed), 20)
    await db.checkpoint()
    await work(db, randomFrom(seed + 1), 3)
    await db.close()
    for (const tool of [inspect, verify]) {
      const told: { done: number; total: number }[] = []
      await tool('x', { storage, onProgress: (done, total) => void told.push({ done, total }) })
      const done = told.map((one) => one.done)
      expect(done).toEqual(done.toSorted((a, b) => a - b))
      expect(told.at(-1)?.done).toBe(told.at(-1)?.total)
      expect(new Set(told.map(({ total }) => total)).size).toBe(1)
    }
  })
})

const NAMES = ['plain', 'pair', 'gone'] as const

/** Random commits: rows of many sizes and two kinds of keys put and deleted, collections dropped and made again. */
async function work(db: AnyDatabase, random: Random, commits: number): Promise<void> {
  for (let i = 0; i < commits; i++) {
    const name = NAMES[random.below(NAMES.length)] ?? 'plain'
    if (name === 'gone' && random.below(8) === 0 && db.collectionNames().includes(name))
      await db.dropCollection(name)
    await db.registerCollection(name, [], name === 'pair' ? ['a', 'b'] : 'a')
    await db.transaction((tx) => {
      const collection = tx.collection(name)
      for (let n = random.below(60); n > 0; n--) {
        const [a, b] = [`${random.below(400)}`.repeat(40), random.below(9)]
        const key = name === 'pair' ? [a, b] : a
        if (random.below(4) === 0) collection.delete(key)
        else collection.put({ a, b, text: 'x'.repeat(random.below(200)), [`f${random.below(40)}`]: null })
      }
    })
  }
}

type FileStats = Awaited<ReturnType<typeof fileStats>>
type Told = readonly [DatabaseStats, InspectReport, VerifyReport, FileStats]

/** What all of them tell of one state: a checkpoint may be under way, and ends while a tool reads. */
async function readAll(db: AnyDatabase, storage: MemoryStorage): Promise<Told> {
  const stats = db.stats()
  const inspected = await inspect('x', { storage })
  const verified = await verify('x', { storage, deep: true })
  expect(verified.findings).toEqual([])
  const file = await fileStats('x', { storage })
  const { nodes, index } = db.stats()
  const isSame = JSON.stringify([nodes, index]) === JSON.stringify([stats.nodes, stats.index])
  return isSame && file.fileBytes === inspected.fileBytes
    ? [stats, inspected, verified, file]
    : await readAll(db, storage)
}

/** Everything that two of `stats()`, `inspect` and `verify` tell must be the same. */
async function compare(db: AnyDatabase, storage: MemoryStorage): Promise<void> {
  const [stats, inspected, verified, file] = await readAll(db, storage)
  const { records, nodes, index } = stats
  expect({ records, nodes, rows: stats.rows, collections: stats.collections }).toEqual({
    records: inspected.records,
    nodes: inspected.nodes,
    rows: inspected.rows,
    collections: inspected.collections,
  })
  expect(index).toEqual({
    unstoredBytes: index.unstoredBytes,
    checkpointOffset: inspected.checkpoint?.offset,
    checkpointSequence: inspected.checkpoint?.sequence,
    logBytesBehind: inspected.logBytesBehind,
  })
  const { header, commits: ends, log, ...same } = inspected
  const { databaseId, generationId } = header
  expect({ ...same, ...file }).toEqual({
    ...same,
    databaseId,
    generationId,
    classification: log.classification,
    commitSequence: db.commitSequence,
    commitTime: ends.lastTime,
  })
  const { running: _, ...compaction } = stats.compaction
  expect({ compaction, oldestSequence: stats.oldestSequence }).toEqual({
    compaction: inspected.compaction,
    oldestSequence: inspected.oldestSequence,
  })
  const { rows, collections, commits, frames } = verified
  expect({ rows, collections, commits }).toEqual({
    rows: stats.rows,
    collections: stats.collections,
    commits: inspected.commits.count,
  })
  expect(frames).toBe(inspected.frames.reduce((sum, one) => sum + one.frames, 0))
  const catalog = await dumpCatalog('x', { storage })
  expect(Object.fromEntries(catalog.collections.map(({ name, digest }) => [name, digest]))).toEqual(
    verified.digests,
  )
  // What the frames hold, counted from outside; their padding is below 8 bytes each.
  const stored = inspected.frames.find(({ kind }) => kind === 'indexNodes') ?? { frames: 0, bytes: 0 }
  const slack = stored.bytes - stored.frames * FRAME_HEADER_BYTES - nodes.liveBytes - nodes.deadBytes
  expect(slack).toBeGreaterThanOrEqual(0)
  expect(slack).toBeLessThan(8 * Math.max(1, stored.frames))
}

describe('stats(), inspect and verify', () => {
  it.each(Array.from({ length: count(4, 100) }, (_, i) => i))(
    'tell the same after random commits and checkpoints: workload %d',
    async (i) => {
      const random = randomFrom(seed + i)
      const storage = new MemoryStorage()
      let checkpoints = 0
      for (let session = 0; session < 3; session++) {
        const cacheBytes = [0, 100_000, 64 * 1024 * 1024][random.below(3)]
        const db = await Database.open('x', { storage, durability: 'os', cacheBytes })
        for (let round = 0; round < 4; round++) {
          await work(db, random, random.below(12))
          if (random.below(2) === 0) {
            await db.checkpoint()
            expect(db.stats().index).toMatchObject({
              checkpointSequence: db.commitSequence,
              logBytesBehind: 0,
            })
            // Of a tree without rows there is nothing to store.
            expect(db.stats().index.unstoredBytes).toBeLessThan(1024 * 4)
          }
          await compare(db, storage)
        }
        await db.close()
        const reader = await Database.open('x', { storage, mode: 'readOnly' })
        await compare(reader, storage)
        await reader.close()
        checkpoints = (await inspect('x', { storage })).checkpoints
      }
      console.log(`${checkpoints} checkpoints, VARVE_SEED=${seed}`)
    },
  )

  it('tell of trees how high and how full they are', async () => {
    const storage = new MemoryStorage()
    const db = await Database.open('x', { storage, durability: 'os' })
    await db.registerCollection('rows', [], 'id')
    const rows = Array.from({ length: 5000 }, (_, id) => ({ id: `${id}`.padStart(60, '0') }))
    await db.insertMany('rows', rows)
    await db.checkpoint()
    await db.close()
    const { trees, nodes, checkpoints } = await inspect('x', { storage })
    expect(checkpoints).toBe(1)
    expect(trees).toMatchObject([
      { id: 0, name: '', depth: 1, leaves: 1, innerNodes: 0, innerFill: 0 },
      { id: 1, name: 'rows', rows: 5000, depth: 3, deltas: 0, unreadableNodes: 0 },
    ])
    expect(nodes.liveBytes).toBe(trees.reduce((sum, { nodeBytes }) => sum + nodeBytes, 0))
    const tree = trees[1]
    expect(tree?.leafFill).toBeGreaterThan(0.9)
    expect(tree?.leafFill).toBeLessThanOrEqual(1)
    expect(tree?.innerFill).toBeGreaterThan(0.3)
    const again = await Database.open('x', { storage, durability: 'os' })
    for (const id of [7, 4000]) await again.put('rows', { id: `${id}`.padStart(60, '0'), changed: true })
    await again.checkpoint()
    await again.close()
    expect((await inspect('x', { storage })).trees[1]).toMatchObject({ leaves: tree?.leaves, deltas: 2 })
  })

  it('check more records than a batch of them holds, each with its own key', async () => {
    const storage = new MemoryStorage()
    const db = await Database.open('x', { storage, durability: 'os' })
    await db.registerCollection('rows', [], 'id')
    // Keys of 8 MiB fill a batch.
    const rows = Array.from({ length: 2200 }, (_, i) => ({ id: `${(i * 7919) % 2200}`.padStart(3900, '0') }))
    await db.insertMany('rows', rows)
    await db.close()
    const file = storage.open('x', 'readWrite')
    const content = new Uint8Array(file.size())
    file.read(content, 0)
    // A byte of a key in the first half of the file, where the records are.
    const at = [0.05, 0.4].map((part) =>
      Buffer.from(content.buffer).indexOf('0'.repeat(3800), content.length * part),
    )
    for (const offset of at) file.write(Uint8Array.of(0x31), offset + 3000)
    file.close()
    const { ok, findings } = await verify('x', { storage, deep: true })
    expect(ok).toBe(false)
    const records = findings.filter(({ kind }) => kind === 'record')
    expect(
      records.map(({ offset, end = 0 }) => at.map((place) => offset < place + 3000 && place + 3000 < end)),
    ).toEqual([
      [true, false],
      [false, true],
    ])
  })
})
