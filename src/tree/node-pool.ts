/**
 * Memory of nodes that nobody can reach any more, used again.
 *
 * Commits copy the leaves that they change. Left to the garbage collector, the old ones pile up to as much memory as the whole
 * budget before it comes round, because their buffers are not part of its heap. Most of them are known to be out of
 * reach at once: a node that an editor made is held by trees and by the cache, and a tree is held by the state that readers
 * see, unless somebody captured it: a range, a snapshot, a checkpoint. So are nodes that leave the cache, if no node above
 * them holds them: where rows come in no order, each leaf that is changed pushes one out.
 *
 * The rule (I21): a node's memory is used again only if an editor made it, the commit that replaced it is visible, or the cache
 * let go of it and nothing else holds it, no checkpoint runs, and nobody has captured any tree since before the node was made.
 * A tree that is captured before it has nodes counts as captured when it gets them.
 * Whoever keeps a tree, or a node, beyond one synchronous operation calls `Tree.capture` first.
 *
 * What was read and nobody edits has a rule of its own, as whoever captured a tree before may have such a node now: it is used
 * again once the cache let go of it, if it was only ever passed on the way of searches, and the next search begins. What does not fit
 * the rules is left to the garbage collector.
 *
 * Such a node is used again as it is, object, view and all: it has lived long enough for the collector to take it for old, and of what is old
 * it lets several times as much pile up as is in use. Of others the memory alone is: lists of what was replaced may still name them.
 */

import { FREE, NO_CHILDREN, type Node, NOT_CACHED } from './node.js'
import { NODE_BYTES } from './weight.js'

/** Buffers come in steps of this size, so that one fits where another was. */
const STEP_WORDS = 32
/** Most memory kept for later. */
const MAX_FREE_BYTES = 4 * 1024 * 1024
/** Most nodes that wait for the next search. */
const MAX_PASSED = 256
/** Most nodes that are looked at for one to take. */
const MOST_TRIES = 8
const WORD_BYTES = 4

/** What a node that went out of reach is left with: whoever reads it all the same finds nothing. */
const NOTHING = new Uint32Array(0)

export class NodePool {
  /** How often somebody captured a tree. */
  captures = 0
  /** What goes out of reach while a checkpoint runs. */
  #waiting: Node[] | undefined
  /** What waited for one that has ended, and is to be looked at. */
  #late: Node[] = []
  /** What left the cache, and may be in use until the operation at hand ends. */
  #evicted: Node[] = []
  #evictedBytes = 0
  /** What left the cache and was only ever passed. */
  #passed: Node[] = []
  readonly #forget: (node: Node) => void
  /** By the number of steps that they are long. */
  readonly #free: Uint32Array[][] = []
  /** Nodes that nobody edits, by the same number of their memory. */
  readonly #nodes: Node[][] = []
  #freeBytes = 0

  /** `forget` is told of each node before its memory goes: it may be stored, and known by its place. */
  constructor(forget: (node: Node) => void) {
    this.#forget = forget
  }

  /** Memory of at least so many words; its content is whatever was there. */
  take(words: number): Uint32Array {
    const steps = Math.ceil(words / STEP_WORDS)
    const taken = this.#free[steps]?.pop() ?? this.#wordsOfNode(steps)
    if (taken === undefined) return new Uint32Array(steps * STEP_WORDS)
    this.#freeBytes -= taken.length * WORD_BYTES
    return taken
  }

  #wordsOfNode(steps: number): Uint32Array | undefined {
    const node = this.#nodes[steps]?.pop()
    if (node === undefined) return undefined
    const { words } = node
    node.words = NOTHING
    return words
  }

  /** A node of the same size that nobody edits, without entries; undefined if there is none. */
  takeNode(height: number, columns: number, capacity: number, words: number): Node | undefined {
    const nodes = this.#nodes[Math.ceil(words / STEP_WORDS)]
    const last = nodes?.pop()
    if (nodes === undefined || last === undefined) return undefined
    const columnWords = columns * capacity
    // One whose keys begin in the same place keeps its view of them.
    let at = nodes.length - 1
    let node = last
    for (let tries = 0; tries < MOST_TRIES && at >= 0 && columnWordsOf(node) !== columnWords; tries++)
      node = nodes[at--] as Node
    if (node !== last) nodes[at + 1] = last
    this.#freeBytes -= node.words.length * WORD_BYTES
    node.restart(height, columns, capacity)
    return node
  }

  /** Memory that nobody else ever saw. */
  giveBack(words: Uint32Array): void {
    if (this.#hasRoomFor(words)) addTo(this.#free, words.length / STEP_WORDS, words)
  }

  /** A node that nobody edits, and nobody else ever saw. */
  giveBackNode(node: Node): void {
    if (!this.#hasRoomFor(node.words)) return
    node.cachedAt = FREE
    node.base = undefined
    addTo(this.#nodes, node.words.length / STEP_WORDS, node)
  }

  /** Whether so much more may be kept, which counts from now on. */
  #hasRoomFor({ length }: Uint32Array): boolean {
    if (length % STEP_WORDS !== 0 || this.#freeBytes + length * WORD_BYTES > MAX_FREE_BYTES) return false
    this.#freeBytes += length * WORD_BYTES
    return true
  }

  /** The commits that replaced these nodes are visible. */
  retire(nodes: readonly Node[]): void {
    if (this.#waiting !== undefined) {
      for (const node of nodes) this.#waiting.push(node)
      return
    }
    this.#reuseWanted(nodes)
  }

  #reuseWanted(nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (node.owner.bornAt !== this.captures) continue
      // Many leaves wait for the end of a checkpoint: no more of them are looked at than there is use for.
      const isWanted = node.height > 0 || this.#freeBytes + NODE_BYTES <= MAX_FREE_BYTES
      if (isWanted) this.#reuse(node)
    }
  }

  /** A node left the cache. */
  evicted(node: Node): void {
    if (!node.owner.edits) {
      if (!node.lent && this.#passed.length < MAX_PASSED) this.#passed.push(node)
      return
    }
    if (node.owner.bornAt !== this.captures || this.#evictedBytes > MAX_FREE_BYTES) return
    this.#evicted.push(node)
    this.#evictedBytes += node.words.length * WORD_BYTES
  }

  /** To be called between operations: what left the cache is out of reach, unless something holds it after all. */
  reclaim(): void {
    if (this.#waiting !== undefined || this.#evicted.length === 0) return
    const evicted = this.#evicted
    this.#evicted = []
    this.#evictedBytes = 0
    for (const node of evicted) {
      const isFree = node.holders === 0 && node.cachedAt === NOT_CACHED && node.owner.bornAt === this.captures
      if (isFree) this.#reuse(node)
    }
  }

  /** Nobody is in the middle of a search. */
  reusePassed(): void {
    for (let node = this.#passed.pop(); node !== undefined; node = this.#passed.pop()) {
      if (node.holders === 0 && !node.lent) this.#reuse(node)
    }
  }

  #reuse(node: Node): void {
    const { words, children } = node
    // It may have been replaced by the operation during which it left the cache, or have left that twice.
    if (words === NOTHING || node.cachedAt === FREE) return
    this.#forget(node)
    node.children = NO_CHILDREN
    for (const child of children) if (child !== undefined) child.holders--
    if (!node.owner.edits) return this.giveBackNode(node)
    node.words = NOTHING
    this.giveBack(words)
  }

  /** A checkpoint begins: it holds all nodes there are. */
  pause(): void {
    this.#waiting ??= []
  }

  /** It has ended. `reuseSome` looks at what waited. */
  resume(): void {
    if (this.#waiting === undefined) return
    this.#late = this.#late.concat(this.#waiting)
    this.#waiting = undefined
  }

  /** Uses the memory of some of what waited, which no checkpoint since has captured either; whether there is more. */
  reuseSome(most: number): boolean {
    this.#reuseWanted(this.#late.splice(-most))
    return this.#late.length > 0
  }
}

function columnWordsOf({ columns, capacity }: Node): number {
  return columns * capacity
}

function addTo<T>(lists: T[][], at: number, item: T): void {
  for (let missing = lists.length; missing <= at; missing++) lists.push([])
  lists[at]?.push(item)
}
