/**
 * The nodes that an editor owns, and may edit in place: how they come about, and what memory they take.
 *
 * A leaf that is not in memory may be owned as a partial one: what is added to it is kept beside where the leaf is stored, and the leaf is read
 * when somebody needs it, or when so much was added that it is better stored as a whole.
 */
import { copyNode } from './entries.js'
import { isPartial, memoryOf, type Node, Owner, setChild, unstoredMemoryOf } from './node.js'
import { ifReadable, type NodeSource, readableChild } from './node-source.js'
import type { Tree } from './tree.js'

/** What a leaf that is owned is needed for: any change of it as a `whole`, or additions alone, for which a `part` does. */
export type OwnedLeaf = 'whole' | 'part'

export class OwnedNodes {
  source: NodeSource
  owner: Owner
  /** As a tree's. */
  readonly leafColumns: number
  /** As a tree's. */
  madeBytes: number
  /** Nodes that are in no tree from now on, since the last time somebody took the list. */
  retired: Node[] = []
  /** While changes are taken back, no leaf is read that a partial one can do without. */
  takesBack = false

  constructor(source: NodeSource, { madeBytes, leafColumns }: Tree) {
    this.source = source
    this.owner = new Owner(source.pool)
    this.madeBytes = madeBytes
    this.leafColumns = leafColumns
  }

  /** From now on all nodes that there are belong to somebody else. */
  disown(): void {
    this.owner = new Owner(this.source.pool)
  }

  /** The nodes of another tree from now on, none of which is owned. */
  restart(source: NodeSource, madeBytes: number): void {
    this.source = source
    this.madeBytes = madeBytes
    // The tree may hold what was replaced since.
    this.retired = []
  }

  takeRetired(): readonly Node[] {
    const { retired } = this
    this.retired = []
    return retired
  }

  grew(bytes: number): void {
    this.madeBytes += bytes
    this.source.grew(bytes)
  }

  /** Counts a node that was made, in the place of so many bytes. */
  made(node: Node, insteadOf = 0): void {
    const bytes = memoryOf(node)
    this.source.made(bytes)
    this.grew(bytes - insteadOf)
  }

  retire(node: Node): void {
    this.source.replaced(node)
    if (node.owner.bornAt === this.owner.bornAt) this.retired.push(node)
  }

  copy(node: Node): Node {
    const copy = copyNode(this.owner, node)
    this.made(copy, unstoredMemoryOf(node))
    this.retire(node)
    return copy
  }

  /** A child of an owned node, owned. A leaf of which only a part is needed may be a partial one. */
  child(parent: Node, slot: number, as: OwnedLeaf = 'whole'): Node {
    const present = parent.children[slot]
    if (present === undefined) return this.#read(parent, slot, as)
    if (isPartial(present) && this.#mustComplete(present, as)) return this.complete(parent, slot)
    return this.#own(parent, slot, present)
  }

  /** A child that is not in memory, read and put into its slot, owned. */
  #read(parent: Node, slot: number, as: OwnedLeaf): Node {
    const { source, owner, leafColumns } = this
    const isWhole = as === 'whole' || parent.height > 1
    const child = isWhole ? source.load(parent, slot, owner) : source.part(parent, slot, owner, leafColumns)
    if (child.owner !== owner) return this.#own(parent, slot, child)
    this.made(child)
    setChild(parent, slot, child)
    return child
  }

  #own(parent: Node, slot: number, child: Node): Node {
    if (child.owner === this.owner && child.whole === undefined) return child
    const copy = this.copy(child)
    setChild(parent, slot, copy)
    return copy
  }

  /** Whether a partial leaf is not to be had as such. If its leaf is in memory, that is the better one, unless nothing may be read. */
  #mustComplete({ whole }: Node, as: OwnedLeaf): boolean {
    return as === 'whole' || (whole !== undefined && !this.takesBack)
  }

  /** Puts the leaf, owned, in the place of a partial one. */
  complete(parent: Node, slot: number): Node {
    const part = parent.children[slot] as Node
    const read = this.source.load(parent, slot, this.owner)
    const leaf = read.owner === this.owner ? read : copyNode(this.owner, read)
    this.made(leaf, unstoredMemoryOf(part))
    this.retire(part)
    setChild(parent, slot, leaf)
    return leaf
  }

  /** A child of an owned node that a merge could use. Without it the tree is as sound. */
  readable(parent: Node, slot: number): Node | undefined {
    const present = parent.children[slot]
    if (present === undefined || !isPartial(present)) return readableChild(this.source, parent, slot)
    return ifReadable(() => this.complete(parent, slot))
  }
}
