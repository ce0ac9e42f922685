/** The conditions of partial indexes: what they hold for, and what they are not taken as. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError } from '../../../src/errors.js'
import { checkIndexWhere, compileIndexWhere, readIndexWhere } from '../../../src/catalog/index-where.js'

const holds = (where: unknown, row: unknown): boolean =>
  compileIndexWhere(checkIndexWhere('The index', where) ?? {})(row)

describe('the conditions of a partial index', () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1 }, { a: 1n }, true],
    [{ a: 1 }, { a: [0, 1] }, true],
    [{ a: 1 }, { a: '1' }, false],
    [{ a: null }, {}, true],
    [{ a: null }, { a: null }, true],
    [{ a: null }, { a: 0 }, false],
    [{ a: { $gt: 1 } }, { a: 2 }, true],
    [{ a: { $gt: 1 } }, { a: 'text' }, false],
    [{ a: { $gte: 1, $lt: 3 } }, { a: 3 }, false],
    [{ a: { $lte: 'b' } }, { a: 'b' }, true],
    [{ a: { $lte: 'b' } }, { a: `b${'x'.repeat(10_000)}` }, false],
    [{ a: { $gt: 'b' } }, { a: `b${'\u{1f600}'.repeat(10_000)}` }, true],
    [{ a: { $gt: 1 } }, { a: 'x'.repeat(10_000) }, false],
    [{ a: { $lt: new Uint8Array([5]) } }, { a: new Uint8Array(10_000) }, true],
    [{ a: { $in: [1, 'x'] } }, { a: 'x' }, true],
    [{ a: { $in: [] } }, { a: 'x' }, false],
    [{ a: { $exists: true } }, { a: null }, true],
    [{ a: { $exists: false } }, {}, true],
    [{ a: { $exists: true } }, { a: [] }, true],
    [{ 'a.b': { $exists: true } }, { a: [] }, false],
    [{ 'a.b': { $exists: true } }, { a: [{}, { b: [] }] }, true],
    [{ 'a.b': { $exists: false } }, { a: [{}, { b: null }] }, false],
    [{ 'a.b': 2, c: true }, { a: [{ b: 1 }, { b: 2 }], c: true }, true],
    [{ 'a.b': 2, c: true }, { a: { b: 2 }, c: false }, false],
  ])('case %#', (where, row, expected) => {
    expect(holds(where, row)).toBe(expected)
  })

  it.each([
    [{}],
    [null],
    [{ a: { $regex: 'x' } }],
    [{ a: { $in: 1 } }],
    [{ a: { $exists: 1 } }],
    [{ 'a..b': 1 }],
  ])('are not taken: case %#', (where) => {
    expect(() => checkIndexWhere('The index', where)).toThrow(ArgumentError)
    expect(readIndexWhere(where)).toBeUndefined()
  })

  it('are not taken with a value that is too long for a key', () => {
    expect(() => checkIndexWhere('The index', { a: 'x'.repeat(5000) })).toThrow('longer than 4096 bytes')
  })

  it('order strings as keys do, however long they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const order = Buffer.compare(Buffer.from(a), Buffer.from(b))
        expect(holds({ a: { $gt: b } }, { a })).toBe(order > 0)
        expect(holds({ a: b }, { a })).toBe(order === 0)
      }),
    )
  })
})
