/**
 * Nodes that nobody can reach any more, used again.
 *
 * Commits copy the leaves that they change. Left to the garbage collector, the old ones pile up to as much memory as the whole
 * budget before it comes round, because their buffers are not part of its heap. Most of them are known to be out of
 * reach at once: a node that an editor made is held by trees and by the cache, and a tree is held by the state that readers
 * see, unless somebody captured it: a range, a snapshot, a checkpoint. So are nodes that leave the cache, if no node above
 * them holds them: where rows come in no order, each leaf that is changed pushes one out.
 *
 * The rule (I21): a node is used again only if an editor made it, the commit that replaced it is visible, or the cache
 * let go of it and nothing else holds it, no checkpoint runs, and nobody has captured any tree since before the node was made.
 * A tree that is captured before it has nodes counts as captured when it gets them.
 * Whoever keeps a tree, or a node, beyond one synchronous operation calls `Tree.capture` first.
 *
 * What was read and nobody edits has a rule of its own, as whoever captured a tree before may have such a node now: it is used
 * again once the cache let go of it, if it was only ever passed on the way of searches, and the next search begins. What does not fit
 * the rules is left to the garbage collector.
 *
 * A node is used again as it is, object, view and all: it has lived long enough for the collector to take it for old, and of what is old
 * it lets several times as much pile up as is in use. A list may name a node twice, or go on naming one that was used again, so what is
 * done with a node that a list names goes by what the node says of itself (`cachedAt`), never by the list.
 */

import { CollectorHint } from './collector-hint.js'
import {
  EVICTED,
  FREE,
  NO_CHILDREN,
  type Node,
  NOT_CACHED,
  type Owner,
  REPLACED,
  WORD_BYTES,
} from './node.js'

/** Memory comes in steps of this size, so that a node fits where another was. */
const STEP_WORDS = 32
/** Most memory kept for later. */
const MAX_FREE_BYTES = 4 * 1024 * 1024
/** Most nodes that wait for the next search. */
const MAX_PASSED = 256
/** Most nodes that are looked at for one to take. */
const MOST_TRIES = 8

/** Nodes whose memory has one size. */
interface Size {
  readonly nodes: Node[]
  /** When one was asked for last, counted in nodes asked for. */
  wantedAt: number
}

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
  /** By the number of steps that their memory is long. */
  readonly #sizes: Size[] = []
  #freeBytes = 0
  readonly #hint = new CollectorHint()
  #wanted = 0

  /** `forget` is told of each node before it is used again: it may be stored, and known by its place. */
  constructor(forget: (node: Node) => void) {
    this.#forget = forget
  }

  /** A node for `owner` with memory of at least so many words, without entries; undefined if there is none. What is in its memory is whatever was there. */
  take(owner: Owner, height: number, columns: number, capacity: number, words: number): Node | undefined {
    const size = this.#sizeOf(Math.ceil(words / STEP_WORDS))
    size.wantedAt = ++this.#wanted
    const { nodes } = size
    const last = nodes.pop()
    if (last === undefined) return undefined
    const columnWords = columns * capacity
    // One whose keys begin in the same place keeps its view of them.
    let at = nodes.length - 1
    let node = last
    for (let tries = 0; tries < MOST_TRIES && at >= 0 && columnWordsOf(node) !== columnWords; tries++)
      node = nodes[at--] as Node
    if (node !== last) nodes[at + 1] = last
    const bytes = node.words.length * WORD_BYTES
    this.#freeBytes -= bytes
    if (owner.edits) this.#hint.usedAgain(bytes)
    node.restart(owner, height, columns, capacity)
    return node
  }

  /** A node that nobody else ever saw, or that is out of reach. */
  giveBack(node: Node): void {
    const { length } = node.words
    if (length === 0 || length % STEP_WORDS !== 0) return
    const size = this.#sizeOf(length / STEP_WORDS)
    if (!this.#makeRoom(size, length)) return
    node.cachedAt = FREE
    node.base = undefined
    node.notes = undefined
    node.children = NO_CHILDREN
    size.nodes.push(node)
  }

  #sizeOf(steps: number): Size {
    for (let missing = this.#sizes.length; missing <= steps; missing++)
      this.#sizes.push({ nodes: [], wantedAt: 0 })
    return this.#sizes[steps] as Size
  }

  /**
   * Whether a node of `size` may be kept, whose memory counts from now on. For it go nodes of sizes that nobody asked for since somebody asked for
   * this one: those that a checkpoint leaves over are not what commits need, and would take all of the room.
   */
  #makeRoom(size: Size, words: number): boolean {
    while (this.#freeBytes + words * WORD_BYTES > MAX_FREE_BYTES) {
      const dropped = this.#leastWanted(size)?.nodes.pop()
      if (dropped === undefined) return false
      this.#freeBytes -= dropped.words.length * WORD_BYTES
    }
    this.#freeBytes += words * WORD_BYTES
    return true
  }

  /** Of the sizes that there are nodes of, the one that was asked for longest ago, if that is longer than for `size`. */
  #leastWanted(size: Size): Size | undefined {
    let least: Size | undefined
    for (const other of this.#sizes)
      if (other.nodes.length > 0 && other.wantedAt < (least ?? size).wantedAt) least = other
    return least
  }

  /** The commits that replaced these nodes are visible. */
  retire(nodes: readonly Node[]): void {
    if (this.#waiting !== undefined) {
      for (const node of nodes) this.#waiting.push(node)
      return
    }
    this.#reuseAll(nodes)
  }

  #reuseAll(nodes: readonly Node[]): void {
    for (const node of nodes) if (this.#isReplaced(node)) this.#reuse(node)
  }

  /** Of a node that a list of replaced ones names: whether it still is, and nobody captured it. */
  #isReplaced({ cachedAt, owner }: Node): boolean {
    return cachedAt === REPLACED && owner.bornAt === this.captures
  }

  /** A node left the cache. */
  evicted(node: Node): void {
    if (!node.owner.edits) {
      if (!node.lent && this.#passed.length < MAX_PASSED) this.#passed.push(node)
      return
    }
    if (node.owner.bornAt !== this.captures || this.#evictedBytes > MAX_FREE_BYTES) return
    node.cachedAt = EVICTED
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
      if (node.cachedAt !== EVICTED) continue
      node.cachedAt = NOT_CACHED
      if (node.holders === 0 && node.owner.bornAt === this.captures) this.#reuse(node)
    }
  }

  /** Nobody is in the middle of a search. */
  reusePassed(): void {
    for (let node = this.#passed.pop(); node !== undefined; node = this.#passed.pop()) {
      if (node.holders === 0 && !node.lent) this.#reuse(node)
    }
  }

  #reuse(node: Node): void {
    if (node.cachedAt === FREE) return
    this.#forget(node)
    letGoOfChildren(node)
    this.giveBack(node)
  }

  /** A checkpoint begins: it holds all nodes there are. */
  pause(): void {
    this.#waiting ??= []
  }

  /** It has ended. `reuseSome` looks at what waited, which lets go of all its children before the first of them is used again, and becomes another node. */
  resume(): void {
    for (const node of this.#waiting ?? []) {
      if (!this.#isReplaced(node)) continue
      letGoOfChildren(node)
      this.#late.push(node)
    }
    this.#waiting = undefined
  }

  /** Uses some of what waited, which no checkpoint since has captured either; whether there is more. */
  reuseSome(most: number): boolean {
    this.#reuseAll(this.#late.splice(-most))
    return this.#late.length > 0
  }
}

/** How many words memory has that is to be given back, where so many are needed. */
export function pooledLength(words: number): number {
  return Math.ceil(words / STEP_WORDS) * STEP_WORDS
}

function letGoOfChildren(node: Node): void {
  const { children } = node
  node.children = NO_CHILDREN
  for (const child of children) if (child !== undefined) child.holders--
}

function columnWordsOf({ columns, capacity }: Node): number {
  return columns * capacity
}
