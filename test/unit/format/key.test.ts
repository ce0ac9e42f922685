import { describe, expect, it } from 'vitest'
import { VarveError, type VarveError as VarveErrorType } from '../../../src/errors.js'
import { DecodeFailure } from '../../../src/format/decode-failure.js'
import { decodeKey } from '../../../src/format/key-decode.js'
import { compareBytes, partsBound, prefixBound } from '../../../src/format/key-order.js'
import { KeyTag } from '../../../src/format/key-tag.js'
import { encodeKey, encodeStringPrefix, keyParts, type KeyPart } from '../../../src/format/key.js'
import { MAX_KEY_BYTES } from '../../../src/format/limits.js'

const uuid = '018f3c5e-7d1a-7c3b-9a54-1b2c3d4e5f60'

const primary = (...parts: KeyPart[]): Uint8Array =>
  encodeKey(
    parts,
    parts.map(() => 'any'),
    'primary',
  )
const index = (...parts: KeyPart[]): Uint8Array =>
  encodeKey(
    parts,
    parts.map(() => 'any'),
    'index',
  )
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const decode = (text: string): unknown => {
  const bytes = unhex(text)
  return decodeKey(bytes, 0, bytes.length)
}

function failure(fn: () => unknown): VarveErrorType {
  try {
    fn()
  } catch (error) {
    if (VarveError.is(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('the encoding of keys, to the byte', () => {
  it.each<[string, KeyPart[], string]>([
    ['null', [null], '05'],
    ['0', [0], '10 8000000000000000 00'],
    ['-0', [-0], '10 8000000000000000 00'],
    ['1', [1], '10 bff0000000000000 00'],
    ['1n', [1n], '10 bff0000000000000 00'],
    ['-1', [-1], '10 400fffffffffffff 00'],
    ['NaN', [Number.NaN], '10 0000000000000000 00'],
    ['Infinity', [Infinity], '10 fff0000000000000 00'],
    ['-Infinity', [-Infinity], '10 000fffffffffffff 00'],
    ['2^53', [2n ** 53n], '10 c340000000000000 00'],
    ['2^53 + 1', [2n ** 53n + 1n], '10 c340000000000000 01 01'],
    ['-(2^53 + 1)', [-(2n ** 53n) - 1n], '10 3cbffffffffffffe 01 01'],
    ['an empty string', [''], '20 00'],
    ['a string', ['du'], '20 6475 00'],
    ['a string with NUL', ['a\0b'], '20 61 00ff 62 00'],
    ['astral text', ['é€😀'], '20 c3a9 e282ac f09f9880 00'],
    ['bytes', [Uint8Array.of(0, 1, 255)], '30 00ff 01 ff 00'],
    ['false', [false], '50'],
    ['true', [true], '51'],
    ['a Date', [new Date(0)], '60 8000000000000000'],
    ['a composite', ['a', 1, false], '20 61 00 10 bff0000000000000 00 50'],
  ])('of %s', (_, parts, expected) => {
    expect(hex(index(...parts))).toBe(expected.replaceAll(' ', ''))
  })

  it('of a uuid', () => {
    expect(hex(encodeKey([uuid], ['uuid'], 'primary'))).toBe(`40${uuid.replaceAll('-', '')}`)
  })

  it('has no tag 0xff', () => {
    for (const tag of Object.values(KeyTag)) expect(tag).toBeLessThan(0xff)
  })

  it('gives bytes that later keys leave alone', () => {
    const key = primary('x'.repeat(100), 1)
    const copy = key.slice()
    primary('y'.repeat(200), 2)
    expect(key).toEqual(copy)
  })
})

describe('refused keys', () => {
  const UUID = 'a UUID in lower case, as 8-4-4-4-12 hex digits'
  const PRIMARY = 'a string, number, bigint, Date or Uint8Array'

  it.each<[string, unknown, string, string]>([
    ['null', null, PRIMARY, 'null'],
    ['true', true, PRIMARY, 'a boolean'],
    ['undefined', undefined, PRIMARY, 'undefined'],
    ['NaN', Number.NaN, 'a number other than NaN', 'NaN'],
    ['an invalid Date', new Date(Number.NaN), 'a valid Date', 'an invalid Date'],
    ['a lone surrogate', 'a\ud800', 'a well-formed string', 'a string with a lone surrogate'],
    ['a swapped pair', '\udc00\ud800', 'a well-formed string', 'a string with a lone surrogate'],
    ['a plain object', {}, PRIMARY, 'a plain object'],
    ['a function', () => 1, PRIMARY, 'a function'],
    ['a symbol', Symbol('s'), PRIMARY, 'a symbol'],
    ['an array', ['a'], PRIMARY, 'an array'],
    ['a Map', new Map(), PRIMARY, 'an instance of Map'],
    ['other typed arrays', new Uint16Array(2), PRIMARY, 'an instance of Uint16Array'],
  ])('%s in a primary key', (_, part, expected, found) => {
    const error = failure(() => primary(part as KeyPart))
    expect(error.code).toBe('VARVE_VALIDATION')
    expect(error.details.issues).toEqual([{ path: '', expected, found }])
  })

  it.each([
    uuid.toUpperCase(),
    uuid.slice(1),
    `${uuid}0`,
    `{${uuid.slice(2)}}`,
    uuid.replace('-', '0'),
    '',
    7,
  ])('%s where a uuid is declared', (part) => {
    const error = failure(() => encodeKey([part], ['uuid'], 'primary'))
    expect(error.details.issues?.[0]).toMatchObject({ path: '', expected: UUID })
  })

  it('lists every failing part by its index', () => {
    const error = failure(() => primary('ok', null, Number.NaN, 3, '\ud800'))
    expect(error.details.issues?.map((issue) => issue.path)).toEqual(['1', '2', '4'])
    expect(error.message).toContain('part 1 should be')
  })

  it('a wrong number of parts', () => {
    expect(failure(() => encodeKey(['a'], ['any', 'any'], 'primary')).details.issues).toEqual([
      { path: '', expected: '2 parts in an array', found: 'a single value' },
    ])
    expect(failure(() => encodeKey(keyParts([]), ['any'], 'primary')).details.issues).toEqual([
      { path: '', expected: 'a single value', found: '0 parts' },
    ])
  })

  it('invalid Dates and ill-formed strings in an index too, where null, booleans and NaN are welcome', () => {
    expect(() => index(null, true, false, Number.NaN)).not.toThrow()
    expect(encodeKey([null], ['uuid'], 'index')).toEqual(Uint8Array.of(5))
    const error = failure(() => index(new Date(Number.NaN), '\udfff', undefined as unknown as null))
    expect(error.details.issues?.map((issue) => issue.path)).toEqual(['0', '1', '2'])
  })

  it('bigints beyond the largest double', () => {
    const largest = BigInt(Number.MAX_VALUE)
    expect(() => primary(largest, -largest)).not.toThrow()
    for (const value of [largest + 1n, -largest - 1n]) {
      expect(failure(() => primary(value))).toMatchObject({
        code: 'VARVE_LIMIT',
        details: { limit: 'MAX_KEY_BIGINT' },
      })
    }
  })

  it.each<[string, (bytes: number) => KeyPart[]]>([
    ['ASCII text', (bytes) => ['x'.repeat(bytes - 2)]],
    ['bytes', (bytes) => [new Uint8Array(bytes - 2).fill(7)]],
    ['escaped bytes', (bytes) => [new Uint8Array((bytes - 2) / 2)]],
    ['wide text', (bytes) => ['é'.repeat((bytes - 2) / 2)]],
    ['a composite', (bytes) => ['x'.repeat(bytes - 2 - 10), 5]],
    [
      'a composite with a huge bigint',
      (bytes) => ['x'.repeat(bytes - 2 - 132), BigInt(Number.MAX_VALUE) - 1n],
    ],
  ])('more than 4096 bytes of %s', (_, parts) => {
    expect(primary(...parts(MAX_KEY_BYTES)).length).toBe(MAX_KEY_BYTES)
    for (const excess of [2, 4, 200, 100_000]) {
      expect(failure(() => primary(...parts(MAX_KEY_BYTES + excess)))).toMatchObject({
        code: 'VARVE_LIMIT',
        details: { limit: 'MAX_KEY_BYTES' },
      })
    }
  })
})

describe('decoding keys', () => {
  it('gives numbers where a double holds the value, bigints elsewhere', () => {
    expect(decode(hex(primary(5n, 2n ** 64n, 2n ** 64n + 1n, 0.5)))).toEqual({
      parts: [5, 2 ** 64, 2n ** 64n + 1n, 0.5],
      kinds: ['any', 'any', 'any', 'any'],
    })
  })

  it('tells a uuid from a string', () => {
    const key = encodeKey([uuid, uuid], ['uuid', 'any'], 'primary')
    expect(decodeKey(key, 0, key.length)).toEqual({ parts: [uuid, uuid], kinds: ['uuid', 'any'] })
  })

  it('keeps a leading byte order mark', () => {
    expect(decode(hex(primary('\ufeffabc')))).toMatchObject({ parts: ['\ufeffabc'] })
  })

  it('gives bytes as a plain copy, from a Buffer too', () => {
    const key = primary(Buffer.from('abc'))
    const decoded = decodeKey(Buffer.from(key), 0, key.length)
    if (decoded instanceof DecodeFailure) throw new Error(decoded.reason)
    const [part] = decoded.parts
    expect(Object.getPrototypeOf(part)).toBe(Uint8Array.prototype)
    expect(part).toEqual(Uint8Array.of(97, 98, 99))
  })

  it.each([
    ['nothing', ''],
    ['an unknown tag', '11'],
    ['the tag 0xff', 'ff'],
    ['a string without an end', '20 6162'],
    ['a string that ends in an escape', '20 61 00ff'],
    ['bytes after a string', '20 61 00 61'],
    ['bad UTF-8', '20 ff 00'],
    ['overlong UTF-8', '20 c081 00'],
    ['an encoded surrogate', '20 eda080 00'],
    ['a number cut short', '10 80000000000000'],
    ['a number without its remainder', '10 8000000000000000'],
    ['-0', '10 7fffffffffffffff 00'],
    ['another NaN', '10 fff8000000000000 00'],
    ['a negative NaN', '10 0000000000000001 00'],
    ['a remainder cut short', '10 c340000000000000 01'],
    ['a remainder with a leading zero', '10 c340000000000000 02 0001'],
    ['a remainder of zero', '10 c340000000000000 01 00'],
    ['a remainder that reaches the next double', '10 c340000000000000 01 02'],
    ['a remainder below 2^53', '10 bff0000000000000 01 01'],
    ['a remainder of a fraction', '10 bff8000000000000 01 01'],
    ['a remainder of NaN', '10 0000000000000000 01 01'],
    ['a remainder of Infinity', '10 fff0000000000000 01 01'],
    ['a remainder above the largest double', '10 ffefffffffffffff 01 01'],
    ['a uuid cut short', '40 018f3c5e7d1a7c3b9a541b2c3d4e5f'],
    ['a date cut short', '60 80'],
    ['a fractional date', '60 bff8000000000000'],
    ['an invalid date', '60 0000000000000000'],
    ['a date out of range', '60 fff0000000000000'],
    ['a date just out of range', '60 c33eb208c2dc0001'],
  ])('refuses %s', (_, bytes) => {
    expect(decode(bytes)).toBeInstanceOf(DecodeFailure)
  })

  it('refuses more than a key can hold', () => {
    expect(decode(`20${'61'.repeat(5000)}00`)).toBeInstanceOf(DecodeFailure)
  })

  it('reads from the range given and says where it failed', () => {
    const padded = unhex('ffff 20 61 00 99 ff')
    expect(decodeKey(padded, 2, 5)).toMatchObject({ parts: ['a'] })
    expect(decodeKey(padded, 2, 6)).toEqual(new DecodeFailure('0x99 is not a tag of a key part', 6))
  })
})

describe('ranges of keys', () => {
  it('bounds a prefix from above', () => {
    expect(prefixBound(Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 3))
    expect(prefixBound(Uint8Array.of(1, 255, 255))).toEqual(Uint8Array.of(2))
    expect(prefixBound(Uint8Array.of(255))).toBeUndefined()
    expect(prefixBound(new Uint8Array())).toBeUndefined()
  })

  it('bounds whole parts from above, below strings that go on', () => {
    const bound = partsBound(primary('a'))
    const isBelow = (key: Uint8Array): boolean => compareBytes(key, 0, key.length, bound, 0, bound.length) < 0
    expect(isBelow(primary('a'))).toBe(true)
    expect(isBelow(primary('a', new Date(8.64e15)))).toBe(true)
    expect(isBelow(primary('a\0'))).toBe(false)
    expect(isBelow(primary('a\0b'))).toBe(false)
    expect(isBelow(primary('aa'))).toBe(false)
  })

  it('compares ranges of bytes', () => {
    const a = Uint8Array.of(9, 1, 2, 9)
    expect(compareBytes(a, 1, 3, Uint8Array.of(1, 2), 0, 2)).toBe(0)
    expect(compareBytes(a, 1, 3, Uint8Array.of(1, 2, 0), 0, 3)).toBeLessThan(0)
    expect(compareBytes(a, 1, 3, Uint8Array.of(1), 0, 1)).toBeGreaterThan(0)
    expect(compareBytes(a, 1, 3, Uint8Array.of(1, 0x80), 0, 2)).toBeLessThan(0)
  })

  it('encodes what keys with a string prefix begin with', () => {
    expect(hex(encodeStringPrefix('du'))).toBe('206475')
    expect(hex(encodeStringPrefix('d\0'))).toBe('206400ff')
    expect(hex(encodeStringPrefix(''))).toBe('20')
    expect(failure(() => encodeStringPrefix('\ud800')).code).toBe('VARVE_VALIDATION')
    expect(failure(() => encodeStringPrefix('x'.repeat(9000))).code).toBe('VARVE_LIMIT')
  })
})
