/**
 * The shape of a tree: what `inspect` shows of an index. Reads every node.
 */
import { type Node, NODE_BYTES, weightOf } from './node.js'
import { childAt } from './node-source.js'
import type { Tree } from './tree.js'

export interface TreeShape {
  /** Levels; 1 for a tree that is a single leaf. */
  readonly depth: number
  readonly leaves: number
  readonly innerNodes: number
  readonly entries: number
  /** How full the leaves are on average, from 0 to 1. */
  readonly leafFill: number
  /** The same of the inner nodes; 0 if there are none. */
  readonly innerFill: number
  /** Memory that the nodes take, their objects aside. */
  readonly bytes: number
}

export function treeShape(tree: Tree): TreeShape {
  const { root, source, count } = tree
  const nodes = { leaf: 0, inner: 0 }
  const weight = { leaf: 0, inner: 0 }
  let bytes = 0
  const visit = (node: Node): void => {
    const kind = node.height > 0 ? 'inner' : 'leaf'
    nodes[kind]++
    weight[kind] += weightOf(node)
    bytes += node.words.byteLength
    for (let slot = 0; node.height > 0 && slot < node.count; slot++) visit(childAt(source, node, slot))
  }
  visit(root)
  return {
    depth: root.height + 1,
    leaves: nodes.leaf,
    innerNodes: nodes.inner,
    entries: count,
    leafFill: weight.leaf / (nodes.leaf * NODE_BYTES),
    innerFill: nodes.inner === 0 ? 0 : weight.inner / (nodes.inner * NODE_BYTES),
    bytes,
  }
}
