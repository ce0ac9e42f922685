/**
 * Carries out plans: walks keys, reads rows, tests, sorts and cuts off. Lazy, and in constant memory but for what a sort must
 * keep and, where a row may be found twice, the keys of those found.
 */
import { entryKeyStart } from '../catalog/index-key.js'
import { CorruptionError } from '../errors.js'
import type { Row } from '../format/value.js'
import { type KeyBounds, RecordRef } from '../tree/index.js'
import { type Access, rangesBeyond } from './access.js'
import { coveredRow } from './cover.js'
import { compileFilter, type Predicate } from './match.js'
import { compareOrder, orderValues } from './order.js'
import { isOrdered, type Plan, type QueriedCollection, type Question, repeatsRows } from './plan.js'
import type { RowSource } from './source.js'
import { TopRows } from './top-rows.js'

/** What was looked at on the way. */
export interface Counters {
  /** Keys walked over. */
  examined: number
  /** Rows read and decoded. */
  read: number
}

/** How much of the answer is taken, and from where. */
export interface Window {
  readonly offset: number
  readonly limit: number
  /** Only rows behind the one of these order values. */
  readonly after: readonly unknown[] | undefined
  /** The key of that row where the plan's keys are in order; where they are in groups, what the keys of its group begin with. */
  readonly afterKey: Uint8Array | undefined
}

/** After so many keys without a row, a walk gives its driver a chance to rest. */
const KEYS_WITHOUT_ROW = 64

/** What a walk hands out: a row, or nothing yet. */
export type Found = Row | undefined

export class Executor {
  readonly counters: Counters = { examined: 0, read: 0 }
  readonly #collection: QueriedCollection
  readonly #rows: RowSource
  readonly #plan: Plan
  readonly #question: Question
  readonly #matches: Predicate | undefined
  readonly #ref = new RecordRef()

  constructor(collection: QueriedCollection, rows: RowSource, plan: Plan, question: Question) {
    this.#collection = collection
    this.#rows = rows
    this.#plan = plan
    this.#question = question
    this.#matches = plan.residual === undefined ? undefined : compileFilter(plan.residual)
  }

  /** The rows, or only the fields of them that the question needs; `undefined` between them where it takes long. */
  *run(window: Window): Generator<Found, void, undefined> {
    const { offset, limit } = window
    if (limit === 0) return
    if (this.#plan.groupedBy > 0) yield* take(this.#groups(window), offset, limit)
    else if (!isOrdered(this.#plan, this.#question)) yield* this.#sorted(window)
    else if (this.#canSkip(window)) yield* take(this.#walk(window, offset), 0, limit)
    else yield* take(this.#walk(window, 0), offset, limit)
  }

  /** How many rows there are, from the counts of the trees alone; undefined if they do not tell. */
  countFromTrees(): number | undefined {
    return this.#matches === undefined && !repeatsRows(this.#plan) ? this.#plan.entries : undefined
  }

  /** Whether every key is a row of the answer, so that an offset is one into the keys. */
  #canSkip({ after }: Window): boolean {
    return this.#matches === undefined && !repeatsRows(this.#plan) && after === undefined
  }

  *#sorted({ offset, limit, after }: Window): Generator<Found, void, undefined> {
    const { order } = this.#question
    const top = this.#newTop(offset + limit)
    const walk = { offset: 0, limit: Number.POSITIVE_INFINITY, after: undefined, afterKey: undefined }
    for (const row of this.#walk(walk, 0)) {
      if (row !== undefined) {
        const values = orderValues(row, order)
        if (after === undefined || compareOrder(values, after, order) > 0) top.add({ values, row })
      }
      yield undefined
    }
    for (const { row } of top.sorted().slice(offset)) yield row
  }

  /** Rows that come in groups, each sorted by itself. */
  *#groups({ offset, limit, after, afterKey }: Window): Generator<Found, void, undefined> {
    const { order } = this.#question
    const leading = order.slice(0, this.#plan.groupedBy)
    let first: readonly unknown[] | undefined
    let group = this.#newTop(offset + limit)
    const walk = { offset: 0, limit: Number.POSITIVE_INFINITY, after: undefined, afterKey }
    for (const row of this.#walk(walk, 0)) {
      yield undefined
      if (row === undefined) continue
      const values = orderValues(row, order)
      if (after !== undefined && compareOrder(values, after, order) <= 0) continue
      if (first !== undefined && compareOrder(values, first, leading) !== 0) {
        for (const { row: one } of group.sorted()) yield one
        group = this.#newTop(offset + limit)
      }
      first = values
      group.add({ values, row })
    }
    for (const { row } of group.sorted()) yield row
  }

  #newTop(most: number): TopRows<{ readonly values: readonly unknown[]; readonly row: Row }> {
    const { order } = this.#question
    return new TopRows(most, (a, b) => compareOrder(a.values, b.values, order))
  }

  /** Matching rows in the order of the plan's keys. */
  *#walk({ afterKey }: Window, skip: number): Generator<Found, void, undefined> {
    const { accesses, reverse, groupedBy } = this.#plan
    const seen = repeatsRows(this.#plan) ? new Set<string>() : undefined
    let left = skip
    for (const access of accesses) {
      const within =
        afterKey === undefined ? access.ranges : rangesBeyond(access.ranges, afterKey, reverse, groupedBy > 0)
      for (const range of reverse ? within.toReversed() : within) {
        const passed = left === 0 ? 0 : Math.min(left, access.path.tree.countRange(range))
        left -= passed
        yield* this.#range(access, range, passed, seen)
      }
    }
  }

  *#range(
    access: Access,
    range: KeyBounds,
    offset: number,
    seen: Set<string> | undefined,
  ): Generator<Found, void, undefined> {
    const { path } = access
    const cursor = path.tree.cursor(range, { reverse: this.#plan.reverse, offset })
    const { counters } = this
    let withoutRow = 0
    while (cursor.next()) {
      counters.examined++
      const row = path.isIndex
        ? this.#rowOfEntry(access, cursor.key(), seen)
        : this.#rowOfKey(
            cursor.ref,
            seen === undefined && this.#plan.cover === undefined ? undefined : cursor.key(),
            seen,
          )
      if (row !== undefined && (this.#matches === undefined || this.#matches(row))) {
        withoutRow = 0
        yield row
      } else if (++withoutRow % KEYS_WITHOUT_ROW === 0) yield undefined
    }
  }

  /** The row at a key of the primary tree; undefined if it was found before. */
  #rowOfKey(ref: RecordRef, key: Uint8Array | undefined, seen: Set<string> | undefined): Row | undefined {
    if (key !== undefined && isRepeated(key, seen)) return undefined
    const { cover } = this.#plan
    const covered = cover === undefined || key === undefined ? undefined : coveredRow(cover, key)
    return covered ?? this.#read(ref, key)
  }

  #rowOfEntry({ path }: Access, entry: Uint8Array, seen: Set<string> | undefined): Row | undefined {
    const { cover } = this.#plan
    const covered = cover === undefined || seen !== undefined ? undefined : coveredRow(cover, entry)
    if (covered !== undefined) return covered
    const start = entryKeyStart(entry, path.on.length)
    const key = entry.subarray(Math.max(start, 0))
    if (isRepeated(key, seen)) return undefined
    const late = cover === undefined || seen === undefined ? undefined : coveredRow(cover, entry)
    if (late !== undefined) return late
    if (start < 0 || !this.#collection.tree.find(key, this.#ref)) throw this.#contradiction(path.name)
    return this.#read(this.#ref, key)
  }

  #read(ref: RecordRef, key: Uint8Array | undefined): Row {
    this.counters.read++
    return this.#rows.read(this.#collection.definition.id, ref, key)
  }

  #contradiction(index: string): CorruptionError {
    const { name } = this.#collection.definition
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

function* take(
  walk: Generator<Found, void, undefined>,
  offset: number,
  limit: number,
): Generator<Found, void, undefined> {
  let toPass = offset
  let left = limit
  for (const row of walk) {
    if (row === undefined) yield row
    else if (toPass > 0) toPass--
    else {
      yield row
      if (--left === 0) return
    }
  }
}
