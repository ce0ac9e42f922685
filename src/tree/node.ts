/**
 * A node of the tree: the memory it lies in, its columns, and the one way to a child.
 *
 * A node is two views of one buffer, whatever the number of its entries, so that a million rows are some thousands of
 * objects. `words` begins with the columns, each `capacity` long; `keys` is the memory behind them: the prefix that all
 * keys share, then one suffix per entry. Entry `i` ends at its `end` in `keys`, and begins where entry `i - 1` ends.
 *
 *     column               leaf of records   leaf of keys   inner node
 *     head                 x                 x              x     first 4 bytes after the prefix, big-endian
 *     end, low half        x                 x              x     end of the suffix in `keys`
 *     end, high half       of the record                    of the stored child: the high 15 bits of its position
 *     length, crc          of the record                    of the stored child
 *     position             of the record                    of the stored child: the low 32 bits
 *     count (2 words)                                       keys below the child
 *     stored (2 words)                                      bytes of the images at and below the stored child
 *
 * An inner node has an entry per child. Its key is the separator: every key below the child is at or above it, every key
 * below the child before it is less. Entry 0 has no separator; its suffix is empty and is never compared.
 *
 * The highest bit of that word says of an entry of a leaf that it was put since the leaf's base was stored: an image that holds all other
 * entries, so that a checkpoint may store what changed alone.
 *
 * Nodes in the log: a child is either in memory, at `children[slot]`, or stored, and then its slot says where and what. A
 * node in memory that was stored meanwhile says so itself (`position`), until its parent lets go of it. The way to a child is
 * `childAt` (node-source.ts).
 */
import { u32, u8 } from '../format/typed-read.js'
import { type LeafNotes, NOTE_BYTES } from './leaf-notes.js'
import type { NodePool } from './node-pool.js'
import type { RecordRef } from './record-ref.js'

/** Least entries that a node grows by. */
export const MIN_GROWTH = 4

/** Room for entries to come, in a node of so many that is about to be edited: most take one or two before the next copy. */
export function spareOf(count: number): number {
  return Math.max(MIN_GROWTH, count >>> 4)
}

/** Columns by number. A column that a node does not have is never read or written. */
export const Column = {
  head: 0,
  end: 1,
  length: 2,
  crc: 3,
  position: 4,
  countLow: 5,
  countHigh: 6,
  storedLow: 7,
  storedHigh: 8,
} as const

/** How many columns each kind of node has: the first ones of {@link Column}. */
export const ColumnCount = { keysLeaf: 2, recordsLeaf: 5, inner: 9 } as const

export const WORD_BYTES = 4

/** Of a word of the column of ends: what of it is the end. No node that is stored has more bytes of keys. */
const END_MASK = 0xffff
const END_BITS = 16
/** The rest of it: the high bits of a position, and whether the entry was put since the base was stored. */
export const MAX_POSITION_HIGH = 0x7fff
const CHANGED = 0x8000_0000

/**
 * What a node takes beside its buffer: objects and its places in tables, 650 bytes (measured), and what the collector lets pile up of
 * those that are not used again.
 */
const NODE_OBJECT_BYTES = 850
/** Of a child that is held, and of one that is near. */
const CHILD_BYTES = 16
const TWO_32 = 4_294_967_296

/** Who may edit a node in place, by identity. Every editor has its own, and a new one after each freeze. */
export class Owner {
  /** Where memory for its nodes comes from; undefined where it is not used again. */
  readonly pool: NodePool | undefined
  /** False for the owner of what was read and nobody edits. */
  readonly edits: boolean
  /** How often trees had been captured by then; -1 where that does not tell who may have a node. */
  readonly bornAt: number

  constructor(pool?: NodePool, edits = true) {
    this.pool = pool
    this.edits = edits
    this.bornAt = edits && pool !== undefined ? pool.captures : -1
  }
}

/** No entry of a node, nor the one before its first. */
export const NOWHERE = -2

/** Where a node is in the cache, if it is not there. */
export const NOT_CACHED = -1
/** The same of a node that was replaced: it is of no use there. */
export const REPLACED = -2
/** The same of a node that is kept whatever the budget, because its parents hold it anyway. */
export const HELD = -3
/** The same of a node that waits to be used again. */
export const FREE = -4
/** The same of a node that left the cache, and of which is to be seen whether it may be used again. */
export const EVICTED = -5

/** Of every leaf. */
export const NO_CHILDREN: (Node | undefined)[] = []

/** Owns what nobody may edit. */
export const NOBODY: Owner = new Owner(undefined, false)

/** Where an image is, and what it is. */
export interface NodeImage {
  readonly position: number
  readonly lengthBytes: number
  readonly crc: number
  /** Bytes of this image and of those that it needs: of a leaf that is stored whole, its length. */
  readonly storedBytes: number
  /** Of the image that a leaf was read from as a whole: the deltas between, by which the leaf was led to. */
  readonly between?: readonly NodeImage[]
}

/** A leaf (height 0) or inner node. Immutable unless edited by its owner. */
export class Node {
  /** As the next three, it changes only where a node is used again (`restart`). */
  owner: Owner
  /** Levels below this one. */
  height: number
  /** One of {@link ColumnCount}. */
  columns: number
  count = 0
  /** Length of the prefix at the start of `keys`. */
  prefixBytes = 0
  /** The entry that was put in last, or {@link NOWHERE}: tells keys that come in order from others. Not stored. */
  lastAt: number = NOWHERE
  /** Entries that there is room for. */
  capacity: number
  words: Uint32Array
  keys: Uint8Array
  /** As many as entries, undefined where the child is stored; none in a leaf. */
  children: (Node | undefined)[]
  /** Where the node is stored, what its image's length and CRC are; 0 while it is not. */
  position = 0
  lengthBytes = 0
  crc = 0
  /** Bytes of the images at and below it, once it is stored. */
  storedBytes = 0
  /** Of a leaf: another image that holds all of its entries but those that changed since. */
  base: NodeImage | undefined
  /** Of a leaf: whether its own image may be such a base. */
  isWhole = false
  /** Of a partial leaf, which has what changed since its base alone: how many entries the leaf has. 0 of every other node. */
  wholeCount = 0
  /** Of a partial leaf: the leaf, if it is in the cache; and of that, which partial leaf it is of. */
  whole: Node | undefined
  partOf: Node | undefined
  /** Of a leaf of keys alone, once a reader noted something. */
  notes: LeafNotes | undefined
  /** Of a node that nobody edits: whether somebody may have it beyond one search. */
  lent = false
  /** Whether it was asked for since the cache looked at it last, in how many rounds before that, and where it is in there. */
  recent = false
  rounds = 0
  cachedAt: number = NOT_CACHED
  /** Of an inner node in the cache: children that are there too, where they were met. The cache sees to it that they are. */
  near: (Node | undefined)[] = NO_CHILDREN
  /** Of a node that is among those: which node notes it, and at which slot. */
  notedBy: Node | undefined
  notedAt = 0
  /** At least as many as there are nodes and trees that hold it and somebody may still reach (I21). */
  holders = 0

  /** A node without entries, in the memory of `words`: what the columns do not take of it is for keys. */
  constructor(owner: Owner, height: number, columns: number, capacity: number, words: Uint32Array) {
    this.owner = owner
    this.height = height
    this.columns = columns
    this.capacity = capacity
    this.words = words
    this.keys = new Uint8Array(words.buffer, columns * capacity * WORD_BYTES)
    this.children = height > 0 ? [] : NO_CHILDREN
  }

  /** Begins anew as another node without entries, in its memory, which is enough for that. Nobody has it. */
  restart(owner: Owner, height: number, columns: number, capacity: number): void {
    if (this.columns * this.capacity !== columns * capacity)
      this.keys = new Uint8Array(this.words.buffer, columns * capacity * WORD_BYTES)
    this.owner = owner
    this.height = height
    this.columns = columns
    this.capacity = capacity
    this.children = height > 0 ? [] : NO_CHILDREN
    this.count = 0
    this.prefixBytes = 0
    this.lastAt = NOWHERE
    this.position = 0
    this.lengthBytes = 0
    this.crc = 0
    this.storedBytes = 0
    this.base = undefined
    this.isWhole = false
    this.wholeCount = 0
    this.whole = undefined
    this.partOf = undefined
    this.notes = undefined
    this.lent = false
    this.recent = false
    this.rounds = 0
    this.cachedAt = NOT_CACHED
    this.near = NO_CHILDREN
    this.notedBy = undefined
    this.notedAt = 0
    this.holders = 0
  }

  /** Takes over what `other`, a node of the same kind that is not used any more, holds, and gives its own memory away with it. Nobody else ever saw that one. */
  become(other: Node): void {
    const { words, keys, capacity } = this
    this.count = other.count
    this.prefixBytes = other.prefixBytes
    this.capacity = other.capacity
    this.words = other.words
    this.keys = other.keys
    this.children = other.children
    other.words = words
    other.keys = keys
    other.capacity = capacity
    this.owner.pool?.giveBack(other)
  }
}

/** Puts a child that is in memory into a slot. */
export function setChild(parent: Node, slot: number, child: Node): void {
  parent.children[slot] = child
  child.holders++
}

/** Of a copy that has the children of another node: holds those that are not in the file yet, and lets go of the others. */
export function shareChildren(copy: Node): void {
  const { children } = copy
  for (let slot = 0; slot < children.length; slot++) {
    const child = children[slot]
    if (child === undefined) continue
    if (child.cachedAt >= 0 || child.cachedAt === HELD) {
      noteStored(copy, slot, child)
      children[slot] = undefined
    } else child.holders++
  }
}

/** Has a slot say where its child, which is in memory, is stored. */
export function noteStored(parent: Node, slot: number, child: Node): void {
  writeRef(parent, slot, child.position, child.lengthBytes, child.crc)
  writeWide(parent, Column.storedLow, slot, child.storedBytes)
}

/** Lets go of a child that is stored. */
export function releaseChild(parent: Node, slot: number, child: Node): void {
  noteStored(parent, slot, child)
  parent.children[slot] = undefined
  child.holders--
}

/** Memory that a node takes, or may come to take by notes: it must not change while nobody changes the node. */
export function memoryOf({ columns, capacity, words, children, wholeCount }: Node): number {
  // Nobody reads a partial leaf in order, so it gets no notes.
  const notes = columns === ColumnCount.keysLeaf && wholeCount === 0 ? capacity * NOTE_BYTES : 0
  return NODE_OBJECT_BYTES + words.length * WORD_BYTES + children.length * CHILD_BYTES + notes
}

/** What a node takes of the memory of unstored ones. */
export function unstoredMemoryOf(node: Node): number {
  return node.position === 0 ? memoryOf(node) : 0
}

/** Where the suffix of entry `i` begins in `keys`. */
export function startOf(node: Node, i: number): number {
  return i === 0 ? node.prefixBytes : endOf(node, i - 1)
}

/** Where the suffix of entry `i` ends in `keys`. */
export function endOf(node: Node, i: number): number {
  return u32(node.words, Column.end * node.capacity + i) & END_MASK
}

/** Sets what {@link endOf} reads. */
export function setEnd(node: Node, i: number, end: number): void {
  const at = Column.end * node.capacity + i
  node.words[at] = withEnd(u32(node.words, at), end)
}

/** A word of the column of ends with another end. */
export function withEnd(word: number, end: number): number {
  return (word & ~END_MASK) | end
}

/** Bytes of `keys` in use. */
export function usedKeyBytes(node: Node): number {
  return startOf(node, node.count)
}

/** The first entry with a key of its own: entry 0 of an inner node has none. */
export function firstKeyed(node: Node): number {
  return node.height > 0 ? 1 : 0
}

/** Bytes of the key of entry `i`. */
export function keyLength(node: Node, i: number): number {
  return node.prefixBytes + endOf(node, i) - startOf(node, i)
}

/** Copies the key of entry `i` to `target`, from `at` on. */
export function copyKey(node: Node, i: number, target: Uint8Array, at: number): void {
  const { keys, prefixBytes } = node
  const start = startOf(node, i)
  const end = endOf(node, i)
  for (let k = 0; k < prefixBytes; k++) target[at + k] = u8(keys, k)
  for (let k = start; k < end; k++) target[at + prefixBytes - start + k] = u8(keys, k)
}

/** A copy of the key of entry `i`. */
export function keyOf(node: Node, i: number): Uint8Array {
  const key = new Uint8Array(keyLength(node, i))
  copyKey(node, i, key, 0)
  return key
}

/** Fills `out` from entry `i`; with zeros in a leaf of keys. */
export function readRef(node: Node, i: number, out: RecordRef): void {
  if (node.columns === ColumnCount.keysLeaf) {
    out.position = out.lengthBytes = out.crc = 0
    return
  }
  const { words, capacity } = node
  out.position = positionAt(node, i)
  out.lengthBytes = u32(words, Column.length * capacity + i)
  out.crc = u32(words, Column.crc * capacity + i)
}

/** Sets what {@link readRef} reads; nothing in a leaf of keys. */
export function writeRef(node: Node, i: number, position: number, lengthBytes: number, crc: number): void {
  if (node.columns === ColumnCount.keysLeaf) return
  const { words, capacity } = node
  setPositionHigh(node, i, Math.floor(position / TWO_32))
  words[Column.length * capacity + i] = lengthBytes
  words[Column.crc * capacity + i] = crc
  words[Column.position * capacity + i] = position >>> 0
}

/** Gives entry `k` of a node of the same kind all that entry `i` holds beside its key. */
export function copyColumns(from: Node, i: number, to: Node, k: number): void {
  const word = u32(from.words, Column.end * from.capacity + i)
  to.words[Column.end * to.capacity + k] = withEnd(word, endOf(to, k))
  for (let column = Column.end + 1; column < to.columns; column++) {
    to.words[column * to.capacity + k] = u32(from.words, column * from.capacity + i)
  }
}

/** Where the record, or the stored child, of entry `i` is; not in a leaf of keys. */
export function positionAt(node: Node, i: number): number {
  return positionHighAt(node, i) * TWO_32 + u32(node.words, Column.position * node.capacity + i)
}

/** The high bits of a position. */
export function positionHighAt({ words, capacity }: Node, i: number): number {
  return (u32(words, Column.end * capacity + i) >>> END_BITS) & MAX_POSITION_HIGH
}

export function setPositionHigh({ words, capacity }: Node, i: number, high: number): void {
  const at = Column.end * capacity + i
  words[at] = (u32(words, at) & (CHANGED | END_MASK)) | (high << END_BITS)
}

/** Whether entry `i` of a leaf was put since its base was stored. */
export function isChanged({ words, capacity }: Node, i: number): boolean {
  return (u32(words, Column.end * capacity + i) & CHANGED) !== 0
}

export function noteChanged({ words, capacity }: Node, i: number): void {
  const at = Column.end * capacity + i
  words[at] = u32(words, at) | CHANGED
}

/** A leaf's image is in the file, with all of its entries: what changes from now on, changes since then. */
export function becomeWhole(leaf: Node): void {
  leaf.isWhole = true
  leaf.base = undefined
  const { words, capacity, count } = leaf
  const ends = Column.end * capacity
  for (let i = ends; i < ends + count; i++) words[i] = u32(words, i) & ~CHANGED
}

/** The image of which a leaf may say what changed since. */
export function baseOf({
  isWhole,
  position,
  lengthBytes,
  crc,
  storedBytes,
  base,
}: Node): NodeImage | undefined {
  return isWhole ? { position, lengthBytes, crc, storedBytes } : base
}

/** Notes in a node that it is stored where another is. */
export function storedAs(node: Node, { position, lengthBytes, crc, storedBytes }: Node): void {
  node.position = position
  node.lengthBytes = lengthBytes
  node.crc = crc
  node.storedBytes = storedBytes
}

/** Whether a node is a leaf of which only what changed since its base is here. */
export function isPartial({ wholeCount }: Node): boolean {
  return wholeCount > 0
}

/** How many keys there are below child `slot` of an inner node. */
export function countAt(node: Node, slot: number): number {
  return readWide(node, Column.countLow, slot)
}

export function setCountAt(node: Node, slot: number, count: number): void {
  writeWide(node, Column.countLow, slot, count)
}

/** Bytes of the images at and below the stored child `slot`. */
export function storedBytesAt(node: Node, slot: number): number {
  return readWide(node, Column.storedLow, slot)
}

/** A number in two columns, the low half first. */
function readWide(node: Node, low: number, slot: number): number {
  const { words, capacity } = node
  return u32(words, (low + 1) * capacity + slot) * TWO_32 + u32(words, low * capacity + slot)
}

function writeWide(node: Node, low: number, slot: number, value: number): void {
  const { words, capacity } = node
  words[low * capacity + slot] = value >>> 0
  words[(low + 1) * capacity + slot] = Math.floor(value / TWO_32)
}

/** How many keys there are below the children before `slot` of an inner node. */
export function countBefore({ words, capacity }: Node, slot: number): number {
  const low = Column.countLow * capacity
  const high = Column.countHigh * capacity
  let count = 0
  let carried = 0
  for (let before = 0; before < slot; before++) {
    count += u32(words, low + before)
    carried += u32(words, high + before)
  }
  return count + carried * TWO_32
}

/** How many keys the leaves at and below a node hold. */
export function subtreeCount(node: Node): number {
  if (node.height === 0) return isPartial(node) ? node.wholeCount : node.count
  return countBefore(node, node.count)
}
