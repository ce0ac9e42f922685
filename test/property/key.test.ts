import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeFailure } from '../../src/format/decode-failure.js'
import { decodeKey } from '../../src/format/key-decode.js'
import { compareBytes, partsBound, prefixBound } from '../../src/format/key-order.js'
import { encodeKey, encodeStringPrefix, type KeyPart, type KeyPartKind } from '../../src/format/key.js'
import { count, seed } from '../support/counts.js'

const settings = { seed, numRuns: count(10_000, 1_000_000) }

/** A part with the kind it is declared as. */
interface Part {
  readonly value: KeyPart
  readonly kind: KeyPartKind
}

const any = <T extends KeyPart>(values: fc.Arbitrary<T>): fc.Arbitrary<Part> =>
  values.map((value) => ({ value, kind: 'any' }))

/** Doubles, and bigints on and around them, of all magnitudes. */
const aroundDouble = fc
  .tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.bigInt(-3n, 3n))
  .map(([double, delta]) => clamp(BigInt(Math.trunc(double)) + delta))
const powers = fc.tuple(fc.nat(1023), fc.bigInt(-2n, 2n), fc.boolean()).map(([exponent, delta, negative]) => {
  const value = 2n ** BigInt(exponent) + delta
  return clamp(negative ? -value : value)
})
const numeric = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt(-(2n ** 70n), 2n ** 70n),
  aroundDouble,
  powers,
  fc.constantFrom(0, -0, Number.NaN, Number.MIN_VALUE, Number.MAX_VALUE, Infinity, -Infinity, 1e308, -1e308),
)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc
    .array(fc.constantFrom('\0', '\u0001', 'a', '\u007f', '\u0080', '\uffff', '\u{10000}', '\u{10ffff}'))
    .map((a) => a.join('')),
)
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.constantFrom(0, 1, 255)).map((a) => Uint8Array.from(a)),
)
const uuidPart = fc.uuid().map((value): Part => ({ value, kind: 'uuid' }))
const part: fc.Arbitrary<Part> = fc.oneof(
  any(fc.constant(null)),
  any(numeric),
  any(text),
  any(bytes),
  uuidPart,
  any(fc.boolean()),
  any(fc.date({ noInvalidDate: true })),
)

function clamp(value: bigint): bigint {
  const limit = BigInt(Number.MAX_VALUE)
  if (value > limit) return limit
  return value < -limit ? -limit : value
}

const encode = (parts: readonly Part[]): Uint8Array =>
  encodeKey(
    parts.map(({ value }) => value),
    parts.map(({ kind }) => kind),
    'index',
  )
const compareEncoded = (a: Uint8Array, b: Uint8Array): number =>
  Math.sign(compareBytes(a, 0, a.length, b, 0, b.length))

/** The order of the design's page, by other means than bytes. */
function compareParts(a: readonly Part[], b: readonly Part[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i]
    if (right === undefined) return 1
    const order = comparePart(left, right)
    if (order !== 0) return order
  }
  return a.length - b.length < 0 ? -1 : 0
}

function rank({ value, kind }: Part): number {
  if (value === null) return 0
  if (typeof value === 'number' || typeof value === 'bigint') return 1
  if (typeof value === 'string') return kind === 'uuid' ? 4 : 2
  if (value instanceof Uint8Array) return 3
  return typeof value === 'boolean' ? 5 : 6
}

function comparePart(a: Part, b: Part): number {
  if (rank(a) !== rank(b)) return Math.sign(rank(a) - rank(b))
  const left = a.value
  const right = b.value
  if (typeof left === 'string' && typeof right === 'string') return compareCodePoints(left, right)
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Math.sign(Buffer.compare(left, right))
  if (Number.isNaN(left) || Number.isNaN(right))
    return Number(Number.isNaN(right)) - Number(Number.isNaN(left))
  // The language compares numbers with bigints exactly, dates by time, and booleans as numbers.
  if (left === null || right === null) return 0
  if (left < right) return -1
  return left > right ? 1 : 0
}

function compareCodePoints(a: string, b: string): number {
  const left = codePoints(a)
  const right = codePoints(b)
  const first = left.findIndex((code, i) => code !== right[i])
  if (first < 0) return Math.sign(left.length - right.length)
  return Math.sign((left[first] ?? 0) - (right[first] ?? -1))
}

const codePoints = (value: string): number[] =>
  Array.from(value, (character) => character.codePointAt(0) ?? 0)

describe('keys', () => {
  it('order as their parts do, and are equal only if their parts are', () => {
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 3 }),
        fc.array(part, { minLength: 1, maxLength: 3 }),
        (a, b) => {
          expect(compareEncoded(encode(a), encode(b))).toBe(compareParts(a, b))
        },
      ),
      settings,
    )
  })

  it('order numbers and bigints by value', () => {
    const near = fc.tuple(numeric, fc.bigInt(-2n, 2n)).map(([value, delta]): [KeyPart, KeyPart] => {
      const integral = typeof value === 'bigint' || Number.isInteger(value)
      return [value, integral ? clamp(BigInt(value) + delta) : value]
    })
    fc.assert(
      fc.property(fc.oneof(near, fc.tuple(numeric, numeric)), ([left, right]) => {
        const a: Part[] = [{ value: left, kind: 'any' }]
        const b: Part[] = [{ value: right, kind: 'any' }]
        expect(compareEncoded(encode(a), encode(b))).toBe(compareParts(a, b))
      }),
      settings,
    )
  })

  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const encoded = encode(parts)
        const decoded = decodeKey(encoded, 0, encoded.length)
        if (decoded instanceof DecodeFailure) throw new Error(decoded.reason)
        expect(decoded.kinds).toEqual(parts.map(({ kind }) => kind))
        expect(decoded.parts).toStrictEqual(parts.map(({ value }) => canonical(value)))
      }),
      settings,
    )
  })

  it('that begin with certain parts are those from the parts to their bound', () => {
    const anyParts = fc.array(part, { maxLength: 2 })
    const input = fc.tuple(
      part,
      anyParts,
      fc.oneof(
        part,
        text.map((rest): Part => ({ value: rest, kind: 'any' })),
      ),
    )
    fc.assert(
      fc.property(input, ([first, rest, other]) => {
        const low = encode([first])
        const bound = partsBound(low)
        const extended =
          typeof first.value === 'string' && typeof other.value === 'string' && first.kind === 'any'
        const longer: Part = extended ? { value: `${first.value}\0${other.value}`, kind: 'any' } : other
        for (const candidate of [first, other, longer]) {
          const key = encode([candidate, ...rest])
          const inside = compareEncoded(low, key) <= 0 && compareEncoded(key, bound) < 0
          expect(inside).toBe(comparePart(candidate, first) === 0)
        }
      }),
      settings,
    )
  })

  it('with a string prefix are those from the prefix to its bound', () => {
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const low = encodeStringPrefix(prefix)
        const bound = prefixBound(low)
        if (bound === undefined) throw new Error('a prefix of a key always has a bound')
        for (const value of [other, prefix + other]) {
          const key = encodeKey([value], ['any'], 'primary')
          const inside = compareEncoded(low, key) <= 0 && compareEncoded(key, bound) < 0
          expect(inside).toBe(value.startsWith(prefix))
        }
      }),
      settings,
    )
  })
})

describe('the decoder of keys', () => {
  it('never throws, and takes nothing that encoding does not give', () => {
    const tagged = fc.tuple(
      fc.constantFrom(0x05, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60),
      fc.uint8Array({ maxLength: 30 }),
    )
    const mutated = fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat(255))
      .map(([parts, at, byte]) => {
        const encoded = encode(parts)
        encoded[at % encoded.length] = byte
        return encoded
      })
    const input = fc.oneof(
      fc.uint8Array(),
      tagged.map(([tag, rest]) => Uint8Array.of(tag, ...rest)),
      mutated,
    )
    let taken = 0
    fc.assert(
      fc.property(input, (hostile) => {
        const decoded = decodeKey(hostile, 0, hostile.length)
        if (decoded instanceof DecodeFailure) return
        taken++
        expect(encodeKey(decoded.parts, decoded.kinds, 'index')).toEqual(Uint8Array.from(hostile))
      }),
      settings,
    )
    expect(taken).toBeGreaterThan(0)
  })
})

/** The form in which the decoder gives a value. */
function canonical(value: KeyPart): KeyPart {
  if (Object.is(value, -0)) return 0
  if (typeof value === 'bigint' && BigInt(Number(value)) === value) return Number(value)
  return value
}
