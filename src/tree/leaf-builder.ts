/**
 * Gathers keys that come in order, with their records, and makes leaves of them: each as small as its keys allow.
 */
import { u32, u8 } from '../format/typed-read.js'
import {
  Column,
  ColumnCount,
  copyKey,
  emptyNode,
  ENTRY_BYTES,
  keyLength,
  MIN_SPLIT_COUNT,
  type Node,
  type Owner,
  writeRef,
} from './node.js'
import type { RecordRef } from './record-ref.js'
import { headOf, sharedBytes } from './search.js'

const FIRST_ENTRIES = 256
const FIRST_KEY_BYTES: number = 16 * 1024

export class LeafBuilder {
  readonly #owner: Owner
  readonly #columns: number
  #keys = new Uint8Array(FIRST_KEY_BYTES)
  /** Where each key ends in `#keys`. */
  #ends = new Uint32Array(FIRST_ENTRIES)
  #positions = new Float64Array(FIRST_ENTRIES)
  #lengths = new Uint32Array(FIRST_ENTRIES)
  #crcs = new Uint32Array(FIRST_ENTRIES)
  #count = 0
  #leaf: Node

  constructor(owner: Owner, columns: number) {
    this.#owner = owner
    this.#columns = columns
    this.#leaf = emptyNode(owner, 0, columns, FIRST_ENTRIES, FIRST_KEY_BYTES)
  }

  get count(): number {
    return this.#count
  }

  /** Whether a leaf with a key of this length too would weigh more than `bytes`. */
  isFullWith(length: number, bytes: number): boolean {
    const weight = this.#keyBytes + length + (this.#count + 1) * ENTRY_BYTES
    return this.#count >= MIN_SPLIT_COUNT && weight > bytes
  }

  /** Adds the key of an entry of another leaf. */
  add(from: Node, entry: number, { position, lengthBytes, crc }: RecordRef): void {
    const i = this.#count
    const start = this.#keyBytes
    const end = start + keyLength(from, entry)
    if (i === this.#ends.length) this.#growEntries()
    if (end > this.#keys.length) this.#growKeys(end)
    copyKey(from, entry, this.#keys, start)
    this.#ends[i] = end
    this.#positions[i] = position
    this.#lengths[i] = lengthBytes
    this.#crcs[i] = crc
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

  /** The leaf of what was gathered since the last one. Valid until the next one, which lies in the same memory. */
  take(): Node {
    const count = this.#count
    const keys = this.#keys
    const prefixBytes = this.#sharedByAll()
    const leaf = this.#leafFor(count, this.#keyBytes - (count - 1) * prefixBytes)
    leaf.count = count
    leaf.prefixBytes = prefixBytes
    leaf.keys.set(keys.subarray(0, prefixBytes))
    const { words, capacity } = leaf
    let end = prefixBytes
    for (let i = 0; i < count; i++) {
      const from = this.#startOf(i) + prefixBytes
      const to = this.#endOf(i)
      words[Column.head * capacity + i] = headOf(keys, from, to)
      for (let k = from; k < to; k++) leaf.keys[end++] = u8(keys, k)
      words[Column.end * capacity + i] = end
      if (this.#columns === ColumnCount.keysLeaf) continue
      writeRef(leaf, i, this.#positions[i] ?? 0, u32(this.#lengths, i), u32(this.#crcs, i))
    }
    this.#count = 0
    return leaf
  }

  /** A leaf with room for so many entries, and bytes of keys. */
  #leafFor(count: number, keyBytes: number): Node {
    const { capacity, keys } = this.#leaf
    if (count > capacity || keyBytes > keys.length) {
      const entries = Math.max(count, capacity)
      this.#leaf = emptyNode(this.#owner, 0, this.#columns, entries, Math.max(keyBytes, keys.length))
    }
    return this.#leaf
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

  #growEntries(): void {
    const capacity = this.#ends.length * 2
    this.#ends = grown(new Uint32Array(capacity), this.#ends)
    this.#positions = grown(new Float64Array(capacity), this.#positions)
    this.#lengths = grown(new Uint32Array(capacity), this.#lengths)
    this.#crcs = grown(new Uint32Array(capacity), this.#crcs)
  }

  #growKeys(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.#keys.length * 2))
    larger.set(this.#keys)
    this.#keys = larger
  }
}

/** A list with what was in a smaller one. */
function grown<T extends Uint32Array | Float64Array>(larger: T, present: T): T {
  larger.set(present)
  return larger
}
