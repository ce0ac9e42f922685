/**
 * The independent reader agrees with the engine: on rows, keys, digests and commits of sound files of odd content, and on
 * the chain of commits of cut, flipped and mixed-up ones. Two programs that share nothing but the format page can only
 * agree where the page says what the file holds.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { fileBytes } from '../corruption/databases.js'
import { chainOf, IMAGE, rowsOf, verifiesClean } from '../reader/engine-facts.js'
import { damaged } from '../reader/images.js'
import { type ReaderReport, pythonMissing, runReader } from '../reader/run-reader.js'
import { buildDatabase, databaseScript } from '../reader/sample-database.js'
import { count, seed } from '../support/counts.js'
import { randomFrom } from '../support/random.js'

const DATABASES = count(25, 2_000)
const IMAGES = count(320, 20_000)
/** Images that one run of the reader takes: each is a file for so long. */
const IMAGES_AT_ONCE = 320
/** No test is decided by the clock; this only ends one that hangs. */
const HANG_MS = 120_000

const suite =
  pythonMissing === undefined
    ? 'the independent reader'
    : `the independent reader (skipped: ${pythonMissing})`

describe.skipIf(pythonMissing !== undefined)(suite, () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-reader-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  function read(images: readonly Uint8Array[]): ReaderReport[] {
    const paths = images.map((image, i) => {
      const path = join(folder, `${i}.varve`)
      writeFileSync(path, image)
      return path
    })
    return runReader(paths)
  }

  /** Everything that both say of a sound file. */
  async function expectAgreement(image: Uint8Array): Promise<void> {
    const [report] = read([image])
    const chain = chainOf(image)
    expect(report?.error).toBeUndefined()
    expect(report?.findings).toEqual([])
    expect(chain.classification).toBe('clean')
    expect(await verifiesClean(image)).toBe(true)
    expect(report?.commits).toEqual(chain.commits)
    expect(report?.log?.watermark).toBe(chain.watermark)
    await expectSameRows(report, image)
  }

  async function expectSameRows(report: ReaderReport | undefined, image: Uint8Array): Promise<void> {
    const engine = await rowsOf(image)
    expect(report?.collections).toEqual(engine.collections)
    expect(report?.rows).toEqual(engine.rows)
  }

  it(
    'reads the same rows, keys, digests and commits from sampled databases',
    async () => {
      await fc.assert(
        fc.asyncProperty(databaseScript, async (script) => {
          await expectAgreement(await buildDatabase(script))
        }),
        { seed, numRuns: DATABASES },
      )
    },
    HANG_MS * DATABASES,
  )

  it('reads transactions of several frames', async () => {
    const image = await largeDatabase()
    await expectAgreement(image)
    const { commits } = chainOf(image)
    expect(commits.some(({ operations }) => operations > 20)).toBe(true)
  })

  it('reads a collection of more shapes than there are structures', async () => {
    const storage = new MemoryStorage()
    const db = await Database.open(IMAGE, { storage })
    await db.registerCollection('shapes', [], 'id')
    for (let i = 0; i < 50; i++) await db.insert('shapes', { id: i, [`field${i}`]: { [`inner${i}`]: i } })
    await db.close()
    const image = fileBytes(storage, IMAGE)
    await expectAgreement(image)
    expect((await rowsOf(image)).collections[0]?.structures).toHaveLength(32)
  })

  it('reads what drops, renames and later registrations leave', async () => {
    const storage = new MemoryStorage()
    const db = await Database.open(IMAGE, { storage })
    for (const name of ['kept', 'dropped', 'renamed']) {
      await db.registerCollection(name, [], 'id')
      await db.insert(name, { id: 1, name })
    }
    await db.dropCollection('dropped')
    await db.renameCollection('renamed', 'dropped')
    await db.registerCollection('renamed', [], 'id')
    await db.transaction((tx) => {
      tx.registerCollection('brief', [], 'id')
      tx.collection('brief').insert({ id: 1, other: true })
      tx.dropCollection('brief')
      tx.registerCollection('brief', [], 'id')
      tx.collection('brief').insert({ id: 2, other: 'again' })
    })
    await db.close()
    await expectAgreement(fileBytes(storage, IMAGE))
  })

  describe('on damaged images', () => {
    /** Both must see the same commits, refuse the same files, and find fault with the same files. */
    async function expectSameJudgement(
      images: readonly Uint8Array[],
      names: readonly string[],
    ): Promise<void> {
      const reports = read(images)
      for (const [i, image] of images.entries()) {
        const report = reports[i]
        const chain = chainOf(image)
        const name = names[i]
        expect(report?.commits, name).toEqual(chain.commits)
        expect(report?.error !== undefined, `${name}: ${report?.error?.why ?? chain.refusal}`).toBe(
          chain.refusal !== undefined,
        )
        if (chain.refusal !== undefined) continue
        expect(report?.log?.watermark, name).toBe(chain.watermark)
        expect(report?.findings.length === 0, name).toBe(await verifiesClean(image))
        if (report !== undefined) await expectSameRows(report, image)
      }
    }

    it(
      'judges cut, flipped, zeroed and mixed-up files alike',
      async () => {
        const random = randomFrom(seed)
        const sources = fc.sample(databaseScript, { seed, numRuns: 8 })
        const wholes = await Promise.all(sources.map((script) => buildDatabase(script)))
        for (let left = IMAGES; left > 0; left -= IMAGES_AT_ONCE) {
          const length = Math.min(left, IMAGES_AT_ONCE)
          const cases = Array.from({ length }, () => damaged(wholes, random))
          await expectSameJudgement(
            cases.map(({ bytes }) => bytes),
            cases.map(({ name }) => name),
          )
        }
      },
      HANG_MS * Math.ceil(IMAGES / IMAGES_AT_ONCE),
    )

    it('judges cuts through a transaction of several frames alike', async () => {
      const whole = await largeDatabase()
      const lengths = [20_000, 4_250_000, whole.length - 500, whole.length - 150, whole.length - 8]
      await expectSameJudgement(
        lengths.map((length) => whole.slice(0, length)),
        lengths.map((length) => `cut to ${length} bytes`),
      )
    })
  })

  it('can disagree', async () => {
    const storage = new MemoryStorage()
    const db = await Database.open(IMAGE, { storage })
    await db.registerCollection('books', [], 'id')
    await db.insert('books', { id: 1, title: 'Dune' })
    const first = fileBytes(storage, IMAGE)
    await db.put('books', { id: 1, title: 'Emma' })
    await db.close()
    const second = fileBytes(storage, IMAGE)
    const [report] = read([second])
    expect(report?.commits).not.toEqual(chainOf(first).commits)
    await expect(expectSameRows(report, first)).rejects.toThrow()
    await expectSameRows(report, second)
  })
})

let large: Promise<Uint8Array> | undefined

/** A database with a transaction of two frames of records between small ones. */
function largeDatabase(): Promise<Uint8Array> {
  return (large ??= (async () => {
    const storage = new MemoryStorage()
    const random = randomFrom(7)
    const db = await Database.open(IMAGE, { storage })
    await db.registerCollection('blobs', [], 'id')
    await db.insert('blobs', { id: 'before' })
    await db.transaction((tx) => {
      const blobs = tx.collection('blobs')
      for (let i = 0; i < 20; i++)
        blobs.put({ id: i, bytes: new Uint8Array(230_000).fill(random.below(256)) })
      blobs.delete(3)
      blobs.put({ id: 4, bytes: new Uint8Array(0) })
    })
    await db.insert('blobs', { id: 'behind' })
    await db.close()
    return fileBytes(storage, IMAGE)
  })())
}
