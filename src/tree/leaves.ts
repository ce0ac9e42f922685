/**
 * The leaves of a tree, in the order of keys, for whoever goes through all of it.
 */
import { keyLength, type Node, startOf } from './node.js'
import { childAt, type NodeSource } from './node-source.js'
import type { Tree } from './tree.js'

/** Every leaf of a tree, one after the other. Holds the nodes above the one at hand, and no others. */
export function* leavesOf(tree: Tree): Generator<Node, void, undefined> {
  yield* leavesBelow(tree.source, tree.root)
}

function* leavesBelow(source: NodeSource, node: Node): Generator<Node, void, undefined> {
  if (node.height === 0) {
    yield node
    return
  }
  for (let slot = 0; slot < node.count; slot++) yield* leavesBelow(source, childAt(source, node, slot))
}

/** Whether the key of entry `i` of a leaf is `bytes[start, end)`. */
export function hasKey(leaf: Node, i: number, bytes: Uint8Array, start: number, end: number): boolean {
  const { keys, prefixBytes } = leaf
  const suffix = startOf(leaf, i)
  if (keyLength(leaf, i) !== end - start) return false
  for (let k = 0; k < prefixBytes; k++) if (keys[k] !== bytes[start + k]) return false
  const shift = suffix - start - prefixBytes
  for (let k = start + prefixBytes; k < end; k++) if (keys[k + shift] !== bytes[k]) return false
  return true
}

/** Whether entry `i` of a leaf and entry `k` of another one have the same key. */
export function sameKey(leaf: Node, i: number, other: Node, k: number): boolean {
  const { keys, prefixBytes } = other
  const start = startOf(other, k)
  const own = leaf.prefixBytes
  const ownStart = startOf(leaf, i)
  const length = keyLength(other, k)
  if (keyLength(leaf, i) !== length) return false
  for (let at = 0; at < length; at++) {
    const a = at < own ? leaf.keys[at] : leaf.keys[ownStart + at - own]
    const b = at < prefixBytes ? keys[at] : keys[start + at - prefixBytes]
    if (a !== b) return false
  }
  return true
}
