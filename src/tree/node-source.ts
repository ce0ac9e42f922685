/**
 * The seam between a tree and where its nodes are stored: all descents go through it.
 */
import { CorruptionError, VarveError } from '../errors.js'
import type { StoredRoot } from '../format/checkpoint.js'
import type { NodePool } from './node-pool.js'
import { isPartial, type Node, type Owner, REPLACED } from './node.js'

/** Where nodes come from that are stored and not in memory, and who keeps count of those that are only in memory. */
export interface NodeSource {
  /**
   * The child `slot` of `parent`, which is stored, or is held as a partial leaf: read and checked. Throws what the read threw. For an owner that
   * is about to edit it, a node that has to be read may be made its own at once, with room to grow.
   */
  load(parent: Node, slot: number, owner?: Owner): Node
  /**
   * As `load`, of a leaf that is stored, for an owner that is about to add keys to it: it may be given a partial leaf of its own, or one that is
   * in memory. `columns` says of which kind the tree is.
   */
  part(parent: Node, slot: number, owner: Owner, columns: number): Node
  /** How much may be added to a partial leaf, as a share of what it is of. */
  readonly partShare: number
  /** As `load`, for a search that has done with the node when it returns: its memory may be used again from `beginSearch` on. */
  pass(parent: Node, slot: number): Node
  /** Called before a search, by whoever holds no node that was passed. */
  beginSearch(): void
  /** The root of a stored tree with at least one node; `columns` says of which kind the tree is. */
  loadRoot(root: StoredRoot, columns: number): Node
  /** Memory for nodes that editors make; undefined where it is not used again. */
  readonly pool: NodePool | undefined
  /** Whether editors edit nodes of trees that they gave: whoever publishes trees says when they are visible. */
  readonly editsInPlace: boolean
  /** Told by an editor how much more (or less) memory its tree's unstored nodes take. */
  grew(bytes: number): void
  /** Told by an editor how much memory a node that it copied or made takes. */
  made(bytes: number): void
  /** Told by an editor that it replaced a node. */
  replaced(node: Node): void
  /** Told how much memory the unstored nodes of all trees take, when their state was replaced as a whole. */
  recount(bytes: number): void
  /** The error thrown last because a node could not be read. */
  readonly damage: CorruptionError | undefined
}

/** The source of a tree that was never stored. */
export const memoryOnly: NodeSource = {
  load(parent, slot) {
    throw new CorruptionError(
      `Child ${String(slot)} of a tree node of height ${String(parent.height)} is neither in memory nor stored.`,
    )
  },
  part(parent, slot) {
    return this.load(parent, slot)
  },
  partShare: 0,
  pass(parent, slot) {
    return this.load(parent, slot)
  },
  beginSearch() {
    // There is nothing that could be used again.
  },
  loadRoot() {
    throw new CorruptionError('The root of a tree is neither in memory nor stored.')
  },
  grew() {
    // Nothing is ever stored, so nobody asks how much is not.
  },
  made() {
    // As above.
  },
  recount() {
    // As above.
  },
  replaced(node) {
    node.cachedAt = REPLACED
  },
  damage: undefined,
  pool: undefined,
  editsInPlace: false,
}

/** The child `slot` of an inner node, never a partial leaf. */
export function childAt(source: NodeSource, parent: Node, slot: number): Node {
  const child = parent.children[slot]
  return child === undefined || isPartial(child) ? source.load(parent, slot) : child
}

/** The child `slot` of an inner node, for a search that has done with it when it returns. */
export function passedChild(source: NodeSource, parent: Node, slot: number): Node {
  const child = parent.children[slot]
  return child === undefined || isPartial(child) ? source.pass(parent, slot) : child
}

/** A child that a merge could use. Without it the tree is as sound, so that a deletion is whole whatever is unreadable. */
export function readableChild(source: NodeSource, parent: Node, slot: number): Node | undefined {
  return ifReadable(() => childAt(source, parent, slot))
}

/** What `load` gives; undefined if a node cannot be read for it. */
export function ifReadable(load: () => Node): Node | undefined {
  try {
    return load()
  } catch (error) {
    if (VarveError.is(error)) return undefined
    throw error
  }
}
