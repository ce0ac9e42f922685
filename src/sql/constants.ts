/** Literals and placeholders of a statement as values. */
import type { Expr } from 'pgsql-ast-parser'
import { isScalar } from '../query/value-order.js'
import type { SqlText } from './text.js'

const DATES: ReadonlySet<string> = new Set(['date', 'timestamp', 'timestamptz', 'timestamp with time zone'])

/** A time in ISO 8601; without a zone it is UTC. */
const TIME =
  /^(?<date>\d{4}-\d\d-\d\d)(?:[T ](?<time>\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?<zone>Z|[+-]\d\d:\d\d)?)?$/u

/** Whether a part of a statement is a value by itself. */
export function isConstant(expression: Expr): boolean {
  switch (expression.type) {
    case 'integer':
    case 'numeric':
    case 'string':
    case 'boolean':
    case 'null':
    case 'parameter':
      return true
    case 'cast':
      return isConstant(expression.operand)
    case 'unary':
      return (expression.op === '-' || expression.op === '+') && isConstant(expression.operand)
    default:
      return false
  }
}

/** The value of a part for which `isConstant` holds. */
export function constantOf(expression: Expr, sql: SqlText): unknown {
  switch (expression.type) {
    case 'integer':
    case 'numeric':
      if (Number.isFinite(expression.value) && isExact(expression.value)) return expression.value
      throw sql.refuse(expression, 'the number has too many digits; pass it as a value')
    case 'string':
    case 'boolean':
      return expression.value
    case 'null':
      return null
    case 'parameter':
      return sql.value(expression.name, expression)
    case 'cast':
      return timeOf(expression, sql)
    case 'unary':
      return signed(expression, sql)
    default:
      throw sql.refuse(expression, 'a value is expected here: a literal, or a placeholder')
  }
}

/** The same, which must have an order: what is above or below. */
export function scalarOf(expression: Expr, sql: SqlText): unknown {
  const value = constantOf(expression, sql)
  if (isScalar(value)) return value
  throw sql.refuse(expression, 'a list or an object has no order to compare by')
}

/** A number of rows. */
export function countOf(expression: Expr, what: string, sql: SqlText): number {
  const value = isConstant(expression) ? constantOf(expression, sql) : undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw sql.refuse(expression, `${what} must be an integer of at least 0`)
}

function isExact(value: number): boolean {
  return !Number.isInteger(value) || Number.isSafeInteger(value)
}

function signed(expression: Extract<Expr, { type: 'unary' }>, sql: SqlText): unknown {
  const value = constantOf(expression.operand, sql)
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw sql.refuse(expression, 'only a number can have a sign')
  return expression.op === '-' ? -value : value
}

function timeOf(expression: Extract<Expr, { type: 'cast' }>, sql: SqlText): Date {
  const { operand, to } = expression
  const name = 'name' in to ? to.name : ''
  if (!DATES.has(name) || operand.type !== 'string')
    throw sql.refuse(expression, `a cast is not supported here; DATE '…' and TIMESTAMP '…' are`)
  const { date, time = '00:00', zone = 'Z' } = TIME.exec(operand.value)?.groups ?? {}
  const isDay = date !== undefined && new Date(date).toJSON()?.startsWith(date)
  const value = new Date(`${date ?? ''}T${time}${zone}`)
  if (isDay && !Number.isNaN(value.getTime())) return value
  throw sql.refuse(operand, `this is no time such as '2020-01-31' or '2020-01-31T12:00:00Z'`)
}
