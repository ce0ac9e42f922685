/**
 * Where a node is split, and into what.
 *
 * A split happens where the last entry came, within the middle half: keys that arrive in order, anywhere in the tree,
 * leave nodes three quarters full behind them, and at the tree's right edge full ones, while keys in random order split
 * nodes about in their middle.
 */
import { extract, truncate } from './entries.js'
import { endOf, keyOf, type Node, type Owner, startOf, weightBefore, weightOf } from './node.js'
import { sharedBytes } from './search.js'

/** A cut of so few entries leaves the left node as it is. */
const SHORT_CUT = 2

/** How a node is to be split, if not by where an entry came. */
export const SplitRule = {
  /** At the end: the node is the last of its level and grew there. */
  edge: -2,
  /** Into halves. */
  even: -1,
} as const

/** Cuts off the entries from `at` on of an owned node, and returns them as a node. */
export function splitNode(owner: Owner, node: Node, at: number): Node {
  const right = extract(owner, node, at, node.count)
  if (node.count - at <= SHORT_CUT) truncate(node, at)
  else node.become(extract(owner, node, 0, at))
  return right
}

/**
 * The index of the first entry of the right part. `grown` is the index of the entry that made the node too large, or a
 * {@link SplitRule}. Each part has an entry, and of an inner node two.
 */
export function splitPoint(node: Node, grown: number): number {
  const least = node.height > 0 ? 2 : 1
  const most = node.count - least
  if (grown === SplitRule.edge) return most
  const total = weightOf(node)
  const wanted = grown === SplitRule.even ? total / 2 : weightBefore(node, grown + 1)
  const target = Math.min(Math.max(wanted, total / 4), (total * 3) / 4)
  let at = least
  while (at < most && weightBefore(node, at) < target) at++
  const closer = at > least && target - weightBefore(node, at - 1) < weightBefore(node, at) - target
  return closer ? at - 1 : at
}

/** The separator of a node's parts if it is split at `at`: the shortest byte string above the left's keys. */
export function separatorAt(node: Node, at: number): Uint8Array {
  const key = keyOf(node, at)
  if (node.height > 0) return key
  const { keys, prefixBytes } = node
  const shared = sharedBytes(
    keys,
    startOf(node, at - 1),
    endOf(node, at - 1),
    keys,
    startOf(node, at),
    endOf(node, at),
  )
  return key.subarray(0, prefixBytes + shared + 1)
}
