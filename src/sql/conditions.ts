/**
 * WHERE as a filter.
 *
 * SQL knows three truths, filters two. An expression is therefore asked when it is true, and when it is false, each of which is a
 * filter; for the rows of neither it is unknown. NOT swaps the two. A comparison is unknown where its column is null or missing, and
 * with null; everything else is true or false as the filter's operator says: within a type, and of a list if one of its elements is.
 */
import type { Expr, ExprBinary, ExprTernary, ExprUnary } from 'pgsql-ast-parser'
import { parseFilter } from '../query/filter.js'
import { compileFilter } from '../query/match.js'
import { isScalar } from '../query/value-order.js'
import { constantOf, isConstant, scalarOf } from './constants.js'
import { likeCondition } from './like.js'
import type { SqlText } from './text.js'

/** A filter as `find` takes it. */
export type PlainFilter = Readonly<Record<string, unknown>>

/** Rows: all, none, or those of a filter. */
export type Condition = boolean | PlainFilter

/** What conditions are made from. */
export interface ConditionContext {
  readonly sql: SqlText
  /** The dotted path of a column. Throws if the expression is none. */
  readonly pathOf: (expression: Expr) => string
}

/** A condition as a filter of a collection whose primary key has this part. */
export function filterOf(condition: Condition, keyPath: string): PlainFilter {
  if (typeof condition !== 'boolean') return condition
  return condition ? {} : { [keyPath]: { $in: [] } }
}

/** All of these. */
export function all(conditions: readonly Condition[]): Condition {
  const filters = conditions.filter((condition) => typeof condition !== 'boolean')
  if (conditions.includes(false)) return false
  const [only] = filters
  return only === undefined ? true : filters.length === 1 ? only : { $and: filters }
}

function any(conditions: readonly Condition[]): Condition {
  const filters = conditions.filter((condition) => typeof condition !== 'boolean')
  if (conditions.includes(true)) return true
  const [only] = filters
  return only === undefined ? false : filters.length === 1 ? only : { $or: filters }
}

/** Rows for which an expression has a truth; not those for which it is unknown. */
export function conditionOf(expression: Expr, truth: boolean, context: ConditionContext): Condition {
  switch (expression.type) {
    case 'binary':
      return binary(expression, truth, context)
    case 'unary':
      return unary(expression, truth, context)
    case 'ternary':
      return between(expression, truth, context)
    case 'boolean':
      return expression.value === truth
    case 'null':
      return false
    case 'parameter':
      return ofConstant(expression, truth, context)
    case 'ref':
      return { [context.pathOf(expression)]: { $eq: truth } }
    default:
      throw context.sql.refuse(expression, 'this is not supported as a condition')
  }
}

function ofConstant(expression: Expr, truth: boolean, { sql }: ConditionContext): Condition {
  const value = constantOf(expression, sql)
  if (typeof value === 'boolean' || value === null) return value === truth
  throw sql.refuse(expression, 'a condition is expected here: true, false, null or a comparison')
}

/** The operands of a chain such as `a AND b AND c`, which the parser nests once for each operator. */
function chain(expression: ExprBinary): Expr[] {
  const operands: Expr[] = []
  let rest: Expr = expression
  while (rest.type === 'binary' && rest.op === expression.op) {
    operands.push(rest.right)
    rest = rest.left
  }
  operands.push(rest)
  return operands.toReversed()
}

function binary(expression: ExprBinary, truth: boolean, context: ConditionContext): Condition {
  const { op } = expression
  switch (op) {
    case 'AND':
    case 'OR': {
      const parts = chain(expression).map((part) => conditionOf(part, truth, context))
      return (op === 'AND') === truth ? all(parts) : any(parts)
    }
    case '=':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return comparison(expression, op, truth, context)
    case 'IN':
      return membership(expression, truth, context)
    case 'NOT IN':
      return membership(expression, !truth, context)
    case 'LIKE':
    case 'ILIKE':
      return like(expression, op === 'ILIKE', truth, context)
    case 'NOT LIKE':
    case 'NOT ILIKE':
      return like(expression, op === 'NOT ILIKE', !truth, context)
    default:
      throw context.sql.refuse(expression, `the operator ${op} is not supported`)
  }
}

type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='

const OPERATORS = { '=': '$eq', '!=': '$eq', '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' } as const
const FLIPPED = { '=': '=', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const

function comparison(
  expression: ExprBinary,
  op: Comparison,
  truth: boolean,
  context: ConditionContext,
): Condition {
  const { left, right } = expression
  const { sql } = context
  if (isConstant(left) && !isConstant(right))
    return compare({ column: right, op: FLIPPED[op], value: left }, truth, context)
  if (!isConstant(right)) throw sql.refuse(expression, 'a column is compared with a value only')
  return compare({ column: left, op, value: right }, truth, context)
}

/** A column, or another value, compared with a value. */
interface Compared {
  readonly column: Expr
  readonly op: Comparison
  readonly value: Expr
}

function compare({ column, op, value }: Compared, truth: boolean, context: ConditionContext): Condition {
  const isEquality = op === '=' || op === '!='
  const operand = isEquality ? constantOf(value, context.sql) : scalarOf(value, context.sql)
  if (operand === null) return checked(column, context)
  return test(column, { [OPERATORS[op]]: operand }, (op === '!=') !== truth, context)
}

/** Nothing, but only of a column that could be. */
function checked(column: Expr, context: ConditionContext): false {
  if (isConstant(column)) constantOf(column, context.sql)
  else context.pathOf(column)
  return false
}

/** Rows whose column fulfils a test, or does not though it is there. */
function test(column: Expr, operators: PlainFilter, truth: boolean, context: ConditionContext): Condition {
  const path = isConstant(column) ? undefined : context.pathOf(column)
  const filter = { [path ?? 'value']: truth ? operators : { $not: operators, $ne: null } }
  if (path !== undefined) return filter
  return compileFilter(parseFilter(filter))({ value: constantOf(column, context.sql) })
}

function membership(expression: ExprBinary, truth: boolean, context: ConditionContext): Condition {
  const { left, right } = expression
  const { sql } = context
  const members = right.type === 'list' ? right.expressions : [right]
  const values = members.flatMap((member) => {
    if (!isConstant(member)) throw sql.refuse(member, 'IN takes values only')
    const value = constantOf(member, sql)
    return Array.isArray(value) ? (value as unknown[]) : [value]
  })
  const known = values.filter((value) => value !== null)
  if (!known.every((value) => value !== undefined && isScalar(value)))
    throw sql.refuse(right, 'IN takes no list within a list and no objects; compare with = instead')
  // Not in a list with null is unknown, but for those that are in it.
  if (!truth && known.length < values.length) return checked(left, context)
  return test(left, { $in: known }, truth, context)
}

function like(
  { left, right }: ExprBinary,
  ignoreCase: boolean,
  truth: boolean,
  context: ConditionContext,
): Condition {
  const pattern = isConstant(right) ? constantOf(right, context.sql) : undefined
  if (pattern === null) return checked(left, context)
  if (typeof pattern !== 'string' || !pattern.isWellFormed())
    throw context.sql.refuse(right, 'LIKE takes a text, as a literal or a placeholder')
  const operators = likeCondition(pattern, ignoreCase)
  try {
    parseFilter({ pattern: operators })
  } catch (error) {
    throw context.sql.refuse(right, 'the pattern is too long', error)
  }
  return test(left, operators, truth, context)
}

/** Between is at least and at most, by definition, which also says what it is with null. */
function between(expression: ExprTernary, truth: boolean, context: ConditionContext): Condition {
  const { value, lo, hi, op } = expression
  for (const bound of [lo, hi])
    if (!isConstant(bound)) throw context.sql.refuse(bound, 'BETWEEN takes values only')
  const wanted = (op === 'BETWEEN') === truth
  const parts = [
    compare({ column: value, op: '>=', value: lo }, wanted, context),
    compare({ column: value, op: '<=', value: hi }, wanted, context),
  ]
  return wanted ? all(parts) : any(parts)
}

function unary(expression: ExprUnary, truth: boolean, context: ConditionContext): Condition {
  const { op, operand } = expression
  switch (op) {
    case 'NOT':
      return conditionOf(operand, !truth, context)
    case 'IS NULL':
      return isNull(operand, truth, context)
    case 'IS NOT NULL':
      return isNull(operand, !truth, context)
    case 'IS TRUE':
      return is(conditionOf(operand, true, context), truth)
    case 'IS NOT TRUE':
      return is(conditionOf(operand, true, context), !truth)
    case 'IS FALSE':
      return is(conditionOf(operand, false, context), truth)
    case 'IS NOT FALSE':
      return is(conditionOf(operand, false, context), !truth)
    default:
      throw context.sql.refuse(expression, `the operator ${op} is not supported as a condition`)
  }
}

function isNull(operand: Expr, truth: boolean, context: ConditionContext): Condition {
  if (isConstant(operand)) return (constantOf(operand, context.sql) === null) === truth
  return { [context.pathOf(operand)]: truth ? { $eq: null } : { $ne: null } }
}

/** What is never unknown. */
function is(rows: Condition, truth: boolean): Condition {
  if (truth) return rows
  return typeof rows === 'boolean' ? !rows : { $nor: [rows] }
}
