/**
 * A tree as it was at one moment: byte-string keys in unsigned lexicographic order, each with where its record lies.
 *
 * What it says never changes (I15), and it takes O(1) to make: the nodes of successive trees are shared. Of a live tree they even belong to
 * the editor that gave it, which edits them in place. Once that has happened and somebody asks for the tree all the same, or keeps it, the editor makes
 * it a tree of its own.
 */
import type { StoredRoot } from '../format/checkpoint.js'
import { emptyNode } from './new-node.js'
import { ColumnCount, memoryOf, NOBODY, type Node } from './node.js'
import { memoryOnly, type NodeSource } from './node-source.js'
import { TreeCursor } from './cursor.js'
import { RecordRef } from './record-ref.js'
import { findIn, rankIn, type Span, spanIn } from './search.js'

/** The keys at or above `from` and below `to`. An absent bound does not bound. */
export interface KeyBounds {
  readonly from?: Uint8Array | undefined
  readonly to?: Uint8Array | undefined
}

export interface CursorOptions {
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined
  /** How many keys to pass over at the start, in O(log n). Default 0. */
  readonly offset?: number | undefined
}

/** Edits the nodes of trees in place, and knows the way back to them; or has yet to make them. */
export interface TreeKeeper {
  /** Fills `out` with the reference of `key` without making nodes for that; absent where there are nodes. */
  findIn?(key: Uint8Array, out: RecordRef): boolean
  /** The root of a live tree. */
  rootOf(tree: Tree): Node
  /** As the tree's. */
  madeBytesOf(tree: Tree): number
  /** Makes a tree of its own of a live one, and has it `own` its root. */
  detach(tree: Tree): void
}

/** Of all trees that one editor made: memory of nodes that were made and are stored by now. */
export class StoredMemory {
  bytes = 0
}

/** What a tree says of itself beside its keys. */
type TreeDetails = Partial<Pick<Tree, 'madeBytes' | 'stored' | 'mark' | 'leafColumns'>>

export class Tree {
  /** Of keys and records: a primary index. */
  static readonly empty: Tree = Tree.emptyIn(memoryOnly)
  /** Of keys alone: a secondary index. All its references are zero. */
  static readonly emptyOfKeys: Tree = Tree.emptyOfKeysIn(memoryOnly)

  /** For the tree's own modules, as is `root`. */
  readonly source: NodeSource
  /** How many keys there are. */
  readonly count: number
  /** How much of the memory made for it is stored by now. */
  readonly stored: StoredMemory
  /** Where it is in the log of its editor's changes. */
  readonly mark: number
  /** Which columns its leaves have. */
  readonly leafColumns: number
  #madeBytes: number
  #root: Node | undefined
  /** Of a live tree. */
  #keeper: TreeKeeper | undefined
  /** Where the root is stored, when it is not held. */
  #stored: StoredRoot | undefined

  constructor(
    source: NodeSource,
    root: Node | undefined,
    count: number,
    {
      madeBytes = 0,
      stored = new StoredMemory(),
      mark = 0,
      leafColumns = ColumnCount.recordsLeaf,
    }: TreeDetails = {},
  ) {
    this.source = source
    this.#root = root
    if (root !== undefined) root.holders++
    this.count = count
    this.#madeBytes = madeBytes
    this.stored = stored
    this.mark = mark
    this.leafColumns = leafColumns
  }

  /** The tree that an editor has now, or is going to have. */
  static live(
    keeper: TreeKeeper,
    source: NodeSource,
    { count, stored, mark, leafColumns }: Pick<Tree, 'count' | 'stored' | 'mark' | 'leafColumns'>,
  ): Tree {
    const tree = new Tree(source, undefined, count, { stored, mark, leafColumns })
    tree.#keeper = keeper
    return tree
  }

  /** Memory of nodes made for it, less what was replaced before it was stored. */
  get madeBytes(): number {
    return this.#keeper === undefined ? this.#madeBytes : this.#keeper.madeBytesOf(this)
  }

  /** Whether an editor edits its nodes in place. */
  get isLive(): boolean {
    return this.#keeper !== undefined
  }

  isKeptBy(keeper: TreeKeeper): boolean {
    return this.#keeper === keeper
  }

  /** Who makes its nodes when they are asked for, if they are not its own. */
  get keeper(): TreeKeeper | undefined {
    return this.#keeper
  }

  /** From now on nobody edits its nodes. Those that have yet to be made are not made for that: it reads nothing, and does not throw. */
  detach(): this {
    this.#keeper?.detach(this)
    return this
  }

  /** For its keeper: the nodes below `root` are its own, and nobody edits them. */
  own(root: Node, madeBytes: number): void {
    this.#keeper = undefined
    this.#root = root
    root.holders++
    this.#madeBytes = madeBytes
  }

  /** Memory of its nodes that are not stored, as of when it was counted last. */
  get unstoredBytes(): number {
    return this.madeBytes - this.stored.bytes
  }

  /** Without a key, and with a source for what is stored of it later. */
  static emptyIn(source: NodeSource): Tree {
    return Tree.#emptyOf(source, ColumnCount.recordsLeaf)
  }

  /** The same of keys alone. */
  static emptyOfKeysIn(source: NodeSource): Tree {
    return Tree.#emptyOf(source, ColumnCount.keysLeaf)
  }

  static #emptyOf(source: NodeSource, leafColumns: number): Tree {
    const leaf = emptyNode(NOBODY, 0, leafColumns, 0, 0)
    return new Tree(source, leaf, 0, { madeBytes: memoryOf(leaf), leafColumns })
  }

  /** A tree of keys and records that a checkpoint describes. Its root is read when it is asked for. */
  static stored(source: NodeSource, root: StoredRoot): Tree {
    return Tree.#storedOf(source, root, ColumnCount.recordsLeaf)
  }

  /** The same of keys alone. */
  static storedOfKeys(source: NodeSource, root: StoredRoot): Tree {
    return Tree.#storedOf(source, root, ColumnCount.keysLeaf)
  }

  static #storedOf(source: NodeSource, root: StoredRoot, leafColumns: number): Tree {
    if (root.lengthBytes === 0) return Tree.#emptyOf(source, leafColumns)
    const tree = new Tree(source, undefined, root.count, { leafColumns })
    tree.#stored = root
    return tree
  }

  get root(): Node {
    if (this.#root !== undefined) return this.#root
    if (this.#keeper !== undefined) return this.#keeper.rootOf(this)
    if (this.#stored === undefined) throw new TypeError('A tree without a root.')
    return this.source.loadRoot(this.#stored, this.leafColumns)
  }

  /** The root if it is held: then it may be unstored. A live tree's is its editor's. */
  get heldRoot(): Node | undefined {
    return this.#root
  }

  /** Lets go of a root that is stored. */
  releaseRoot(): void {
    const node = this.#root
    if (node === undefined || node.position === 0) return
    this.#stored = this.storedRoot()
    this.#root = undefined
  }

  /** Where the root is stored; it is, or the tree is empty. */
  storedRoot(): StoredRoot {
    if (this.#stored !== undefined) return this.#stored
    const { count } = this
    if (count === 0) return { position: 0, lengthBytes: 0, crc: 0, height: 0, count, nodeBytes: 0 }
    const { position, lengthBytes, crc, height, storedBytes } = this.root
    return { position, lengthBytes, crc, height, count, nodeBytes: storedBytes }
  }

  /**
   * To be called by whoever keeps this tree, or anything made of it, beyond one synchronous operation: its nodes then stay as
   * they are for good (I15, I21).
   */
  capture(): this {
    if (this.source.pool !== undefined) this.source.pool.captures++
    return this.detach()
  }

  /** Fills `out` with the reference of `key`, if it is there. */
  find(key: Uint8Array, out: RecordRef): boolean {
    this.source.beginSearch()
    return this.#keeper?.findIn?.(key, out) ?? findIn(this.source, this.root, key, out)
  }

  has(key: Uint8Array): boolean {
    return this.find(key, unread)
  }

  /** How many keys sort before `key`, in O(log n). */
  rankOf(key: Uint8Array): number {
    return rankIn(this.source, this.root, key)
  }

  /** The key of this rank, in O(log n); undefined if there are not so many. */
  keyAt(rank: number): Uint8Array | undefined {
    const cursor = this.cursor({}, { offset: rank })
    return cursor.next() ? cursor.key() : undefined
  }

  /** How many keys lie within bounds, in O(log n). */
  countRange(bounds: KeyBounds): number {
    return this.spanOf(bounds).count
  }

  /** Where the keys within bounds are, in O(log n). */
  spanOf({ from, to }: KeyBounds): Span {
    if (from !== undefined && to !== undefined) return spanIn(this.source, this.root, from, to)
    const rank = from === undefined ? 0 : this.rankOf(from)
    const end = to === undefined ? this.count : this.rankOf(to)
    return { rank, count: Math.max(0, end - rank) }
  }

  /** The keys within bounds, in order. The cursor stays on this tree, whatever becomes of it in an editor. */
  cursor(bounds: KeyBounds, options: CursorOptions = {}): TreeCursor {
    return this.cursorIn(this.spanOf(bounds), options)
  }

  /** The keys of a span of this tree. */
  cursorIn(span: Span, { reverse = false, offset = 0 }: CursorOptions = {}): TreeCursor {
    return new TreeCursor(this.source, this.root, {
      rank: reverse ? span.rank + span.count - 1 - offset : span.rank + offset,
      count: Math.max(0, span.count - offset),
      reverse,
    })
  }
}

/** Where `has` lets references go. */
const unread = new RecordRef()
