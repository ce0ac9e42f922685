/**
 * Filters as functions: whether a row matches.
 *
 * A path goes through lists: a list on the way stands for its elements, and a number in a path for that element too. A list at its
 * end matches if it does, or if one of its elements does. A missing field is null.
 */
import { isPlainObject } from '../format/value-kinds.js'
import type { FilterNode, Test, ValueType } from './filter.js'
import { compareValues, equalValues, isScalar, typeRank, TypeRank } from './value-order.js'

/** Whether a row matches. */
export type Predicate = (row: unknown) => boolean

/** Whether a value by itself fulfils a test; a list is not taken apart. */
type ValueTest = (value: unknown) => boolean

export function compileFilter(node: FilterNode): Predicate {
  if (node.kind === 'field') return compileField(node.path, node.test)
  const parts = node.of.map(compileFilter)
  const [only] = parts
  switch (node.kind) {
    case 'and':
      return parts.length === 1 && only !== undefined ? only : (row) => parts.every((part) => part(row))
    case 'or':
      return (row) => parts.some((part) => part(row))
    default:
      return (row) => !parts.some((part) => part(row))
  }
}

function compileField(path: readonly string[], test: Test): Predicate {
  if (test.op === 'not') {
    const parts = test.tests.map((part) => compileField(path, part))
    return (row) => !parts.every((part) => part(row))
  }
  if (test.op === 'exists') {
    return (row) => someValue(row, path, 0, isThere) === test.wanted
  }
  const holds = compileTest(test)
  const wanted = looksAtLists(test) ? holds : (value: unknown) => holds(value) || someElement(value, holds)
  return (row) => someValue(row, path, 0, wanted)
}

function isThere(value: unknown): boolean {
  return value !== undefined
}

/** Whether a test is of a list as such. */
function looksAtLists({ op }: Test): boolean {
  return op === 'size' || op === 'elements' || op === 'rows'
}

function someElement(value: unknown, holds: ValueTest): boolean {
  return Array.isArray(value) && (value as unknown[]).some(holds)
}

/** Whether one of the values that a path leads to fulfils a test; `undefined` is one, where there is no field. */
function someValue(value: unknown, path: readonly string[], depth: number, holds: ValueTest): boolean {
  const name = path[depth]
  if (name === undefined) return holds(value)
  if (Array.isArray(value)) {
    for (const element of value as unknown[])
      if (isPlainObject(element) && someValue(element, path, depth, holds)) return true
    return (
      isIndex(name) && Number(name) < value.length && someValue(value[Number(name)], path, depth + 1, holds)
    )
  }
  if (isPlainObject(value) && Object.hasOwn(value, name))
    return someValue(value[name], path, depth + 1, holds)
  return holds(undefined)
}

const DIGIT_NINE = 0x39

/** Whether a name in a path may mean an element of a list. */
export function isIndex(name: string): boolean {
  return name.charCodeAt(0) <= DIGIT_NINE && /^(?:0|[1-9]\d*)$/u.test(name)
}

function compileTest(test: Test): ValueTest {
  switch (test.op) {
    case 'eq':
      return equalTo(test.value)
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return compares(test.op, test.value)
    case 'in': {
      const isOne = memberOf(test.values)
      if (test.patterns.length === 0) return isOne
      return (value) =>
        isOne(value) || (typeof value === 'string' && test.patterns.some((pattern) => pattern.test(value)))
    }
    case 'exists':
      return (value) => isThere(value) === test.wanted
    case 'not': {
      const tests = test.tests.map(compileTest)
      return (value) => !tests.every((holds) => holds(value))
    }
    case 'elements': {
      const tests = test.tests.map(compileTest)
      return (value) => someElement(value, (element) => tests.every((holds) => holds(element)))
    }
    case 'rows': {
      const matches = compileFilter(test.filter)
      return (value) => someElement(value, (element) => isContainer(element) && matches(element))
    }
    case 'size':
      return (value) => Array.isArray(value) && value.length === test.size
    case 'type':
      return (value) => test.types.some((type) => isOfType(value, type))
    case 'regex':
      return (value) => typeof value === 'string' && test.pattern.test(value)
    case 'startsWith':
      return (value) => typeof value === 'string' && value.startsWith(test.prefix)
  }
}

function isContainer(value: unknown): boolean {
  return isPlainObject(value) || Array.isArray(value)
}

function equalTo(wanted: unknown): ValueTest {
  if (typeof wanted === 'string' || typeof wanted === 'boolean') return (value) => value === wanted
  if (wanted === null) return (value) => value === null || value === undefined
  return (value) => equalValues(value, wanted)
}

/** Comparisons hold within a type. NaN is equal to NaN, and neither above nor below anything. */
function compares(op: 'gt' | 'gte' | 'lt' | 'lte', operand: unknown): ValueTest {
  const orEqual = op === 'gte' || op === 'lte'
  if (operand === null || Number.isNaN(operand)) return orEqual ? equalTo(operand) : () => false
  const rank = typeRank(operand)
  const sign = op === 'gt' || op === 'gte' ? 1 : -1
  return (value) => {
    if (typeRank(value) !== rank || Number.isNaN(value)) return false
    const order = compareValues(value, operand) * sign
    return order > 0 || (orEqual && order === 0)
  }
}

/** Whether a value equals one of many: by a set where it can. */
function memberOf(values: readonly unknown[]): ValueTest {
  const simple = new Set<unknown>()
  const others: unknown[] = []
  for (const value of values) {
    if (isScalar(value) && typeof value !== 'object') simple.add(normal(value))
    else if (value === null) simple.add(null)
    else others.push(value)
  }
  return (value) => {
    if (value === undefined || value === null) return simple.has(null)
    return simple.has(normal(value)) || others.some((other) => equalValues(value, other))
  }
}

/** The same for equal numbers: a bigint where no number says it. */
function normal(value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isFinite(number) && BigInt(number) === value ? number : value
}

function isOfType(value: unknown, type: ValueType): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'number':
      return typeRank(value) === TypeRank.number
    case 'int':
      return Number.isInteger(value)
    case 'bytes':
      return typeRank(value) === TypeRank.bytes
    case 'date':
      return typeRank(value) === TypeRank.date
    case 'list':
      return Array.isArray(value)
    case 'object':
      return isPlainObject(value)
    case 'map':
      return value instanceof Map
    case 'set':
      return value instanceof Set
    default:
      return typeof value === type
  }
}
