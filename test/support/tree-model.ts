/**
 * What a tree must equal: an array in key order, with nothing clever about it.
 */
import type { RecordRef } from '../../src/tree/record-ref.js'
import type { KeyBounds, Tree } from '../../src/tree/tree.js'

/** A key and its reference, with the key as hexadecimal text: the order of such texts is the order of the bytes. */
export interface ModelEntry {
  readonly key: string
  readonly position: number
  readonly lengthBytes: number
  readonly crc: number
}

export const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex')
export const bytesOf = (key: string): Uint8Array => new Uint8Array(Buffer.from(key, 'hex'))

export class TreeModel {
  entries: ModelEntry[] = []

  /** Where `key` is or belongs. */
  rankOf(key: string): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.entries[middle]?.key ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }

  get(key: string): ModelEntry | undefined {
    const entry = this.entries[this.rankOf(key)]
    return entry?.key === key ? entry : undefined
  }

  set(entry: ModelEntry): ModelEntry | undefined {
    const before = this.get(entry.key)
    this.entries.splice(this.rankOf(entry.key), before === undefined ? 0 : 1, entry)
    return before
  }

  delete(key: string): ModelEntry | undefined {
    const before = this.get(key)
    if (before !== undefined) this.entries.splice(this.rankOf(key), 1)
    return before
  }

  range(bounds: KeyBounds): ModelEntry[] {
    const from = bounds.from === undefined ? 0 : this.rankOf(hex(bounds.from))
    const to = bounds.to === undefined ? this.entries.length : this.rankOf(hex(bounds.to))
    return this.entries.slice(from, Math.max(from, to))
  }
}

/** Everything that a tree holds within bounds, as its cursor gives it. */
export function walk(tree: Tree, bounds: KeyBounds = {}, reverse = false, offset = 0): ModelEntry[] {
  const found: ModelEntry[] = []
  const cursor = tree.cursor(bounds, { reverse, offset })
  while (cursor.next()) found.push(entryOf(cursor.key(), cursor.ref))
  return found
}

export function entryOf(key: Uint8Array, { position, lengthBytes, crc }: RecordRef): ModelEntry {
  return { key: hex(key), position, lengthBytes, crc }
}

/** What a random run over trees is made of. */
export interface TreeRunShape {
  readonly name: string
  readonly limitBytes: number
  readonly keyBytes: number
  readonly keys: number
  /** In one of so many changes a read fails; 0 for none. */
  readonly failing: number
}

/** Long keys make tall trees of few rows. */
export function longKeyOf(n: number, lengthBytes: number): Uint8Array {
  const key = new Uint8Array(lengthBytes + (n % 7)).fill(n % 3 === 0 ? 0x61 : 0x62)
  new DataView(key.buffer).setUint32(key.length - 4, n)
  return key
}
