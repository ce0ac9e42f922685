/**
 * Decoded rows in memory, by where their records lie, within a budget; and those of the visible commit by their keys as well.
 *
 * A record never changes, so a row found by its position is right whatever was written since. One found by its key is right only
 * while no newer version is visible: it is forgotten when its record is replaced, and while commits are on their way that may have
 * replaced others, no row is noted by its key (I29).
 *
 * A row is kept when it is read again while it is remembered: reading a large collection once, or at random, keeps hardly any.
 * What was not asked for since the hand passed it last goes first. Rows handed out are copies.
 */
import { heapBytesOf, isFlat } from '../format/row-memory.js'
import { copyRow, type Row } from '../format/value.js'
import type { RecordRef } from '../tree/index.js'
import { LEAST_ROW_SHARE, MOST_ROW_SHARE } from './checkpoint-policy.js'

/** A key that equals no other one under another type, and that a `Map` finds. */
export type PlainKey = string | number

interface CachedRow {
  readonly position: number
  readonly collectionId: number
  /** Of the record, as the index has it. */
  readonly crc: number
  readonly row: Row
  readonly flat: boolean
  readonly bytes: number
  /** Whether it was asked for since the hand passed it last. */
  recent: boolean
  key: PlainKey | undefined
}

/** Memory of an entry, of its places in the tables, and of what a copy takes beside its fields (measured). */
const ENTRY_BYTES = 320
/** A row that takes more than this part of the budget is not kept. */
const LARGEST_PART = 64
/** One remembered position to so many bytes of the budget. */
const BYTES_PER_MEMORY = 256
/** Once rows had to go, one in eight is taken in: what is read often is soon, and the others do not make each other go. */
const SELDOM = 7
const GOLDEN = 0x9e3779b1

export class RowCache {
  /** Memory taken. */
  bytes = 0
  /** Whether rows met on walks are kept: not where decoding them again costs hardly more than a copy. */
  takesWalks = true
  hits = 0
  misses = 0
  evictions = 0
  readonly #end: () => number
  #leastBytes: number
  #mostBytes: number
  #limitBytes: number
  readonly #rows = new Map<number, CachedRow>()
  #hand: IterableIterator<CachedRow> = this.#rows.values()
  /** Rows of the visible commit by their keys, by collection. */
  readonly #byKey = new Map<number, Map<PlainKey, CachedRow>>()
  /** Positions read lately, by a hash of them. */
  #memory: Uint32Array | undefined
  #memoryShift = 0
  #inFlight = false
  #isFull = false

  /** What lies below `end()` is never cut off: other positions may come to hold other records. */
  constructor(cacheBytes: number, end: () => number) {
    this.#end = end
    this.#leastBytes = Math.floor(cacheBytes * LEAST_ROW_SHARE)
    this.#mostBytes = Math.floor(cacheBytes * MOST_ROW_SHARE)
    this.#limitBytes = this.#mostBytes
  }

  get count(): number {
    return this.#rows.size
  }

  /** Says how much memory is free beside what others take. */
  makeRoom(freeBytes: number): void {
    this.#limitBytes = Math.min(this.#mostBytes, Math.max(this.#leastBytes, freeBytes))
    if (this.bytes > this.#limitBytes) this.#trim()
  }

  /** A copy of the row whose record is at `ref`. */
  at({ position, crc }: RecordRef, collectionId: number): Row | undefined {
    const cached = this.#rows.get(position)
    if (cached === undefined || cached.crc !== crc || cached.collectionId !== collectionId) {
      this.misses++
      return undefined
    }
    return this.#found(cached)
  }

  /** A copy of the row that a collection has at the visible commit. */
  ofKey(collectionId: number, key: PlainKey): Row | undefined {
    const cached = this.#byKey.get(collectionId)?.get(key)
    return cached === undefined ? undefined : this.#found(cached)
  }

  #found(cached: CachedRow): Row {
    this.hits++
    cached.recent = true
    return cached.flat ? { ...cached.row } : copyRow(cached.row)
  }

  /** Takes a row that was just read from the record at `ref`, and keeps a copy of it if it was read before. */
  offer({ position, crc }: RecordRef, collectionId: number, row: Row): void {
    if (this.#limitBytes === 0) return
    if (position >= this.#end() || this.#rows.has(position) || !this.#remembers(position)) return
    if (this.#isFull && (this.misses & SELDOM) !== 0) return
    const bytes = ENTRY_BYTES + heapBytesOf(row)
    if (bytes > this.#limitBytes / LARGEST_PART) return
    const flat = isFlat(row)
    this.#rows.set(position, {
      position,
      collectionId,
      crc,
      row: flat ? { ...row } : copyRow(row),
      flat,
      bytes,
      recent: false,
      key: undefined,
    })
    this.bytes += bytes
    if (this.bytes > this.#limitBytes) this.#trim()
  }

  /** Notes that the row at `position`, if it is here, is the one that the visible commit has at a key. */
  note(position: number, key: PlainKey): void {
    if (this.#inFlight) return
    const cached = this.#rows.get(position)
    if (cached === undefined || cached.key !== undefined) return
    const { collectionId } = cached
    let keys = this.#byKey.get(collectionId)
    if (keys === undefined) {
      keys = new Map()
      this.#byKey.set(collectionId, keys)
    }
    cached.key = key
    keys.set(key, cached)
  }

  /** The record at `position` was replaced or deleted in a commit that is on its way, or may come to nothing. */
  replaced(position: number): void {
    this.#inFlight = true
    const cached = this.#rows.get(position)
    if (cached !== undefined) this.#remove(cached)
  }

  /** All that was replaced is so in the visible commit, or came to nothing. */
  settle(): void {
    this.#inFlight = false
  }

  /** Gives all memory back, and takes none again. */
  letGo(): void {
    this.#leastBytes = this.#mostBytes = 0
    this.#rows.clear()
    this.#byKey.clear()
    this.makeRoom(0)
    this.#memory = undefined
    this.bytes = 0
  }

  /** Whether a position was read lately; from now on it was. */
  #remembers(position: number): boolean {
    const memory = this.#memory ?? this.#newMemory()
    const word = position >>> 3
    // One of two places: else of two positions with the same one neither would ever be remembered.
    const at = Math.imul(word, GOLDEN) >>> this.#memoryShift
    if (memory[at] === word || memory[at ^ 1] === word) return true
    memory[at ^ (this.misses & 1)] = word
    return false
  }

  #newMemory(): Uint32Array {
    const bits = Math.max(4, Math.floor(Math.log2(Math.max(1, this.#mostBytes / BYTES_PER_MEMORY))))
    const memory = new Uint32Array(2 ** bits)
    this.#memory = memory
    this.#memoryShift = 32 - bits
    this.bytes += memory.byteLength
    return memory
  }

  #trim(): void {
    while (this.bytes > this.#limitBytes && this.#rows.size > 0) {
      const next = this.#hand.next()
      if (next.done === true) this.#hand = this.#rows.values()
      else if (next.value.recent) next.value.recent = false
      else {
        this.#remove(next.value)
        this.#isFull = true
        this.evictions++
      }
    }
  }

  #remove(cached: CachedRow): void {
    this.#rows.delete(cached.position)
    this.bytes -= cached.bytes
    const { key, collectionId } = cached
    if (key === undefined) return
    const keys = this.#byKey.get(collectionId)
    if (keys?.get(key) === cached) keys.delete(key)
  }
}
