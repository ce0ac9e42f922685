/**
 * Changes that wait to be put into a tree, in the order in which they were made: what keys refer to that are new to it, or that it has.
 *
 * The newest change of a key is found by a table of the hashes of all keys, which is made when the first one is looked for. A search in it is short: keys that were
 * made to share their hashes get no table.
 */
import { keyHash } from '../format/digest.js'
import { u8 } from '../format/typed-read.js'
import type { RecordRef } from './record-ref.js'

/** Few, as each of thousands of collections may have one change. */
const FIRST_CHANGES = 16
const FIRST_KEY_BYTES = 16 * FIRST_CHANGES

/** What a change takes beside its key: its numbers and its part of the table, with room to grow. */
export const DEFERRED_CHANGE_BYTES = 48

/** Steps through the table that making it may take, for each change: one or two are to be expected. */
const MOST_STEPS = 8

export class DeferredChanges {
  #count = 0
  #keys = new Uint8Array(FIRST_KEY_BYTES)
  /** Where each key ends in `#keys`; it begins where the one before ends. */
  #ends = new Uint32Array(FIRST_CHANGES)
  /** Negative of a key that the tree has. */
  #positions = new Float64Array(FIRST_CHANGES)
  #lengths = new Uint32Array(FIRST_CHANGES)
  #crcs = new Uint32Array(FIRST_CHANGES)
  /** By hash of the key: the number of its newest change, counted from 1; 0 for none. */
  #table: Int32Array | undefined
  /** Whether making the table took too long. */
  #isHard = false

  get count(): number {
    return this.#count
  }

  /** Adds a change; `isNew` if the tree does not have the key. Both are copied. */
  add(key: Uint8Array, { position, lengthBytes, crc }: RecordRef, isNew: boolean): void {
    const at = this.#count
    const start = this.#startOf(at)
    const end = start + key.length
    if (at === this.#ends.length) this.#grow()
    if (end > this.#keys.length) this.#growKeys(end)
    const keys = this.#keys
    for (let i = 0; i < key.length; i++) keys[start + i] = u8(key, i)
    this.#ends[at] = end
    this.#positions[at] = isNew ? position : -position
    this.#lengths[at] = lengthBytes
    this.#crcs[at] = crc
    this.#count = at + 1
    this.#table = undefined
    this.#isHard = false
  }

  /** The key of change `at`; valid until something is added. */
  keyAt(at: number): Uint8Array {
    return this.#keys.subarray(this.#startOf(at), this.#ends[at])
  }

  isNew(at: number): boolean {
    return this.#positionAt(at) > 0
  }

  /** Fills `out` with what change `at` made its key refer to. */
  readRef(at: number, out: RecordRef): void {
    out.position = Math.abs(this.#positionAt(at))
    out.lengthBytes = this.#lengths[at] ?? 0
    out.crc = this.#crcs[at] ?? 0
  }

  /** Sees to it that keys can be found. False if that would take long. */
  prepare(): boolean {
    if (this.#isHard) return false
    this.#table ??= this.#newTable()
    this.#isHard = this.#table === undefined
    return !this.#isHard
  }

  /** Fills `out` with what the newest change of `key` made it refer to, if there is one; after `prepare`. */
  find(key: Uint8Array, out: RecordRef): boolean {
    const table = this.#table
    if (table === undefined) throw new TypeError('Changes that are looked through have a table.')
    const hash = keyHash(key, 0, key.length)
    const found = table[this.#placeOf(table, hash, key, 0, key.length)] ?? 0
    if (found > 0) this.readRef(found - 1, out)
    return found > 0
  }

  #newTable(): Int32Array | undefined {
    const count = this.#count
    const table = new Int32Array(2 ** Math.ceil(Math.log2(2 * count + 1)))
    const mask = table.length - 1
    let steps = count * MOST_STEPS
    for (let at = 0, start = 0; at < count; at++) {
      const end = this.#ends[at] ?? 0
      const hash = keyHash(this.#keys, start, end)
      const place = this.#placeOf(table, hash, this.#keys, start, end)
      table[place] = at + 1
      steps -= (place - hash) & mask
      if (steps < 0) return undefined
      start = end
    }
    return table
  }

  /** Where the table has the key `bytes[start, end)`, or would have it. */
  #placeOf(table: Int32Array, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const mask = table.length - 1
    let place = hash & mask
    for (let other = table[place] ?? 0; other > 0; other = table[place] ?? 0) {
      if (this.#hasKey(other - 1, bytes, start, end)) break
      place = (place + 1) & mask
    }
    return place
  }

  #hasKey(at: number, bytes: Uint8Array, start: number, end: number): boolean {
    const keys = this.#keys
    const shift = this.#startOf(at) - start
    if ((this.#ends[at] ?? 0) - shift !== end) return false
    for (let i = start; i < end; i++) if (u8(keys, shift + i) !== u8(bytes, i)) return false
    return true
  }

  #startOf(at: number): number {
    return at === 0 ? 0 : (this.#ends[at - 1] ?? 0)
  }

  #positionAt(at: number): number {
    return this.#positions[at] ?? 0
  }

  #grow(): void {
    const room = 2 * this.#count
    this.#ends = copied(this.#ends, new Uint32Array(room))
    this.#positions = copied(this.#positions, new Float64Array(room))
    this.#lengths = copied(this.#lengths, new Uint32Array(room))
    this.#crcs = copied(this.#crcs, new Uint32Array(room))
  }

  #growKeys(least: number): void {
    this.#keys = copied(this.#keys, new Uint8Array(Math.max(least, 2 * this.#keys.length)))
  }
}

function copied<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
