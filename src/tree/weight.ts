/**
 * What a node weighs: when it is split, and when it is merged with a sibling.
 */
import { type Node, startOf } from './node.js'

/** Most bytes of a node, by {@link weightOf}, unless it has at most {@link MIN_SPLIT_COUNT} entries. */
export const NODE_BYTES = 4096

/** What an entry weighs beside its key. */
export const ENTRY_BYTES = 32

/** A node of so few entries is never split, however long their keys: inner nodes of long keys would have no fan-out. */
export const MIN_SPLIT_COUNT = 4

/**
 * What the entries before `i` weigh. Keys count with their prefix, so that no node outgrows its limit when a key comes
 * that does not share it.
 */
export function weightBefore(node: Node, i: number): number {
  return i * (ENTRY_BYTES + node.prefixBytes) + startOf(node, i) - node.prefixBytes
}

/** What a node weighs, to be compared with {@link NODE_BYTES}. */
export function weightOf(node: Node): number {
  return weightBefore(node, node.count)
}

/** Whether a node must be split. */
export function isOver(node: Node): boolean {
  return node.count > MIN_SPLIT_COUNT && weightOf(node) > NODE_BYTES
}

/** Whether a node that lost an entry is to be merged with a sibling. */
export function isUnder(node: Node): boolean {
  return weightOf(node) * 4 < NODE_BYTES
}
