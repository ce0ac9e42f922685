/**
 * Nodes for trees that are not the newest: what is made for them is counted nowhere, and replaces nothing.
 */
import type { StoredRoot } from '../format/checkpoint.js'
import type { CorruptionError } from '../errors.js'
import type { Node, Owner } from './node.js'
import type { NodeSource } from './node-source.js'

export class PastNodes implements NodeSource {
  /** Their trees share nodes with nobody who would know when they go. */
  readonly pool = undefined
  readonly editsInPlace = false
  readonly #source: NodeSource

  constructor(source: NodeSource) {
    this.#source = source
  }

  get damage(): CorruptionError | undefined {
    return this.#source.damage
  }

  get partShare(): number {
    return this.#source.partShare
  }

  load(parent: Node, slot: number, owner?: Owner): Node {
    return this.#source.load(parent, slot, owner)
  }

  part(parent: Node, slot: number, owner: Owner): Node {
    return this.#source.load(parent, slot, owner)
  }

  pass(parent: Node, slot: number): Node {
    return this.#source.pass(parent, slot)
  }

  beginSearch(): void {
    this.#source.beginSearch()
  }

  loadRoot(root: StoredRoot, columns: number): Node {
    return this.#source.loadRoot(root, columns)
  }

  grew(): void {
    // Not the newest state.
  }

  made(): void {
    // As above.
  }

  replaced(): void {
    // As above.
  }

  recount(): void {
    // As above.
  }
}
