/** What trees look like after loads and deletes in the orders that matter. */
import { describe, expect, it } from 'vitest'
import { checkTree } from '../../../src/tree/check.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { runSync } from '../../../src/storage/task.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { treeShape as shapeTask, type TreeShape } from '../../../src/tree/shape.js'
import { Tree } from '../../../src/tree/tree.js'
import { seed } from '../../support/counts.js'
import { randomFrom } from '../../support/random.js'

const COUNT = 20_000

const treeShape = (tree: Tree): TreeShape => runSync(shapeTask(tree))

function numberKey(n: number): Uint8Array {
  const key = new Uint8Array(16).fill(0x30)
  new DataView(key.buffer).setUint32(9, n)
  return key
}

const inOrder = Array.from({ length: COUNT }, (_, i) => numberKey(i))

function shuffled(keys: readonly Uint8Array[]): Uint8Array[] {
  const random = randomFrom(seed)
  return keys
    .map((key) => ({ key, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ key }) => key)
}

/** Keys of 100 counters that take turns, each counting up: no insertion but the last counter's is at the end. */
const interleaved = Array.from({ length: COUNT }, (_, i) =>
  numberKey((i % 100) * 1_000_000 + Math.floor(i / 100)),
)

function loaded(keys: readonly Uint8Array[], freezeEvery = Number.POSITIVE_INFINITY): TreeEditor {
  const editor = new TreeEditor(Tree.empty)
  const previous = new RecordRef()
  for (const [i, key] of keys.entries()) {
    editor.set(key, i, i, i, previous)
    if (i % freezeEvery === 0) editor.freeze()
  }
  return editor
}

describe('a load', () => {
  it.each([
    ['ascending', inOrder, 0.98, 0.6],
    ['of counters that take turns', interleaved, 0.6, 0.3],
    ['descending', inOrder.toReversed(), 0.49, 0.45],
    ['in random order', shuffled(inOrder), 0.6, 0.4],
  ])('%s leaves leaves and inner nodes so full', (_order, keys, leafFill, innerFill) => {
    for (const freezeEvery of [Number.POSITIVE_INFINITY, 7]) {
      const tree = loaded(keys, freezeEvery).freeze()
      expect(checkTree(tree)).toEqual([])
      const shape = treeShape(tree)
      expect(shape.entries).toBe(COUNT)
      expect(shape.depth).toBeLessThanOrEqual(4)
      expect(shape.leafFill).toBeGreaterThan(leafFill)
      expect(shape.innerFill).toBeGreaterThan(innerFill)
    }
  })

  it('takes few bytes of memory per key, even where every commit copies', () => {
    expect(treeShape(loaded(inOrder).freeze()).bytes / COUNT).toBeLessThan(45)
    expect(treeShape(loaded(shuffled(inOrder), 1).freeze()).bytes / COUNT).toBeLessThan(60)
  })
})

describe('deleting', () => {
  it.each([
    ['ascending', inOrder],
    ['descending', inOrder.toReversed()],
    ['in random order', shuffled(inOrder)],
  ])('%s keeps nodes a quarter full until nothing is left', (_order, keys) => {
    const editor = loaded(shuffled(inOrder))
    const previous = new RecordRef()
    for (const [i, key] of keys.entries()) {
      expect(editor.delete(key, previous)).toBe(true)
      if (i % 2000 !== 0) continue
      const tree = editor.freeze()
      expect(checkTree(tree)).toEqual([])
      expect(treeShape(tree).leafFill).toBeGreaterThan(tree.count > 1000 ? 0.25 : 0)
    }
    expect(editor.count).toBe(0)
    expect(treeShape(editor.freeze())).toMatchObject({ depth: 1, leaves: 1, innerNodes: 0, entries: 0 })
  })

  it('gives memory back', () => {
    const editor = loaded(inOrder)
    const previous = new RecordRef()
    for (const [i, key] of inOrder.entries()) if (i % 20 !== 0) editor.delete(key, previous)
    expect(treeShape(editor.freeze()).bytes / editor.count).toBeLessThan(200)
  })
})
