import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse, stringify, TypedJsonError } from '../../cli/typed-json.js'
import { count, seed } from '../support/counts.js'
import { difference, storable } from '../support/storable.js'

describe('values as JSON', () => {
  it('come back as they were, whatever they are', () => {
    fc.assert(
      fc.property(storable, (value) => {
        expect(difference(value, parse(stringify(value)))).toBeUndefined()
      }),
      { seed, numRuns: count(2000, 100_000) },
    )
  })

  it('come back as they were when they look like the forms of other values', () => {
    const names = fc.stringMatching(/^\${0,3}(?:date|bigint|bytes|map|set|number|ref)$/u)
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom('1', '2020-01-01', 'AA==', 'NaN', 1, null),
        fc.dictionary(names, tie('value'), { maxKeys: 2, noNullPrototype: true }),
        fc.array(tie('value'), { maxLength: 2 }),
      ),
    }))
    fc.assert(
      fc.property(value, (row) => {
        expect(difference(row, parse(stringify(row)))).toBeUndefined()
      }),
      { seed, numRuns: count(2000, 100_000) },
    )
  })

  it.each([
    [new Date(0), '{"$date":"1970-01-01T00:00:00.000Z"}'],
    [12n, '{"$bigint":"12"}'],
    [new Uint8Array([0, 1, 255]), '{"$bytes":"AAH/"}'],
    [new Map([['a', 1n]]), '{"$map":[["a",{"$bigint":"1"}]]}'],
    [new Set([1, 'b']), '{"$set":[1,"b"]}'],
    [-0, '{"$number":"-0"}'],
    [Number.NaN, '{"$number":"NaN"}'],
    [Number.NEGATIVE_INFINITY, '{"$number":"-Infinity"}'],
    [2 ** 64, '{"$number":"18446744073709552000"}'],
    [2 ** 53, '9007199254740992'],
    [{ $date: 'mine' }, '{"$$date":"mine"}'],
    [{ $ref: 'x' }, '{"$ref":"x"}'],
    [{ $date: 1, $set: 2 }, '{"$date":1,"$set":2}'],
  ])('%o is written as %s', (value, text) => {
    expect(stringify(value)).toBe(text)
    expect(difference(value, parse(text))).toBeUndefined()
  })

  it('are not changed by it, however deep they are', () => {
    let value: unknown = [-0]
    for (let depth = 0; depth < 98; depth++) value = depth % 2 === 0 ? { value } : [value]
    const before = structuredClone(value)
    const text = stringify(value)
    expect(text).toContain('[{"$number":"-0"}]')
    expect(difference(value, before)).toBeUndefined()
    expect(difference(value, parse(text))).toBeUndefined()
  })

  it('leave no character that a terminal would obey', () => {
    const text = stringify({ '\u001b[31m': '\u009b\u007f\u202e\u2028\ufeff\n' })
    expect(text).toMatch(/^[\u0020-\u007e]+$/u)
    expect(parse(text)).toEqual({ '\u001b[31m': '\u009b\u007f\u202e\u2028\ufeff\n' })
  })
})

describe('JSON as values', () => {
  it('takes integers that a number cannot hold for bigints, and leaves texts alone', () => {
    const text =
      '{"a": 12345678901234567890, "b": -9007199254740993, "c": 9007199254740992, "d": "12345678901234567890 \\" 9007199254740993", "e": 1.12345678901234567890, "f": 1e20}'
    expect(parse(text)).toEqual({
      a: 12_345_678_901_234_567_890n,
      b: -9_007_199_254_740_993n,
      c: 9_007_199_254_740_992,
      d: '12345678901234567890 " 9007199254740993',
      e: 1.1234567890123457,
      f: 1e20,
    })
  })

  it('knows times with a zone, without one, and without a time of day', () => {
    const times = ['2020-02-29', '2020-02-29T12:00', '2020-02-29 12:00:01.5Z', '2020-02-29T12:00:00+05:30']
    expect(times.map((text) => parse(JSON.stringify({ $date: text })))).toEqual([
      new Date('2020-02-29T00:00:00Z'),
      new Date('2020-02-29T12:00:00Z'),
      new Date('2020-02-29T12:00:01.500Z'),
      new Date('2020-02-29T06:30:00Z'),
    ])
  })

  it.each([
    ['', 'it is not JSON'],
    ['{"a":1}x', 'it is not JSON'],
    ['{"$date":"2021-02-29"}', '"2021-02-29" is no $date'],
    ['{"$date":"yesterday"}', 'is no $date'],
    ['{"$date":5}', '5 is no $date'],
    ['{"$bigint":"1.5"}', 'is no $bigint'],
    ['{"$bytes":"a"}', 'is no $bytes'],
    ['{"$bytes":"AAAA*"}', 'is no $bytes'],
    ['{"$map":[["a"]]}', 'is no $map'],
    ['{"$set":{}}', 'is no $set'],
    ['{"$number":"0x10"}', 'is no $number'],
    ['{"$number":""}', 'is no $number'],
    ['[1e400]', 'beyond the largest'],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'nested too deeply'],
  ])('refuses %.30s', (text, why) => {
    expect(() => parse(text)).toThrow(TypedJsonError)
    expect(() => parse(text)).toThrow(why)
  })

  it('holds its promise for a text of any length', () => {
    const digits = '1'.repeat(1_000_000)
    expect(parse(`{"text":"${'\\u0000'.repeat(1_000_000)}","digits":"${digits}"}`)).toEqual({
      text: '\0'.repeat(1_000_000),
      digits,
    })
  })
})
