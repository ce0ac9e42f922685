/** Compaction of an open database: what it keeps, what it gives back, and what goes on meanwhile. */
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/database.js'
import type { Engine } from '../../../src/engine/engine.js'
import { openEngineSync } from '../../../src/engine/open.js'
import { verifyFile } from '../../../src/inspect/verify.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { workloadPlatform } from '../../support/workload-platform.js'

const PATH = 'rows.varve'
const ROWS = 4000

interface Opened {
  readonly engine: Engine
  readonly db: Database
}

function open(storage: MemoryStorage): Opened {
  const { platform } = workloadPlatform({ seed: 1, storage })
  const engine = openEngineSync(PATH, { durability: 'os' }, platform)
  return { engine, db: new Database(engine) }
}

const row = (id: number, version = 0): Record<string, unknown> => ({
  id,
  n: id % 10,
  version,
  text: 'x'.repeat(150),
})

async function filled(storage: MemoryStorage): Promise<Opened> {
  const opened = open(storage)
  const { db } = opened
  await db.registerCollection('rows', [], 'id', { indexes: { byN: { on: 'n' } } })
  await db.collection('rows').insertMany(Array.from({ length: ROWS }, (_, id) => row(id)))
  for (let id = 0; id < ROWS; id += 2) await db.delete('rows', id)
  return opened
}

interface Readable {
  collection(name: string): { range(): Iterable<unknown> }
}

const dump = (db: Readable): unknown[] => [...db.collection('rows').range()]

async function expectSound(storage: MemoryStorage): Promise<void> {
  const report = await verifyFile(PATH, { storage, deep: true }, workloadPlatform({ storage }).platform)
  expect(report.findings).toEqual([])
}

describe('a compaction', () => {
  it('keeps rows, indexes and position, gives the rest back, and writes go on', async () => {
    const storage = new MemoryStorage()
    const { db, engine } = await filled(storage)
    const before = dump(db)
    const { sequence, crc } = engine.state.commit
    const { generationId } = engine.generation.header
    const report = await db.compact()
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore * 0.6)
    expect(report).toMatchObject({ oldestSequence: sequence, commitsCopied: 0 })
    expect(engine.state.commit).toMatchObject({ sequence, crc })
    expect(engine.generation.header.parentGenerationId).toBe(generationId)
    expect(dump(db)).toEqual(before)
    expect(db.collection('rows').find({ n: 3 }).count()).toBe(ROWS / 10)
    expect(storage.siblings(PATH)).toEqual([PATH])
    await db.put('rows', row(2, 1))
    await db.transaction((tx) => tx.collection('rows').insert(row(ROWS)))
    await db.close()
    await expectSound(storage)
    const again = open(storage)
    expect(again.db.get('rows', 2)).toMatchObject({ version: 1 })
    expect(again.db.commitSequence).toBe(sequence + 2)
    await again.db.close()
  })

  it('loses no commit that is made while it runs', async () => {
    const storage = new MemoryStorage()
    const { db } = await filled(storage)
    const others = { goOn: true }
    let version = 0
    const writes = (async () => {
      while (others.goOn) {
        version++
        await db.put('rows', row(version % 50, version))
        if (version % 7 === 0) await db.delete('rows', (version * 3) % 50)
        if (version % 11 === 0) await db.transaction((tx) => tx.collection('rows').put(row(5000 + version)))
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    const reports = [await db.compact(), await db.compact()]
    others.goOn = false
    await writes
    expect(reports[0]?.commitsCopied).toBeGreaterThan(0)
    const state = dump(db)
    const found = db.collection('rows').find({ n: 1 }).count()
    await db.close()
    await expectSound(storage)
    const again = open(storage)
    expect(dump(again.db)).toEqual(state)
    expect(again.db.collection('rows').find({ n: 1 }).count()).toBe(found)
    await again.db.close()
  })

  it('leaves snapshots, ranges and queries of the file before as they are', async () => {
    const storage = new MemoryStorage()
    const { db } = await filled(storage)
    const rows = db.collection('rows')
    const expected = dump(db)
    const snapshot = db.snapshot()
    const range = rows.range()
    const query = rows.find({ n: 3 })
    const half = rows.range()[Symbol.iterator]()
    const first = half.next()
    await db.compact()
    await rows.put(row(1, 99))
    expect(dump(snapshot)).toEqual(expected)
    expect([...range]).toEqual(expected)
    expect(query.toArray()).toHaveLength(ROWS / 10)
    expect([first.value, ...half]).toEqual(expected)
    expect(snapshot.collection('rows').history(1, { scan: true }).toArray().length).toBeGreaterThan(0)
    snapshot.close()
    await db.close()
  })

  it('keeps the history that it is asked to keep', async () => {
    const storage = new MemoryStorage()
    const { db } = await filled(storage)
    for (let version = 1; version <= 20; version++) await db.put('rows', row(1, version))
    const { commitSequence } = db
    await db.compact({ retain: { commits: 5 } })
    expect(db.commitSequence).toBe(commitSequence)
    expect(
      db
        .collection('rows')
        .history(1)
        .toArray()
        .map(({ row: kept }) => kept?.['version']),
    ).toEqual([20, 19, 18, 17, 16, 15])
    expect(
      db
        .snapshot({ at: commitSequence - 5 })
        .collection('rows')
        .get(1),
    ).toMatchObject({ version: 15 })
    expect(() => db.snapshot({ at: commitSequence - 6 })).toThrowError(/is gone/)
    await db.compact({ retain: { ms: 1e9 } })
    expect(
      db
        .snapshot({ at: commitSequence - 5 })
        .collection('rows')
        .get(1),
    ).toMatchObject({ version: 15 })
    await db.close()
    await expectSound(storage)
  })

  it('can be given up, and is by a close', async () => {
    const storage = new MemoryStorage()
    const { db, engine } = await filled(storage)
    const { generationId } = engine.generation.header
    const abort = new AbortController()
    const reason = new Error('enough')
    const compaction = db.compact({ signal: abort.signal, onProgress: () => abort.abort(reason) })
    await expect(db.compact()).rejects.toMatchObject({ code: 'VARVE_BUSY' })
    await expect(compaction).rejects.toBe(reason)
    expect(engine.generation.header.generationId).toBe(generationId)
    expect(storage.siblings(PATH)).toEqual([PATH])
    const another = db.compact()
    await Promise.all([expect(another).rejects.toMatchObject({ code: 'VARVE_CLOSED' }), db.close()])
    expect(storage.siblings(PATH)).toEqual([PATH])
    await expectSound(storage)
  })
})

/** More steps than the compaction of a small file takes that does not wait for anything else. */
const STEPS = 120

describe('a blocking write while a compaction runs', () => {
  /** Writes so many steps after a compaction began; how many commits the compaction copied. */
  async function writtenAfter(steps: number): Promise<number> {
    const storage = new MemoryStorage()
    const { db } = open(storage)
    await db.registerCollection('rows', [], 'id')
    await db.insert('rows', row(1))
    const compaction = db.compact()
    // The others wait for their turn, where it is taken, and the blocking one brings them with it.
    const writes: unknown[] = [db.put('rows', row(2))]
    for (let i = 0; i < steps; i++) await Promise.resolve()
    writes.push(db.put('rows', row(3)))
    db.collection('rows').putSync(row(4, steps))
    writes.push(db.put('rows', row(5)))
    await Promise.all([...writes, compaction])
    expect(dump(db)).toEqual([row(1), row(2), row(3), row(4, steps), row(5)])
    const { commitSequence } = db
    await db.close()
    await expectSound(storage)
    const again = open(storage)
    expect(dump(again.db)).toEqual([row(1), row(2), row(3), row(4, steps), row(5)])
    expect(again.db.commitSequence).toBe(commitSequence)
    await again.db.close()
    return (await compaction).commitsCopied
  }

  it('is kept, wherever it comes (I8, I23)', async () => {
    const copied = new Set<number>()
    for (let steps = 0; steps < STEPS; steps++) copied.add(await writtenAfter(steps))
    // Some come while the image is written, some after the last turn.
    expect(copied.has(1)).toBe(true)
    expect(copied.has(4)).toBe(true)
  })
})

describe('a checkpoint that is asked for while a compaction runs', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  /** Asks for a checkpoint so many steps after a compaction began, which is then ended by `end`; what became of the checkpoint. */
  async function checkpointAfter(
    steps: number,
    end: (db: Database, abort: AbortController) => unknown,
  ): Promise<'taken' | 'nothing yet'> {
    const { db } = open(new MemoryStorage())
    await db.registerCollection('rows', [], 'id')
    await db.insert('rows', row(1))
    const abort = new AbortController()
    const compaction = db.compact({ signal: abort.signal }).catch(() => undefined)
    for (let i = 0; i < steps; i++) await Promise.resolve()
    const checkpoint = db.checkpoint().then(() => 'taken' as const)
    await end(db, abort)
    await compaction
    for (let i = 0; i < 40; i++) await turn()
    const outcome = await Promise.race([checkpoint, Promise.resolve('nothing yet' as const)])
    await db.close()
    return outcome
  }

  it.each<[string, (db: Database, abort: AbortController) => unknown]>([
    ['a close', (db) => db.close()],
    ['a blocking close', (db) => db.closeSync()],
    ['its cancellation', (_, abort) => abort.abort()],
  ])('is taken although the compaction is ended by %s', async (_, end) => {
    for (let steps = 0; steps < STEPS; steps++) {
      expect(`after ${steps} steps: ${await checkpointAfter(steps, end)}`).toBe(`after ${steps} steps: taken`)
    }
  })
})
