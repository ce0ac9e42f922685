/**
 * What the keys of a tree referred to before they changed, in order: the way back from a tree that is edited in place.
 *
 * A place in the log is a number that only rises, so that whoever keeps one need not know what was dropped before it.
 */
import { u8 } from '../format/typed-read.js'
import type { RecordRef } from './record-ref.js'

/** Numbers of a change: where its key ends, and the reference before; of a key that was not there the position is {@link ABSENT}. */
const NUMBERS = 4
const ABSENT = -1

const LEAST_CHANGES = 64
const LEAST_KEY_BYTES = 2048
/** An empty log keeps no more memory than this of each kind. */
const MOST_KEPT_BYTES = 256 * 1024

export class ChangeLog {
  /** The place of the oldest change, and the one behind the newest. */
  #start: number
  #end: number
  #keys = new Uint8Array(0)
  #numbers = new Float64Array(0)

  constructor(start: number) {
    this.#start = start
    this.#end = start
  }

  get start(): number {
    return this.#start
  }

  get end(): number {
    return this.#end
  }

  /** Adds a change of `key`, which referred to `before`; undefined if it was not there. Both are copied. */
  add(key: Uint8Array, before: RecordRef | undefined): void {
    const at = (this.#end - this.#start) * NUMBERS
    const keyStart = at === 0 ? 0 : this.#number(at - NUMBERS)
    const keyEnd = keyStart + key.length
    if (at === this.#numbers.length) this.#numbers = grown(this.#numbers, LEAST_CHANGES * NUMBERS)
    while (keyEnd > this.#keys.length) this.#keys = grownBytes(this.#keys)
    const keys = this.#keys
    for (let i = 0; i < key.length; i++) keys[keyStart + i] = u8(key, i)
    const numbers = this.#numbers
    numbers[at] = keyEnd
    numbers[at + 1] = before?.position ?? ABSENT
    numbers[at + 2] = before?.lengthBytes ?? 0
    numbers[at + 3] = before?.crc ?? 0
    this.#end++
  }

  /** The key of the change at a place; valid until something is added or dropped. */
  keyAt(place: number): Uint8Array {
    const at = (place - this.#start) * NUMBERS
    return this.#keys.subarray(at === 0 ? 0 : this.#number(at - NUMBERS), this.#number(at))
  }

  /** Fills `out` with what the key of the change at a place referred to before; false if it was not there. */
  before(place: number, out: RecordRef): boolean {
    const at = (place - this.#start) * NUMBERS
    out.position = this.#number(at + 1)
    out.lengthBytes = this.#number(at + 2)
    out.crc = this.#number(at + 3)
    return out.position !== ABSENT
  }

  /** Drops the changes before a place. */
  dropBefore(place: number): void {
    const dropped = place - this.#start
    if (dropped <= 0) return
    if (place >= this.#end) return this.clear()
    const from = dropped * NUMBERS
    const to = (this.#end - this.#start) * NUMBERS
    const keyFrom = this.#number(from - NUMBERS)
    this.#keys.copyWithin(0, keyFrom, this.#number(to - NUMBERS))
    this.#numbers.copyWithin(0, from, to)
    const numbers = this.#numbers
    for (let at = 0; at < to - from; at += NUMBERS) numbers[at] = this.#number(at) - keyFrom
    this.#start = place
  }

  /** Drops the changes from a place on. Of a place that is not its own it knows no changes: it begins anew there. */
  cut(place: number): void {
    if (place < this.#start || place > this.#end) this.#start = place
    this.#end = place
  }

  clear(): void {
    this.#start = this.#end
    if (this.#keys.byteLength > MOST_KEPT_BYTES) this.#keys = new Uint8Array(0)
    if (this.#numbers.byteLength > MOST_KEPT_BYTES) this.#numbers = new Float64Array(0)
  }

  #number(at: number): number {
    const number = this.#numbers[at]
    if (number === undefined) throw new TypeError('A place that is not in the log of changes.')
    return number
  }
}

function grown(numbers: Float64Array<ArrayBuffer>, least: number): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(Math.max(least, numbers.length * 2))
  longer.set(numbers)
  return longer
}

function grownBytes(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(Math.max(LEAST_KEY_BYTES, bytes.length * 2))
  longer.set(bytes)
  return longer
}
