/**
 * Where a node is split, and into what.
 *
 * Keys that come in no order split nodes into halves, which leaves them 69 % full on average. Keys that come in order, be
 * it at the end of the tree or anywhere else in it, split a node right behind the last of them, and leave full nodes.
 */
import { extract, extractRun, truncate } from './entries.js'
import { endOf, keyOf, type Node, NOWHERE, type Owner, startOf } from './node.js'
import { sharedBytes } from './search.js'
import { weightBefore, weightOf } from './weight.js'

/** A cut of so few entries leaves the left node as it is. */
const SHORT_CUT = 2

/** Split into halves, whatever came last. */
export const EVENLY = -1

/** Notes that entry `at` was put in, and says how to split the node if that was too much: behind it, or {@link EVENLY}. */
export function noteInsertion(node: Node, at: number): number {
  const inOrder = at === node.lastAt + 1
  node.lastAt = at
  return inOrder ? at : EVENLY
}

/** The index of the first entry of the right part. Each part has an entry, and of an inner node two. */
export function splitPoint(node: Node, rule: number): number {
  const least = node.height > 0 ? 2 : 1
  const most = node.count - least
  if (rule !== EVENLY) return Math.max(least, Math.min(rule + 1, most))
  const half = weightOf(node) / 2
  let at = least
  while (at < most && weightBefore(node, at) < half) at++
  const closer = at > least && half - weightBefore(node, at - 1) < weightBefore(node, at) - half
  return closer ? at - 1 : at
}

/** Cuts off the entries from `at` on of an owned node, and returns them as a node. */
export function splitNode(owner: Owner, node: Node, at: number): Node {
  const { lastAt, count } = node
  const isShort = count - at <= SHORT_CUT
  // Keys in order go on in the right part, and fill it.
  const right = isShort && lastAt >= at ? extractRun(owner, node, at) : extract(owner, node, at, count)
  if (isShort) truncate(node, at)
  else node.become(extract(owner, node, 0, at))
  node.base = undefined
  node.lastAt = lastAt < at ? lastAt : NOWHERE
  right.lastAt = lastAt < at ? NOWHERE : lastAt - at
  return right
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
