/**
 * Whether the fields that a caller declares make sense: on their own, together, and with the primary key.
 *
 * They are of the form then (field-form.ts). Throws `VARVE_SCHEMA` or `VARVE_ARGUMENT`, naming collection and field.
 */
import { ArgumentError, SchemaError, VarveError } from '../errors.js'
import { timeOf } from '../format/describe.js'
import { issuesText } from '../format/issues.js'
import { MAX_FIELDS, MAX_NAME_BYTES } from '../format/limits.js'
import { Findings } from '../format/value-findings.js'
import { copyStorable } from '../format/value.js'
import type { FieldDefinition, FieldShape, FieldType } from './field.js'
import { FormProblem, readFields } from './field-form.js'
import { fieldTree } from './field-tree.js'
import { compileRowCheck, joinSteps } from './row-check.js'
import { compileFill } from './row-fill.js'
import { safePattern } from './safe-pattern.js'

/** A field list as a caller wrote it, checked and copied. */
export function checkFieldList(
  collection: string,
  fields: unknown,
  primaryKey: readonly (readonly string[])[],
): readonly FieldDefinition[] {
  const read = readFields(fields)
  if (read instanceof FormProblem) {
    if (read.field === '') throw new ArgumentError(`A field of '${collection}' ${read.what}.`)
    throw failure(collection, read.field, `${read.what}.`)
  }
  fieldTree(read, (path, what) => {
    throw failure(collection, path.join('.'), what)
  })
  const walk = new Walk(collection, primaryKey)
  walk.fields(read, [], false)
  return read
}

function failure(collection: string, field: string, what: string): SchemaError {
  return new SchemaError(`Field '${field}' of '${collection}' ${what}`, { collection, field })
}

/** Refuses names that are empty, too long, or not text. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name !== 'string') throw new ArgumentError(`A ${what} must be a string.`)
  if (name === '') throw new ArgumentError(`A ${what} must not be empty.`)
  if (name.length > MAX_NAME_BYTES)
    throw new ArgumentError(`A ${what} must not be longer than ${MAX_NAME_BYTES} characters.`)
  if (!name.isWellFormed())
    throw new ArgumentError(`A ${what} must be well-formed text; this one holds a lone surrogate.`)
}

class Walk {
  readonly #collection: string
  readonly #keys: ReadonlySet<string>
  readonly #keyParts: number
  #count = 0

  constructor(collection: string, primaryKey: readonly (readonly string[])[]) {
    this.#collection = collection
    this.#keys = new Set(primaryKey.map((path) => JSON.stringify(path)))
    this.#keyParts = primaryKey.length
  }

  /** `above`: the names down to the object whose fields they are; undefined within elements, where no key can be. */
  fields(
    fields: readonly FieldDefinition[],
    above: readonly string[] | undefined,
    mayLack: boolean,
    where = '',
    depth = 0,
  ): void {
    for (const { path, ...shape } of fields) {
      for (const name of path) checkName(name, 'field name')
      this.#count++
      if (this.#count > MAX_FIELDS) {
        throw new SchemaError(`'${this.#collection}' declares more than ${MAX_FIELDS} fields.`, {
          collection: this.#collection,
        })
      }
      const full = above === undefined ? undefined : [...above, ...path]
      const at = joinSteps(where, path.join('.'))
      const fail: Fail = (what) => failure(this.#collection, at, what)
      this.#presence(shape, full, mayLack, fail)
      this.#shape(shape, full, mayLack || shape.optional === true, at, depth + path.length - 1)
    }
  }

  #presence(shape: FieldShape, path: readonly string[] | undefined, mayLack: boolean, fail: Fail): void {
    const isKey = path !== undefined && this.#keys.has(JSON.stringify(path))
    if (isKey && (shape.optional === true || shape.nullable === true || mayLack))
      throw fail('is part of the primary key, so it cannot be optional.')
    if (shape.generated !== true) return
    if (!isKey || this.#keyParts !== 1)
      throw fail('is generated, which only a primary key of one field can be.')
    if (shape.default !== undefined) throw fail('is generated, so it cannot have a default.')
  }

  /** `depth`: how many lists, maps, sets and objects stand above it. */
  #shape(
    shape: FieldShape,
    path: readonly string[] | undefined,
    mayLack: boolean,
    where: string,
    depth: number,
  ): void {
    const fail: Fail = (what) => failure(this.#collection, where, what)
    checkConstraints(shape, fail)
    const { levels = 1 } = shape
    if (shape.type === 'recursive' && (levels < 1 || levels > depth))
      throw fail(`is recursive over ${levels} level(s), where no field stands.`)
    if (shape.fields !== undefined) this.fields(shape.fields, path, mayLack, where, depth + 1)
    if (shape.element !== undefined) this.#inner(shape.element, `${where}[]`, depth)
    if (shape.key !== undefined) this.#inner(shape.key, `${where}[key]`, depth)
    if (shape.default !== undefined) checkDefault(shape, fail)
  }

  #inner(shape: FieldShape, where: string, depth: number): void {
    const fail: Fail = (what) => failure(this.#collection, where, what)
    if (shape.default !== undefined) throw fail('is no field, so it cannot have a default.')
    this.#presence(shape, undefined, false, fail)
    this.#shape(shape, undefined, false, where, depth + 1)
  }
}

type Fail = (what: string) => SchemaError

function checkConstraints(shape: FieldShape, fail: Fail): void {
  const { type, values, min, max, length, minLength = 0, maxLength = Infinity } = shape
  if (
    type === 'enum' &&
    (values === undefined || values.length === 0 || new Set(values).size < values.length)
  )
    throw fail('is an enum, so it needs values: at least one, none twice.')
  for (const bound of [min, max]) {
    if (bound !== undefined && !isBoundOf(type, bound))
      throw fail(`has a bound that is no value of type ${type}.`)
  }
  if (min !== undefined && max !== undefined && min > max)
    throw fail('has a min that is greater than its max.')
  if (minLength > maxLength) throw fail('has a minLength that is greater than its maxLength.')
  if (length !== undefined && (length < minLength || length > maxLength))
    throw fail('has a length that is not between its minLength and maxLength.')
  checkPattern(shape, fail)
}

function isBoundOf(type: FieldType, bound: number | bigint | Date): boolean {
  switch (type) {
    case 'int':
      return Number.isSafeInteger(bound)
    case 'float64':
      return typeof bound === 'number' && !Number.isNaN(bound)
    case 'timestamp':
      return bound instanceof Date && !Number.isNaN(timeOf(bound))
    default:
      return typeof bound === 'bigint'
  }
}

function checkPattern({ pattern, patternFlags }: FieldShape, fail: Fail): void {
  if (pattern === undefined) {
    if (patternFlags !== undefined) throw fail('has patternFlags but no pattern.')
    return
  }
  try {
    safePattern(pattern, patternFlags)
  } catch (error) {
    if (!VarveError.is(error)) throw error
    throw fail(`has a pattern that cannot be used. ${error.message}`)
  }
}

/** A default must itself be a value that the field takes. */
function checkDefault(shape: FieldShape, fail: Fail): void {
  const { default: value, ...rest } = shape
  try {
    copyStorable({ value })
  } catch (error) {
    if (!VarveError.is(error)) throw error
    throw fail(`has a default that cannot be stored. ${error.message}`)
  }
  const field: FieldDefinition = { path: ['value'], ...rest }
  const definition = { fields: [field], primaryKey: [], unknownFields: 'keep' } as const
  const row = compileFill(definition, new Map(), false)?.({ value }) ?? { value }
  const findings = new Findings()
  compileRowCheck(definition)(row, findings)
  if (findings.count > 0)
    throw fail(`has a default that does not fit: ${issuesText(findings.issues, (path) => path)}.`)
}
