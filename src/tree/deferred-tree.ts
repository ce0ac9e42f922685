/**
 * A tree, and changes of it that a replay read and nobody put into it yet: a file is opened without bringing its trees up to date.
 *
 * Single keys are found by the changes, and below the root of the tree that they change. Whoever needs anything else of the tree that it is going to be has it
 * settled: the changes are put into the tree, in their order, and it is a tree as any other. That reads nodes, and so may fail; then it is as far as it was,
 * and may be tried again. Keeping the tree, or going back to it, reads nothing (I30): what it says does not change by being settled.
 */
import { CorruptionError } from '../errors.js'
import { DeferredChanges } from './deferred-changes.js'
import type { TreeEditor } from './editor.js'
import type { Node } from './node.js'
import { RecordRef } from './record-ref.js'
import { findIn } from './search.js'
import { Tree, type TreeKeeper } from './tree.js'

export class DeferredTree implements TreeKeeper {
  /** Has the tree that changes; left alone by everybody else until this is settled. */
  readonly editor: TreeEditor
  readonly #base: Tree
  readonly #need: (deferred: DeferredTree) => void
  readonly #ref = new RecordRef()
  readonly #unread = new RecordRef()
  /** Undefined once all are in the tree. */
  #changes: DeferredChanges | undefined = new DeferredChanges()
  /** How many are in the tree. */
  #applied = 0
  #count: number
  /** What readers have of it. */
  #given: Tree | undefined

  /** `need` is called when somebody needs the tree: it settles this, or throws. */
  constructor(editor: TreeEditor, need: (deferred: DeferredTree) => void) {
    this.editor = editor
    this.#base = editor.freeze()
    this.#count = this.#base.count
    this.#need = need
  }

  /** What a tree waits for, if it does. */
  static of({ keeper }: Tree): DeferredTree | undefined {
    return keeper instanceof DeferredTree ? keeper : undefined
  }

  /** How many keys there are. */
  get count(): number {
    return this.#count
  }

  /** Whether there are changes that are not in the tree. */
  get isBehind(): boolean {
    return this.#changes !== undefined
  }

  /** Whether changes may be added: what readers have does not change. */
  get isOpen(): boolean {
    return this.isBehind && this.#given === undefined
  }

  /** Makes `key` refer to a record; `isNew` says whether it was not there. */
  add(key: Uint8Array, at: RecordRef, isNew: boolean): void {
    this.#changes?.add(key, at, isNew)
    if (isNew) this.#count++
  }

  /** The tree that it is going to be. */
  give(): Tree {
    const { source, stored, mark, leafColumns } = this.#base
    this.#given ??= Tree.live(this, source, { count: this.#count, stored, mark, leafColumns })
    return this.#given
  }

  /** Puts so many changes into the tree; whether there are more. Throws if a node cannot be read that one needs. */
  settleSome(most: number): boolean {
    const changes = this.#changes
    if (changes === undefined) return false
    const end = Math.min(changes.count, this.#applied + most)
    for (; this.#applied < end; this.#applied++) this.#apply(changes, this.#applied)
    if (end < changes.count) return true
    this.#finish(this.editor.freeze().detach())
    return false
  }

  #apply(changes: DeferredChanges, at: number): void {
    const { editor } = this
    const ref = this.#ref
    const key = changes.keyAt(at)
    changes.readRef(at, ref)
    if (changes.isNew(at)) {
      editor.ownToAdd(key)
      editor.add(key, ref.position, ref.lengthBytes, ref.crc)
    } else editor.replace(key, ref, this.#unread)
  }

  /** Settles it with a tree of the same keys that was made in another way. */
  become({ root, count, madeBytes }: Tree): void {
    if (!this.isBehind) return
    const { source, stored, mark, leafColumns } = this.#base
    const tree = new Tree(source, root, count, { madeBytes, stored, mark, leafColumns })
    this.#requireCount(tree)
    this.editor.reset(tree)
    this.#finish(tree)
  }

  #finish(tree: Tree): void {
    this.#requireCount(tree)
    if (this.#given !== undefined) {
      // Whoever keeps it captured it before it had nodes (I21).
      const { pool } = this.#base.source
      if (pool !== undefined) pool.captures++
      this.#given.own(tree.root, tree.madeBytes)
    }
    this.#changes = undefined
  }

  #requireCount({ count }: Tree): void {
    if (count === this.#count) return
    throw new CorruptionError(
      `The log says of keys that they are new to an index which has them: ${count} keys in place of ${this.#count}. Run verify; restore a backup, or salvage.`,
    )
  }

  // For the tree that it gave

  findIn(key: Uint8Array, out: RecordRef): boolean {
    const changes = this.#changes
    if (changes?.prepare() === true) {
      if (changes.find(key, out)) return true
      const found = this.#findInBase(key, out)
      if (found !== undefined) return found
    }
    this.#need(this)
    return this.#given?.find(key, out) === true
  }

  /** Undefined if it takes a damaged node: a tree that is built anew does without, if a change needs that as well. */
  #findInBase(key: Uint8Array, out: RecordRef): boolean | undefined {
    const { source } = this.#base
    try {
      return findIn(source, this.#base.root, key, out)
    } catch (error) {
      if (error !== source.damage) throw error
      return undefined
    }
  }

  rootOf(tree: Tree): Node {
    this.#need(this)
    return tree.root
  }

  madeBytesOf(): number {
    return this.editor.madeBytes
  }

  detach(): void {
    // Nobody edits what it is going to be.
  }
}
