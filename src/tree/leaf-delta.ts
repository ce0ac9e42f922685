/**
 * Leaves that are stored by what changed of them.
 *
 * Where keys come in no order, a checkpoint finds one or two changed entries in each of many leaves. Its images of these say which
 * earlier image has all the other entries, until what changed is no longer little beside the leaf. An entry that is taken out, and a leaf that
 * is split or merged, makes the next image a whole one.
 */
import {
  DELTA_BASE_BYTES,
  DeltaField,
  NODE_ENTRY_BYTES,
  NODE_HEAD_BYTES,
  NodeKind,
} from '../format/index-node.js'
import { readUint64, writeUint64 } from '../format/integers.js'
import { u32, u8 } from '../format/typed-read.js'
import { insertEntry } from './entries.js'
import { emptyNode } from './new-node.js'
import {
  baseOf,
  Column,
  ColumnCount,
  copyColumns,
  endOf,
  isChanged,
  isPartial,
  keyOf,
  MIN_GROWTH,
  type Node,
  type NodeImage,
  noteChanged,
  type Owner,
  setEnd,
  startOf,
  usedKeyBytes,
} from './node.js'
import { search, searchEntry, sharedBytes } from './search.js'
import { MIN_SPLIT_COUNT, NODE_BYTES, weightOf } from './weight.js'

/** A delta is stored in place of a leaf if it takes at most so much of what the leaf would. */
export const DELTA_SHARE = 0.25

/** The same while a log is replayed, which is to read little. */
export const REPLAY_SHARE = 0.75

/** Leaves of longer images, which few long keys make, are not partial: with what is added they might outgrow the limit of an image. */
const MOST_BASE_BYTES = 2 * NODE_BYTES

/** Whether a leaf of so many keys may be a partial one, where `image` is its own or that of its base. */
export function mayBePart(image: NodeImage, count: number): boolean {
  return count > MIN_SPLIT_COUNT && wholeBytesOf(image) <= MOST_BASE_BYTES
}

/** What a new partial leaf has room for, of each key. */
const LIKELY_KEY_BYTES = 32

/** Bytes of an image of what changed of a leaf; undefined if it is better stored as a whole, which takes `wholeBytes`. */
export function deltaBytes(node: Node, wholeBytes: number): number | undefined {
  if (node.base === undefined) return undefined
  const entryBytes = entryBytesOf(node)
  let bytes = NODE_HEAD_BYTES + DELTA_BASE_BYTES + node.prefixBytes
  for (let i = 0; i < node.count; i++)
    if (isChanged(node, i)) bytes += entryBytes + endOf(node, i) - startOf(node, i)
  return bytes <= wholeBytes * DELTA_SHARE ? bytes : undefined
}

/** Bytes that an entry takes in a delta beside its key. */
function entryBytesOf({ columns }: Node): number {
  return NODE_ENTRY_BYTES[columns === ColumnCount.keysLeaf ? NodeKind.keysDelta : NodeKind.recordsDelta]
}

/** A partial leaf of which nothing has changed: `base` has all of its entries. */
export function emptyPart(owner: Owner, columns: number, base: NodeImage, count: number): Node {
  const part = emptyNode(owner, 0, columns, MIN_GROWTH, MIN_GROWTH * LIKELY_KEY_BYTES)
  const { position, lengthBytes, crc, storedBytes } = base
  part.base = { position, lengthBytes, crc, storedBytes }
  part.wholeCount = count
  return part
}

/** A partial leaf with what changed of a leaf that is stored; undefined if that is too much, or its image cannot be a base. */
export function partOf(owner: Owner, leaf: Node): Node | undefined {
  const base = baseOf(leaf)
  if (leaf.height > 0 || isPartial(leaf) || base === undefined || !mayBePart(base, leaf.count))
    return undefined
  if (leaf.isWhole) return emptyPart(owner, leaf.columns, base, leaf.count)
  const part = changesOf(leaf, owner)
  part.base = base
  part.wholeCount = leaf.count
  return isFullPart(part, DELTA_SHARE) ? undefined : part
}

/** Bytes of the image of a partial leaf. */
export function partBytes(part: Node): number {
  return NODE_HEAD_BYTES + DELTA_BASE_BYTES + part.count * entryBytesOf(part) + usedKeyBytes(part)
}

/**
 * Whether a partial leaf has so much that it is to be a whole one before it gets more: more than a share of its base, or of what a node may weigh.
 * Keys that have much in common take little of an image, and of the leaf as much as others.
 */
export function isFullPart(part: Node, share: number): boolean {
  const { base } = part
  if (base === undefined) return false
  const bytes = partBytes(part) + (isOfDelta(base) ? base.lengthBytes : 0)
  return bytes > wholeBytesOf(base) * share || weightOf(part) > NODE_BYTES * share
}

/** Whether an image is itself one of what changed. */
export function isOfDelta({ lengthBytes, storedBytes }: NodeImage): boolean {
  return storedBytes > lengthBytes
}

/** Of the image with most of a leaf's entries, where `image` is the leaf's or a delta of it, how many bytes it has. */
export function wholeBytesOf(image: NodeImage): number {
  return isOfDelta(image) ? image.storedBytes - image.lengthBytes : image.lengthBytes
}

/** A leaf of those entries that changed, with room for more. */
function changesOf(node: Node, owner: Owner): Node {
  const changed: number[] = []
  for (let i = 0; i < node.count; i++) if (isChanged(node, i)) changed.push(i)
  const { columns, prefixBytes, keys } = node
  const keyBytes = usedKeyBytes(node) + MIN_GROWTH * LIKELY_KEY_BYTES
  const changes = emptyNode(owner, 0, columns, changed.length + MIN_GROWTH, keyBytes)
  changes.count = changed.length
  changes.prefixBytes = prefixBytes
  changes.keys.set(keys.subarray(0, prefixBytes))
  let end = prefixBytes
  for (const [k, i] of changed.entries()) {
    changes.keys.set(keys.subarray(startOf(node, i), endOf(node, i)), end)
    end += endOf(node, i) - startOf(node, i)
    setEnd(changes, k, end)
    copyColumns(node, i, changes, k)
    changes.words[Column.head * changes.capacity + k] = u32(node.words, Column.head * node.capacity + i)
  }
  return changes
}

/** Says of which image the delta at `at` is. */
export function writeBase(view: DataView, at: number, { position, lengthBytes, crc }: NodeImage): void {
  writeUint64(view, at + NODE_HEAD_BYTES + DeltaField.position, position)
  view.setUint32(at + NODE_HEAD_BYTES + DeltaField.length, lengthBytes, true)
  view.setUint32(at + NODE_HEAD_BYTES + DeltaField.crc, crc, true)
}

/** What a delta whose head was read and checked says of its base, which takes so many bytes with what it needs. */
export function readBase(view: DataView, start: number, storedBytes: number): NodeImage {
  const at = start + NODE_HEAD_BYTES
  return {
    position: readUint64(view, at + DeltaField.position),
    lengthBytes: view.getUint32(at + DeltaField.length, true),
    crc: view.getUint32(at + DeltaField.crc, true),
    storedBytes,
  }
}

/** Puts what changed of a leaf into it. It is nobody else's yet. */
export function applyChanges(leaf: Node, changes: Node): void {
  if (mergeChanges(leaf, changes)) return
  for (let i = 0; i < changes.count; i++) {
    const key = keyOf(changes, i)
    const found = search(leaf, key, 0)
    const at = found < 0 ? ~found : found
    if (found < 0) insertEntry(leaf, at, key)
    copyColumns(changes, i, leaf, at)
    noteChanged(leaf, at)
  }
}

/** The same, moving each entry of the leaf once; false, with nothing done, if the leaf has another prefix, or no room. */
function mergeChanges(leaf: Node, changes: Node): boolean {
  if (!hasSamePrefix(leaf, changes)) return false
  const places = placesOf(leaf, changes)
  let added = 0
  let bytes = 0
  for (const [i, place] of places.entries()) {
    if (place >= 0) continue
    added++
    bytes += endOf(changes, i) - startOf(changes, i)
  }
  const { count } = leaf
  if (count + added > leaf.capacity || usedKeyBytes(leaf) + bytes > leaf.keys.length) return false
  leaf.count = count + added
  let end = count
  for (let i = places.length - 1; i >= 0; i--) {
    const place = places[i] ?? 0
    const at = place < 0 ? ~place : place
    moveEntries(leaf, at, end, added, bytes)
    end = at
    if (place < 0) {
      added--
      bytes -= endOf(changes, i) - startOf(changes, i)
      putSuffix(changes, i, leaf, at + added, startOf(leaf, at) + bytes)
    }
    copyColumns(changes, i, leaf, at + added)
    noteChanged(leaf, at + added)
  }
  return true
}

function hasSamePrefix(leaf: Node, { prefixBytes, keys }: Node): boolean {
  return (
    leaf.prefixBytes === prefixBytes &&
    sharedBytes(leaf.keys, 0, prefixBytes, keys, 0, prefixBytes) === prefixBytes
  )
}

/** For each of the changes, which come in order, the entry of the leaf that has its key; `~` the one that it belongs before if there is none. */
function placesOf(leaf: Node, changes: Node): number[] {
  const places: number[] = []
  let from = 0
  for (let i = 0; i < changes.count; i++) {
    const place = searchEntry(leaf, changes, i, from)
    places.push(place)
    from = place < 0 ? ~place : place + 1
  }
  return places
}

/** Moves the entries `[from, to)` by so many places, and their keys by so many bytes, to where there is room. */
function moveEntries(leaf: Node, from: number, to: number, places: number, bytes: number): void {
  if (from === to || places === 0) return
  const { words, keys, capacity, columns } = leaf
  const start = startOf(leaf, from)
  keys.copyWithin(start + bytes, start, endOf(leaf, to - 1))
  const ends = Column.end * capacity
  for (let i = to - 1; i >= from; i--) words[ends + i + places] = u32(words, ends + i) + bytes
  for (let column = 0; column < columns; column++) {
    if (column === Column.end) continue
    const base = column * capacity
    for (let i = base + to - 1; i >= base + from; i--) words[i + places] = u32(words, i)
  }
}

/** Gives entry `at` of the leaf, which begins at `start`, the key of a change. */
function putSuffix(changes: Node, i: number, leaf: Node, at: number, start: number): void {
  const { words, keys, capacity } = leaf
  const from = startOf(changes, i)
  const length = endOf(changes, i) - from
  for (let k = 0; k < length; k++) keys[start + k] = u8(changes.keys, from + k)
  words[Column.head * capacity + at] = u32(changes.words, Column.head * changes.capacity + i)
  words[Column.end * capacity + at] = start + length
}
