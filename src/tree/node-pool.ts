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
 * Whoever keeps a tree, or a node, beyond one synchronous operation calls `Tree.capture` first.
 *
 * What was read and nobody edits has a rule of its own, as whoever captured a tree before may have such a node now: its memory is used
 * again once the cache let go of it, if it was only ever passed on the way of searches, and the next search begins. What does not fit
 * the rules is left to the garbage collector.
 */

import { NO_CHILDREN, type Node, NODE_BYTES, NOT_CACHED } from './node.js'

/** Buffers come in steps of this size, so that one fits where another was. */
const STEP_WORDS = 32
/** Most memory kept for later. */
const MAX_FREE_BYTES = 4 * 1024 * 1024
/** Most nodes that wait for the next search. */
const MAX_PASSED = 256
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
  #freeBytes = 0

  /** `forget` is told of each node before its memory goes: it may be stored, and known by its place. */
  constructor(forget: (node: Node) => void) {
    this.#forget = forget
  }

  /** Memory of at least so many words; its content is whatever was there. */
  take(words: number): Uint32Array {
    const steps = Math.ceil(words / STEP_WORDS)
    const taken = this.#free[steps]?.pop()
    if (taken === undefined) return new Uint32Array(steps * STEP_WORDS)
    this.#freeBytes -= taken.length * WORD_BYTES
    return taken
  }

  /** Memory that nobody else ever saw. */
  giveBack(words: Uint32Array): void {
    const { length } = words
    if (length % STEP_WORDS !== 0 || this.#freeBytes + length * WORD_BYTES > MAX_FREE_BYTES) return
    const steps = length / STEP_WORDS
    for (let missing = this.#free.length; missing <= steps; missing++) this.#free.push([])
    this.#free[steps]?.push(words)
    this.#freeBytes += length * WORD_BYTES
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
    // It may have been replaced by the operation during which it left the cache.
    if (words === NOTHING) return
    this.#forget(node)
    node.words = NOTHING
    node.children = NO_CHILDREN
    for (const child of children) if (child !== undefined) child.holders--
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
