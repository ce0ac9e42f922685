/**
 * Filters, read: from what callers write to a tree that is checked and holds copies of all values.
 */
import { type SafePattern, safePattern } from '../catalog/safe-pattern.js'
import { QueryError, VarveError } from '../errors.js'
import { describe } from '../format/describe.js'
import { MAX_KEY_BYTES } from '../format/limits.js'
import { copyStorable } from '../format/value.js'
import { isPlainObject } from '../format/value-kinds.js'
import { isWellFormed } from '../format/well-formed.js'
import { isScalar } from './value-order.js'

/** A filter, or a part of one. */
export type FilterNode =
  { readonly kind: 'and' | 'or' | 'nor'; readonly of: readonly FilterNode[] } | FieldNode

/** One condition on what a path leads to. */
export interface FieldNode {
  readonly kind: 'field'
  readonly path: readonly string[]
  readonly test: Test
}

/** A condition on a value. */
export type Test =
  | { readonly op: 'eq'; readonly value: unknown }
  | { readonly op: 'gt' | 'gte' | 'lt' | 'lte'; readonly value: unknown }
  | { readonly op: 'in'; readonly values: readonly unknown[]; readonly patterns: readonly Pattern[] }
  | { readonly op: 'exists'; readonly wanted: boolean }
  | { readonly op: 'not'; readonly tests: readonly Test[] }
  | { readonly op: 'elements'; readonly tests: readonly Test[] }
  | { readonly op: 'rows'; readonly filter: FilterNode }
  | { readonly op: 'size'; readonly size: number }
  | { readonly op: 'type'; readonly types: readonly ValueType[] }
  | { readonly op: 'regex'; readonly pattern: Pattern }
  | { readonly op: 'startsWith'; readonly prefix: string }

/** A pattern, and how it was written. */
export interface Pattern extends SafePattern {
  readonly source: string
}

/** What `$type` takes. `number` is every number and bigint, `int` a number without a fraction. */
export const VALUE_TYPES = [
  'null',
  'number',
  'int',
  'bigint',
  'string',
  'bytes',
  'boolean',
  'date',
  'list',
  'object',
  'map',
  'set',
] as const
export type ValueType = (typeof VALUE_TYPES)[number]

/** MongoDB's names for some of them. */
const TYPE_ALIASES: Readonly<Record<string, ValueType>> = {
  bool: 'boolean',
  array: 'list',
  binData: 'bytes',
  long: 'bigint',
}

/** Deepest nesting of `$and`, `$or`, `$nor`, `$not` and `$elemMatch`. */
const MAX_FILTER_NESTING = 100

const LOGICAL: ReadonlySet<string> = new Set(['$and', '$or', '$nor'])

/** Reads a filter. Throws `VARVE_QUERY` naming path and operator of what is wrong. */
export function parseFilter(filter: unknown): FilterNode {
  return new FilterParser().filter(filter, '', 0)
}

/** Paths that were read, by their texts: the same few come again and again. */
const knownPaths = new Map<string, readonly string[]>()
const MOST_KNOWN_PATHS = 1000
/** A longer text is not kept. */
const LONGEST_KNOWN_PATH = 100

/** The path that a text means. */
export function parsePath(text: string, what: string): readonly string[] {
  const known = knownPaths.get(text)
  if (known !== undefined) return known
  const path = text.split('.')
  if (path.every((name) => name !== '' && name.isWellFormed())) {
    if (knownPaths.size < MOST_KNOWN_PATHS && text.length <= LONGEST_KNOWN_PATH) knownPaths.set(text, path)
    return path
  }
  throw new QueryError(`${what} names '${text}', which is no field or dotted path.`, { field: text })
}

class FilterParser {
  filter(filter: unknown, within: string, depth: number): FilterNode {
    if (!isPlainObject(filter))
      throw refuse(within, undefined, `expected an object of conditions, found ${describe(filter)}`)
    if (depth > MAX_FILTER_NESTING)
      throw refuse(within, undefined, `it is nested deeper than ${MAX_FILTER_NESTING} levels`)
    const of: FilterNode[] = []
    for (const name of Object.keys(filter)) {
      const operand = filter[name]
      if (!name.startsWith('$')) this.#field(name, operand, within, depth, of)
      else if (LOGICAL.has(name)) of.push(this.#logical(name, operand, within, depth))
      else throw unknownOperator(within, name)
    }
    return joined(of)
  }

  #logical(operator: string, operand: unknown, within: string, depth: number): FilterNode {
    if (!Array.isArray(operand) || operand.length === 0)
      throw refuse(within, operator, `expected a list of filters, found ${describe(operand)}`)
    const of = Array.from(operand as unknown[], (part) => this.filter(part, within, depth + 1))
    if (operator === '$and') return joined(of)
    return { kind: operator === '$or' ? 'or' : 'nor', of }
  }

  #field(text: string, condition: unknown, within: string, depth: number, to: FilterNode[]): void {
    const path = parsePath(text, 'The filter')
    const where = within === '' ? text : `${within}.${text}`
    for (const test of this.#tests(condition, where, depth)) to.push({ kind: 'field', path, test })
  }

  /** A condition: operators, a pattern, or a value to be equal to. */
  #tests(condition: unknown, where: string, depth: number): Test[] {
    if (condition instanceof RegExp) return [patternTest(condition, undefined, where)]
    if (!isOperators(condition, where)) return [{ op: 'eq', value: valueOf(condition, where, undefined) }]
    return this.#operators(condition, where, depth)
  }

  #operators(operators: Readonly<Record<string, unknown>>, where: string, depth: number): Test[] {
    if (depth > MAX_FILTER_NESTING)
      throw refuse(where, undefined, `it is nested deeper than ${MAX_FILTER_NESTING} levels`)
    return Object.keys(operators).flatMap((name) => {
      if (name === '$options') return checkOptions(operators, where)
      if (name === '$regex') return [patternTest(operators[name], operators['$options'], where)]
      return this.#operator(name, operators[name], where, depth)
    })
  }

  #operator(operator: string, operand: unknown, where: string, depth: number): Test[] {
    switch (operator) {
      case '$eq':
        return [{ op: 'eq', value: valueOf(operand, where, operator) }]
      case '$ne':
        return [{ op: 'not', tests: [{ op: 'eq', value: valueOf(operand, where, operator) }] }]
      case '$gt':
        return [{ op: 'gt', value: comparable(operand, where, operator) }]
      case '$gte':
        return [{ op: 'gte', value: comparable(operand, where, operator) }]
      case '$lt':
        return [{ op: 'lt', value: comparable(operand, where, operator) }]
      case '$lte':
        return [{ op: 'lte', value: comparable(operand, where, operator) }]
      case '$in':
        return [inTest(operand, where, operator)]
      case '$nin':
        return [{ op: 'not', tests: [inTest(operand, where, operator)] }]
      case '$exists':
        return [{ op: 'exists', wanted: truthOf(operand, where, operator) }]
      case '$not':
        return [{ op: 'not', tests: this.#negated(operand, where, depth) }]
      case '$all':
        return this.#all(operand, where, depth)
      case '$elemMatch':
        return [this.#elements(operand, where, depth)]
      case '$size':
        return [{ op: 'size', size: sizeOf(operand, where) }]
      case '$type':
        return [{ op: 'type', types: typesOf(operand, where) }]
      case '$startsWith':
        if (typeof operand === 'string' && operand.isWellFormed())
          return [{ op: 'startsWith', prefix: operand }]
        throw refuse(where, operator, `expected a well-formed string, found ${describe(operand)}`)
      default:
        throw unknownOperator(where, operator)
    }
  }

  #negated(operand: unknown, where: string, depth: number): Test[] {
    if (operand instanceof RegExp) return [patternTest(operand, undefined, where)]
    if (isOperators(operand, where)) return this.#operators(operand, where, depth + 1)
    throw refuse(where, '$not', `expected an object of operators, found ${describe(operand)}`)
  }

  /** A list that has all of these is one that has each of them. */
  #all(operand: unknown, where: string, depth: number): Test[] {
    const values = listOf(operand, where, '$all')
    if (values.length === 0) return [{ op: 'in', values: [], patterns: [] }]
    return values.flatMap((value): Test[] => {
      if (value instanceof RegExp) return [patternTest(value, undefined, where)]
      if (!isPlainObject(value) || !Object.hasOwn(value, '$elemMatch'))
        return [{ op: 'eq', value: valueOf(value, where, '$all') }]
      if (Object.keys(value).length > 1)
        throw refuse(where, '$all', 'an element with $elemMatch may hold nothing else')
      return [this.#elements(value['$elemMatch'], where, depth + 1)]
    })
  }

  #elements(operand: unknown, where: string, depth: number): Test {
    if (!isPlainObject(operand))
      throw refuse(where, '$elemMatch', `expected an object, found ${describe(operand)}`)
    const names = Object.keys(operand)
    const isOfValues = names.length > 0 && names.every((name) => name.startsWith('$') && !LOGICAL.has(name))
    if (isOfValues) return { op: 'elements', tests: this.#operators(operand, where, depth + 1) }
    return { op: 'rows', filter: this.filter(operand, where, depth + 1) }
  }
}

function joined(of: readonly FilterNode[]): FilterNode {
  const [first] = of
  if (of.length === 1 && first !== undefined) return first
  const flat = of.flatMap((node) => (node.kind === 'and' ? node.of : [node]))
  const [only] = flat
  return flat.length === 1 && only !== undefined ? only : { kind: 'and', of: flat }
}

function isOperators(condition: unknown, where: string): condition is Readonly<Record<string, unknown>> {
  if (!isPlainObject(condition)) return false
  const names = Object.keys(condition)
  const operators = names.filter((name) => name.startsWith('$'))
  if (operators.length === 0) return false
  if (operators.length === names.length) return true
  const [operator] = operators
  throw refuse(where, operator, 'an object holds either operators or fields, not both')
}

/** A copy of a value to compare with. */
function valueOf(value: unknown, where: string, operator: string | undefined): unknown {
  if (value === undefined)
    throw refuse(where, operator, 'the value is undefined; use null for null and missing, or leave it out')
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'string' && value.length <= MAX_KEY_BYTES && isWellFormed(value)) return value
  try {
    return copyStorable({ value })['value']
  } catch (error) {
    if (!VarveError.is(error)) throw error
    throw refuse(where, operator, `${describe(value)} can be no value of a row`, error)
  }
}

/** A copy of a value that has an order. */
function comparable(value: unknown, where: string, operator: string): unknown {
  const copy = valueOf(value, where, operator)
  if (isScalar(copy)) return copy
  throw refuse(where, operator, `${describe(value)} has no order to compare by`)
}

function listOf(operand: unknown, where: string, operator: string): readonly unknown[] {
  if (Array.isArray(operand)) return operand as readonly unknown[]
  throw refuse(where, operator, `expected a list, found ${describe(operand)}`)
}

function inTest(operand: unknown, where: string, operator: string): Test {
  const values: unknown[] = []
  const patterns: Pattern[] = []
  for (const value of listOf(operand, where, operator)) {
    if (value instanceof RegExp) patterns.push(patternOf(value.source, value.flags, where))
    else if (isPlainObject(value) && isOperators(value, where))
      throw refuse(where, operator, 'its list holds values and patterns, no operators')
    else values.push(valueOf(value, where, operator))
  }
  return { op: 'in', values, patterns }
}

function truthOf(operand: unknown, where: string, operator: string): boolean {
  if (typeof operand === 'boolean') return operand
  throw refuse(where, operator, `expected true or false, found ${describe(operand)}`)
}

function sizeOf(operand: unknown, where: string): number {
  if (typeof operand === 'number' && Number.isSafeInteger(operand) && operand >= 0) return operand
  throw refuse(where, '$size', `expected an integer of at least 0, found ${describe(operand)}`)
}

function typesOf(operand: unknown, where: string): ValueType[] {
  const names: readonly unknown[] = Array.isArray(operand) ? operand : [operand]
  return names.map((name) => {
    const type = VALUE_TYPES.find((known) => known === name)
    const alias =
      typeof name === 'string' && Object.hasOwn(TYPE_ALIASES, name) ? TYPE_ALIASES[name] : undefined
    if (type !== undefined) return type
    if (alias !== undefined) return alias
    throw refuse(where, '$type', `'${String(name)}' is no type; known are ${VALUE_TYPES.join(', ')}`)
  })
}

function patternTest(operand: unknown, options: unknown, where: string): Test {
  if (options !== undefined && typeof options !== 'string')
    throw refuse(where, '$options', `expected a string of flags, found ${describe(options)}`)
  if (operand instanceof RegExp)
    return { op: 'regex', pattern: patternOf(operand.source, options ?? operand.flags, where) }
  if (typeof operand === 'string') return { op: 'regex', pattern: patternOf(operand, options ?? '', where) }
  throw refuse(where, '$regex', `expected a pattern, found ${describe(operand)}`)
}

function patternOf(source: string, flags: string, where: string): Pattern {
  try {
    return { ...safePattern(source, flags), source: `/${source}/${flags}` }
  } catch (error) {
    throw refuse(where, '$regex', error instanceof Error ? error.message : String(error), error)
  }
}

function checkOptions(operators: Readonly<Record<string, unknown>>, where: string): [] {
  if (Object.hasOwn(operators, '$regex')) return []
  throw refuse(where, '$options', 'it belongs to a $regex beside it')
}

function unknownOperator(where: string, operator: string): QueryError {
  return refuse(where, operator, 'there is no such operator here')
}

function refuse(where: string, operator: string | undefined, what: string, cause?: unknown): QueryError {
  const place = [where === '' ? 'The filter' : `The filter on '${where}'`, operator]
    .filter(Boolean)
    .join(', ')
  return new QueryError(`${place}: ${what.replace(/\.$/u, '')}.`, {
    field: where === '' ? undefined : where,
    operator,
    cause,
  })
}
