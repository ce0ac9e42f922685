/** A state written as a file of its own opens as that state, and nothing in it is out of place. */
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/database.js'
import { generationAfter, writeImage } from '../../../src/engine/image.js'
import type { Engine } from '../../../src/engine/engine.js'
import { openEngineSync } from '../../../src/engine/open.js'
import { SUPERBLOCK_OFFSETS } from '../../../src/format/superblock.js'
import { verifyFile } from '../../../src/inspect/verify.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { runSync } from '../../../src/storage/task.js'
import { workloadPlatform } from '../../support/workload-platform.js'

const PATH = 'source.varve'
const COPY = 'copy.varve'
const ROWS = 9000

interface Opened {
  readonly engine: Engine
  readonly db: Database
}

function open(storage: MemoryStorage, path: string): Opened {
  const { platform } = workloadPlatform({ seed: 1, storage })
  const engine = openEngineSync(path, { durability: 'os', recovery: 'strict' }, platform)
  return { engine, db: new Database(engine) }
}

/** Several frames of rows, some replaced and some deleted, two indexes, a counter, a dropped and an empty collection. */
async function fill({ db }: Opened): Promise<void> {
  await db.registerCollection('rows', [], 'id', {
    indexes: { byN: { on: 'n' }, byTags: { on: 'tags', where: { n: { $gte: 3 } } } },
  })
  await db.registerCollection('empty', [], 'id')
  await db.registerCollection('gone', [], 'id')
  const row = (id: number): { id: number; n: number; tags: string[]; text: string } => ({
    id: (id * 7919) % ROWS,
    n: id % 11,
    tags: [`t${id % 5}`, 'all'],
    text: 'x'.repeat(200 + (id % 97)),
  })
  const rows = db.collection('rows')
  await rows.insertMany(Array.from({ length: ROWS }, (_, id) => row(id)))
  await db.insert('gone', { id: 1 })
  for (let id = 0; id < ROWS; id += 3) await rows.delete(id)
  for (let id = 1; id < ROWS; id += 9) await rows.update(id, { extra: id })
  await db.dropCollection('gone')
}

function imageOf({ engine }: Opened, storage: MemoryStorage): void {
  const { platform, codecs } = engine.parts
  const { file, header, visible } = engine.generation
  const target = storage.open(COPY, 'create')
  const next = generationAfter(header, visible.commit, platform)
  const end = runSync(writeImage(target, { state: engine.pin(), file, codecs }, next, platform.checksum))
  expect(target.size()).toBe(end)
  target.close()
}

const rowsOf = ({ db }: Opened): unknown[] => [...db.collection('rows').range()]

describe('the image of a state', () => {
  it('is a database with the same state and position', async () => {
    const storage = new MemoryStorage()
    const source = open(storage, PATH)
    await fill(source)
    imageOf(source, storage)
    const report = await verifyFile(COPY, { storage, deep: true }, workloadPlatform({ storage }).platform)
    expect(report.findings).toEqual([])
    const copy = open(storage, COPY)
    expect(copy.db.commitSequence).toBe(source.db.commitSequence)
    expect(copy.engine.state.commit.crc).toBe(source.engine.state.commit.crc)
    expect(rowsOf(copy)).toEqual(rowsOf(source))
    expect(copy.db.collection('rows').find({ n: 4, tags: 't2' }).toArray()).toEqual(
      source.db.collection('rows').find({ n: 4, tags: 't2' }).toArray(),
    )
    for (const [id, { digest, counter, indexes, liveBytes }] of source.engine.state.collections) {
      expect(copy.engine.state.collections.get(id)).toMatchObject({ digest, counter, liveBytes })
      expect(copy.engine.state.collections.get(id)?.indexes.map(({ rows }) => rows)).toEqual(
        indexes.map(({ rows }) => rows),
      )
    }
    expect(copy.db.stats().records.deadBytes).toBe(0)
    // Writing goes on behind it.
    await copy.db.put('rows', { id: 5, n: 1, tags: [], text: 'new' })
    await copy.db.close()
    const again = open(storage, COPY)
    expect(again.db.get('rows', 5)).toMatchObject({ text: 'new' })
  })

  it('says the same without its checkpoint', async () => {
    const storage = new MemoryStorage()
    const source = open(storage, PATH)
    await fill(source)
    imageOf(source, storage)
    const file = storage.open(COPY, 'readWrite')
    for (const offset of SUPERBLOCK_OFFSETS) file.write(new Uint8Array(4096), offset)
    // The checkpoint's frame is the last one.
    file.write(new Uint8Array(64).fill(0xff), file.size() - 200)
    file.close()
    const { platform } = workloadPlatform({ seed: 1, storage })
    const engine = openEngineSync(COPY, { durability: 'os' }, platform)
    const copy = { engine, db: new Database(engine) }
    expect(copy.db.recoveryInfo.checkpointOffset).toBe(undefined)
    expect(rowsOf(copy)).toEqual(rowsOf(source))
    expect(copy.engine.state.collections.get(0)?.counter).toBe(
      source.engine.state.collections.get(0)?.counter,
    )
  })

  it('of a database without commits is one, too', async () => {
    const storage = new MemoryStorage()
    imageOf(open(storage, PATH), storage)
    const copy = open(storage, COPY)
    expect(copy.db.commitSequence).toBe(0)
    await copy.db.registerCollection('rows', [], 'id')
    await copy.db.close()
    expect(open(storage, COPY).db.collectionNames()).toEqual(['rows'])
  })

  it('holds nothing of what was before it', async () => {
    const storage = new MemoryStorage()
    const source = open(storage, PATH)
    await fill(source)
    const { sequence } = source.engine.state.commit
    imageOf(source, storage)
    const copy = open(storage, COPY)
    const at = copy.db.snapshot({ at: sequence })
    expect([...at.collection('rows').range()]).toEqual(rowsOf(source))
    expect(() => copy.db.snapshot({ at: sequence - 1 })).toThrowError(/is gone/)
    const history = copy.db.collection('rows').history(1, { scan: true }).toArray()
    expect(history.map((version) => [version.sequence, version.row?.['extra']])).toEqual([[sequence, 1]])
  })
})
