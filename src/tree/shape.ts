/**
 * The shape of a tree: what `inspect` shows of an index. Reads every node that can be read, and counts those that cannot.
 */
import { VarveError } from '../errors.js'
import { PAUSE, type Task } from '../storage/task.js'
import { isOfDelta } from './leaf-delta.js'
import { type Node } from './node.js'
import { childAt } from './node-source.js'
import type { Tree } from './tree.js'
import { NODE_BYTES, weightOf } from './weight.js'

export interface TreeShape {
  /** Levels; 1 for a tree that is a single leaf. */
  readonly depth: number
  readonly leaves: number
  /** Leaves of which what changed is stored apart: reading one reads what it changed from too. */
  readonly deltas: number
  readonly innerNodes: number
  /** Nodes that are damaged. What is below them is not known, and not counted. */
  readonly unreadableNodes: number
  readonly entries: number
  /** How full the leaves are on average, from 0 to 1. */
  readonly leafFill: number
  /** The same of the inner nodes; 0 if there are none. */
  readonly innerFill: number
  /** Memory that the nodes take, their objects aside. */
  readonly bytes: number
}

export function* treeShape(tree: Tree): Task<TreeShape> {
  const { source, count } = tree
  const nodes = { leaf: 0, inner: 0 }
  const weight = { leaf: 0, inner: 0 }
  let deltas = 0
  let unreadableNodes = 0
  let bytes = 0
  function* visit(load: () => Node): Task<void> {
    const node = readable(load)
    if (node === undefined) {
      unreadableNodes++
      return
    }
    const kind = node.height > 0 ? 'inner' : 'leaf'
    nodes[kind]++
    if (kind === 'leaf' && isOfDelta(node)) deltas++
    weight[kind] += weightOf(node)
    bytes += node.words.byteLength
    yield PAUSE
    for (let slot = 0; node.height > 0 && slot < node.count; slot++)
      yield* visit(() => childAt(source, node, slot))
  }
  yield* visit(() => tree.root)
  return {
    depth: (tree.heldRoot ?? tree.storedRoot()).height + 1,
    leaves: nodes.leaf,
    deltas,
    innerNodes: nodes.inner,
    unreadableNodes,
    entries: count,
    leafFill: fill(weight.leaf, nodes.leaf),
    innerFill: fill(weight.inner, nodes.inner),
    bytes,
  }
}

function fill(weight: number, nodes: number): number {
  return nodes === 0 ? 0 : weight / (nodes * NODE_BYTES)
}

function readable(load: () => Node): Node | undefined {
  try {
    return load()
  } catch (error) {
    if (!VarveError.is(error)) throw error
    return undefined
  }
}
