/**
 * An index whose checksums hold and whose content is wrong: `verify` finds each contradiction, at its place.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Checkpoint, type CheckpointEntry, encodeCheckpoint } from '../../src/format/checkpoint.js'
import { FRAME_HEADER_BYTES, FrameHeader, readFrameHeader, writeFrameHeader } from '../../src/format/frame.js'
import { LOG_START } from '../../src/format/header.js'
import { NODE_HEAD_BYTES, NodeField } from '../../src/format/index-node.js'
import { viewOf } from '../../src/format/integers.js'
import { AnalysedFile } from '../../src/inspect/analysed-file.js'
import type { VerifyFinding } from '../../src/inspect/findings.js'
import { verifyFile } from '../../src/inspect/verify.js'
import type { FoundCheckpoint } from '../../src/log/checkpoints.js'
import { LogScanner } from '../../src/log/scanner.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { runSync } from '../../src/storage/task.js'
import { RecordRef, Tree } from '../../src/tree/index.js'
import { type Node, positionAt, readRef } from '../../src/tree/node.js'
import { crc32c } from '../../native-free/crc32c.js'
import { fileBytes, fixedPlatform, openOn, PATH, storageWith } from './databases.js'

const TALL = 1
const SMALL = 2

/** Two checkpoints; a tree of two levels, a small one with a row put, deleted and put again, and nothing behind them. */
async function makeImage(): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const db = openOn(storage, { durability: 'os' })
  db.transactionSync((tx) => {
    tx.registerCollection('tall', [], 'id')
    tx.registerCollection('small', [], 'id')
    for (let n = 0; n < 40; n++) tx.collection('tall').put({ id: `${'k'.repeat(300)}${100 + n}` })
    for (const id of ['a', 'b', 'c']) tx.collection('small').put({ id })
  })
  await db.checkpoint()
  db.collection('small').deleteSync('b')
  db.collection('small').putSync({ id: 'b', again: true })
  await db.checkpoint()
  const bytes = fileBytes(storage)
  db.closeSync()
  return bytes
}

let sound: Uint8Array
beforeAll(async () => void (sound = await makeImage()))

const analysed = (bytes: Uint8Array): AnalysedFile => {
  const storage = storageWith({ [PATH]: bytes })
  return new AnalysedFile(storage.open(PATH, 'read'), fixedPlatform(storage))
}

function newestIn(bytes: Uint8Array): FoundCheckpoint {
  const newest = runSync(analysed(bytes).checkpoints()).at(-1)
  if (newest === undefined) throw new TypeError('a checkpoint')
  return newest
}

function entryIn({ checkpoint }: FoundCheckpoint, id: number): CheckpointEntry {
  const entry = checkpoint.collections.find((one) => one.id === id)
  if (entry === undefined) throw new TypeError('a collection')
  return entry
}

function rootIn(bytes: Uint8Array, id: number): Node {
  return Tree.stored(analysed(bytes).nodes, entryIn(newestIn(bytes), id).root).root
}

/** Makes the checksums of the frame at `offset` hold again. */
function sealFrame(bytes: Uint8Array, offset: number): void {
  const header = new FrameHeader()
  readFrameHeader(bytes, viewOf(bytes), offset, header, crc32c)
  const payload = offset + FRAME_HEADER_BYTES
  header.payloadCrc = crc32c(bytes, payload, payload + header.payloadLength)
  writeFrameHeader(bytes, viewOf(bytes), offset, header, crc32c)
}

/** A copy whose newest checkpoint says something else, in as many bytes. */
function withCheckpoint(bytes: Uint8Array, change: (checkpoint: Checkpoint) => Checkpoint): Uint8Array {
  const copy = bytes.slice()
  const { offset, checkpoint } = newestIn(bytes)
  copy.set(encodeCheckpoint(change(checkpoint)), offset + FRAME_HEADER_BYTES)
  sealFrame(copy, offset)
  return copy
}

function withEntry(
  bytes: Uint8Array,
  id: number,
  change: (entry: CheckpointEntry) => CheckpointEntry,
): Uint8Array {
  return withCheckpoint(bytes, (checkpoint) => ({
    ...checkpoint,
    collections: checkpoint.collections.map((entry) => (entry.id === id ? change(entry) : entry)),
  }))
}

/** A copy with a root edited, its checksums mended up to the checkpoint's frame. */
function withRoot(
  bytes: Uint8Array,
  id: number,
  edit: (image: Uint8Array, view: DataView, root: Node) => void,
): Uint8Array {
  const copy = bytes.slice()
  const { position, lengthBytes } = entryIn(newestIn(bytes), id).root
  const image = copy.subarray(position, position + lengthBytes)
  edit(image, viewOf(image), rootIn(bytes, id))
  const crc = crc32c(image, NodeField.length, lengthBytes)
  viewOf(image).setUint32(NodeField.crc, crc, true)
  sealFrame(copy, frameOf(bytes, position))
  return withEntry(copy, id, (entry) => ({ ...entry, root: { ...entry.root, crc } }))
}

function frameOf(bytes: Uint8Array, position: number): number {
  const { log } = analysed(bytes)
  const scanner = new LogScanner({ ...log, from: LOG_START })
  while (scanner.next() === 'frame') if (scanner.end > position) return scanner.offset
  throw new TypeError('a frame')
}

const checkpointOffset = (bytes: Uint8Array): number => newestIn(bytes).offset
const rootOffset = (bytes: Uint8Array, id: number): number => entryIn(newestIn(bytes), id).root.position

function recordAt(bytes: Uint8Array, id: number, i: number): RecordRef {
  const ref = new RecordRef()
  readRef(rootIn(bytes, id), i, ref)
  return ref
}

/** Has entry `i` of a small leaf lead to another record. */
function pointAt(view: DataView, root: Node, i: number, { position, lengthBytes, crc }: RecordRef): void {
  view.setUint32(NODE_HEAD_BYTES + 4 * i, lengthBytes, true)
  view.setUint32(NODE_HEAD_BYTES + 4 * (root.count + i), crc, true)
  view.setUint32(NODE_HEAD_BYTES + 4 * (2 * root.count + i), position, true)
}

/** The delete of `b` stands in the transaction right before that of its put. */
function deleteOfB(bytes: Uint8Array): RecordRef {
  const put = recordAt(bytes, SMALL, 1)
  const { log } = analysed(bytes)
  const scanner = new LogScanner({ ...log, from: LOG_START })
  const before = new RecordRef()
  while (scanner.next() === 'frame' && scanner.end <= put.position) {
    before.position = scanner.offset + 120
    before.lengthBytes = scanner.offset + FRAME_HEADER_BYTES + scanner.header.payloadLength - before.position
    before.crc = viewOf(bytes).getUint32(before.position, true)
  }
  return before
}

type Expected = Pick<VerifyFinding, 'kind' | 'offset'> & { readonly actual?: string }
type Row = readonly [
  name: string,
  spoil: (bytes: Uint8Array) => Uint8Array,
  expected: (bytes: Uint8Array) => Expected,
]

const checkpointSays = (what: string, change: (checkpoint: Checkpoint) => Checkpoint): Row => [
  `a checkpoint with another ${what}`,
  (bytes) => withCheckpoint(bytes, change),
  (bytes) => ({ kind: 'checkpoint', offset: checkpointOffset(bytes) }),
]

const contradictions: Row[] = [
  checkpointSays('number of bytes of records', (one) => ({ ...one, recordBytes: one.recordBytes + 1 })),
  checkpointSays('number of bytes of nodes', (one) => ({ ...one, nodeBytes: one.nodeBytes + 1 })),
  checkpointSays('time of its commit', (one) => ({ ...one, time: one.time - 1 })),
  checkpointSays('checksum of its commit', (one) => ({ ...one, commitCrc: one.commitCrc ^ 1 })),
  checkpointSays('commit', (one) => ({ ...one, sequence: one.sequence - 1 })),
  checkpointSays('set of collections', (one) => ({
    ...one,
    collections: one.collections.map((entry) => (entry.id === SMALL ? { ...entry, id: 7 } : entry)),
  })),
  [
    'a checkpoint that names one before it where none is',
    (bytes) => withCheckpoint(bytes, (one) => ({ ...one, previous: one.previous - 8 })),
    (bytes) => ({ kind: 'checkpoint', offset: newestIn(bytes).checkpoint.previous - 8 }),
  ],
  [
    'a counter that the log does not have',
    (bytes) => withEntry(bytes, SMALL, (one) => ({ ...one, counter: 9 })),
    (bytes) => ({ kind: 'checkpoint', offset: checkpointOffset(bytes) }),
  ],
  [
    'a definition that the log does not have',
    (bytes) =>
      withEntry(bytes, SMALL, (one) => {
        const definition = one.definition.slice()
        const at = Buffer.from(definition).indexOf('small')
        return { ...one, definition: definition.with(at, 0x53) }
      }),
    (bytes) => ({ kind: 'checkpoint', offset: checkpointOffset(bytes) }),
  ],
  [
    'live bytes that the leaves do not add up to',
    (bytes) => withEntry(bytes, TALL, (one) => ({ ...one, liveBytes: one.liveBytes + 1 })),
    (bytes) => ({ kind: 'checkpoint', offset: checkpointOffset(bytes) }),
  ],
  [
    'a digest that the leaves do not add up to',
    (bytes) => withEntry(bytes, TALL, (one) => ({ ...one, digest: { ...one.digest, a: one.digest.a ^ 1 } })),
    (bytes) => ({ kind: 'digest', offset: checkpointOffset(bytes) }),
  ],
  [
    'a count that the root does not have',
    (bytes) =>
      withEntry(bytes, TALL, (one) => ({ ...one, root: { ...one.root, count: one.root.count + 1 } })),
    (bytes) => ({ kind: 'node', offset: rootOffset(bytes, TALL) }),
  ],
  [
    'bytes of a tree that its nodes do not have',
    (bytes) =>
      withEntry(bytes, TALL, (one) => ({ ...one, root: { ...one.root, nodeBytes: one.root.nodeBytes + 1 } })),
    (bytes) => ({ kind: 'node', offset: rootOffset(bytes, TALL) }),
  ],
  [
    'one root for two trees',
    (bytes) => withEntry(bytes, SMALL, (one) => ({ ...one, root: entryIn(newestIn(bytes), TALL).root })),
    (bytes) => ({
      kind: 'node',
      offset: rootOffset(bytes, TALL),
      actual: 'a second way to it, or to bytes of it',
    }),
  ],
  [
    'a child twice',
    (bytes) =>
      withRoot(bytes, TALL, (_image, view, { count }) => {
        for (let column = 0; column < 5; column++) {
          const at = NODE_HEAD_BYTES + 4 * count * column
          view.setUint32(at + 4, view.getUint32(at, true), true)
        }
      }),
    (bytes) => ({
      kind: 'node',
      offset: positionAt(rootIn(bytes, TALL), 0),
      actual: 'a second way to it, or to bytes of it',
    }),
  ],
  [
    'bytes below a child that it does not have',
    (bytes) =>
      withEntry(
        withRoot(bytes, TALL, (_image, view, { count }) => {
          const at = NODE_HEAD_BYTES + 4 * count * 4
          view.setUint32(at, view.getUint32(at, true) + 8, true)
        }),
        TALL,
        (one) => ({ ...one, root: { ...one.root, nodeBytes: one.root.nodeBytes + 8 } }),
      ),
    (bytes) => ({ kind: 'node', offset: positionAt(rootIn(bytes, TALL), 0) }),
  ],
  [
    'separators out of order',
    (bytes) =>
      withRoot(bytes, TALL, (image) =>
        image.set(
          image.slice(-2).map((byte) => byte - 9),
          image.length - 2,
        ),
      ),
    (bytes) => ({ kind: 'node', offset: rootOffset(bytes, TALL), actual: 'it does not' }),
  ],
  [
    'entries that lead to each other’s records',
    (bytes) =>
      withRoot(bytes, SMALL, (_image, view, root) => {
        pointAt(view, root, 0, recordAt(bytes, SMALL, 2))
        pointAt(view, root, 2, recordAt(bytes, SMALL, 0))
      }),
    (bytes) => ({
      kind: 'record',
      offset: recordAt(bytes, SMALL, 0).position,
      actual: 'a record of another key',
    }),
  ],
  [
    'a record reached twice',
    (bytes) =>
      withRoot(bytes, SMALL, (_image, view, root) => pointAt(view, root, 0, recordAt(bytes, SMALL, 2))),
    (bytes) => ({
      kind: 'record',
      offset: recordAt(bytes, SMALL, 2).position,
      actual: 'a second way to it, or to bytes of it',
    }),
  ],
  [
    'an entry that leads to a delete',
    (bytes) => withRoot(bytes, SMALL, (_image, view, root) => pointAt(view, root, 1, deleteOfB(bytes))),
    (bytes) => ({ kind: 'record', offset: deleteOfB(bytes).position, actual: 'that of a delete' }),
  ],
  [
    'an entry that leads past the commit',
    (bytes) =>
      withRoot(bytes, SMALL, (_image, view, root) => {
        const ref = Object.assign(new RecordRef(), recordAt(bytes, SMALL, 1), { position: bytes.length - 20 })
        pointAt(view, root, 1, ref)
      }),
    (bytes) => ({ kind: 'record', offset: bytes.length - 20 }),
  ],
  [
    'a root past its checkpoint',
    (bytes) =>
      withEntry(bytes, SMALL, (one) => ({
        ...one,
        root: { ...one.root, position: checkpointOffset(bytes) },
      })),
    (bytes) => ({ kind: 'node', offset: checkpointOffset(bytes) }),
  ],
]

async function findingsOf(bytes: Uint8Array): Promise<readonly VerifyFinding[]> {
  const storage = storageWith({ [PATH]: bytes })
  return (await verifyFile(PATH, { storage, deep: true }, fixedPlatform(storage))).findings
}

describe('verify, where checksums hold', () => {
  it('finds nothing in a sound index, mended or not', async () => {
    expect(rootIn(sound, TALL).height).toBe(1)
    expect(rootIn(sound, SMALL)).toMatchObject({ height: 0, count: 3 })
    expect(await findingsOf(sound)).toEqual([])
    expect(await findingsOf(withRoot(sound, SMALL, () => undefined))).toEqual([])
  })

  it.each(contradictions)('finds %s', async (_name, spoil, expected) => {
    const findings = await findingsOf(spoil(sound))
    expect(findings).toContainEqual(expect.objectContaining({ severity: 'error', ...expected(sound) }))
  })

  it('finds a node that stands in a row, and not among nodes', async () => {
    const { position, lengthBytes } = entryIn(newestIn(sound), SMALL).root
    const image = sound.slice(position, position + lengthBytes)
    const storage = storageWith({ [PATH]: sound })
    const db = openOn(storage, { durability: 'os' })
    db.collection('tall').putSync({ id: 'z', image })
    await db.checkpoint()
    db.closeSync()
    const bytes = fileBytes(storage)
    const at = Buffer.from(bytes).lastIndexOf(image)
    expect(at).toBeGreaterThan(position)
    const findings = await findingsOf(
      withEntry(bytes, SMALL, (one) => ({ ...one, root: { ...one.root, position: at } })),
    )
    expect(findings).toMatchObject([{ kind: 'node', offset: at, actual: 'one outside' }])
  })
})
