/**
 * Stored nodes in memory, by where they are stored, within a budget.
 *
 * What was not asked for since the hand passed it last goes first (the clock algorithm): a scan over cold leaves leaves the
 * inner nodes and the hot leaves where they are. What was asked for in several rounds of the hand stays for as many without, so that leaves
 * that all searches share are not pushed out by those that each has for itself. A node that goes is forgotten here alone: whoever holds it
 * goes on with it.
 *
 * A table of so many nodes lies in no cache of the processor, so inner nodes that are here note which of their children are too.
 */
import { HELD, memoryOf, NO_CHILDREN, type Node, NOT_CACHED, positionAt } from './node.js'
import { NodeTable } from './node-table.js'

/** Gaps that are left as they are. */
const FEW_GAPS = 64

/** Most rounds of the hand that a node stays without being asked for. */
const MOST_ROUNDS = 2

export class NodeCache {
  /** Memory of the nodes here, as `memoryOf` counts it. */
  bytes = 0
  evictions = 0
  readonly #nodes = new NodeTable()
  /** In the order in which the hand passes them, with gaps where nodes went. */
  #ring: (Node | undefined)[] = []
  /** The gaps, the newest last: the next node comes in where one went, just behind the hand, which passes it last. */
  #gaps: number[] = []
  #held: Node[] = []
  #hand = 0
  /** What came in last. Whoever had it read asks for it again at once, which says nothing of later searches. */
  #newest: Node | undefined
  readonly #evicted: (node: Node) => void

  /** `evicted` is told of each node that made room for others. */
  constructor(evicted: (node: Node) => void = () => undefined) {
    this.#evicted = evicted
  }

  get count(): number {
    return this.#ring.length - this.#gaps.length
  }

  get(position: number): Node | undefined {
    const node = this.#nodes.get(position)
    if (node !== undefined) this.touch(node)
    return node
  }

  /** A node that is here was asked for. */
  touch(node: Node): void {
    if (node !== this.#newest) node.recent = true
  }

  /** Child `slot` of `parent`, which is stored. */
  childOf(parent: Node, slot: number): Node | undefined {
    const near = parent.near[slot]
    if (near !== undefined) {
      this.touch(near)
      return near
    }
    const node = this.get(positionAt(parent, slot))
    // Only a parent that is here tells its children when it goes, and nobody edits it.
    if (node !== undefined && parent.cachedAt >= 0 && node.cachedAt >= 0) note(parent, slot, node)
    return node
  }

  /** Adds a node that is stored and not here, or is here already. */
  add(node: Node): void {
    if (this.#nodes.get(node.position) !== undefined) return
    this.#nodes.set(node.position, node)
    this.#place(node)
  }

  /** Adds the leaf that a partial one is of, for as long as that is in memory and nobody changes it. */
  accompany(part: Node, whole: Node): void {
    part.whole = whole
    whole.partOf = part
    this.#place(whole)
  }

  /** Returns its memory, which is counted from now on. */
  #place(node: Node): number {
    node.cachedAt = this.#gaps.pop() ?? this.#ring.length
    this.#ring[node.cachedAt] = node
    this.#newest = node
    const bytes = memoryOf(node)
    this.bytes += bytes
    return bytes
  }

  /** Adds a node that is stored now, and that its parents hold for a while: it counts as theirs until `settle`. */
  hold(node: Node): void {
    if (this.#nodes.get(node.position) !== undefined) return
    this.#nodes.set(node.position, node)
    node.cachedAt = HELD
    this.#held.push(node)
  }

  /** From now on so many of the nodes that were held are as any others. Returns the memory of these. */
  settle(most: number = this.#held.length): number {
    let bytes = 0
    for (const node of this.#held.splice(-most, most)) {
      if (node.cachedAt === HELD) bytes += this.#place(node)
    }
    return bytes
  }

  /** How many nodes are held. */
  get held(): number {
    return this.#held.length
  }

  /** Evicts until at most `limitBytes` are taken. */
  trim(limitBytes: number): void {
    while (this.bytes > limitBytes && this.count > 0) {
      if (this.#hand >= this.#ring.length) this.#hand = 0
      const node = this.#ring[this.#hand++]
      if (node === undefined) continue
      if (node.recent) {
        node.recent = false
        if (node.rounds < MOST_ROUNDS) node.rounds++
      } else if (node.rounds > 0) node.rounds--
      else {
        this.#remove(node)
        this.evictions++
        this.#evicted(node)
      }
    }
    if (this.#gaps.length > FEW_GAPS && this.#gaps.length * 2 > this.#ring.length) this.#closeGaps()
  }

  /** In the same order, from where the hand is: what it skips never costs more than what it looks at. */
  #closeGaps(): void {
    const ring = [...this.#ring.slice(this.#hand), ...this.#ring.slice(0, this.#hand)]
    const nodes = ring.filter((node) => node !== undefined)
    for (const [at, node] of nodes.entries()) node.cachedAt = at
    this.#ring = nodes
    this.#gaps = []
    this.#hand = 0
  }

  /** Forgets all nodes, and does not say so: what a node notes of its place here is looked up before it is believed. */
  clear(): void {
    // Whoever still holds an inner node is not to hold all that is below it.
    for (const node of this.#ring) {
      if (node === undefined) continue
      node.near = NO_CHILDREN
      node.notedBy = undefined
      leavePart(node)
    }
    this.#nodes.clear()
    this.#ring = []
    this.#gaps = []
    this.#held = []
    this.#hand = 0
    this.#newest = undefined
    this.bytes = 0
  }

  /** Forgets a node that the newest state of its tree does not have any more. */
  forget(node: Node): void {
    if (node.whole !== undefined) this.#remove(node.whole)
    if (node.cachedAt >= 0 && this.#ring[node.cachedAt] === node) this.#remove(node)
    else if (node.cachedAt === HELD && this.#nodes.get(node.position) === node) {
      this.#nodes.delete(node.position)
      node.cachedAt = NOT_CACHED
    }
  }

  #remove(node: Node): void {
    this.#ring[node.cachedAt] = undefined
    this.#gaps.push(node.cachedAt)
    node.cachedAt = NOT_CACHED
    if (!leavePart(node)) this.#nodes.delete(node.position)
    if (node.whole !== undefined) this.#remove(node.whole)
    this.bytes -= memoryOf(node)
    forgetNote(node)
    forgetNotesOf(node)
  }
}

/** Of a leaf that is in memory beside a partial one: is that one's no more. False of every other node. */
function leavePart(whole: Node): boolean {
  const { partOf } = whole
  if (partOf === undefined) return false
  partOf.whole = undefined
  whole.partOf = undefined
  return true
}

function note(parent: Node, slot: number, child: Node): void {
  forgetNote(child)
  if (parent.near === NO_CHILDREN) parent.near = Array.from({ length: parent.count })
  const other = parent.near[slot]
  if (other !== undefined) other.notedBy = undefined
  parent.near[slot] = child
  child.notedBy = parent
  child.notedAt = slot
}

function forgetNote(child: Node): void {
  if (child.notedBy !== undefined) child.notedBy.near[child.notedAt] = undefined
  child.notedBy = undefined
}

function forgetNotesOf(parent: Node): void {
  for (const child of parent.near) if (child !== undefined) child.notedBy = undefined
  parent.near = NO_CHILDREN
}
