/**
 * Puts many keys, in order, into the nodes below an owned one: each leaf that they lie in is found, read and rearranged once.
 */
import { insertEntries } from './entries.js'
import type { GatheredPuts } from './gathered-puts.js'
import {
  endOf,
  isOver,
  memoryOf,
  type Node,
  readRef,
  setCountAt,
  startOf,
  subtreeCount,
  writeRef,
} from './node.js'
import { RecordRef } from './record-ref.js'
import { childSlot, search } from './search.js'

/** What an editor does for a merge. */
export interface MergingEditor {
  /** The child, for the editor to change, with room for so many entries more. */
  ownChild(parent: Node, slot: number, entries: number): Node
  /** Splits a child that outgrew its limit. */
  fitChild(parent: Node, slot: number): void
  /** The children at these slots are going to be owned. */
  readAhead(parent: Node, slots: readonly number[]): void
  grew(bytes: number): void
}

export class Merge {
  /** How many keys were not there. */
  added = 0
  readonly #puts: GatheredPuts
  readonly #editor: MergingEditor
  readonly #replaced: (at: number, reference: RecordRef) => void
  readonly #reference = new RecordRef()
  // Of the leaf at hand: before which entries keys go in, which keys, and their numbers.
  readonly #ats: number[] = []
  readonly #keys: Uint8Array[] = []
  readonly #numbers: number[] = []

  /** `replaced` is told of each key that was there, and of what it referred to. */
  constructor(
    puts: GatheredPuts,
    editor: MergingEditor,
    replaced: (at: number, reference: RecordRef) => void,
  ) {
    this.#puts = puts
    this.#editor = editor
    this.#replaced = replaced
  }

  /** Puts the keys `[from, to)`, all of which belong below `node`. It may outgrow its limit by them. */
  below(node: Node, from: number, to: number): void {
    if (node.height === 0) return this.#leaf(node, from, to)
    if (node.height === 1) return this.#leaves(node, from, to)
    for (let at = from; at < to;) {
      const slot = childSlot(node, this.#puts.keyOf(at))
      const end = this.#endOfChild(node, slot, at, to)
      const child = this.#editor.ownChild(node, slot, 0)
      this.below(child, at, end)
      this.#fit(node, slot, child)
      at = end
    }
  }

  /** The same of a node above leaves, those of which that have to be read are read together. */
  #leaves(node: Node, from: number, to: number): void {
    const slots: number[] = []
    const ends: number[] = []
    for (let at = from; at < to;) {
      const slot = childSlot(node, this.#puts.keyOf(at))
      at = this.#endOfChild(node, slot, at, to)
      slots.push(slot)
      ends.push(at)
    }
    if (slots.length > 1) this.#editor.readAhead(node, slots)
    const { count } = node
    let at = from
    for (const [i, wanted] of slots.entries()) {
      const end = ends[i] ?? to
      // Leaves before it may have been split.
      const slot = wanted + node.count - count
      const leaf = this.#editor.ownChild(node, slot, end - at)
      this.#leaf(leaf, at, end)
      this.#fit(node, slot, leaf)
      at = end
    }
  }

  #fit(parent: Node, slot: number, child: Node): void {
    setCountAt(parent, slot, subtreeCount(child))
    if (isOver(child)) this.#editor.fitChild(parent, slot)
  }

  /** Where in `[from, to)` the keys below child `slot` end. */
  #endOfChild(node: Node, slot: number, from: number, to: number): number {
    if (slot + 1 === node.count) return to
    let low = from + 1
    // Few belong to one leaf, many to what is above.
    let high = low
    for (let step = 1; high < to && this.#isBefore(high, node, slot + 1); step *= 2) {
      low = high + 1
      high = Math.min(to, low + step)
    }
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#isBefore(middle, node, slot + 1)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Whether a key sorts before an entry of a node. */
  #isBefore(at: number, node: Node, entry: number): boolean {
    return this.#puts.compareTo(at, node.keys, node.prefixBytes, startOf(node, entry), endOf(node, entry)) < 0
  }

  #leaf(leaf: Node, from: number, to: number): void {
    const before = memoryOf(leaf)
    const puts = this.#puts
    const ats = this.#ats
    const keys = this.#keys
    const numbers = this.#numbers
    let added = 0
    let low = 0
    for (let at = from; at < to; at++) {
      const key = puts.keyOf(at)
      const found = search(leaf, key, low)
      if (found >= 0) {
        readRef(leaf, found, this.#reference)
        this.#replaced(at, this.#reference)
        writeRef(leaf, found, puts.positionOf(at), puts.lengthOf(at), puts.crcOf(at))
        low = found + 1
      } else {
        low = ~found
        ats[added] = low
        keys[added] = key
        numbers[added++] = at
      }
    }
    if (added === 0) return
    insertEntries(leaf, ats, keys, added)
    for (let i = 0; i < added; i++) {
      const at = numbers[i] ?? 0
      writeRef(leaf, (ats[i] ?? 0) + i, puts.positionOf(at), puts.lengthOf(at), puts.crcOf(at))
    }
    this.#editor.grew(memoryOf(leaf) - before)
    this.added += added
  }
}
