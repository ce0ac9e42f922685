/**
 * Which records were replaced or deleted lately: whether a reference that was found earlier is still that of the newest version (I29).
 *
 * A reference that was found in the visible commit in this epoch, and whose record was not replaced since, is the newest one.
 * Records are told apart by a hash of their positions alone: one that is taken for another is looked for once more. An epoch ends when so many
 * were replaced that this gets frequent, and only while nothing is on its way that replaced some.
 */
import { u32 } from '../format/typed-read.js'
import type { NoteEpoch } from '../tree/index.js'

const BITS = 19
/** Records replaced in an epoch: beyond that, one in sixteen would be taken for one that was. */
export const MOST_REPLACED: number = 2 ** (BITS - 4)
const GOLDEN = 0x9e3779b1

export class ReplacedRecords {
  /** What was found before this epoch may have been replaced. */
  epoch: NoteEpoch = newEpoch()
  readonly #end: () => number
  #count = 0
  /** Undefined before the first. */
  #bits: Uint32Array | undefined

  /** `end`: where what the visible commit covers ends. */
  constructor(end: () => number) {
    this.#end = end
  }

  /** Where what the visible commit covers ends. */
  get end(): number {
    return this.#end()
  }

  /** The record at `position` was replaced or deleted in a commit that is on its way, or may come to nothing. */
  add(position: number): void {
    this.#bits ??= new Uint32Array(2 ** (BITS - 5))
    const bit = bitOf(position)
    this.#bits[bit >>> 5] = u32(this.#bits, bit >>> 5) | (1 << (bit & 31))
    this.#count++
  }

  /** Whether the record at `position` may have been replaced in this epoch. */
  mayHave(position: number): boolean {
    if (this.#bits === undefined) return false
    const bit = bitOf(position)
    return (u32(this.#bits, bit >>> 5) & (1 << (bit & 31))) !== 0
  }

  /** All that was replaced is so in the visible commit, or came to nothing. */
  settle(): void {
    if (this.#count < MOST_REPLACED) return
    this.epoch = newEpoch()
    this.#bits?.fill(0)
    this.#count = 0
  }
}

function newEpoch(): NoteEpoch {
  return Symbol('epoch')
}

function bitOf(position: number): number {
  return Math.imul(position / 16, GOLDEN) >>> (32 - BITS)
}
