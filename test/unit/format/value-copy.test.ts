import { describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.js'
import { copyStorable } from '../../../src/format/value.js'
import { difference, objectOf } from '../../support/storable.js'

describe('a copy of a row or patch', () => {
  const row = {
    list: [1, { a: -0 }],
    map: new Map<unknown, unknown>([[{ key: 1 }, new Set([1n])]]),
    date: new Date(5),
    bytes: Uint8Array.of(1, 2),
    odd: objectOf([['__proto__', { x: 1 }]]),
    gone: undefined,
    deep: { gone: undefined },
  }

  it('equals it, fields that are undefined included', () => {
    expect(difference(row, copyStorable(row))).toBeUndefined()
  })

  it('shares nothing with it', () => {
    const before = copyStorable(row)
    const copy = copyStorable(before)
    const source = before as typeof row
    source.list[1] = 2
    source.map.clear()
    source.date.setTime(0)
    source.bytes.fill(0)
    source.odd['y'] = 1
    expect(difference(row, copy)).toBeUndefined()
  })

  it('has plain bytes of its own for a Buffer', () => {
    const bytes = Buffer.from([1, 2])
    const copy = copyStorable({ bytes })
    bytes.fill(0)
    expect(difference({ bytes: Uint8Array.of(1, 2) }, copy)).toBeUndefined()
  })

  it('is refused where storing would be', () => {
    expect(() => copyStorable({ a: [() => 1] })).toThrow(VarveError)
    expect(() => copyStorable(5 as unknown as Record<string, unknown>)).toThrow(VarveError)
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    expect(() => copyStorable(cycle)).toThrow(VarveError)
  })
})
