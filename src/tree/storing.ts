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

/** Lets go of the children of a node whose image, like theirs, is in the file. */
export function releaseChildren(node: Node, store: NodeStore): void {
  for (let slot = 0; slot < node.children.length; slot++) {
    const child = node.children[slot]
    if (child === undefined) continue
    releaseChild(node, slot, child)
    store.adopt(child)
  }
}

/** Lets go of every stored node that a tree holds, and counts the memory of the others anew. */
export function releaseStored(tree: Tree, store: NodeStore): void {
  const root = tree.heldRoot
  if (root === undefined) return
  if (root.position === 0) {
    tree.unstoredBytes = releaseBelow(root, store)
    return
  }
  tree.unstoredBytes = 0
  tree.releaseRoot()
  store.adopt(root)
}

/** Returns the memory of the unstored nodes at and below an unstored node. */
function releaseBelow(node: Node, store: NodeStore): number {
  let bytes = memoryOf(node)
  for (let slot = 0; slot < node.children.length; slot++) {
    const child = node.children[slot]
    if (child === undefined) continue
    if (child.position === 0) {
      bytes += releaseBelow(child, store)
    } else {
      releaseChild(node, slot, child)
      store.adopt(child)
    }
  }
  return bytes
}
