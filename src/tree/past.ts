/**
 * The trees that an editor gave and whose nodes it goes on editing in place, and the way back to them.
 *
 * While some tree is live, each change is noted. Trees are published in order; once one is visible those before it are of no use, nor is the
 * way to them. Where what is published is read from behind, which makes it a tree of its own again, the next ones are not
 * live from the beginning: copying what changes is cheaper than the way back.
 */
import { ChangeLog } from './change-log.js'
import { isPartial, type Node, setChild } from './node.js'
import { type NodeSource, readableChild } from './node-source.js'
import { RecordRef } from './record-ref.js'
import type { Tree } from './tree.js'
import type { Way } from './way.js'

/** So many changes may be taken back, or be made good for a reader, at one go: some ten milliseconds. */
const MOST_CHANGES = 10_000
/** So many times in a row nothing is edited in place because what was published had been read. */
const MOST_COPIES = 64

const NO_KEY = new Uint8Array(0)

/** What takes changes back: as an editor. */
interface Changeable {
  set(key: Uint8Array, position: number, lengthBytes: number, crc: number, previous: RecordRef): boolean
  delete(key: Uint8Array, previous: RecordRef): boolean
}

/** What is to be done when a tree that an editor gave is visible. */
export interface Publication {
  readonly tree: Tree
  /** Nodes that are in no tree from then on. */
  readonly retired: readonly Node[]
  /** To be called then. */
  readonly settle: () => void
}

/** Changes that are being taken back. */
export class WayBack {
  /** Keys of leaves that are empty now, and could not be merged with others: what is taken back next may belong there. */
  readonly empty: Uint8Array[] = []
  readonly #editor: Changeable
  #key: Uint8Array = NO_KEY

  constructor(editor: Changeable) {
    this.#editor = editor
  }

  /** Takes the changes from a place on back, the newest first. */
  go(log: ChangeLog, from: number): void {
    const before = new RecordRef()
    const unread = new RecordRef()
    for (let place = log.end - 1; place >= from; place--) {
      const key = log.keyAt(place)
      this.#key = key
      if (log.before(place, before))
        this.#editor.set(key, before.position, before.lengthBytes, before.crc, unread)
      else this.#editor.delete(key, unread)
    }
  }

  /** The leaf of the key at hand is left empty. */
  leftEmpty(): void {
    this.empty.push(this.#key.slice())
  }
}

export class Past {
  readonly log: ChangeLog
  /** Whether changes must be noted. */
  noted = false
  /** The visible tree and those that are on their way. */
  #published: Tree[] = []
  /** How many trees are not to be live when they are published. */
  #copies = 0
  #penalty = 0

  constructor(start: number) {
    this.log = new ChangeLog(start)
  }

  /** Whether so much was noted that the way back takes too long. */
  get isLong(): boolean {
    return this.noted && this.log.end - this.log.start > MOST_CHANGES
  }

  /** Has `undo` take the changes from a place on back, and forgets them. */
  takeBack<T>(from: number, undo: () => T): T {
    this.noted = false
    try {
      const undone = undo()
      this.log.cut(from)
      this.noted = true
      return undone
    } catch (error) {
      // What is half done is nobody's tree.
      this.log.clear()
      throw error
    }
  }

  /** Readers are going to see this tree; it is the newest. */
  publish(tree: Tree): void {
    if (this.#published.at(-1) !== tree) this.#published.push(tree)
    if (this.#copies === 0) return
    this.#copies--
    tree.detach()
  }

  /** Somebody went the way back. */
  wasTaken(): void {
    this.#penalty = Math.min(MOST_COPIES, this.#penalty * 2 + 1)
    this.#copies = this.#penalty
  }

  /** A tree that was published is visible. `frozen` is the one that its editor gave last. */
  settle(tree: Tree, frozen: Tree): void {
    const at = this.#published.indexOf(tree)
    if (at < 0) return
    // Of the one that was visible, nobody went the way back.
    if (at > 0 && this.#published[0]?.isLive === true) this.#penalty >>= 1
    this.#published.splice(0, at)
    this.log.dropBefore(tree.mark)
    // Whoever has a live one that is newer began with the last that was given, or changed something since.
    if (!tree.isLive && !frozen.isLive && this.log.end === tree.mark) this.noted = false
  }

  /** Detaches what was published. Nobody else has a live tree, be it the last that was given: the way back is forgotten. */
  leave(): void {
    for (const tree of this.#published) tree.detach()
    this.log.clear()
    this.noted = false
  }
}

/** Whether deleting the only entry of the leaf that a way leads to may drop the leaf, instead of merging it with a sibling. */
export function maySpoilThePast({ leaf, nodes, slots, depth }: Way, source: NodeSource): boolean {
  if (leaf.count > 1 || depth === 0) return false
  const parent = nodes[depth - 1] as Node
  const slot = slots[depth - 1] as number
  const other = slot > 0 ? slot - 1 : 1
  const present = parent.children[other]
  if (present !== undefined && isPartial(present)) return true
  const sibling = other < parent.count ? readableChild(source, parent, other) : undefined
  if (sibling === undefined || sibling.count === 0) return true
  // What was readable stays so.
  if (present === undefined) setChild(parent, other, sibling)
  return false
}
