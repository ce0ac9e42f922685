/** Writes the golden files that are missing, when asked to; else sees that none is. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { databaseOn, fixedPlatform, PATH, storageWith } from '../corruption/databases.js'
import { chainOf, rowsOf } from '../reader/engine-facts.js'
import { GOLDEN_FOLDER, type GoldenContent, type GoldenFile } from './golden-files.js'
import { goldenFiles } from './make.js'

describe('the golden files', () => {
  it('are all there, and none beside them', async () => {
    const files = await goldenFiles()
    if (process.env['VARVE_WRITE_GOLDEN'] === '1') for (const file of files) await writeMissing(file)
    const expected = files.flatMap(({ name }) => [`${name}.json`, `${name}.varve`])
    expect(readdirSync(GOLDEN_FOLDER).toSorted()).toEqual(expected.toSorted())
  })

  it('are made of small files, by the same steps the same', async () => {
    const [files, again] = [await goldenFiles(), await goldenFiles()]
    for (const [i, file] of files.entries()) {
      expect(Buffer.compare(file.bytes, again[i]?.bytes ?? new Uint8Array(0)), file.name).toBe(0)
      expect(file.bytes.length, file.name).toBeLessThanOrEqual(96 * 1024)
    }
  })
})

async function writeMissing(file: GoldenFile): Promise<void> {
  const path = join(GOLDEN_FOLDER, file.name)
  if (existsSync(`${path}.varve`)) return
  const content = await contentOf(file)
  mkdirSync(GOLDEN_FOLDER, { recursive: true })
  writeFileSync(`${path}.varve`, file.bytes)
  writeFileSync(`${path}.json`, `${JSON.stringify(content, undefined, 1)}\n`)
}

async function contentOf({
  what,
  outcomes,
  bytes,
  commits: count,
  name,
  checkpoint,
}: GoldenFile): Promise<GoldenContent> {
  const unread = { what, outcomes, commits: [], collections: [] }
  if (count === 0) return unread
  const { commits } = chainOf(bytes)
  const start = await startOf(bytes)
  expect(start?.checkpoint, name).toBe(checkpoint)
  expect(commits, name).toHaveLength(count)
  const engine = await rowsOf(bytes)
  const collections = engine.collections.map(({ id, name: collection, digest }) => {
    const rows = (engine.rows.get(id) ?? []).map(({ keyHex, value }) => ({ keyHex, value }))
    return { name: collection, digest, rows }
  })
  return { ...unread, ...(start === undefined ? {} : { start }), commits, collections }
}

/** Where an open starts. */
async function startOf(bytes: Uint8Array): Promise<GoldenContent['start']> {
  const Golden = databaseOn(fixedPlatform(storageWith({ [PATH]: bytes })))
  const db = await Golden.open(PATH, { mode: 'readOnly', recovery: 'autoTruncate' })
  const { checkpointOffset, transactionsApplied } = db.recoveryInfo
  await db.close()
  return checkpointOffset === undefined ? undefined : { checkpoint: checkpointOffset, transactionsApplied }
}
