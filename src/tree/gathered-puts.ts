/**
 * Keys and what they are to refer to, gathered in the order in which they come, to be put into a tree in the order of keys.
 *
 * Of several for one key the last one counts. The keys are copied.
 */
import type { DigestSum } from '../format/digest.js'
import { compareBytes } from '../format/key-order.js'
import { u32, u8 } from '../format/typed-read.js'
import { headOf, sharedBytes } from './search.js'

/** Most that are gathered: as many as an index in 16 bits tells apart. */
const MOST_PUTS = 2 ** 16
/** From so many on, or so many bytes of keys, they should be put into the tree. */
const MANY_PUTS: number = MOST_PUTS - 2 ** 13
const MANY_KEY_BYTES = 4 * 1024 * 1024
const FIRST_PUTS = 1024
const FIRST_KEY_BYTES = 16 * FIRST_PUTS
/** What no record's length is: the key is to be deleted. */
const DELETED = 0
/** So few are put in order by comparing them. */
const FEW = 24

export class GatheredPuts {
  /** How many there are; after `sort`, of different keys, those to be deleted aside. */
  count = 0
  /** After `sort`: the keys to be deleted, in order. */
  readonly deleted: Uint8Array[] = []
  #keys = new Uint8Array(FIRST_KEY_BYTES)
  #keyBytes = 0
  #ends = new Uint32Array(FIRST_PUTS)
  #positions = new Float64Array(FIRST_PUTS)
  #lengths = new Uint32Array(FIRST_PUTS)
  #crcs = new Uint32Array(FIRST_PUTS)
  #order = new Uint32Array(0)
  #sharedByAll = 0
  #haveRepeats = false
  #haveDeletions = false

  /** Whether they should be put into the tree soon. */
  get areMany(): boolean {
    return this.count >= MANY_PUTS || this.#keyBytes > MANY_KEY_BYTES
  }

  /** Whether another one can be added. */
  get hasRoom(): boolean {
    return this.count < MOST_PUTS
  }

  /** Adds the key `bytes[start, end)` with the record that it is to refer to; one of no bytes if it is to be deleted. */
  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    position: number,
    lengthBytes: number,
    crc: number,
  ): void {
    const at = this.count++
    const length = end - start
    if (at === this.#ends.length) this.#makeRoom()
    if (this.#keyBytes + length > this.#keys.length) this.#makeRoomForKeys(length)
    const keys = this.#keys
    const target = this.#keyBytes
    for (let i = 0; i < length; i++) keys[target + i] = u8(bytes, start + i)
    this.#keyBytes = target + length
    this.#ends[at] = target + length
    this.#positions[at] = position
    this.#lengths[at] = lengthBytes
    this.#crcs[at] = crc
    this.#haveDeletions ||= lengthBytes === DELETED
    this.#sharedByAll =
      at === 0 ? length : sharedBytes(keys, 0, this.#sharedByAll, keys, target, target + length)
  }

  #makeRoom(): void {
    const length = this.#ends.length * 2
    this.#ends = grown(this.#ends, new Uint32Array(length))
    this.#positions = grown(this.#positions, new Float64Array(length))
    this.#lengths = grown(this.#lengths, new Uint32Array(length))
    this.#crcs = grown(this.#crcs, new Uint32Array(length))
  }

  #makeRoomForKeys(more: number): void {
    this.#keys = grown(this.#keys, new Uint8Array(Math.max(this.#keys.length * 2, this.#keyBytes + more)))
  }

  /** From now on number `at` is that of the key which has `at` of the keys before it. */
  sort(): void {
    const order = new Uint32Array(this.count)
    for (let put = 0; put < order.length; put++) order[put] = put
    this.#sortPart(order, 0, order.length, this.#sharedByAll)
    this.#order = order
    if (this.#haveRepeats || this.#haveDeletions) this.#dropSome(order)
  }

  /** Drops those that others replaced, and takes those out whose keys are to be deleted. */
  #dropSome(order: Uint32Array): void {
    let kept = 0
    for (let at = 0; at < order.length; at++) {
      const put = u32(order, at)
      if (at + 1 < order.length && this.#compare(put, u32(order, at + 1)) === 0) continue
      if (u32(this.#lengths, put) === DELETED) this.deleted.push(this.#keyOfPut(put))
      else order[kept++] = put
    }
    this.count = kept
  }

  /** By the heads of what is behind the bytes that all of them have in common, then those of the same head. */
  #sortPart(order: Uint32Array, from: number, to: number, shared: number): void {
    const heads = new Float64Array(to - from)
    for (let at = from; at < to; at++) {
      const put = u32(order, at)
      const end = this.#endOf(put)
      heads[at - from] = headOf(this.#keys, Math.min(this.#startOf(put) + shared, end), end) * MOST_PUTS + put
    }
    heads.sort()
    let run = from
    let head = -1
    for (let at = from; at < to; at++) {
      const headAndPut = heads[at - from] ?? 0
      const next = Math.floor(headAndPut / MOST_PUTS)
      order[at] = headAndPut - next * MOST_PUTS
      if (next === head) continue
      if (at - run > 1) this.#sortRun(order, run, at, to - from)
      run = at
      head = next
    }
    if (to - run > 1) this.#sortRun(order, run, to, to - from)
  }

  /** Those of one head, out of so many. */
  #sortRun(order: Uint32Array, from: number, to: number, of: number): void {
    if (to - from <= FEW) this.#sortFew(order, from, to)
    // Where a head says nothing of all of them, neither would the next one.
    else if (to - from === of) order.subarray(from, to).sort((a, b) => this.#compareBoth(a, b))
    else this.#sortPart(order, from, to, this.#sharedBytes(order, from, to))
  }

  #sortFew(order: Uint32Array, from: number, to: number): void {
    for (let at = from + 1; at < to; at++) {
      const put = u32(order, at)
      let target = at
      for (; target > from && this.#compareBoth(u32(order, target - 1), put) > 0; target--)
        order[target] = u32(order, target - 1)
      order[target] = put
    }
  }

  /** By key, then by which came first. */
  #compareBoth(a: number, b: number): number {
    const byKey = this.#compare(a, b)
    if (byKey !== 0) return byKey
    this.#haveRepeats = true
    return a - b
  }

  #compare(a: number, b: number): number {
    const keys = this.#keys
    return compareBytes(keys, this.#startOf(a), this.#endOf(a), keys, this.#startOf(b), this.#endOf(b))
  }

  #sharedBytes(order: Uint32Array, from: number, to: number): number {
    const first = u32(order, from)
    const keys = this.#keys
    const start = this.#startOf(first)
    let end = this.#endOf(first)
    for (let at = from + 1; at < to && end > start; at++) {
      const put = u32(order, at)
      end = start + sharedBytes(keys, start, end, keys, this.#startOf(put), this.#endOf(put))
    }
    return end - start
  }

  #startOf(put: number): number {
    return put === 0 ? 0 : u32(this.#ends, put - 1)
  }

  #endOf(put: number): number {
    return u32(this.#ends, put)
  }

  // Of the sorted ones, by number

  keyOf(at: number): Uint8Array {
    return this.#keyOfPut(u32(this.#order, at))
  }

  #keyOfPut(put: number): Uint8Array {
    return this.#keys.subarray(this.#startOf(put), this.#endOf(put))
  }

  /** Adds a key with its record to a digest. */
  addTo(digest: DigestSum, at: number): void {
    const put = u32(this.#order, at)
    digest.add(this.#keys, this.#startOf(put), this.#endOf(put), u32(this.#crcs, put))
  }

  /** Takes a key with another record out of a digest. */
  subtractFrom(digest: DigestSum, at: number, crc: number): void {
    const put = u32(this.#order, at)
    digest.subtract(this.#keys, this.#startOf(put), this.#endOf(put), crc)
  }

  positionOf(at: number): number {
    return this.#positions[u32(this.#order, at)] ?? 0
  }

  lengthOf(at: number): number {
    return u32(this.#lengths, u32(this.#order, at))
  }

  crcOf(at: number): number {
    return u32(this.#crcs, u32(this.#order, at))
  }

  /** Negative, zero or positive as it sorts before, with or after the key that is `bytes[0, prefixEnd)` and `bytes[start, end)`. */
  compareTo(at: number, bytes: Uint8Array, prefixEnd: number, start: number, end: number): number {
    const put = u32(this.#order, at)
    const keys = this.#keys
    const from = this.#startOf(put)
    const to = this.#endOf(put)
    const middle = Math.min(from + prefixEnd, to)
    const byPrefix = compareBytes(keys, from, middle, bytes, 0, prefixEnd)
    return byPrefix === 0 ? compareBytes(keys, middle, to, bytes, start, end) : byPrefix
  }
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
