/**
 * A query: rows of a collection by a filter, iterated lazily over the commit that it was made at.
 */
import type { Row } from '../format/value.js'
import { PAUSE, runAsync, runSync, SLICE_MS, type Task } from '../storage/task.js'
import { isSamePath } from './access.js'
import { Executor, type Window } from './executor.js'
import { describePlan, QueryPlan } from './explain.js'
import { DistinctValues } from './distinct.js'
import { lookupOf } from './lookup.js'
import { parseQuery, type ParsedQuery } from './options.js'
import { parsePath } from './filter.js'
import { type OrderField, orderValues, totalOrder } from './order.js'
import { readToken, resumeKey, writeToken } from './page-token.js'
import { type Plan, type Question } from './plan.js'
import { planQuery } from './planner.js'
import { type Found, type RowStream } from './row-stream.js'
import type { Counters } from './row-walk.js'
import { project } from './select.js'
import { setField } from './set-field.js'
import type { QuerySource } from './source.js'

/** Rows of a page where no limit is given. */
const PAGE_ROWS = 100

/** A page of rows, and where the next one begins. */
export interface Page<R> {
  readonly rows: R[]
  /** For the option `after`; undefined after the last page. */
  readonly next: string | undefined
}

/** A query made ready to run in one way. */
interface Prepared {
  readonly plan: Plan
  readonly question: Question
  readonly executor: Executor
  readonly window: Window
}

/** In which way a query is run. */
interface Use {
  /** Which fields of a row are needed; undefined for all. */
  readonly needs: readonly (readonly string[])[] | undefined
  readonly limit: number
  /** Whether rows come in a total order even if none was asked for. */
  readonly total: boolean
}

/**
 * Rows of a collection by a filter. Nothing is done before rows are asked for; iterable as often as wanted, each time over the commit
 * that it was made at. `for await` gives the event loop a turn every few milliseconds; all else does not.
 *
 * @example
 * ```ts
 * const recent = books.find({ year: { $gte: 1990 } }, { orderBy: { year: 'desc' }, limit: 10 })
 * for (const book of recent) console.log(book['title'])
 * ```
 */
export class Query<R = Row> {
  readonly #source: QuerySource
  readonly #query: ParsedQuery

  /** Made by `find`. Throws `VARVE_QUERY` for a filter or options that are not understood. */
  constructor(source: QuerySource, filter: unknown, options: unknown) {
    this.#source = source
    this.#query = parseQuery(filter, options)
    for (const { from } of this.#query.lookups) source.other(from)
  }

  *[Symbol.iterator](): Generator<R, void, undefined> {
    const rows = this.#run()
    const finish = this.#finisher()
    while (this.#next(rows)) if (rows.row !== undefined) yield finish(rows.row)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    const { platform } = this.#source
    const finish = this.#finisher()
    let sliceEnd = platform.monotonicMs() + SLICE_MS
    for (const rows = this.#run(); this.#next(rows);) {
      if (platform.monotonicMs() >= sliceEnd) {
        await platform.yield()
        sliceEnd = platform.monotonicMs() + SLICE_MS
      }
      if (rows.row !== undefined) yield finish(rows.row)
    }
  }

  /** All rows at once. Holds the event loop for as long as it takes. */
  toArray(): R[] {
    const found: R[] = []
    const rows = this.#run()
    const finish = this.#finisher()
    while (this.#next(rows)) if (rows.row !== undefined) found.push(finish(rows.row))
    return found
  }

  /** The first row, or undefined. */
  first(): R | undefined {
    const limit = Math.min(1, this.#limit)
    const row = this.#firstOf(this.#prepare({ ...this.#rowUse(), limit }))
    return row === undefined ? undefined : this.#finisher()(row)
  }

  /**
   * How many rows there are, within `offset` and `limit`. From the counts of a tree where the filter is a range of it; if not, it holds
   * the event loop for as long as it takes.
   */
  count(): number {
    return runSync(this.#count())
  }

  /** As `count`, giving the event loop a turn every few milliseconds. */
  countAsync(): Promise<number> {
    return runAsync(this.#count(), this.#source.platform)
  }

  /** Whether there is a row. */
  exists(): boolean {
    const limit = Math.min(1, this.#limit)
    return this.#firstOf(this.#prepare({ needs: [], limit, total: false })) !== undefined
  }

  /**
   * At most `limit` rows (default 100) and where to go on: pass `next` as the option `after` of the same query. Without
   * `orderBy` by primary key. Pages go by the values of the order, so a row that is there all the time, and whose values in the order
   * do not change, is on exactly one of them, whatever is written in between.
   */
  page(): Page<R> {
    const limit = this.#query.limit ?? PAGE_ROWS
    const prepared = this.#prepare({ ...this.#rowUse(), limit: limit + 1, total: true })
    const rows: Row[] = []
    const found = prepared.executor.run(prepared.window)
    while (this.#next(found)) if (found.row !== undefined) rows.push(found.row)
    const last = rows.length > limit ? rows[limit - 1] : undefined
    const next =
      last === undefined
        ? undefined
        : writeToken(this.#query.hash(), orderValues(last, prepared.question.order))
    const finish = this.#finisher()
    return { rows: rows.slice(0, limit).map(finish), next }
  }

  /**
   * The distinct values of a field or dotted path, in order; of a list its elements. Null stands for missing too. At most 100,000
   * (`VARVE_LIMIT` beyond). Holds the event loop for as long as it takes.
   */
  distinct(path: string): unknown[] {
    return runSync(this.#distinct(path))
  }

  /** As `distinct`, giving the event loop a turn every few milliseconds. */
  async distinctAsync(path: string): Promise<unknown[]> {
    return await runAsync(this.#distinct(path), this.#source.platform)
  }

  /** How it is carried out; with `analyze` also what it takes, by running it once. */
  explain(options: { readonly analyze?: boolean | undefined } = {}): QueryPlan {
    const { collection, platform } = this.#source
    const prepared = this.#prepare(this.#rowUse())
    const { limit, offset } = this.#query
    const plan = describePlan(collection.definition.name, prepared.plan, prepared.question, { limit, offset })
    if (options.analyze !== true) return new QueryPlan(plan)
    const begin = platform.monotonicMs()
    let returned = 0
    const finish = this.#finisher()
    for (const rows = prepared.executor.run(prepared.window); this.#next(rows);) {
      if (rows.row === undefined) continue
      finish(rows.row)
      returned++
    }
    const counters: Counters = prepared.executor.counters
    return new QueryPlan({ ...plan, analysis: { ...counters, returned, ms: platform.monotonicMs() - begin } })
  }

  get #limit(): number {
    return this.#query.limit ?? Number.POSITIVE_INFINITY
  }

  /** Rows as they are given. */
  #rowUse(): Use {
    const { select, lookups } = this.#query
    const needs = select === undefined ? undefined : [...select.paths, ...lookups.map(({ on }) => on)]
    return { needs, limit: this.#limit, total: false }
  }

  /** Plans a run. Without `inOrder` the order of rows does not matter. */
  #prepare({ needs, limit, total }: Use, inOrder = true): Prepared {
    const { collection, rows, check } = this.#source
    check()
    const { filter, order: asked, offset, after: token, hash } = this.#query
    const isTotal = inOrder && (total || token !== undefined || asked.length > 0)
    const order = isTotal ? totalOrder(asked, collection.definition.primaryKey) : []
    const after = token === undefined ? undefined : readToken(hash(), token, order.length)
    const needed = total ? needs && [...needs, ...order.map(({ path }) => path)] : needs
    const question = { filter, order, rows: offset + limit, needs: needed }
    const plan = planQuery(collection, question)
    const [access] = plan.accesses
    const spelt = plan.keyOrder ?? groupFields(plan, order)
    const isResumed = after !== undefined && spelt !== undefined && access !== undefined
    const afterKey = isResumed ? resumeKey(collection, access, order, spelt, after) : undefined
    const executor = new Executor(collection, rows, plan, question)
    return { plan, question, executor, window: { offset, limit, after, afterKey } }
  }

  #run(): RowStream {
    const { executor, window } = this.#prepare(this.#rowUse())
    return executor.run(window)
  }

  #firstOf({ executor, window }: Prepared): Found {
    const rows = executor.run(window)
    while (this.#next(rows)) if (rows.row !== undefined) return rows.row
    return undefined
  }

  /** Goes on, and looks at the view: it may be closed by now. */
  #next(rows: RowStream): boolean {
    if (!rows.next()) return false
    this.#source.check()
    return true
  }

  *#count(): Task<number> {
    const { offset, after } = this.#query
    const prepared = this.#prepare(
      { needs: [], limit: Number.POSITIVE_INFINITY, total: false },
      after !== undefined,
    )
    const counted = after === undefined ? prepared.executor.countFromTrees() : undefined
    if (counted !== undefined) return Math.max(0, Math.min(counted - offset, this.#limit))
    let count = 0
    const rows = prepared.executor.run({ ...prepared.window, limit: this.#limit })
    while (this.#next(rows)) {
      if (rows.row !== undefined) count++
      yield PAUSE
    }
    return count
  }

  *#distinct(path: string): Task<unknown[]> {
    const parsed = parsePath(path, 'distinct')
    const { executor, window } = this.#prepare({ needs: [parsed], limit: this.#limit, total: false })
    const values = new DistinctValues(parsed)
    for (const rows = executor.run(window); this.#next(rows);) {
      if (rows.row !== undefined) values.add(rows.row)
      yield PAUSE
    }
    return values.sorted()
  }

  /** What is still to be done with a row that was found. */
  #finisher(): (row: Row) => R {
    const { select, lookups } = this.#query
    if (select === undefined && lookups.length === 0) return (row) => row as R // As below.
    const finds = lookups.map((lookup) => ({ name: lookup.name, find: lookupOf(lookup, this.#source) }))
    return (row) => {
      const given = select === undefined ? row : project(row, select)
      for (const { name, find } of finds) setField(given, name, find(row))
      return given as R // Rows are what was stored: their type is the caller's claim.
    }
  }
}

/** The fields that the keys of a grouped plan spell out; undefined for any other plan. */
function groupFields(
  { accesses, groupedBy }: Plan,
  order: readonly OrderField[],
): readonly OrderField[] | undefined {
  const [access] = accesses
  if (groupedBy === 0 || access === undefined) return undefined
  const known = access.path.on.slice(0, access.fixed)
  return order.slice(0, groupedBy).filter(({ path }) => !known.some((part) => isSamePath(part, path)))
}
