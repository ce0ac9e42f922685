/**
 * What a value of each type must be: one rule for its type, and one for each constraint.
 */
import { describe, timeOf } from '../format/describe.js'
import { isCanonicalUuid } from '../format/key-uuid.js'
import { isPlainObject } from '../format/value-kinds.js'
import type { FieldShape, FieldType } from './field.js'
import { safePattern } from './safe-pattern.js'
import { isEmail, isUrl } from './text-rules.js'

/** A rule; `expected` reads on from "expected". */
export interface Rule {
  readonly expected: string
  readonly holds: (value: unknown) => boolean
}

const MAX_UINT64 = 0xffff_ffff_ffff_ffffn
const MAX_INT64 = 0x7fff_ffff_ffff_ffffn
const MIN_INT64 = -MAX_INT64 - 1n

const TYPE_RULES: Readonly<Record<FieldType, Rule>> = {
  string: { expected: 'a string', holds: (value) => typeof value === 'string' },
  int: { expected: 'a safe integer', holds: (value) => Number.isSafeInteger(value) },
  int64: {
    expected: 'a bigint from -2^63 to 2^63 - 1',
    holds: (value) => typeof value === 'bigint' && value <= MAX_INT64 && value >= MIN_INT64,
  },
  uint64: {
    expected: 'a bigint from 0 to 2^64 - 1',
    holds: (value) => typeof value === 'bigint' && value >= 0n && value <= MAX_UINT64,
  },
  float64: { expected: 'a number', holds: (value) => typeof value === 'number' },
  boolean: { expected: 'a boolean', holds: (value) => typeof value === 'boolean' },
  timestamp: {
    expected: 'a valid Date',
    holds: (value) => value instanceof Date && !Number.isNaN(timeOf(value)),
  },
  uuid: {
    expected: 'a UUID in lower-case 8-4-4-4-12 form',
    holds: (value) => typeof value === 'string' && isCanonicalUuid(value),
  },
  bytes: { expected: 'bytes (Uint8Array)', holds: (value) => value instanceof Uint8Array },
  enum: { expected: 'one of its values', holds: (value) => typeof value === 'string' },
  list: { expected: 'an array', holds: (value) => Array.isArray(value) },
  object: { expected: 'an object', holds: isPlainObject },
  map: { expected: 'a Map', holds: (value) => value instanceof Map },
  set: { expected: 'a Set', holds: (value) => value instanceof Set },
  recursive: { expected: 'a value', holds: () => true },
  any: { expected: 'a value', holds: () => true },
}

/** The rules of a shape's own; that of its type, which the others rely on, comes first. */
export function rulesOf(shape: FieldShape): readonly [Rule, ...Rule[]] {
  const { values } = shape
  if (shape.type === 'enum' && values !== undefined) return [enumRule(values)]
  return [TYPE_RULES[shape.type], ...boundRules(shape), ...lengthRules(shape), ...textRules(shape)]
}

/** Longest list of an enum's values in a message, in characters. */
const VALUES_SHOWN = 200

function enumRule(values: readonly string[]): Rule {
  const known: ReadonlySet<unknown> = new Set(values)
  const list = values.map((value) => JSON.stringify(value)).join(', ')
  const shown = list.length > VALUES_SHOWN ? `${list.slice(0, VALUES_SHOWN)}...` : list
  return { expected: `one of ${shown}`, holds: (value) => known.has(value) }
}

/** Bounds are of the value's own type, which was checked before: numbers with numbers, dates as their milliseconds. */
function boundRules({ type, min, max }: FieldShape): Rule[] {
  const rules: Rule[] = []
  const name = TYPE_RULES[type].expected
  if (min !== undefined) {
    const least = comparable(min)
    rules.push({
      expected: `${name}, at least ${boundText(min)}`,
      holds: (value) => comparable(value) >= least,
    })
  }
  if (max !== undefined) {
    const most = comparable(max)
    rules.push({
      expected: `${name}, at most ${boundText(max)}`,
      holds: (value) => comparable(value) <= most,
    })
  }
  return rules
}

function comparable(value: unknown): number | bigint {
  return value instanceof Date ? timeOf(value) : (value as number | bigint) // Its type was checked before.
}

function boundText(bound: number | bigint | Date): string {
  return bound instanceof Date && !Number.isNaN(timeOf(bound)) ? bound.toISOString() : String(bound)
}

function lengthRules({ type, length, minLength, maxLength, nonempty }: FieldShape): Rule[] {
  const rules: Rule[] = []
  const name = TYPE_RULES[type].expected
  const unit = type === 'string' ? 'long' : type === 'bytes' ? 'bytes long' : 'elements long'
  if (length !== undefined)
    rules.push({ expected: `${name}, ${length} ${unit}`, holds: (value) => lengthOf(value) === length })
  if (minLength !== undefined)
    rules.push({
      expected: `${name}, at least ${minLength} ${unit}`,
      holds: (value) => lengthOf(value) >= minLength,
    })
  if (maxLength !== undefined)
    rules.push({
      expected: `${name}, at most ${maxLength} ${unit}`,
      holds: (value) => lengthOf(value) <= maxLength,
    })
  if (nonempty === true)
    rules.push({ expected: `${name} that is not empty`, holds: (value) => lengthOf(value) > 0 })
  return rules
}

function lengthOf(value: unknown): number {
  if (value instanceof Map || value instanceof Set) return value.size
  return (value as { readonly length: number }).length // A string, bytes or an array: its type was checked before.
}

function textRules({ pattern, patternFlags, email, url }: FieldShape): Rule[] {
  const rules: Rule[] = []
  if (pattern !== undefined) {
    const matcher = safePattern(pattern, patternFlags)
    rules.push({
      expected: `a string that matches /${pattern}/${patternFlags ?? ''}`,
      holds: (value) => matcher.test(String(value)),
    })
  }
  if (email === true) rules.push({ expected: 'an email address', holds: (value) => isEmail(String(value)) })
  if (url === true) rules.push({ expected: 'an absolute URL', holds: (value) => isUrl(String(value)) })
  return rules
}

/** Longest part of a string in a message, in characters. */
const TEXT_SHOWN = 40

/** What a value is, for `found`: of a string its beginning, of a scalar its value. */
export function foundText(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') {
    const more = value.length > TEXT_SHOWN ? ` (${value.length} long)` : ''
    return `the string ${JSON.stringify(value.slice(0, TEXT_SHOWN))}${more}`
  }
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`
  if (typeof value === 'bigint') return `the bigint ${value}`
  if (Array.isArray(value)) return `an array, ${value.length} long`
  return describeOther(value)
}

function describeOther(value: unknown): string {
  if (value instanceof Map || value instanceof Set)
    return `a ${value instanceof Map ? 'Map' : 'Set'}, ${value.size} long`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Date && !Number.isNaN(timeOf(value))) return `the Date ${value.toISOString()}`
  return describe(value)
}
