/**
 * Walking a tree in order, from a rank on, for a number of keys: no key is compared and nothing is allocated on the way.
 *
 * Only nodes on the path to the present entry are held, and they are immutable, so a cursor needs no closing.
 */
import { CorruptionError } from '../errors.js'
import { LeafNotes, type NoteEpoch } from './leaf-notes.js'
import { copyKey, countAt, keyLength, keyOf, type Node, readRef } from './node.js'
import { childAt, type NodeSource } from './node-source.js'
import { RecordRef } from './record-ref.js'

/** Which keys a cursor walks: `count` of them from `rank` on. They are there. */
export interface CursorRange {
  readonly rank: number
  readonly count: number
  readonly reverse: boolean
}

/** An inner node on the path, and which of its children is on the path too. */
interface Step {
  node: Node
  slot: number
  /** Of the node above; undefined for the root's. */
  readonly above: Step | undefined
}

export class TreeCursor {
  /** The reference of the present key. */
  readonly ref: RecordRef = new RecordRef()
  readonly #source: NodeSource
  readonly #reverse: boolean
  /** Of the node above the leaf. */
  #lowest: Step | undefined
  #rank: number
  /** Keys still to come. */
  #left: number
  /** The root before the first step. */
  #leaf: Node
  #index = -1

  /** Made by `Tree.cursor`. */
  constructor(source: NodeSource, root: Node, range: CursorRange) {
    this.#source = source
    this.#leaf = root
    this.#rank = range.rank
    this.#left = range.count
    this.#reverse = range.reverse
  }

  /** Goes to the next key; false after the last. */
  next(): boolean {
    if (this.#left === 0) return false
    this.#left--
    if (this.#index < 0) this.#start()
    else if (this.#reverse) this.#stepBack()
    else this.#stepOn()
    readRef(this.#leaf, this.#index, this.ref)
    return true
  }

  /** A copy of the present key. Only after `next` returned true. */
  key(): Uint8Array {
    return keyOf(this.#leaf, this.#index)
  }

  /** Copies the present key to the start of `target`, and returns its length. Only after `next` returned true. */
  copyKey(target: Uint8Array): number {
    copyKey(this.#leaf, this.#index, target, 0)
    return keyLength(this.#leaf, this.#index)
  }

  /** Fills `out` with what was noted in this epoch of the present key, of a tree of keys alone, if anything was. */
  noted(epoch: NoteEpoch, out: RecordRef): boolean {
    const { notes } = this.#leaf
    return notes !== undefined && notes.epoch === epoch && notes.read(this.#index, out)
  }

  /** Notes a reference of the present key, of a tree of keys alone that nobody edits. It may be forgotten at any time. */
  note(epoch: NoteEpoch, ref: RecordRef): void {
    const leaf = this.#leaf
    if (leaf.notes?.epoch !== epoch) leaf.notes = new LeafNotes(epoch)
    leaf.notes.write(this.#index, ref)
  }

  #start(): void {
    let node = this.#leaf
    let rank = this.#rank
    while (node.height > 0) {
      let slot = 0
      while (rank >= countAt(node, slot)) rank -= countAt(node, slot++)
      this.#lowest = { node, slot, above: this.#lowest }
      node = childAt(this.#source, node, slot)
    }
    this.#leaf = node
    this.#index = rank
  }

  #stepOn(): void {
    if (++this.#index < this.#leaf.count) return
    this.#nextLeaf(1)
    this.#index = 0
  }

  #stepBack(): void {
    if (--this.#index >= 0) return
    this.#nextLeaf(-1)
    this.#index = this.#leaf.count - 1
  }

  /** Passes over leaves without keys: there is one with the next key. */
  #nextLeaf(direction: 1 | -1): void {
    do this.#leaf = this.#neighbour(this.#lowest, direction)
    while (this.#leaf.count === 0)
  }

  /** Moves a step to the next child in a direction, with the steps above it where it must, and returns that child. */
  #neighbour(step: Step | undefined, direction: 1 | -1): Node {
    if (step === undefined)
      throw new CorruptionError('The nodes of a tree hold fewer entries than the counts above them say.')
    const slot = step.slot + direction
    if (slot >= 0 && slot < step.node.count) step.slot = slot
    else {
      step.node = this.#neighbour(step.above, direction)
      step.slot = direction > 0 ? 0 : step.node.count - 1
    }
    return childAt(this.#source, step.node, step.slot)
  }
}
