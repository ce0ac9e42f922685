/** Writes the golden files that are missing, when asked to; else sees that none is. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { chainOf, rowsOf } from '../reader/engine-facts.js'
import { GOLDEN_FOLDER, type GoldenContent } from './golden-files.js'
import { type GoldenFile, goldenFiles } from './make.js'

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
      expect(file.bytes.length, file.name).toBeLessThanOrEqual(64 * 1024)
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
}: GoldenFile): Promise<GoldenContent> {
  const unread = { what, outcomes, commits: [], collections: [] }
  if (count === 0) return unread
  const { commits } = chainOf(bytes)
  expect(commits, name).toHaveLength(count)
  const engine = await rowsOf(bytes)
  const collections = engine.collections.map(({ id, name: collection, digest }) => {
    const rows = (engine.rows.get(id) ?? []).map(({ keyHex, value }) => ({ keyHex, value }))
    return { name: collection, digest, rows }
  })
  return { ...unread, commits, collections }
}
