/**
 * Makes the golden files: databases of this format version, whole and damaged, with what an open must do to each.
 *
 * `VARVE_WRITE_GOLDEN=1 npx vitest run --project golden` writes those that are missing, with their expected content. A
 * file that is there is never written again: it shows that what an earlier version wrote can still be read.
 */
import type { Database as CoreDatabase } from '../../src/database.js'
import { FrameKind } from '../../src/format/frame.js'
import { LOG_START } from '../../src/format/header.js'
import type { RecoveryClass } from '../../src/log/recovery-info.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { databaseOn, fileBytes, fixedPlatform, PATH } from '../corruption/databases.js'
import { always, CLEAN, type GoldenFile, type Outcome } from './golden-files.js'
import { checkpointFiles } from './make-checkpoints.js'
import { flipped, LogImage, overwritten, rowRecord, zeroed } from '../support/log-images.js'

const REFUSED: Outcome = { error: 'VARVE_CORRUPTION' }
const NEEDS_RECOVERY: Outcome = { error: 'VARVE_RECOVERY_REQUIRED' }

const tail = (classification: RecoveryClass, truncatedBytes: number): GoldenFile['outcomes'] => ({
  strict: NEEDS_RECOVERY,
  tornTail: { classification, truncatedBytes },
  autoTruncate: { classification, truncatedBytes },
})
const acknowledged = (classification: RecoveryClass, truncatedBytes: number): GoldenFile['outcomes'] => ({
  strict: REFUSED,
  tornTail: REFUSED,
  autoTruncate: { classification, truncatedBytes },
})

export async function goldenFiles(): Promise<GoldenFile[]> {
  return [
    file('tiny', 'one collection with one row', await tiny(), always(CLEAN), 2),
    file('values', 'every type of value and key', await values(), always(CLEAN), 5),
    file(
      'sessions',
      'three sessions: rows replaced and deleted, collections renamed and dropped',
      await sessions(),
      always(CLEAN),
      11,
    ),
    several(),
    marks(),
    zerosAhead(),
    garbageBetween(),
    tornTail(),
    staleFrames(),
    uncommittedTail(),
    damage(),
    shortFile(),
    cutInProgress(),
    ...damagedBlocks(),
    newerKind(),
    ...(await checkpointFiles()),
  ]
}

function file(
  name: string,
  what: string,
  bytes: Uint8Array,
  outcomes: GoldenFile['outcomes'],
  commits: number,
): GoldenFile {
  return { name, what, bytes, outcomes, commits }
}

async function closed(steps: ((db: CoreDatabase) => Promise<void>)[]): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const Database = databaseOn(fixedPlatform(storage))
  for (const step of steps) {
    const db = await Database.open(PATH)
    await step(db)
    await db.close()
  }
  return fileBytes(storage)
}

function tiny(): Promise<Uint8Array> {
  return closed([
    async (db) => {
      await db.registerCollection('books', [{ path: ['title'], type: 'string' }], 'title')
      await db.insert('books', { title: 'Dune', year: 1965 })
    },
  ])
}

function values(): Promise<Uint8Array> {
  const uuid = '01890a5d-ac96-774b-bcce-b302099a8057'
  const wide = 2n ** 64n
  const numbers = [
    -0,
    NaN,
    Infinity,
    -Infinity,
    63,
    64,
    -32,
    -33,
    255,
    65_536,
    2 ** 32,
    -(2 ** 40),
    0.1,
    1e308,
    5e-324,
  ]
  const bigints = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), wide - 1n, wide, -wide, 2n ** 500n]
  const texts = ['', 'Grüße', '\u0000', '\ufeffmarked', '\u{1f600}', 'x'.repeat(40), 'y'.repeat(300)]
  const named = JSON.parse('{"__proto__": 1, "constructor": 2, "": 3, "17": 4}') as unknown
  return closed([
    async (db) => {
      await db.registerCollection('values', [], 'id')
      await db.transaction((tx) => {
        const rows = tx.collection('values')
        rows.put({ id: 1, numbers, bigints, texts, none: null, yes: true, no: false })
        rows.put({
          id: 2,
          date: new Date(0),
          dates: [new Date(-8.64e15), new Date(8.64e15)],
          bytes: new Uint8Array([0, 255]),
        })
        rows.put({
          id: 3,
          map: new Map<unknown, unknown>([
            [1, 'a'],
            ['1', new Map()],
            [null, [1n]],
          ]),
          set: new Set([1, '1', true]),
        })
        rows.put({ id: 4, nested: { a: [{ b: [[]] }, {}] }, named, empty: {} })
        for (let shape = 0; shape < 40; shape++) rows.put({ id: 100 + shape, [`field${shape}`]: shape })
      })
      await db.registerCollection('keys', [], ['a', 'b'])
      await db.registerCollection('uuids', [{ path: ['u'], type: 'uuid' }], 'u')
      await db.transaction((tx) => {
        const keys = [
          0,
          -1.5,
          2 ** 60,
          2n ** 60n + 1n,
          -(2n ** 70n),
          'a',
          'a\u0000b',
          '',
          new Date(1),
          new Uint8Array([0, 1]),
        ]
        for (const a of keys) for (const b of [1, 'z']) tx.collection('keys').put({ a, b })
        tx.collection('uuids').put({ u: uuid })
      })
    },
  ])
}

function sessions(): Promise<Uint8Array> {
  return closed([
    async (db) => {
      await db.registerCollection('first', [{ path: ['n'], type: 'int', generated: true }], 'n')
      await db.insert('first', { text: 'one' })
      await db.insert('first', { text: 'two' })
      await db.insert('first', { text: 'three' })
    },
    async (db) => {
      await db.update('first', 2, { text: 'two, changed' })
      await db.delete('first', 1)
      await db.registerCollection('second', [], 'id')
      await db.insert('second', { id: 'x' })
    },
    async (db) => {
      await db.renameCollection('first', 'renamed')
      await db.dropCollection('second')
      await db.transaction((tx) => {
        tx.registerCollection('second', [], 'id')
        tx.collection('second').insert({ id: 'y', again: true })
      })
    },
  ])
}

/** A database of three rows in commits 2 to 4. */
function base(): LogImage {
  const image = new LogImage()
  image.register()
  image.rows('a', 'b', 'c')
  return image
}

function several(): GoldenFile {
  const image = base()
  image.several([[rowRecord('d'), rowRecord('e')], [rowRecord('f')]])
  image.rows('g')
  return file('several-frames', 'a transaction of several frames', image.file(), always(CLEAN), 6)
}

function marks(): GoldenFile {
  const image = base()
  image.mark(image.last.end)
  image.rows('d')
  image.mark(image.last.end)
  return file(
    'marks',
    'marks that carry the watermark, where the superblocks are old',
    image.file({ watermark: LOG_START, watermarkSequence: 0 }),
    always(CLEAN),
    5,
  )
}

function zerosAhead(): GoldenFile {
  const image = base()
  const { last } = image
  image.zeros(4096 + 3)
  return file(
    'zeros-ahead',
    'zeros laid ahead, as a killed writer leaves them',
    image.file({ watermark: last.end }),
    always(CLEAN),
    4,
  )
}

function garbageBetween(): GoldenFile {
  const image = new LogImage()
  image.register()
  image.raw(new Uint8Array(72).fill(0x5a))
  image.rows('a', 'b')
  return file(
    'garbage-between',
    'bytes that are no frame, between commits of an unbroken chain',
    image.file(),
    always(CLEAN),
    3,
  )
}

function tornTail(): GoldenFile {
  const image = base()
  const { end } = image.last
  image.rows('torn')
  image.truncate(end + 100)
  return file(
    'torn-tail',
    'the last commit, never known to be durable, is incomplete',
    image.file({ watermark: end, watermarkSequence: 4 }),
    tail('tornTail', 100),
    4,
  )
}

/** A shorter commit stands where a longer batch was cut back, whose second commit came back to life behind it. */
function staleFrames(): GoldenFile {
  const image = base()
  image.epoch = 2
  const { end, sequence } = image.rows('retried')[0] ?? image.last
  image.commit([rowRecord('stale')], { epoch: 1 })
  const bytes = image.file({ watermark: end, watermarkSequence: sequence })
  return file(
    'stale-frames',
    'a commit of a lower epoch that names the last one',
    bytes,
    tail('tornTail', bytes.length - end),
    5,
  )
}

function uncommittedTail(): GoldenFile {
  const image = base()
  const { end } = image.last
  image.several([[rowRecord('d')], [rowRecord('e')]], { committed: false })
  const bytes = image.file({ watermark: end, watermarkSequence: 4 })
  return file(
    'uncommitted-tail',
    'the frames of a transaction without its commit',
    bytes,
    tail('uncommittedTail', bytes.length - end),
    4,
  )
}

function damage(): GoldenFile {
  const image = new LogImage()
  image.register()
  const [a, b] = image.rows('a', 'b', 'c')
  const bytes = flipped(image.file(), (b?.offset ?? 0) + 130, 3)
  return file(
    'damage',
    'a bit of the third of four durable commits is flipped',
    bytes,
    acknowledged('damage', bytes.length - (a?.end ?? 0)),
    2,
  )
}

function shortFile(): GoldenFile {
  const image = new LogImage()
  image.register()
  const [a] = image.rows('a', 'b', 'c')
  const bytes = image.file().slice(0, a?.end ?? 0)
  return file(
    'short-file',
    'the file ends with a commit before the watermark',
    bytes,
    acknowledged('shortFile', 0),
    2,
  )
}

function cutInProgress(): GoldenFile {
  const image = base()
  const { end } = image.last
  image.rows('cut')
  const cut = { epoch: 2, cutAt: end, watermark: end, watermarkSequence: 4, sequence: 3, highestSequence: 5 }
  return file(
    'cut-in-progress',
    'a cut whose superblock was written and whose truncation was not',
    image.file(cut),
    always(CLEAN),
    4,
  )
}

function damagedBlocks(): GoldenFile[] {
  const bytes = base().file()
  const restored: GoldenFile['outcomes'] = { strict: REFUSED, tornTail: REFUSED, autoTruncate: CLEAN }
  return [
    file('header', 'a flipped bit in the header', flipped(bytes, 44), restored, 4),
    file('superblock-a', 'the older superblock is zeros', zeroed(bytes, 4096, 8192), always(CLEAN), 4),
    file(
      'superblock-b',
      'the newer superblock is torn',
      overwritten(bytes, 8192 + 100, new Uint8Array(300).fill(0xff)),
      always(CLEAN),
      4,
    ),
    file(
      'superblocks',
      'both superblocks are damaged',
      flipped(flipped(bytes, 4096 + 150), 8192 + 150),
      restored,
      4,
    ),
  ]
}

function newerKind(): GoldenFile {
  const image = base()
  image.frame(200, new Uint8Array([1, 2, 3]))
  image.frame(FrameKind.mark, new Uint8Array(16))
  return file(
    'newer-kind',
    'a sound frame of a kind that is not known',
    image.file(),
    always({ error: 'VARVE_FORMAT' }),
    0,
  )
}
