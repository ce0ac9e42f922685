/**
 * A database of several checkpoints, its tree three levels high, and a map of what the newest checkpoint leads to: every node
 * with the rows below it, every record, the parts of each, and the checkpoint's own frame.
 */
import type { Database } from '../../src/database.js'
import { decodeKey } from '../../src/format/key-decode.js'
import { FRAME_HEADER_BYTES, FrameField } from '../../src/format/frame.js'
import { NODE_HEAD_BYTES, NodeField } from '../../src/format/index-node.js'
import { viewOf } from '../../src/format/integers.js'
import { readRecord, RecordField, RecordView } from '../../src/format/record.js'
import { AnalysedFile } from '../../src/inspect/analysed-file.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import type { Platform } from '../../src/storage/platform.js'
import type { StorageFile } from '../../src/storage/storage.js'
import { runSync } from '../../src/storage/task.js'
import { RecordRef, Tree } from '../../src/tree/index.js'
import { keyOf, type Node, readRef } from '../../src/tree/node.js'
import { childAt } from '../../src/tree/node-source.js'
import { randomFrom } from '../support/random.js'
import { fileBytes, fixedPlatform, openOn, PATH, storageWith } from './databases.js'

/** A collection of long keys, whose tree has three levels, and a small one. */
export const TALL = 'tall'
export const SMALL = 'small'
const ROWS = 200

/** A name that tells apart the rows of all collections. */
export type RowName = `${typeof TALL | typeof SMALL} ${string}`

export function rowName(collection: typeof TALL | typeof SMALL, id: string): RowName {
  return `${collection} ${id}`
}

/** A stretch of bytes of one meaning. */
export interface Part {
  readonly name: string
  readonly start: number
  readonly end: number
}

export interface SampleNode {
  readonly collection: string
  readonly position: number
  readonly height: number
  readonly isRoot: boolean
  /** Checkpoint, counted from 1, that stored it. */
  readonly storedBy: number
  readonly rows: readonly RowName[]
  readonly parts: readonly Part[]
}

export interface SampleRecord {
  readonly row: RowName
  readonly position: number
  /** Offset of its frame. */
  readonly frame: number
  readonly parts: readonly Part[]
}

export interface IndexSample {
  readonly bytes: Uint8Array
  /** Text of each row as of the last commit. */
  readonly model: ReadonlyMap<RowName, string>
  /** Offsets of the checkpoints, oldest first. */
  readonly checkpoints: readonly number[]
  readonly nodes: readonly SampleNode[]
  readonly records: readonly SampleRecord[]
  /** The parts of the newest checkpoint's frame. */
  readonly frame: readonly Part[]
  /** Rows that commits behind the newest checkpoint put. */
  readonly tail: readonly RowName[]
}

/** Keys that differ at their end alone: separators are as long as they, so that inner nodes have few children. */
function idOf(n: number): string {
  return `${'k'.repeat(380)}${String(n).padStart(5, '0')}`
}

/** With `tail` commits behind the newest checkpoint; they put rows next to each other, so as to need few nodes. */
export async function indexSample(tail: number, changes: Partial<Platform> = {}): Promise<IndexSample> {
  const storage = new MemoryStorage()
  const db = openOn(storage, { durability: 'os' }, changes)
  const model = new Map<RowName, string>()
  const put = (collection: typeof TALL | typeof SMALL, id: string, text: string): void => {
    db.collection(collection).putSync({ id, text })
    model.set(rowName(collection, id), text)
  }
  db.transactionSync((tx) => {
    for (const name of [TALL, SMALL]) tx.registerCollection(name, [], 'id')
    for (let n = 0; n < ROWS; n++) tx.collection(TALL).put({ id: idOf(n), text: `first ${n}` })
  })
  for (let n = 0; n < ROWS; n++) model.set(rowName(TALL, idOf(n)), `first ${n}`)
  for (let n = 0; n < 5; n++) put(SMALL, `s${n}`, `small ${n}`)
  await db.checkpoint()
  const random = randomFrom(5)
  for (const round of ['second', 'third']) {
    for (let i = 0; i < 12; i++) {
      const n = random.below(ROWS)
      put(TALL, idOf(n), `${round} ${n}`)
    }
    db.collection(TALL).deleteSync(idOf(round === 'second' ? 17 : 90))
    model.delete(rowName(TALL, idOf(round === 'second' ? 17 : 90)))
    put(SMALL, 's1', round)
    await db.checkpoint()
  }
  const behind = Array.from({ length: tail }, (_, i) => idOf(150 + i))
  for (const id of behind) put(TALL, id, `behind ${id.slice(-5)}`)
  const names = behind.map((id) => rowName(TALL, id))
  // What a kill leaves: a close would take one checkpoint more.
  const bytes = fileBytes(storage)
  db.closeSync()
  return { bytes, model, tail: names, ...layoutOf(bytes, changes) }
}

/** Every row that can be read, in the order of keys. */
export function rowsIn(db: Database, collection: typeof TALL | typeof SMALL): Iterable<[RowName, string]> {
  return (function* () {
    for (const row of db.collection(collection).range())
      yield [rowName(collection, String(row['id'])), String(row['text'])] as [RowName, string]
  })()
}

function layoutOf(
  bytes: Uint8Array,
  changes: Partial<Platform>,
): Pick<IndexSample, 'checkpoints' | 'nodes' | 'records' | 'frame'> {
  const storage = storageWith({ [PATH]: bytes })
  const analysed = new AnalysedFile(storage.open(PATH, 'read'), fixedPlatform(storage, changes))
  const found = runSync(analysed.checkpoints())
  const newest = found.at(-1)
  if (newest === undefined) throw new TypeError('a sample with checkpoints')
  const nodes: SampleNode[] = []
  const records: SampleRecord[] = []
  for (const { id, root } of newest.checkpoint.collections) {
    if (id === 0) continue
    const collection = id === 1 ? TALL : SMALL
    const visit = (node: Node, isRoot: boolean): RowName[] => {
      const rows: RowName[] = []
      for (let i = 0; i < node.count; i++) {
        if (node.height > 0) {
          rows.push(...visit(childAt(analysed.nodes, node, i), false))
          continue
        }
        const row = rowName(collection, textOf(keyOf(node, i)))
        const ref = new RecordRef()
        readRef(node, i, ref)
        rows.push(row)
        records.push({ row, position: ref.position, ...recordLayout(analysed.file, ref) })
      }
      const { position, height } = node
      const storedBy = found.findIndex(({ offset }) => offset > position) + 1
      nodes.push({ collection, position, height, isRoot, storedBy, rows, parts: nodeParts(node) })
      return rows
    }
    visit(Tree.stored(analysed.nodes, root).root, true)
  }
  const payloadEnd = newest.offset + FRAME_HEADER_BYTES + payloadLength(bytes, newest.offset)
  return {
    checkpoints: found.map(({ offset }) => offset),
    nodes,
    records,
    frame: frameParts(newest.offset, payloadEnd),
  }
}

function textOf(key: Uint8Array): string {
  const decoded = decodeKey(key, 0, key.length)
  if (!('parts' in decoded)) throw new TypeError('a key')
  return String(decoded.parts[0])
}

function payloadLength(bytes: Uint8Array, frame: number): number {
  return viewOf(bytes).getUint32(frame + FrameField.payloadLength, true)
}

/** Fields from their offsets: each ends where the next begins. */
function fieldsAt(start: number, fields: Readonly<Record<string, number>>): Part[] {
  const entries = Object.entries(fields)
  return entries.slice(0, -1).map(([name, offset], i) => {
    return { name, start: start + offset, end: start + (entries[i + 1]?.[1] ?? 0) }
  })
}

function nodeParts({ position, height, count, prefixBytes, lengthBytes }: Node): Part[] {
  const columns: (readonly [string, number])[] =
    height > 0
      ? [
          ['length', 4],
          ['crc', 4],
          ['positionLow', 4],
          ['countLow', 4],
          ['storedLow', 4],
          ['positionHigh', 2],
          ['countHigh', 2],
          ['storedHigh', 2],
          ['suffix', 2],
        ]
      : [
          ['length', 4],
          ['crc', 4],
          ['positionLow', 4],
          ['positionHigh', 2],
          ['suffix', 2],
        ]
  const parts = fieldsAt(position, NodeField).map((part) => ({ ...part, name: `head: ${part.name}` }))
  let at = position + NODE_HEAD_BYTES
  for (const [name, bytes] of columns) {
    parts.push({ name: `column ${name}`, start: at, end: at + bytes * count })
    at += bytes * count
  }
  parts.push({ name: 'prefix', start: at, end: at + prefixBytes })
  parts.push({ name: 'suffixes', start: at + prefixBytes, end: position + lengthBytes })
  return parts.filter(({ start, end }) => end > start)
}

function recordLayout(
  file: StorageFile,
  { position, lengthBytes }: RecordRef,
): Pick<SampleRecord, 'frame' | 'parts'> {
  const bytes = new Uint8Array(lengthBytes)
  file.read(bytes, position)
  const view = new RecordView()
  if (readRecord(bytes, viewOf(bytes), 0, lengthBytes, view) !== undefined) throw new TypeError('a record')
  const { keyStart, valueStart, distance } = view
  const parts = fieldsAt(position, {
    ...RecordField,
    collection: RecordField.operation + 1,
    lengths: RecordField.operation + 2,
    key: keyStart,
    value: valueStart,
    end: lengthBytes,
  })
  return { frame: position - distance, parts }
}

function frameParts(offset: number, payloadEnd: number): Part[] {
  const header = fieldsAt(offset, FrameField).map((part) => ({ ...part, name: `header: ${part.name}` }))
  const start = offset + FRAME_HEADER_BYTES
  const eighth = Math.ceil((payloadEnd - start) / 8)
  const payload = Array.from({ length: 8 }, (_, i) => ({
    name: `payload: part ${i}`,
    start: start + i * eighth,
    end: Math.min(payloadEnd, start + (i + 1) * eighth),
  }))
  return [...header, ...payload].filter((part) => part.end > part.start)
}
