/**
 * The total order of values, the same as that of index keys, and equality of any two values.
 *
 * Across types: null and missing, numbers (bigints among them, by value; NaN first, -0 is 0), strings by code point,
 * bytes, false, true, dates, then all that has no order, which is one place.
 */
import { timeOf } from '../format/describe.js'
import { compareKeys } from '../format/key-order.js'
import { isBytes, isPlainObject, type PlainObject } from '../format/value-kinds.js'

/** Where a type stands among the others. */
export const TypeRank = {
  null: 0,
  number: 1,
  string: 2,
  bytes: 3,
  boolean: 4,
  date: 5,
  other: 6,
} as const
export type TypeRank = (typeof TypeRank)[keyof typeof TypeRank]

export function typeRank(value: unknown): TypeRank {
  switch (typeof value) {
    case 'undefined':
      return TypeRank.null
    case 'number':
    case 'bigint':
      return TypeRank.number
    case 'string':
      return TypeRank.string
    case 'boolean':
      return TypeRank.boolean
    default:
      if (value === null) return TypeRank.null
      if (value instanceof Date) return TypeRank.date
      return value instanceof Uint8Array ? TypeRank.bytes : TypeRank.other
  }
}

/** Negative, zero or positive as `a` sorts before, with or after `b`. */
export function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number' && a === a && b === b) return a < b ? -1 : a > b ? 1 : 0
  const rank = typeRank(a)
  const difference = rank - typeRank(b)
  return difference !== 0 ? difference : compareSameType(rank, a, b)
}

function compareSameType(rank: TypeRank, a: unknown, b: unknown): number {
  switch (rank) {
    case TypeRank.number:
      return compareNumbers(a as number | bigint, b as number | bigint) // Its rank says so, as below.
    case TypeRank.string:
      return compareText(a as string, b as string)
    case TypeRank.bytes:
      return compareKeys(a as Uint8Array, b as Uint8Array)
    case TypeRank.boolean:
      return Number(a) - Number(b)
    case TypeRank.date:
      return Math.sign(timeOf(a as Date) - timeOf(b as Date))
    default:
      return 0
  }
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1
  if (Number.isNaN(b)) return 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** Order by code point: a surrogate stands for a code point above all that are one unit. */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1
  }
  return a.length - b.length
}

function isSurrogate(unit: number): boolean {
  return (unit & 0xf800) === 0xd800
}

/**
 * Whether two values are equal: within a type by the order above, lists element by element, objects field by field
 * whatever the order of fields, maps and sets by their content. Missing equals null here; fields of objects must exist.
 */
export function equalValues(a: unknown, b: unknown): boolean {
  const rank = typeRank(a)
  if (rank !== typeRank(b)) return false
  return rank === TypeRank.other ? equalObjects(a as object, b as object) : compareSameType(rank, a, b) === 0
}

function equalObjects(a: object, b: object): boolean {
  if (a === b) return true
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b)
  if (a instanceof Map) return b instanceof Map && equalMaps(a, b)
  if (a instanceof Set) return b instanceof Set && equalSets(a, b)
  if (!isPlainObject(a) || !isPlainObject(b)) return false
  const names = fieldNames(a)
  return names.length === fieldNames(b).length && names.every((name) => equalFields(a, b, name))
}

/** Fields that are there: an undefined one is absent in a stored row. */
function fieldNames(object: PlainObject): string[] {
  return Object.keys(object).filter((name) => object[name] !== undefined)
}

function equalFields(a: PlainObject, b: PlainObject, name: string): boolean {
  return Object.hasOwn(b, name) && b[name] !== undefined && equalValues(a[name], b[name])
}

function equalLists(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((element, i) => equalValues(element, b[i]))
}

function equalMaps(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false
  return [...a].every(([key, value]) => {
    if (b.has(key)) return equalValues(value, b.get(key))
    return [...b].some(([other, found]) => equalValues(key, other) && equalValues(value, found))
  })
}

function equalSets(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  if (a.size !== b.size) return false
  return [...a].every((member) => b.has(member) || [...b].some((other) => equalValues(member, other)))
}

/** Whether a value is bytes, a date or a primitive: what has an order, and what an index holds. */
export function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null || value instanceof Date || isBytes(value)
}
