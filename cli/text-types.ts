/**
 * Values from text, by type: what `--type` names, and the types that collections declare.
 *
 * A converter takes the value that a file gave, which in JSON may be of the type already, and returns the value to
 * store. It throws `NotConvertible`, and never loses anything on the way: a number that is no integer does not become
 * one.
 */
import type { FieldType } from '../src/index.js'
import { parse, readBase64, readTime, TypedJsonError } from './typed-json.js'

/** Types of `--type`. */
export const IMPORT_TYPES = [
  'string',
  'int',
  'int64',
  'uint64',
  'float64',
  'boolean',
  'timestamp',
  'uuid',
  'bytes',
  'json',
] as const
export type ImportType = (typeof IMPORT_TYPES)[number]

/** Those, and a bigint of any size, as keys may be. */
export type TextType = ImportType | 'integer'

/** A value that is not of a type; `expected` reads on from "must be". */
export class NotConvertible extends Error {
  override readonly name = 'NotConvertible'
  readonly expected: string

  constructor(expected: string) {
    super(`must be ${expected}`)
    this.expected = expected
  }
}

/** How a value of a declared type is written as text; undefined for a type that takes text as it is. */
export function textTypeOf(type: FieldType): TextType | undefined {
  if (type === 'any') return undefined
  if (type === 'enum') return 'string'
  return isTextType(type) ? type : 'json'
}

function isTextType(type: FieldType): type is Exclude<ImportType, 'json'> & FieldType {
  return IMPORT_TYPES.some((known) => known === type)
}

/** How a field of a type of `--type` is declared. */
export function fieldTypeOf(type: ImportType): FieldType {
  return type === 'json' ? 'any' : type
}

export type Converter = (value: unknown) => unknown

export function converterOf(type: TextType): Converter {
  const { expected, convert } = CONVERSIONS[type]
  return (value) => {
    const converted = convert(value)
    if (converted === undefined) throw new NotConvertible(expected)
    return converted
  }
}

/** The value at a path of own properties; undefined where one of them is missing. */
export function valueAt(row: object, path: readonly string[]): unknown {
  let value: unknown = row
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = Object.getOwnPropertyDescriptor(value, name)?.value
  }
  return value
}

interface Conversion {
  readonly expected: string
  /** Undefined for a value that is not of the type. */
  readonly convert: (value: unknown) => unknown
}

const INTEGER = /^[+-]?\d+$/u
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/u
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u
const BOOLEANS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
])
const NUMBER_WORDS: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

const CONVERSIONS: Readonly<Record<TextType, Conversion>> = {
  string: { expected: 'text', convert: toText },
  int: { expected: 'an integer from -(2^53 - 1) to 2^53 - 1', convert: toSafeInteger },
  int64: {
    expected: 'an integer from -2^63 to 2^63 - 1',
    convert: (value) => within(value, -(2n ** 63n), 2n ** 63n),
  },
  uint64: { expected: 'an integer from 0 to 2^64 - 1', convert: (value) => within(value, 0n, 2n ** 64n) },
  integer: { expected: 'an integer', convert: toBigint },
  float64: { expected: 'a number', convert: toNumber },
  boolean: { expected: 'true or false', convert: (value) => BOOLEANS.get(value) },
  timestamp: { expected: 'a time in ISO 8601, such as 1965-08-01T12:00:00Z', convert: toTime },
  uuid: { expected: 'a UUID', convert: toUuid },
  bytes: { expected: 'bytes in base64', convert: toBytes },
  json: { expected: 'JSON', convert: toValue },
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : undefined
}

function toBigint(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return typeof value === 'string' && INTEGER.test(value.trim())
    ? BigInt(value.trim().replace(/^\+/u, ''))
    : undefined
}

function within(value: unknown, least: bigint, end: bigint): bigint | undefined {
  const integer = toBigint(value)
  return integer !== undefined && integer >= least && integer < end ? integer : undefined
}

function toSafeInteger(value: unknown): number | undefined {
  const integer = toBigint(value)
  if (integer === undefined) return undefined
  const number = Number(integer)
  return Number.isSafeInteger(number) ? number : undefined
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  // Digits beyond what a number holds are rounded, as those behind a decimal point are.
  if (typeof value === 'bigint') return finite(Number(value))
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  const word = NUMBER_WORDS.get(text)
  if (word !== undefined) return word
  return NUMBER.test(text) ? finite(Number(text)) : undefined
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}

/** Numbers are milliseconds since 1970, as JSON has no other times. */
function toTime(value: unknown): Date | undefined {
  if (value instanceof Date) return value
  if (typeof value === 'string') return readTime(value.trim())
  if (typeof value !== 'number') return undefined
  const time = new Date(value)
  return Number.isNaN(time.getTime()) ? undefined : time
}

function toUuid(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim().toLowerCase()
  return UUID.test(text) ? text : undefined
}

function toBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value
  return typeof value === 'string' ? readBase64(value.trim()) : undefined
}

function toValue(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return parse(value)
  } catch (error) {
    if (error instanceof TypedJsonError) return undefined
    throw error
  }
}
