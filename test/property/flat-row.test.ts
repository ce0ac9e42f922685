/**
 * Rows that are written in one walk against the same rows written the general way.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { flatBytes, FlatKind, NOT_FLAT, writeFlat } from '../../src/format/flat-row.js'
import { RowCodec } from '../../src/format/value.js'
import { count, seed } from '../support/counts.js'
import { storableRow } from '../support/storable.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const ANY = { kind: FlatKind.any, nullable: true, rules: [] }

const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 90 }),
  fc.double(),
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }),
  fc.boolean(),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(null, undefined, -0),
)
const rows = fc.oneof(
  { weight: 4, arbitrary: fc.dictionary(fc.constantFrom('a', 'b', '1'), scalar, { noNullPrototype: true }) },
  { weight: 1, arbitrary: storableRow },
)

describe('flat rows', () => {
  it('have the same bytes whichever way they are written', () => {
    const codec = new RowCodec()
    let flat = 0
    fc.assert(
      fc.property(rows, (row) => {
        const encoded = codec.encode(row).slice()
        const id = (encoded[0] ?? 0) - 0x40
        if (id < 0 || id >= codec.structureCount) return
        const names = codec.structure(id)
        const end = writeFlat(row, { id, names, fields: names.map(() => ANY) })
        if (end < 0) return
        flat++
        expect(hex(flatBytes.subarray(0, end))).toBe(hex(encoded))
      }),
      { seed, numRuns: count(2000, 500_000) },
    )
    expect(flat).toBeGreaterThan(20)
  })

  it('have them at every border of a number, a text and the memory', () => {
    const codec = new RowCodec()
    const numbers = [31, 32, 127, 128, 32_767, 32_768, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53]
    const values: unknown[] = [
      0,
      -0,
      0.5,
      Number.NaN,
      Infinity,
      true,
      false,
      null,
      new Date(-1),
      new Date(8.64e15),
    ]
    for (const n of [63, 64, 255, 256, 65_535, 65_536, ...numbers])
      values.push(n, -n, -n - 1, BigInt(n), -BigInt(n))
    for (const n of [63n, 64n]) values.push(2n ** n - 1n, -(2n ** 63n), 2n ** 63n)
    for (const length of [0, 1, 31, 32, 63, 64, 255, 256, 257, 1000, 20_000]) {
      for (const unit of ['x', 'é', '\u{1f600}', '\0'])
        values.push(unit.repeat(length), `x${unit.repeat(length)}`)
    }
    let flat = 0
    for (const value of values) {
      if (typeof value === 'bigint' && value >= 2n ** 64n) continue
      const encoded = codec.encode({ before: 1, value, after: 2 }).slice()
      const shape = { id: 0, names: ['before', 'value', 'after'], fields: [ANY, ANY, ANY] }
      const end = writeFlat({ before: 1, value, after: 2 }, shape)
      if (end < 0) continue
      flat++
      expect(hex(flatBytes.subarray(0, end)), String(value).slice(0, 50)).toBe(hex(encoded))
    }
    expect(flat).toBeGreaterThan(values.length - 12)
  })

  it('go the general way where they are not flat, or not what they must be', () => {
    const shape = { id: 0, names: ['a', 'b'], fields: [ANY, ANY] }
    const inherited: object = Object.create({ b: 2 })
    const odd: object[] = [
      { a: 1 },
      { b: 1, a: 2 },
      { a: 1, b: 2, c: 3 },
      { a: 1, b: undefined },
      { a: 1, b: [] },
      { a: 1, b: {} },
      { a: 1, b: new Date(Number.NaN) },
      { a: 1, b: '\ud800' },
      { a: 1, b: '\ufeff' },
      { a: 1, b: 'é\udfff' },
      { a: 1, b: 2n ** 64n },
      { a: 1, b: -(2n ** 63n) - 1n },
      { a: 1, b: () => 1 },
      { a: 1, b: Symbol('b') },
      { a: 1, b: 'x'.repeat(70_000) },
      { a: 'x'.repeat(65_530), b: 1 },
      { a: 1, b: 2, [Symbol('c')]: 3 },
      Object.assign(inherited, { a: 1 }),
      [1, 2],
    ]
    for (const row of odd) expect(writeFlat(row, shape), Object.keys(row).join()).toBeLessThan(0)
    expect(writeFlat({ a: 1, b: 2 }, shape)).toBe(3)
  })

  it('are written in peace although a getter writes others', () => {
    const shape = { id: 0, names: ['a', 'b'], fields: [ANY, ANY] }
    const inner: number[] = []
    const row = {
      a: 1,
      get b() {
        inner.push(writeFlat({ a: 3, b: 4 }, shape))
        return 2
      },
    }
    expect(flatBytes.slice(0, writeFlat(row, shape))).toEqual(Uint8Array.of(0x40, 1, 2))
    expect(inner).toEqual([NOT_FLAT])
    const thrown = (): number =>
      writeFlat(
        {
          a: 1,
          get b(): never {
            throw new RangeError('no b')
          },
        },
        shape,
      )
    expect(thrown).toThrow(RangeError)
    expect(writeFlat({ a: 3, b: 4 }, shape)).toBe(3)
  })
})
