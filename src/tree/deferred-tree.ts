/**
 * A tree, and changes of it that a replay read and nobody put into it yet: a file is opened without bringing its trees up to date.
 *
 * Single keys are found by the changes, and below the root of the tree that they change. Whoever needs anything else of the tree that it is going to be, settles it:
 * the changes are put into the tree, in their order, and it is a tree as any other. That may be done before, some changes at a time.
 *
 * A node that is damaged and that a change needs is met then: the tree is built anew from what does not need it.
 */
import { CorruptionError } from '../errors.js'
import { DeferredChanges } from './deferred-changes.js'
import type { TreeEditor } from './editor.js'
import type { Node } from './node.js'
import { RecordRef } from './record-ref.js'
import { findIn } from './search.js'
import { Tree, type TreeKeeper } from './tree.js'

export class DeferredTree implements TreeKeeper {
  readonly #editor: TreeEditor
  readonly #base: Tree
  readonly #rebuild: (cause: unknown) => Tree
  readonly #ref = new RecordRef()
  readonly #unread = new RecordRef()
  /** Undefined once all are in the tree. */
  #changes: DeferredChanges | undefined = new DeferredChanges()
  /** How many are in the tree. */
  #applied = 0
  #count: number
  /** What readers have of it. */
  #given: Tree | undefined
  /** Why it cannot be settled. */
  #damage: CorruptionError | undefined

  /**
   * `editor` has the tree that changes, and is left alone until this is settled. `rebuild` builds a tree of the same keys anew, without what an error says that
   * cannot be read; it throws that error if it is another one.
   */
  constructor(editor: TreeEditor, rebuild: (cause: unknown) => Tree) {
    this.#editor = editor
    this.#base = editor.freeze()
    this.#count = this.#base.count
    this.#rebuild = rebuild
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
    return this.#changes !== undefined && this.#given === undefined
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

  /** Puts all changes into the tree. Throws if a node that they need cannot be read, nor done without. */
  settle(): void {
    this.settleSome(Number.POSITIVE_INFINITY)
  }

  /** Puts so many changes into the tree; whether there are more. */
  settleSome(most: number): boolean {
    const changes = this.#changes
    if (changes === undefined) return false
    if (this.#damage !== undefined) throw this.#damage
    const end = Math.min(changes.count, this.#applied + most)
    try {
      this.#base.source.asReplay(() => this.#apply(changes, end))
      if (end < changes.count) return true
      this.#finish(this.#editor.freeze().detach())
    } catch (error) {
      this.#finish(this.#rebuilt(error))
    }
    return false
  }

  #apply(changes: DeferredChanges, end: number): void {
    const editor = this.#editor
    const ref = this.#ref
    for (; this.#applied < end; this.#applied++) {
      const at = this.#applied
      const key = changes.keyAt(at)
      changes.readRef(at, ref)
      if (changes.isNew(at)) {
        editor.ownToAdd(key)
        editor.add(key, ref.position, ref.lengthBytes, ref.crc)
      } else editor.replace(key, ref, this.#unread)
    }
  }

  #finish(tree: Tree): void {
    if (tree.count !== this.#count) {
      this.#damage = new CorruptionError(
        `The log says of keys that they are new to an index which has them: ${tree.count} keys in place of ${this.#count}. Run verify; restore a backup, or salvage.`,
      )
      throw this.#damage
    }
    this.#given?.own(tree.root, tree.madeBytes)
    this.#changes = undefined
  }

  /** For the editor as well. */
  #rebuilt(error: unknown): Tree {
    if (this.#damage !== undefined) throw error
    const { source, stored, mark, leafColumns } = this.#base
    try {
      const { root, count, madeBytes } = this.#rebuild(error)
      const tree = new Tree(source, root, count, { madeBytes, stored, mark, leafColumns })
      this.#editor.reset(tree)
      return tree
    } catch (cause) {
      // What storage refuses, it may give the next time.
      if (cause instanceof CorruptionError) this.#damage = cause
      throw cause
    }
  }

  // For the tree that it gave

  findIn(key: Uint8Array, out: RecordRef): boolean {
    const changes = this.#changes
    if (changes?.prepare() === true) {
      if (changes.find(key, out)) return true
      const found = this.#findInBase(key, out)
      if (found !== undefined) return found
    }
    this.settle()
    return this.#given?.find(key, out) === true
  }

  /** Undefined if it takes a damaged node: a tree that is built anew does without, if a change needs that as well. */
  #findInBase(key: Uint8Array, out: RecordRef): boolean | undefined {
    const { source, root } = this.#base
    try {
      return findIn(source, root, key, out)
    } catch (error) {
      if (error !== source.damage) throw error
      return undefined
    }
  }

  rootOf(tree: Tree): Node {
    this.settle()
    return tree.root
  }

  madeBytesOf(tree: Tree): number {
    this.settle()
    return tree.madeBytes
  }

  detach(): void {
    this.settle()
  }
}
