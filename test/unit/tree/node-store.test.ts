/** Reading stored nodes: what is believed, what is kept, and what is counted. */
import { describe, expect, it } from 'vitest'
import { CorruptionError } from '../../../src/errors.js'
import { NODE_HEAD_BYTES, NodeField } from '../../../src/format/index-node.js'
import { viewOf } from '../../../src/format/integers.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { checkTree } from '../../../src/tree/check.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { Column, ColumnCount, type Node } from '../../../src/tree/node.js'
import { NodeStore } from '../../../src/tree/node-store.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { imageBytes, writeImage } from '../../../src/tree/stored-node.js'
import { unstoredNodes } from '../../../src/tree/storing.js'
import { Tree } from '../../../src/tree/tree.js'
import { workloadPlatform } from '../../support/workload-platform.js'

const { checksum } = workloadPlatform().platform

function key(n: number): Uint8Array {
  const bytes = new Uint8Array(200).fill(0x61)
  new DataView(bytes.buffer).setUint32(196, n)
  return bytes
}

interface Stored {
  readonly file: StorageFile
  readonly tree: Tree
  /** The nodes in the order in which they lie in the file. */
  readonly nodes: readonly Node[]
}

/** A tree of some levels in a file. */
function stored(rows: number): Stored {
  const editor = new TreeEditor(Tree.empty)
  for (let n = 0; n < rows; n++) editor.set(key(n), n, n, n, new RecordRef())
  const tree = editor.freeze()
  const file = new MemoryStorage().open('nodes', 'create')
  const nodes: Node[] = []
  let end = 64
  for (const node of unstoredNodes(tree.root)) {
    const image = new Uint8Array(imageBytes(node))
    writeImage(node, image, viewOf(image), 0, end, checksum)
    file.write(image, end)
    end += image.length
    nodes.push(node)
  }
  return { file, tree, nodes }
}

function opened({ file, tree }: Stored, limitBytes = 0): { store: NodeStore; tree: Tree } {
  const store = new NodeStore(file, checksum, limitBytes)
  return { store, tree: Tree.stored(store, tree.storedRoot()) }
}

function readAll(tree: Tree): number {
  const cursor = tree.cursor({})
  let rows = 0
  while (cursor.next()) rows++
  return rows
}

function damageOf(run: () => unknown): CorruptionError {
  try {
    run()
  } catch (error) {
    if (error instanceof CorruptionError) return error
    throw error
  }
  throw new Error('Nothing was found to be damaged.')
}

/** Changes the image of a node in the file, and mends its checksum, so that only what surrounds it can tell. */
function rewrite(file: StorageFile, node: Node, change: (image: Uint8Array, view: DataView) => void): void {
  const image = new Uint8Array(node.lengthBytes)
  file.read(image, node.position)
  const view = viewOf(image)
  change(image, view)
  view.setUint32(NodeField.crc, checksum(image, NodeField.length, image.length), true)
  file.write(image, node.position)
}

describe('a node read from the file (I18)', () => {
  it('is refused with any one bit of it flipped, by the offset of the node', () => {
    const all = stored(60)
    const [leaf] = all.nodes
    if (leaf === undefined) throw new Error('A tree without nodes.')
    const image = new Uint8Array(leaf.lengthBytes)
    all.file.read(image, leaf.position)
    for (let bit = 0; bit < image.length * 8; bit += bit < 300 ? 1 : 13) {
      const flipped = image.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      all.file.write(flipped, leaf.position)
      const { store, tree } = opened(all)
      const error = damageOf(() => tree.has(key(0)))
      expect(error.details.offset).toBe(leaf.position)
      expect(store.damage).toBe(error)
      // What lies beside it is served.
      expect(tree.has(key(59))).toBe(true)
    }
  })

  it('is refused where its file ends', () => {
    const all = stored(60)
    const last = all.nodes.at(-1)
    if (last === undefined) throw new Error('A tree without nodes.')
    all.file.truncate(last.position + last.lengthBytes - 1)
    expect(damageOf(() => opened(all).tree.root).details.offset).toBe(last.position)
  })

  it('is refused where it is sound, but not the one that was stored: an older image of the same length', () => {
    const all = stored(60)
    const [leaf] = all.nodes
    if (leaf === undefined) throw new Error('A tree without nodes.')
    rewrite(all.file, leaf, (image) => {
      // Another record's CRC: the image is as sound as before.
      image[NODE_HEAD_BYTES + 4 * leaf.count] = (image[NODE_HEAD_BYTES + 4 * leaf.count] ?? 0) ^ 1
    })
    expect(damageOf(() => opened(all).tree.has(key(0))).details.actual).toBe('another node')
  })

  it('is refused in the place of another one, even where the pointer has its checksum', () => {
    const all = stored(400)
    expect(all.tree.root.height).toBeGreaterThan(1)
    const leaves = all.nodes.filter(({ height }) => height === 0)
    const inner = all.nodes.find(({ height }) => height === 1)
    if (inner === undefined) throw new Error('A tree without inner nodes.')
    const { store, tree } = opened(all)
    const { root } = tree
    const [leaf] = leaves
    if (leaf === undefined) throw new Error('A tree without leaves.')
    // The root's pointer leads to a leaf, whose length and checksum it has: it is too low, and counts too few.
    const place = (column: number, value: number): void => void (root.words[column * root.capacity] = value)
    place(Column.position, leaf.position)
    place(Column.length, leaf.lengthBytes)
    place(Column.crc, leaf.crc)
    expect(damageOf(() => store.load(root, 0)).details.actual).toContain('contradicts')
  })

  it.each([
    ['one key more', Column.countLow],
    ['one stored byte more', Column.storedLow],
  ])('is refused if its parent says that there is %s below it', (_name, column) => {
    const { store, tree } = opened(stored(400))
    const { root } = tree
    root.words[column * root.capacity] = (root.words[column * root.capacity] ?? 0) + 1
    expect(damageOf(() => store.load(root, 0)).details.actual).toContain('contradicts')
  })

  it('is refused by a pointer of an impossible length, without reading it', () => {
    const { store, tree } = opened(stored(400))
    const { root } = tree
    for (const length of [0, NODE_HEAD_BYTES - 1, 65_537, 0xffff_ffff]) {
      root.words[Column.length * root.capacity] = length
      expect(damageOf(() => store.load(root, 0)).details.actual).toBe('length')
    }
  })

  it('is refused as the root of a tree of another kind, height, count or size', () => {
    const all = stored(60)
    const store = new NodeStore(all.file, checksum, 0)
    const root = all.tree.storedRoot()
    const lies = [
      { height: root.height + 1 },
      { count: 61 },
      { nodeBytes: root.nodeBytes + 8 },
      { crc: root.crc ^ 1 },
    ]
    for (const lie of lies) damageOf(() => store.loadRoot({ ...root, ...lie }, ColumnCount.recordsLeaf))
    const small = stored(3)
    const leaves = new NodeStore(small.file, checksum, 0)
    damageOf(() => leaves.loadRoot(small.tree.storedRoot(), ColumnCount.keysLeaf))
    expect(leaves.loadRoot(small.tree.storedRoot(), ColumnCount.recordsLeaf).count).toBe(3)
  })
})

describe('the store of nodes', () => {
  it('gives the same node again while it is kept, and counts hits, misses and evictions', () => {
    const { store, tree } = opened(stored(400), 1e9)
    expect(readAll(tree)).toBe(400)
    const { misses } = store
    expect(store.cachedNodes).toBe(misses)
    expect(tree.root).toBe(tree.root)
    expect(readAll(tree)).toBe(400)
    expect(store.misses).toBe(misses)
    expect(store.hits).toBeGreaterThan(misses)
    expect(store.evictions).toBe(0)
  })

  it('keeps nothing without a budget, and everything is read all the same', () => {
    const { store, tree } = opened(stored(400), 0)
    expect(readAll(tree)).toBe(400)
    expect(checkTree(tree)).toEqual([])
    expect({ bytes: store.cachedBytes, nodes: store.cachedNodes, hits: store.hits }).toEqual({
      bytes: 0,
      nodes: 0,
      hits: 0,
    })
    expect(store.evictions).toBe(store.misses)
  })

  it('gives up what it keeps as unstored nodes grow, and never passes its budget with both', () => {
    const limit = 30_000
    const { store, tree } = opened(stored(400), limit)
    readAll(tree)
    const before = store.cachedBytes
    expect(before).toBeGreaterThan(limit * 0.8)
    expect(before).toBeLessThanOrEqual(limit)
    const editor = new TreeEditor(tree)
    for (let n = 0; n < 400; n += 20) {
      editor.set(key(n), 1, 1, 1, new RecordRef())
      store.trim()
      expect(store.unstoredBytes).toBeGreaterThan(0)
      expect(store.cachedBytes).toBeLessThanOrEqual(Math.max(0, limit - store.unstoredBytes))
    }
    expect(store.cachedBytes).toBeLessThan(before)
    store.recount(0)
    readAll(tree)
    expect(store.cachedBytes).toBeGreaterThan(limit * 0.8)
  })

  it('does not count what changes in trees of the past', () => {
    const { store, tree } = opened(stored(400), 0)
    const past = Tree.stored(store.forThePast(), tree.storedRoot())
    const editor = new TreeEditor(past)
    editor.set(key(7), 1, 1, 1, new RecordRef())
    expect({ unstored: store.unstoredBytes, made: store.madeBytes }).toEqual({ unstored: 0, made: 0 })
    expect(readAll(editor.freeze())).toBe(400)
  })
})
