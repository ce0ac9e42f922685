/**
 * The way from a root to the leaf that was changed last: the next key often belongs there too.
 */
import { isPartial, type Node } from './node.js'
import { childAt, type NodeSource } from './node-source.js'
import { childSlot, search } from './search.js'

/** What no search returns: the key need not belong into the leaf. */
export const NOT_THERE: number = Number.MIN_SAFE_INTEGER

export class Way {
  /** The inner nodes, from the root on, and the slots that the way takes. */
  readonly nodes: Node[] = []
  readonly slots: number[] = []
  /** How many inner nodes there are. */
  depth = 0
  #leaf: Node | undefined
  /** The key that was looked for last, and what `search` said of it in the leaf; undefined once the leaf may have changed. */
  #key: Uint8Array | undefined
  #found = 0
  /** Whether there is no leaf behind it. */
  #isLast = false
  /** Whether whoever looked for it may change the nodes on it. */
  #owned = false

  get leaf(): Node {
    if (this.#leaf === undefined) throw new TypeError('A way that leads nowhere.')
    return this.#leaf
  }

  forget(): void {
    this.#leaf = undefined
    this.#key = undefined
  }

  /** The leaf is about to change. */
  changed(): void {
    this.#key = undefined
  }

  /** Notes what was found for a key, by identity, until something changes. */
  note(key: Uint8Array, found: number): void {
    this.#key = key
    this.#found = found
  }

  get owned(): boolean {
    return this.#owned
  }

  /** Leads to the leaf where `key` belongs, which nobody owns, and returns it. */
  to(source: NodeSource, root: Node, key: Uint8Array): Node {
    this.forget()
    let node = root
    let depth = 0
    for (; node.height > 0; depth++) {
      const slot = childSlot(node, key)
      this.nodes[depth] = node
      this.slots[depth] = slot
      node = childAt(source, node, slot)
    }
    this.arrive(node, depth, false)
    return node
  }

  arrive(leaf: Node, depth: number, owned: boolean): void {
    this.#leaf = leaf
    this.#owned = owned
    this.depth = depth
    this.#isLast = true
    for (let level = 0; level < depth; level++) {
      const node = this.nodes[level]
      if (node !== undefined && this.slots[level] !== node.count - 1) this.#isLast = false
    }
  }

  /** What `search` says of `key` in the leaf, or {@link NOT_THERE} unless the leaf's own keys show that it belongs there. */
  find(key: Uint8Array): number {
    const leaf = this.#leaf
    // A partial leaf that somebody read since is not changed in place.
    if (key === this.#key && leaf?.whole === undefined) return this.#found
    // A leaf that nobody owns may be gone by the next operation: it was found for this very key alone. A partial one does not know its keys.
    if (leaf === undefined || !this.#owned || isPartial(leaf)) return NOT_THERE
    const found = search(leaf, key, 0)
    if (found >= 0) return found
    const at = ~found
    if (at === leaf.count) return this.#isLast ? found : NOT_THERE
    return at === 0 ? NOT_THERE : found
  }
}
