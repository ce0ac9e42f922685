/** What filters match, operator by operator, and which are refused. */
import { describe, expect, it } from 'vitest'
import { QueryError } from '../../../src/errors.js'
import { parseFilter } from '../../../src/query/filter.js'
import { compileFilter } from '../../../src/query/match.js'

const matches = (filter: unknown, row: object): boolean => compileFilter(parseFilter(filter))(row)

/** A filter, rows that match, rows that do not. */
const CASES: readonly (readonly [filter: object, yes: object[], no: object[]])[] = [
  [{}, [{}, { a: 1 }], []],
  [{ a: 1 }, [{ a: 1 }, { a: 1n }, { a: [0, 1] }], [{ a: '1' }, {}, { a: [[1]] }]],
  [{ a: -0 }, [{ a: 0 }], [{ a: null }]],
  [{ a: NaN }, [{ a: NaN }], [{ a: 0 }]],
  [{ a: null }, [{ a: null }, {}, { a: [null] }], [{ a: 0 }, { a: [] }, { a: false }]],
  [
    { 'a.b': null },
    [{ a: {} }, { a: 5 }, {}, { a: [{ b: 1 }, {}] }],
    [{ a: [] }, { a: [1] }, { a: [{ b: 1 }] }],
  ],
  [{ 'a.b': 2 }, [{ a: { b: 2 } }, { a: [{ b: 1 }, { b: [3, 2] }] }], [{ a: [[{ b: 2 }]] }, { 'a.b': 2 }]],
  [{ 'a.1': 2 }, [{ a: [1, 2] }, { a: { 1: 2 } }, { a: [{ 1: 2 }] }], [{ a: [2, 1] }, { a: [2] }]],
  [{ a: [1, 2] }, [{ a: [1, 2] }, { a: [[1, 2], 3] }], [{ a: [2, 1] }, { a: [1, 2, 3] }]],
  [{ a: { x: 1, y: 2 } }, [{ a: { y: 2, x: 1 } }], [{ a: { x: 1 } }, { a: { x: 1, y: 2, z: 3 } }]],
  [{ a: { $ne: 1 } }, [{}, { a: 2 }, { a: [] }], [{ a: 1 }, { a: [2, 1] }]],
  [
    { a: { $gt: 1 } },
    [{ a: 2 }, { a: [0, 2] }, { a: 2n }],
    [{ a: 1 }, { a: '2' }, {}, { a: NaN }, { a: new Date(5) }],
  ],
  [{ a: { $gte: 'b', $lt: 'c' } }, [{ a: 'b' }, { a: 'bz' }, { a: ['a', 'z'] }], [{ a: 'c' }, { a: 98 }]],
  [{ a: { $lt: 5 } }, [{ a: -Infinity }], [{ a: NaN }, { a: null }, { a: 5 }]],
  [{ a: { $lte: NaN } }, [{ a: NaN }], [{ a: 1 }]],
  [{ a: { $lt: NaN } }, [], [{ a: NaN }, { a: 1 }]],
  [{ a: { $gte: null } }, [{ a: null }, {}], [{ a: 1 }]],
  [{ a: { $gt: null } }, [], [{ a: 1 }, {}]],
  [{ a: { $gt: false } }, [{ a: true }], [{ a: 1 }, { a: false }]],
  [{ a: { $lte: new Date(5) } }, [{ a: new Date(5) }], [{ a: 5 }, { a: new Date(6) }]],
  [{ a: { $gt: Uint8Array.of(1) } }, [{ a: Uint8Array.of(1, 0) }], [{ a: Uint8Array.of(0, 9) }]],
  [{ a: { $in: [1, 'x', null] } }, [{ a: 1n }, { a: 'x' }, {}, { a: [7, 1] }], [{ a: 2 }, { a: [] }]],
  [
    { a: { $in: [/^x/u, new Date(1), [2]] } },
    [{ a: 'xy' }, { a: new Date(1) }, { a: [2] }],
    [{ a: 'y' }, { a: 2 }],
  ],
  [{ a: { $in: [] } }, [], [{}, { a: 1 }]],
  [{ a: { $nin: [1, null] } }, [{ a: 2 }, { a: [] }], [{ a: 1 }, {}, { a: [1] }]],
  [{ a: { $exists: true } }, [{ a: null }, { a: [] }], [{}, { b: 1 }]],
  [{ 'a.b': { $exists: false } }, [{}, { a: [] }, { a: { c: 1 } }], [{ a: [{}, { b: 1 }] }]],
  [{ a: { $not: { $gt: 1 } } }, [{ a: 1 }, {}, { a: 'x' }], [{ a: 2 }, { a: [0, 2] }]],
  [{ a: { $not: /x/u } }, [{ a: 'y' }, {}], [{ a: 'x' }]],
  [{ a: { $all: [1, 2] } }, [{ a: [2, 3, 1] }], [{ a: [1] }, { a: 1 }]],
  [{ a: { $all: [] } }, [], [{ a: [] }, {}]],
  [{ a: { $all: [{ $elemMatch: { $gt: 1, $lt: 3 } }, 5] } }, [{ a: [2, 5] }], [{ a: [0, 5] }]],
  [{ a: { $elemMatch: { $gt: 1, $lt: 3 } } }, [{ a: [0, 2] }], [{ a: [0, 5] }, { a: 2 }, { a: [[2]] }]],
  [
    { a: { $elemMatch: { b: 1, c: 2 } } },
    [{ a: [{ b: 1, c: 2 }] }],
    [{ a: [{ b: 1 }, { c: 2 }] }, { a: { b: 1, c: 2 } }],
  ],
  [{ a: { $elemMatch: { $or: [{ b: 1 }, { b: 2 }] } } }, [{ a: [{ b: 2 }] }], [{ a: [{ b: 3 }] }]],
  [{ a: { $elemMatch: { $ne: 1 } } }, [{ a: [1, 2] }], [{ a: [1] }, { a: [] }]],
  [{ a: { $size: 2 } }, [{ a: [1, [2]] }], [{ a: [1] }, { a: 'ab' }, { a: [[1, 2]] }]],
  [{ a: { $type: 'string' } }, [{ a: 'x' }, { a: ['x', 1] }], [{ a: 1 }, {}]],
  [{ a: { $type: ['array', 'null'] } }, [{ a: [] }, { a: null }], [{}, { a: 1 }]],
  [{ a: { $type: 'int' } }, [{ a: 3 }], [{ a: 3.5 }, { a: 3n }]],
  [{ a: { $type: 'number' } }, [{ a: 3.5 }, { a: 3n }], [{ a: '3' }]],
  [{ a: { $regex: '^b.r$', $options: 'i' } }, [{ a: 'BAR' }, { a: ['x', 'bir'] }], [{ a: 'xbar' }, { a: 5 }]],
  [{ a: /o{2}/u }, [{ a: 'foo' }], [{ a: 'fo' }, {}]],
  [{ a: { $startsWith: 'ab' } }, [{ a: 'abc' }, { a: ['x', 'ab'] }], [{ a: 'a' }, {}, { a: 'Ab' }]],
  [{ $and: [{ a: 1 }, { b: 2 }], c: 3 }, [{ a: 1, b: 2, c: 3 }], [{ a: 1, b: 2 }]],
  [{ $or: [{ a: 1 }, { b: 2 }] }, [{ a: 1 }, { b: 2 }], [{}, { a: 2 }]],
  [{ $nor: [{ a: 1 }, { b: 2 }] }, [{}, { a: 2 }], [{ a: 1 }, { b: 2 }]],
  [{ a: new Map([['k', 1]]) }, [{ a: new Map([['k', 1]]) }], [{ a: new Map() }, { a: { k: 1 } }]],
  [{ ['__proto__']: 1 }, [JSON.parse('{"__proto__":1}') as object], [{}]],
  [{ constructor: { $exists: true } }, [{ constructor: 1 }], [{}]],
]

describe('filters', () => {
  it.each(CASES)('%o', (filter, yes, no) => {
    for (const row of yes) expect({ row, found: matches(filter, row) }).toEqual({ row, found: true })
    for (const row of no) expect({ row, found: matches(filter, row) }).toEqual({ row, found: false })
  })

  it('keep copies of what they compare with', () => {
    const wanted = [1]
    const filter = compileFilter(parseFilter({ a: wanted, b: { $in: wanted } }))
    wanted[0] = 2
    expect(filter({ a: [1], b: 1 })).toBe(true)
  })

  it('take no time that grows with the ways to match', () => {
    expect(matches({ a: { $regex: '^(a+)+$' } }, { a: `${'a'.repeat(10_000)}!` })).toBe(false)
  })
})

/** A filter and what its refusal says: field and operator. */
const REFUSED: readonly (readonly [
  filter: unknown,
  field: string | undefined,
  operator: string | undefined,
])[] = [
  [5, undefined, undefined],
  [{ $where: 'x' }, undefined, '$where'],
  [{ a: { $near: 1 } }, 'a', '$near'],
  [{ a: { $gt: 1, b: 2 } }, 'a', '$gt'],
  [{ $or: [] }, undefined, '$or'],
  [{ $or: [{ a: { $huh: 1 } }] }, 'a', '$huh'],
  [{ a: undefined }, 'a', undefined],
  [{ a: { $eq: undefined } }, 'a', '$eq'],
  [{ a: () => 1 }, 'a', undefined],
  [{ a: { $gt: {} } }, 'a', '$gt'],
  [{ a: { $lt: [1] } }, 'a', '$lt'],
  [{ a: { $gt: new Date(NaN) } }, 'a', '$gt'],
  [{ a: { $in: 1 } }, 'a', '$in'],
  [{ a: { $in: [{ $gt: 1 }] } }, 'a', '$in'],
  [{ a: { $nin: 'x' } }, 'a', '$nin'],
  [{ a: { $exists: 1 } }, 'a', '$exists'],
  [{ a: { $not: 1 } }, 'a', '$not'],
  [{ a: { $all: 1 } }, 'a', '$all'],
  [{ a: { $elemMatch: 1 } }, 'a', '$elemMatch'],
  [{ a: { $elemMatch: { b: { $oops: 1 } } } }, 'a.b', '$oops'],
  [{ a: { $size: -1 } }, 'a', '$size'],
  [{ a: { $type: 'toString' } }, 'a', '$type'],
  [{ a: { $regex: '(' } }, 'a', '$regex'],
  [{ a: { $regex: '(?=a)' } }, 'a', '$regex'],
  [{ a: { $regex: 'a', $options: 'x' } }, 'a', '$regex'],
  [{ a: { $options: 'i' } }, 'a', '$options'],
  [{ a: { $startsWith: 1 } }, 'a', '$startsWith'],
  [{ 'a..b': 1 }, 'a..b', undefined],
]

describe('a filter that is not understood', () => {
  it.each(REFUSED)('%o is refused', (filter, field, operator) => {
    let error: unknown
    try {
      parseFilter(filter)
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(QueryError)
    expect(error).toMatchObject({ code: 'VARVE_QUERY' })
    const { details } = error as QueryError
    expect({ field: details.field, operator: details.operator }).toEqual({ field, operator })
    if (operator !== undefined) expect((error as QueryError).message).toContain(operator)
  })

  it('is one that is nested without end', () => {
    let filter: object = { a: 1 }
    for (let i = 0; i < 100_000; i++) filter = { $and: [filter] }
    expect(() => parseFilter(filter)).toThrow(/nested/u)
    let condition: object = { $eq: 1 }
    for (let i = 0; i < 100_000; i++) condition = { $not: condition }
    expect(() => parseFilter({ a: condition })).toThrow(/nested/u)
  })
})
