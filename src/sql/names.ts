/** Names of a statement: its table, and the columns, which are fields or dotted paths into them. */
import type { Expr, SelectFromStatement } from 'pgsql-ast-parser'
import { parsePath } from '../query/filter.js'
import type { SqlText } from './text.js'

/** The table of a statement. */
export interface TableName {
  /** The collection. */
  readonly name: string
  /** What stands before its columns. */
  readonly qualifier: string
}

/** The one table that a statement reads. */
export function tableOf({ from, ...statement }: SelectFromStatement, sql: SqlText): TableName {
  const [table, second] = from ?? []
  if (table === undefined) throw sql.refuse(statement, 'a SELECT needs FROM and the name of a collection')
  if (second !== undefined) throw sql.refuse(second, 'joins are not supported; a query reads one collection')
  if (table.type !== 'table') throw sql.refuse(table, 'FROM takes the name of a collection only')
  if (table.lateral === true) throw sql.refuse(table, 'LATERAL is not supported')
  const [name = '', ...rest] = sql.names(table.name)
  if (rest.length > 0)
    throw sql.refuse(table, 'there are no schemas; quote the name of a collection with a dot')
  const { alias, columnNames } = table.name
  if (columnNames !== undefined) throw sql.refuse(table, 'names of columns are not supported here')
  return { name, qualifier: (alias ?? name).toLowerCase() }
}

/** The dotted path of a column. Names are taken as they are written, quoted or not. */
export function pathOf(expression: Expr, table: TableName, sql: SqlText): string {
  if (expression.type === 'keyword')
    throw sql.refuse(
      expression,
      `this is a word of SQL; for a field of this name write "${expression.keyword}"`,
    )
  if (expression.type !== 'ref' || expression.name === '*')
    throw sql.refuse(expression, 'only a column can stand here, with no function or operator')
  const names = sql.names(expression)
  const [first = ''] = names
  const path = (names.length > 1 && first.toLowerCase() === table.qualifier ? names.slice(1) : names).join(
    '.',
  )
  if (path.startsWith('$')) throw sql.refuse(expression, 'a column may not begin with $')
  try {
    parsePath(path, 'The SQL')
  } catch (error) {
    throw sql.refuse(expression, 'this is no field or dotted path', error)
  }
  return path
}

/** What stands at a path; of a list on the way what is in its elements. Null where there is nothing. */
export function valueOfColumn(row: unknown, path: readonly string[]): unknown {
  return valueFrom(row, path, 0) ?? null
}

function valueFrom(value: unknown, path: readonly string[], depth: number): unknown {
  const name = path[depth]
  if (name === undefined) return value
  if (Array.isArray(value))
    return (value as unknown[])
      .map((element) => valueFrom(element, path, depth))
      .filter((found) => found !== undefined)
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return valueFrom((value as Readonly<Record<string, unknown>>)[name], path, depth + 1)
}
