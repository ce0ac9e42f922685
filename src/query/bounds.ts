/**
 * Conditions as ranges of one part of an index key.
 *
 * A part that fulfils a condition lies in one of its ranges. If the ranges are exact, a part that lies in one fulfils it.
 */
import { encodeIndexPart } from '../catalog/index-part.js'
import { LimitError } from '../errors.js'
import { encodeStringPrefix, type KeyPartKind } from '../format/key.js'
import { compareKeys, partsBound, prefixBound } from '../format/key-order.js'
import { ESCAPE, KeyTag } from '../format/key-tag.js'
import { isCanonicalUuid } from '../format/key-uuid.js'
import { MAX_KEY_BYTES } from '../format/limits.js'
import { u8 } from '../format/typed-read.js'
import type { Test } from './filter.js'
import { valueText } from './value-text.js'
import { isScalar } from './value-order.js'

/** The parts at or above `low` and below `high`, as bytes that may go on with further parts. */
export interface PartRange {
  readonly low: Uint8Array
  readonly high: Uint8Array
  /** Whether it holds one value: `low` is then that value's bytes. */
  readonly point: boolean
  /** The bounds as people write them: `>= 5`. Asked for by `explain` alone. */
  readonly text: () => string
}

/** Disjoint and in order. */
export interface PartRanges {
  readonly ranges: readonly PartRange[]
  readonly exact: boolean
}

const NOTHING: PartRanges = { ranges: [], exact: true }

/** The ranges of a condition; undefined if an index cannot help with it. */
export function rangesOf(test: Test, kind: KeyPartKind): PartRanges | undefined {
  switch (test.op) {
    case 'eq':
      return isScalar(test.value) ? pointsOf([test.value], kind) : undefined
    case 'in':
      return test.patterns.length === 0 && test.values.every(isScalar)
        ? pointsOf(test.values, kind)
        : undefined
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return comparison(test.op, test.value, kind)
    case 'startsWith':
      return kind === 'uuid' ? uuidPrefix(test.prefix) : prefix(test.prefix)
    case 'elements':
      return elements(test.tests, kind)
    case 'not':
      return negation(test.tests, kind)
    default:
      return undefined
  }
}

/** Null is also what an empty list, and a path that leads nowhere, has in an index. */
function pointsOf(values: readonly unknown[], kind: KeyPartKind): PartRanges {
  const points: PartRange[] = []
  for (const value of values) {
    const low = encoded(value, kind)
    // What has no bytes is in no index: it is too long, or no UUID.
    if (low !== undefined) points.push(pointAt(low, value))
  }
  const exact = !values.includes(null)
  return { ranges: sortedRanges(points), exact }
}

function pointAt(low: Uint8Array, value: unknown): PartRange {
  return { low, high: partsBound(low), point: true, text: () => `= ${valueText(value)}` }
}

function encoded(value: unknown, kind: KeyPartKind): Uint8Array | undefined {
  if (kind === 'uuid' && typeof value === 'string' && !isCanonicalUuid(value)) return undefined
  try {
    return encodeIndexPart(value, kind)
  } catch (error) {
    if (error instanceof LimitError) return undefined
    throw error
  }
}

/** All of a type, with the first and the last tag that it has. */
function typeRange(first: number, last: number, text: string): PartRange {
  return { low: Uint8Array.of(first), high: Uint8Array.of(last + 1), point: false, text: () => text }
}

const UUIDS: PartRanges = { ranges: [typeRange(KeyTag.uuid, KeyTag.uuid, 'any UUID')], exact: false }

function comparison(
  op: 'gt' | 'gte' | 'lt' | 'lte',
  value: unknown,
  kind: KeyPartKind,
): PartRanges | undefined {
  if (value === null || Number.isNaN(value))
    return op === 'gte' || op === 'lte' ? pointsOf([value], kind) : NOTHING
  const edge = encoded(value, kind)
  if (edge === undefined) return kind === 'uuid' && typeof value === 'string' ? UUIDS : undefined
  const type = typeOf(edge)
  const text = (): string => `${SIGNS[op]} ${valueText(value)}`
  const low = op === 'gte' ? edge : op === 'gt' ? partsBound(edge) : type.low
  const high = op === 'lte' ? partsBound(edge) : op === 'lt' ? edge : type.high
  return { ranges: [{ low, high, point: false, text }].filter(isSome), exact: true }
}

const SIGNS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

/** NaN is below no number in a comparison, so numbers begin with what follows it. */
const FIRST_NUMBER = encodeIndexPart(Number.NEGATIVE_INFINITY, 'any') ?? Uint8Array.of(KeyTag.number)

/** What compares with a value of these bytes. */
function typeOf(part: Uint8Array): { readonly low: Uint8Array; readonly high: Uint8Array } {
  const tag = u8(part, 0)
  if (tag === KeyTag.number) return { low: FIRST_NUMBER, high: Uint8Array.of(KeyTag.number + 1) }
  const isTruth = tag === KeyTag.true || tag === KeyTag.false
  return typeRange(isTruth ? KeyTag.false : tag, isTruth ? KeyTag.true : tag, '')
}

function prefix(text: string): PartRanges | undefined {
  if (text.length > MAX_KEY_BYTES / 4) return undefined
  const low = encodeStringPrefix(text)
  const high = prefixBound(low) ?? Uint8Array.of(KeyTag.string + 1)
  return { ranges: [{ low, high, point: false, text: () => `starts with ${valueText(text)}` }], exact: true }
}

const FIRST_UUID = '00000000-0000-0000-0000-000000000000'
const LAST_UUID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

function uuidPrefix(text: string): PartRanges {
  const low = encoded(text + FIRST_UUID.slice(text.length), 'uuid')
  const last = encoded(text + LAST_UUID.slice(text.length), 'uuid')
  if (low === undefined || last === undefined) return NOTHING
  const range = { low, high: partsBound(last), point: false, text: () => `starts with ${valueText(text)}` }
  return { ranges: [range], exact: true }
}

/** One element fulfils all; that it is an element of a list, no index says. */
function elements(tests: readonly Test[], kind: KeyPartKind): PartRanges | undefined {
  let all: PartRanges | undefined
  for (const test of tests) {
    const one = rangesOf(test, kind)
    if (one !== undefined) all = all === undefined ? one : intersection(all, one)
  }
  return all === undefined ? undefined : { ranges: all.ranges, exact: false }
}

/**
 * All that lies outside of the ranges of conditions that all hold. Missing fields are among it, as null. Of several entries of a row
 * it is true only if all of them lie in it.
 */
function negation(tests: readonly Test[], kind: KeyPartKind): PartRanges | undefined {
  let all: PartRanges | undefined
  for (const test of tests) {
    const one = rangesOf(test, kind)
    if (one === undefined || !one.exact) return undefined
    all = all === undefined ? one : intersection(all, one)
  }
  if (all === undefined) return undefined
  const { ranges } = all
  const text = (): string => `not (${ranges.map((range) => range.text()).join(' or ') || 'nothing'})`
  const lows = [BEFORE_ALL, ...ranges.map(({ high }) => high)]
  const highs = [...ranges.map(({ low }) => low), BEHIND_ALL]
  const outside = lows.map((low, i) => ({ low, high: highs[i] ?? BEHIND_ALL, point: false, text }))
  return { ranges: outside.filter(isSome), exact: true }
}

const BEFORE_ALL = new Uint8Array(0)
const BEHIND_ALL = Uint8Array.of(ESCAPE)

/** What lies in both. */
export function intersection(a: PartRanges, b: PartRanges): PartRanges {
  const ranges: PartRange[] = []
  for (const x of a.ranges) {
    for (const y of b.ranges) {
      const both = common(x, y)
      if (isSome(both)) ranges.push(both)
    }
  }
  return { ranges: sortedRanges(ranges), exact: a.exact && b.exact }
}

function common(x: PartRange, y: PartRange): PartRange {
  // A point reaches up to the bound of all that begins with it, which no other edge lies within.
  if (x.point || y.point) {
    const [point, other] = x.point ? [x, y] : [y, x]
    const isWithin = compareKeys(point.low, other.low) >= 0 && compareKeys(point.low, other.high) < 0
    return isWithin ? point : { ...point, high: point.low }
  }
  return {
    low: compareKeys(x.low, y.low) >= 0 ? x.low : y.low,
    high: compareKeys(x.high, y.high) <= 0 ? x.high : y.high,
    point: false,
    text: () => `${x.text()} and ${y.text()}`,
  }
}

function isSome({ low, high }: PartRange): boolean {
  return compareKeys(low, high) < 0
}

/** The point of null and missing. */
export const NULL_POINT: PartRange = pointAt(Uint8Array.of(KeyTag.null), null)

/** The same ranges, and null, which is below all else. */
export function withNull(ranges: readonly PartRange[]): readonly PartRange[] {
  const { low } = NULL_POINT
  const hasNull = ranges.some((range) => compareKeys(range.low, low) <= 0 && compareKeys(low, range.high) < 0)
  return hasNull ? ranges : [NULL_POINT, ...ranges]
}

/** In order, each once. Ranges of one condition are points or a single one, so they overlap only if they are equal. */
function sortedRanges(ranges: readonly PartRange[]): readonly PartRange[] {
  if (ranges.length < 2) return ranges
  const sorted = ranges.toSorted((a, b) => compareKeys(a.low, b.low))
  return sorted.filter((range, i) => {
    const before = sorted[i - 1]
    return before === undefined || compareKeys(before.low, range.low) !== 0
  })
}
