/**
 * Nodes come back from their images as they were, whole trees of them through a file, and nothing but an image is taken
 * for one: whatever bytes a decoder is given, it says so or reads exactly what they say.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_NODE_IMAGE_BYTES, NodeHead, readNodeHead } from '../../../src/format/index-node.js'
import { viewOf } from '../../../src/format/integers.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { checkTree } from '../../../src/tree/check.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { countAt, keyOf, type Node, positionAt, readRef, storedBytesAt } from '../../../src/tree/node.js'
import { NodeStore } from '../../../src/tree/node-store.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { imageBytes, readImage, writeImage } from '../../../src/tree/stored-node.js'
import { unstoredNodes } from '../../../src/tree/storing.js'
import { Tree } from '../../../src/tree/tree.js'
import { count, seed } from '../../support/counts.js'
import { anyBytes, checksum, uint32 } from '../../support/decoding.js'
import {
  type ImageEntry,
  type ImageSpec,
  INNER,
  KEYS_LEAF,
  mended,
  nodeImage,
  RECORDS_LEAF,
} from '../../support/node-images.js'
import { bytesOf, hex, type ModelEntry, TreeModel, walk } from '../../support/tree-model.js'

/** The node of an image, or what is wrong with it. */
function decode(image: Uint8Array): Node | string {
  const head = new NodeHead()
  const view = viewOf(image)
  const problem = readNodeHead(image, view, 0, image.length, head, checksum)
  return problem ?? readImage(image, view, 0, head)
}

function encode(node: Node, position = 0): Uint8Array {
  const bytes = new Uint8Array(imageBytes(node))
  writeImage(node, bytes, viewOf(bytes), 0, position, checksum)
  return bytes
}

const uint48 = fc.oneof(fc.nat(1000), fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 47 - 1), uint32)
const part = (maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.tuple(fc.nat(maxLength), fc.nat(255)).map(([length, byte]) => new Uint8Array(length).fill(byte)),
  )
const anyEntry: fc.Arbitrary<ImageEntry> = fc.record({
  suffix: part(600),
  length: uint32,
  crc: uint32,
  position: uint48,
  count: uint48,
  stored: uint48,
})

/** Images of every kind. Keys are in no order: a decoder of one node does not compare them. */
const anySpec: fc.Arbitrary<ImageSpec> = fc
  .record({
    kind: fc.constantFrom(RECORDS_LEAF, KEYS_LEAF, INNER),
    height: fc.integer({ min: 1, max: 64 }),
    prefix: part(4096),
    entries: fc.array(anyEntry, { minLength: 1, maxLength: 60 }),
  })
  .map(({ kind, height, prefix, entries }) => {
    if (kind !== INNER) return { kind, height: 0, prefix, entries }
    const [first, ...rest] = entries
    return { kind, height, prefix, entries: [{ ...first, suffix: new Uint8Array(0) }, ...rest] }
  })

/** What a node says, in the words of an image. */
function specOf(node: Node): ImageSpec {
  const ref = new RecordRef()
  const prefix = node.keys.slice(0, node.prefixBytes)
  const kind = node.height > 0 ? INNER : node.columns === 2 ? KEYS_LEAF : RECORDS_LEAF
  const entries = Array.from({ length: node.count }, (_, i): ImageEntry => {
    const suffix = keyOf(node, i).subarray(prefix.length)
    readRef(node, i, ref)
    const { lengthBytes: length, crc, position } = ref
    if (kind === KEYS_LEAF) return { suffix }
    if (kind === RECORDS_LEAF) return { suffix, length, crc, position }
    return { suffix, length, crc, position, count: countAt(node, i), stored: storedBytesAt(node, i) }
  })
  return { kind, height: node.height, prefix, entries }
}

/** Without what its kind does not store. */
function storedPartOf({ kind, height, prefix, entries }: ImageSpec): ImageSpec {
  const kept = entries.map((entry): ImageEntry => {
    const { suffix, length, crc, position } = entry
    if (kind === INNER) return entry
    return kind === KEYS_LEAF ? { suffix } : { suffix, length, crc, position }
  })
  return { kind, height, prefix, entries: kept }
}

/** With bytes as text, which is compared and shown faster. */
function shown({ prefix, entries, ...rest }: ImageSpec): unknown {
  const texts = entries.map(({ suffix, ...entry }) => ({ ...entry, suffix: hex(suffix) }))
  return { ...rest, prefix: hex(prefix), entries: texts }
}

describe('a stored node', () => {
  it('is read from its image as the format page has it, and written to the same bytes', () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        const image = nodeImage(spec)
        fc.pre(image.length <= MAX_NODE_IMAGE_BYTES)
        const node = decode(image)
        if (typeof node === 'string') throw new TypeError(node)
        expect(shown(specOf(node))).toEqual(shown(storedPartOf(spec)))
        expect(imageBytes(node)).toBe(image.length)
        expect(hex(encode(node))).toBe(hex(image))
      }),
      { seed, numRuns: count(300, 20_000) },
    )
  })

  it('says where it is stored, and how many bytes it and all below it take', () => {
    const entries = [1, 2, 3].map((n) => ({
      suffix: new Uint8Array(n - 1),
      position: n,
      count: 10 * n,
      stored: 100 * n,
    }))
    const image = nodeImage({ kind: INNER, height: 1, prefix: new Uint8Array(2), entries })
    const node = decode(image)
    if (typeof node === 'string') throw new TypeError(node)
    expect(node).toMatchObject({ lengthBytes: image.length, storedBytes: image.length + 600, position: 0 })
    encode(node, 4711)
    expect(node).toMatchObject({ position: 4711, lengthBytes: image.length, storedBytes: image.length + 600 })
  })

  it('writes the very bytes that it was read from, or is refused, whatever they are', () => {
    const examples = [RECORDS_LEAF, KEYS_LEAF, INNER].map((kind) => {
      const entries = ['', 'b', 'cd', 'cde'].map((text, n) => ({
        suffix: new TextEncoder().encode(text),
        length: n,
        position: 2 ** 33 + n,
        count: n,
      }))
      return nodeImage({ kind, height: kind === INNER ? 2 : 0, prefix: new Uint8Array(3), entries })
    })
    let nodes = 0
    fc.assert(
      fc.property(fc.oneof(...examples.map(anyBytes)), fc.boolean(), (bytes, lengthHolds) => {
        const image = bytes.slice()
        if (lengthHolds && image.length >= 8) viewOf(image).setUint32(4, image.length, true)
        const hostile = mended(image)
        const node = decode(hostile)
        if (typeof node === 'string') return
        nodes += 1
        expect(hex(encode(node))).toBe(hex(hostile))
        expect(node.words.byteLength).toBeLessThanOrEqual(4 * hostile.length)
      }),
      { seed, numRuns: Math.max(3000, count(3000, 200_000)) },
    )
    expect(nodes).toBeGreaterThan(0)
  })

  it.each<[string, (image: Uint8Array, view: DataView) => void]>([
    ['suffixes that reach past the image', (_image, view) => view.setUint16(16, 0xffff, true)],
    ['bytes behind the last suffix', (_image, view) => view.setUint16(18, 0, true)],
    ['a shorter prefix than it has bytes for', (_image, view) => view.setUint16(10, 1, true)],
  ])('is refused with %s', (_what, change) => {
    // The lengths of the suffixes stand at 16 and 18.
    const image = nodeImage({
      kind: KEYS_LEAF,
      height: 0,
      prefix: new Uint8Array(2),
      entries: [{ suffix: Uint8Array.of(1) }, { suffix: Uint8Array.of(2) }],
    })
    expect(typeof decode(image)).toBe('object')
    change(image, viewOf(image))
    expect(decode(mended(image))).toBe('layout')
  })

  it('is refused as an inner node whose first entry has a key', () => {
    const entries = [{ suffix: Uint8Array.of(1) }, { suffix: Uint8Array.of(2) }]
    expect(decode(nodeImage({ kind: INNER, height: 1, prefix: new Uint8Array(0), entries }))).toBe('layout')
  })

  it('is refused with a place beyond what nodes have room for', () => {
    const at = (position: number): ImageSpec => ({
      kind: RECORDS_LEAF,
      height: 0,
      prefix: new Uint8Array(0),
      entries: [{ suffix: Uint8Array.of(1), position }],
    })
    expect(decode(nodeImage(at(2 ** 47 - 1)))).not.toBe('layout')
    expect(decode(nodeImage(at(2 ** 47)))).toBe('layout')
  })

  it('takes no more memory than a small multiple of its image, with as many entries as fit', () => {
    const entries = Array.from({ length: 30_000 }, () => ({ suffix: new Uint8Array(0) }))
    const image = nodeImage({ kind: KEYS_LEAF, height: 0, prefix: new Uint8Array(0), entries })
    const node = decode(image)
    if (typeof node === 'string') throw new TypeError(node)
    expect(node.count).toBe(30_000)
    expect(node.words.byteLength).toBeLessThanOrEqual(4 * image.length)
  })
})

// Whole trees

const familyOf: Readonly<Record<string, fc.Arbitrary<Uint8Array>>> = {
  'any bytes': fc.uint8Array({ maxLength: 12 }),
  'long prefixes': fc
    .tuple(fc.constantFrom(60, 700, 4080), fc.uint8Array({ minLength: 1, maxLength: 4 }))
    .map(([length, end]) => {
      const bytes = new Uint8Array(length + end.length).fill(0x70)
      bytes.set(end, length)
      return bytes
    }),
  '4 KiB': fc.tuple(fc.nat(255), fc.nat(4095), fc.nat(255)).map(([fill, at, byte]) => {
    const bytes = new Uint8Array(4096).fill(fill & 1)
    bytes[at] = byte
    return bytes
  }),
}
const anyKey = fc.oneof(...Object.values(familyOf))
const changes = fc.array(
  fc.record({ key: anyKey, deletes: fc.boolean(), position: uint48, length: uint32, crc: uint32 }),
  { minLength: 1, maxLength: 250 },
)

/** Stores what is not stored yet of a tree behind the end of a file; returns how many images that were. */
function store(tree: Tree, file: ReturnType<MemoryStorage['open']>): number {
  let images = 0
  for (const node of unstoredNodes(tree.root)) {
    const position = file.size()
    const bytes = new Uint8Array(imageBytes(node))
    writeImage(node, bytes, viewOf(bytes), 0, position, checksum)
    file.write(bytes, position)
    images += 1
  }
  return images
}

function newFile(): ReturnType<MemoryStorage['open']> {
  const file = new MemoryStorage().open('nodes', 'create')
  // No node is at 0: that says of a node that it is not stored.
  file.write(new Uint8Array(8), 0)
  return file
}

describe('a stored tree', () => {
  it('equals the model when it is read from the file again, checkpoint after checkpoint', () => {
    fc.assert(
      fc.property(fc.array(changes, { minLength: 1, maxLength: 4 }), (rounds) => {
        const file = newFile()
        let stored = Tree.empty
        const model = new TreeModel()
        const pasts: { readonly tree: Tree; readonly entries: readonly ModelEntry[] }[] = []
        for (const round of rounds) {
          const editor = new TreeEditor(stored)
          for (const { key, deletes, position, length, crc } of round) {
            if (deletes && model.get(hex(key)) !== undefined) {
              model.delete(hex(key))
              editor.delete(key, new RecordRef())
            } else {
              model.set({ key: hex(key), position, lengthBytes: length, crc })
              editor.set(key, position, length, crc, new RecordRef())
            }
          }
          const tree = editor.freeze()
          if (tree.count > 0) store(tree, file)
          const root = tree.storedRoot()
          expect(root.count).toBe(model.entries.length)
          // Nothing of it is in memory, and nothing is kept in memory: every node is read from the file.
          stored = Tree.stored(new NodeStore(file, checksum, 0), root)
          pasts.push({ tree: stored, entries: [...model.entries] })
        }
        for (const { tree, entries } of pasts) {
          expect(checkTree(tree)).toEqual([])
          expect(walk(tree)).toEqual(entries)
          for (const { key } of entries.slice(0, 20)) expect(tree.has(bytesOf(key))).toBe(true)
        }
      }),
      { seed, numRuns: count(25, 1000) },
    )
  })

  it('stores of a large tree what changed, and counts the bytes of all its images', () => {
    const file = newFile()
    const key = (n: number): Uint8Array => {
      const bytes = new Uint8Array(100)
      viewOf(bytes).setUint32(96, n)
      return bytes
    }
    const editor = new TreeEditor(Tree.empty)
    for (let n = 0; n < 20_000; n++) editor.set(key(n), n, n, n, new RecordRef())
    const first = editor.freeze()
    const images = store(first, file)
    expect(first.root.height).toBe(2)
    expect(first.storedRoot().nodeBytes).toBe(file.size() - 8)

    const again = new TreeEditor(Tree.stored(new NodeStore(file, checksum, 2 ** 20), first.storedRoot()))
    again.set(key(777), 1, 2, 3, new RecordRef())
    const second = again.freeze()
    const before = file.size()
    // A path from a leaf to the root, and nothing else.
    expect(store(second, file)).toBe(3)
    expect(images).toBeGreaterThan(200)
    // Of the leaf what changed: what it had is told by its earlier image.
    expect(positionAt(second.root, 0)).toBeLessThan(file.size())
    expect(second.storedRoot().nodeBytes - first.storedRoot().nodeBytes).toBeLessThan(200)
    expect(file.size() - before).toBeLessThan(second.root.lengthBytes + 4200)
  })

  it('is stored once: what is stored already is not written again', () => {
    const file = newFile()
    const editor = new TreeEditor(Tree.emptyOfKeys)
    for (let n = 0; n < 5000; n++) editor.set(Uint8Array.of(n >> 8, n), 0, 0, 0, new RecordRef())
    const tree = editor.freeze()
    expect(store(tree, file)).toBeGreaterThan(10)
    expect(store(tree, file)).toBe(0)
  })
})
