/**
 * The payload of a `Checkpoint` frame: everything that an open needs in order not to read the log from its begin.
 *
 * A head, then an entry for each collection, the catalog (collection 0) among them, by ascending id. An entry is fixed fields,
 * then the collection's definition and its record structures as the catalog rows that hold them, so that rows can be read
 * without reading the catalog first, then the roots of its secondary indexes.
 */
import type { Digest } from './digest.js'
import { readUint64, viewOf, writeUint64 } from './integers.js'
import { MAX_INDEXES, MAX_STRUCTURES } from './limits.js'

/** Byte offsets within the head. */
export const CheckpointField = {
  sequence: 0,
  time: 8,
  commitOffset: 16,
  commitEnd: 24,
  commitCrc: 32,
  commitEpoch: 36,
  replayFrom: 40,
  previous: 48,
  recordBytes: 56,
  nodeBytes: 64,
  collections: 72,
  reserved: 76,
  end: 80,
} as const

/** Byte offsets within the fixed part of a collection's entry. */
export const CheckpointEntryField = {
  id: 0,
  rootLength: 4,
  rootCrc: 8,
  rootHeight: 12,
  reserved: 13,
  structures: 14,
  rootPosition: 16,
  count: 24,
  liveBytes: 32,
  nodeBytes: 40,
  digestA: 48,
  digestB: 52,
  counter: 56,
  definitionLength: 64,
  indexes: 68,
  end: 72,
} as const

/** Byte offsets within what is said of a secondary index. */
export const CheckpointIndexField = {
  id: 0,
  rootLength: 8,
  rootCrc: 12,
  rootHeight: 16,
  reserved: 17,
  rootPosition: 24,
  count: 32,
  rows: 40,
  nodeBytes: 48,
  end: 56,
} as const

const HEAD_BYTES = 80
const ENTRY_BYTES = 72
const LENGTH_BYTES = 4
const INDEX_BYTES = 56

/** Where a tree's root is stored, and what is known of it. A `lengthBytes` of 0: the tree is empty and has no node. */
export interface StoredRoot {
  readonly position: number
  readonly lengthBytes: number
  readonly crc: number
  readonly height: number
  /** Keys in the tree. */
  readonly count: number
  /** Bytes of all images of the tree. */
  readonly nodeBytes: number
}

/** One secondary index as of the checkpoint's commit. */
export interface CheckpointIndex {
  /** As its definition says. */
  readonly id: number
  readonly root: StoredRoot
  /** Rows that have entries. */
  readonly rows: number
}

/** One collection as of the checkpoint's commit. */
export interface CheckpointEntry {
  readonly id: number
  readonly root: StoredRoot
  /** Bytes of the records that hold live rows. */
  readonly liveBytes: number
  readonly digest: Digest
  /** The next generated number. */
  readonly counter: number
  /** The catalog row of its definition; empty for the catalog itself. */
  readonly definition: Uint8Array
  /** The catalog rows of its record structures, by id. */
  readonly structures: readonly Uint8Array[]
  readonly indexes: readonly CheckpointIndex[]
}

/** The roots of all trees of a collection: its own, then those of its indexes. */
function rootsOf({ root, indexes }: CheckpointEntry): readonly StoredRoot[] {
  return [root, ...indexes.map((index) => index.root)]
}

/** Bytes of all node images of a checkpoint. */
export function indexBytesOf(collections: readonly CheckpointEntry[]): number {
  return collections.flatMap(rootsOf).reduce((sum, { nodeBytes }) => sum + nodeBytes, 0)
}

export interface Checkpoint {
  /** The commit that it describes. Sequence 0 with offset 0: the state before any commit. */
  readonly sequence: number
  readonly time: number
  readonly commitOffset: number
  readonly commitCrc: number
  /** Epoch of that commit's frame: none behind it has a lower one. */
  readonly commitEpoch: number
  /** Where that commit's transaction ends. */
  readonly commitEnd: number
  /** R: from where a replay goes on. The commit's end, or, if no commit lies between, this frame's own begin. */
  readonly replayFrom: number
  /** Offset of the checkpoint before it; 0 for none. */
  readonly previous: number
  /** Bytes of all records in the log up to the commit. */
  readonly recordBytes: number
  /** Bytes of all node images in the log before this frame. */
  readonly nodeBytes: number
  readonly collections: readonly CheckpointEntry[]
}

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const bytes = new Uint8Array(checkpointBytes(checkpoint))
  const view = viewOf(bytes)
  writeUint64(view, CheckpointField.sequence, checkpoint.sequence)
  writeUint64(view, CheckpointField.time, checkpoint.time)
  writeUint64(view, CheckpointField.commitOffset, checkpoint.commitOffset)
  writeUint64(view, CheckpointField.commitEnd, checkpoint.commitEnd)
  writeUint64(view, CheckpointField.replayFrom, checkpoint.replayFrom)
  view.setUint32(CheckpointField.commitCrc, checkpoint.commitCrc, true)
  view.setUint32(CheckpointField.commitEpoch, checkpoint.commitEpoch, true)
  writeUint64(view, CheckpointField.previous, checkpoint.previous)
  writeUint64(view, CheckpointField.recordBytes, checkpoint.recordBytes)
  writeUint64(view, CheckpointField.nodeBytes, checkpoint.nodeBytes)
  view.setUint32(CheckpointField.collections, checkpoint.collections.length, true)
  let at = HEAD_BYTES
  for (const entry of checkpoint.collections) at = writeEntry(bytes, view, at, entry)
  return bytes
}

/** Bytes of the payload. */
export function checkpointBytes({ collections }: Checkpoint): number {
  let total = HEAD_BYTES
  for (const { definition, structures, indexes } of collections) {
    total += ENTRY_BYTES + definition.length + indexes.length * INDEX_BYTES
    for (const structure of structures) total += LENGTH_BYTES + structure.length
  }
  return total
}

function writeEntry(bytes: Uint8Array, view: DataView, at: number, entry: CheckpointEntry): number {
  const { root, digest, definition, structures } = entry
  view.setUint32(at + CheckpointEntryField.id, entry.id, true)
  view.setUint32(at + CheckpointEntryField.rootLength, root.lengthBytes, true)
  view.setUint32(at + CheckpointEntryField.rootCrc, root.crc, true)
  view.setUint8(at + CheckpointEntryField.rootHeight, root.height)
  view.setUint16(at + CheckpointEntryField.structures, structures.length, true)
  writeUint64(view, at + CheckpointEntryField.rootPosition, root.position)
  writeUint64(view, at + CheckpointEntryField.count, root.count)
  writeUint64(view, at + CheckpointEntryField.liveBytes, entry.liveBytes)
  writeUint64(view, at + CheckpointEntryField.nodeBytes, root.nodeBytes)
  view.setUint32(at + CheckpointEntryField.digestA, digest.a, true)
  view.setUint32(at + CheckpointEntryField.digestB, digest.b, true)
  writeUint64(view, at + CheckpointEntryField.counter, entry.counter)
  view.setUint32(at + CheckpointEntryField.definitionLength, definition.length, true)
  view.setUint32(at + CheckpointEntryField.indexes, entry.indexes.length, true)
  bytes.set(definition, at + ENTRY_BYTES)
  let end = at + ENTRY_BYTES + definition.length
  for (const structure of structures) {
    view.setUint32(end, structure.length, true)
    bytes.set(structure, end + LENGTH_BYTES)
    end += LENGTH_BYTES + structure.length
  }
  for (const index of entry.indexes) {
    writeIndex(view, end, index)
    end += INDEX_BYTES
  }
  return end
}

function writeIndex(view: DataView, at: number, { id, root, rows }: CheckpointIndex): void {
  writeUint64(view, at + CheckpointIndexField.id, id)
  view.setUint32(at + CheckpointIndexField.rootLength, root.lengthBytes, true)
  view.setUint32(at + CheckpointIndexField.rootCrc, root.crc, true)
  view.setUint8(at + CheckpointIndexField.rootHeight, root.height)
  writeUint64(view, at + CheckpointIndexField.rootPosition, root.position)
  writeUint64(view, at + CheckpointIndexField.count, root.count)
  writeUint64(view, at + CheckpointIndexField.rows, rows)
  writeUint64(view, at + CheckpointIndexField.nodeBytes, root.nodeBytes)
}

/** Reads a payload; undefined if it is none, whatever its bytes. What it returns shares no memory with `bytes`. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint | undefined {
  if (bytes.length < HEAD_BYTES) return undefined
  const view = viewOf(bytes)
  const number = view.getUint32(CheckpointField.collections, true)
  if (view.getUint32(CheckpointField.reserved, true) !== 0) return undefined
  // Before anything is allocated for them.
  if (number * ENTRY_BYTES > bytes.length - HEAD_BYTES) return undefined
  const reader: EntryReader = { bytes, view, at: HEAD_BYTES }
  const collections: CheckpointEntry[] = []
  for (let i = 0; i < number; i++) {
    const entry = readEntry(reader)
    const before = collections.at(-1)
    if (entry === undefined || (before !== undefined && entry.id <= before.id)) return undefined
    collections.push(entry)
  }
  const checkpoint: Checkpoint = {
    sequence: readUint64(view, CheckpointField.sequence),
    time: readUint64(view, CheckpointField.time),
    commitOffset: readUint64(view, CheckpointField.commitOffset),
    commitCrc: view.getUint32(CheckpointField.commitCrc, true),
    commitEpoch: view.getUint32(CheckpointField.commitEpoch, true),
    commitEnd: readUint64(view, CheckpointField.commitEnd),
    replayFrom: readUint64(view, CheckpointField.replayFrom),
    previous: readUint64(view, CheckpointField.previous),
    recordBytes: readUint64(view, CheckpointField.recordBytes),
    nodeBytes: readUint64(view, CheckpointField.nodeBytes),
    collections,
  }
  return reader.at === bytes.length && isSafe(checkpoint) ? checkpoint : undefined
}

interface EntryReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number
}

function readEntry(reader: EntryReader): CheckpointEntry | undefined {
  const { view, at } = reader
  if (reader.bytes.length - at < ENTRY_BYTES) return undefined
  const structureCount = view.getUint16(at + CheckpointEntryField.structures, true)
  const reserved = view.getUint8(at + CheckpointEntryField.reserved)
  if (structureCount > MAX_STRUCTURES || reserved !== 0) return undefined
  reader.at = at + ENTRY_BYTES
  const definition = take(reader, view.getUint32(at + CheckpointEntryField.definitionLength, true))
  const structures = readStructures(reader, structureCount)
  const indexes = readIndexes(reader, view.getUint32(at + CheckpointEntryField.indexes, true))
  if (definition === undefined || structures === undefined || indexes === undefined) return undefined
  const root: StoredRoot = {
    position: readUint64(view, at + CheckpointEntryField.rootPosition),
    lengthBytes: view.getUint32(at + CheckpointEntryField.rootLength, true),
    crc: view.getUint32(at + CheckpointEntryField.rootCrc, true),
    height: view.getUint8(at + CheckpointEntryField.rootHeight),
    count: readUint64(view, at + CheckpointEntryField.count),
    nodeBytes: readUint64(view, at + CheckpointEntryField.nodeBytes),
  }
  const entry: CheckpointEntry = {
    id: view.getUint32(at + CheckpointEntryField.id, true),
    root,
    liveBytes: readUint64(view, at + CheckpointEntryField.liveBytes),
    digest: {
      a: view.getUint32(at + CheckpointEntryField.digestA, true),
      b: view.getUint32(at + CheckpointEntryField.digestB, true),
    },
    counter: readUint64(view, at + CheckpointEntryField.counter),
    definition,
    structures,
    indexes,
  }
  const numbers = [root.position, root.count, root.nodeBytes, entry.liveBytes, entry.counter]
  return numbers.every(Number.isSafeInteger) ? entry : undefined
}

function readStructures(reader: EntryReader, count: number): Uint8Array[] | undefined {
  const structures: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    if (reader.bytes.length - reader.at < LENGTH_BYTES) return undefined
    const length = reader.view.getUint32(reader.at, true)
    reader.at += LENGTH_BYTES
    const structure = take(reader, length)
    if (structure === undefined) return undefined
    structures.push(structure)
  }
  return structures
}

function readIndexes(reader: EntryReader, count: number): CheckpointIndex[] | undefined {
  const indexes: CheckpointIndex[] = []
  if (count > MAX_INDEXES) return undefined
  for (let i = 0; i < count; i++) {
    const { view, at } = reader
    if (reader.bytes.length - at < INDEX_BYTES) return undefined
    for (let k = CheckpointIndexField.reserved; k < CheckpointIndexField.reserved + 7; k++) {
      if (view.getUint8(at + k) !== 0) return undefined
    }
    const root: StoredRoot = {
      position: readUint64(view, at + CheckpointIndexField.rootPosition),
      lengthBytes: view.getUint32(at + CheckpointIndexField.rootLength, true),
      crc: view.getUint32(at + CheckpointIndexField.rootCrc, true),
      height: view.getUint8(at + CheckpointIndexField.rootHeight),
      count: readUint64(view, at + CheckpointIndexField.count),
      nodeBytes: readUint64(view, at + CheckpointIndexField.nodeBytes),
    }
    const index = {
      id: readUint64(view, at + CheckpointIndexField.id),
      root,
      rows: readUint64(view, at + CheckpointIndexField.rows),
    }
    const numbers = [index.id, index.rows, root.position, root.count, root.nodeBytes]
    if (!numbers.every(Number.isSafeInteger)) return undefined
    indexes.push(index)
    reader.at = at + INDEX_BYTES
  }
  return indexes
}

/** A copy of the next `length` bytes; undefined if there are fewer. */
function take(reader: EntryReader, length: number): Uint8Array | undefined {
  const { bytes, at } = reader
  if (length > bytes.length - at) return undefined
  reader.at = at + length
  return bytes.slice(at, at + length)
}

function isSafe(checkpoint: Checkpoint): boolean {
  const { sequence, time, commitOffset, commitEnd, replayFrom, previous, recordBytes, nodeBytes } = checkpoint
  return [sequence, time, commitOffset, commitEnd, replayFrom, previous, recordBytes, nodeBytes].every(
    Number.isSafeInteger,
  )
}
