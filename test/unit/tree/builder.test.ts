import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { viewOf } from '../../../src/format/integers.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { TreeBuilder } from '../../../src/tree/builder.js'
import { checkTree } from '../../../src/tree/check.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { leavesOf } from '../../../src/tree/leaves.js'
import type { Node } from '../../../src/tree/node.js'
import { NodeStore } from '../../../src/tree/node-store.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { imageBytes, writeImage } from '../../../src/tree/stored-node.js'
import { Tree } from '../../../src/tree/tree.js'
import { hex } from '../../support/tree-model.js'
import { workloadPlatform } from '../../support/workload-platform.js'

const { checksum } = workloadPlatform().platform

/** Builds a tree of keys, each with a record at its rank, and reads it back from the file. */
function built(keys: readonly Uint8Array[], kind: 'records' | 'keys'): { tree: Tree; bytes: number } {
  const file = new MemoryStorage().open('nodes', 'create')
  let end = 64
  const store = (node: Node): void => {
    const bytes = new Uint8Array(imageBytes(node))
    writeImage(node, bytes, viewOf(bytes), 0, end, checksum)
    file.write(bytes, end)
    end += bytes.length
  }
  const builder = kind === 'keys' ? TreeBuilder.ofKeys(store) : TreeBuilder.ofRecords(store)
  let rank = 0
  const add = (leaf: Node): void => {
    for (let i = 0; i < leaf.count; i++, rank++)
      builder.add(leaf, i, { position: 1000 + rank, lengthBytes: rank, crc: rank * 7 })
  }
  const editor = new TreeEditor(kind === 'keys' ? Tree.emptyOfKeys : Tree.empty)
  for (const key of keys) editor.set(key, 1, 1, 1, new RecordRef())
  for (const leaf of leavesOf(editor.freeze())) add(leaf)
  const root = builder.finish()
  const nodes = new NodeStore(file, checksum, 1_000_000)
  const tree = kind === 'keys' ? Tree.storedOfKeys(nodes, root) : Tree.stored(nodes, root)
  expect(root.nodeBytes).toBe(end - 64)
  return { tree, bytes: end - 64 }
}

const sorted = (keys: readonly Uint8Array[]): Uint8Array[] =>
  [...new Map(keys.map((key) => [hex(key), key]))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key)

/** Keys with much in common, keys with nothing in common, and long ones. */
const anyKey = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.nat({ max: 70_000 }).map((n) => new Uint8Array([1, 2, 3, 4, n >>> 16, n >>> 8, n])),
  fc
    .tuple(fc.nat({ max: 255 }), fc.integer({ min: 900, max: 4096 }))
    .map(([byte, length]) => new Uint8Array(length).fill(byte)),
)

describe('a tree built from keys in order', () => {
  it.each([600, 850, 900, 950, 1100])(
    'has no node that weighs too much of keys that share %i bytes',
    (shared) => {
      const keyOf = (n: number): Uint8Array => {
        const key = new Uint8Array(shared + 2).fill(1)
        key.set([n >>> 8, n & 0xff], shared)
        return key
      }
      for (const count of [20, 21, 22, 23, 24, 25, 200]) {
        const { tree } = built(
          Array.from({ length: count }, (_, n) => keyOf(n)),
          'records',
        )
        expect(checkTree(tree)).toEqual([])
      }
    },
  )

  it('holds them, and is sound, whatever the keys are', () => {
    fc.assert(
      fc.property(
        fc.array(anyKey, { maxLength: 700, size: 'max' }),
        fc.constantFrom('records', 'keys'),
        (keys, kind) => {
          const wanted = sorted(keys)
          const { tree } = built(wanted, kind)
          expect(checkTree(tree)).toEqual([])
          const found: string[] = []
          for (const cursor = tree.cursor({}); cursor.next();) {
            const { ref } = cursor
            const rank = found.length
            if (kind === 'records')
              expect([ref.position, ref.lengthBytes, ref.crc]).toEqual([1000 + rank, rank, rank * 7])
            found.push(hex(cursor.key()))
          }
          expect(found).toEqual(wanted.map(hex))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('fills its nodes, however many levels there are', () => {
    const keys = Array.from(
      { length: 60_000 },
      (_, i) => new Uint8Array([7, 7, 7, 7, 7, 7, i >>> 16, i >>> 8, i]),
    )
    const { tree, bytes } = built(keys, 'records')
    expect(checkTree(tree)).toEqual([])
    expect(tree.root.height).toBeGreaterThan(1)
    // 16 bytes and a suffix of 2 or 3 an entry, and little above the leaves.
    expect(bytes).toBeLessThan(keys.length * 22)
  })
})
