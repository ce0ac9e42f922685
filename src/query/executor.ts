/**
 * Carries out plans: walks keys, reads rows, tests, sorts and cuts off. Lazy, and in constant memory but for what a sort must
 * keep and, where a row may be found twice, the keys of those found.
 */
import type { Row } from '../format/value.js'
import { compileFilter } from './match.js'
import { compareOrder, orderValues } from './order.js'
import { isOrdered, type Plan, type QueriedCollection, type Question, repeatsRows } from './plan.js'
import { type Found, GeneratedRows, type RowStream } from './row-stream.js'
import { type Counters, RowWalk, type WalkParts } from './row-walk.js'
import type { RowSource } from './source.js'
import { TopRows } from './top-rows.js'

/** How much of the answer is taken, and from where. */
export interface Window {
  readonly offset: number
  readonly limit: number
  /** Only rows behind the one of these order values. */
  readonly after: readonly unknown[] | undefined
  /** The key of that row where the plan's keys are in order; where they are in groups, what the keys of its group begin with. */
  readonly afterKey: Uint8Array | undefined
}

/** The whole answer. */
export const ALL_ROWS: Window = {
  offset: 0,
  limit: Number.POSITIVE_INFINITY,
  after: undefined,
  afterKey: undefined,
}

export class Executor {
  readonly counters: Counters = { examined: 0, read: 0 }
  readonly #plan: Plan
  readonly #question: Question
  readonly #parts: WalkParts

  constructor(collection: QueriedCollection, rows: RowSource, plan: Plan, question: Question) {
    this.#plan = plan
    this.#question = question
    const matches = plan.residual === undefined ? undefined : compileFilter(plan.residual)
    this.#parts = { collection, rows, plan, matches, counters: this.counters }
  }

  /** The rows, or only the fields of them that the question needs. */
  run(window: Window): RowStream {
    const { offset, limit, after, afterKey } = window
    if (limit > 0 && this.#plan.groupedBy > 0) return new GeneratedRows(this.#groups(window))
    if (limit > 0 && !isOrdered(this.#plan, this.#question)) return new GeneratedRows(this.#sorted(window))
    const skips = this.#isEachKeyARow() && after === undefined
    return new RowWalk(this.#parts, {
      afterKey,
      skip: skips ? offset : 0,
      offset: skips ? 0 : offset,
      limit,
    })
  }

  /** How many rows there are, from the counts of the trees alone; undefined if they do not tell. */
  countFromTrees(): number | undefined {
    return this.#isEachKeyARow() ? this.#plan.entries : undefined
  }

  #isEachKeyARow(): boolean {
    return this.#parts.matches === undefined && !repeatsRows(this.#plan)
  }

  #walk(afterKey: Uint8Array | undefined): RowWalk {
    return new RowWalk(this.#parts, { afterKey, skip: 0, offset: 0, limit: Number.POSITIVE_INFINITY })
  }

  *#sorted({ offset, limit, after }: Window): Generator<Found, void, undefined> {
    const { order } = this.#question
    const top = this.#newTop(offset + limit)
    for (const walk = this.#walk(undefined); walk.next(); yield undefined) {
      const { row } = walk
      if (row === undefined) continue
      const values = orderValues(row, order)
      if (after === undefined || compareOrder(values, after, order) > 0) top.add({ values, row })
    }
    for (const { row } of top.sorted().slice(offset)) yield row
  }

  /** Rows that come in groups, each sorted by itself. */
  *#groups({ offset, limit, after, afterKey }: Window): Generator<Found, void, undefined> {
    const { order } = this.#question
    const leading = order.slice(0, this.#plan.groupedBy)
    const most = offset + limit
    let given = 0
    let first: readonly unknown[] | undefined
    let group = this.#newTop(most)
    for (const walk = this.#walk(afterKey); given < most && walk.next(); yield undefined) {
      const { row } = walk
      if (row === undefined) continue
      const values = orderValues(row, order)
      if (after !== undefined && compareOrder(values, after, order) <= 0) continue
      if (first !== undefined && compareOrder(values, first, leading) !== 0) {
        for (const { row: one } of group.sorted()) {
          if (given >= offset && given < most) yield one
          given++
        }
        group = this.#newTop(most)
      }
      first = values
      group.add({ values, row })
    }
    for (const { row } of group.sorted()) {
      if (given >= offset && given < most) yield row
      given++
    }
  }

  #newTop(most: number): TopRows<{ readonly values: readonly unknown[]; readonly row: Row }> {
    const { order } = this.#question
    return new TopRows(most, (a, b) => compareOrder(a.values, b.values, order))
  }
}
