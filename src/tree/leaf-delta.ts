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
import { insertEntry } from './entries.js'
import {
  ColumnCount,
  copyColumns,
  emptyNode,
  endOf,
  isChanged,
  keyOf,
  NOBODY,
  type Node,
  type NodeImage,
  noteChanged,
  setEnd,
  startOf,
  usedKeyBytes,
} from './node.js'
import { search } from './search.js'

/** A delta is stored in place of a leaf if it takes at most so much of what the leaf would. */
const DELTA_SHARE = 0.25

/** Bytes of an image of what changed of a leaf; undefined if it is better stored as a whole, which takes `wholeBytes`. */
export function deltaBytes(node: Node, wholeBytes: number): number | undefined {
  if (node.base === undefined) return undefined
  const isOfKeys = node.columns === ColumnCount.keysLeaf
  const entryBytes = NODE_ENTRY_BYTES[isOfKeys ? NodeKind.keysDelta : NodeKind.recordsDelta]
  let bytes = NODE_HEAD_BYTES + DELTA_BASE_BYTES + node.prefixBytes
  for (let i = 0; i < node.count; i++)
    if (isChanged(node, i)) bytes += entryBytes + endOf(node, i) - startOf(node, i)
  return bytes <= wholeBytes * DELTA_SHARE ? bytes : undefined
}

/** A leaf of those entries that changed. */
export function changesOf(node: Node): Node {
  const changed: number[] = []
  for (let i = 0; i < node.count; i++) if (isChanged(node, i)) changed.push(i)
  const { columns, prefixBytes, keys } = node
  const changes = emptyNode(NOBODY, 0, columns, changed.length, usedKeyBytes(node))
  changes.count = changed.length
  changes.prefixBytes = prefixBytes
  changes.keys.set(keys.subarray(0, prefixBytes))
  let end = prefixBytes
  for (const [k, i] of changed.entries()) {
    changes.keys.set(keys.subarray(startOf(node, i), endOf(node, i)), end)
    end += endOf(node, i) - startOf(node, i)
    setEnd(changes, k, end)
    copyColumns(node, i, changes, k)
  }
  return changes
}

/** Says of which image the delta at `at` is. */
export function writeBase(view: DataView, at: number, { position, lengthBytes, crc }: NodeImage): void {
  writeUint64(view, at + NODE_HEAD_BYTES + DeltaField.position, position)
  view.setUint32(at + NODE_HEAD_BYTES + DeltaField.length, lengthBytes, true)
  view.setUint32(at + NODE_HEAD_BYTES + DeltaField.crc, crc, true)
}

/** What a delta whose head was read and checked says of its base. */
export function readBase(view: DataView, start: number): NodeImage {
  const at = start + NODE_HEAD_BYTES
  return {
    position: readUint64(view, at + DeltaField.position),
    lengthBytes: view.getUint32(at + DeltaField.length, true),
    crc: view.getUint32(at + DeltaField.crc, true),
  }
}

/** Puts what changed of a leaf into it. It is nobody else's yet. */
export function applyChanges(leaf: Node, changes: Node): void {
  for (let i = 0; i < changes.count; i++) {
    const key = keyOf(changes, i)
    const found = search(leaf, key, 0)
    const at = found < 0 ? ~found : found
    if (found < 0) insertEntry(leaf, at, key)
    copyColumns(changes, i, leaf, at)
    noteChanged(leaf, at)
  }
}
