/**
 * The form of field definitions: which properties there are, which a type takes, and of what kind each is.
 *
 * Callers' definitions and those of the catalog pass through here alike. What is not of the form is never guessed at: in
 * a catalog it was written by a newer version. Whether a definition makes sense is asked apart (field-check.ts), of
 * callers only, so that a rule that grows stricter makes no catalog unreadable.
 */
import { isPlainObject } from '../format/value-kinds.js'
import { FIELD_TYPES, type FieldDefinition, type FieldShape, type FieldType } from './field.js'

/** Deepest nesting of definitions. */
const MAX_DEPTH = 64

/** Why a definition is not of the form. */
export class FormProblem {
  /** The field, as a dotted path; empty for the list itself. */
  readonly field: string
  readonly what: string

  constructor(what: string, field = '') {
    this.what = what
    this.field = field
  }

  /** The same problem, of a field within another. */
  within(outer: string): FormProblem {
    const joined =
      this.field === '' || this.field.startsWith('[') ? outer + this.field : `${outer}.${this.field}`
    return new FormProblem(this.what, joined)
  }
}

type Read = (value: unknown, depth: number) => unknown

type Property = Exclude<keyof FieldShape, 'type'>

const READ: Readonly<Record<Property, Read>> = {
  optional: readFlag,
  nullable: readFlag,
  generated: readFlag,
  default: (value) => value,
  min: readBound,
  max: readBound,
  length: readSize,
  minLength: readSize,
  maxLength: readSize,
  nonempty: readFlag,
  pattern: readText,
  patternFlags: readText,
  email: readFlag,
  url: readFlag,
  values: readTexts,
  element: readShape,
  key: readShape,
  fields: readFields,
  levels: readSize,
}

const PROPERTIES = Object.keys(READ) as readonly Property[]
const BOUNDS: readonly Property[] = ['min', 'max']
const SIZES: readonly Property[] = ['length', 'minLength', 'maxLength', 'nonempty']
const TEXT: readonly Property[] = ['pattern', 'patternFlags', 'email', 'url']
const PRESENCE: readonly Property[] = ['optional', 'nullable', 'default']

/** What each type takes besides presence and default. */
const TAKEN: Readonly<Record<FieldType, readonly Property[]>> = {
  string: [...SIZES, ...TEXT],
  int: [...BOUNDS, 'generated'],
  int64: BOUNDS,
  uint64: BOUNDS,
  float64: BOUNDS,
  boolean: [],
  timestamp: BOUNDS,
  uuid: ['generated'],
  bytes: SIZES,
  enum: ['values'],
  list: [...SIZES, 'element'],
  object: ['fields'],
  map: [...SIZES, 'key', 'element'],
  set: [...SIZES, 'element'],
  recursive: ['levels'],
  any: [],
}

/** A list of fields, copied; or what is not of the form. Flags that say the default are left out. */
export function readFields(value: unknown, depth = 0): readonly FieldDefinition[] | FormProblem {
  if (!Array.isArray(value)) return new FormProblem('must be an array of fields')
  const fields: FieldDefinition[] = []
  for (const item of value as readonly unknown[]) {
    const field = readField(item, depth)
    if (field instanceof FormProblem) return field
    fields.push(field)
  }
  return fields
}

function readField(value: unknown, depth: number): FieldDefinition | FormProblem {
  const path = isPlainObject(value) ? readPath(value['path']) : undefined
  if (path === undefined)
    return new FormProblem("must have a path: a non-empty array of names, such as ['title']")
  const shape = readShape(value, depth, true)
  return shape instanceof FormProblem ? shape.within(path.join('.')) : { path, ...shape }
}

function readShape(value: unknown, depth: number, hasPath = false): FieldShape | FormProblem {
  if (!isPlainObject(value)) return new FormProblem("must be an object such as { type: 'string' }")
  if (depth > MAX_DEPTH) return new FormProblem(`is nested more than ${MAX_DEPTH} levels deep`)
  const type = FIELD_TYPES.find((candidate) => candidate === value['type'])
  if (type === undefined) {
    const given = typeof value['type'] === 'string' ? `the unknown type '${value['type']}'` : 'no type'
    return new FormProblem(`has ${given}. Known are ${FIELD_TYPES.join(', ')}`)
  }
  const stray = Object.keys(value).find((name) => value[name] !== undefined && !isTaken(type, name, hasPath))
  if (stray !== undefined)
    return new FormProblem(`has '${stray}', which a field of type ${type} does not take`)
  return readProperties(type, value, depth)
}

function readProperties(
  type: FieldType,
  value: Readonly<Record<string, unknown>>,
  depth: number,
): FieldShape | FormProblem {
  const shape: Record<string, unknown> = { type }
  for (const name of PROPERTIES) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined
    if (given === undefined) continue
    const read = READ[name](given, depth + 1)
    if (read instanceof FormProblem) return name === 'fields' ? read : read.within(STEPS[name] ?? `(${name})`)
    if (read === false && name !== 'default' && !(name === 'nullable' && value['optional'] === true)) continue
    shape[name] = read
  }
  return shape as unknown as FieldShape // Each property was read as what it must be.
}

const STEPS: Readonly<Partial<Record<Property, string>>> = { element: '[]', key: '[key]' }

function isTaken(type: FieldType, name: string, hasPath: boolean): boolean {
  if (name === 'type' || (name === 'path' && hasPath)) return true
  return PRESENCE.some((one) => one === name) || TAKEN[type].some((one) => one === name)
}

function readFlag(value: unknown): boolean | FormProblem {
  return typeof value === 'boolean' ? value : new FormProblem('must be true or false')
}

function readBound(value: unknown): number | bigint | Date | FormProblem {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return value instanceof Date ? new Date(value) : new FormProblem('must be a number, bigint or Date')
}

function readSize(value: unknown): number | FormProblem {
  const isSize = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
  return isSize ? value : new FormProblem('must be an integer from 0')
}

function readText(value: unknown): string | FormProblem {
  return typeof value === 'string' ? value : new FormProblem('must be a string')
}

function readTexts(value: unknown): readonly string[] | FormProblem {
  return textsOf(value) ?? new FormProblem('must be an array of strings')
}

/** A path: at least one name. */
function readPath(value: unknown): readonly string[] | undefined {
  const names = textsOf(value)
  return names !== undefined && names.length > 0 ? names : undefined
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items = value as readonly unknown[]
  return items.every((item) => typeof item === 'string') ? [...items] : undefined
}
