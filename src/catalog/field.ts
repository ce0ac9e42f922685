/**
 * Fields of a collection as the catalog keeps them: a path, a type, and whether it may be absent.
 *
 * A field list is data, so that a tool or another language can read it. It is checked on every write: a declared field
 * must be present unless it is optional, and of its type. Fields that are not declared are stored as they are.
 */
import type { FieldIssue } from '../errors.js'

/** Types a field may declare. `any` takes every storable value. */
export const FIELD_TYPES = [
  'string',
  'int',
  'int64',
  'uint64',
  'float64',
  'boolean',
  'timestamp',
  'uuid',
  'bytes',
  'list',
  'object',
  'map',
  'set',
  'any',
] as const
export type FieldType = (typeof FIELD_TYPES)[number]

/** One declared field. */
export interface FieldDefinition {
  /** Names from the row down to the field: `['author', 'born']`. */
  readonly path: readonly string[]
  readonly type: FieldType
  /** May be absent or null. Default false. */
  readonly optional?: boolean | undefined
  /**
   * The engine makes a value where an insert or put has none: a version 7 UUID for `uuid`, a counter that never gives
   * a number twice for `int`. Only for the field of a primary key that is a single field. Default false.
   */
  readonly generated?: boolean | undefined
}

const MAX_UINT64 = 0xffff_ffff_ffff_ffffn
const MAX_INT64 = 0x7fff_ffff_ffff_ffffn
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const CHECKS: Record<FieldType, { readonly expected: string; readonly holds: (value: unknown) => boolean }> =
  {
    string: { expected: 'a string', holds: (value) => typeof value === 'string' },
    int: { expected: 'a safe integer', holds: (value) => Number.isSafeInteger(value) },
    int64: {
      expected: 'a bigint from -2^63 to 2^63 - 1',
      holds: (value) => typeof value === 'bigint' && value <= MAX_INT64 && value >= -MAX_INT64 - 1n,
    },
    uint64: {
      expected: 'a bigint from 0 to 2^64 - 1',
      holds: (value) => typeof value === 'bigint' && value >= 0n && value <= MAX_UINT64,
    },
    float64: { expected: 'a number', holds: (value) => typeof value === 'number' },
    boolean: { expected: 'a boolean', holds: (value) => typeof value === 'boolean' },
    timestamp: { expected: 'a Date', holds: (value) => value instanceof Date },
    uuid: {
      expected: 'a UUID in lower-case 8-4-4-4-12 form',
      holds: (value) => typeof value === 'string' && UUID.test(value),
    },
    bytes: { expected: 'bytes (Uint8Array)', holds: (value) => value instanceof Uint8Array },
    list: { expected: 'an array', holds: (value) => Array.isArray(value) },
    object: { expected: 'an object', holds: isPlainObject },
    map: { expected: 'a Map', holds: (value) => value instanceof Map },
    set: { expected: 'a Set', holds: (value) => value instanceof Set },
    any: { expected: 'a value', holds: (value) => value !== undefined },
  }

/** Adds an issue for every declared field of `row` that is missing or of another type. */
export function checkFields(fields: readonly FieldDefinition[], row: object, issues: FieldIssue[]): void {
  for (const field of fields) {
    const value = valueAt(row, field.path)
    if ((value === undefined || value === null) && (field.optional === true || field.generated === true))
      continue
    const check = CHECKS[field.type]
    if (check.holds(value)) continue
    issues.push({ path: field.path.join('.'), expected: check.expected, found: describe(value) })
  }
}

/** The value at a path of own properties; undefined where any of them is missing. */
export function valueAt(row: object, path: readonly string[]): unknown {
  let value: unknown = row
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[name]
  }
  return value
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`
  if (typeof value === 'object')
    return Array.isArray(value) ? 'an array' : `a ${value.constructor?.name ?? 'value'}`
  return `a ${typeof value}`
}
