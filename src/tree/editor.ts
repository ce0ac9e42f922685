/**
 * Changing a tree by copying what others can see.
 *
 * An editor owns the nodes that it made since a tree of its was last detached, and edits those in place; every other node is copied before it changes,
 * together with the nodes above it. `freeze` takes O(1). Where the source says so, the tree that it gives is live: it is detached only when somebody keeps it, or
 * reads it after more changes, and then made from the nodes there are by taking the changes since back. Going back to a live tree
 * takes them back in place; going back to another one takes O(1).
 *
 * If an operation throws, because a stored node could not be read, nothing was changed. Taking changes back never throws: a node with a key that changed since a
 * live tree is in memory, because it is not stored; places that such a tree needs are never dropped; what cannot be read is not merged with.
 */
import { Balance } from './balance.js'
import type { ChangeLog } from './change-log.js'
import { insertEntry, removeEntry } from './entries.js'
import { makeRoot } from './new-node.js'
import {
  countAt,
  isPartial,
  memoryOf,
  type Node,
  noteChanged,
  readRef,
  setCountAt,
  unstoredMemoryOf,
  writeRef,
} from './node.js'
import { isFullPart } from './leaf-delta.js'
import type { NodeSource } from './node-source.js'
import { type OwnedLeaf, OwnedNodes } from './owned-nodes.js'
import { maySpoilThePast, Past, type Publication, WayBack } from './past.js'
import { PastNodes } from './past-nodes.js'
import { RecordRef } from './record-ref.js'
import { childSlot, findIn, isInEmptyLeaf, isInPart, keyFromIn, search } from './search.js'
import { EVENLY, noteInsertion } from './split.js'
import { type StoredMemory, Tree, type TreeKeeper } from './tree.js'
import { NOT_THERE, Way } from './way.js'
import { isOver, isUnder } from './weight.js'

export class TreeEditor implements TreeKeeper {
  readonly #nodes: OwnedNodes
  readonly #balance: Balance
  /** Undefined while the frozen tree has it, which then is not live. */
  #changed: Node | undefined
  #count: number
  /** The tree that this editor held last; it is what it holds now unless it changed since. */
  #frozen: Tree
  #stored: StoredMemory
  /** What is written. */
  readonly #reference = new RecordRef()
  readonly #unread = new RecordRef()
  readonly #way = new Way()
  readonly #past: Past
  readonly #leavePast: () => void
  /** While changes are taken back. */
  #undoing: WayBack | undefined

  /** `leavePast` detaches every live tree of this editor that anybody has, and then calls `leavePast` of it. */
  constructor(tree: Tree, leavePast?: () => void, source: NodeSource = tree.source) {
    this.#nodes = new OwnedNodes(source, tree)
    this.#balance = new Balance(this.#nodes, this.#way)
    this.#count = tree.count
    this.#frozen = tree.detach()
    this.#leavePast = leavePast ?? ((): void => this.leavePast())
    this.#stored = tree.stored
    this.#past = new Past(tree.mark)
  }

  get #root(): Node {
    return this.#changed ?? this.#frozen.root
  }

  /** How many keys there are. */
  get count(): number {
    return this.#count
  }

  /** As a tree's. */
  get madeBytes(): number {
    return this.#nodes.madeBytes
  }

  /** Fills `out` with the reference of `key`, if it is there. */
  find(key: Uint8Array, out: RecordRef): boolean {
    return findIn(this.#nodes.source, this.#root, key, out)
  }

  /** As `find`, for a key that may be set or deleted next: that looks for nothing again. */
  lookUp(key: Uint8Array, out: RecordRef): boolean {
    const way = this.#way
    const near = way.find(key)
    const found = near === NOT_THERE ? search(way.to(this.#nodes.source, this.#root, key), key, 0) : near
    way.note(key, found)
    if (found >= 0) readRef(way.leaf, found, out)
    return found >= 0
  }

  /** As `lookUp`, for a key that is going to be set or deleted. */
  seek(key: Uint8Array, out: RecordRef): boolean {
    return this.#sought(this.#own(key), out)
  }

  /** The owned leaf where `key` belongs. Keys may have been added to it before it was read: it is split though no change may come, so that no checkpoint stores it as it is. */
  #fitted(leaf: Node, key: Uint8Array): Node {
    if (isPartial(leaf) || !isOver(leaf)) return leaf
    this.#split(leaf, EVENLY)
    return this.#ownWayTo(key, 'part')
  }

  #sought(found: number, out: RecordRef): boolean {
    if (found >= 0) readRef(this.#way.leaf, found, out)
    return found >= 0
  }

  /** Owns the way to where `key` belongs; what `search` says of it in the leaf there. A partial leaf does only if it has the key, or the tree has not. */
  #own(key: Uint8Array, as: OwnedLeaf = this.#isInPart(key) ? 'part' : 'whole'): number {
    const way = this.#way
    let found = way.find(key)
    if (found === NOT_THERE) found = search(this.#fitted(this.#ownWayTo(key, as), key), key, 0)
    else if (!way.owned) {
      this.#ownWay()
      const { leaf } = way
      // The entries that a split leaves in it are where they were.
      if (this.#fitted(leaf, key) !== leaf) found = search(way.leaf, key, 0)
    }
    way.note(key, found)
    return found
  }

  /** As `#own`, for a leaf that is mended next. If that may drop a place that an older live tree needs, the past is left before. */
  #ownToMend(key: Uint8Array): number {
    const found = this.#own(key)
    if (!this.#past.noted || !maySpoilThePast(this.#way, this.#nodes.source)) return found
    this.#leavePast()
    return this.#own(key)
  }

  /** While changes are taken back: whether `key` was added to a partial leaf, the rest of which is then not needed. */
  #isInPart(key: Uint8Array): boolean {
    return this.#undoing !== undefined && isInPart(this.#root, key)
  }

  /** A copy of the first key at or above `key`. */
  keyFrom(key: Uint8Array): Uint8Array | undefined {
    return keyFromIn(this.#nodes.source, this.#root, key)
  }

  /** Brings the nodes into memory that a change of `key` changes: until the next freeze, neither setting nor deleting it throws. */
  own(key: Uint8Array): void {
    this.#own(key)
  }

  /** The same for `add`: the leaf where `key` belongs need not be read for that. */
  ownToAdd(key: Uint8Array): void {
    this.#own(key, 'part')
    const { leaf, nodes, slots, depth } = this.#way
    if (!isPartial(leaf) || !isFullPart(leaf, this.#nodes.source.partShare)) return
    const whole = this.#nodes.complete(nodes[depth - 1] as Node, slots[depth - 1] as number)
    this.#way.changed()
    this.#way.arrive(whole, depth, true)
  }

  /**
   * Makes `key` refer to a record; a tree of keys alone ignores the reference. True if the key was there: `previous` then
   * holds what it referred to. The key is copied.
   */
  set(key: Uint8Array, position: number, lengthBytes: number, crc: number, previous: RecordRef): boolean {
    this.#refer(position, lengthBytes, crc)
    if (this.#past.isLong) this.#leavePast()
    const found = this.#own(key)
    if (found < 0) this.#insert(~found, key)
    else this.#replace(found, key, previous)
    return found >= 0
  }

  /**
   * As `set`, of a key that is known not to be there, after `ownToAdd` was called for it and for few others since. If it is there all the same,
   * the tree is found to be damaged when its leaf is read.
   */
  add(key: Uint8Array, position: number, lengthBytes: number, crc: number): void {
    this.#refer(position, lengthBytes, crc)
    if (this.#past.isLong) this.#leavePast()
    const found = this.#own(key, 'part')
    if (found < 0) this.#insert(~found, key)
    else this.#replace(found, key, this.#unread)
  }

  /** As `set`, of a key that is known to refer to `previous`: its leaf need not be read for that. If it does not, the tree is found to be damaged when it is. */
  replace(key: Uint8Array, { position, lengthBytes, crc }: RecordRef, previous: RecordRef): void {
    this.#refer(position, lengthBytes, crc)
    if (this.#past.isLong) this.#leavePast()
    this.ownToAdd(key)
    const found = this.#own(key, 'part')
    if (found < 0) this.#insert(~found, key, previous)
    else this.#replace(found, key, this.#unread)
  }

  /** What the entry at hand is to refer to. */
  #refer(position: number, lengthBytes: number, crc: number): void {
    const reference = this.#reference
    reference.position = position
    reference.lengthBytes = lengthBytes
    reference.crc = crc
  }

  /** Has entry `at` of the leaf that the way leads to refer to something else. */
  #replace(at: number, key: Uint8Array, previous: RecordRef): void {
    const { leaf } = this.#way
    readRef(leaf, at, previous)
    if (this.#past.noted) this.#past.log.add(key, previous)
    this.#write(leaf, at)
    // Keys may have been added to it before it was read.
    if (!isPartial(leaf) && isOver(leaf)) this.#split(leaf, EVENLY)
  }

  #write(leaf: Node, at: number): void {
    const { position, lengthBytes, crc } = this.#reference
    writeRef(leaf, at, position, lengthBytes, crc)
    noteChanged(leaf, at)
  }

  /** Takes `key` out. True if it was there: `previous` then holds what it referred to. */
  delete(key: Uint8Array, previous: RecordRef): boolean {
    // Nodes are copied only for a key that is there.
    if (!this.#isInPart(key) && !this.lookUp(key, previous)) return false
    if (this.#past.isLong) this.#leavePast()
    const found = this.#ownToMend(key)
    const { leaf } = this.#way
    readRef(leaf, found, previous)
    if (this.#past.noted) this.#past.log.add(key, previous)
    this.#way.changed()
    removeEntry(leaf, found)
    this.#countOnWay(-1)
    if (!isPartial(leaf)) this.#mend(leaf)
    return true
  }

  /** The tree as it is now, in O(1); without changes the same one is returned again. */
  freeze(): Tree {
    const frozen = this.#frozen
    const { log } = this.#past
    if (frozen.isLive ? frozen.mark === log.end : this.#changed === undefined) return frozen
    const tree = Tree.live(this, this.#nodes.source, {
      count: this.#count,
      stored: this.#stored,
      mark: log.end,
      leafColumns: this.#nodes.leafColumns,
    })
    this.#frozen = tree
    if (this.#nodes.source.editsInPlace) this.#past.noted = true
    else tree.detach()
    return tree
  }

  /** The tree as it is now is going to be visible. */
  publish(): Publication {
    const tree = this.freeze()
    if (this.#nodes.source.editsInPlace) this.#past.publish(tree)
    const retired = this.#nodes.takeRetired()
    return { tree, retired, settle: () => this.#past.settle(tree, this.#frozen) }
  }

  /** Detaches what was published. Of every other live tree that somebody has, that was done: the way back is forgotten. */
  leavePast(): void {
    this.freeze().detach()
    this.#past.leave()
  }

  // For its live trees

  rootOf(tree: Tree): Node {
    if (tree.mark === this.#past.log.end) return this.#root
    return tree.detach().root
  }

  madeBytesOf(tree: Tree): number {
    return tree.mark === this.#past.log.end ? this.#nodes.madeBytes : tree.detach().madeBytes
  }

  detach(tree: Tree): void {
    const now = this.freeze()
    if (now.isLive) {
      this.#way.forget()
      now.own(this.#root, this.#nodes.madeBytes)
      this.#changed = undefined
    }
    if (now === tree) return
    this.#past.wasTaken()
    const past = new TreeEditor(now, undefined, new PastNodes(this.#nodes.source))
    past.#mendEmpty(past.#undo(this.#past.log, tree))
    tree.own(past.#root, past.#nodes.madeBytes)
  }

  /** Goes back, or over, to a tree. */
  reset(tree: Tree): void {
    if (tree.isKeptBy(this)) return this.#resetInPlace(tree)
    tree.detach()
    this.#past.log.cut(tree.mark)
    this.#nodes.source.grew(tree.unstoredBytes - (this.#nodes.madeBytes - this.#stored.bytes))
    this.#way.forget()
    this.#nodes.restart(tree.source, tree.madeBytes)
    this.#changed = undefined
    this.#count = tree.count
    this.#frozen = tree
    this.#stored = tree.stored
  }

  #resetInPlace(tree: Tree): void {
    const empty = this.#past.takeBack(tree.mark, () => this.#undo(this.#past.log, tree))
    this.#changed = this.#root
    this.#frozen = tree
    this.#mendEmpty(empty)
  }

  /** Takes the changes since a tree back, the newest first. Does not throw, whatever cannot be read. Returns keys of leaves that were left empty. */
  #undo(log: ChangeLog, { mark, count }: Tree): readonly Uint8Array[] {
    if (mark < log.start) throw new TypeError('The way back to a tree was forgotten.')
    const back = new WayBack(this)
    this.#undoing = back
    this.#nodes.takesBack = true
    back.go(log, mark)
    this.#undoing = undefined
    this.#nodes.takesBack = false
    if (this.#count !== count) throw new TypeError('The way back leads to another tree.')
    return back.empty
  }

  /** Merges or drops the leaves where keys belong, if they are empty. */
  #mendEmpty(keys: readonly Uint8Array[]): void {
    for (const key of keys) {
      if (!isInEmptyLeaf(this.#root, key)) continue
      this.#ownToMend(key)
      this.#mend(this.#way.leaf)
    }
  }

  #ownRoot(): Node {
    const changed = this.#changed
    if (changed?.owner === this.#nodes.owner) return changed
    // Nobody may edit what the frozen tree has.
    if (changed === undefined) this.#nodes.disown()
    const copy = this.#nodes.copy(changed ?? this.#frozen.root)
    this.#changed = copy
    return copy
  }

  /** The leaf where `key` belongs, and the way to it, owned. */
  #ownWayTo(key: Uint8Array, as: OwnedLeaf): Node {
    const way = this.#way
    way.forget()
    let node = this.#ownRoot()
    let depth = 0
    for (; node.height > 0; depth++) {
      const slot = childSlot(node, key)
      way.nodes[depth] = node
      way.slots[depth] = slot
      node = this.#nodes.child(node, slot, as)
    }
    way.arrive(node, depth, true)
    return node
  }

  /** Owns the nodes of the way that was found. */
  #ownWay(): void {
    const { nodes, slots, depth } = this.#way
    let node = this.#ownRoot()
    for (let level = 0; level < depth; level++) {
      nodes[level] = node
      node = this.#nodes.child(node, slots[level] as number)
    }
    this.#way.arrive(node, depth, true)
  }

  /** There are so many more keys below the nodes of the way. */
  #countOnWay(more: number): void {
    const { nodes, slots, depth } = this.#way
    for (let level = 0; level < depth; level++) {
      const node = nodes[level] as Node
      const slot = slots[level] as number
      setCountAt(node, slot, countAt(node, slot) + more)
    }
    this.#count += more
  }

  /**
   * Puts `key`, which is not there, before entry `at` of the leaf that the way leads to. With `previous` it is known to be in a partial leaf's
   * base, and to refer to that.
   */
  #insert(at: number, key: Uint8Array, previous?: RecordRef): void {
    const { leaf } = this.#way
    const before = memoryOf(leaf)
    if (this.#past.noted) this.#past.log.add(key, isPartial(leaf) ? previous : undefined)
    this.#way.changed()
    insertEntry(leaf, at, key)
    this.#nodes.grew(memoryOf(leaf) - before)
    this.#write(leaf, at)
    const rule = noteInsertion(leaf, at)
    if (isPartial(leaf) && previous !== undefined) return
    this.#countOnWay(1)
    if (isPartial(leaf)) leaf.wholeCount++
    else if (isOver(leaf)) this.#split(leaf, rule)
  }

  /** Splits the leaf that the way leads to, and the nodes above it that outgrow their limit by that. */
  #split(leaf: Node, leafRule: number): void {
    const { nodes, slots, depth } = this.#way
    let child = leaf
    let rule = leafRule
    for (let level = depth - 1; level >= 0; level--) {
      const parent = nodes[level] as Node
      const slot = slots[level] as number
      this.#balance.fit(parent, slot, rule)
      rule = noteInsertion(parent, slot + 1)
      if (!isOver(parent)) return
      child = parent
    }
    this.#splitRoot(child, rule)
  }

  #splitRoot(root: Node, rule: number): void {
    const above = makeRoot(this.#nodes.owner, root)
    this.#changed = above
    this.#nodes.grew(memoryOf(above))
    this.#balance.fit(above, 0, rule)
  }

  /** Brings the leaf that the way leads to, which lost an entry, and the nodes above it back to their limits. */
  #mend(leaf: Node): void {
    const { nodes, slots, depth } = this.#way
    let child = leaf
    for (let level = depth - 1; level >= 0; level--) {
      const parent = nodes[level] as Node
      const slot = slots[level] as number
      if (isUnder(child)) this.#mergeChild(parent, slot)
      else if (isOver(child)) this.#balance.fit(parent, slot, EVENLY)
      child = parent
    }
    // Sharing out the entries of siblings may have given it longer separators.
    if (isOver(child)) this.#splitRoot(child, EVENLY)
    while (this.#root.height > 0 && this.#root.count === 1 && this.#dropRoot());
  }

  #mergeChild(parent: Node, slot: number): void {
    if (this.#balance.merge(parent, slot) || countAt(parent, slot) > 0 || parent.count === 1) return
    if (this.#undoing === undefined) this.#balance.drop(parent, slot)
    else this.#undoing.leftEmpty()
  }

  /** Puts a root's only child in its place; false if it cannot be read. */
  #dropRoot(): boolean {
    const root = this.#root
    const child = this.#nodes.readable(root, 0)
    if (child === undefined) return false
    this.#way.forget()
    this.#nodes.grew(-unstoredMemoryOf(root))
    this.#changed = child
    return true
  }
}
