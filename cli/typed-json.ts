/**
 * Values of rows as JSON and back, exactly. What JSON has no form for is an object of one member:
 *
 *     Date                     {"$date": "1965-08-01T00:00:00.000Z"}
 *     bigint                   {"$bigint": "9007199254740993"}
 *     bytes                    {"$bytes": "AAECAw=="}                     base64
 *     Map                      {"$map": [["key", 1], ["other", 2]]}
 *     Set                      {"$set": [1, 2]}
 *     -0, NaN, Infinity        {"$number": "-0"}
 *     numbers from 2^53 on     {"$number": "18446744073709552000"}     where their digits are not their exact value
 *
 * An object that looks like one of these and is none has one `$` more in front of its name: {"$$date": 1} stands for the
 * object {"$date": 1}. Any other member that begins with `$` is left as it is.
 *
 * Integers that a number cannot hold exactly are read as bigints.
 */
import { safeJson } from './escape.js'

/** What `JSON.stringify` takes as it is. */
type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/** Why a value cannot be read; the message is a clause, to be put behind the place. */
export class TypedJsonError extends Error {
  override readonly name = 'TypedJsonError'
}

const FORM = /^\$(?:date|bigint|bytes|map|set|number)$/u
const ESCAPED_FORM = /^\$\$+(?:date|bigint|bytes|map|set|number)$/u
/** More than any row can have: each of its 100 levels takes at most three here. */
const MAX_DEPTH = 400

/** A value as one line of JSON, or laid out. Safe to show on a terminal. */
export function stringify(value: unknown, layout: 'line' | 'pretty' = 'line'): string {
  return safeJson(JSON.stringify(toJson(value), undefined, layout === 'pretty' ? 2 : undefined))
}

function toJson(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return isPlainNumber(value) ? value : { $number: numberText(value) }
    case 'bigint':
      return { $bigint: value.toString() }
    case 'object':
      return value === null ? null : objectToJson(value)
    default:
      return null
  }
}

/** The same object where nothing in it changes, as in most rows: it is not changed itself. */
function objectToJson(value: object): Json {
  if (Array.isArray(value)) return listToJson(value)
  if (value instanceof Date) return { $date: value.toISOString() }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (value instanceof Map) return { $map: Array.from(value, ([key, item]) => [toJson(key), toJson(item)]) }
  if (value instanceof Set) return { $set: Array.from(value, toJson) }
  return membersToJson(value as Readonly<Record<string, unknown>>)
}

function listToJson(list: readonly unknown[]): Json {
  const items = list.map(toJson)
  return items.every((item, index) => item === list[index]) ? (list as Json) : items
}

function membersToJson(object: Readonly<Record<string, unknown>>): Json {
  let copy: Record<string, unknown> | undefined
  let members = 0
  let last = ''
  for (const name of Object.keys(object)) {
    const member = object[name]
    if (member === undefined) continue
    members += 1
    last = name
    const json = toJson(member)
    if (json === member) continue
    copy ??= { ...object }
    setOwn(copy, name, json)
  }
  const result = (copy ?? object) as { [name: string]: Json } // Each member was converted.
  return members === 1 && (FORM.test(last) || ESCAPED_FORM.test(last))
    ? { [`$${last}`]: result[last] ?? null }
    : result
}

/** Whether the digits of a number, read as an integer, are its very value; they are not beyond 2^53. */
function isPlainNumber(value: number): boolean {
  if (Number.isSafeInteger(value)) return !Object.is(value, -0)
  if (!Number.isInteger(value)) return Number.isFinite(value)
  const text = String(value)
  return !INTEGER.test(text) || isExact(text)
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

/** Reads one value. Throws `TypedJsonError`. */
export function parse(text: string): unknown {
  return fromJson(parseJson(text), 0)
}

/** Long runs of digits: without one, every integer is exact. */
const LONG_INTEGER = /\d{16}/u
const INTEGER = /^-?\d+$/u
const NUMBER_CHARACTER = /[-+.\deE]/u

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return LONG_INTEGER.test(text) ? JSON.parse(withExactIntegers(text)) : value
  } catch (error) {
    throw new TypedJsonError(`it is not JSON (${error instanceof Error ? error.message : String(error)})`)
  }
}

/** `text`, which is valid JSON, with the integers as bigints that a number cannot hold. */
function withExactIntegers(text: string): string {
  const pieces: string[] = []
  let copied = 0
  for (let i = 0; i < text.length;) {
    const end = tokenEnd(text, i)
    const token = text.slice(i, end)
    if (INTEGER.test(token) && !isExact(token)) {
      pieces.push(text.slice(copied, i), `{"$bigint":"${token}"}`)
      copied = end
    }
    i = end
  }
  return pieces.join('') + text.slice(copied)
}

/** Where the string or number that begins at `start` ends; everything else is a token of one character. */
function tokenEnd(text: string, start: number): number {
  let i = start + 1
  if (text[start] === '"') {
    while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
    return i + 1
  }
  if (NUMBER_CHARACTER.test(text[start] ?? '')) while (NUMBER_CHARACTER.test(text[i] ?? '')) i += 1
  return i
}

function isExact(integer: string): boolean {
  const value = Number(integer)
  return Number.isFinite(value) && BigInt(value) === BigInt(integer)
}

function fromJson(value: unknown, depth: number): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TypedJsonError('it holds a number beyond the largest one, 1.8e308')
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) throw new TypedJsonError('it is nested too deeply for a row')
  if (Array.isArray(value)) return value.map((item) => fromJson(item, depth + 1))
  const members = Object.entries(value)
  const [only] = members
  if (members.length === 1 && only !== undefined) {
    const [name, content] = only
    if (FORM.test(name)) return readForm(name, content, depth)
    if (ESCAPED_FORM.test(name)) return { [name.slice(1)]: fromJson(content, depth + 1) }
  }
  for (const [name, member] of members) {
    const read = fromJson(member, depth + 1)
    if (read !== member) setOwn(value as Record<string, unknown>, name, read)
  }
  return value
}

/** Sets a member as content, whatever its name: `__proto__` is a name like any other. */
export function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') target[name] = value
  else Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}

function readForm(name: string, content: unknown, depth: number): unknown {
  const read = FORMS[name]?.(content, depth)
  if (read === undefined) throw new TypedJsonError(`${shorten(content)} is no ${name}`)
  return read
}

/** Each gives undefined for content that is not of its form. */
const FORMS: Readonly<Record<string, (content: unknown, depth: number) => unknown>> = {
  $date: (content) => (typeof content === 'string' ? readTime(content) : undefined),
  $bigint: (content) => (typeof content === 'string' && INTEGER.test(content) ? BigInt(content) : undefined),
  $bytes: (content) => (typeof content === 'string' ? readBase64(content) : undefined),
  $number: (content) => (typeof content === 'string' ? readNumber(content) : undefined),
  $set: (content, depth) => readItems(content, depth, (items) => new Set(items)),
  $map: (content, depth) =>
    readItems(content, depth, (items) => (items.every(isPair) ? new Map(items) : undefined)),
}

/** A number written as JavaScript writes it. */
function readNumber(text: string): number | undefined {
  const value = Number(text)
  return numberText(value) === text ? value : undefined
}

function readItems<T>(content: unknown, depth: number, make: (items: unknown[]) => T): T | undefined {
  return Array.isArray(content) ? make(content.map((item) => fromJson(item, depth + 2))) : undefined
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2
}

const TIME =
  /^(?<date>(?:\d{4}|[+-]\d{6})-\d\d-\d\d)(?:[T ](?<time>\d\d:\d\d)(?<seconds>:\d\d(?:\.\d+)?)?(?<zone>Z|[+-]\d\d:\d\d)?)?$/u

/** A time in ISO 8601, which without a zone is UTC; undefined for anything else. */
export function readTime(text: string): Date | undefined {
  const { date, time = '00:00', seconds = ':00', zone = 'Z' } = TIME.exec(text)?.groups ?? {}
  if (date === undefined) return undefined
  const local = new Date(`${date}T${time}${seconds}Z`)
  // A day that the month does not have would be taken for one of the next month.
  if (Number.isNaN(local.getTime()) || !local.toISOString().startsWith(date)) return undefined
  const result = new Date(`${date}T${time}${seconds}${zone}`)
  return Number.isNaN(result.getTime()) ? undefined : result
}

/** Bytes in base64, with or without padding; undefined for anything else. */
export function readBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return withoutPadding(bytes.toString('base64')) === withoutPadding(text) ? new Uint8Array(bytes) : undefined
}

function withoutPadding(text: string): string {
  return text.replace(/={1,2}$/u, '')
}

/** A value in an error message. */
export function shorten(value: unknown): string {
  const text = stringify(value)
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}
