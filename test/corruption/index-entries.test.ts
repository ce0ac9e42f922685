/**
 * Secondary indexes that do not say what the rows do, under checksums that hold: `verify` finds each.
 */
import { describe, expect, it } from 'vitest'
import { openEngineSync } from '../../src/engine/open.js'
import { Database } from '../../src/database.js'
import type { WorkingIndex } from '../../src/engine/working-index.js'
import type { VerifyFinding } from '../../src/inspect/findings.js'
import { verifyFile } from '../../src/inspect/verify.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { fixedPlatform, PATH } from './databases.js'

const NAME = 'rows'

/** What `verify` finds after an index was tampered with in memory and stored. */
async function findingsAfter(
  tamper: (index: WorkingIndex, entries: Uint8Array[]) => void,
  deep: boolean,
): Promise<readonly VerifyFinding[]> {
  const storage = new MemoryStorage()
  const platform = fixedPlatform(storage)
  const engine = openEngineSync(PATH, { durability: 'os' }, platform)
  const db = new Database(engine)
  await db.registerCollection(NAME, [], 'id', { indexes: { byText: { on: 'text' } } })
  for (const id of [1, 2, 3]) await db.put(NAME, { id, text: `text ${id}` })
  const index = engine.generation.head.collectionNamed(NAME)?.indexes[0]
  if (index === undefined) throw new TypeError('an index')
  const entries: Uint8Array[] = []
  for (const cursor = index.freeze().tree.cursor({}); cursor.next();) entries.push(cursor.key())
  tamper(index, entries)
  await db.put(NAME, { id: 4, text: 'text 4' })
  await db.checkpoint()
  await db.close()
  return (await verifyFile(PATH, { storage, deep }, platform)).findings
}

const change = (index: WorkingIndex, removed: Uint8Array[], added: Uint8Array[], rows = 0): void =>
  index.apply({ index, removed, added, rows })

describe('verify of secondary indexes', () => {
  it('has nothing to say of sound ones', async () => {
    expect(await findingsAfter(() => undefined, true)).toEqual([])
  })

  it('finds an entry that is missing', async () => {
    const findings = await findingsAfter((index, entries) => change(index, entries.slice(0, 1), []), true)
    expect(findings).toContainEqual(
      expect.objectContaining({
        kind: 'index',
        expected: "4 entries in index 'byText' of collection 1, as the rows say",
      }),
    )
  })

  it('finds an entry that leads to no row, without decoding any', async () => {
    const stray = (entry: Uint8Array): Uint8Array => Uint8Array.from([...entry.slice(0, -2), 9, 0])
    const findings = await findingsAfter(
      (index, entries) => change(index, [], entries.slice(0, 1).map(stray)),
      false,
    )
    expect(findings.map(({ kind }) => kind)).toEqual(['index'])
  })

  it('finds an entry of a value that the row has not', async () => {
    const findings = await findingsAfter((index, entries) => {
      const [first] = entries
      if (first === undefined) return
      const other = first.slice()
      other[6] = 0x7a
      change(index, [first], [other])
    }, true)
    expect(findings.map(({ kind }) => kind)).toEqual(['index'])
  })

  it('finds a wrong number of rows', async () => {
    const findings = await findingsAfter((index) => change(index, [], [], 1), true)
    expect(findings).toContainEqual(expect.objectContaining({ actual: '5' }))
  })
})

describe('an index that is built by a replay', () => {
  it('does without the entries of a row that was damaged since: the database opens', async () => {
    const storage = new MemoryStorage()
    const platform = fixedPlatform(storage)
    const db = new Database(openEngineSync(PATH, { durability: 'os' }, platform))
    await db.registerCollection(NAME, [], 'id')
    const rows = [1, 2, 3].map((id) => ({ id, text: `text ${id}` }))
    await db.collection(NAME).insertMany(rows)
    await db.checkpoint()
    await db.registerCollection(NAME, undefined, 'id', { indexes: { byText: { on: 'text' } } })
    // Nobody closes it: the index is only in the log.
    const file = storage.open(PATH, 'readWrite')
    const bytes = new Uint8Array(file.size())
    file.read(bytes, 0)
    const place = Buffer.from(bytes).indexOf('text 2')
    file.write(new Uint8Array([0x58]), place)
    const reopened = new MemoryStorage()
    const copy = reopened.open(PATH, 'create')
    file.read(bytes, 0)
    copy.write(bytes, 0)
    const again = new Database(openEngineSync(PATH, {}, fixedPlatform(reopened)))
    expect(again.recoveryInfo.checkpointOffset).toBeGreaterThan(0)
    expect(again.collection(NAME).find({ text: 'text 3' }).toArray()).toEqual([rows[2]])
    expect(() => again.get(NAME, 2)).toThrowError(expect.objectContaining({ code: 'VARVE_CORRUPTION' }))
    const { findings } = await verifyFile(PATH, { storage: reopened, deep: true }, platform)
    expect(findings.map(({ kind }) => kind)).toContain('record')
    await again.close()
  })
})
