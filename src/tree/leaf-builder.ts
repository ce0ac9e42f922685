/**
 * Gathers keys that come in order, with their records, and makes leaves of them: each as small as its keys allow.
 */
import { u32, u8 } from '../format/typed-read.js'
import { emptyNode } from './new-node.js'
import { Column, copyKey, keyLength, type Node, type Owner, setEnd, writeRef } from './node.js'
import type { RecordRef } from './record-ref.js'
import { headOf, sharedBytes } from './search.js'
import { ENTRY_BYTES, MIN_SPLIT_COUNT, NODE_BYTES } from './weight.js'

/** Entries that a leaf has room for: more of them weigh too much, however short their keys. */
const MOST_ENTRIES: number = NODE_BYTES / ENTRY_BYTES
const FIRST_KEY_BYTES: number = 16 * 1024

export class LeafBuilder {
  readonly #owner: Owner
  readonly #columns: number
  /** Whole keys, one behind the other, and where each ends. */
  #keys = new Uint8Array(FIRST_KEY_BYTES)
  readonly #ends = new Uint32Array(MOST_ENTRIES)
  #count = 0
  /** Has the records already; its keys when it is taken. */
  #leaf: Node

  constructor(owner: Owner, columns: number) {
    this.#owner = owner
    this.#columns = columns
    this.#leaf = emptyNode(owner, 0, columns, MOST_ENTRIES, FIRST_KEY_BYTES)
  }

  get count(): number {
    return this.#count
  }

  /** Whether a leaf with a key of this length too would weigh more than `bytes`, at most {@link NODE_BYTES}. */
  isFullWith(length: number, bytes: number): boolean {
    const weight = this.#keyBytes + length + (this.#count + 1) * ENTRY_BYTES
    return this.#count >= MIN_SPLIT_COUNT && weight > bytes
  }

  /** Adds the key of an entry of another leaf, for which there is room. */
  add(from: Node, entry: number, { position, lengthBytes, crc }: RecordRef): void {
    const i = this.#count
    const start = this.#keyBytes
    const end = start + keyLength(from, entry)
    if (end > this.#keys.length) this.#growKeys(end)
    copyKey(from, entry, this.#keys, start)
    this.#ends[i] = end
    writeRef(this.#leaf, i, position, lengthBytes, crc)
    this.#count = i + 1
  }

  /** The shortest byte string above the last key, up to `key`, which is above it too. */
  separatorBefore(key: Uint8Array): Uint8Array {
    const last = this.#count - 1
    return key.slice(
      0,
      sharedBytes(this.#keys, this.#startOf(last), this.#endOf(last), key, 0, key.length) + 1,
    )
  }

  /** The leaf of what was gathered since the last one. Valid until something is added, which goes into the same memory. */
  take(): Node {
    const count = this.#count
    const keys = this.#keys
    const leaf = this.#leaf
    const prefixBytes = this.#sharedByAll()
    leaf.count = count
    leaf.prefixBytes = prefixBytes
    leaf.keys.set(keys.subarray(0, prefixBytes))
    const { words, capacity } = leaf
    let from = 0
    let end = prefixBytes
    for (let i = 0; i < count; i++) {
      const to = this.#endOf(i)
      from += prefixBytes
      words[Column.head * capacity + i] = headOf(keys, from, to)
      while (from < to) leaf.keys[end++] = u8(keys, from++)
      setEnd(leaf, i, end)
    }
    this.#count = 0
    return leaf
  }

  /** Keys are in order, so what the first and the last have in common, all have. */
  #sharedByAll(): number {
    const last = this.#count - 1
    if (last < 1) return 0
    return sharedBytes(this.#keys, 0, this.#endOf(0), this.#keys, this.#startOf(last), this.#endOf(last))
  }

  get #keyBytes(): number {
    return this.#startOf(this.#count)
  }

  #startOf(i: number): number {
    return i === 0 ? 0 : this.#endOf(i - 1)
  }

  #endOf(i: number): number {
    return u32(this.#ends, i)
  }

  /** Makes room for so many bytes of keys, here and in the leaf. */
  #growKeys(needed: number): void {
    const length = Math.max(needed, this.#keys.length * 2)
    const larger = new Uint8Array(length)
    larger.set(this.#keys)
    this.#keys = larger
    const leaf = emptyNode(this.#owner, 0, this.#columns, MOST_ENTRIES, length)
    leaf.words.set(this.#leaf.words)
    this.#leaf = leaf
  }
}
