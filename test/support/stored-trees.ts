/**
 * A tree under change whose nodes are stored in a file piece by piece, as a checkpoint does it, by hand of the test.
 *
 * The tree is checked against a model of it, and what the store says of its memory against the nodes themselves.
 */
import { expect, vi } from 'vitest'
import { VarveError } from '../../src/errors.js'
import { viewOf } from '../../src/format/integers.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { checkTree } from '../../src/tree/check.js'
import { TreeEditor } from '../../src/tree/editor.js'
import { memoryOf, type Node, storedAs } from '../../src/tree/node.js'
import { NodeStore } from '../../src/tree/node-store.js'
import { RecordRef } from '../../src/tree/record-ref.js'
import { releaseChildren, releaseRoot, releaseStored, unstoredNodes } from '../../src/tree/storing.js'
import { imageBytes, writeImage } from '../../src/tree/stored-node.js'
import type { TreeCursor } from '../../src/tree/cursor.js'
import { Tree } from '../../src/tree/tree.js'
import { FaultyStorage } from './faulty-storage.js'
import { spoilGivenBack } from './garbage.js'
import { bytesOf, entryOf, hex, type ModelEntry, TreeModel, walk } from './tree-model.js'
import { workloadPlatform } from './workload-platform.js'

const { checksum } = workloadPlatform().platform
const FIRST_OFFSET = 64
/** Above every key. */
const AFTER_ALL = new Uint8Array([0xff])

/** Images on their way into the file. */
export interface Piece {
  readonly nodes: readonly Node[]
  readonly bytes: Uint8Array
  readonly position: number
}

interface Kept {
  readonly tree: Tree
  readonly entries: readonly ModelEntry[]
}

/** A cursor that goes on between changes, and what it is to give. */
interface Journey {
  readonly cursor: TreeCursor
  readonly entries: readonly ModelEntry[]
  at: number
}

export class StoredTrees {
  readonly storage: FaultyStorage = new FaultyStorage(new MemoryStorage())
  readonly store: NodeStore
  readonly model: TreeModel = new TreeModel()
  /** Nodes whose memory was used again because they had left the cache. */
  reclaimed = 0
  /** The same of those that searches only passed. */
  passed = 0
  readonly #limitBytes: number
  readonly #file = this.storage.open('nodes', 'create')
  #editor: TreeEditor
  #end = FIRST_OFFSET
  #walk: Iterator<Node, void> | undefined
  #kept: Kept[] = []
  #journeys: Journey[] = []
  readonly #previous = new RecordRef()

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
    this.store = new NodeStore(this.#file, checksum, limitBytes)
    this.#editor = new TreeEditor(Tree.emptyIn(this.store))
    spoilGivenBack(this.store.pool)
  }

  /** Whether nodes are being stored. */
  get storing(): boolean {
    return this.#walk !== undefined
  }

  get tree(): Tree {
    return this.#editor.freeze()
  }

  /** Sets a key; whether it could, with the nodes there are to be read. */
  set(key: Uint8Array, position: number): boolean {
    return this.#try(() => {
      const was = this.#editor.set(key, position, 1, 2, this.#previous)
      this.#compare(key, was, this.model.set({ key: hex(key), position, lengthBytes: 1, crc: 2 }))
    })
  }

  /** Looks for a key that may be changed, and is not. */
  lookUp(key: Uint8Array): boolean {
    return this.#try(() => {
      this.#compare(key, this.#editor.lookUp(key, this.#previous), this.model.get(hex(key)))
    })
  }

  /** Looks for a key in every tree there is, and how many are before it. */
  find(key: Uint8Array): boolean {
    return this.#try(() => {
      for (const { tree, entries } of this.#versions()) {
        this.#beginSearch()
        const rank = entries.findIndex((entry) => entry.key >= hex(key))
        const entry = entries[rank]
        const isThere = entry?.key === hex(key)
        expect(tree.find(key, this.#previous)).toBe(isThere)
        if (isThere) expect(entryOf(key, this.#previous)).toEqual(entry)
        expect(tree.rankOf(key)).toBe(rank < 0 ? entries.length : rank)
        const behind = rank < 0 ? 0 : entries.length - rank
        expect(tree.countRange({ from: key })).toBe(behind)
        expect(tree.countRange({ from: key, to: AFTER_ALL })).toBe(behind)
      }
    })
  }

  #beginSearch(): void {
    const given = vi.spyOn(this.store.pool, 'giveBack')
    this.store.beginSearch()
    this.passed += given.mock.calls.length
    given.mockRestore()
  }

  /** Sets out through the tree as it is now, to go on between changes. */
  setOut(): void {
    const { tree } = this
    this.#journeys.push({ cursor: tree.capture().cursor({}), entries: [...this.model.entries], at: 0 })
    if (this.#journeys.length > 3) this.#journeys.shift()
  }

  /** Every journey goes some entries on. */
  goOn(steps: number): void {
    for (const { cursor, entries, at } of this.#journeys) {
      for (const entry of entries.slice(at, at + steps)) {
        expect(cursor.next()).toBe(true)
        expect(entryOf(cursor.key(), cursor.ref)).toEqual(entry)
      }
    }
    for (const journey of this.#journeys) journey.at += steps
  }

  #versions(): Kept[] {
    return [...this.#kept, { tree: this.tree, entries: this.model.entries }]
  }

  delete(key: Uint8Array): boolean {
    return this.#try(() => {
      const was = this.#editor.delete(key, this.#previous)
      this.#compare(key, was, this.model.delete(hex(key)))
    })
  }

  #compare(key: Uint8Array, was: boolean, before: ModelEntry | undefined): void {
    expect(was).toBe(before !== undefined)
    if (before !== undefined) expect(entryOf(key, this.#previous)).toEqual(before)
  }

  /** What throws changes nothing: the model is moved only behind it. */
  #try(change: () => void): boolean {
    try {
      change()
      this.reclaim()
      return true
    } catch (error) {
      if (!VarveError.is(error)) throw error
      return false
    }
  }

  /** Uses the memory again of what left the cache. */
  reclaim(): void {
    const { pool } = this.store
    const given = vi.spyOn(pool, 'giveBack')
    pool.reclaim()
    this.reclaimed += given.mock.calls.length
    given.mockRestore()
  }

  // Storing

  /** Begins to store the tree as it is now. */
  begin(): void {
    const { heldRoot, count } = this.tree
    this.#walk = count === 0 || heldRoot === undefined ? [].values() : unstoredNodes(heldRoot)
  }

  /** The next nodes, as images at the end of the file to be; undefined if all were given. */
  next(howMany: number): Piece | undefined {
    const piece = this.#walk === undefined ? undefined : nextPiece(this.#walk, this.store, howMany, this.#end)
    this.#end += piece?.bytes.length ?? 0
    return piece
  }

  /** The piece is in the file. */
  written({ nodes, bytes, position }: Piece): void {
    this.#file.write(bytes, position)
    for (const node of nodes) {
      this.store.stored(node)
      releaseChildren(node, this.store)
    }
  }

  /** The piece is not in the file, which is cut back: the rest is not stored either. */
  failed({ nodes, position }: Piece): void {
    for (const node of nodes) node.position = 0
    this.#end = position
    this.#walk = undefined
  }

  /** All that was begun is in the file. `between` may change the tree. */
  finish(between: () => void = () => undefined): void {
    this.#walk = undefined
    for (const change of [between, () => undefined]) {
      for (const _ of releaseStored(this.tree, this.store, 6)) change()
    }
    while (this.store.settleSome(2)) between()
    const { tree } = this
    releaseRoot(tree, this.store)
    this.#editor.reset(tree)
    this.store.recount(tree.unstoredBytes)
    expect(tree.unstoredBytes).toBe(unstoredBytesOf(tree))
    expect(this.store.unstoredBytes).toBe(tree.unstoredBytes)
  }

  // The past

  /** Keeps the tree as it is now. */
  keep(): void {
    this.#kept.push({ tree: this.tree, entries: [...this.model.entries] })
  }

  /** Lets go of the tree kept first. */
  forget(): void {
    this.#kept.shift()
  }

  /** Goes back to the tree kept last. */
  rollBack(): void {
    const last = this.#kept.at(-1)
    if (last === undefined) return
    this.#editor.reset(last.tree)
    this.model.entries = [...last.entries]
  }

  /** Another process: the same stored tree, with nothing of it in memory. */
  reopened(): Tree {
    const store = new NodeStore(this.#file, checksum, this.#limitBytes)
    return Tree.stored(store, this.tree.storedRoot())
  }

  /** Trees say what the model says, and memory is within its limit. */
  check(): void {
    this.store.trim()
    this.reclaim()
    const unstored = Math.max(0, this.store.unstoredBytes)
    expect(this.store.cachedBytes).toBeLessThanOrEqual(Math.max(0, this.#limitBytes - unstored))
    for (const { tree, entries } of this.#versions()) {
      expectSame(walk(tree), entries)
      // Nodes that could not be read are not merged with: they may be emptier than others.
      expect(checkTree(tree)).toEqual([])
    }
    const some = this.model.entries[this.model.entries.length >> 1]
    if (some !== undefined) expect(this.tree.has(bytesOf(some.key))).toBe(true)
  }
}

/** As `toEqual`, and quick where they are equal. */
function expectSame(found: readonly ModelEntry[], expected: readonly ModelEntry[]): void {
  const same =
    found.length === expected.length &&
    found.every(({ key, position }, i) => expected[i]?.key === key && expected[i].position === position)
  if (!same) expect(found).toEqual(expected)
}

/** Memory of the unstored nodes that a tree holds. */
export function unstoredBytesOf(tree: Tree): number {
  const below = (node: Node): number => {
    if (node.position !== 0) return 0
    let bytes = memoryOf(node)
    for (const child of node.children) if (child !== undefined) bytes += below(child)
    return bytes
  }
  return tree.heldRoot === undefined ? 0 : below(tree.heldRoot)
}

/** The next nodes of a walk, as images from `position` on; undefined if all were given. */
export function nextPiece(
  nodesToStore: Iterator<Node, void>,
  store: NodeStore,
  howMany: number,
  position: number,
): Piece | undefined {
  const nodes: Node[] = []
  const images: Uint8Array[] = []
  let end = position
  while (nodes.length < howMany) {
    const node = nodesToStore.next().value
    if (node === undefined) break
    const image = store.imageOf(node)
    const bytes = new Uint8Array(imageBytes(image))
    writeImage(image, bytes, viewOf(bytes), 0, end, checksum)
    storedAs(node, image)
    if (image !== node) store.pool.giveBack(image)
    nodes.push(node)
    images.push(bytes)
    end += bytes.length
  }
  return nodes.length === 0 ? undefined : { nodes, bytes: Buffer.concat(images), position }
}
