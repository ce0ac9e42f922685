/** What V8 is told of memory that is used again. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CollectorHint } from '../../../src/tree/collector-hint.js'
import { NodePool } from '../../../src/tree/node-pool.js'
import { ColumnCount, Owner } from '../../../src/tree/node.js'
import { emptyNode } from '../../../src/tree/new-node.js'

const MIB = 1024 * 1024

/** Stands for the array buffers that are asked for, and gives none. */
function askedFor(answer: () => object = () => ({})): number[] {
  const lengths: number[] = []
  const made = vi.fn<(length: number) => object>(function (length) {
    lengths.push(length)
    return answer()
  })
  vi.stubGlobal('ArrayBuffer', made)
  return lengths
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('a hint to the collector', () => {
  it('is an array buffer of more than 32 MiB for every 32 MiB', () => {
    const lengths = askedFor()
    const hint = new CollectorHint()
    for (let n = 0; n < 96; n++) hint.usedAgain(MIB)
    expect(lengths).toEqual([33 * MIB, 33 * MIB, 33 * MIB])
  })

  it('weighs on the collector by its length, and on the process by next to nothing', () => {
    const hint = new CollectorHint()
    const before = process.memoryUsage()
    hint.usedAgain(32 * MIB)
    const { arrayBuffers, rss } = process.memoryUsage()
    expect(arrayBuffers - before.arrayBuffers).toBeGreaterThan(32 * MIB)
    expect(rss - before.rss).toBeLessThan(8 * MIB)
  })

  it('is not given again once it was refused', () => {
    const lengths = askedFor(() => {
      throw new RangeError('Array buffer allocation failed')
    })
    const hint = new CollectorHint()
    for (let n = 0; n < 5; n++) hint.usedAgain(32 * MIB)
    expect(lengths).toHaveLength(1)
  })

  it('is given for nodes that editors use again, and not for those that are read', () => {
    const pool = new NodePool(() => undefined)
    const [editor, reader] = [new Owner(pool), new Owner(pool, false)]
    const node = emptyNode(editor, 0, ColumnCount.recordsLeaf, 8, 4000)
    const times = Math.ceil((32 * MIB) / (4 * node.words.length))
    const lengths = askedFor()
    const useAgain = (owner: Owner): void => {
      for (let n = 0; n < times; n++) pool.giveBack(emptyNode(owner, 0, ColumnCount.recordsLeaf, 8, 4000))
    }
    pool.giveBack(node)
    useAgain(reader)
    expect(lengths).toEqual([])
    useAgain(editor)
    expect(lengths).toEqual([33 * MIB])
  })
})
