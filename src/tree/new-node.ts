/**
 * How nodes come about: in the place of one that nobody can reach any more, if there is one of the size, else anew.
 */
import { pooledLength } from './node-pool.js'
import {
  Column,
  ColumnCount,
  Node,
  type Owner,
  setChild,
  setCountAt,
  subtreeCount,
  WORD_BYTES,
} from './node.js'

/** Entries that a node which nobody edits has room for are a multiple of this. */
const CAPACITY_STEP = 8

/** Children that a new root has room for. */
const ROOT_CAPACITY = 8

/** A node without entries. */
export function emptyNode(
  owner: Owner,
  height: number,
  columns: number,
  capacity: number,
  keyBytes: number,
): Node {
  const keyWords = Math.ceil(keyBytes / WORD_BYTES)
  // Of what nobody edits few sizes, so that one that was used before fits.
  const room = owner.edits ? capacity : Math.ceil(capacity / CAPACITY_STEP) * CAPACITY_STEP
  return newNode(owner, height, columns, room, columns * room + keyWords)
}

/** A node without entries, in memory of `words` words or a few more. What is in that is not looked at before it was written. */
export function newNode(
  owner: Owner,
  height: number,
  columns: number,
  capacity: number,
  words: number,
): Node {
  const { pool } = owner
  const used = pool?.take(owner, height, columns, capacity, words)
  if (used !== undefined) return used
  const length = pool === undefined ? words : pooledLength(words)
  return new Node(owner, height, columns, capacity, new Uint32Array(length))
}

/** An inner node above one child. */
export function makeRoot(owner: Owner, child: Node): Node {
  const root = emptyNode(owner, child.height + 1, ColumnCount.inner, ROOT_CAPACITY, 0)
  root.count = 1
  root.words[Column.head * ROOT_CAPACITY] = 0
  root.words[Column.end * ROOT_CAPACITY] = 0
  setChild(root, 0, child)
  setCountAt(root, 0, subtreeCount(child))
  return root
}
