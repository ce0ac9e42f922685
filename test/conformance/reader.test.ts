/**
 * The independent reader agrees with the engine: on rows, keys, digests and commits of sound files of odd content, and on
 * the chain of commits and the checkpoint to start from of cut, flipped and mixed-up ones. Two programs that share nothing but the format page can only
 * agree where the page says what the file holds.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { CorruptionError, Database } from '../../src/index.js'
import { CheckpointEntryField, CheckpointField } from '../../src/format/checkpoint.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { fileBytes } from '../corruption/databases.js'
import { chainOf, IMAGE, openImage, type OpenedImage, rowsOf, verifiesClean } from '../reader/engine-facts.js'
import { damaged } from '../reader/images.js'
import {
  CHECKPOINT_KIND,
  framesOf,
  INDEX_NODES_KIND,
  lastEntry,
  withCheckpoint,
  withRoot,
} from '../reader/mended.js'
import { type ReaderCheckpoint, type ReaderReport, pythonMissing, runReader } from '../reader/run-reader.js'
import { buildDatabase, databaseScript, scriptsWithCheckpoints } from '../reader/sample-database.js'
import { count, seed } from '../support/counts.js'
import { flipped, overwritten } from '../support/log-images.js'
import { randomFrom } from '../support/random.js'

const DATABASES = count(14, 2_000)
const IMAGES = count(160, 20_000)
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
    expect(report?.log).toMatchObject({ watermark: chain.watermark, clean: true })
    await expectSameRows(report, image)
    await expectSameCheckpoint(report, image)
  }

  /** The newest checkpoint is the one that an open starts from, and says what the log says. */
  async function expectSameCheckpoint(report: ReaderReport | undefined, image: Uint8Array): Promise<void> {
    const opened = await openImage(image)
    expect(report?.checkpoints.map(({ offset }) => offset)).toEqual(
      opened.checkpoint === undefined ? [] : [opened.checkpoint],
    )
    for (const checkpoint of report?.checkpoints ?? []) {
      expect(checkpoint).toMatchObject({ sound: true, inChain: true })
    }
    await opened.close()
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

  it('reads checkpoints of large trees, with commits between their slices', async () => {
    const storage = new MemoryStorage()
    const random = randomFrom(11)
    const db = await Database.open(IMAGE, { storage })
    await db.registerCollection('large', [], 'id')
    await db.registerCollection('empty', [], 'id')
    const rows = db.collection('large')
    const anyId = (): string => Buffer.from(random.bytes(40)).toString('hex')
    await rows.insertMany(Array.from({ length: 4500 }, () => ({ id: anyId() })))
    // The first of these commits is the one that the checkpoint describes; each other one pays for a slice.
    const taken = db.checkpoint()
    for (let i = 0; i < 3; i++) rows.insertSync({ id: anyId(), text: 'meanwhile' })
    await taken
    const [between] = await expectLastCheckpoint(fileBytes(storage, IMAGE))
    expect(between).toMatchObject({ height: 2, previous: 0 })
    expect(between?.nodes).toBeGreaterThan(120)
    const { commits } = chainOf(fileBytes(storage, IMAGE))
    const behind = commits.filter(({ offset }) => offset > (between?.replayFrom ?? 0))
    expect(behind.length).toBeGreaterThanOrEqual(1)
    expect(behind.every(({ offset }) => offset < (between?.offset ?? 0))).toBe(true)

    // The next one stores what changed, and points at the nodes of the one before it.
    for (let i = 0; i < 5; i++) await rows.insert({ id: anyId() })
    await db.checkpoint()
    await rows.insert({ id: 'behind' })
    await db.close()
    const [last] = await expectLastCheckpoint(fileBytes(storage, IMAGE))
    expect(last).toMatchObject({ height: 2, previous: between?.offset, replayFrom: last?.offset })
  })

  /** The checkpoints that the reader examined, once it agreed with the engine on all of the file. */
  async function expectLastCheckpoint(image: Uint8Array): Promise<readonly ReaderCheckpoint[]> {
    const [report] = read([image])
    expect(report?.error).toBeUndefined()
    expect(report?.findings).toEqual([])
    await expectSameRows(report, image)
    await expectSameCheckpoint(report, image)
    return report?.checkpoints ?? []
  }

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
        expect(report?.log?.clean, name).toBe(chain.classification === 'clean')
        expect(report?.findings.length === 0, name).toBe(await verifiesClean(image))
        if (report !== undefined) await expectSameOpen(report, image, name ?? '')
      }
    }

    /** An open starts from the same checkpoint, and what it then serves is right, or refused. */
    async function expectSameOpen(report: ReaderReport, image: Uint8Array, name: string): Promise<void> {
      const [first] = report.checkpoints
      if (first === undefined || (first.sound && first.inChain)) await expectSameRows(report, image)
      const opened = await openImage(image)
      if (first === undefined || first.sound) expect(opened.checkpoint, name).toBe(first?.offset)
      else expect(opened.checkpoint ?? 0, name).toBeLessThanOrEqual(first.offset)
      // With damage in the log and in the nodes, what is left depends on which nodes a replay needs.
      if (first !== undefined && (first.sound || first.inChain)) expectServed(report, opened, first, name)
      await opened.close()
    }

    function expectServed(
      { collections, rows, unreadable }: ReaderReport,
      opened: OpenedImage,
      { sound }: ReaderCheckpoint,
      name: string,
    ): void {
      expect(opened.names, name).toEqual(collections.map((one) => one.name).toSorted())
      for (const { id, name: collection, rows: number } of collections) {
        expect(opened.count(collection), name).toBe(number)
        for (const { keyHex, value } of rows.get(id) ?? []) {
          const found = rowOrRefusal(opened, collection, keyHex)
          if (sound || found !== REFUSED) expect(found, name).toBe(value)
        }
        for (const keyHex of unreadable.get(id) ?? [])
          expect(rowOrRefusal(opened, collection, keyHex), name).toBe(REFUSED)
      }
    }

    it(
      'judges cut, flipped, zeroed and mixed-up files alike',
      async () => {
        const random = randomFrom(seed)
        const sources = scriptsWithCheckpoints(seed, 8)
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

    it('judges a damaged header of the newest checkpoint alike, and of the nodes before it', async () => {
      const whole = await smallCheckpoint('checkpoint')
      const [nodes, checkpoint] = framesOf(whole).slice(-2)
      expect([nodes?.kind, checkpoint?.kind]).toEqual([INDEX_NODES_KIND, CHECKPOINT_KIND])
      const inHeaders = [nodes, checkpoint].map((frame) => flipped(whole, (frame?.at ?? 0) + 20))
      const behind = (length: number, value: number): Uint8Array[] =>
        inHeaders.map((image) => overwritten(image, whole.length, new Uint8Array(length).fill(value)))
      const clean = [...inHeaders, ...behind(400, 0)]
      for (const image of clean) expect(chainOf(image).classification).toBe('clean')
      const torn = [...behind(80, 0x5a), ...behind(20, 0x5a)]
      for (const image of torn) expect(chainOf(image).classification).toBe('tornTail')
      const images = [...clean, ...torn]
      await expectSameJudgement(
        images,
        images.map((_image, i) => `image ${i}`),
      )
    })

    it('judges cuts through a transaction of several frames alike', async () => {
      const whole = await largeDatabase()
      const lengths = [20_000, 4_250_000, whole.length - 500, whole.length - 150, whole.length - 8]
      await expectSameJudgement(
        lengths.map((length) => whole.slice(0, length)),
        lengths.map((length) => `cut to ${length} bytes`),
      )
    })
  })

  describe('sees checksums mended over what contradicts the log:', () => {
    let sound: Promise<Uint8Array> | undefined
    const soundImage = (): Promise<Uint8Array> => (sound ??= smallCheckpoint())
    /** What the reader finds; `verify` finds something exactly if it does. */
    async function findingsOf(image: Uint8Array): Promise<readonly string[]> {
      const findings = read([image])[0]?.findings.map(({ why }) => why) ?? []
      expect(findings.length === 0).toBe(await verifiesClean(image))
      return findings
    }

    it('nothing, where nothing was changed', async () => {
      expect(await findingsOf(withCheckpoint(await soundImage(), () => undefined))).toEqual([])
      expect(await findingsOf(withRoot(await soundImage(), () => undefined))).toEqual([])
    })

    const { time, commitEpoch, commitEnd, recordBytes, nodeBytes } = CheckpointField
    it.each(Object.entries({ time, commitEpoch, commitEnd, recordBytes, nodeBytes }))(
      'the %s of a checkpoint',
      async (_field, at) => {
        const image = withCheckpoint(await soundImage(), (payload) =>
          payload.setUint32(at, payload.getUint32(at, true) - 8, true),
        )
        expect(await findingsOf(image)).not.toEqual([])
      },
    )

    it('a place to go on from where no frame begins', async () => {
      const image = withCheckpoint(await soundImage(), (payload) => {
        const at = CheckpointField.replayFrom
        payload.setUint32(at, payload.getUint32(at, true) - 8, true)
      })
      const [report] = read([image])
      expect(report?.findings.map(({ why }) => why).join()).toContain('where no frame begins')
    })

    const {
      definitionLength: _,
      structures: __,
      reserved: ___,
      indexes: ____,
      end: _____,
      ...facts
    } = CheckpointEntryField
    it.each(Object.entries(facts))('the %s of an entry', async (_field, at) => {
      const image = withCheckpoint(await soundImage(), (payload) => {
        const place = lastEntry(payload) + at
        payload.setUint8(place, payload.getUint8(place) + 1)
      })
      expect(await findingsOf(image)).not.toEqual([])
    })

    it.each<[string, number]>([
      ['the length of a record', 16],
      ['the checksum of a record', 16 + 4 * 3],
      ['the position of a record', 16 + 8 * 3],
      ['the high part of a position', 16 + 12 * 3],
      ['the length of a suffix', 16 + 14 * 3],
    ])('%s in a leaf', async (_what, at) => {
      const image = withRoot(await soundImage(), (node) => node.setUint8(at, node.getUint8(at) + 1))
      expect(await findingsOf(image)).not.toEqual([])
    })

    it('keys out of order', async () => {
      const image = withRoot(await soundImage(), (node) => {
        const last = node.byteLength - 2
        expect(node.getUint8(last)).toBe('c'.charCodeAt(0))
        node.setUint8(last, 'a'.charCodeAt(0))
      })
      expect((await findingsOf(image)).join()).toContain('its keys do not ascend')
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

/** A checkpoint of a collection of three rows, behind which the log goes on. */
async function smallCheckpoint(last: 'commit' | 'checkpoint' = 'commit'): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const db = await Database.open(IMAGE, { storage })
  await db.registerCollection('few', [], 'id')
  await db.insertMany('few', [{ id: 'xa' }, { id: 'xb' }, { id: 'xc' }])
  await db.checkpoint()
  if (last === 'commit') await db.insert('few', { id: 'xd' })
  await db.close()
  return fileBytes(storage, IMAGE)
}

const REFUSED = 'refused'

function rowOrRefusal(opened: OpenedImage, collection: string, keyHex: string): string | undefined {
  try {
    return opened.row(collection, keyHex)
  } catch (error) {
    if (error instanceof CorruptionError) return REFUSED
    throw error
  }
}

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
