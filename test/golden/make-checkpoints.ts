/**
 * Golden files with checkpoints: finished ones, one with commits between its parts, damaged ones and an unfinished one. An
 * open of each is clean in every mode: a checkpoint costs no commit.
 */
import type { Database } from '../../src/database.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { databaseOn, fileBytes, fixedPlatform, PATH, storageWith } from '../corruption/databases.js'
import { CHECKPOINT_KIND, type FramePlace, framesOf, INDEX_NODES_KIND, nodeKindsOf } from '../reader/mended.js'
import { flipped } from '../support/log-images.js'
import { always, CLEAN, type GoldenFile } from './golden-files.js'

export async function checkpointFiles(): Promise<GoldenFile[]> {
  return [
    await closed(),
    await between(),
    await damagedNewest(),
    await damagedHeader(),
    await damagedNode(),
    await unfinished(),
    await indexed(),
    await deltas(),
    await deltaOfDelta(),
    ...(await compacted()),
  ]
}

/** What a step is given: the database, and its file as it is so far. */
type Step = (db: Database, bytes: () => Uint8Array) => Promise<void>

/** One session. Checkpoints write one node at a time. */
async function session(step: Step): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const db = await databaseOn(fixedPlatform(storage, { checkpointSliceBytes: 1 })).open(PATH)
  await step(db, () => fileBytes(storage))
  await db.close()
  return fileBytes(storage)
}

/** A key of which a node holds only a few, so that few rows make a high tree. */
function longKey(n: number): string {
  return `${'long '.repeat(140)}${String(n).padStart(4, '0')}`
}

async function fill(db: Database, from: number, to: number): Promise<void> {
  await db.transaction((tx) => {
    for (let n = from; n < to; n++) tx.collection('long').put({ id: longKey(n), n })
  })
}

/** Three collections: one of a tree of three levels, one of a leaf, one without rows. */
async function populate(db: Database): Promise<void> {
  await db.registerCollection('long', [], 'id')
  await db.registerCollection('empty', [], 'id')
  await db.registerCollection('counted', [{ path: ['n'], type: 'int', generated: true }], 'n')
  await db.insert('counted', { text: 'one' })
  await db.insert('counted', { text: 'two', more: true })
  await db.delete('counted', 1)
  await fill(db, 0, 26)
}

/** Offsets of all checkpoints, in the order of the log. */
function checkpointsOf(bytes: Uint8Array): number[] {
  return framesOf(bytes).flatMap(({ at, kind }) => (kind === CHECKPOINT_KIND ? [at] : []))
}

function file(name: string, what: string, bytes: Uint8Array, commits: number, checkpoint: number): GoldenFile {
  return { name: `checkpoint-${name}`, what, bytes, outcomes: always(CLEAN), commits, checkpoint }
}

/** The element, which is there. */
function nth<T>(list: readonly T[], index: number): T {
  const found = list.at(index)
  if (found === undefined) throw new TypeError(`There is no element ${index}.`)
  return found
}

/** Indexes of every kind, one of them added to rows, with commits behind the checkpoint that has them. */
async function indexed(): Promise<GoldenFile> {
  let commits = 0
  const bytes = await session(async (db) => {
    const byTags = { on: 'tags' }
    await db.registerCollection('notes', [{ path: ['u'], type: 'uuid', optional: true }], 'id', {
      indexes: { byTags, some: { on: ['n', 'at.x'], where: { n: { $gte: 2 }, tags: 'a' } } },
    })
    await db.insertMany('notes', [
      { id: 1, n: 1, tags: ['a', 'b'], text: 'ä' },
      { id: 2, n: 2n, tags: ['a'], at: { x: new Date(0) }, u: '00000000-0000-7000-8000-000000000001' },
      { id: 3, n: 2.5, tags: 'a', at: { x: {} } },
    ])
    await db.registerCollection('notes', [{ path: ['u'], type: 'uuid', optional: true }], 'id', {
      indexes: { byTags, once: { on: 'u', unique: true } },
    })
    await db.checkpoint()
    await db.put('notes', { id: 4, tags: [], u: '00000000-0000-7000-8000-000000000002' })
    await db.delete('notes', 1)
    commits = db.commitSequence
  })
  const what = 'secondary indexes in a checkpoint, one of them built over rows, and commits behind it'
  return file('indexed', what, bytes, commits, nth(checkpointsOf(bytes), -1))
}

/** Twenty rows stored whole; then what was put and replaced since, of leaves of records and of keys, told beside them. */
async function deltas(): Promise<GoldenFile> {
  let commits = 0
  const bytes = await session(async (db) => {
    await db.registerCollection('rows', [], 'id', { indexes: { byText: { on: 'text' } } })
    await db.insertMany(
      'rows',
      Array.from({ length: 20 }, (_, n) => ({ id: `row ${n * 10}`, text: `text ${n}` })),
    )
    await db.checkpoint()
    await db.put('rows', { id: 'row 75', text: 'new' })
    await db.checkpoint()
    await db.put('rows', { id: 'row 80', text: 'text 8' })
    await db.put('rows', { id: 'a row before', text: 'a text before' })
    await db.checkpoint()
    await db.put('rows', { id: 'row 75', text: 'newer' })
    commits = db.commitSequence
  })
  const kinds = framesOf(bytes).flatMap((frame) => nodeKindsOf(bytes, frame))
  if (!kinds.includes(4) || !kinds.includes(5)) throw new TypeError('A file without deltas.')
  const what = 'checkpoints that say what changed of leaves, and a commit behind them'
  return file('deltas', what, bytes, commits, nth(checkpointsOf(bytes), -1))
}

/** Killed behind a delta, opened while that could not be read, and readable again. */
async function deltaOfDelta(): Promise<GoldenFile> {
  let killed: Uint8Array = new Uint8Array(0)
  await session(async (db, bytesNow) => {
    await db.registerCollection('rows', [], 'id')
    await db.insertMany(
      'rows',
      Array.from({ length: 150 }, (_, n) => ({ id: `row ${1000 + n * 10}`, n })),
    )
    await db.checkpoint()
    await db.insert('rows', { id: 'row 2445', n: -1 })
    await db.checkpoint()
    await db.insert('rows', { id: 'row 2447', n: -2 })
    killed = bytesNow()
  })
  const delta = nth(
    framesOf(killed).filter((frame) => nodeKindsOf(killed, frame).includes(4)),
    0,
  )
  const storage = storageWith({ [PATH]: flipped(killed, delta.end - 1) })
  const db = await databaseOn(fixedPlatform(storage, { checkpointSliceBytes: 1 })).open(PATH)
  await db.checkpoint()
  const commits = db.commitSequence
  await db.close()
  const bytes = flipped(fileBytes(storage), delta.end - 1)
  const what = 'a checkpoint that says what changed of a leaf since another delta of it'
  return file('delta-of-delta', what, bytes, commits, nth(checkpointsOf(bytes), -1))
}

async function closed(): Promise<GoldenFile> {
  const bytes = await session(async (db) => {
    await populate(db)
    await db.checkpoint()
  })
  const what = 'a checkpoint of three collections, and a clean close behind it'
  return file('closed', what, bytes, 7, nth(checkpointsOf(bytes), -1))
}

async function between(): Promise<GoldenFile> {
  const bytes = await session(async (db) => {
    await populate(db)
    const taken = db.checkpoint()
    // The first of these commits is the one that is described; each other one writes a node and pays for others.
    for (let n = 10; n < 15; n++) db.collection('counted').insertSync({ text: `meanwhile ${n}` })
    await taken
    await db.insert('counted', { text: 'behind' })
    await db.delete('long', longKey(3))
  })
  const what = 'a checkpoint with commits between its nodes, and more behind it'
  return file('between', what, bytes, 14, nth(checkpointsOf(bytes), -1))
}

/** Two checkpoints, the second of one row more, and a commit behind it that changes that row. */
async function twoCheckpoints(): Promise<Uint8Array> {
  return await session(async (db) => {
    await populate(db)
    await db.checkpoint()
    await fill(db, 25, 27)
    await db.checkpoint()
    await fill(db, 26, 27)
  })
}

async function damagedNewest(): Promise<GoldenFile> {
  const whole = await twoCheckpoints()
  const [older = 0, newest = 0] = checkpointsOf(whole)
  const bytes = flipped(whole, newest + 48 + 8)
  return file('damaged', 'a bit of the newer of two checkpoints is flipped', bytes, 9, older)
}

/** The end of the log: no commit behind says that the header cost none, but the superblock does. */
async function damagedHeader(): Promise<GoldenFile> {
  const whole = await session(async (db) => {
    await populate(db)
    await db.checkpoint()
    await fill(db, 25, 27)
    await db.checkpoint()
  })
  const [older = 0, newest = 0] = checkpointsOf(whole)
  const bytes = flipped(whole, newest + 9)
  return file('damaged-header', 'a bit is flipped in the header of the newer of two checkpoints, at the end', bytes, 8, older)
}

async function damagedNode(): Promise<GoldenFile> {
  const whole = await twoCheckpoints()
  const [older = 0] = checkpointsOf(whole)
  // Children are written before their parents: the first node behind the older checkpoint is the leaf that changed.
  const leaf: FramePlace = nth(
    framesOf(whole).filter(({ at, kind }) => kind === INDEX_NODES_KIND && at > older),
    0,
  )
  const bytes = flipped(whole, leaf.end - 1)
  return file('damaged-node', 'a bit is flipped in a leaf that the replay behind the newer of two checkpoints needs', bytes, 9, older)
}

/** Killed while it took its second checkpoint: the superblocks are as they were before it. */
async function unfinished(): Promise<GoldenFile> {
  let before = new Uint8Array(0)
  const whole = await session(async (db, bytesNow) => {
    await populate(db)
    await db.checkpoint()
    await fill(db, 25, 27)
    before = bytesNow().slice(0, 12_288)
    await db.checkpoint()
  })
  const [older = 0, newest = 0] = checkpointsOf(whole)
  const bytes = whole.slice(0, newest)
  bytes.set(before)
  return file('unfinished', 'nodes of a second checkpoint at the end, without its frame', bytes, 8, older)
}

/** A compacted generation with commits behind its base: as it is, and without a checkpoint that can be used. */
async function compacted(): Promise<GoldenFile[]> {
  const bytes = await session(async (db) => {
    await populate(db)
    await db.registerCollection('long', [], 'id', { indexes: { byN: { on: 'n' } } })
    for (let n = 0; n < 26; n += 3) await db.delete('long', longKey(n))
    await db.dropCollection('empty')
    await db.compact()
    await db.insert('counted', { text: 'three' })
    await db.delete('long', longKey(4))
  })
  const places = framesOf(bytes)
  const [first = 0] = checkpointsOf(bytes)
  // Every node of the base's checkpoint is damaged, and of the one at the close.
  const damaged = places
    .filter(({ kind }) => kind === INDEX_NODES_KIND)
    .reduce((image, { at }) => flipped(image, at + 60), bytes)
  return [
    file('compacted', 'a compacted generation, and two commits behind its base', bytes, 3, checkpointsOf(bytes).at(-1) ?? first),
    {
      name: 'compacted-log',
      what: 'a compacted generation whose nodes are all damaged: it is read from its base',
      bytes: damaged,
      outcomes: always(CLEAN),
      commits: 3,
    },
  ]
}
