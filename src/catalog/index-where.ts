/**
 * Which rows a partial index holds: conditions on fields that must all hold, as plain data in the catalog.
 */
import { ArgumentError } from '../errors.js'
import { describe } from '../format/describe.js'
import { compareKeys } from '../format/key-order.js'
import { isPlainObject } from '../format/value-kinds.js'
import { existsAt, valuesAt } from './field-values.js'
import { encodeIndexPart, isSameType } from './index-part.js'

/**
 * Conditions by field or dotted path: a value that the field must equal, or an object of operators. All must hold. A list
 * fulfils a condition if one of its elements does; comparisons hold within a type only; null and a missing field are equal.
 *
 * @example `{ deleted: false, year: { $gte: 2000 } }`
 */
export type IndexWhere = Readonly<Record<string, unknown>>

/** The operators of a partial index's conditions. */
const OPERATORS = ['$eq', '$gt', '$gte', '$lt', '$lte', '$in', '$exists'] as const
type Operator = (typeof OPERATORS)[number]

type Test = (row: unknown, path: readonly string[]) => boolean

interface Condition {
  readonly path: readonly string[]
  readonly test: Test
}

/** A copy of conditions as a caller writes them. Throws `VARVE_ARGUMENT`. */
export function checkIndexWhere(what: string, where: unknown): IndexWhere | undefined {
  if (where === undefined) return undefined
  const copy = plainCopy(where)
  const problem = typeof copy === 'string' ? copy : problemOf(copy)
  if (typeof copy === 'string' || problem !== undefined)
    throw new ArgumentError(`${what} has a where that is not understood: ${problem}.`)
  return copy
}

/** Reads conditions from the catalog; undefined if they are none that are understood. */
export function readIndexWhere(value: unknown): IndexWhere | undefined {
  const copy = plainCopy(value)
  return typeof copy === 'string' || problemOf(copy) !== undefined ? undefined : copy
}

function plainCopy(where: unknown): Record<string, unknown> | string {
  if (!isPlainObject(where)) return `it must be an object such as { deleted: false }, not ${describe(where)}`
  const copy: Record<string, unknown> = {}
  for (const path of Object.keys(where)) {
    const condition = where[path]
    if (path === '__proto__') return 'a field cannot be named __proto__ here'
    copy[path] = isPlainObject(condition) ? { ...condition } : condition
  }
  return copy
}

function problemOf(where: IndexWhere): string | undefined {
  if (Object.keys(where).length === 0) return 'it has no condition'
  for (const [field, condition] of Object.entries(where)) {
    if (field.split('.').includes('')) return `'${field}' is no field or dotted path`
    for (const [operator, operand] of operatorsOf(condition)) {
      const problem = operandProblem(operator, operand)
      if (problem !== undefined) return `'${field}' ${problem}`
    }
  }
  return undefined
}

function operandProblem(operator: string, operand: unknown): string | undefined {
  if (!isOperator(operator)) return `has ${operator}; known are ${OPERATORS.join(', ')}`
  if (operator === '$exists') return typeof operand === 'boolean' ? undefined : 'has $exists of no boolean'
  const operands: readonly unknown[] = operator === '$in' && Array.isArray(operand) ? operand : [operand]
  if (operator === '$in' && !Array.isArray(operand)) return 'has $in of no list'
  const wrong = operands.find((one) => one === undefined || encodeIndexPart(one, 'any') === undefined)
  return wrong === undefined ? undefined : `compares with ${describe(wrong)}, which no index can hold`
}

function operatorsOf(condition: unknown): [string, unknown][] {
  return isPlainObject(condition) ? Object.entries(condition) : [['$eq', condition]]
}

function isOperator(operator: string): operator is Operator {
  return OPERATORS.some((one) => one === operator)
}

/** A function that says whether a row fulfils conditions that were checked. */
export function compileIndexWhere(where: IndexWhere): (row: unknown) => boolean {
  const conditions: Condition[] = Object.entries(where).flatMap(([field, condition]) => {
    const path = field.split('.')
    return operatorsOf(condition).map(([operator, operand]) => ({ path, test: testOf(operator, operand) }))
  })
  return (row) => conditions.every(({ path, test }) => test(row, path))
}

function valuesOf(row: unknown, path: readonly string[]): readonly unknown[] {
  const values: unknown[] = []
  valuesAt(row, path, (value) => values.push(value))
  return values
}

function testOf(operator: string, operand: unknown): Test {
  switch (operator) {
    case '$exists':
      return (row, path) => existsAt(row, path) === operand
    case '$in': {
      const tests = (Array.isArray(operand) ? (operand as unknown[]) : []).map((one) => equals(one))
      return (row, path) => tests.some((test) => test(row, path))
    }
    case '$eq':
      return equals(operand)
    case '$gt':
      return compares(operand, (order) => order > 0)
    case '$gte':
      return compares(operand, (order) => order >= 0)
    case '$lt':
      return compares(operand, (order) => order < 0)
    default:
      return compares(operand, (order) => order <= 0)
  }
}

function equals(operand: unknown): Test {
  return compares(operand, (order) => order === 0)
}

/** Whether one of the values, of the operand's type, compares with it as wanted. */
function compares(operand: unknown, holds: (order: number) => boolean): Test {
  const wanted = encodeIndexPart(operand, 'any')
  return (row, path) =>
    valuesOf(row, path).some((value) => {
      const part = encodeIndexPart(shortened(value, operand), 'any')
      return (
        part !== undefined &&
        wanted !== undefined &&
        isSameType(part, wanted) &&
        holds(compareKeys(part, wanted))
      )
    })
}

/** As much of a value as decides how it compares with the operand: a long one would be too long for a key. */
function shortened(value: unknown, operand: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, lengthBeyond(operand, value)).toWellFormed()
  if (value instanceof Uint8Array) return value.subarray(0, lengthBeyond(operand, value))
  return value
}

/** One more than the operand has, where both are of the same type. */
function lengthBeyond(operand: unknown, value: string | Uint8Array): number {
  const isSame = typeof operand === 'string' ? typeof value === 'string' : operand instanceof Uint8Array
  return isSame && (typeof operand === 'string' || operand instanceof Uint8Array) ? operand.length + 1 : 1
}

/** Conditions as text: the same for the same conditions. */
export function whereText(where: IndexWhere | undefined): string {
  if (where === undefined) return ''
  return JSON.stringify(where, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    return value instanceof Uint8Array ? [...value] : value
  })
}
