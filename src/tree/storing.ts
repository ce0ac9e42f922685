/**
 * Which nodes of a tree are still to be stored, and letting go of those that are.
 *
 * A node that is stored stays in memory through its parents until they let go of it. That changes nothing of what a tree says:
 * the slot then says where the child is stored, and the store gives the same node again.
 */
import { memoryOf, type Node, releaseChild } from './node.js'
import type { NodeStore } from './node-store.js'
import type { Tree } from './tree.js'

interface Step {
  readonly node: Node
  slot: number
}

/** The nodes at and below `root` that are not stored, children before parents. The caller stores each before it asks on. */
export function* unstoredNodes(root: Node): Generator<Node, void, undefined> {
  if (root.position !== 0) return
  const path: Step[] = [{ node: root, slot: 0 }]
  for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
    const { node, slot } = step
    if (slot < node.children.length) {
      step.slot++
      const child = node.children[slot]
      if (child !== undefined && child.position === 0) path.push({ node: child, slot: 0 })
    } else {
      yield node
      path.pop()
    }
  }
}

/** Lets go of those children of a node that are stored. */
export function releaseChildren(node: Node, store: NodeStore): void {
  for (let slot = 0; slot < node.children.length; slot++) {
    const child = node.children[slot]
    if (child === undefined || child.position === 0) continue
    releaseChild(node, slot, child)
    store.adopt(child)
  }
}

/**
 * Lets go of the stored nodes that a detached tree holds, and counts the memory of the others anew; in steps of about so many children, between
 * which editors may go on from it. What they copy meanwhile of what is yet to come, they hold: going through the tree that there
 * is then lets go of that too. Nothing may be stored, and the memory of no node may be used again, until the end.
 */
export function* releaseStored(
  tree: Tree,
  store: NodeStore,
  stepChildren: number,
): Generator<void, void, undefined> {
  const root = tree.heldRoot
  if (root === undefined) return
  const nodes = root.position === 0 ? [root] : []
  let unstored = 0
  let left = stepChildren
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    unstored += memoryOf(node)
    for (const child of node.children) if (child?.position === 0) nodes.push(child)
    releaseChildren(node, store)
    left -= 1 + node.children.length
    if (left > 0) continue
    yield
    left = stepChildren
  }
  tree.stored.bytes = tree.madeBytes - unstored
}

/** Lets go of a root that is stored, and with it of everything. */
export function releaseRoot(tree: Tree, store: NodeStore): void {
  const root = tree.heldRoot
  if (root === undefined || root.position === 0) return
  tree.releaseRoot()
  store.adopt(root)
}
