/**
 * Nodes as images and back. The layout is `format/index-node.ts`; heads are not stored, because the keys tell them.
 */
import type { Checksum } from '../format/checksum.js'
import {
  entriesAt,
  MAX_NODE_IMAGE_BYTES,
  NODE_ENTRY_BYTES,
  NODE_HEAD_BYTES,
  NodeField,
  type NodeHead,
  NodeKind,
  type NodeProblem,
} from '../format/index-node.js'
import { u32, u8 } from '../format/typed-read.js'
import { emptyNode } from './new-node.js'
import {
  Column,
  ColumnCount,
  endOf,
  firstKeyed,
  isChanged,
  isPartial,
  MAX_POSITION_HIGH,
  NOBODY,
  type Node,
  noteStored,
  type Owner,
  positionHighAt,
  setPositionHigh,
  spareOf,
  startOf,
  storedBytesAt,
  usedKeyBytes,
} from './node.js'
import { deltaBytes, partBytes, writeBase } from './leaf-delta.js'
import { headOf } from './search.js'

type WholeKind = Exclude<NodeKind, typeof NodeKind.recordsDelta | typeof NodeKind.keysDelta>

/**
 * The columns of an image, in order: those of four bytes an entry; the high halves of positions, of two bytes, unless it is a leaf of
 * keys; more of two bytes. The lengths of suffixes come behind them.
 */
const WIDE: Readonly<Record<WholeKind, readonly number[]>> = {
  [NodeKind.recordsLeaf]: [Column.length, Column.crc, Column.position],
  [NodeKind.keysLeaf]: [],
  [NodeKind.inner]: [Column.length, Column.crc, Column.position, Column.countLow, Column.storedLow],
}
const NARROW: Readonly<Record<WholeKind, readonly number[]>> = {
  [NodeKind.recordsLeaf]: [],
  [NodeKind.keysLeaf]: [],
  [NodeKind.inner]: [Column.countHigh, Column.storedHigh],
}

const COLUMNS: Readonly<Record<WholeKind, number>> = {
  [NodeKind.recordsLeaf]: ColumnCount.recordsLeaf,
  [NodeKind.keysLeaf]: ColumnCount.keysLeaf,
  [NodeKind.inner]: ColumnCount.inner,
}

function kindOf(node: Node): WholeKind {
  if (node.height > 0) return NodeKind.inner
  return node.columns === ColumnCount.keysLeaf ? NodeKind.keysLeaf : NodeKind.recordsLeaf
}

/** Of whose entries an image is. */
function wholeKind(kind: number): WholeKind {
  if (kind === NodeKind.recordsDelta) return NodeKind.recordsLeaf
  return kind === NodeKind.keysDelta ? NodeKind.keysLeaf : (kind as WholeKind) // The head was checked.
}

/** Bytes of a node's image. */
export function imageBytes(node: Node): number {
  const whole = wholeBytes(node)
  return isPartial(node) ? whole : (deltaBytes(node, whole) ?? whole)
}

/** The same if all that there is of it in memory is stored. */
export function wholeBytes(node: Node): number {
  if (isPartial(node)) return partBytes(node)
  return NODE_HEAD_BYTES + node.count * NODE_ENTRY_BYTES[kindOf(node)] + usedKeyBytes(node)
}

/**
 * Writes a node's image at `at`, where {@link imageBytes} bytes are free, and notes in the node that it is stored at file
 * position `position`. Children that are in memory must be stored already; the node keeps them.
 */
export function writeImage(
  node: Node,
  bytes: Uint8Array,
  view: DataView,
  at: number,
  position: number,
  checksum: Checksum,
): void {
  const { base } = node
  const whole = wholeBytes(node)
  const delta = isPartial(node) ? whole : deltaBytes(node, whole)
  const end = at + (delta ?? whole)
  if (end - at > MAX_NODE_IMAGE_BYTES) throw new TypeError('A tree node outgrew the limit of its image.')
  noteChildren(node)
  if (delta !== undefined && base !== undefined) {
    const kind = node.columns === ColumnCount.keysLeaf ? NodeKind.keysDelta : NodeKind.recordsDelta
    writeBase(view, at, base)
    // All that a partial leaf has did.
    writeEntries(node, kind, isPartial(node), bytes, view, at)
    node.storedBytes = end - at + base.storedBytes
  } else {
    writeEntries(node, kindOf(node), true, bytes, view, at)
    node.storedBytes = end - at + childrenBytes(node)
  }
  view.setUint32(at + NodeField.length, end - at, true)
  const crc = checksum(bytes, at + NodeField.length, end)
  view.setUint32(at + NodeField.crc, crc, true)
  node.position = position
  node.lengthBytes = end - at
  node.crc = crc
}

/** Has the columns say where the children that are in memory are stored. */
function noteChildren(node: Node): void {
  for (let slot = 0; slot < node.children.length; slot++) {
    const child = node.children[slot]
    if (child !== undefined) noteStored(node, slot, child)
  }
}

function childrenBytes(node: Node): number {
  if (node.height === 0) return 0
  let total = 0
  for (let slot = 0; slot < node.count; slot++) total += storedBytesAt(node, slot)
  return total
}

/** Writes the head of an image, but for its length and CRC, and the entries of `node`: all, or those that changed since its base was stored. */
function writeEntries(
  node: Node,
  kind: NodeKind,
  all: boolean,
  bytes: Uint8Array,
  view: DataView,
  start: number,
): void {
  const { words, capacity, count, keys, prefixBytes } = node
  view.setUint8(start + NodeField.kind, kind)
  view.setUint8(start + NodeField.height, node.height)
  view.setUint16(start + NodeField.prefix, prefixBytes, true)
  view.setUint16(start + NodeField.count, all ? count : changedCount(node), true)
  view.setUint16(start + NodeField.reserved, 0, true)
  const whole = wholeKind(kind)
  let at = start + entriesAt(kind)
  for (const column of WIDE[whole]) {
    const base = column * capacity
    for (let i = 0; i < count; i++) {
      if (!all && !isChanged(node, i)) continue
      view.setUint32(at, u32(words, base + i), true)
      at += 4
    }
  }
  if (whole !== NodeKind.keysLeaf) {
    for (let i = 0; i < count; i++) {
      if (!all && !isChanged(node, i)) continue
      view.setUint16(at, positionHighAt(node, i), true)
      at += 2
    }
  }
  for (const column of NARROW[whole]) {
    const base = column * capacity
    for (let i = 0; i < count; i++, at += 2) view.setUint16(at, u32(words, base + i), true)
  }
  for (let i = 0; i < count; i++) {
    if (!all && !isChanged(node, i)) continue
    view.setUint16(at, endOf(node, i) - startOf(node, i), true)
    at += 2
  }
  if (all) bytes.set(keys.subarray(0, usedKeyBytes(node)), at)
  else writeChangedKeys(node, bytes, at)
}

/** The prefix, and the suffixes of entries that changed. */
function writeChangedKeys(node: Node, bytes: Uint8Array, start: number): void {
  const { count, keys, prefixBytes } = node
  let at = start
  for (let k = 0; k < prefixBytes; k++) bytes[at++] = u8(keys, k)
  for (let i = 0; i < count; i++) {
    if (!isChanged(node, i)) continue
    const end = endOf(node, i)
    for (let k = startOf(node, i); k < end; k++) bytes[at++] = u8(keys, k)
  }
}

function changedCount(node: Node): number {
  let changed = 0
  for (let i = 0; i < node.count; i++) if (isChanged(node, i)) changed++
  return changed
}

/** The node of an image whose head was read and checked, which begins at `start`; with room for what changed of it, if that is given. */
export function readImage(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  head: NodeHead,
  owner: Owner = NOBODY,
  changes?: Node,
): Node | NodeProblem {
  const kind = wholeKind(head.kind)
  const { count, prefix, height, length } = head
  const entries = start + entriesAt(head.kind)
  const keyBytes = start + length - entries - count * NODE_ENTRY_BYTES[kind]
  const spare = owner.edits ? spareOf(count) : 0
  const spareBytes = Math.ceil(((keyBytes - prefix) / Math.max(1, count)) * spare)
  const more = changes === undefined ? 0 : changes.count
  const moreBytes = changes === undefined ? 0 : usedKeyBytes(changes)
  const node = emptyNode(
    owner,
    height,
    COLUMNS[kind],
    count + spare + more,
    keyBytes + spareBytes + moreBytes,
  )
  node.count = count
  node.prefixBytes = prefix
  node.lengthBytes = length
  node.crc = head.crc
  const at = readColumns(node, kind, view, entries)
  if (!readEnds(node, view, at, keyBytes)) return 'layout'
  if (kind !== NodeKind.keysLeaf && !readHighs(node, view, entries + 4 * count * WIDE[kind].length))
    return 'layout'
  node.keys.set(bytes.subarray(at + 2 * count, at + 2 * count + keyBytes))
  const { words, keys } = node
  if (height > 0) words[0] = 0
  for (let i = firstKeyed(node), from = prefix; i < count; i++) {
    const end = endOf(node, i)
    words[i] = headOf(keys, from, end)
    from = end
  }
  if (height > 0) node.children.length = count
  node.storedBytes = length + childrenBytes(node)
  return node
}

/** Returns where the columns end. */
function readColumns(node: Node, kind: WholeKind, view: DataView, start: number): number {
  const { words, count, capacity } = node
  let at = start
  for (const column of WIDE[kind]) {
    const base = column * capacity
    for (let i = 0; i < count; i++, at += 4) words[base + i] = view.getUint32(at, true)
  }
  if (kind !== NodeKind.keysLeaf) at += 2 * count
  for (const column of NARROW[kind]) {
    const base = column * capacity
    for (let i = 0; i < count; i++, at += 2) words[base + i] = view.getUint16(at, true)
  }
  return at
}

/** Whether prefix and suffixes take exactly the bytes there are, and an inner node's first key none. */
function readEnds(node: Node, view: DataView, start: number, keyBytes: number): boolean {
  const { words, count, capacity, prefixBytes } = node
  const ends = Column.end * capacity
  let end = prefixBytes
  for (let i = 0; i < count; i++) {
    end += view.getUint16(start + 2 * i, true)
    words[ends + i] = end
  }
  // An image is shorter than what an end may be, so that all are right if the last one is.
  if (end !== keyBytes) return false
  return node.height === 0 || endOf(node, 0) === prefixBytes
}

/** Reads the high halves of positions, into the high halves of ends; whether nodes have room for them. */
function readHighs(node: Node, view: DataView, start: number): boolean {
  for (let i = 0; i < node.count; i++) {
    const high = view.getUint16(start + 2 * i, true)
    if (high > MAX_POSITION_HIGH) return false
    setPositionHigh(node, i, high)
  }
  return true
}
