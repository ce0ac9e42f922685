/**
 * Builds a tree from keys that come in order, and stores its nodes as they fill up: it holds two nodes a level, however many
 * keys there are.
 *
 * Leaves room in each node, so that the first changes of a compacted tree do not split all of them.
 */
import type { StoredRoot } from '../format/checkpoint.js'
import { extract, insertChild } from './entries.js'
import { LeafBuilder } from './leaf-builder.js'
import { emptyNode } from './new-node.js'
import {
  ColumnCount,
  copyColumns,
  keyLength,
  keyOf,
  type Node,
  Owner,
  releaseChild,
  setCountAt,
  subtreeCount,
} from './node.js'
import type { RecordRef } from './record-ref.js'
import { sharedBytes } from './search.js'
import { EVENLY, separatorAt, splitNode, splitPoint } from './split.js'
import { ENTRY_BYTES, isOver, MIN_SPLIT_COUNT, NODE_BYTES, weightOf } from './weight.js'

/** What a node weighs when the next entry goes into another. */
const FULL_BYTES: number = NODE_BYTES * 0.9
/** Entries that a node begins with room for, and bytes of their keys. */
const FIRST_ENTRIES = 64
const FIRST_KEY_BYTES = 1024

const NO_KEY = new Uint8Array(0)

/** A node, and the least key that may lie below it: none for the first of a level. */
interface Placed {
  readonly node: Node
  readonly separator: Uint8Array
}

/** One level above the leaves. */
interface Level {
  /** Takes what comes next. */
  open: Placed
  /** Full, and not stored yet: the last node of a level may need of it. */
  full: Placed | undefined
}

/** Stores a node, whose children are stored, and notes in it where. */
export type StoreNode = (node: Node) => void

export class TreeBuilder {
  readonly #leaf: LeafBuilder
  /** The least key that may be in the leaf that is gathered. */
  #separator: Uint8Array = NO_KEY
  readonly #store: StoreNode
  readonly #owner = new Owner()
  /** From height 1 on. */
  readonly #levels: Level[] = []
  #count = 0

  private constructor(columns: number, store: StoreNode) {
    this.#store = store
    this.#leaf = new LeafBuilder(this.#owner, columns)
  }

  /** For a tree of keys and records. */
  static ofRecords(store: StoreNode): TreeBuilder {
    return new TreeBuilder(ColumnCount.recordsLeaf, store)
  }

  /** For a tree of keys alone. */
  static ofKeys(store: StoreNode): TreeBuilder {
    return new TreeBuilder(ColumnCount.keysLeaf, store)
  }

  /** Adds the key of an entry of another tree's leaf, above all keys so far, with a record; a tree of keys alone ignores that. */
  add(from: Node, i: number, record: RecordRef): void {
    const leaf = this.#leaf
    if (leaf.isFullWith(keyLength(from, i), FULL_BYTES)) {
      const separator = this.#separator
      this.#separator = leaf.separatorBefore(keyOf(from, i))
      this.#hand({ node: leaf.take(), separator }, 0)
    }
    leaf.add(from, i, record)
    this.#count += 1
  }

  /** Stores what is left; nothing may be added afterwards. */
  finish(): StoredRoot {
    const count = this.#count
    if (count === 0) return { position: 0, lengthBytes: 0, crc: 0, height: 0, count, nodeBytes: 0 }
    const last = { node: this.#leaf.take(), separator: this.#separator }
    if (this.#levels.length === 0) return this.#root(last.node)
    this.#hand(last, 0)
    for (let height = 1; ; height++) {
      const level = this.#level(height)
      if (level.full !== undefined) this.#evenOut(level)
      if (level.full === undefined && height === this.#levels.length) return this.#root(level.open.node)
      if (level.full !== undefined) this.#hand(level.full, height)
      this.#hand(level.open, height)
    }
  }

  #root(node: Node): StoredRoot {
    const root = tightened(node)
    this.#store(root)
    const { position, lengthBytes, crc, height, storedBytes: nodeBytes } = root
    return { position, lengthBytes, crc, height, count: this.#count, nodeBytes }
  }

  /** The open node of a level is full: the next one begins with `separator`. */
  #turn(height: number, separator: Uint8Array): void {
    const level = this.#level(height)
    const { full } = level
    level.full = level.open
    level.open = this.#newNode(height, separator)
    if (full !== undefined) this.#hand(full, height)
  }

  /** Stores a node and hands it to the level above. */
  #hand({ node, separator }: Placed, height: number): void {
    const child = tightened(node)
    this.#store(child)
    const above = this.#levelAbove(height, separator)
    if (isFull(above.open.node, separator)) this.#turn(height + 1, separator)
    const parent = above.open.node
    const slot = parent.count
    insertChild(parent, slot, slot === 0 ? NO_KEY : separator, child)
    setCountAt(parent, slot, subtreeCount(child))
    releaseChild(parent, slot, child)
  }

  /** A last node that is too small for its level takes of the one before it, or goes into it. */
  #evenOut(level: Level): void {
    const { open, full } = level
    if (full === undefined || open.node.count > 1) return
    const { node, separator } = full
    for (let i = 0; i < open.node.count; i++) this.#move(open, i, node)
    level.full = undefined
    level.open = full
    if (!isOver(tightened(node))) return
    const at = splitPoint(node, EVENLY)
    const next = separatorAt(node, at)
    level.open = { node: splitNode(this.#owner, node, at), separator: next }
    level.full = { node, separator }
  }

  /** Moves the one child of an inner node behind those of the node before it. */
  #move({ node: from, separator }: Placed, slot: number, to: Node): void {
    insertChild(to, to.count, separator, undefined)
    copyColumns(from, slot, to, to.count - 1)
  }

  #level(height: number): Level {
    const level = this.#levels[height - 1]
    if (level === undefined) throw new TypeError(`A tree under construction without a level ${height}.`)
    return level
  }

  #levelAbove(height: number, separator: Uint8Array): Level {
    if (this.#levels[height] === undefined)
      this.#levels.push({ open: this.#newNode(height + 1, separator), full: undefined })
    return this.#level(height + 1)
  }

  #newNode(height: number, separator: Uint8Array): Placed {
    return {
      node: emptyNode(this.#owner, height, ColumnCount.inner, FIRST_ENTRIES, FIRST_KEY_BYTES),
      separator,
    }
  }
}

/** Whether an entry of this key goes into another node: with it, the node would weigh too much once it is tightened. */
function isFull(node: Node, key: Uint8Array): boolean {
  if (node.count < MIN_SPLIT_COUNT) return false
  const first = keyOf(node, 1)
  // The first entry weighs as much as the prefix.
  const prefixBytes = sharedBytes(first, 0, first.length, key, 0, key.length)
  return weightOf(node) - node.prefixBytes + prefixBytes + ENTRY_BYTES + key.length > FULL_BYTES
}

/** An inner node of the same entries, whose prefix is all that its keys have in common; a leaf is so already. */
function tightened(node: Node): Node {
  return node.height > 0 && node.count > 1 ? extract(node.owner, node, 0, node.count) : node
}
