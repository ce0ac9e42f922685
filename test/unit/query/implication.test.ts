/** A filter that is said to imply a partial index's condition matches no row that the index lacks. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkIndexWhere, compileIndexWhere } from '../../../src/catalog/index-where.js'
import { type FieldNode, parseFilter } from '../../../src/query/filter.js'
import { givenBy } from '../../../src/query/implication.js'
import { compileFilter } from '../../../src/query/match.js'
import { count, seed } from '../../support/counts.js'

type Doc = Readonly<Record<string, unknown>>

const scalar = fc.constantFrom<unknown>(null, NaN, -1, 0, 1, 2, 1n, 'a', 'b', false, true, new Date(1))
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.constantFrom<unknown>({}, [[1]], [{ b: 1 }, { b: 'a' }], { b: 2 }, [{}]),
)
const rows = fc.array(fc.record({ a: value, c: value }, { requiredKeys: [] }), {
  minLength: 1,
  maxLength: 12,
})
const path = fc.constantFrom('a', 'a', 'c', 'a.b')
const operators = fc
  .array(fc.tuple(fc.constantFrom('$eq', '$gt', '$gte', '$lt', '$lte'), scalar), {
    minLength: 1,
    maxLength: 2,
  })
  .map((list): Doc => Object.fromEntries(list))
const several = fc.array(scalar, { maxLength: 3 }).map((values): Doc => ({ $in: values }))
const where = fc
  .array(
    fc.tuple(
      path,
      fc.oneof(
        scalar,
        operators,
        several,
        fc.boolean().map((is): Doc => ({ $exists: is })),
      ),
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((list): Doc => Object.fromEntries(list))
const filter = fc
  .array(
    fc.tuple(
      path,
      fc.oneof(
        scalar,
        operators,
        several,
        fc.boolean().map((is): Doc => ({ $exists: is })),
        operators.map((inner): Doc => ({ $elemMatch: inner })),
        operators.map((inner): Doc => ({ $not: inner })),
        fc.constant<Doc>({ $startsWith: 'a' }),
      ),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((list): Doc => Object.fromEntries(list))

function conditionsOf(one: Doc): FieldNode[] {
  const node = parseFilter(one)
  return (node.kind === 'and' ? node.of : [node]).filter((part) => part.kind === 'field')
}

describe('givenBy', () => {
  it('is sound, and so are the conditions that it drops', () => {
    let implied = 0
    let dropped = 0
    const property = fc.property(where, filter, fc.boolean(), rows, (condition, own, shares, list) => {
      const asked = shares ? { ...own, ...condition } : own
      const checked = checkIndexWhere('an index', condition) ?? {}
      const conditions = conditionsOf(asked)
      const given = givenBy(checked, conditions)
      if (given === undefined) return
      const isIn = compileIndexWhere(checked)
      const isWanted = compileFilter(parseFilter(asked))
      for (const row of list) {
        if (isWanted(row)) {
          implied++
          expect({ row, in: isIn(row) }).toEqual({ row, in: true })
        }
        if (!isIn(row)) continue
        for (const node of given) {
          dropped++
          expect({ row, node: compileFilter(node)(row) }).toEqual({ row, node: true })
        }
      }
    })
    fc.assert(property, { seed, numRuns: Math.max(3000, count(6000, 300_000)) })
    expect(implied).toBeGreaterThan(50)
    expect(dropped).toBeGreaterThan(10)
  })

  it.each<[Doc, Doc, boolean]>([
    [{ a: false }, { a: false }, true],
    [{ a: { $gte: 5 } }, { a: 7 }, true],
    [{ a: { $gte: 5 } }, { a: { $gt: 5, $lt: 9 } }, true],
    [{ a: { $gte: 5 } }, { a: { $gt: 4 } }, false],
    [{ a: { $gte: 5, $lt: 9 } }, { a: { $in: [5, 8] } }, true],
    [{ a: { $gte: 5, $lt: 9 } }, { a: { $in: [5, 9] } }, false],
    [{ a: { $exists: true } }, { a: 'x' }, true],
    [{ a: { $exists: true } }, { a: null }, false],
    [{ a: { $exists: true } }, { a: { $exists: true } }, true],
    [{ a: { $exists: true } }, { a: { $exists: false } }, false],
    [{ a: null }, { a: null }, true],
    [{ a: 1, c: 2 }, { a: 1 }, false],
    [{ a: { $in: [1, 2] } }, { a: 2n }, true],
    [{ a: { $gt: 1 } }, { a: { $ne: 5 } }, false],
  ])('of %o by %o: %s', (condition, asked, expected) => {
    expect(givenBy(condition, conditionsOf(asked)) !== undefined).toBe(expected)
  })
})
