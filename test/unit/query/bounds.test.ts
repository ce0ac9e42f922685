/** Ranges of index keys hold what fulfils a condition, and where they are exact nothing else. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeIndexPart } from '../../../src/catalog/index-part.js'
import type { KeyPartKind } from '../../../src/format/key.js'
import { compareBytes } from '../../../src/format/key-order.js'
import { intersection, type PartRanges, rangesOf } from '../../../src/query/bounds.js'
import { parseFilter, type Test } from '../../../src/query/filter.js'
import { compileFilter } from '../../../src/query/match.js'
import { count, seed } from '../../support/counts.js'

const UUIDS = [
  '00000000-0000-0000-0000-000000000000',
  '01890000-0000-7000-8000-000000000000',
  '0189ffff-0000-7000-8000-00000000000a',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
]
const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    NaN,
    -0,
    0,
    1n,
    2n ** 60n,
    Infinity,
    -Infinity,
    '',
    'a',
    'a\0',
    'a\0b',
    'ab',
    '😀',
    '\uffff',
  ),
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: -2, max: 2 }).map((ms) => new Date(ms)),
  fc.uint8Array({ maxLength: 2 }),
)
const uuid = fc.constantFrom<unknown>(...UUIDS, null, '0189', '0189-', 'zz', '', '0189FFFF', 5)
const conditionOf = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom('$eq', '$gt', '$gte', '$lt', '$lte'), value)
      .map(([name, one]) => ({ [name]: one })),
    fc.array(value, { maxLength: 4 }).map((values) => ({ $in: values })),
    value.filter((one) => typeof one === 'string').map((one) => ({ $startsWith: one })),
    fc.tuple(value, value).map(([a, b]) => ({ $elemMatch: { $gte: a, $lt: b } })),
    fc.tuple(value, value).map(([a, b]) => ({ $not: { $gte: a, $lt: b } })),
    fc.array(value, { maxLength: 3 }).map((values) => ({ $nin: values })),
  )

function testOf(condition: unknown): Test {
  const node = parseFilter({ a: condition })
  if (node.kind !== 'field') throw new Error('one condition, one node')
  return node.test
}

function holds({ ranges }: PartRanges, value: unknown, kind: KeyPartKind): boolean {
  const part = encodeIndexPart(value, kind) ?? new Uint8Array(0)
  const compare = (other: Uint8Array): number => compareBytes(part, 0, part.length, other, 0, other.length)
  return ranges.some(({ low, high }) => compare(low) >= 0 && compare(high) < 0)
}

describe.each([
  ['any', scalar, scalar],
  ['uuid', uuid, fc.constantFrom<unknown>(...UUIDS, null)],
] as const)('ranges of the kind %s', (kind, operand, value) => {
  it('hold what the condition holds for', () => {
    let inside = 0
    const property = fc.property(conditionOf(operand), value, (condition, one) => {
      const test = testOf(condition)
      const ranges = rangesOf(test, kind)
      if (ranges === undefined) return
      const isMatch = compileFilter(parseFilter({ a: condition }))({
        a: test.op === 'elements' ? [one] : one,
      })
      if (isMatch) inside++
      if (isMatch) expect(holds(ranges, one, kind)).toBe(true)
      else if (ranges.exact) expect(holds(ranges, one, kind)).toBe(false)
    })
    fc.assert(property, { seed, numRuns: Math.max(500, count(3000, 300_000)) })
    expect(inside).toBeGreaterThan(20)
  })

  it('are disjoint and in order, also of two conditions', () => {
    const property = fc.property(conditionOf(operand), conditionOf(operand), value, (a, b, one) => {
      const [x, y] = [rangesOf(testOf(a), kind), rangesOf(testOf(b), kind)]
      if (x === undefined || y === undefined) return
      const both = intersection(x, y)
      expect(holds(both, one, kind)).toBe(holds(x, one, kind) && holds(y, one, kind))
      for (const { ranges } of [x, y, both])
        for (const [i, { low }] of ranges.slice(1).entries()) {
          const before = ranges[i]?.high ?? low
          expect(compareBytes(before, 0, before.length, low, 0, low.length)).toBeLessThanOrEqual(0)
        }
    })
    fc.assert(property, { seed, numRuns: Math.max(500, count(3000, 300_000)) })
  })
})

describe('conditions that no index helps with', () => {
  it.each<[unknown]>([
    [{ $ne: null }],
    [{ $not: { $gte: 1, $size: 2 } }],
    [{ $exists: true }],
    [{ $size: 1 }],
    [/a/u],
    [{ $in: [/a/u] }],
    [[1]],
    [{ $type: 'int' }],
  ])('%o have no ranges', (condition) => {
    expect(rangesOf(testOf(condition), 'any')).toBeUndefined()
  })

  it('are values too long for a key, but none equals one', () => {
    const long = 'x'.repeat(5000)
    expect(rangesOf(testOf({ $gt: long }), 'any')).toBeUndefined()
    expect(rangesOf(testOf({ $startsWith: long }), 'any')).toBeUndefined()
    expect(rangesOf(testOf(long), 'any')).toEqual({ ranges: [], exact: true })
  })
})
