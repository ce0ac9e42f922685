/**
 * What an index should hold, and what it holds, added up in any order: two sums that are the same exactly if the entries are.
 */
import type { IndexDefinition } from '../catalog/index-definition.js'
import { IndexKeys } from '../catalog/index-key.js'
import { DigestSum } from '../format/digest.js'
import { compareBytes } from '../format/key-order.js'
import type { Row } from '../format/value.js'

export class IndexTally {
  entries = 0
  rows = 0
  readonly #keys: IndexKeys
  readonly #sum = new DigestSum()

  constructor(definition: IndexDefinition, collection: string) {
    this.#keys = new IndexKeys(definition, collection)
  }

  /** Adds the entries that a row should have. */
  addRow(row: Row, key: Uint8Array): void {
    const { builtTo } = this.#keys.definition
    if (builtTo !== undefined && compareBytes(key, 0, key.length, builtTo, 0, builtTo.length) > 0) return
    const entries = this.#keys.entriesOf(row, key)
    if (entries.length > 0) this.rows++
    for (const entry of entries) this.addEntry(entry)
  }

  addEntry(entry: Uint8Array): void {
    this.entries++
    this.#sum.add(entry, 0, entry.length, 0)
  }

  /** Whether both were given the same entries. */
  equals(other: IndexTally): boolean {
    const [mine, theirs] = [this.#sum, other.#sum]
    return this.entries === other.entries && mine.a === theirs.a && mine.b === theirs.b
  }
}
