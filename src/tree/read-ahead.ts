/**
 * Images of nodes that are near one another in the file, read together before each is asked for.
 *
 * What was read is checked by whoever takes it; what could not be read is not here, and is met again when it is asked for.
 */
import type { StorageFile } from '../storage/storage.js'
import { Column, type Node, positionAt } from './node.js'
import { u32 } from '../format/typed-read.js'
import { viewOf } from '../format/integers.js'

const BUFFER_BYTES = 256 * 1024
/** Bytes between two nodes that cost less than another call. */
const GAP_BYTES = 8 * 1024

export class ReadAhead {
  readonly bytes: Uint8Array = new Uint8Array(BUFFER_BYTES)
  readonly view: DataView = viewOf(this.bytes)
  /** Where in `bytes` the image at a position of the file begins. */
  readonly #places = new Map<number, number>()
  readonly #wanted: number[] = []

  /** Where the image of so many bytes at `position` begins in `bytes`; undefined if it is not there. */
  placeOf(position: number): number | undefined {
    return this.#places.get(position)
  }

  /** Reads the children of `parent` at the first `count` of these slots, of which none is in memory; forgets what it read before. */
  read(file: StorageFile, parent: Node, slots: readonly number[]): void {
    this.#places.clear()
    const wanted = this.#wanted
    wanted.length = 0
    for (const slot of slots) wanted.push(slot)
    wanted.sort((a, b) => positionAt(parent, a) - positionAt(parent, b))
    let used = 0
    for (let first = 0; first < wanted.length;) {
      const last = this.#lastOfPiece(parent, first, BUFFER_BYTES - used)
      if (last < first) return
      used += this.#readPiece(file, parent, first, last, used)
      first = last + 1
    }
  }

  /** The last child that is read in one piece with the first one, in at most so many bytes. */
  #lastOfPiece(parent: Node, first: number, mostBytes: number): number {
    const wanted = this.#wanted
    const start = positionAt(parent, wanted[first] ?? 0)
    let end = start
    for (let at = first; at < wanted.length; at++) {
      const slot = wanted[at] ?? 0
      const position = positionAt(parent, slot)
      const next = position + lengthAt(parent, slot)
      if (position - end > GAP_BYTES || next - start > mostBytes) return at - 1
      end = Math.max(end, next)
    }
    return wanted.length - 1
  }

  #readPiece(file: StorageFile, parent: Node, first: number, last: number, at: number): number {
    const wanted = this.#wanted
    const start = positionAt(parent, wanted[first] ?? 0)
    const lastSlot = wanted[last] ?? 0
    const length = positionAt(parent, lastSlot) + lengthAt(parent, lastSlot) - start
    const read = file.read(this.bytes.subarray(at, at + length), start)
    for (let i = first; i <= last; i++) {
      const slot = wanted[i] ?? 0
      const position = positionAt(parent, slot)
      if (position - start + lengthAt(parent, slot) <= read) this.#places.set(position, at + position - start)
    }
    return length
  }
}

function lengthAt({ words, capacity }: Node, slot: number): number {
  return u32(words, Column.length * capacity + slot)
}
