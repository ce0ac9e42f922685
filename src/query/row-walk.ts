/**
 * Walks the keys of a plan and reads the rows that match: the hot loop of a query. In constant memory but, where a row may be
 * found twice, for the keys of those found.
 */
import { entryKeyStart } from '../catalog/index-key.js'
import { CorruptionError } from '../errors.js'
import { MAX_KEY_BYTES } from '../format/limits.js'
import { u8 } from '../format/typed-read.js'
import type { Row } from '../format/value.js'
import { RecordRef, type TreeCursor } from '../tree/index.js'
import { type Access, type KeyRange, type Path, rangesBeyond } from './access.js'
import { coveredRow } from './cover.js'
import type { Predicate } from './match.js'
import { type Plan, type QueriedCollection, repeatsRows } from './plan.js'
import type { Found, RowStream } from './row-stream.js'
import type { RowSource } from './source.js'

/** What was looked at on the way. */
export interface Counters {
  /** Keys walked over. */
  examined: number
  /** Rows read and decoded. */
  read: number
}

/** What a walk works on. */
export interface WalkParts {
  readonly collection: QueriedCollection
  readonly rows: RowSource
  readonly plan: Plan
  /** What is tested of each row; undefined if nothing is. */
  readonly matches: Predicate | undefined
  readonly counters: Counters
}

/** Which of the rows a walk gives. */
export interface WalkWindow {
  /** Only keys behind this one, or behind those that begin with it where the plan's keys come in groups. */
  readonly afterKey: Uint8Array | undefined
  /** Keys to pass over at the start: only where every key is a row of the answer. */
  readonly skip: number
  /** Rows to pass over at the start. */
  readonly offset: number
  readonly limit: number
}

/** After so many keys without a row, whoever asks gets a chance to rest. */
const KEYS_WITHOUT_ROW = 64

/** The entry at hand, until its key was copied. */
const entryBytes = new Uint8Array(MAX_KEY_BYTES)

export class RowWalk implements RowStream {
  row: Found
  readonly #parts: WalkParts
  readonly #afterKey: Uint8Array | undefined
  readonly #seen: Set<string> | undefined
  readonly #ref = new RecordRef()
  #toSkip: number
  #toPass: number
  #left: number
  /** The access that is walked, and its ranges that are still to come. */
  #access: Access | undefined
  #ranges: readonly KeyRange[] = []
  #nextAccess = 0
  #nextRange = 0
  #cursor: TreeCursor | undefined

  constructor(parts: WalkParts, { afterKey, skip, offset, limit }: WalkWindow) {
    this.#parts = parts
    this.#afterKey = afterKey
    this.#seen = repeatsRows(parts.plan) ? new Set() : undefined
    this.#toSkip = skip
    this.#toPass = offset
    this.#left = limit
  }

  next(): boolean {
    this.row = undefined
    if (this.#left === 0) return false
    const { matches, counters } = this.#parts
    for (let keys = 0; keys < KEYS_WITHOUT_ROW; keys++) {
      const cursor = this.#nextKey()
      const access = this.#access
      if (cursor === undefined || access === undefined) return false
      counters.examined++
      const row = access.path.isIndex ? this.#rowOfEntry(access, cursor) : this.#rowOfKey(cursor)
      if (row === undefined || (matches !== undefined && !matches(row))) continue
      if (this.#toPass > 0) this.#toPass--
      else {
        this.#left--
        this.row = row
        return true
      }
    }
    return true
  }

  /** A cursor at the next key; undefined after the last of all ranges. */
  #nextKey(): TreeCursor | undefined {
    for (;;) {
      const cursor = this.#cursor
      if (cursor?.next() === true) return cursor
      if (!this.#openRange()) return undefined
    }
  }

  #openRange(): boolean {
    const { reverse } = this.#parts.plan
    while (this.#nextRange === this.#ranges.length) if (!this.#openAccess()) return false
    const at = reverse ? this.#ranges.length - 1 - this.#nextRange : this.#nextRange
    this.#nextRange++
    const range = this.#ranges[at]
    if (this.#access === undefined || range === undefined) return false
    const offset = Math.min(this.#toSkip, range.count)
    this.#toSkip -= offset
    this.#cursor = this.#access.path.tree.cursorIn(range, { reverse, offset })
    return true
  }

  #openAccess(): boolean {
    const { accesses, reverse, groupedBy } = this.#parts.plan
    const access = accesses[this.#nextAccess++]
    if (access === undefined) return false
    const after = this.#afterKey
    this.#access = access
    this.#ranges = after === undefined ? access.ranges : rangesBeyond(access, after, reverse, groupedBy > 0)
    this.#nextRange = 0
    return true
  }

  /** The row at a key of the primary tree; undefined if it was found before. */
  #rowOfKey(cursor: TreeCursor): Row | undefined {
    const { cover } = this.#parts.plan
    if (this.#seen === undefined && cover === undefined) return this.#read(cursor.ref, undefined)
    const key = cursor.key()
    if (isRepeated(key, this.#seen)) return undefined
    return (cover === undefined ? undefined : coveredRow(cover, key)) ?? this.#read(cursor.ref, key)
  }

  #rowOfEntry({ path }: Access, cursor: TreeCursor): Row | undefined {
    const { cover } = this.#parts.plan
    const seen = this.#seen
    if (cover === undefined && seen === undefined) return this.#rowByEntry(path, cursor)
    const entry = cursor.key()
    const covered = cover === undefined || seen !== undefined ? undefined : coveredRow(cover, entry)
    if (covered !== undefined) return covered
    const key = this.#keyIn(path, entry, entry.length)
    if (isRepeated(key, seen)) return undefined
    const late = cover === undefined || seen === undefined ? undefined : coveredRow(cover, entry)
    if (late !== undefined) return late
    this.#find(path, key)
    return this.#read(this.#ref, key)
  }

  /** The row of an entry: where it was found last, or by its key. */
  #rowByEntry(path: Path, cursor: TreeCursor): Row {
    const { rows } = this.#parts
    const ref = this.#ref
    if (rows.recall(cursor, ref)) return this.#read(ref, undefined)
    const length = cursor.copyKey(entryBytes)
    const key = this.#keyIn(path, entryBytes, length)
    this.#find(path, key)
    // Before a default that is code reads or writes other rows.
    rows.note(cursor, ref)
    return this.#read(ref, key)
  }

  /** A copy of the primary key at the end of an entry. */
  #keyIn({ name, on }: Path, entry: Uint8Array, length: number): Uint8Array {
    const start = length > entry.length ? -1 : entryKeyStart(entry, on.length, length)
    if (start < 0) throw this.#contradiction(name)
    const key = new Uint8Array(length - start)
    for (let i = start; i < length; i++) key[i - start] = u8(entry, i)
    return key
  }

  #find({ name }: Path, key: Uint8Array): void {
    if (!this.#parts.collection.tree.find(key, this.#ref)) throw this.#contradiction(name)
  }

  #read(ref: RecordRef, key: Uint8Array | undefined): Row {
    const { counters, rows, collection } = this.#parts
    counters.read++
    return rows.read(collection.definition.id, ref, key)
  }

  #contradiction(index: string): CorruptionError {
    const { name } = this.#parts.collection.definition
    return new CorruptionError(
      `Index '${index}' of '${name}' has an entry without a row. Run verify --deep, and restore a backup or salvage.`,
      { collection: name, index },
    )
  }
}

/** Whether a key is met again; notes it if not. */
function isRepeated(key: Uint8Array, seen: Set<string> | undefined): boolean {
  if (seen === undefined) return false
  const text = String.fromCharCode(...key)
  if (seen.has(text)) return true
  seen.add(text)
  return false
}
