/** Leaves that are stored by what changed of them. */
import { describe, expect, it } from 'vitest'
import { CorruptionError } from '../../../src/errors.js'
import { NodeField, NodeKind } from '../../../src/format/index-node.js'
import { viewOf } from '../../../src/format/integers.js'
import { runSync } from '../../../src/storage/task.js'
import { checkTree } from '../../../src/tree/check.js'
import { NodeStore } from '../../../src/tree/node-store.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { treeShape } from '../../../src/tree/shape.js'
import { Tree } from '../../../src/tree/tree.js'
import { type StoredImage, StoredLeaves } from '../../support/stored-leaves.js'
import { StoredTrees } from '../../support/stored-trees.js'
import { longKeyOf, walk } from '../../support/tree-model.js'
import { workloadPlatform } from '../../support/workload-platform.js'

const { checksum } = workloadPlatform().platform

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
/** Of one leaf. */
const FEW = upTo(40)

describe('a leaf of which little changed', () => {
  it.each([
    ['of records', false, NodeKind.recordsLeaf, NodeKind.recordsDelta],
    ['of keys', true, NodeKind.keysLeaf, NodeKind.keysDelta],
  ])(
    '%s is stored by what changed since it was stored whole, until that is a quarter of it',
    (_, ofKeys, leaf, delta) => {
      const stored = new StoredLeaves(ofKeys)
      const [whole] = stored.set(...FEW)
      expect(whole?.kind).toBe(leaf)
      const kinds: (number | undefined)[] = []
      for (let n = 100; n < 130; n++) {
        const [image] = stored.set(n)
        kinds.push(image?.kind)
        const isDelta = image?.kind === delta
        if (isDelta) expect(image.lengthBytes).toBeLessThanOrEqual((whole?.lengthBytes ?? 0) / 2)
        const { nodeBytes, lengthBytes } = stored.tree.storedRoot()
        expect(nodeBytes > lengthBytes).toBe(isDelta)
        expect(runSync(treeShape(stored.tree)).deltas).toBe(isDelta ? 1 : 0)
        expect(stored.tree.count).toBe(FEW.length + n - 99)
      }
      const first = kinds.indexOf(leaf)
      expect(first).toBeGreaterThan(4)
      expect(kinds.slice(0, first).every((kind) => kind === delta)).toBe(true)
      // And from that whole image on again.
      expect(kinds[first + 1]).toBe(delta)
    },
  )

  it('has what was replaced, and what was replaced again', () => {
    const stored = new StoredLeaves()
    stored.set(...FEW)
    for (let round = 1; round < 6; round++) {
      const [image] = stored.change((editor) =>
        editor.set(longKeyOf(7, 9), 1000 + round, 5, 6, new RecordRef()),
      )
      expect(image?.kind).toBe(NodeKind.recordsDelta)
      const ref = new RecordRef()
      expect(stored.tree.find(longKeyOf(7, 9), ref)).toBe(true)
      expect(ref.position).toBe(1000 + round)
      expect(stored.tree.count).toBe(FEW.length)
    }
  })

  it('is stored whole once a key was taken out, or it was split', () => {
    const stored = new StoredLeaves()
    stored.set(...FEW)
    const removed = stored.change((editor) => void editor.delete(longKeyOf(3, 9), new RecordRef()))
    expect(removed.map(({ kind }) => kind)).toEqual([NodeKind.recordsLeaf])
    const split = stored.set(...upTo(120))
    expect(split.map(({ kind }) => kind)).toEqual([
      ...split.slice(1).map(() => NodeKind.recordsLeaf),
      NodeKind.inner,
    ])
  })

  it('is not told by an image that never came into the file', () => {
    for (const other of [3, 5, 9]) {
      const trees = new StoredTrees(1e9)
      for (const n of FEW) trees.set(longKeyOf(n, 9), n + 1)
      trees.begin()
      const piece = trees.next(100)
      // While it is on its way, somebody goes on from what it stores.
      trees.set(longKeyOf(other, 9), 99)
      if (piece === undefined) throw new TypeError('Nothing to store.')
      trees.failed(piece)
      for (const again of [50, 51]) {
        trees.set(longKeyOf(again, 9), again)
        trees.begin()
        for (let next = trees.next(9); next !== undefined; next = trees.next(9)) trees.written(next)
        trees.finish()
        expect(walk(trees.reopened())).toEqual(trees.model.entries)
      }
    }
  })
})

describe('a delta whose base cannot be what it says', () => {
  const errorOf = (stored: StoredLeaves): CorruptionError => {
    try {
      walk(stored.tree)
    } catch (error) {
      if (error instanceof CorruptionError) return error
      throw error
    }
    throw new Error('It was read.')
  }

  /** A leaf of 40 rows and a delta of it, and where they are. */
  const pair = (): { stored: StoredLeaves; whole: StoredImage; delta: StoredImage } => {
    const stored = new StoredLeaves()
    const [whole] = stored.set(...FEW)
    const [delta] = stored.set(200)
    if (whole === undefined || delta === undefined) throw new TypeError('Two images.')
    return { stored, whole, delta }
  }

  it('names the place of the damage: in the base, or in itself', () => {
    for (const which of ['whole', 'delta'] as const) {
      const images = pair()
      const { position, lengthBytes } = images[which]
      for (const at of [0, 5, lengthBytes >> 1, lengthBytes - 1]) {
        const was = new Uint8Array(1)
        images.stored.file.read(was, position + at)
        images.stored.file.write(
          was.map((byte) => byte ^ 1),
          position + at,
        )
        expect(errorOf(images.stored).details.offset).toBe(position)
        expect(checkTree(images.stored.tree).map(({ kind }) => kind)).toEqual(['unreadable'])
        images.stored.file.write(was, position + at)
      }
      expect(walk(images.stored.tree)).toHaveLength(FEW.length + 1)
    }
  })

  /** Writes the delta anew with another base, all checksums right. */
  const withBase = (wanted: { position: number; lengthBytes: number } | Uint8Array): CorruptionError => {
    const { stored, delta } = pair()
    const size = stored.file.size()
    const isImage = wanted instanceof Uint8Array
    if (isImage) stored.file.write(wanted, size)
    const base = isImage ? { position: size, lengthBytes: wanted.length } : wanted
    const bytes = new Uint8Array(delta.lengthBytes)
    stored.file.read(bytes, delta.position)
    const other = new Uint8Array(base.lengthBytes)
    stored.file.read(other, base.position)
    const view = viewOf(bytes)
    view.setUint32(16, base.position, true)
    view.setUint32(24, base.lengthBytes, true)
    view.setUint32(28, viewOf(other).getUint32(NodeField.crc, true), true)
    const crc = checksum(bytes, NodeField.length, bytes.length)
    view.setUint32(NodeField.crc, crc, true)
    stored.file.write(bytes, stored.file.size())
    const position = stored.file.size() - bytes.length
    const nodeBytes = bytes.length + base.lengthBytes
    const root = { ...stored.tree.storedRoot(), position, crc, nodeBytes }
    stored.tree = Tree.stored(new NodeStore(stored.file, checksum, 0), root)
    return errorOf(stored)
  }

  it('is refused over another delta', () => {
    const { delta } = pair()
    expect(withBase(delta).details).toMatchObject({ offset: delta.position, actual: 'no leaf' })
  })

  it('is refused over an inner node, and over a leaf of another kind', () => {
    const imageOf = (stored: StoredLeaves, image: StoredImage | undefined): Uint8Array => {
      const bytes = new Uint8Array(image?.lengthBytes ?? 0)
      stored.file.read(bytes, image?.position ?? 0)
      return bytes
    }
    const large = new StoredLeaves()
    expect(withBase(imageOf(large, large.set(...upTo(200)).at(-1))).details.actual).toBe('no leaf')
    const ofKeys = new StoredLeaves(true)
    expect(withBase(imageOf(ofKeys, ofKeys.set(...FEW)[0])).details.actual).toBe('a leaf of another kind')
  })

  it('is refused over what stands behind it, over no image, and over one of an impossible length', () => {
    const behind = 'a delta of what stands behind it'
    expect(withBase({ position: 1 << 20, lengthBytes: 100 }).details.actual).toBe(behind)
    expect(withBase({ position: 9, lengthBytes: 100 }).details).toMatchObject({ offset: 9, actual: 'length' })
    expect(withBase({ position: 8, lengthBytes: 70_000 }).details.actual).toBe('length')
  })

  it('is refused where its parent says other bytes than it and what it is of have', () => {
    for (const more of [-1, 1, 40]) {
      const { stored } = pair()
      const root = stored.tree.storedRoot()
      stored.tree = Tree.stored(new NodeStore(stored.file, checksum, 0), {
        ...root,
        nodeBytes: root.nodeBytes + more,
      })
      expect(errorOf(stored).details.actual).toBe('a node that contradicts its parent')
    }
  })

  it('is refused where it holds other keys than its parent counts', () => {
    const { stored } = pair()
    const root = { ...stored.tree.storedRoot(), count: FEW.length }
    stored.tree = Tree.stored(new NodeStore(stored.file, checksum, 0), root)
    expect(errorOf(stored).details.actual).toBe('a node that contradicts its parent')
  })
})
