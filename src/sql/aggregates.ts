/** COUNT, SUM, AVG, MIN and MAX, in all or by groups, from the aggregates of the query layer. */
import type { Expr, ExprCall } from 'pgsql-ast-parser'
import type { CollectionReader } from '../collection-reader.js'
import type { AggregateOptions } from '../query/aggregate-types.js'
import { identityText } from '../query/value-text.js'
import { all, type PlainFilter } from './conditions.js'
import { type SqlText, unknownPart } from './text.js'

const FUNCTIONS = ['count', 'sum', 'avg', 'min', 'max'] as const
type AggregateFunction = (typeof FUNCTIONS)[number]

/** One aggregate of a statement. */
export interface Aggregate {
  readonly function: AggregateFunction
  /** Undefined in COUNT(*). */
  readonly path: string | undefined
  /** COUNT(DISTINCT …). */
  readonly distinct: boolean
}

/** The same for the same aggregate. */
export function aggregateKey({ function: name, path, distinct }: Aggregate): string {
  return identityText([name, path, distinct])
}

const CALL_PARTS: ReadonlySet<string> = new Set(['type', 'function', 'args', 'distinct', '_location'])

/** Reads a call. Throws `VARVE_QUERY` for one that is no aggregate of these. */
export function aggregateOf(call: ExprCall, sql: SqlText, pathOf: (column: Expr) => string): Aggregate {
  const { function: called, args } = call
  const name = FUNCTIONS.find((known) => called.schema === undefined && known === called.name)
  if (name === undefined)
    throw sql.refuse(call, 'this function is not supported; COUNT, SUM, AVG, MIN and MAX are')
  const part = unknownPart(call, CALL_PARTS)
  if (part !== undefined) throw sql.refuse(call, `an aggregate with '${part}' is not supported`)
  const [argument] = args
  if (argument === undefined || args.length > 1) throw sql.refuse(call, 'an aggregate takes one column')
  const distinct = call.distinct === 'distinct' && name !== 'min' && name !== 'max'
  if (distinct && name !== 'count')
    throw sql.refuse(call, `${name.toUpperCase()} of distinct values is not supported`)
  const isStar = argument.type === 'ref' && argument.name === '*'
  if (isStar && (name !== 'count' || distinct)) throw sql.refuse(call, 'only COUNT takes *')
  return { function: name, path: isStar ? undefined : pathOf(argument), distinct }
}

/** A group of rows, or all of them. */
export interface Group {
  /** Of the columns that rows are grouped by. */
  readonly columns: ReadonlyMap<string, unknown>
  /** By their keys. */
  readonly aggregates: Map<string, unknown>
}

/** What is asked of groups. */
export interface Grouping {
  readonly filter: PlainFilter
  readonly by: readonly string[]
  readonly aggregates: readonly Aggregate[]
}

/** The groups in the order of their values; without columns to group by it is one, even of no rows. */
export function groupsOf(collection: CollectionReader, grouping: Grouping): Group[] {
  return combined(
    grouping,
    questionsOf(grouping).map((options): unknown => collection.aggregate(options)),
  )
}

/** The same, giving the event loop turns. All is asked at once, so that it is of one commit. */
export async function groupsOfAsync(collection: CollectionReader, grouping: Grouping): Promise<Group[]> {
  const results = questionsOf(grouping).map((options): Promise<unknown> => collection.aggregateAsync(options))
  return combined(grouping, await Promise.all(results))
}

/** What is asked of the query layer: all aggregates but counts of a column, and then each of those. */
function questionsOf({ filter, by, aggregates }: Grouping): AggregateOptions[] {
  const counts = aggregates.filter(isColumnCount).map(({ distinct, path }) => {
    const where = all([filter, { [path]: { $ne: null } }]) as PlainFilter // Neither of them is constant.
    return { where, ...groupedBy(distinct ? [...new Set([...by, path])] : by), count: true as const }
  })
  return [{ where: filter, ...groupedBy(by), ...optionsOf(aggregates) }, ...counts]
}

function groupedBy(by: readonly string[]): { readonly groupBy?: readonly string[] } {
  return by.length === 0 ? {} : { groupBy: by }
}

/** How many rows of a group have a column that is not null, or how many values it has. */
function isColumnCount(one: Aggregate): one is Aggregate & { readonly path: string } {
  return one.function === 'count' && one.path !== undefined
}

/** The groups that the answers to what was asked make. */
function combined({ by, aggregates }: Grouping, [answer, ...counts]: readonly unknown[]): Group[] {
  const groups = new Map<string, Group>()
  for (const result of resultsIn(answer)) {
    const columns = columnsOf(result, by)
    const values = new Map(aggregates.map((one) => [aggregateKey(one), valueOf(result, one)]))
    groups.set(identityText([...columns.values()]), { columns, aggregates: values })
  }
  for (const [i, one] of aggregates.filter(isColumnCount).entries()) {
    for (const result of resultsIn(counts[i])) {
      const counted = groups.get(identityText([...columnsOf(result, by).values()]))?.aggregates
      const key = aggregateKey(one)
      counted?.set(key, Number(counted.get(key)) + (one.distinct ? 1 : (result.count ?? 0)))
    }
  }
  return [...groups.values()]
}

/** What the query layer gives for one group. */
interface Result {
  readonly group?: Readonly<Record<string, unknown>> | undefined
  readonly count?: number | undefined
  readonly sum?: Readonly<Record<string, unknown>> | undefined
  readonly avg?: Readonly<Record<string, unknown>> | undefined
  readonly min?: Readonly<Record<string, unknown>> | undefined
  readonly max?: Readonly<Record<string, unknown>> | undefined
}

function resultsIn(answer: unknown): readonly Result[] {
  return Array.isArray(answer) ? (answer as Result[]) : [answer as Result] // Its form follows groupBy.
}

/** SUM is null where nothing was added, which only an average says. */
function optionsOf(aggregates: readonly Aggregate[]): object {
  const pathsOf = (...names: readonly AggregateFunction[]): string[] => [
    ...new Set(aggregates.flatMap(({ function: name, path = '' }) => (names.includes(name) ? [path] : []))),
  ]
  const lists = { sum: pathsOf('sum'), avg: pathsOf('sum', 'avg'), min: pathsOf('min'), max: pathsOf('max') }
  const asked = Object.entries(lists).filter(([, paths]) => paths.length > 0)
  const isCounted = aggregates.some(({ function: name, path }) => name === 'count' && path === undefined)
  return { ...Object.fromEntries(asked), ...(isCounted ? { count: true } : {}) }
}

function columnsOf({ group }: Result, by: readonly string[]): Map<string, unknown> {
  return new Map(by.map((path) => [path, group?.[path] ?? null]))
}

function valueOf(result: Result, { function: name, path }: Aggregate): unknown {
  if (name === 'count') return path === undefined ? result.count : 0
  if (path === undefined || (name === 'sum' && result.avg?.[path] === undefined)) return null
  return result[name]?.[path] ?? null
}
