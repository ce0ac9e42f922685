/** A SELECT, read: what it asks of which collection. */
import type { Expr, OrderByStatement, SelectedColumn, SelectFromStatement } from 'pgsql-ast-parser'
import { type Aggregate, aggregateKey, aggregateOf, type Group } from './aggregates.js'
import { parseFilter } from '../query/filter.js'
import { compileFilter } from '../query/match.js'
import { type Condition, conditionOf } from './conditions.js'
import { countOf } from './constants.js'
import { pathOf, type TableName, tableOf } from './names.js'
import { parseSelect } from './parser.js'
import { type SqlText, unknownPart } from './text.js'

/** Where the value of a column comes from. */
export type Origin =
  { readonly kind: 'field'; readonly path: string } | { readonly kind: 'aggregate'; readonly key: string }

/** A column of the result. */
export interface OutputColumn {
  readonly name: string
  readonly origin: Origin
}

export interface OutputOrder {
  readonly origin: Origin
  readonly descending: boolean
}

export interface Statement {
  readonly collection: string
  readonly where: Condition
  /** Undefined for `*`. */
  readonly columns: readonly OutputColumn[] | undefined
  /** The paths that rows are grouped by, empty for one group; undefined where rows are not grouped. */
  readonly groupBy: readonly string[] | undefined
  readonly aggregates: readonly Aggregate[]
  /** Which groups are given; undefined for all. */
  readonly having: ((group: Group) => boolean) | undefined
  readonly order: readonly OutputOrder[]
  readonly limit: number | undefined
  readonly offset: number
}

const PARTS: ReadonlySet<string> = new Set(
  'type columns from where groupBy having limit orderBy distinct _location'.split(' '),
)

/** Reads a statement. Throws `VARVE_QUERY` for what is not understood or not supported, with its place. */
export function readStatement(sql: SqlText): Statement {
  try {
    return statementOf(sql)
  } catch (error) {
    // The parser and the translation go as deep as the text does.
    if (error instanceof RangeError) throw sql.refuse({}, 'it is nested too deeply', error)
    throw error
  }
}

function statementOf(sql: SqlText): Statement {
  const select = parseSelect(sql)
  const part = unknownPart(select, PARTS)
  if (part !== undefined) throw sql.refuse(partOf(select, part), `${part.toUpperCase()} is not supported`)
  const statement = new StatementReader(select, sql).read()
  sql.checkAllUsed()
  return statement
}

/** A part of a statement, for its place. */
function partOf(select: SelectFromStatement, name: string): object {
  const part = (select as unknown as Readonly<Record<string, unknown>>)[name]
  return typeof part === 'object' && part !== null ? part : select
}

class StatementReader {
  readonly #select: SelectFromStatement
  readonly #sql: SqlText
  readonly #table: TableName
  readonly #aggregates = new Map<string, Aggregate>()

  constructor(select: SelectFromStatement, sql: SqlText) {
    this.#select = select
    this.#sql = sql
    this.#table = tableOf(select, sql)
  }

  read(): Statement {
    const { where, limit } = this.#select
    const sql = this.#sql
    const columns = this.#columns()
    const groupBy = this.#groupBy(columns)
    const order = this.#order(columns, groupBy)
    const having = this.#having(groupBy)
    const context = { sql, pathOf: (column: Expr) => this.#path(column) }
    return {
      collection: this.#table.name,
      where: where === undefined || where === null || conditionOf(where, true, context),
      columns,
      groupBy,
      aggregates: [...this.#aggregates.values()],
      having,
      order,
      limit: limit?.limit ? countOf(limit.limit, 'LIMIT', sql) : undefined,
      offset: limit?.offset ? countOf(limit.offset, 'OFFSET', sql) : 0,
    }
  }

  #path(expression: Expr): string {
    return pathOf(expression, this.#table, this.#sql)
  }

  /** Undefined for `*`. */
  #columns(): OutputColumn[] | undefined {
    const selected = this.#select.columns ?? []
    const [first] = selected
    if (first === undefined) throw this.#sql.refuse(this.#select, 'a SELECT needs columns, or *')
    const star = selected.find(({ expr }) => expr.type === 'ref' && expr.name === '*')
    if (star !== undefined) {
      if (selected.length === 1) return undefined
      throw this.#sql.refuse(star, '* stands alone; name the columns instead')
    }
    const columns = selected.map((column) => this.#column(column))
    const names = columns.map(({ name }) => name)
    const twice = names.findIndex((name, i) => names.indexOf(name) < i)
    const second = selected[twice]
    if (second === undefined) return columns
    throw this.#sql.refuse(second, `there are two columns '${names[twice]}'; give one a name with AS`)
  }

  #column(column: SelectedColumn): OutputColumn {
    const { expr, alias } = column
    const origin = this.#origin(expr)
    if (alias === undefined) return { name: this.#defaultName(expr, origin), origin }
    if (alias._location !== undefined) return { name: this.#sql.names(alias)[0] ?? alias.name, origin }
    // Without AS the parser keeps the name in lower case and not its place.
    const written = this.#sql.nameBehind(column)
    const isSame = written?.toLowerCase() === alias.name.toLowerCase()
    return { name: isSame && written !== undefined ? written : alias.name, origin }
  }

  #defaultName(expr: Expr, origin: Origin): string {
    return origin.kind === 'field' ? origin.path : expr.type === 'call' ? expr.function.name : ''
  }

  #origin(expr: Expr): Origin {
    if (expr.type !== 'call') return { kind: 'field', path: this.#path(expr) }
    const aggregate = aggregateOf(expr, this.#sql, (column) => this.#path(column))
    const key = aggregateKey(aggregate)
    this.#aggregates.set(key, aggregate)
    return { kind: 'aggregate', key }
  }

  #groupBy(columns: readonly OutputColumn[] | undefined): string[] | undefined {
    const { groupBy, distinct } = this.#select
    const sql = this.#sql
    if (Array.isArray(distinct)) throw sql.refuse(this.#select, 'DISTINCT ON is not supported')
    const isDistinct = distinct === 'distinct'
    const isGrouped = (groupBy?.length ?? 0) > 0 || this.#aggregates.size > 0
    if (!isDistinct && !isGrouped) return undefined
    if (columns === undefined) throw sql.refuse(this.#select, '* cannot be grouped; name the columns')
    if (isDistinct && isGrouped) throw sql.refuse(this.#select, 'DISTINCT with groups is not supported')
    const fields = columns.flatMap(({ origin }) => (origin.kind === 'field' ? [origin.path] : []))
    if (isDistinct) return [...new Set(fields)]
    const by = (groupBy ?? []).map((expression) => this.#groupedPath(expression, columns))
    const loose = columns.findIndex(({ origin }) => origin.kind === 'field' && !by.includes(origin.path))
    const column = this.#select.columns?.[loose]
    if (column === undefined) return [...new Set(by)]
    throw sql.refuse(column, 'the column must be in GROUP BY, or within an aggregate')
  }

  #groupedPath(expression: Expr, columns: readonly OutputColumn[]): string {
    const origin = this.#named(expression, columns) ?? this.#origin(expression)
    if (origin.kind === 'field') return origin.path
    throw this.#sql.refuse(expression, 'rows cannot be grouped by an aggregate')
  }

  /** A column of the result by its name or its number from 1. */
  #named(expression: Expr, columns: readonly OutputColumn[] | undefined): Origin | undefined {
    if (expression.type === 'integer') {
      const column = columns?.[expression.value - 1]
      if (column !== undefined) return column.origin
      throw this.#sql.refuse(expression, 'there is no column of this number')
    }
    if (expression.type !== 'ref' || expression.table !== undefined) return undefined
    const [name] = this.#sql.names(expression)
    return columns?.find((column) => column.name === name)?.origin
  }

  /** HAVING is a condition on what a group gives: each value gets a name of its own, and a filter tests them. */
  #having(groupBy: readonly string[] | undefined): Statement['having'] {
    const { having } = this.#select
    if (having === undefined || having === null) return undefined
    const origins: Origin[] = []
    const nameOf = (expression: Expr): string => {
      const origin = this.#origin(expression)
      if (origin.kind === 'field' && groupBy?.includes(origin.path) !== true)
        throw this.#sql.refuse(expression, 'the column must be in GROUP BY, or within an aggregate')
      return `v${origins.push(origin) - 1}`
    }
    const condition = conditionOf(having, true, { sql: this.#sql, pathOf: nameOf })
    if (typeof condition === 'boolean') return () => condition
    const matches = compileFilter(parseFilter(condition))
    return (group) =>
      matches(Object.fromEntries(origins.map((origin, i) => [`v${i}`, valueIn(group, origin)])))
  }

  #order(
    columns: readonly OutputColumn[] | undefined,
    groupBy: readonly string[] | undefined,
  ): OutputOrder[] {
    const order: OutputOrder[] = []
    for (const entry of this.#select.orderBy ?? []) {
      const origin = this.#named(entry.by, columns) ?? this.#origin(entry.by)
      const descending = this.#isDescending(entry)
      if (origin.kind === 'aggregate' && groupBy === undefined)
        throw this.#sql.refuse(entry, 'there are no groups to sort by an aggregate')
      if (origin.kind === 'field' && groupBy !== undefined && !groupBy.includes(origin.path))
        throw this.#sql.refuse(entry, 'groups and distinct rows are sorted by their columns only')
      const isNew = !order.some((other) => isSameOrigin(other.origin, origin))
      if (isNew) order.push({ origin, descending })
    }
    return order
  }

  /** Null comes first, or last in a descending order. */
  #isDescending(entry: OrderByStatement): boolean {
    const descending = entry.order === 'DESC'
    const { nulls } = entry
    if (nulls === undefined || nulls === null || (nulls === 'LAST') === descending) return descending
    throw this.#sql.refuse(entry, 'null sorts before all other values; another place for it is not supported')
  }
}

/** What a group has for a column. */
export function valueIn({ columns, aggregates }: Group, origin: Origin): unknown {
  return origin.kind === 'field' ? columns.get(origin.path) : aggregates.get(origin.key)
}

function isSameOrigin(a: Origin, b: Origin): boolean {
  return a.kind === 'field'
    ? b.kind === 'field' && a.path === b.path
    : b.kind === 'aggregate' && a.key === b.key
}
