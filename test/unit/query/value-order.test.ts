/** The order of values is that of index keys, and equality goes deep. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeKey, type KeyPart } from '../../../src/format/key.js'
import { compareValues, equalValues } from '../../../src/query/value-order.js'
import { count, seed } from '../../support/counts.js'

const scalar: fc.Arbitrary<KeyPart> = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    -0,
    0,
    NaN,
    Infinity,
    -Infinity,
    0n,
    1n,
    2n ** 53n + 1n,
    2 ** 53,
    '',
    'a\0',
    '\uffff',
    '😀',
  ),
  fc.double(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.string({ unit: 'binary', maxLength: 4 }).filter((text) => text.isWellFormed()),
  fc.uint8Array({ maxLength: 3 }),
  fc.date({ noInvalidDate: true }),
  fc.integer({ min: -2, max: 2 }),
)

const bytesOf = (part: KeyPart): Buffer => Buffer.from(encodeKey([part], ['any'], 'index'))

describe('compareValues', () => {
  it('is the order of encoded keys', () => {
    const property = fc.property(scalar, scalar, (a, b) => {
      expect(Math.sign(compareValues(a, b))).toBe(Buffer.compare(bytesOf(a), bytesOf(b)))
      expect(equalValues(a, b)).toBe(bytesOf(a).equals(bytesOf(b)))
    })
    fc.assert(property, { seed, numRuns: count(2_000, 200_000) })
  })

  it('puts missing with null, and what has no order last and in one place', () => {
    expect(compareValues(undefined, null)).toBe(0)
    expect(compareValues({}, new Date(0))).toBeGreaterThan(0)
    expect(compareValues([1], { a: 1 })).toBe(0)
    expect(compareValues(new Map(), new Set())).toBe(0)
  })
})

describe('equalValues', () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1, b: [1n] }, { b: [1], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: null }, false],
    [{ a: undefined }, {}, true],
    [{ a: null }, { b: null }, false],
    [[1, 2], [2, 1], false],
    [[1], { 0: 1 }, false],
    [new Map([['a', { x: 1 }]]), new Map([['a', { x: 1n }]]), true],
    [new Map<unknown, unknown>([[1n, 2]]), new Map<unknown, unknown>([[1, 2]]), true],
    [new Map([['a', 1]]), new Map([['b', 1]]), false],
    [new Set([[1]]), new Set([[1n]]), true],
    [new Set([1]), new Set([2]), false],
    [undefined, null, true],
    ['1', 1, false],
  ])('%o and %o: %s', (a, b, expected) => {
    expect(equalValues(a, b)).toBe(expected)
    expect(equalValues(b, a)).toBe(expected)
  })
})
