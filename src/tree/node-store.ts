/**
 * Reads stored nodes from a file, checks them, and keeps them within a budget.
 *
 * A node counts only if its CRC holds, equals the one beside the pointer that led to it, and it is what that pointer says: so
 * high above the leaves, with so many keys and so many stored bytes at and below it (I18). The budget covers nodes that are
 * stored and in memory, and those that are not stored yet: these cannot be evicted, so the more of them there are, the fewer
 * of the others stay.
 */
import { CorruptionError } from '../errors.js'
import type { StoredRoot } from '../format/checkpoint.js'
import type { Checksum } from '../format/checksum.js'
import {
  isDelta,
  MAX_NODE_IMAGE_BYTES,
  NODE_HEAD_BYTES,
  NodeHead,
  readNodeHead,
} from '../format/index-node.js'
import { u32 } from '../format/typed-read.js'
import { viewOf } from '../format/integers.js'
import type { StorageFile } from '../storage/storage.js'
import {
  applyChanges,
  DELTA_SHARE,
  emptyPart,
  isOfDelta,
  mayBePart,
  partOf,
  readBase,
  REPLAY_SHARE,
  wholeBytesOf,
} from './leaf-delta.js'
import { NodeCache } from './node-cache.js'
import { NodePool } from './node-pool.js'
import {
  becomeWhole,
  Column,
  countAt,
  isPartial,
  type Node,
  type NodeImage,
  noteChanged,
  Owner,
  positionAt,
  REPLACED,
  storedAs,
  storedBytesAt,
  subtreeCount,
} from './node.js'
import { ifReadable, type NodeSource } from './node-source.js'
import { PastNodes } from './past-nodes.js'
import { readImage } from './stored-node.js'
import { NODE_BYTES, weightOf } from './weight.js'

/** Nodes are evicted for others if there is room for no more than this. */
const LITTLE_ROOM_BYTES = 64 * 1024

/** What a pointer says of the node that it leads to. */
interface Pointer {
  readonly position: number
  readonly lengthBytes: number
  readonly crc: number
  readonly height: number
  /** Of the tree, at height 0. */
  readonly leafColumns: number | undefined
  readonly count: number
  readonly storedBytes: number
}

/** Who uses the memory that nodes leave free. */
export interface RestOfMemory {
  /** Told how much there is, which changes as nodes come and go; less than nothing if nodes take more than they may. */
  makeRoom(freeBytes: number): void
}

export class NodeStore implements NodeSource {
  readonly pool: NodePool = new NodePool((node) => this.#cache.forget(node))
  /** The error thrown last because a node could not be read: an open that meets it starts from an older checkpoint. */
  damage: CorruptionError | undefined
  /** Nodes that were in memory, and those that were read. */
  hits = 0
  misses = 0
  editsInPlace = false
  /** While the log is replayed, a delta is not read for what is added to its leaf: a checkpoint reads it, if nobody did before. */
  replays = false
  /** Memory of nodes that are in the newest state of the trees and not stored. */
  unstoredBytes = 0
  /** Memory of all nodes ever copied or made by an editor. */
  madeBytes = 0
  readonly #file: StorageFile
  readonly #checksum: Checksum
  #limitBytes: number
  #rest: RestOfMemory | undefined
  readonly #cache = new NodeCache((node) => this.pool.evicted(node))
  readonly #reader = new Owner(this.pool, false)
  readonly #head = new NodeHead()
  readonly #scratch = new Uint8Array(MAX_NODE_IMAGE_BYTES)
  readonly #view: DataView = viewOf(this.#scratch)

  constructor(file: StorageFile, checksum: Checksum, limitBytes: number) {
    this.#file = file
    this.#checksum = checksum
    this.#limitBytes = limitBytes
  }

  /** How much memory nodes may take from now on. */
  limitTo(bytes: number): void {
    this.#limitBytes = bytes
    this.trim()
  }

  /** How much memory nodes may take that are stored. */
  get #roomBytes(): number {
    return Math.max(0, this.#limitBytes - Math.max(0, this.unstoredBytes))
  }

  /** Gives its memory back, at once however much it is, and keeps nothing from now on. Nobody writes to these trees any more. */
  letGo(): void {
    this.#limitBytes = 0
    this.#cache.clear()
  }

  /** From now on `rest` uses what nodes leave free. */
  shareWith(rest: RestOfMemory): void {
    this.#rest = rest
    this.trim()
  }

  /** Memory of nodes that are stored and in memory. */
  get cachedBytes(): number {
    return this.#cache.bytes
  }

  get cachedNodes(): number {
    return this.#cache.count
  }

  get evictions(): number {
    return this.#cache.evictions
  }

  load(parent: Node, slot: number, owner?: Owner): Node {
    const node = this.#child(parent, slot, owner)
    node.lent = true
    return node
  }

  pass(parent: Node, slot: number): Node {
    return this.#child(parent, slot, undefined)
  }

  beginSearch(): void {
    this.pool.reusePassed()
  }

  #child(parent: Node, slot: number, owner: Owner | undefined): Node {
    const known = parent.children[slot] ?? this.#cache.childOf(parent, slot)
    if (known !== undefined && isPartial(known)) return this.#wholeOf(known, owner)
    if (known !== undefined) {
      this.hits++
      return known
    }
    const pointer = pointerOf(parent, slot)
    return owner === undefined ? this.#read(pointer) : this.#readImage(pointer, owner)
  }

  part(parent: Node, slot: number, owner: Owner, columns: number): Node {
    const cached = this.#cache.childOf(parent, slot)
    if (cached !== undefined) {
      this.hits++
      const part = this.#isTight ? partOf(owner, cached) : undefined
      if (part !== undefined) return part
      cached.lent = true
      return cached
    }
    const pointer = pointerOf(parent, slot)
    if (pointer.height > 0 || !mayBePart(pointer, pointer.count)) return this.#readImage(pointer, owner)
    if (!isOfDelta(pointer)) return emptyPart(owner, columns, pointer, pointer.count)
    if (pointer.lengthBytes > wholeBytesOf(pointer) * this.partShare) return this.#readImage(pointer, owner)
    return this.replays ? emptyPart(owner, columns, pointer, pointer.count) : this.#readPart(pointer, owner)
  }

  get partShare(): number {
    return this.replays ? REPLAY_SHARE : DELTA_SHARE
  }

  /** Whether nodes are evicted for others: then what cannot be, as it is not stored, is to take little. */
  get #isTight(): boolean {
    return this.#cache.bytes + LITTLE_ROOM_BYTES > this.#roomBytes
  }

  /**
   * What is to be stored of a node: most often the node. Of a partial leaf of a delta that was not read, what both say, so that a leaf is read with one
   * delta; if that delta cannot be read, what was added to it, because storing it needs nobody to read it. What is not the node is the caller's alone, to be given back.
   */
  imageOf(node: Node): Node {
    const { base } = node
    if (!isPartial(node) || base === undefined || !isOfDelta(base)) return node
    return ifReadable(() => this.#joined(node, base)) ?? node
  }

  #joined(part: Node, base: NodeImage): Node {
    this.misses++
    const delta = this.#readChanges(base, this.#readHead(base), this.#reader, part)
    if (delta.columns !== part.columns || delta.count > part.wholeCount)
      throw this.#damaged(base, 'a node that contradicts its parent')
    this.#apply(part, delta)
    delta.wholeCount = part.wholeCount
    if (delta.base !== undefined && isOfDelta(delta.base)) return this.imageOf(delta)
    if (weightOf(delta) <= NODE_BYTES) return delta
    // It is stored with all entries, so that it is read before more is added to it.
    const leaf = this.#readWholeOf(part, this.#reader)
    leaf.wholeCount = leaf.count
    return leaf
  }

  /** Puts what changed of a leaf into it, or into what changed before. */
  #apply(changes: Node, leaf: Node): void {
    if (weightOf(leaf) + weightOf(changes) > MAX_NODE_IMAGE_BYTES)
      throw this.#damaged(changes.base ?? leaf, 'more keys than a leaf can have')
    applyChanges(leaf, changes)
  }

  /** The leaf that a partial one is of; for an owner, a leaf of its own unless it is in memory. */
  #wholeOf(part: Node, owner: Owner | undefined): Node {
    let leaf = part.whole
    if (leaf === undefined) {
      leaf = this.#readWholeOf(part, owner ?? this.#reader)
      if (owner !== undefined) return leaf
      this.#cache.accompany(part, leaf)
      this.trim()
    } else this.hits++
    this.#cache.touch(leaf)
    storedAs(leaf, part)
    return leaf
  }

  #readWholeOf(part: Node, owner: Owner): Node {
    this.misses++
    const leaf = this.#readPatched(part, owner)
    if (leaf.count !== part.wholeCount)
      throw this.#damaged(leaf.base ?? part, 'a node that contradicts its parent')
    return leaf
  }

  loadRoot(root: StoredRoot, columns: number): Node {
    const { position, nodeBytes } = root
    const cached = this.#cache.get(position)
    if (cached !== undefined) this.hits++
    const node = cached ?? this.#read({ ...root, leafColumns: columns, storedBytes: nodeBytes })
    node.lent = true
    return node
  }

  grew(bytes: number): void {
    this.unstoredBytes += bytes
  }

  made(bytes: number): void {
    this.madeBytes += bytes
  }

  replaced(node: Node): void {
    if (node.position !== 0 || node.whole !== undefined) this.#cache.forget(node)
    node.cachedAt = REPLACED
  }

  recount(bytes: number): void {
    this.unstoredBytes = bytes
    if (this.#cache.held > 0) this.#cache.settle()
    this.trim()
  }

  /** The same nodes for trees that are not the newest. */
  forThePast(): NodeSource {
    this.pool.captures++
    return new PastNodes(this)
  }

  /** Ahead of a recount: so many nodes that were stored count as such. Whether there are more. */
  settleSome(most: number): boolean {
    this.unstoredBytes -= this.#cache.settle(most)
    return this.#cache.held > 0
  }

  /** A node's image is in the file. Its parents hold it until the next recount, and until then it counts as unstored. */
  stored(node: Node): void {
    if (node.height === 0 && node.storedBytes === node.lengthBytes) becomeWhole(node)
    if (node.cachedAt !== REPLACED) this.#cache.hold(node)
  }

  /** Keeps a stored node that its parent let go of, unless the newest state does not have it any more. */
  adopt(node: Node): void {
    if (node.cachedAt === REPLACED) return
    this.#cache.add(node)
    this.trim()
  }

  /** To be called when unstored nodes may have grown. */
  trim(): void {
    const roomBytes = this.#roomBytes
    if (this.#cache.bytes > roomBytes) this.#cache.trim(roomBytes)
    this.#rest?.makeRoom(roomBytes - this.#cache.bytes)
  }

  /** A node of its own, kept in the cache. */
  #read(pointer: Pointer): Node {
    const node = this.#readImage(pointer, this.#reader)
    node.position = pointer.position
    this.#cache.add(node)
    this.trim()
    return node
  }

  #readImage(pointer: Pointer, owner: Owner): Node {
    this.misses++
    const head = this.#readHead(pointer)
    const node = isDelta(head.kind)
      ? this.#readDelta(pointer, head, owner)
      : this.#readWhole(pointer, head, owner)
    if (!fits(node, pointer)) throw this.#damaged(pointer, 'a node that contradicts its parent')
    return node
  }

  /** Reads an image into the scratch memory, and checks all of it but its keys. */
  #readHead(image: NodeImage): NodeHead {
    const { position, lengthBytes, crc } = image
    if (lengthBytes < NODE_HEAD_BYTES || lengthBytes > MAX_NODE_IMAGE_BYTES)
      throw this.#damaged(image, 'length')
    const read = this.#file.read(this.#scratch.subarray(0, lengthBytes), position)
    if (read < lengthBytes) throw this.#damaged(image, `${read} bytes`)
    const head = this.#head
    const problem = readNodeHead(this.#scratch, this.#view, 0, lengthBytes, head, this.#checksum)
    if (problem !== undefined) throw this.#damaged(image, problem)
    if (head.crc !== crc) throw this.#damaged(image, 'another node')
    return head
  }

  /** The whole node that the scratch memory holds, with room for what changed of it. */
  #readWhole(image: NodeImage, head: NodeHead, owner: Owner, changes?: Node): Node {
    const node = readImage(this.#scratch, this.#view, 0, head, owner, changes)
    if (typeof node === 'string') throw this.#damaged(image, node)
    if (node.height > 0) return node
    const { position, lengthBytes, crc, storedBytes } = image
    if (owner.edits) node.base = { position, lengthBytes, crc, storedBytes }
    else node.isWhole = true
    return node
  }

  /** The leaf of which the scratch memory holds what changed. */
  #readDelta(image: NodeImage, head: NodeHead, owner: Owner): Node {
    const changes = this.#readChanges(image, head, this.#reader)
    const leaf = this.#readPatched(changes, owner)
    // Nobody else ever saw them.
    this.pool.giveBack(changes)
    leaf.lengthBytes = image.lengthBytes
    leaf.crc = image.crc
    leaf.storedBytes = image.storedBytes
    return leaf
  }

  /** A partial leaf, from a pointer that leads to a delta. */
  #readPart(pointer: Pointer, owner: Owner): Node {
    this.misses++
    const head = this.#readHead(pointer)
    const part = this.#readChanges(pointer, head, owner)
    if (part.count > pointer.count) throw this.#damaged(pointer, 'a node that contradicts its parent')
    for (let i = 0; i < part.count; i++) noteChanged(part, i)
    part.wholeCount = pointer.count
    return part
  }

  /** What changed of a leaf, which the scratch memory holds, with room for what changed since. */
  #readChanges(image: NodeImage, head: NodeHead, owner: Owner, since?: Node): Node {
    const baseBytes = image.storedBytes - image.lengthBytes
    const base = readBase(this.#view, 0, baseBytes)
    if (!isDelta(head.kind) || baseBytes < base.lengthBytes)
      throw this.#damaged(image, 'a node that contradicts its parent')
    if (base.position >= image.position) throw this.#damaged(image, 'a delta of what stands behind it')
    const changes = readImage(this.#scratch, this.#view, 0, head, owner, since)
    if (typeof changes === 'string') throw this.#damaged(image, changes)
    changes.base = base
    return changes
  }

  /** The base of changes, with them in it. */
  #readPatched(changes: Node, owner: Owner): Node {
    const { base } = changes
    if (base === undefined) throw new TypeError('Changes of no leaf.')
    const leaf = this.#readLeaf(base, owner, changes)
    if (leaf.columns !== changes.columns) throw this.#damaged(base, 'a leaf of another kind')
    this.#apply(changes, leaf)
    leaf.base = isOfDelta(base) ? beyond(base, leaf.base) : base
    leaf.isWhole = false
    return leaf
  }

  /** The leaf that is the base of another, with room for changes. */
  #readLeaf(base: NodeImage, owner: Owner, changes?: Node): Node {
    const head = this.#readHead(base)
    if (isOfDelta(base)) return this.#readDelta(base, head, owner)
    if (head.height > 0 || isDelta(head.kind)) throw this.#damaged(base, 'no leaf')
    return this.#readWhole(base, head, owner, changes)
  }

  #damaged({ position, lengthBytes }: NodeImage, actual: string): CorruptionError {
    const { path } = this.#file
    this.damage = new CorruptionError(
      `The index node at offset ${position} of ${path} is damaged: expected ${lengthBytes} bytes of a node with its checksum, found ${actual}. Rows below it cannot be reached through the index. Run verify to see the extent; restore a backup, or salvage.`,
      { path, offset: position, expected: 'an index node with its checksum', actual },
    )
    return this.damage
  }
}

/** The base of a leaf that was read from a delta, and is itself that of another. */
function beyond(delta: NodeImage, base: NodeImage | undefined): NodeImage | undefined {
  return base && { ...base, between: [...(base.between ?? []), delta] }
}

function pointerOf(parent: Node, slot: number): Pointer {
  const { words, capacity, height } = parent
  return {
    position: positionAt(parent, slot),
    lengthBytes: u32(words, Column.length * capacity + slot),
    crc: u32(words, Column.crc * capacity + slot),
    height: height - 1,
    leafColumns: undefined,
    count: countAt(parent, slot),
    storedBytes: storedBytesAt(parent, slot),
  }
}

function fits(node: Node, { height, leafColumns, count, storedBytes }: Pointer): boolean {
  if (node.height !== height || subtreeCount(node) !== count || node.storedBytes !== storedBytes) return false
  return leafColumns === undefined || height > 0 || node.columns === leafColumns
}
