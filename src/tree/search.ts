/**
 * Finding keys in nodes: the tree's hot loops. They allocate nothing, and touch few cache lines: heads first, a key's
 * bytes only where its head equals the one looked for.
 */
import { compareBytes } from '../format/key-order.js'
import { u32, u8 } from '../format/typed-read.js'
import { countBefore, endOf, isPartial, keyOf, type Node, readRef, startOf, subtreeCount } from './node.js'
import { childAt, type NodeSource, passedChild } from './node-source.js'
import type { RecordRef } from './record-ref.js'

/** Bytes of a key that its head holds. */
const HEAD_BYTES = 4

/**
 * The first bytes of `bytes[start, end)` as an unsigned integer, zeros behind a short one. Different heads order as
 * their keys do; equal ones say nothing, as a short key and the same with zeros behind it have the same head.
 */
export function headOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= HEAD_BYTES) {
    const high = (u8(bytes, start) << 8) | u8(bytes, start + 1)
    return ((high << 16) | (u8(bytes, start + 2) << 8) | u8(bytes, start + 3)) >>> 0
  }
  let head = 0
  for (let i = start; i < start + HEAD_BYTES; i++) head = head * 256 + (i < end ? u8(bytes, i) : 0)
  return head
}

/** How many bytes two byte strings have in common from their starts on. */
export function sharedBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const most = Math.min(aEnd - aStart, bEnd - bStart)
  let shared = 0
  while (shared < most && u8(a, aStart + shared) === u8(b, bStart + shared)) shared++
  return shared
}

/** Negative, zero or positive as `key` sorts before all keys with the node's prefix, has it, or sorts after them. */
function compareWithPrefix(key: Uint8Array, node: Node): number {
  const { prefixBytes } = node
  return compareBytes(key, 0, Math.min(key.length, prefixBytes), node.keys, 0, prefixBytes)
}

/** Compares entry `i` with a key of the same prefix and the same head. */
function compareTails(node: Node, i: number, key: Uint8Array): number {
  const { prefixBytes, keys } = node
  const start = startOf(node, i)
  const end = endOf(node, i)
  const skip = Math.min(HEAD_BYTES, end - start, key.length - prefixBytes)
  return compareBytes(keys, start + skip, end, key, prefixBytes + skip, key.length)
}

/** The index of `key` among the entries `[from, count)` of a node; if it is not there, `~` the index where it belongs. */
export function search(node: Node, key: Uint8Array, from: number): number {
  const { words, prefixBytes, count } = node
  const outside = compareWithPrefix(key, node)
  if (outside !== 0) return outside < 0 ? ~from : ~count
  const head = headOf(key, prefixBytes, key.length)
  let low = from
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = u32(words, middle) // The column of heads is the first.
    if (other < head) low = middle + 1
    else if (other > head) high = middle
    else {
      const order = compareTails(node, middle, key)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle
    }
  }
  return ~low
}

/** As `search`, for the key of entry `i` of another leaf with the same prefix, among the entries from `from` on. */
export function searchEntry(leaf: Node, other: Node, i: number, from: number): number {
  const head = u32(other.words, i)
  const start = startOf(other, i)
  const end = endOf(other, i)
  let low = from
  let high = leaf.count
  while (low < high) {
    const middle = (low + high) >>> 1
    const head2 = u32(leaf.words, middle)
    const order =
      head2 === head
        ? compareBytes(leaf.keys, startOf(leaf, middle), endOf(leaf, middle), other.keys, start, end)
        : head2 - head
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle
  }
  return ~low
}

/** Below which child of an inner node `key` belongs. */
export function childSlot(node: Node, key: Uint8Array): number {
  const found = search(node, key, 1)
  return found >= 0 ? found : ~found - 1
}

/** Keys of a tree that follow one another: `count` of them, the first of which has `rank` keys before it. */
export interface Span {
  readonly rank: number
  readonly count: number
}

/** Fills `out` with the reference of `key`, if the tree under `root` holds it. */
export function findIn(source: NodeSource, root: Node, key: Uint8Array, out: RecordRef): boolean {
  let node = root
  while (node.height > 0) node = passedChild(source, node, childSlot(node, key))
  const i = search(node, key, 0)
  if (i < 0) return false
  readRef(node, i, out)
  return true
}

/** A copy of the first key under `node` at or above `key`. Touches one path, or two. */
export function keyFromIn(source: NodeSource, node: Node, key: Uint8Array): Uint8Array | undefined {
  if (node.height === 0) {
    const found = search(node, key, 0)
    const at = found >= 0 ? found : ~found
    return at < node.count ? keyOf(node, at) : undefined
  }
  for (let slot = childSlot(node, key); slot < node.count; slot++) {
    const first = keyFromIn(source, childAt(source, node, slot), key)
    if (first !== undefined) return first
  }
  return undefined
}

/** How many keys under `root` sort before `key`. Touches one path. */
export function rankIn(source: NodeSource, root: Node, key: Uint8Array): number {
  let node = root
  let rank = 0
  while (node.height > 0) {
    const slot = childSlot(node, key)
    rank += countBefore(node, slot)
    node = passedChild(source, node, slot)
  }
  return rank + placeIn(node, key)
}

/** How many keys under `root` are at or above `from` and below `to`, and how many sort before them. Touches one path as far as it is the way to both. */
export function spanIn(source: NodeSource, root: Node, from: Uint8Array, to: Uint8Array): Span {
  let node = root
  let rank = 0
  while (node.height > 0) {
    const first = childSlot(node, from)
    const last = childSlot(node, to)
    const before = countBefore(node, first)
    rank += before
    if (first !== last) {
      const low = rankIn(source, passedChild(source, node, first), from)
      const high = countBefore(node, last) - before + rankIn(source, passedChild(source, node, last), to)
      return { rank: rank + low, count: Math.max(0, high - low) }
    }
    node = passedChild(source, node, first)
  }
  const low = placeIn(node, from)
  return { rank: rank + low, count: Math.max(0, placeIn(node, to) - low) }
}

/** How many entries of a leaf sort before `key`. */
function placeIn(leaf: Node, key: Uint8Array): number {
  const i = search(leaf, key, 0)
  return i < 0 ? ~i : i
}

/** Whether the leaf where `key` belongs is empty; false if it is not in memory, where leaves are that were emptied. */
export function isInEmptyLeaf(root: Node, key: Uint8Array): boolean {
  const leaf = heldLeaf(root, key)
  return leaf !== undefined && subtreeCount(leaf) === 0
}

/** Whether `key` is in a partial leaf in memory. */
export function isInPart(root: Node, key: Uint8Array): boolean {
  const leaf = heldLeaf(root, key)
  return leaf !== undefined && isPartial(leaf) && search(leaf, key, 0) >= 0
}

/** The leaf where `key` belongs, if the nodes on the way hold it. */
function heldLeaf(root: Node, key: Uint8Array): Node | undefined {
  let node: Node | undefined = root
  while (node !== undefined && node.height > 0) node = node.children[childSlot(node, key)]
  return node
}
