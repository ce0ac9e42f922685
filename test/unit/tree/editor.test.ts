import { describe, expect, it } from 'vitest'
import { checkTree } from '../../../src/tree/check.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { concatenate, removeEntry } from '../../../src/tree/entries.js'
import { emptyNode } from '../../../src/tree/new-node.js'
import { keyOf, type Node, NOBODY, setCountAt, subtreeCount } from '../../../src/tree/node.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { Tree } from '../../../src/tree/tree.js'
import { hex, walk } from '../../support/tree-model.js'

const key = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 0xff)

function filled(count: number, tree = Tree.empty): TreeEditor {
  const editor = new TreeEditor(tree)
  const previous = new RecordRef()
  for (let i = 0; i < count; i++) editor.set(key(i), 1000 + i, i, i, previous)
  return editor
}

describe('a tree editor', () => {
  it('says whether a key was there, and what it referred to', () => {
    const editor = filled(0)
    const previous = new RecordRef()
    expect(editor.set(key(1), 2 ** 47 - 1, 0xffffffff, 0xfffffffe, previous)).toBe(false)
    expect(editor.set(key(1), 5, 6, 7, previous)).toBe(true)
    expect(previous).toEqual({ position: 2 ** 47 - 1, lengthBytes: 0xffffffff, crc: 0xfffffffe })
    expect(editor.delete(key(2), previous)).toBe(false)
    expect(editor.delete(key(1), previous)).toBe(true)
    expect(previous).toEqual({ position: 5, lengthBytes: 6, crc: 7 })
    expect(editor.delete(key(1), previous)).toBe(false)
  })

  it('puts two leaves without keys together', () => {
    const leaf = emptyNode(NOBODY, 0, 5, 0, 0)
    expect(concatenate(NOBODY, leaf, emptyNode(NOBODY, 0, 5, 0, 0), key(1))).toMatchObject({ count: 0 })
  })

  it('splits a root that a delete made too heavy', () => {
    const editor = new TreeEditor(Tree.empty)
    const zeros = (length: number): Uint8Array => new Uint8Array(length)
    const others = [[98], [97, 97], [...zeros(4091)], [1], [16, ...zeros(8)], [17]].map((bytes) =>
      Uint8Array.from(bytes),
    )
    const keys = [zeros(0), zeros(3), zeros(40), zeros(4090), ...others]
    for (const one of keys) editor.set(one, 1, 1, 1, new RecordRef())
    expect(editor.delete(zeros(0), new RecordRef())).toBe(true)
    expect(checkTree(editor.freeze())).toEqual([])
    expect(editor.count).toBe(keys.length - 1)
  })

  it('gives a leaf that is filled in order the room of a full one', () => {
    const { children } = filled(400).freeze().root
    const [full, filling] = [children[0], children.at(-1)]
    expect(filling?.count).toBeLessThan((full?.count ?? 0) / 2)
    expect(filling?.capacity).toBeGreaterThanOrEqual(full?.count ?? 0)
  })

  it('freezes to the same tree as long as nothing changes, failed deletes and look-ups included', () => {
    const editor = filled(500)
    const tree = editor.freeze()
    expect(editor.freeze()).toBe(tree)
    editor.delete(key(5000), new RecordRef())
    expect(editor.freeze()).toBe(tree)
    expect(editor.lookUp(key(5000), new RecordRef())).toBe(false)
    expect(editor.lookUp(key(2), new RecordRef())).toBe(true)
    expect(editor.freeze()).toBe(tree)
    expect(new TreeEditor(tree).freeze()).toBe(tree)
    editor.delete(key(1), new RecordRef())
    expect(editor.freeze()).not.toBe(tree)
  })

  it('copies only the path to what it changes', () => {
    const editor = filled(5000)
    const before = editor.freeze()
    editor.set(key(2500), 1, 1, 1, new RecordRef())
    const after = editor.freeze()
    const shared = after.root.children.filter((child) => before.root.children.includes(child))
    expect(after.root).not.toBe(before.root)
    expect(shared.length).toBe(before.root.count - 1)
  })

  it('goes back to any tree that it was given, and on from there', () => {
    const editor = filled(300)
    const at300 = editor.freeze()
    const entries = walk(at300)
    for (let i = 0; i < 300; i++) editor.delete(key(i), new RecordRef())
    expect(editor.count).toBe(0)
    editor.reset(at300)
    expect(editor.count).toBe(300)
    expect(walk(editor.freeze())).toEqual(entries)
    editor.set(key(300), 1, 2, 3, new RecordRef())
    expect(walk(editor.freeze()).slice(0, 300)).toEqual(entries)
    expect(walk(at300)).toEqual(entries)
  })

  it('goes over to a tree of another editor without touching it', () => {
    const one = filled(300)
    const other = filled(400).freeze()
    const entries = walk(other)
    one.reset(other)
    one.delete(key(7), new RecordRef())
    expect(one.count).toBe(399)
    expect(walk(other)).toEqual(entries)
  })
})

describe('a tree of keys alone', () => {
  it('keeps keys, order and counts, and no references', () => {
    const editor = filled(3000, Tree.emptyOfKeys)
    const ref = new RecordRef()
    for (let i = 0; i < 3000; i += 3) expect(editor.delete(key(i), ref)).toBe(true)
    const tree = editor.freeze()
    expect(checkTree(tree)).toEqual([])
    expect(tree.count).toBe(2000)
    expect(tree.countRange({ from: key(1000), to: key(1300) })).toBe(200)
    ref.position = 1
    expect(tree.find(key(1), ref)).toBe(true)
    expect(ref).toEqual({ position: 0, lengthBytes: 0, crc: 0 })
    expect(walk(tree, { from: key(10), to: key(14) }).map((entry) => entry.key)).toEqual([
      '000a',
      '000b',
      '000d',
    ])
    expect(walk(tree).every(({ position, lengthBytes, crc }) => position + lengthBytes + crc === 0)).toBe(
      true,
    )
  })
})

describe('a cursor', () => {
  it('gives nothing of an empty tree, of empty and of inverted bounds, or past an offset', () => {
    const tree = filled(200).freeze()
    expect(Tree.empty.cursor({}).next()).toBe(false)
    for (const reverse of [false, true]) {
      expect(walk(tree, { from: key(5), to: key(5) }, reverse)).toEqual([])
      expect(walk(tree, { from: key(9), to: key(5) }, reverse)).toEqual([])
      expect(walk(tree, {}, reverse, 200)).toEqual([])
      expect(walk(tree, { from: key(500) }, reverse)).toEqual([])
    }
  })

  it('passes over leaves without keys, wherever they are', () => {
    for (const emptied of [[0], [1], [1, 2], [0, 1, 3], [4, 5], [5]]) {
      const { root } = filled(800).freeze().detach()
      expect(root).toMatchObject({ height: 1 })
      expect(root.count).toBeGreaterThan(6)
      for (const slot of emptied) {
        const leaf = root.children[slot] as Node
        for (let left = leaf.count; left > 0; left--) removeEntry(leaf, 0)
        setCountAt(root, slot, 0)
      }
      const tree = new Tree(Tree.empty.source, root, subtreeCount(root))
      expect(checkTree(tree)).toEqual([])
      const left = root.children.flatMap((leaf) =>
        Array.from({ length: leaf?.count ?? 0 }, (_, i) => hex(keyOf(leaf as Node, i))),
      )
      for (const reverse of [false, true]) {
        const keys = walk(tree, {}, reverse).map((entry) => entry.key)
        expect(reverse ? keys.toReversed() : keys).toEqual(left)
      }
    }
  })

  it('gives keys of its own each time', () => {
    const cursor = filled(2).freeze().cursor({})
    cursor.next()
    const first = cursor.key()
    cursor.key().fill(9)
    cursor.next()
    expect(first).toEqual(key(0))
    expect(cursor.key()).toEqual(key(1))
  })
})
