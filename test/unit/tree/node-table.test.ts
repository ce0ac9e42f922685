/** A table of nodes, beside a `Map`. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyNode } from '../../../src/tree/new-node.js'
import { ColumnCount, NOBODY, type Node } from '../../../src/tree/node.js'
import { NodeTable } from '../../../src/tree/node-table.js'
import { count, seed } from '../../support/counts.js'

const nodes = Array.from({ length: 8 }, () => emptyNode(NOBODY, 0, ColumnCount.recordsLeaf, 1, 0))

/** Few, so that the same come again, with many whose hashes end alike, and some beyond what 32 bits hold. */
const position = fc.oneof(
  fc.nat({ max: 40 }).map((n) => 8 + n * 8),
  fc.nat({ max: 40 }).map((n) => 8 + n * 2 ** 32),
  fc.nat({ max: 200 }).map((n) => 2 ** 46 + n * 4099),
)
const step = fc.record({
  position,
  node: fc.integer({ min: -1, max: nodes.length - 1 }).map((at) => nodes[at]),
})

describe('a table of nodes', () => {
  it('has what a Map has, whatever is put in and taken out', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const table = new NodeTable()
        const map = new Map<number, Node>()
        for (const { position: at, node } of steps) {
          if (node === undefined) table.delete(at)
          else table.set(at, node)
          if (node === undefined) map.delete(at)
          else map.set(at, node)
          expect(table.get(at)).toBe(node)
        }
        for (const { position: at } of steps) {
          expect(table.get(at)).toBe(map.get(at))
        }
      }),
      { numRuns: count(200, 5000), seed },
    )
  })

  it('is empty once it was cleared', () => {
    const table = new NodeTable()
    for (let at = 8; at < 8000; at += 8) table.set(at, nodes[0] as Node)
    table.clear()
    for (let at = 8; at < 8000; at += 8) expect(table.get(at)).toBeUndefined()
    table.set(8, nodes[1] as Node)
    expect(table.get(8)).toBe(nodes[1])
  })
})
