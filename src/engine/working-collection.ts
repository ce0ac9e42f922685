/**
 * A collection under change: the writer's side of a `CollectionState`.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import { type Digest, DigestSum } from '../format/digest.js'
import { type Node, RecordRef, type Tree, TreeEditor } from '../tree/index.js'
import type { CollectionState } from './state.js'

export class WorkingCollection {
  definition: CollectionDefinition
  counter: number
  structuresLogged: number
  readonly #editor: TreeEditor
  readonly #digest = new DigestSum()
  readonly #replaced = new RecordRef()
  #liveBytes: number

  constructor(state: CollectionState) {
    this.definition = state.definition
    this.counter = state.counter
    this.structuresLogged = state.structuresLogged
    this.#editor = new TreeEditor(state.tree)
    this.#liveBytes = state.liveBytes
    this.#digest.set(state.digest)
  }

  get count(): number {
    return this.#editor.count
  }

  find(key: Uint8Array, ref: RecordRef): boolean {
    return this.#editor.find(key, ref)
  }

  put(key: Uint8Array, position: number, lengthBytes: number, crc: number): void {
    const replaced = this.#replaced
    if (this.#editor.set(key, position, lengthBytes, crc, replaced)) {
      this.#liveBytes -= replaced.lengthBytes
      this.#digest.subtract(key, 0, key.length, replaced.crc)
    }
    this.#liveBytes += lengthBytes
    this.#digest.add(key, 0, key.length, crc)
  }

  delete(key: Uint8Array): void {
    const replaced = this.#replaced
    if (!this.#editor.delete(key, replaced)) return
    this.#liveBytes -= replaced.lengthBytes
    this.#digest.subtract(key, 0, key.length, replaced.crc)
  }

  /** The collection as it is now, in O(1). Later changes copy what they touch. */
  freeze(): CollectionState {
    const digest: Digest = { a: this.#digest.a, b: this.#digest.b }
    const { definition, counter, structuresLogged } = this
    return {
      definition,
      tree: this.#editor.freeze(),
      liveBytes: this.#liveBytes,
      digest,
      counter,
      structuresLogged,
    }
  }

  reset(state: CollectionState): void {
    this.definition = state.definition
    this.counter = state.counter
    this.structuresLogged = state.structuresLogged
    this.#editor.reset(state.tree)
    this.#liveBytes = state.liveBytes
    this.#digest.set(state.digest)
  }

  /** Has `release` let go of the tree's stored nodes and count the others; returns the memory that these take. */
  recount(release: (tree: Tree) => void): number {
    const tree = this.#editor.freeze()
    release(tree)
    this.#editor.reset(tree)
    return tree.unstoredBytes
  }

  /** The tree as it is now, for a cursor. */
  tree(): Tree {
    return this.#editor.freeze().capture()
  }

  /** Nodes that the collection's state before had, and no state from now on. */
  takeRetired(): readonly Node[] {
    return this.#editor.takeRetired()
  }
}
