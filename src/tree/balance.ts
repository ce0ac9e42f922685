/**
 * Keeps the children of owned nodes within their limits: those that hold too much are split, those that hold too little merged with a sibling.
 */
import { concatenate, insertChild, removeChild, removeEntry } from './entries.js'
import { keyOf, memoryOf, type Node, setChild, setCountAt, subtreeCount, unstoredMemoryOf } from './node.js'
import { childAt } from './node-source.js'
import type { OwnedNodes } from './owned-nodes.js'
import { EVENLY, separatorAt, splitNode, splitPoint } from './split.js'
import type { Way } from './way.js'
import { isOver } from './weight.js'

export class Balance {
  readonly #nodes: OwnedNodes
  /** Forgotten where it may lead through what is split or merged. */
  readonly #way: Way

  constructor(nodes: OwnedNodes, way: Way) {
    this.#nodes = nodes
    this.#way = way
  }

  /** Splits an owned child until all its parts fit: a long key among short ones may take more than one cut. */
  fit(parent: Node, slot: number, rule: number): void {
    this.#way.forget()
    let next = rule
    for (let i = slot, end = slot + 1; i < end;) {
      const child = childAt(this.#nodes.source, parent, i)
      if (isOver(child)) {
        this.#splitChild(parent, i, splitPoint(child, next))
        next = EVENLY
        end++
      } else i++
    }
  }

  #splitChild(parent: Node, slot: number, at: number): void {
    const child = childAt(this.#nodes.source, parent, slot)
    const separator = separatorAt(child, at)
    const before = memoryOf(parent) + memoryOf(child)
    const right = splitNode(this.#nodes.owner, child, at)
    insertChild(parent, slot + 1, separator, right)
    this.#nodes.source.made(memoryOf(right))
    this.#nodes.grew(memoryOf(parent) + memoryOf(child) + memoryOf(right) - before)
    setCountAt(parent, slot, subtreeCount(child))
    setCountAt(parent, slot + 1, subtreeCount(right))
  }

  /** Merges a child with a sibling; if that is too much for one node, shares the entries out evenly. False if none can be read. */
  merge(parent: Node, slot: number): boolean {
    this.#way.forget()
    const left = Math.max(0, slot - 1)
    const right = left + 1
    const leftChild = right < parent.count ? this.#nodes.readable(parent, left) : undefined
    const rightChild = leftChild === undefined ? undefined : this.#nodes.readable(parent, right)
    if (leftChild === undefined || rightChild === undefined) return false
    const merged = concatenate(this.#nodes.owner, leftChild, rightChild, keyOf(parent, right))
    this.#nodes.source.made(memoryOf(merged))
    const before = memoryOf(parent) + unstoredMemoryOf(leftChild) + unstoredMemoryOf(rightChild)
    this.#nodes.retire(leftChild)
    this.#nodes.retire(rightChild)
    removeEntry(parent, right)
    setChild(parent, left, merged)
    this.#nodes.grew(memoryOf(parent) + memoryOf(merged) - before)
    setCountAt(parent, left, subtreeCount(merged))
    this.fit(parent, left, EVENLY)
    return true
  }

  /** Takes out a child, which is empty and not the only one. */
  drop(parent: Node, slot: number): void {
    const child = childAt(this.#nodes.source, parent, slot)
    const before = memoryOf(parent) + unstoredMemoryOf(child)
    removeChild(parent, slot)
    this.#nodes.grew(memoryOf(parent) - before)
  }
}
