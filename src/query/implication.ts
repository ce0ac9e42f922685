/**
 * Whether a filter asks for no row that a partial index lacks.
 *
 * Sound, not complete: each condition of the index must follow from one condition of the filter on the same field. Both hold if one
 * of the field's values fulfils them, so it is enough that every value that fulfils the filter's fulfils the index's.
 */
import type { IndexWhere } from '../catalog/index-where.js'
import { compareKeys } from '../format/key-order.js'
import { KeyTag } from '../format/key-tag.js'
import { isPlainObject } from '../format/value-kinds.js'
import { isSamePath } from './access.js'
import { type PartRange, rangesOf } from './bounds.js'
import type { FieldNode, Test } from './filter.js'
import { isIndex } from './match.js'

/**
 * The conditions of the filter that say no more than the index's own; undefined if some row that the filter asks for may
 * not be in the index.
 */
export function givenBy(
  where: IndexWhere,
  conditions: readonly FieldNode[],
): readonly FieldNode[] | undefined {
  const given: FieldNode[] = []
  for (const [name, condition] of Object.entries(where)) {
    const path = name.split('.')
    const own = conditions.filter((node) => isSamePath(node.path, path))
    if (path.some(isIndex)) return undefined
    const operators: [string, unknown][] = isPlainObject(condition)
      ? Object.entries(condition)
      : [['$eq', condition]]
    if (!operators.every(([operator, operand]) => own.some(({ test }) => implies(test, operator, operand))))
      return undefined
    given.push(...own.filter(({ test }) => saysSame(test, operators)))
  }
  return given
}

function implies(test: Test, operator: string, operand: unknown): boolean {
  if (test.op === 'exists') return operator === '$exists' && operand === test.wanted
  const has = rangesOf(test, 'any')
  if (has === undefined) return false
  if (operator === '$exists') return operand === true && has.ranges.every(isAboveNull)
  const needed = neededTest(operator, operand)
  const needs = needed === undefined ? undefined : rangesOf(needed, 'any')
  if (needs === undefined) return false
  return has.ranges.every((range) => needs.ranges.some((other) => isWithin(range, other)))
}

function neededTest(operator: string, operand: unknown): Test | undefined {
  switch (operator) {
    case '$eq':
      return { op: 'eq', value: operand }
    case '$gt':
      return { op: 'gt', value: operand }
    case '$gte':
      return { op: 'gte', value: operand }
    case '$lt':
      return { op: 'lt', value: operand }
    case '$lte':
      return { op: 'lte', value: operand }
    case '$in':
      return Array.isArray(operand) ? { op: 'in', values: operand as unknown[], patterns: [] } : undefined
    default:
      return undefined
  }
}

/** Whether all rows that fulfil the index's condition fulfil the test: told only for one value that is not null, and for being there. */
function saysSame(test: Test, operators: readonly [string, unknown][]): boolean {
  const [only] = operators
  if (only === undefined || operators.length > 1) return false
  if (test.op === 'exists') return implies(test, ...only)
  if (only[0] !== '$eq' || test.op !== 'eq') return false
  const has = rangesOf(test, 'any')
  return has !== undefined && has.exact && implies(test, '$eq', only[1])
}

function isWithin(a: PartRange, b: PartRange): boolean {
  if (b.point) return a.point && compareKeys(a.low, b.low) === 0
  return (
    compareKeys(a.low, b.low) >= 0 &&
    (a.point ? compareKeys(a.low, b.high) < 0 : compareKeys(a.high, b.high) <= 0)
  )
}

/** Null and missing are one value in an index. */
function isAboveNull({ low }: PartRange): boolean {
  return (low[0] ?? 0) > KeyTag.null
}
