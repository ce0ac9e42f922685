/**
 * Entries put into and taken out of nodes: in place where there is room, else by building the node anew.
 *
 * Callers own the nodes that they change. References and counts of a new entry are zero until the caller sets them; the
 * counts in the nodes above are the caller's too.
 */
import { u32, u8 } from '../format/typed-read.js'
import { emptyNode, newNode } from './new-node.js'
import {
  baseOf,
  Column,
  copyColumns,
  endOf,
  firstKeyed,
  isPartial,
  keyOf,
  MIN_GROWTH,
  type Node,
  type Owner,
  setEnd,
  shareChildren,
  spareOf,
  startOf,
  usedKeyBytes,
  withEnd,
} from './node.js'
import { headOf, sharedBytes } from './search.js'
import { NODE_BYTES, weightOf } from './weight.js'

/** From here on the built-in copy is faster than a loop. */
const LONG_COPY_BYTES = 64

/** Which entries of which node another is built from, and the shape of the new one. */
interface Plan {
  readonly owner: Owner
  readonly source: Node
  readonly from: number
  readonly to: number
  /** All keys of `[from, to)` have this many bytes in common. */
  readonly prefixBytes: number
  /** Room for this many entries beyond those. */
  readonly spare: number
  /** Room for this many bytes of keys beyond the share of `spare`. */
  readonly spareKeyBytes: number
}

/** A copy that `owner` may edit. Most copies take one entry before the next copy is made: it has room for that. */
export function copyNode(owner: Owner, node: Node): Node {
  const copy = hasRoom(node) ? clone(owner, node) : buildCopy(owner, node)
  copy.lastAt = node.lastAt
  copy.base = baseOf(node)
  copy.wholeCount = node.wholeCount
  shareChildren(copy)
  return copy
}

/** Whether an entry of average length fits. */
function hasRoom(node: Node): boolean {
  const { count, capacity, keys, prefixBytes } = node
  const used = usedKeyBytes(node)
  return count < capacity && used + (used - prefixBytes) / Math.max(1, count) <= keys.length
}

function clone(owner: Owner, node: Node): Node {
  const { height, columns, count, capacity, prefixBytes, words, children } = node
  const copy = newNode(owner, height, columns, capacity, words.length)
  copy.words.set(words)
  copy.count = count
  copy.prefixBytes = prefixBytes
  if (height > 0) copy.children = children.slice()
  return copy
}

function buildCopy(owner: Owner, source: Node): Node {
  const { count: to, prefixBytes } = source
  const spare = spareOf(to)
  return build({ owner, source, from: 0, to, prefixBytes, spare, spareKeyBytes: 0 })
}

/** A node of the entries `[from, to)` of another, with the longest prefix and with room to grow. */
export function extract(owner: Owner, source: Node, from: number, to: number): Node {
  const prefixBytes = commonPrefix(source, from, to)
  return build({ owner, source, from, to, prefixBytes, spare: growth(to - from, source), spareKeyBytes: 0 })
}

/** The last entries of another, from `from` on, as a node with room for as many as that one has. */
export function extractRun(owner: Owner, source: Node, from: number): Node {
  const { count: to, prefixBytes: shared } = source
  const spare = from
  const spareKeyBytes = Math.ceil(((usedKeyBytes(source) - shared) / to) * spare)
  return build({ owner, source, from, to, prefixBytes: commonPrefix(source, from, to), spare, spareKeyBytes })
}

/** Puts an entry of this key before entry `at`. The key sorts there, and is copied. */
export function insertEntry(node: Node, at: number, key: Uint8Array): void {
  makeRoom(node, key)
  const { words, keys, count, capacity, prefixBytes, columns } = node
  const length = key.length - prefixBytes
  const start = startOf(node, at)
  moveBytes(keys, start, usedKeyBytes(node), start + length)
  for (let i = 0; i < length; i++) keys[start + i] = u8(key, prefixBytes + i)
  for (let column = 0; column < columns; column++) {
    const base = column * capacity
    for (let i = base + count; i > base + at; i--) words[i] = u32(words, i - 1)
    words[base + at] = 0
  }
  const ends = Column.end * capacity
  words[Column.head * capacity + at] = headOf(key, prefixBytes, key.length)
  words[ends + at] = start + length
  for (let i = ends + at + 1; i <= ends + count; i++) words[i] = u32(words, i) + length
  node.count = count + 1
}

/** Takes out entry `at`; of an inner node only one that has a separator. */
export function removeEntry(node: Node, at: number): void {
  const { words, keys, count, capacity, columns } = node
  const start = startOf(node, at)
  const end = endOf(node, at)
  moveBytes(keys, end, usedKeyBytes(node), start)
  for (let column = 0; column < columns; column++) {
    const base = column * capacity
    for (let i = base + at; i < base + count - 1; i++) words[i] = u32(words, i + 1)
  }
  const ends = Column.end * capacity
  for (let i = ends + at; i < ends + count - 1; i++) words[i] = u32(words, i) - (end - start)
  node.count = count - 1
  // The base has it, unless it was added to a partial leaf.
  if (isPartial(node)) node.wholeCount--
  else node.base = undefined
  if (at <= node.lastAt) node.lastAt--
  if (node.height > 0) node.children.splice(at, 1)
  if (node.count <= firstKeyed(node)) dropPrefix(node)
}

/** Puts a child, in memory or stored, behind child `at - 1` of an inner node. */
export function insertChild(parent: Node, at: number, separator: Uint8Array, child: Node | undefined): void {
  insertEntry(parent, at, separator)
  parent.children.splice(at, 0, child)
  if (child !== undefined) child.holders++
}

/** Takes a child out of an inner node with at least two. */
export function removeChild(parent: Node, slot: number): void {
  if (slot > 0) return removeEntry(parent, slot)
  // The second child becomes the first, which has no separator.
  copyColumns(parent, 1, parent, 0)
  parent.children[0] = parent.children[1]
  removeEntry(parent, 1)
}

/** Cuts a node off behind its first `count` entries. */
export function truncate(node: Node, count: number): void {
  node.count = count
  if (node.height > 0) node.children.length = count
}

/** A node of the entries of two siblings, with room to grow; `separator` is the right one's in their parent. */
export function concatenate(owner: Owner, left: Node, right: Node, separator: Uint8Array): Node {
  const first = firstKeyed(left) < left.count ? keyOf(left, firstKeyed(left)) : firstOf(right, separator)
  const last = firstKeyed(right) < right.count ? keyOf(right, right.count - 1) : lastOf(left, separator)
  const prefixBytes = sharedBytes(first, 0, first.length, last, 0, last.length)
  const count = left.count + right.count
  const capacity = count + growth(count, left)
  const expanded = (node: Node): number =>
    usedKeyBytes(node) + node.count * Math.max(0, node.prefixBytes - prefixBytes)
  const keyBytes = expanded(left) + expanded(right) + separator.length
  const roomBytes = Math.ceil((keyBytes * capacity) / Math.max(1, count))
  const node = emptyNode(owner, left.height, left.columns, capacity, roomBytes)
  node.prefixBytes = prefixBytes
  node.keys.set(first.subarray(0, prefixBytes))
  append(node, left, 0, left.count)
  if (left.height > 0) appendChild(node, separator, right)
  append(node, right, firstKeyed(right), right.count)
  shareChildren(node)
  return node
}

function firstOf(right: Node, separator: Uint8Array): Uint8Array {
  return right.height > 0 || right.count === 0 ? separator : keyOf(right, 0)
}

function lastOf(left: Node, separator: Uint8Array): Uint8Array {
  return left.height > 0 || left.count === 0 ? separator : keyOf(left, left.count - 1)
}

/** How many bytes the keys of `[from, to)` have in common; of fewer than two keys, what they had in their node. */
function commonPrefix(node: Node, from: number, to: number): number {
  const first = from + firstKeyed(node)
  const last = to - 1
  const { keys, prefixBytes } = node
  if (last <= first) return prefixBytes
  const shared = sharedBytes(
    keys,
    startOf(node, first),
    endOf(node, first),
    keys,
    startOf(node, last),
    endOf(node, last),
  )
  return prefixBytes + shared
}

/** Sees to it that the node's prefix fits `key` and that there is room for an entry of it. */
function makeRoom(node: Node, key: Uint8Array): void {
  const { keys, count } = node
  const shared = sharedBytes(keys, 0, node.prefixBytes, key, 0, key.length)
  const fits = count < node.capacity && usedKeyBytes(node) + key.length - node.prefixBytes <= keys.length
  if (fits && shared === node.prefixBytes) return
  const prefixBytes = shared < node.prefixBytes ? shared : prefixWith(node, key)
  // Keys to come may have fewer bytes in common with those that are here, but there are not fewer of them.
  const spare = growth(count, node, node.capacity - count)
  const owner = node.owner
  node.become(
    build({ owner, source: node, from: 0, to: count, prefixBytes, spare, spareKeyBytes: key.length }),
  )
}

/** Of a node that lost its last key: a prefix that nobody has would weigh on it. */
function dropPrefix(node: Node): void {
  node.prefixBytes = 0
  if (node.count > 0) setEnd(node, 0, 0)
}

/** How many bytes all keys of a node, which share its prefix with `key`, have in common with it. */
function prefixWith(node: Node, key: Uint8Array): number {
  const first = firstKeyed(node)
  const { keys, prefixBytes, count } = node
  if (first >= count) return prefixBytes
  const shared = sharedBytes(keys, startOf(node, first), endOf(node, first), key, prefixBytes, key.length)
  return Math.min(prefixBytes + shared, commonPrefix(node, 0, count))
}

/**
 * By how many entries a node of `count` grows: half of them, or as many as it has room for, but not past what a full node holds of
 * such entries.
 */
function growth(count: number, like: Node, room = 0): number {
  const averageBytes = like.count === 0 ? NODE_BYTES : weightOf(like) / like.count
  const full = Math.ceil(NODE_BYTES / averageBytes) + 1
  return Math.max(MIN_GROWTH, Math.min(Math.max(count >>> 1, room), full - count))
}

function build(plan: Plan): Node {
  const { owner, source, from, to, prefixBytes, spare } = plan
  const count = to - from
  const first = Math.min(to, from + firstKeyed(source))
  const suffixBytes =
    startOf(source, to) - startOf(source, first) + (to - first) * (source.prefixBytes - prefixBytes)
  const spareBytes = Math.ceil((suffixBytes / Math.max(1, count)) * spare) + plan.spareKeyBytes
  const keyBytes = prefixBytes + suffixBytes + spareBytes
  const node = emptyNode(owner, source.height, source.columns, count + spare, keyBytes)
  node.prefixBytes = prefixBytes
  const inherited = Math.min(prefixBytes, source.prefixBytes)
  for (let i = 0; i < inherited; i++) node.keys[i] = u8(source.keys, i)
  const gained = startOf(source, first) - inherited
  for (let i = inherited; i < prefixBytes; i++) node.keys[i] = u8(source.keys, gained + i)
  append(node, source, from, to)
  return node
}

/** Appends the entries `[from, to)` of `source`, whose keys have the node's prefix. There is room. */
function append(node: Node, source: Node, from: number, to: number): void {
  const { words, capacity, columns, count } = node
  // The first entry of an inner node loses its separator.
  const bare = node.height > 0 && count === 0 && from < to ? 1 : 0
  if (bare > 0) {
    words[Column.head * capacity] = 0
    words[Column.end * capacity] = withEnd(endWord(source, from), node.prefixBytes)
  }
  if (node.prefixBytes === source.prefixBytes) appendKeys(node, source, from + bare, to, count + bare)
  else appendCutKeys(node, source, from + bare, to, count + bare)
  for (let column = Column.end + 1; column < columns; column++) {
    const target = column * capacity + count - from
    const base = column * source.capacity
    for (let i = from; i < to; i++) words[target + i] = u32(source.words, base + i)
  }
  if (node.height > 0) node.children = node.children.concat(source.children.slice(from, to))
  node.count = count + to - from
}

/** Appends heads, ends and suffixes of a source with the same prefix, as entries `at` and following. */
function appendKeys(node: Node, source: Node, from: number, to: number, at: number): void {
  if (from >= to) return
  const { words, capacity } = node
  const start = startOf(source, from)
  const end = startOf(source, to)
  const target = startOf(node, at)
  node.keys.set(source.keys.subarray(start, end), target)
  const ends = Column.end * capacity + at - from
  const sourceEnds = Column.end * source.capacity
  for (let i = from; i < to; i++) {
    words[at - from + i] = u32(source.words, i)
    words[ends + i] = u32(source.words, sourceEnds + i) - start + target
  }
}

/** The same where the two prefixes differ in length. */
function appendCutKeys(node: Node, source: Node, from: number, to: number, at: number): void {
  const { words, keys, capacity, prefixBytes } = node
  const cut = Math.max(0, prefixBytes - source.prefixBytes)
  let end = startOf(node, at)
  for (let i = from; i < to; i++) {
    const start = end
    for (let k = prefixBytes; k < source.prefixBytes; k++) keys[end++] = u8(source.keys, k)
    const sourceEnd = endOf(source, i)
    for (let k = startOf(source, i) + cut; k < sourceEnd; k++) keys[end++] = u8(source.keys, k)
    words[at - from + i] = headOf(keys, start, end)
    words[Column.end * capacity + at - from + i] = withEnd(endWord(source, i), end)
  }
}

/** What the column of ends holds of an entry. */
function endWord({ words, capacity }: Node, i: number): number {
  return u32(words, Column.end * capacity + i)
}

/** Appends the first child of `source` with a separator. There is room. */
function appendChild(node: Node, separator: Uint8Array, source: Node): void {
  const { words, keys, capacity, prefixBytes, count } = node
  const start = startOf(node, count)
  const end = start + separator.length - prefixBytes
  keys.set(separator.subarray(prefixBytes), start)
  words[Column.head * capacity + count] = headOf(keys, start, end)
  words[Column.end * capacity + count] = end
  copyColumns(source, 0, node, count)
  node.children.push(source.children[0])
  node.count = count + 1
}

/** Moves `bytes[start, end)` to `target`. */
function moveBytes(bytes: Uint8Array, start: number, end: number, target: number): void {
  if (end - start > LONG_COPY_BYTES) bytes.copyWithin(target, start, end)
  else if (target < start) for (let i = start; i < end; i++) bytes[target - start + i] = u8(bytes, i)
  else for (let i = end - 1; i >= start; i--) bytes[target - start + i] = u8(bytes, i)
}
