/** The cache of stored nodes: what goes first, and what the budget counts. */
import { describe, expect, it } from 'vitest'
import { NodeCache } from '../../../src/tree/node-cache.js'
import { emptyNode } from '../../../src/tree/new-node.js'
import { ColumnCount, memoryOf, NOBODY, type Node, writeRef } from '../../../src/tree/node.js'
import { count, seed } from '../../support/counts.js'
import { randomFrom } from '../../support/random.js'

function nodeAt(position: number, keyBytes = 100): Node {
  const node = emptyNode(NOBODY, 0, ColumnCount.recordsLeaf, 4, keyBytes)
  node.position = position
  return node
}

describe('a cache of nodes', () => {
  it('gives the very node that was added, until it is evicted', () => {
    const cache = new NodeCache()
    const node = nodeAt(8)
    cache.add(node)
    expect(cache.get(8)).toBe(node)
    expect(cache.get(16)).toBeUndefined()
    cache.trim(0)
    cache.trim(0)
    expect(cache.get(8)).toBeUndefined()
    expect({ bytes: cache.bytes, count: cache.count, evictions: cache.evictions }).toEqual({
      bytes: 0,
      count: 0,
      evictions: 1,
    })
  })

  it('has inner nodes note which children are in it, until either goes', () => {
    const parent = emptyNode(NOBODY, 1, ColumnCount.inner, 2, 0)
    parent.position = 8
    parent.count = 2
    writeRef(parent, 0, 16, 0, 0)
    const filled = (): { cache: NodeCache; child: Node } => {
      const cache = new NodeCache()
      const child = nodeAt(16)
      cache.add(parent)
      cache.add(child)
      expect([cache.childOf(parent, 0), cache.childOf(parent, 0)]).toEqual([child, child])
      expect(parent.near[0]).toBe(child)
      return { cache, child }
    }
    const leaves: readonly ((one: ReturnType<typeof filled>) => void)[] = [
      ({ cache, child }) => cache.forget(child),
      ({ cache }) => cache.forget(parent),
      ({ cache }) => cache.trim(0),
      ({ cache }) => cache.clear(),
    ]
    for (const leave of leaves) {
      const one = filled()
      leave(one)
      expect(parent.near[0]).toBeUndefined()
      expect(one.child.notedBy).toBeUndefined()
      one.cache.clear()
    }
    // What all leaves share is still empty.
    expect(nodeAt(24).children).toHaveLength(0)
  })

  it('counts a node that is added again once', () => {
    const cache = new NodeCache()
    const node = nodeAt(8)
    cache.add(node)
    cache.add(node)
    cache.add(nodeAt(8))
    expect(cache.count).toBe(1)
    expect(cache.bytes).toBe(memoryOf(node))
    expect(cache.get(8)).toBe(node)
  })

  it('keeps what was asked for since the hand came by, and lets go of what was not', () => {
    const cache = new NodeCache()
    for (let position = 1; position <= 20; position++) cache.add(nodeAt(position))
    const each = cache.bytes / 20
    const hot = [2, 5, 11, 20]
    for (const position of hot) cache.get(position)
    cache.trim(each * 4)
    expect(cache.count).toBe(4)
    expect(hot.every((position) => cache.get(position) !== undefined)).toBe(true)
  })

  it('lets a scan over many cold nodes leave the hot ones where they are', () => {
    const cache = new NodeCache()
    const each = memoryOf(nodeAt(1))
    for (let position = 1; position <= 10; position++) cache.add(nodeAt(position))
    for (let position = 100; position < 1000; position++) {
      for (let hot = 1; hot <= 10; hot++) cache.get(hot)
      cache.add(nodeAt(position))
      cache.trim(each * 20)
    }
    expect(Array.from({ length: 10 }, (_, i) => cache.get(i + 1)).every((node) => node !== undefined)).toBe(
      true,
    )
  })

  it('keeps a new set of nodes that fits, though it was full of others', () => {
    const cache = new NodeCache()
    const each = memoryOf(nodeAt(1))
    const ask = (position: number): boolean => {
      if (cache.get(position) !== undefined) return true
      cache.add(nodeAt(position))
      cache.trim(each * 100)
      return false
    }
    for (let position = 1; position <= 100; position++) ask(position)
    const wanted = Array.from({ length: 40 }, (_, i) => 1000 + i)
    expect(wanted.some(ask)).toBe(false)
    expect(wanted.every(ask)).toBe(true)
  })

  it('keeps what was asked for in several rounds of the hand for longer, but not for ever', () => {
    /** How many others come in before a node goes that was asked for while the cache was filled so often. */
    const stayOf = (rounds: number): number => {
      const cache = new NodeCache()
      const each = memoryOf(nodeAt(1))
      let position = 1
      const addOther = (): void => {
        cache.add(nodeAt(++position))
        cache.trim(each * 20)
      }
      const node = nodeAt(1)
      cache.add(node)
      for (let others = 0; others < rounds * 20; others++) {
        cache.get(1)
        addOther()
      }
      const from = position
      while (node.cachedAt >= 0) addOther()
      return position - from
    }
    const stays = [1, 3, 30].map(stayOf)
    expect(stays[1]).toBeGreaterThan(stays[0] ?? 0)
    expect(stays[2]).toBe(stays[1])
  })

  it('takes it for nothing that what came in last is asked for again at once', () => {
    const cache = new NodeCache()
    const each = memoryOf(nodeAt(1))
    for (let position = 1; position <= 20; position++) {
      cache.add(nodeAt(position))
      if (position > 10) cache.get(position)
      else if (position > 1) cache.get(position - 1)
    }
    cache.trim(each * 9)
    const kept = Array.from({ length: 20 }, (_, i) => i + 1).filter((at) => cache.get(at) !== undefined)
    expect(kept).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('never keeps more than it is told to, and counts exactly what it keeps', () => {
    const random = randomFrom(seed)
    const cache = new NodeCache()
    const added = new Map<number, Node>()
    for (let step = 0; step < count(20_000, 1_000_000); step++) {
      const position = 1 + random.below(300)
      if (random.below(2) === 0) cache.get(position)
      else if (cache.get(position) === undefined) {
        const node = nodeAt(position, random.below(4000))
        cache.add(node)
        added.set(position, node)
      }
      if (random.below(10) > 0) continue
      const limit = random.below(3) === 0 ? random.below(100_000) : 200_000
      cache.trim(limit)
      expect(cache.bytes).toBeLessThanOrEqual(limit)
      let bytes = 0
      let present = 0
      for (const [at, node] of added) {
        if (cache.get(at) !== node) continue
        bytes += memoryOf(node)
        present++
      }
      expect({ bytes, present }).toEqual({ bytes: cache.bytes, present: cache.count })
    }
    expect(cache.evictions).toBeGreaterThan(100)
  })
})
