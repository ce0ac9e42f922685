/**
 * The entries of a row in an index: the parts of its values, encoded, with the primary key behind them.
 */
import { LimitError, ValidationError } from '../errors.js'
import type { KeyPartKind } from '../format/key.js'
import { partEnd } from '../format/key-decode.js'
import { compareKeys, joinKeys } from '../format/key-order.js'
import { KeyTag } from '../format/key-tag.js'
import { MAX_KEY_BYTES, MAX_ROW_ENTRIES } from '../format/limits.js'
import { u8 } from '../format/typed-read.js'
import { SEVERAL, singleValueAt, valuesAt } from './field-values.js'
import type { IndexDefinition } from './index-definition.js'
import { encodeIndexPart } from './index-part.js'
import { compileIndexWhere } from './index-where.js'

const NONE: readonly Uint8Array[] = []
const NULL = Uint8Array.of(KeyTag.null)
/** The parts of the entry that is being put together. */
const pieces: Uint8Array[] = []

/** What is derived from an index's definition once. */
export class IndexKeys {
  readonly definition: IndexDefinition
  readonly #collection: string
  readonly #holds: ((row: unknown) => boolean) | undefined

  constructor(definition: IndexDefinition, collection: string) {
    this.definition = definition
    this.#collection = collection
    this.#holds = definition.where === undefined ? undefined : compileIndexWhere(definition.where)
  }

  /** The same for a collection that was renamed: messages tell its name. */
  inCollection(collection: string): IndexKeys {
    return collection === this.#collection ? this : new IndexKeys(this.definition, collection)
  }

  /**
   * The entries of a row, in order and each once; none if the index does not hold it. Throws `VARVE_LIMIT` if a value is too long or
   * there are too many, `VARVE_VALIDATION` if two of a compound index's fields are lists.
   */
  entriesOf(row: unknown, primaryKey: Uint8Array): readonly Uint8Array[] {
    if (this.#holds?.(row) === false) return NONE
    const { on, kinds } = this.definition
    const single = this.#singleEntry(row, primaryKey)
    if (single !== undefined) return [single]
    let prefixes: readonly Uint8Array[] = [new Uint8Array(0)]
    let hasList = false
    for (const [i, path] of on.entries()) {
      const { parts, isList } = this.#partsAt(row, path, kinds[i] ?? 'any')
      if (isList && hasList) throw this.#twoLists()
      hasList ||= isList
      prefixes = prefixes.flatMap((prefix) => parts.map((part) => joinKeys(prefix, part)))
      if (prefixes.length > MAX_ROW_ENTRIES) throw this.#tooMany(prefixes.length)
    }
    const entries = prefixes.map((prefix) => joinKeys(prefix, primaryKey))
    for (const entry of entries) if (entry.length > MAX_KEY_BYTES) throw this.#tooLong()
    return entries.length === 1 ? entries : distinct(entries)
  }

  /** The entry of a row without lists on the way or at the end; undefined if there are any. */
  #singleEntry(row: unknown, primaryKey: Uint8Array): Uint8Array | undefined {
    const { on, kinds } = this.definition
    let bytes = primaryKey.length
    for (let i = 0; i < on.length; i++) {
      const value = singleValueAt(row, on[i] ?? [])
      if (value === SEVERAL) return undefined
      const part = this.#part(value, kinds[i] ?? 'any')
      bytes += part.length
      pieces[i] = part
    }
    if (bytes > MAX_KEY_BYTES) throw this.#tooLong()
    const entry = new Uint8Array(bytes)
    let at = 0
    for (let i = 0; i < on.length; i++) {
      const part = pieces[i] ?? NULL
      entry.set(part, at)
      at += part.length
    }
    entry.set(primaryKey, at)
    return entry
  }

  #part(value: unknown, kind: KeyPartKind): Uint8Array {
    try {
      return encodeIndexPart(value, kind) ?? NULL
    } catch (error) {
      // It knows neither index nor collection.
      throw error instanceof LimitError ? this.#tooLong() : error
    }
  }

  #partsAt(
    row: unknown,
    path: readonly string[],
    kind: KeyPartKind,
  ): { readonly parts: readonly Uint8Array[]; readonly isList: boolean } {
    const parts: Uint8Array[] = []
    const isList = valuesAt(row, path, (value) => parts.push(this.#part(value, kind)))
    return { parts: parts.length === 0 ? [NULL] : isList ? distinct(parts) : parts, isList }
  }

  #twoLists(): ValidationError {
    const { name, on } = this.definition
    const fields = on.map((path) => path.join('.')).join(', ')
    return new ValidationError(
      `A row of '${this.#collection}' has lists in two fields of its index '${name}' (${fields}). An index takes one list at most; nothing was written.`,
      { collection: this.#collection, index: name },
    )
  }

  #tooMany(entries: number): LimitError {
    const { name } = this.definition
    return new LimitError(
      `A row of '${this.#collection}' has ${entries} entries in its index '${name}'; the limit is ${MAX_ROW_ENTRIES}. Nothing was written.`,
      { limit: 'MAX_ROW_ENTRIES', collection: this.#collection, index: name },
    )
  }

  #tooLong(): LimitError {
    const { name } = this.definition
    return new LimitError(
      `A row of '${this.#collection}' has a value that is too long for its index '${name}': value and primary key together take at most ${MAX_KEY_BYTES} bytes. Nothing was written.`,
      { limit: 'MAX_KEY_BYTES', collection: this.#collection, index: name },
    )
  }
}

/** Where the primary key begins in the first `length` bytes, an entry of so many parts; -1 if they are no such entry. */
export function entryKeyStart(entry: Uint8Array, parts: number, length: number = entry.length): number {
  let at = 0
  for (let i = 0; i < parts && at >= 0; i++) at = partEnd(entry, at, length)
  return at
}

/** Whether one of an entry's parts, which end at `end`, is null: such an entry clashes with none. */
export function hasNullPart(entry: Uint8Array, end: number): boolean {
  for (let at = 0; at >= 0 && at < end; at = partEnd(entry, at, end)) {
    if (u8(entry, at) === KeyTag.null) return true
  }
  return false
}

function distinct(keys: readonly Uint8Array[]): readonly Uint8Array[] {
  const sorted = [...keys].sort(compareKeys)
  return sorted.filter((key, i) => {
    const before = sorted[i - 1]
    return before === undefined || compareKeys(before, key) !== 0
  })
}
