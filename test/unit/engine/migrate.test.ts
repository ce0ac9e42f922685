/** Migrations: what their steps do, that they run once, go back as a whole, and go on after a crash at any batch. */
import { describe, expect, it } from 'vitest'
import type { Migration, MigrationStep } from '../../../src/catalog/migration.js'
import { Database } from '../../../src/database.js'
import { openEngineSync } from '../../../src/engine/open.js'
import { verifyFile } from '../../../src/inspect/verify.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { workloadPlatform } from '../../support/workload-platform.js'
import { fileBytes, PATH, storageWith } from '../../corruption/databases.js'

const NAME = 'books'

function openOver(storage: MemoryStorage): Database {
  const { platform } = workloadPlatform({ seed: 1, storage })
  return new Database(openEngineSync(PATH, { durability: 'os' }, platform))
}

async function filled(rows = 10): Promise<{ storage: MemoryStorage; db: Database }> {
  const storage = new MemoryStorage()
  const db = openOver(storage)
  await db.registerCollection(
    NAME,
    [
      { path: ['id'], type: 'int' },
      { path: ['titel'], type: 'string' },
      { path: ['author'], type: 'object', fields: [{ path: ['nam'], type: 'string' }] },
      { path: ['old'], type: 'int', optional: true },
    ],
    'id',
    { indexes: { byOld: { on: 'old' } } },
  )
  await db
    .collection(NAME)
    .insertMany(
      Array.from({ length: rows }, (_, id) => ({ id, titel: `t${id}`, author: { nam: 'a' }, old: id % 3 })),
    )
  return { storage, db }
}

const STEPS: readonly MigrationStep[] = [
  { addField: { path: ['pages'], type: 'int' }, value: (row: { id?: unknown }) => Number(row.id) * 10 },
  { renameField: 'titel', to: 'title' },
  { renameField: 'author.nam', to: 'author.name' },
  { dropIndex: 'byOld' },
  { dropField: 'old' },
  { transform: (row) => ({ ...row, title: String(row['title']).toUpperCase() }) },
  { addIndex: 'byTitle', index: { on: 'title', unique: true } },
]

const migration = (changes: Partial<Migration> = {}): Migration => ({
  version: 1,
  name: 'first',
  collection: NAME,
  steps: STEPS,
  ...changes,
})

function expectMigrated(db: Database, rows: number): void {
  const books = db.collection(NAME)
  expect(books.count()).toBe(rows)
  expect(books.get(3)).toStrictEqual({ id: 3, author: { name: 'a' }, title: 'T3', pages: 30 })
  expect(books.definition.indexes.map(({ name, unique, builtTo }) => [name, unique, builtTo])).toEqual([
    ['byTitle', true, undefined],
  ])
  expect(books.definition.migrating).toBeUndefined()
  expect(books.definition.fields.map(({ path }) => path.join('.'))).toEqual([
    'id',
    'title',
    'author',
    'pages',
  ])
}

async function expectSound(storage: MemoryStorage): Promise<void> {
  const { platform } = workloadPlatform({ seed: 1, storage })
  expect((await verifyFile(PATH, { storage, deep: true }, platform)).findings).toEqual([])
}

describe('migrations', () => {
  it.each([undefined, 3])('do what their steps say, and run once (batches of %s rows)', async (batchRows) => {
    const { db, storage } = await filled()
    const report = await db.migrate([migration({ batchRows })])
    expect(report).toMatchObject({
      dryRun: false,
      present: [],
      migrations: [{ version: 1, rows: 10, changed: 10 }],
    })
    expectMigrated(db, 10)
    await expect(
      db.put(NAME, { id: 99, title: 'T3', author: { name: 'x' }, pages: 1 }),
    ).rejects.toMatchObject({
      code: 'VARVE_DUPLICATE_KEY',
    })
    const again = await db.migrate([migration({ batchRows })])
    expect(again).toMatchObject({ present: [1], migrations: [] })
    expect(db.migrations()).toMatchObject([{ version: 1, name: 'first', collection: NAME, changed: 10 }])
    await db.close()
    await expectSound(storage)
    const reopened = openOver(storage)
    expectMigrated(reopened, 10)
    expect(reopened.migrations().length).toBe(1)
    await reopened.close()
  })

  it('say in a dry run what they would do, and write nothing', async () => {
    const { db } = await filled()
    const before = db.commitSequence
    const second = migration({
      version: 2,
      steps: [{ changeField: { path: ['title'], type: 'string', maxLength: 1 } }],
    })
    const { migrations } = await db.migrate([migration(), second], { dryRun: true })
    expect(migrations).toMatchObject([
      { version: 1, rows: 10, changed: 10, misfits: 0 },
      { version: 2, rows: 10, changed: 0, misfits: 10 },
    ])
    expect(migrations[1]?.misfitExamples[0]).toContain('title')
    expect(db.commitSequence).toBe(before)
    await db.close()
  })

  it('change nothing when they fail in one transaction, and name the commit before', async () => {
    const { db } = await filled()
    const before = db.commitSequence
    const broken = migration({
      steps: [
        ...STEPS,
        {
          transform: (row) => {
            if (row['id'] === 7) throw new RangeError('seven')
            return row
          },
        },
      ],
    })
    await expect(db.migrate([broken])).rejects.toMatchObject({
      code: 'VARVE_SCHEMA',
      details: { collection: NAME, commitBefore: before },
      cause: expect.any(RangeError) as unknown,
    })
    expect(db.get(NAME, 3)).toStrictEqual({ id: 3, titel: 't3', author: { nam: 'a' }, old: 0 })
    expect(db.migrations()).toEqual([])
    expect(db.collection(NAME).definition.indexes.map(({ name }) => name)).toEqual(['byOld'])
    await db.put(NAME, { id: 3, titel: 'still', author: { nam: 'b' } })
    await db.migrate([migration()])
    expect(db.get(NAME, 3)).toMatchObject({ title: 'STILL' })
    await db.close()
  })

  it('refuse rows that do not fit in the end', async () => {
    const { db } = await filled()
    const tight = migration({ steps: [{ changeField: { path: ['titel'], type: 'string', maxLength: 1 } }] })
    await expect(db.migrate([tight])).rejects.toMatchObject({ cause: { code: 'VARVE_VALIDATION' } })
    expect(db.collection(NAME).definition.version).toBe(1)
    await db.close()
  })

  it('go on after a crash at any commit of their batches; other writes wait for them', async () => {
    const { db, storage } = await filled(20)
    await db.close()
    const sound = fileBytes(storage)
    let refused = 0
    for (let stopAfter = 0; stopAfter < 12; stopAfter++) {
      const first = storageWith({ [PATH]: sound })
      const running = openOver(first)
      const start = running.commitSequence
      let image = sound
      const stopping = migration({ batchRows: 3 })
      const run = running.migrate([stopping]).catch(() => undefined)
      while (running.commitSequence < start + stopAfter) await new Promise((resolve) => setImmediate(resolve))
      image = fileBytes(first)
      const crashed = storageWith({ [PATH]: image })
      await run
      await running.close()
      const second = openOver(crashed)
      if (second.collection(NAME).definition.migrating !== undefined) {
        refused++
        await expect(
          second.put(NAME, { id: 50, title: 'x', author: { name: 'y' }, pages: 1 }),
        ).rejects.toThrow('migrate')
        await expect(second.delete(NAME, 1)).rejects.toThrow('migration 1')
        await expect(second.registerCollection(NAME, [], 'id')).rejects.toThrow('migration 1')
        const left = await second.migrate([stopping], { dryRun: true })
        const done = second.migrations()[0]?.changed ?? 0
        expect(left.migrations).toMatchObject([{ rows: 20 - done, changed: 20 - done, misfits: 0 }])
      }
      await second.checkpoint()
      await second.migrate([stopping])
      expectMigrated(second, 20)
      await second.close()
      await expectSound(crashed)
    }
    expect(refused).toBeGreaterThan(4)
  })

  it('refuse a database that is ahead of the code, and one whose past they would change', async () => {
    const { db } = await filled()
    await db.migrate([migration({ version: 2 })])
    const older = migration({ version: 1, steps: [{ dropField: 'pages' }] })
    await expect(db.migrate([older])).rejects.toThrow('is at migration 2')
    await expect(db.migrate([older, migration({ version: 2 })])).rejects.toThrow(
      'did not run before migration 2',
    )
    await expect(db.migrate([migration({ version: 0 })])).rejects.toThrow(TypeError)
    await expect(
      db.migrate([migration({ version: 3, steps: [{ dropField: 'nothing' }] })]).catch((error: unknown) => {
        throw error
      }),
    ).rejects.toThrow('declares no field')
    expectMigrated(db, 10)
    await db.close()
  })

  it('are noted where the collection is yet to come', async () => {
    const db = openOver(new MemoryStorage())
    await db.migrate([migration()])
    expect(db.migrations()).toMatchObject([{ version: 1, changed: 0 }])
    await db.close()
  })
})
