/**
 * An engine in small around one tree that is edited in place: scopes that are kept or undone, trees that are published and become visible later, in
 * order, writes that fail, readers who look at what is visible or keep it, and checkpoints in pieces.
 *
 * Memory that is given back is filled with garbage. Whatever goes back does so while no node can be read.
 */
import { expect } from 'vitest'
import { VarveError } from '../../src/errors.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { checkTree } from '../../src/tree/check.js'
import { TreeEditor } from '../../src/tree/editor.js'
import { isOfDelta } from '../../src/tree/leaf-delta.js'
import { FREE, isPartial, type Node } from '../../src/tree/node.js'
import { NodeStore } from '../../src/tree/node-store.js'
import type { Publication } from '../../src/tree/past.js'
import { RecordRef } from '../../src/tree/record-ref.js'
import { childSlot } from '../../src/tree/search.js'
import { releaseChildren, releaseRoot, releaseStored, unstoredNodes } from '../../src/tree/storing.js'
import { Tree } from '../../src/tree/tree.js'
import { FaultyStorage } from './faulty-storage.js'
import { spoilGivenBack } from './garbage.js'
import { nextPiece, type Piece, unstoredBytesOf } from './stored-trees.js'
import { type ModelEntry, hex, TreeModel, walk } from './tree-model.js'
import { workloadPlatform } from './workload-platform.js'

const { checksum } = workloadPlatform().platform
const FIRST_OFFSET = 64

/** What becomes of the piece that is being stored: the checkpoint is given up, or the write failed, with all that was not visible. */
export type StoringFailure = 'none' | 'given up' | 'write'

interface Version {
  readonly tree: Tree
  readonly entries: readonly ModelEntry[]
}

interface Pending extends Version {
  readonly publication: Publication
}

export class EditedTrees {
  readonly storage: FaultyStorage = new FaultyStorage(new MemoryStorage())
  readonly store: NodeStore
  readonly model: TreeModel = new TreeModel()
  /** How often something live was gone back to, and made a tree of its own behind the editor's back. */
  undone = 0
  madeGood = 0
  /** Whether a key was added to a leaf that had not been read: 1 if so. */
  parts = 0
  /** The same of a key that was put in the place of what it referred to. */
  replaced = 0
  /** How often a checkpoint stored what a delta and what was added beside it say, and what was added alone because the delta could not be read. */
  joined = 0
  unjoined = 0
  readonly #file = this.storage.open('nodes', 'create')
  #editor: TreeEditor
  #visible: Version
  #pending: Pending[] = []
  #scopes: Version[] = []
  #captured: Version[] = []
  #end = FIRST_OFFSET
  #walk: Iterator<Node, void> | undefined
  #piece: Piece | undefined
  #isExact = true
  readonly #previous = new RecordRef()

  constructor(limitBytes: number) {
    this.store = new NodeStore(this.#file, checksum, limitBytes)
    this.store.editsInPlace = true
    const imageOf = this.store.imageOf.bind(this.store)
    this.store.imageOf = (node) => {
      const image = imageOf(node)
      if (image !== node) this.joined++
      else if (isPartial(node) && node.base !== undefined && isOfDelta(node.base)) this.unjoined++
      return image
    }
    spoilGivenBack(this.store.pool)
    this.#visible = { tree: Tree.emptyIn(this.store), entries: [] }
    this.#editor = this.#edit(this.#visible.tree)
    this.store.recount(this.#visible.tree.unstoredBytes)
  }

  #edit(tree: Tree): TreeEditor {
    return new TreeEditor(tree, () => this.leavePast())
  }

  #now(): Version {
    return { tree: this.#editor.freeze(), entries: [...this.model.entries] }
  }

  // Changes; each says whether it could be made, with the nodes there are to be read

  set(key: Uint8Array, position: number): boolean {
    return this.#try(() => {
      const was = this.#editor.set(key, position, 1, 2, this.#previous)
      expect(was).toBe(this.model.set({ key: hex(key), position, lengthBytes: 1, crc: 2 }) !== undefined)
    })
  }

  /** As `set`; whether the key is there, and what it refers to, is known, so that its leaf need not be read, or found out before. */
  put(key: Uint8Array, position: number, isSought: boolean): boolean {
    const entry = this.model.get(hex(key))
    if (entry !== undefined) return isSought ? this.set(key, position) : this.#replace(key, position, entry)
    return this.#try(() => {
      if (isSought) expect(this.#editor.seek(key, this.#previous)).toBe(false)
      this.#editor.ownToAdd(key)
      const reads = this.store.misses
      this.#editor.add(key, position, 1, 2)
      expect(this.store.misses).toBe(reads)
      if (this.parts === 0 && this.#isPartial(key)) this.parts++
      this.model.set({ key: hex(key), position, lengthBytes: 1, crc: 2 })
    })
  }

  #replace(key: Uint8Array, position: number, entry: ModelEntry): boolean {
    return this.#try(() => {
      this.#editor.replace(key, { position, lengthBytes: 1, crc: 2 }, entry)
      if (this.replaced === 0 && this.#isPartial(key)) this.replaced++
      this.model.set({ key: hex(key), position, lengthBytes: 1, crc: 2 })
    })
  }

  /** Whether the leaf where a key belongs is held as a partial one. */
  #isPartial(key: Uint8Array): boolean {
    let node: Node | undefined = this.#editor.freeze().root
    while (node !== undefined && node.height > 0) node = node.children[childSlot(node, key)]
    return node !== undefined && isPartial(node)
  }

  delete(key: Uint8Array): boolean {
    return this.#try(() => {
      const was = this.#editor.delete(key, this.#previous)
      expect(was).toBe(this.model.delete(hex(key)) !== undefined)
    })
  }

  /** Finds a key as for a change that does not come. */
  seek(key: Uint8Array): boolean {
    return this.#try(() => {
      const entry = this.model.get(hex(key))
      expect(this.#editor.seek(key, this.#previous)).toBe(entry !== undefined)
      if (entry !== undefined) expect(this.#previous.position).toBe(entry.position)
    })
  }

  #try(change: () => void): boolean {
    try {
      change()
      return true
    } catch (error) {
      if (!VarveError.is(error)) throw error
      return false
    }
  }

  // Scopes

  openScope(): void {
    this.#scopes.push(this.#now())
  }

  keepScope(): void {
    this.#scopes.pop()
  }

  undoScope(): void {
    const scope = this.#scopes.pop()
    if (scope === undefined) return
    if (scope.tree.isLive) this.undone++
    this.#unreadable(() => this.#editor.reset(scope.tree))
    this.model.entries = [...scope.entries]
    expect(this.#editor.count).toBe(scope.entries.length)
  }

  // Commits

  publish(): void {
    if (this.#scopes.length > 0) return
    const publication = this.#editor.publish()
    this.#pending.push({ tree: publication.tree, entries: [...this.model.entries], publication })
  }

  settle(): void {
    const first = this.#pending.shift()
    if (first === undefined) return
    this.#visible = first
    this.store.pool.retire(first.publication.retired)
    first.publication.settle()
    this.store.trim()
    this.store.pool.reclaim()
  }

  /** A write failed: all goes back to what is visible. */
  fail(): void {
    this.#pending = []
    this.#scopes = []
    this.model.entries = [...this.#visible.entries]
    this.#unreadable(() => (this.#editor = this.#edit(this.#visible.tree)))
    this.store.recount(this.#visible.tree.unstoredBytes)
  }

  // Readers

  /** Looks at what is visible, or on its way. */
  read(which: number): void {
    const versions = [this.#visible, ...this.#pending, ...this.#scopes]
    const version = versions[which % versions.length]
    if (version === undefined) return
    const { tree } = version
    const wasLive = tree.isLive
    if (wasLive) this.#unreadable(() => void tree.root)
    if (wasLive && !tree.isLive) this.madeGood++
    this.#expectSame(version)
  }

  capture(): void {
    this.#unreadable(() => this.#visible.tree.capture())
    this.#captured.push(this.#visible)
    if (this.#captured.length > 3) this.#captured.shift()
  }

  leavePast(): void {
    this.#unreadable(() => {
      for (const { tree } of this.#scopes) tree.detach()
      this.#editor.leavePast()
    })
  }

  // Checkpoints

  get storing(): boolean {
    return this.#walk !== undefined
  }

  /** Goes on storing what was visible when that began; `between` may change the tree. True when all of it is stored. */
  store1(nodes: number, failure: StoringFailure, between: () => void): boolean {
    const piece = this.#piece
    this.#piece = undefined
    if (this.#walk === undefined) this.#begin()
    else if (piece !== undefined && failure !== 'none') {
      this.#failed(piece)
      if (failure === 'write') this.fail()
    } else if (piece !== undefined) this.#written(piece)
    else {
      this.#piece = this.#next(nodes)
      if (this.#piece !== undefined) return false
      this.#finish(between)
      return true
    }
    return false
  }

  #begin(): void {
    const { heldRoot, count } = this.#visible.tree.detach()
    this.store.pool.pause()
    this.#isExact = false
    this.#walk = count === 0 || heldRoot === undefined ? [].values() : unstoredNodes(heldRoot)
  }

  #next(most: number): Piece | undefined {
    const piece = this.#walk === undefined ? undefined : nextPiece(this.#walk, this.store, most, this.#end)
    this.#end += piece?.bytes.length ?? 0
    return piece
  }

  #written({ nodes, bytes, position }: Piece): void {
    this.#file.write(bytes, position)
    for (const node of nodes) {
      this.store.stored(node)
      releaseChildren(node, this.store)
    }
  }

  #failed({ nodes, position }: Piece): void {
    for (const node of nodes) node.position = 0
    this.#end = position
    this.#walk = undefined
    this.store.pool.resume()
    this.store.pool.reuseSome(Number.POSITIVE_INFINITY)
  }

  #finish(between: () => void): void {
    this.#walk = undefined
    for (const change of [between, () => undefined]) {
      this.#isExact = this.#editor.freeze() === this.#visible.tree
      for (const _ of releaseStored(this.#visible.tree.detach(), this.store, 6)) change()
    }
    while (this.store.settleSome(2)) between()
    this.store.pool.resume()
    releaseRoot(this.#visible.tree, this.store)
    const tree = this.#editor.freeze().detach()
    releaseRoot(tree, this.store)
    this.store.recount(tree.unstoredBytes)
    if (this.#isExact) expect(this.store.unstoredBytes).toBe(unstoredBytesOf(tree))
    while (this.store.pool.reuseSome(2)) between()
  }

  // Checks

  /** Memory is counted to the byte, unless nodes are being stored or were stored that only the visible tree had. */
  checkMemory(): void {
    if (this.storing || !this.#isExact) return
    const tree = this.#editor.freeze()
    const { unstoredBytes } = tree
    expect(this.store.unstoredBytes).toBe(unstoredBytes)
    expect(unstoredBytes).toBe(unstoredBytesOf(tree.detach()))
  }

  check(): void {
    for (const version of [...this.#captured, this.#visible, ...this.#pending, ...this.#scopes])
      this.#expectSame(version)
    this.#expectSame(this.#now())
  }

  #expectSame({ tree, entries }: Version): void {
    const found = walk(tree)
    const same =
      found.length === entries.length &&
      found.every(({ key, position }, i) => entries[i]?.key === key && entries[i].position === position)
    if (!same) expect(found).toEqual(entries)
    expect(checkTree(tree)).toEqual([])
    expectHeld(tree.heldRoot)
  }

  /** Runs `work` while no node can be read: it does not throw. */
  #unreadable(work: () => void): void {
    this.storage.heal()
    this.storage.plan({ operation: 'read', nth: 1, times: Infinity, fault: { error: 'EIO' } })
    try {
      work()
    } finally {
      this.storage.heal()
    }
  }
}

/** Every node that one above it holds says so, and waits for nobody to use it again (I21). */
function expectHeld(root: Node | undefined): void {
  const nodes = root === undefined ? [] : [root]
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (node.cachedAt === FREE) throw new Error('A node of a tree that waits to be used again.')
    for (const child of node.children) {
      if (child === undefined) continue
      if (child.holders < 1) throw new Error('A node that nothing holds, below one that does.')
      nodes.push(child)
    }
  }
}
