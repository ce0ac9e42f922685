/**
 * Nodes by where they are stored.
 *
 * A `Map` of so many that come and go makes garbage of its own: a number of the heap for each place beyond two GiB, and a new table whenever it filled
 * up with what was deleted. Here a place is a number in an array, and lies near where its hash says: what is behind a gap that a deletion leaves moves up.
 */
import type { Node } from './node.js'

const FIRST_SLOTS = 64
/** A prime near 2³² divided by the golden ratio: spreads places that lie near one another. */
const SPREAD = 0x9e37_79b1
const TWO_32 = 4_294_967_296

export class NodeTable {
  #positions: Float64Array = new Float64Array(FIRST_SLOTS)
  /** Undefined where there is none: then the position there means nothing. */
  #nodes: (Node | undefined)[] = emptySlots(FIRST_SLOTS)
  #count = 0

  get(position: number): Node | undefined {
    return this.#nodes[this.#slotOf(position)]
  }

  /** Puts a node in the place of the one that is there, if there is one. */
  set(position: number, node: Node): void {
    const slot = this.#slotOf(position)
    if (this.#nodes[slot] === undefined) this.#count++
    this.#nodes[slot] = node
    this.#positions[slot] = position
    // Ways get long when more than two thirds are taken.
    if (this.#count * 3 > this.#nodes.length * 2) this.#grow()
  }

  delete(position: number): void {
    let gap = this.#slotOf(position)
    if (this.#nodes[gap] === undefined) return
    this.#count--
    const mask = this.#nodes.length - 1
    for (let slot = (gap + 1) & mask; this.#nodes[slot] !== undefined; slot = (slot + 1) & mask) {
      const other = this.#positions[slot] as number
      // It is found at the gap only if its way from where it belongs leads over that.
      if (((slot - hashOf(other)) & mask) < ((slot - gap) & mask)) continue
      this.#nodes[gap] = this.#nodes[slot]
      this.#positions[gap] = other
      gap = slot
    }
    this.#nodes[gap] = undefined
  }

  clear(): void {
    this.#positions = new Float64Array(FIRST_SLOTS)
    this.#nodes = emptySlots(FIRST_SLOTS)
    this.#count = 0
  }

  /** Where the node of a position is, or would be. */
  #slotOf(position: number): number {
    const mask = this.#nodes.length - 1
    let slot = hashOf(position) & mask
    while (this.#nodes[slot] !== undefined && this.#positions[slot] !== position) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const nodes = this.#nodes
    const positions = this.#positions
    this.#positions = new Float64Array(2 * nodes.length)
    this.#nodes = emptySlots(2 * nodes.length)
    for (const [at, node] of nodes.entries()) {
      if (node === undefined) continue
      const position = positions[at] as number
      const slot = this.#slotOf(position)
      this.#nodes[slot] = node
      this.#positions[slot] = position
    }
  }
}

function emptySlots(length: number): (Node | undefined)[] {
  return Array.from({ length })
}

function hashOf(position: number): number {
  const hash = Math.imul((position | 0) ^ (position / TWO_32), SPREAD)
  return hash ^ (hash >>> 15)
}
