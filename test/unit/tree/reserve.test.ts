/** Memory of nodes that is kept free for garbage. */
import { describe, expect, it } from 'vitest'
import { Reserve } from '../../../src/tree/reserve.js'
import { StoredTrees } from '../../support/stored-trees.js'

const LIMIT = 1_000_000
const NODE = 1000

/** So many nodes leave the cache. */
function leave(reserve: Reserve, count: number, edits: boolean): void {
  for (let n = 0; n < count; n++) reserve.left(NODE, edits, LIMIT)
}

describe('what is kept free', () => {
  it('is nothing while few nodes of editors leave the cache between two checkpoints', () => {
    const reserve = new Reserve()
    for (let checkpoints = 0; checkpoints < 20; checkpoints++) {
      leave(reserve, 125, true)
      expect(reserve.bytes).toBe(0)
      reserve.settle(LIMIT)
    }
  })

  it('grows by what leaves beyond that, up to a share, and stays while as many leave', () => {
    const reserve = new Reserve()
    leave(reserve, 125 + 10, true)
    expect(reserve.bytes).toBe(10 * NODE)
    leave(reserve, 2000, true)
    expect(reserve.bytes).toBe(0.4 * LIMIT)
    reserve.settle(LIMIT)
    leave(reserve, 126, true)
    reserve.settle(LIMIT)
    expect(reserve.bytes).toBe(0.4 * LIMIT)
    leave(reserve, 125, true)
    reserve.settle(LIMIT)
    expect(reserve.bytes).toBe(0)
  })

  it('is given back to readers as they push nodes out that nobody edits', () => {
    const reserve = new Reserve()
    leave(reserve, 2000, true)
    leave(reserve, 100, false)
    expect(reserve.bytes).toBe(0.3 * LIMIT)
    leave(reserve, 1000, false)
    expect(reserve.bytes).toBe(0)
    // Where as many are read as are changed, nothing is kept free for long.
    for (let n = 0; n < 1000; n++) {
      leave(reserve, 1, true)
      leave(reserve, 1, false)
    }
    expect(reserve.bytes).toBe(0)
  })

  it('goes with the limit', () => {
    const reserve = new Reserve()
    leave(reserve, 2000, true)
    reserve.left(NODE, true, LIMIT / 10)
    expect(reserve.bytes).toBe(0.4 * (LIMIT / 10))
  })
})

describe('a store of nodes', () => {
  const limitBytes = 200_000
  const rows = 8000

  function keyOf(n: number): Uint8Array {
    const key = new Uint8Array(24)
    new DataView(key.buffer).setUint32(0, Math.imul(n + 1, 0x9e37_79b1))
    return key
  }

  /** Rows in no order, in a tree that is stored now and then. */
  function loaded(): StoredTrees {
    const trees = new StoredTrees(limitBytes)
    for (let n = 0; n < rows; n++) {
      trees.set(keyOf(n), n + 1)
      if (n % 200 === 199) store(trees)
    }
    return trees
  }

  function store(trees: StoredTrees): void {
    trees.begin()
    for (let piece = trees.next(20); piece !== undefined; piece = trees.next(20)) trees.written(piece)
    trees.finish()
  }

  it('keeps fewer nodes while a load pushes others out, and as many as it may once they are read', () => {
    const trees = loaded()
    expect(trees.store.reservedBytes).toBeGreaterThan(0.2 * limitBytes)
    expect(trees.store.cachedBytes).toBeLessThanOrEqual(0.8 * limitBytes)
    trees.check()
    const tree = trees.reopened()
    expect(tree.count).toBe(rows)
    for (let n = 0; n < rows; n += 2) expect(trees.tree.has(keyOf(n))).toBe(true)
    expect(trees.store.reservedBytes).toBe(0)
    expect(trees.store.cachedBytes).toBeGreaterThan(0.8 * limitBytes)
    trees.check()
  })
})
