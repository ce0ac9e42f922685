/**
 * The parser of SQL: the package pgsql-ast-parser, an optional peer that is loaded when the first statement is read.
 *
 * It reads PostgreSQL's language, of which a SELECT from one table is taken here. What it reads and we do not carry out is refused
 * by what uses it, part by part.
 */
import { createRequire } from 'node:module'
import type { SelectFromStatement, Statement } from 'pgsql-ast-parser'
import { QueryError } from '../errors.js'
import type { SqlText } from './text.js'

type Parse = (text: string, options: { locationTracking: true }) => Statement[]

const PACKAGE = 'pgsql-ast-parser'
let loaded: Parse | undefined

/** Statements by the templates that they were written as: reading one takes milliseconds. Nothing changes them. */
const known = new WeakMap<object, SelectFromStatement>()

/** Reads one SELECT. Throws `VARVE_QUERY` for anything else, and if the package is not installed. */
export function parseSelect(sql: SqlText): SelectFromStatement {
  const { identity } = sql
  const earlier = identity === undefined ? undefined : known.get(identity)
  if (earlier !== undefined) return earlier
  const statement = selectOf(sql)
  if (identity !== undefined) known.set(identity, statement)
  return statement
}

function selectOf(sql: SqlText): SelectFromStatement {
  const [statement, second] = read(sql)
  if (statement === undefined) throw sql.refuse(0, 'there is no statement')
  if (second !== undefined) throw sql.refuse(second, 'only one statement is allowed')
  if (statement.type === 'select') return statement
  throw sql.refuse(statement, `${statement.type.toUpperCase()} is not supported; only SELECT from a table is`)
}

function read(sql: SqlText): Statement[] {
  const parse = (loaded ??= load())
  try {
    return parse(sql.text, { locationTracking: true })
  } catch (error) {
    throw syntaxError(sql, error)
  }
}

function load(): Parse {
  try {
    const { parse } = createRequire(import.meta.url)(PACKAGE) as { parse: Parse }
    return parse
  } catch (cause) {
    throw new QueryError(
      `varve/sql needs the package ${PACKAGE}, which is not installed. Install it beside varve: npm install ${PACKAGE}@12.`,
      { cause },
    )
  }
}

/** What the parser tells of a place: the token that it did not expect, or where the characters are no token. */
interface ParseFailure {
  readonly token?: { readonly text?: string; readonly offset?: number } | undefined
}

function syntaxError(sql: SqlText, error: unknown): QueryError {
  const { token } = error as ParseFailure // Its errors have no class of their own.
  if (typeof token?.offset === 'number')
    return sql.refuse(token.offset, `'${token.text ?? ''}' is not expected here`, error)
  const [, line, column] = /at line (\d+) col (\d+)/u.exec(error instanceof Error ? error.message : '') ?? []
  if (line === undefined || column === undefined)
    return sql.refuse(sql.text.length, 'the statement is not complete', error)
  const before = sql.text.split('\n').slice(0, Number(line) - 1)
  const offset = before.reduce((sum, text) => sum + text.length + 1, Number(column) - 1)
  return sql.refuse(offset, `'${sql.text.slice(offset, offset + 1)}' is not expected here`, error)
}
