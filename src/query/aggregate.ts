/**
 * Aggregates: counts, sums, averages and extremes of the rows of a filter, in all or by groups.
 *
 * One pass, in memory for the groups alone. A count, and an extreme whose index is in order, are asked of the tree.
 */
import { valueAt } from '../catalog/field.js'
import { valuesAt } from '../catalog/field-values.js'
import { QueryError } from '../errors.js'
import { describe } from '../format/describe.js'
import type { Row } from '../format/value.js'
import type { Task } from '../storage/task.js'
import { isPlainObject } from '../format/value-kinds.js'
import { MAX_GROUPS, tooMany } from './distinct.js'
import { ALL_ROWS, Executor } from './executor.js'
import { type FilterNode, parseFilter, parsePath } from './filter.js'
import { type OrderField, totalOrder } from './order.js'
import { planQuery } from './planner.js'
import { eachWhere } from './rows-where.js'
import type { QuerySource } from './source.js'
import { compareValues, isScalar } from './value-order.js'
import { identityText } from './value-text.js'

/** A field, as it was written and as a path. */
interface Field {
  readonly name: string
  readonly path: readonly string[]
}

interface Wanted {
  readonly filter: FilterNode
  readonly groupBy: readonly Field[] | undefined
  readonly count: boolean
  readonly sum: readonly Field[]
  readonly avg: readonly Field[]
  readonly min: readonly Field[]
  readonly max: readonly Field[]
}

/** What is given: by kind of aggregate, then by field. */
type Result = Record<string, unknown>

const OPTIONS: ReadonlySet<string> = new Set(['where', 'groupBy', 'count', 'sum', 'avg', 'min', 'max'])

/** Carries out an aggregate. Throws `VARVE_QUERY` for options that are not understood, `VARVE_LIMIT` for too many groups. */
export function* aggregate(source: QuerySource, options: unknown): Task<Result | Result[]> {
  const wanted = parseAggregate(options)
  source.check()
  if (wanted.groupBy !== undefined) return yield* grouped(source, wanted, wanted.groupBy)
  const quick = fromTrees(source, wanted)
  if (quick !== undefined) return quick
  const totals = new Totals(wanted)
  yield* eachWhere(source, wanted.filter, pathsOf(wanted), (row) => totals.add(row))
  return totals.result()
}

function parseAggregate(options: unknown): Wanted {
  if (!isPlainObject(options))
    throw new QueryError(`An aggregate takes an object of options, not ${describe(options)}.`)
  for (const name of Object.keys(options))
    if (!OPTIONS.has(name))
      throw new QueryError(`An aggregate has no option '${name}'; known are ${[...OPTIONS].join(', ')}.`)
  const { where, groupBy, count } = options
  if (count !== undefined && count !== true)
    throw new QueryError(`The option count of an aggregate is true or absent, not ${describe(count)}.`)
  const by = typeof groupBy === 'string' ? [groupBy] : groupBy
  return {
    filter: parseFilter(where ?? {}),
    groupBy: by === undefined ? undefined : fieldsOf('groupBy', by),
    count: count === true,
    sum: fieldsOf('sum', options['sum']),
    avg: fieldsOf('avg', options['avg']),
    min: fieldsOf('min', options['min']),
    max: fieldsOf('max', options['max']),
  }
}

function fieldsOf(option: string, names: unknown): Field[] {
  if (names === undefined) return []
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === 'string'))
    throw new QueryError(
      `The option ${option} of an aggregate must be a list of fields, not ${describe(names)}.`,
    )
  return names.map((name) => ({ name, path: parsePath(name, `The option ${option}`) }))
}

function pathsOf({ sum, avg, min, max }: Wanted): readonly (readonly string[])[] {
  return [...sum, ...avg, ...min, ...max].map(({ path }) => path)
}

/** A count or extremes that indexes know; undefined if rows must be gone through. */
function fromTrees(source: QuerySource, wanted: Wanted): Result | undefined {
  if (wanted.sum.length > 0 || wanted.avg.length > 0) return undefined
  const result: Result = {}
  if (wanted.count) {
    const count = countFromTrees(source, wanted.filter)
    if (count === undefined) return undefined
    result['count'] = count
  }
  for (const kind of ['min', 'max'] as const) {
    if (wanted[kind].length === 0) continue
    const found: [string, unknown][] = []
    for (const { name, path } of wanted[kind]) {
      const extreme = extremeFromIndex(source, wanted.filter, { path, descending: kind === 'max' })
      if (extreme === undefined) return undefined
      found.push([name, extreme.value])
    }
    result[kind] = Object.fromEntries(found)
  }
  return result
}

function countFromTrees({ collection, rows }: QuerySource, filter: FilterNode): number | undefined {
  const question = { filter, order: [], rows: Number.POSITIVE_INFINITY, needs: [] }
  return new Executor(collection, rows, planQuery(collection, question), question).countFromTrees()
}

/** The first value of an order that an index spells out; undefined if none does. */
function extremeFromIndex(
  { collection, rows, check }: QuerySource,
  filter: FilterNode,
  field: OrderField,
): { readonly value: unknown } | undefined {
  const order = totalOrder([field], collection.definition.primaryKey)
  const question = { filter, order, rows: 1, needs: [field.path] }
  const plan = planQuery(collection, question)
  if (plan.keyOrder === undefined) return undefined
  const executor = new Executor(collection, rows, plan, question)
  for (const found = executor.run(ALL_ROWS); found.next();) {
    check()
    if (found.row === undefined) continue
    const extreme = new Extreme(field.descending)
    extreme.addAll(found.row, field.path)
    if (extreme.value !== undefined) return extreme
  }
  return { value: undefined }
}

function* grouped(source: QuerySource, wanted: Wanted, groupBy: readonly Field[]): Task<Result[]> {
  const groups = new Map<string, { readonly values: readonly unknown[]; readonly totals: Totals }>()
  const paths = groupBy.map(({ path }) => path)
  const add = (row: Row): void => {
    const values = paths.map((path) => valueAt(row, path) ?? null)
    const identity = identityText(values)
    let group = groups.get(identity)
    if (group === undefined) {
      if (groups.size === MAX_GROUPS) throw tooMany('groups')
      group = { values, totals: new Totals(wanted) }
      groups.set(identity, group)
    }
    group.totals.add(row)
  }
  yield* eachWhere(source, wanted.filter, [...pathsOf(wanted), ...paths], add)
  return [...groups.values()]
    .sort((a, b) => compareLists(a.values, b.values))
    .map(({ values, totals }) => ({
      group: Object.fromEntries(groupBy.map(({ name }, i) => [name, values[i]])),
      ...totals.result(),
    }))
}

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [i, value] of a.entries()) {
    const difference = compareValues(value, b[i])
    if (difference !== 0) return difference
  }
  return 0
}

/** The aggregates of one group. */
class Totals {
  readonly #wanted: Wanted
  readonly #sums: readonly Sum[]
  readonly #averages: readonly Sum[]
  readonly #least: readonly Extreme[]
  readonly #greatest: readonly Extreme[]
  #rows = 0

  constructor(wanted: Wanted) {
    this.#wanted = wanted
    this.#sums = wanted.sum.map(() => new Sum())
    this.#averages = wanted.avg.map(() => new Sum())
    this.#least = wanted.min.map(() => new Extreme(false))
    this.#greatest = wanted.max.map(() => new Extreme(true))
  }

  add(row: Row): void {
    const { sum, avg, min, max } = this.#wanted
    this.#rows++
    for (const [i, { path }] of sum.entries()) this.#sums[i]?.addAll(row, path)
    for (const [i, { path }] of avg.entries()) this.#averages[i]?.addAll(row, path)
    for (const [i, { path }] of min.entries()) this.#least[i]?.addAll(row, path)
    for (const [i, { path }] of max.entries()) this.#greatest[i]?.addAll(row, path)
  }

  result(): Result {
    const { count, sum, avg, min, max } = this.#wanted
    const result: Result = {}
    if (count) result['count'] = this.#rows
    if (sum.length > 0) result['sum'] = byName(sum, (i) => this.#sums[i]?.total)
    if (avg.length > 0) result['avg'] = byName(avg, (i) => this.#averages[i]?.average)
    if (min.length > 0) result['min'] = byName(min, (i) => this.#least[i]?.value)
    if (max.length > 0) result['max'] = byName(max, (i) => this.#greatest[i]?.value)
    return result
  }
}

function byName(fields: readonly Field[], value: (i: number) => unknown): Result {
  return Object.fromEntries(fields.map(({ name }, i) => [name, value(i)]))
}

/** Numbers and bigints added up: bigints exactly, as long as there are no numbers among them. */
class Sum {
  #numbers = 0
  #bigints = 0n
  #hasNumbers = false
  #count = 0

  addAll(row: Row, path: readonly string[]): void {
    valuesAt(row, path, (value) => {
      if (typeof value === 'number') {
        this.#numbers += value
        this.#hasNumbers = true
      } else if (typeof value === 'bigint') this.#bigints += value
      else return
      this.#count++
    })
  }

  get total(): number | bigint {
    if (this.#hasNumbers || this.#count === 0) return this.#numbers + Number(this.#bigints)
    return this.#bigints
  }

  get average(): number | undefined {
    return this.#count === 0 ? undefined : (this.#numbers + Number(this.#bigints)) / this.#count
  }
}

/** The smallest or greatest value that has an order. */
class Extreme {
  readonly #sign: number
  value: unknown

  constructor(greatest: boolean) {
    this.#sign = greatest ? -1 : 1
  }

  addAll(row: Row, path: readonly string[]): void {
    valuesAt(row, path, (value) => {
      if (value === undefined || value === null || !isScalar(value)) return
      if (this.value === undefined || compareValues(value, this.value) * this.#sign < 0) this.value = value
    })
  }
}
