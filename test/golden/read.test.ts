/**
 * Golden files of every format version are read for ever: in every recovery mode each opens as it did when it was
 * written, or is refused as it was then, and holds the same commits and rows.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/database.js'
import { VarveError } from '../../src/errors.js'
import type { RecoveryMode } from '../../src/log/recovery-info.js'
import type { MemoryStorage } from '../../src/storage/memory-storage.js'
import {
  databaseOn,
  expectSameBytes,
  fileBytes,
  fixedPlatform,
  listing,
  MODES,
  PATH,
  storageWith,
} from '../corruption/databases.js'
import { chainOf, rowsOf } from '../reader/engine-facts.js'
import { pythonMissing, runReader } from '../reader/run-reader.js'
import { GOLDEN_FOLDER, type GoldenContent } from './golden-files.js'

const names = readdirSync(GOLDEN_FOLDER)
  .filter((name) => name.endsWith('.varve'))
  .map((name) => name.slice(0, -'.varve'.length))

const bytesOfGolden = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(GOLDEN_FOLDER, `${name}.varve`)))
const contentOfGolden = (name: string): GoldenContent =>
  JSON.parse(readFileSync(join(GOLDEN_FOLDER, `${name}.json`), 'utf8')) as GoldenContent

function open(
  storage: MemoryStorage,
  recovery: RecoveryMode,
  mode: 'readWrite' | 'readOnly',
): Promise<Database> {
  return databaseOn(fixedPlatform(storage)).open(PATH, { recovery, mode })
}

/** What is in a file, as the JSON beside a golden one states it. */
async function collectionsIn(bytes: Uint8Array): Promise<GoldenContent['collections']> {
  const { collections, rows } = await rowsOf(bytes)
  return collections.map(({ id, name, digest }) => ({
    name,
    digest,
    rows: (rows.get(id) ?? []).map(({ keyHex, value }) => ({ keyHex, value })),
  }))
}

async function outcomeOf(opening: Promise<Database>): Promise<Database | VarveError> {
  try {
    return await opening
  } catch (error) {
    if (VarveError.is(error)) return error
    throw error
  }
}

describe.each(names)('golden file %s', (name) => {
  const golden = bytesOfGolden(name)
  const content = contentOfGolden(name)

  it('holds the commits that it held', () => {
    if ('error' in content.outcomes.autoTruncate) return
    expect(chainOf(golden).commits).toEqual(content.commits)
  })

  it.each(MODES)('opens for writing as it did in mode %s, and goes on', async (mode) => {
    const expected = content.outcomes[mode]
    const storage = storageWith({ [PATH]: golden })
    const opened = await outcomeOf(open(storage, mode, 'readWrite'))
    if ('error' in expected || opened instanceof VarveError) {
      expect(opened).toMatchObject({ code: 'error' in expected ? expected.error : 'no error' })
      expectSameBytes(fileBytes(storage), golden)
      expect(Object.keys(listing(storage))).toEqual([PATH])
      return
    }
    expect(opened.recoveryInfo).toMatchObject({
      ...expected,
      mode,
      checkpointOffset: content.start?.checkpoint,
      transactionsApplied: content.start?.transactionsApplied ?? content.commits.length,
    })
    const quarantines = Object.keys(listing(storage)).filter((file) => file !== PATH)
    expect(quarantines).toHaveLength(expected.truncatedBytes > 0 ? 1 : 0)
    await opened.registerCollection('added', [], 'id')
    await opened.insert('added', { id: 1 })
    await opened.close()

    const again = await open(storage, 'strict', 'readWrite')
    expect(again.recoveryInfo).toMatchObject({ classification: 'clean', truncatedBytes: 0 })
    expect(again.get('added', 1)).toEqual({ id: 1 })
    await again.close()
    const kept = (await collectionsIn(fileBytes(storage))).filter((collection) => collection.name !== 'added')
    expect(kept).toEqual(content.collections)
  })

  it.each(MODES)('is read, or refused, and left alone in mode %s', async (mode) => {
    const expected = content.outcomes[mode]
    const storage = storageWith({ [PATH]: golden })
    const opened = await outcomeOf(open(storage, mode, 'readOnly'))
    if ('error' in expected || opened instanceof VarveError) {
      expect(opened).toMatchObject({ code: 'error' in expected ? expected.error : 'no error' })
    } else {
      expect(opened.recoveryInfo).toMatchObject({
        classification: expected.classification,
        truncatedBytes: 0,
      })
      expect(opened.collectionNames()).toEqual(
        content.collections.map((collection) => collection.name).toSorted(),
      )
      await opened.close()
    }
    expectSameBytes(fileBytes(storage), golden)
    expect(Object.keys(listing(storage))).toEqual([PATH])
  })

  it.skipIf(pythonMissing !== undefined)('holds for the independent reader what it held', () => {
    const [report] = runReader([join(GOLDEN_FOLDER, `${name}.varve`)])
    if ('error' in content.outcomes.autoTruncate) return expect(report?.error).toBeDefined()
    expect(report?.error).toBeUndefined()
    expect(report?.commits).toEqual(content.commits)
    const used = report?.checkpoints.find(({ sound }) => sound)
    expect(used?.offset).toBe(content.start?.checkpoint)
    const read = report?.collections.map(({ id, name: collection, digest }) => ({
      name: collection,
      digest,
      rows: (report.rows.get(id) ?? []).map(({ keyHex, value }) => ({ keyHex, value })),
    }))
    expect(read).toEqual(content.collections)
  })
})

describe('golden files', () => {
  it('would show a row that reads differently', async () => {
    const [collection] = contentOfGolden('tiny').collections
    expect(collection?.rows).toEqual([{ keyHex: '2044756e6500', value: '{"title":"Dune","year":1965}' }])
    expect(await collectionsIn(bytesOfGolden('sessions'))).not.toEqual([collection])
  })
})
