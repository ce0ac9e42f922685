import { describe, expect, it } from 'vitest'
import { VarveError, type FieldIssue } from '../../../src/errors.js'
import { DecodeFailure } from '../../../src/format/decode-failure.js'
import { MAX_FIELDS, MAX_NESTING, MAX_ROW_BYTES, MAX_STRUCTURES } from '../../../src/format/limits.js'
import { RowCodec, type Row } from '../../../src/format/value.js'
import { difference, objectOf } from '../../support/storable.js'

const plain = new RowCodec({ structures: false })
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const packed = (row: Row): string => hex(plain.encode(row))
/** What a value takes as the only field of a row, under an empty name. */
const bytesOf = (value: unknown): string => packed({ '': value }).slice('81a0'.length)
const compact = (text: string): string => text.replaceAll(' ', '')

function decode(codec: RowCodec, bytes: Uint8Array): Row {
  const row = codec.decode(bytes, 0, bytes.length)
  if (row instanceof DecodeFailure) throw new Error(`${row.reason} at ${row.offset}`)
  return row
}

function failure(row: unknown, codec = plain): VarveError {
  try {
    codec.encode(row as Row)
  } catch (error) {
    if (VarveError.is(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function issues(row: unknown): readonly FieldIssue[] {
  const error = failure(row)
  expect(error.code).toBe('VARVE_VALIDATION')
  return error.details.issues ?? []
}

/** An object in so many others. */
function nested(levels: number): Row {
  let row: Row = {}
  for (let i = 1; i < levels; i++) row = { a: row }
  return row
}

describe('the bytes of a row', () => {
  it.each<[string, unknown, string]>([
    ['null', null, 'c0'],
    ['false', false, 'c2'],
    ['true', true, 'c3'],
    ['0', 0, '00'],
    ['63', 63, '3f'],
    ['64, whose short form is a record', 64, 'cc 40'],
    ['127', 127, 'cc 7f'],
    ['256', 256, 'cd 0100'],
    ['65536', 65_536, 'ce 00010000'],
    ['2^32', 2 ** 32, 'cb 41f0000000000000'],
    ['-1', -1, 'ff'],
    ['-33', -33, 'd0 df'],
    ['-129', -129, 'd1 ff7f'],
    ['-32769', -32_769, 'd2 ffff7fff'],
    ['0.5', 0.5, 'cb 3fe0000000000000'],
    ['NaN', Number.NaN, 'cb 7ff8000000000000'],
    ['-0', -0, 'd4 20 00'],
    ['1n', 1n, 'd3 0000000000000001'],
    ['2^63', 2n ** 63n, 'cf 8000000000000000'],
    ['2^64', 2n ** 64n, 'c9 00000009 22 010000000000000000'],
    ['-(2^63) - 1', -(2n ** 63n) - 1n, 'c9 00000009 22 ff7fffffffffffffff'],
    ['2^72 - 1', 2n ** 72n - 1n, 'c9 0000000a 22 00ffffffffffffffffff'],
    ['text', 'é', 'a2 c3a9'],
    ['text that begins with U+FEFF', '\ufeffa', 'c9 00000004 23 efbbbf61'],
    ['text with U+FEFF inside', 'a\ufeff', 'a4 61efbbbf'],
    ['a Date', new Date(1), 'd7 21 0000000000000001'],
    ['a Date before 1970', new Date(-1), 'd7 21 ffffffffffffffff'],
    ['the last Date', new Date(8.64e15), 'd7 21 001eb208c2dc0000'],
    ['the first Date', new Date(-8.64e15), 'd7 21 ffe14df73d240000'],
    ['bytes', Uint8Array.of(1, 2), 'c4 02 0102'],
    ['a Buffer', Buffer.from([1, 2]), 'c4 02 0102'],
    ["an object with the packer's own name", { __keys__: 1 }, '81 a8 5f5f6b6579735f5f 01'],
    ['an array', [1, [2]], '92 01 91 02'],
    ['an object', { a: 1 }, '81 a161 01'],
    [
      'a Map',
      new Map<unknown, unknown>([
        [1, 'a'],
        [null, -0],
      ]),
      'd4 24 00 94 01 a161 c0 d42000',
    ],
    ['a Set', new Set<unknown>([1, {}]), 'd4 25 00 92 01 80'],
    [
      'an object with an odd name',
      objectOf([
        ['__proto__', 1],
        ['a', 2],
      ]),
      'd4 26 00 94 a95f5f70726f746f5f5f 01 a161 02',
    ],
    [
      'an object with an odd name to come',
      { hasOwnProperty: 1 },
      'd4 26 00 92 ae6861734f776e50726f7065727479 01',
    ],
    ['an object with a marked name', { '\ufeff': 1 }, 'd4 26 00 92 c900000003 23 efbbbf 01'],
  ])('for %s', (_, value, expected) => {
    expect(bytesOf(value)).toBe(compact(expected))
    expect(
      difference(
        Buffer.isBuffer(value) ? Uint8Array.from(value) : value,
        decode(plain, plain.encode({ '': value }))[''],
      ),
    ).toBeUndefined()
  })

  it('refer to a structure by its id', () => {
    const codec = new RowCodec()
    expect(hex(codec.encode({ a: 1, b: { c: 2 } }))).toBe('40014102')
    expect(hex(codec.encode({ c: 3 }))).toBe('4103')
    expect([codec.structure(0), codec.structure(1)]).toEqual([['a', 'b'], ['c']])
    expect(() => codec.structure(2)).toThrow(RangeError)
  })

  it('are a plain Uint8Array that holds until the next', () => {
    const bytes = plain.encode({ a: 1 })
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
    expect(decode(plain, bytes)).toEqual({ a: 1 })
  })

  it('leave out fields that are undefined, and stand for a copy', () => {
    const row = { a: undefined, b: 1, c: [{ d: undefined }], e: undefined }
    expect(packed(row)).toBe(packed({ b: 1, c: [{}] }))
    expect(Object.keys(row)).toEqual(['a', 'b', 'c', 'e'])
  })

  it('take an object without a prototype as any other', () => {
    const bare: Row = Object.assign(Object.create(null) as Row, { a: 1, constructor: 2 })
    expect(decode(plain, plain.encode(bare))).toEqual({ a: 1, constructor: 2 })
    const codec = new RowCodec()
    expect(hex(codec.encode(bare))).toBe('400102')
  })

  it('hold nothing that a program put on Object.prototype', () => {
    const row = { a: 1, nested: { b: new Date(1), gone: undefined }, odd: objectOf([['__proto__', 1]]) }
    const codec = new RowCodec()
    const prototype: Record<string, unknown> = Object.prototype as unknown as Record<string, unknown>
    prototype['inherited'] = () => 1
    try {
      const bytes = codec.encode({ ...row, own: { inherited: 'own' } }).slice()
      expect(codec.structure(0)).toEqual(['a', 'nested', 'odd', 'own'])
      const back = decode(codec, bytes)
      delete prototype['inherited']
      expect(
        difference({ a: 1, nested: { b: new Date(1) }, odd: row.odd, own: { inherited: 'own' } }, back),
      ).toBeUndefined()
    } finally {
      delete prototype['inherited']
    }
  })

  it('are those of the bytes, whatever class these claim to be of', () => {
    const posing = Object.assign(Uint8Array.of(7), { constructor: Object })
    expect(bytesOf(posing)).toBe('c40107')
  })

  it('come from toJSON for nothing', () => {
    const row = objectOf([
      ['toJSON', 'text'],
      ['nested', { toJSON: 1 }],
    ])
    expect(decode(plain, plain.encode(row))).toEqual(row)
  })
})

describe('what cannot be stored', () => {
  const STORABLE =
    'null, a boolean, number, bigint, string, Date, Uint8Array, array, plain object, Map or Set'
  class Point {
    x = 1
  }

  it.each<[string, unknown, string, string]>([
    ['a function', () => 1, STORABLE, 'a function'],
    ['a symbol', Symbol('s'), STORABLE, 'a symbol'],
    ['a class instance', new Point(), STORABLE, 'an instance of Point'],
    ['a boxed number', Object(1), STORABLE, 'an instance of Number'],
    ['a regular expression', /x/u, STORABLE, 'an instance of RegExp'],
    ['an error', new Error('x'), STORABLE, 'an instance of Error'],
    ['a promise', Promise.resolve(), STORABLE, 'an instance of Promise'],
    ['a WeakMap', new WeakMap(), STORABLE, 'an instance of WeakMap'],
    ['an ArrayBuffer', new ArrayBuffer(1), STORABLE, 'an instance of ArrayBuffer'],
    ['a DataView', new DataView(new ArrayBuffer(1)), STORABLE, 'an instance of DataView'],
    ['another typed array', new Float64Array(1), STORABLE, 'an instance of Float64Array'],
    ['clamped bytes', new Uint8ClampedArray(1), STORABLE, 'an instance of Uint8ClampedArray'],
    ['a Map of a subclass', new (class Sub extends Map {})(), STORABLE, 'an instance of Sub'],
    ['an array of a subclass', new (class Sub extends Array {})(), STORABLE, 'an array'],
    ['what only inherits from Map', Object.create(Map.prototype), STORABLE, 'an instance of Map'],
    ['what only inherits from Date', Object.create(Date.prototype), 'a valid Date', 'an invalid Date'],
    [
      'what only inherits from Uint8Array',
      Object.create(Uint8Array.prototype),
      STORABLE,
      'an instance of Uint8Array',
    ],
    ['an array that poses as an object', Object.assign([1], { constructor: Object }), STORABLE, 'an array'],
    ['an invalid Date', new Date(Number.NaN), 'a valid Date', 'an invalid Date'],
    ['a lone surrogate', 'a\ud800b', 'a well-formed string', 'a string with a lone surrogate'],
    [
      'a long text with one',
      `${'x'.repeat(100)}\udc00`,
      'a well-formed string',
      'a string with a lone surrogate',
    ],
  ])('%s', (_, value, expected, found) => {
    expect(issues({ a: { b: value } })).toEqual([{ path: 'a.b', expected, found }])
  })

  it.each([undefined, null, 1, 'text', [1], new Map(), new Point(), new Date(), () => 1])(
    '%s as a row',
    (row) => {
      expect(issues(row)).toMatchObject([{ path: '', expected: 'a plain object' }])
    },
  )

  it('is listed whole, each with its path', () => {
    const bad = (): number => 1
    const sparse: unknown[] = [1]
    sparse[2] = 3
    const row = {
      author: { born: bad, 'first name': bad },
      tags: [0, bad, [bad]],
      sparse,
      list: [undefined],
      map: new Map<unknown, unknown>([
        ['a', bad],
        [bad, 1],
        [7, { x: bad }],
        [undefined, undefined],
      ]),
      set: new Set<unknown>(['ok', bad]),
      [Symbol('id')]: 1,
      'bad\ud800': 1,
      '': bad,
    }
    expect(issues(row).map(({ path }) => path)).toEqual([
      '[Symbol(id)]',
      '["bad\\ud800"]',
      'author.born',
      'author["first name"]',
      'tags[1]',
      'tags[2][0]',
      'sparse[1]',
      'list[0]',
      'map.get("a")',
      'map.keys()[1]',
      'map.get(7).x',
      'map.keys()[3]',
      'map.get(undefined)',
      'set.values()[1]',
      '[""]',
    ])
    expect(failure(row).message).toContain('author.born should be')
    expect(failure(row).message).toContain('and 10 more')
  })

  it('is listed for odd objects as for others', () => {
    expect(
      issues(
        objectOf([
          ['__proto__', { x: () => 1 }],
          ['b', '\ud800'],
        ]),
      ).map(({ path }) => path),
    ).toEqual(['__proto__.x', 'b'])
  })

  it('is listed up to a thousand', () => {
    expect(issues({ a: Array.from({ length: 100_000 }, () => undefined) })).toHaveLength(1000)
  })

  it.each<[string, (row: Record<string, unknown>) => unknown, string]>([
    ['itself', (row) => (row['self'] = row), 'self'],
    ['itself in an array', (row) => (row['list'] = [1, [row]]), 'list[1][0]'],
    ['itself in a Map', (row) => (row['map'] = new Map([['k', row]])), 'map.get("k")'],
    ['itself in a Set', (row) => (row['set'] = new Set([row])), 'set.values()[0]'],
  ])('a row that contains %s', (_, close, path) => {
    const row = { a: 1 }
    close(row)
    expect(issues(row)).toEqual([
      { path, expected: 'a value that does not contain itself', found: 'a plain object' },
    ])
  })

  it('is not: the same object twice', () => {
    const shared = { x: [1] }
    expect(decode(plain, plain.encode({ a: shared, b: [shared, shared] }))).toEqual({
      a: shared,
      b: [shared, shared],
    })
  })

  it('leaves no trace in the next row', () => {
    const codec = new RowCodec()
    expect(() => codec.encode({ a: 1, b: () => 1 })).toThrow(VarveError)
    expect(codec.structureCount).toBe(0)
    expect(decode(codec, codec.encode({ a: 1 }))).toEqual({ a: 1 })
  })
})

describe('limits of rows', () => {
  const limitOf = (row: Row): unknown => {
    const error = failure(row)
    expect(error.code).toBe('VARVE_LIMIT')
    return error.details.limit
  }

  it('of nesting', () => {
    expect(decode(plain, plain.encode(nested(MAX_NESTING)))).toEqual(nested(MAX_NESTING))
    expect(limitOf(nested(MAX_NESTING + 1))).toBe('MAX_NESTING')
    expect(limitOf(nested(100_000))).toBe('MAX_NESTING')
    const wrap: ((value: unknown) => unknown)[] = [
      (v) => [v],
      (v) => new Map([[v, 1]]),
      (v) => new Set([v]),
      (v) => ({ v }),
    ]
    const mixed = (levels: number): Row => {
      let value: unknown = 0
      for (let i = 1; i < levels; i++) value = wrap[i % wrap.length]?.(value)
      return { value }
    }
    expect(difference(mixed(MAX_NESTING), decode(plain, plain.encode(mixed(MAX_NESTING))))).toBeUndefined()
    expect(limitOf(mixed(MAX_NESTING + 1))).toBe('MAX_NESTING')
  })

  it('of fields', () => {
    const wide = (fields: number): Row => objectOf(Array.from({ length: fields }, (_, i) => [`f${i}`, 1]))
    expect(Object.keys(decode(plain, plain.encode(wide(MAX_FIELDS))))).toHaveLength(MAX_FIELDS)
    expect(limitOf(wide(MAX_FIELDS + 1))).toBe('MAX_FIELDS')
    expect(failure({ a: [wide(MAX_FIELDS + 1)] }).details.field).toBe('a[0]')
  })

  it('of bytes', () => {
    const overhead = plain.encode({ a: 'x'.repeat(70_000) }).length - 70_000
    const largest = { a: 'x'.repeat(MAX_ROW_BYTES - overhead) }
    expect(plain.encode(largest).length).toBe(MAX_ROW_BYTES)
    expect(decode(plain, plain.encode(largest))).toEqual(largest)
    expect(limitOf({ a: `${largest.a}x` })).toBe('MAX_ROW_BYTES')
    expect(limitOf({ a: 'é'.repeat(MAX_ROW_BYTES / 2) })).toBe('MAX_ROW_BYTES')
    expect(limitOf({ a: new Uint8Array(MAX_ROW_BYTES) })).toBe('MAX_ROW_BYTES')
    expect(limitOf({ a: Object.assign([], { length: 2 ** 32 - 1 }) })).toBe('MAX_ROW_BYTES')
    expect(limitOf({ a: 1n << BigInt(MAX_ROW_BYTES * 8) })).toBe('MAX_ROW_BYTES')
  })

  it('of bytes, met early by a row that unfolds to more than memory', () => {
    let doubled: unknown = ['x'.repeat(1000)]
    for (let i = 0; i < 60; i++) doubled = [doubled, doubled]
    expect(limitOf({ doubled })).toBe('MAX_ROW_BYTES')
    let reads = 0
    const wide = {
      ['n'.repeat(100_000)]: 1,
      get read(): number {
        return ++reads
      },
    }
    expect(limitOf({ a: Array.from({ length: 10_000 }, () => wide) })).toBe('MAX_ROW_BYTES')
    // Each was looked at once; few were packed.
    expect(reads).toBeLessThan(11_000)
  })

  it('leave no large buffer behind', () => {
    plain.encode({ a: 'x'.repeat(MAX_ROW_BYTES / 2) })
    expect(plain.encode({ a: 1 }).buffer.byteLength).toBeLessThan(1_000_000)
    limitOf({ a: 'é'.repeat(MAX_ROW_BYTES / 2) })
    expect(plain.encode({ a: 1 }).buffer.byteLength).toBeLessThan(1_000_000)
  })
})

describe('structures', () => {
  it('are at most 32, then rows are plain maps', () => {
    const codec = new RowCodec()
    for (let i = 0; i < 100; i++) codec.encode({ [`f${i}`]: i })
    expect(codec.structureCount).toBe(MAX_STRUCTURES)
    expect(hex(codec.encode({ f31: 1 }))).toBe('5f01')
    expect(hex(codec.encode({ f99: 1 }))).toBe('81a366393901')
    expect(codec.structure(31)).toEqual(['f31'])
  })

  it('are not spent on shapes that no other row will have', () => {
    const codec = new RowCodec()
    const wide = objectOf(Array.from({ length: 129 }, (_, i) => [`f${i}`, 1]))
    codec.encode({ a: 1, empty: {}, wide, long: { ['x'.repeat(3000)]: 1 }, odd: { __keys__: 1 } })
    expect(codec.structureCount).toBe(1)
    expect(codec.structure(0)).toEqual(['a', 'empty', 'wide', 'long', 'odd'])
  })

  it("stay whole next to rows with the packer's own field name", () => {
    const codec = new RowCodec()
    const rows: Row[] = [
      { a: 1 },
      { a: 1, __keys__: 2, length: 3, x: 4 },
      { __keys__: 1 },
      { b: 1, __keys__: 2 },
      { b: 1 },
    ]
    for (const row of [...rows, ...rows]) expect(decode(codec, codec.encode(row))).toEqual(row)
    expect([codec.structure(0), codec.structure(1), codec.structureCount]).toEqual([['a'], ['b'], 2])
  })

  it('keep the order of the fields', () => {
    const codec = new RowCodec()
    codec.encode({ b: 1, a: 2 })
    expect(Object.keys(decode(codec, codec.encode({ a: 1, b: 2 })))).toEqual(['a', 'b'])
    expect(Object.keys(decode(codec, codec.encode({ b: 1, a: 2 })))).toEqual(['b', 'a'])
    expect(codec.structureCount).toBe(2)
  })

  it('that are given are the same as those made', () => {
    const made = new RowCodec()
    const given = new RowCodec()
    const rows = Array.from({ length: 40 }, (_, i): Row => ({ [`f${i % 35}`]: i, x: 1 }))
    for (const row of rows) made.encode(row)
    for (let id = 0; id < made.structureCount; id++)
      expect(given.define(id, made.structure(id))).toBeUndefined()
    for (const row of rows) expect(hex(given.encode(row))).toBe(hex(made.encode(row)))
    expect(given.structureCount).toBe(made.structureCount)
  })

  it('given are copied', () => {
    const codec = new RowCodec()
    const names = ['a']
    codec.define(0, names)
    names.push('b')
    expect(codec.structure(0)).toEqual(['a'])
  })

  it.each<[string, number, unknown]>([
    ['out of order', 1, ['a']],
    ['no list', 0, 'a'],
    ['no fields', 0, []],
    ['too many fields', 0, Array.from({ length: 129 }, (_, i) => `f${i}`)],
    ['names that are no strings', 0, ['a', 1]],
    ['a name twice', 0, ['a', 'b', 'a']],
    ['an odd name', 0, ['a', '__proto__']],
    ["the packer's own name", 0, ['a', '__keys__']],
    ['an ill-formed name', 0, ['\ud800']],
    ['names that are too long', 0, ['x'.repeat(3000)]],
  ])('are refused with %s', (_, id, names) => {
    const codec = new RowCodec()
    expect(codec.define(id, names as string[])).toBeInstanceOf(DecodeFailure)
    expect(codec.structureCount).toBe(0)
  })

  it('are refused beyond the last', () => {
    const codec = new RowCodec()
    for (let id = 0; id < MAX_STRUCTURES; id++) expect(codec.define(id, [`f${id}`])).toBeUndefined()
    expect(codec.define(MAX_STRUCTURES, ['x'])).toBeInstanceOf(DecodeFailure)
  })
})

describe('a row read back', () => {
  it('holds plain bytes of its own, also from a Buffer', () => {
    const source = Buffer.from(plain.encode({ a: Uint8Array.of(1, 2) }))
    const { a } = decode(plain, source)
    expect(Object.getPrototypeOf(a)).toBe(Uint8Array.prototype)
    source.fill(0xff)
    expect(a).toEqual(Uint8Array.of(1, 2))
  })

  it('has __proto__ as a field of its own', () => {
    const row = decode(plain, plain.encode(objectOf([['__proto__', { polluted: 1 }]])))
    expect(Object.getOwnPropertyNames(row)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype)
    expect(row['polluted']).toBeUndefined()
  })
})
