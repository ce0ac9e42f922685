/** Leaves that are added to without reading them. */
import { describe, expect, it, vi } from 'vitest'
import { CorruptionError } from '../../../src/errors.js'
import { NodeKind } from '../../../src/format/index-node.js'
import { checkTree } from '../../../src/tree/check.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { isPartial, type Node } from '../../../src/tree/node.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { Tree } from '../../../src/tree/tree.js'
import { type StoredImage, StoredLeaves } from '../../support/stored-leaves.js'
import { longKeyOf, walk } from '../../support/tree-model.js'

const KEY_BYTES = 9

/** Even keys, in several leaves below one root. */
const EVEN = Array.from({ length: 300 }, (_, n) => n * 2)

/** In the order of their numbers. */
function keyOf(n: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES)
  new DataView(key.buffer).setUint32(0, n)
  return key
}

function even(limitBytes = 1e9): StoredLeaves {
  const stored = new StoredLeaves()
  stored.limitBytes = limitBytes
  stored.change((editor) => {
    for (const n of EVEN) editor.set(keyOf(n), n + 1, 2, 3, new RecordRef())
  })
  expect(stored.tree.root.height).toBe(1)
  return stored
}

function add(editor: TreeEditor, ...keys: readonly number[]): void {
  for (const n of keys) {
    editor.ownToAdd(keyOf(n))
    editor.add(keyOf(n), n + 1, 2, 3)
  }
}

function stateOf(tree: { readonly root: Node }): (boolean | undefined)[] {
  return tree.root.children.map((child) => child && isPartial(child))
}

function leavesOf(images: readonly StoredImage[]): number[] {
  return images.filter(({ kind }) => kind !== NodeKind.inner).map(({ kind }) => kind)
}

function positionsOf(stored: StoredLeaves): number[] {
  return walk(stored.tree).map(({ position }) => position)
}

describe('a key that is known not to be there', () => {
  it('is added, counted and stored without reading its leaf, and found by reading that once', () => {
    const stored = even()
    const { store } = stored
    void stored.tree.root
    const { misses } = store
    const editor = new TreeEditor(stored.tree)
    add(editor, 41, 43)
    expect(store.misses).toBe(misses)
    expect(editor.count).toBe(EVEN.length + 2)
    const tree = editor.freeze()
    expect(stateOf(tree).filter((partial) => partial === true)).toHaveLength(1)
    for (let again = 0; again < 3; again++) {
      const ref = new RecordRef()
      expect(tree.find(keyOf(43), ref)).toBe(true)
      expect(ref).toMatchObject({ position: 44, lengthBytes: 2, crc: 3 })
      expect(tree.find(keyOf(44), ref)).toBe(true)
      expect(tree.rankOf(keyOf(43))).toBe(23)
      expect(store.misses).toBe(misses + 1)
    }
    expect(checkTree(tree)).toEqual([])
  })

  it('is stored as what changed of a leaf that nobody read, and read from there', () => {
    const stored = even()
    const images = stored.change((editor) => {
      const { misses } = stored.store
      add(editor, 41, 43, 301)
      expect(stored.store.misses).toBe(misses)
    })
    expect(leavesOf(images)).toEqual([NodeKind.recordsDelta, NodeKind.recordsDelta])
    expect(positionsOf(stored)).toEqual([...EVEN, 41, 43, 301].sort((a, b) => a - b).map((n) => n + 1))
  })

  it('is added to a leaf that is stored by what changed, of which only that is read', () => {
    const stored = even()
    stored.change((editor) => add(editor, 41))
    const images = stored.change((editor) => {
      void stored.tree.root
      const { misses } = stored.store
      add(editor, 43)
      expect(stored.store.misses).toBe(misses + 1)
      expect(stateOf(editor.freeze()).filter((partial) => partial === true)).toHaveLength(1)
    })
    expect(leavesOf(images)).toEqual([NodeKind.recordsDelta])
    expect(positionsOf(stored)).toEqual([...EVEN, 41, 43].sort((a, b) => a - b).map((n) => n + 1))
  })

  it('is added to it while a log is replayed without reading even that, which storing it then does', () => {
    const stored = even()
    stored.change((editor) => add(editor, 41))
    stored.store.replays = true
    const images = stored.change((editor) => {
      void stored.tree.root
      const { misses } = stored.store
      add(editor, 43, 45)
      expect(stored.store.misses).toBe(misses)
      const tree = editor.freeze()
      for (const n of [40, 41, 43]) expect(tree.has(keyOf(n))).toBe(true)
      expect(checkTree(tree)).toEqual([])
    })
    expect(leavesOf(images)).toEqual([NodeKind.recordsDelta])
    expect(positionsOf(stored)).toEqual([...EVEN, 41, 43, 45].sort((a, b) => a - b).map((n) => n + 1))
    // The leaf and one delta are what there is to be read of it.
    stored.change(() => undefined)
    void stored.tree.root
    const read = vi.spyOn(stored.file, 'read')
    expect(stored.tree.has(keyOf(43))).toBe(true)
    expect(read).toHaveBeenCalledTimes(2)
  })

  it('is stored beside a delta that cannot be read, and found again when that can', () => {
    const stored = even()
    const [image] = stored.change((editor) => add(editor, 41))
    const offset = image?.position ?? 0
    const wrong = new Uint8Array([0xff])
    const right = new Uint8Array(1)
    stored.file.read(right, offset + 40)
    for (const n of [43, 45]) {
      stored.store.replays = true
      stored.file.write(wrong, offset + 40)
      stored.change((editor) => add(editor, n), { isSound: false })
      expect(() => stored.tree.has(keyOf(n))).toThrow(
        expect.objectContaining({ details: expect.objectContaining({ offset }) }),
      )
      expect(checkTree(stored.tree).map(({ kind }) => kind)).toEqual(['unreadable'])
      stored.file.write(right, offset + 40)
      expect(stored.tree.has(keyOf(n))).toBe(true)
      stored.change(() => undefined)
    }
    const all = [...EVEN, 41, 43, 45, 47].sort((a, b) => a - b).map((n) => n + 1)
    // Of both, and of what they are of, one delta is made.
    const images = stored.change((editor) => add(editor, 47))
    expect(leavesOf(images)).toEqual([NodeKind.recordsDelta])
    expect(positionsOf(stored)).toEqual(all)
    stored.file.write(wrong, offset + 40)
    stored.change(() => undefined)
    expect(positionsOf(stored)).toEqual(all)
  })

  it('is stored beside a delta of another kind as beside one that cannot be read', () => {
    const stored = even()
    stored.change((editor) => add(editor, 41))
    stored.store.replays = true
    const editor = new TreeEditor(Tree.storedOfKeys(stored.store, stored.tree.storedRoot()))
    add(editor, 43)
    const part = editor.freeze().root.children.find((child) => child !== undefined && isPartial(child))
    expect(part?.base?.storedBytes).toBeGreaterThan(part?.base?.lengthBytes ?? Infinity)
    expect(stored.store.imageOf(part as Node)).toBe(part)
    expect(stored.store.damage?.details.actual).toBe('a node that contradicts its parent')
  })

  it('is called damage where it makes more than a leaf can have, which no sound tree does', () => {
    const stored = even()
    const editor = new TreeEditor(stored.tree)
    add(editor, 41)
    for (let n = 0; n < 21; n++) {
      const key = new Uint8Array(3000 + n)
      key.set(keyOf(41))
      editor.add(key, n + 1, 2, 3)
    }
    expect(() => editor.freeze().has(keyOf(40))).toThrow('more keys than a leaf can have')
  })

  it('has the leaf read once so much was added that it is better stored whole, and split if that is too much', () => {
    const stored = even()
    const leaves = stored.tree.root.count
    const odd = EVEN.slice(10, 60).map((n) => n + 1)
    const images = stored.change((editor) => add(editor, ...odd))
    expect(leavesOf(images)).toContain(NodeKind.recordsLeaf)
    expect(stored.tree.root.count).toBeGreaterThan(leaves)
    expect(positionsOf(stored)).toEqual([...EVEN, ...odd].sort((a, b) => a - b).map((n) => n + 1))
  })

  it('is added to a leaf in the cache by what changed of it, if that is little', () => {
    const stored = even(12_000)
    stored.change((editor) => add(editor, 41, 45, 49))
    stored.change((editor) => {
      walk(stored.tree)
      expect(stored.tree.has(keyOf(40))).toBe(true)
      const { misses } = stored.store
      add(editor, 43, 47)
      expect(stored.store.misses).toBe(misses)
      const part = editor.freeze().root.children.find((child) => child !== undefined && isPartial(child))
      expect(part?.count).toBe(5)
    })
    expect(positionsOf(stored)).toEqual([...EVEN, 41, 43, 45, 47, 49].sort((a, b) => a - b).map((n) => n + 1))
  })

  it('is taken back, and what was taken back before it, while nothing can be read', () => {
    const stored = even(0)
    stored.store.editsInPlace = true
    const editor = new TreeEditor(stored.tree)
    const before = editor.freeze()
    add(editor, 41)
    const between = editor.freeze()
    add(editor, 43, 45)
    stored.storage.plan({ operation: 'read', nth: 1, times: Infinity, fault: { error: 'EIO' } })
    editor.reset(between)
    expect(editor.count).toBe(EVEN.length + 1)
    editor.reset(before)
    expect(editor.count).toBe(EVEN.length)
    stored.storage.heal()
    expect(walk(editor.freeze()).map(({ position }) => position)).toEqual(EVEN.map((n) => n + 1))
  })

  it('changes no tree that somebody keeps', () => {
    const stored = even()
    stored.store.editsInPlace = true
    const editor = new TreeEditor(stored.tree)
    add(editor, 41)
    const kept = editor.freeze().capture()
    expect(kept.has(keyOf(41))).toBe(true)
    add(editor, 43)
    expect(kept.has(keyOf(43))).toBe(false)
    expect(editor.freeze().has(keyOf(43))).toBe(true)
    expect(kept.count).toBe(EVEN.length + 1)
  })

  it('is deleted again with the leaf read, and its leaf merged with one that is not', () => {
    const stored = even()
    const editor = new TreeEditor(stored.tree)
    add(editor, 41, 43, 143, 243)
    const gone = EVEN.slice(0, 290)
    for (const n of [41, ...gone]) expect(editor.delete(keyOf(n), new RecordRef())).toBe(true)
    const rest = [...EVEN.slice(290), 43, 143, 243].sort((a, b) => a - b)
    const tree = editor.freeze()
    expect(walk(tree).map(({ position }) => position)).toEqual(rest.map((n) => n + 1))
    expect(checkTree(tree)).toEqual([])
  })

  it('reads leaves of long keys, whose images might outgrow their limit', () => {
    const stored = new StoredLeaves()
    stored.change((editor) => {
      for (let n = 0; n < 40; n++) editor.set(longKeyOf(n, 3000), n + 1, 2, 3, new RecordRef())
    })
    stored.change((editor) => {
      editor.ownToAdd(longKeyOf(50, 3000))
      editor.add(longKeyOf(50, 3000), 51, 2, 3)
      expect(stateOf(editor.freeze())).not.toContain(true)
    })
    expect(stored.tree.count).toBe(41)
  })

  it('makes a damaged tree if it is there all the same, which the next read of the leaf says', () => {
    const stored = even()
    const editor = new TreeEditor(stored.tree)
    add(editor, 42)
    const tree = editor.freeze()
    expect(() => tree.has(keyOf(42))).toThrow(CorruptionError)
    expect(() => tree.has(keyOf(42))).toThrow('a node that contradicts its parent')
    expect(checkTree(tree).map(({ kind }) => kind)).toContain('unreadable')
    // Leaves beside it are served.
    expect(tree.has(keyOf(598))).toBe(true)
  })

  it('is in a leaf whose damage is named by the read that meets it', () => {
    const stored = even()
    const { children, count } = stored.tree.root
    expect(count).toBe(children.length)
    const editor = new TreeEditor(stored.tree)
    add(editor, 41)
    const tree = editor.freeze()
    const part = tree.root.children.find((child) => child !== undefined && isPartial(child))
    const offset = part?.base?.position ?? 0
    stored.file.write(new Uint8Array([0xff, 0xff]), offset + 30)
    expect(() => tree.has(keyOf(41))).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ offset }) }),
    )
    expect(stored.store.damage?.details.offset).toBe(offset)
  })
})

describe('a key that is known to refer to a record', () => {
  /** Has keys of `even` refer to something else. */
  function replace(editor: TreeEditor, position: number, ...keys: readonly number[]): void {
    for (const n of keys)
      editor.replace(
        keyOf(n),
        { position, lengthBytes: 4, crc: 5 },
        { position: n + 1, lengthBytes: 2, crc: 3 },
      )
  }

  const replaced = (...keys: readonly number[]): number[] => EVEN.map((n) => (keys.includes(n) ? 7 : n + 1))

  it('refers to another one without its leaf being read, which is not counted, and is found by reading that once', () => {
    const stored = even()
    const { store } = stored
    void stored.tree.root
    const { misses } = store
    const images = stored.change((editor) => {
      replace(editor, 7, 40, 44, 40)
      expect(store.misses).toBe(misses)
      expect(editor.count).toBe(EVEN.length)
      const tree = editor.freeze()
      for (let again = 0; again < 3; again++) {
        const ref = new RecordRef()
        expect(tree.find(keyOf(44), ref)).toBe(true)
        expect(ref).toMatchObject({ position: 7, lengthBytes: 4, crc: 5 })
        expect(tree.rankOf(keyOf(44))).toBe(22)
        expect(store.misses).toBe(misses + 1)
      }
      expect(checkTree(tree)).toEqual([])
    })
    expect(leavesOf(images)).toEqual([NodeKind.recordsDelta])
    expect(positionsOf(stored)).toEqual(replaced(40, 44))
  })

  it('does so in a leaf that is in memory, or was added to, or has so much that it is stored whole', () => {
    const stored = even()
    walk(stored.tree)
    stored.change((editor) => replace(editor, 7, 40))
    expect(positionsOf(stored)).toEqual(replaced(40))
    stored.change((editor) => {
      add(editor, 41)
      replace(editor, 7, 42)
      add(editor, 43)
      editor.delete(keyOf(41), new RecordRef())
      editor.delete(keyOf(43), new RecordRef())
    })
    expect(positionsOf(stored)).toEqual(replaced(40, 42))
    const many = EVEN.slice(10, 60)
    const images = stored.change((editor) => replace(editor, 7, ...many))
    expect(leavesOf(images)).toContain(NodeKind.recordsLeaf)
    expect(positionsOf(stored)).toEqual(replaced(...many))
  })

  it('is taken back while nothing can be read', () => {
    const stored = even(0)
    stored.store.editsInPlace = true
    const editor = new TreeEditor(stored.tree)
    const before = editor.freeze()
    replace(editor, 7, 40)
    const between = editor.freeze()
    replace(editor, 8, 44, 40)
    add(editor, 43)
    stored.storage.plan({ operation: 'read', nth: 1, times: Infinity, fault: { error: 'EIO' } })
    editor.reset(between)
    stored.storage.heal()
    expect(walk(editor.freeze()).map(({ position }) => position)).toEqual(replaced(40))
    stored.storage.plan({ operation: 'read', nth: 1, times: Infinity, fault: { error: 'EIO' } })
    editor.reset(before)
    stored.storage.heal()
    expect(walk(editor.freeze()).map(({ position }) => position)).toEqual(replaced())
  })

  it('makes a damaged tree if it is not there, which the next read of the leaf says', () => {
    const stored = even()
    const editor = new TreeEditor(stored.tree)
    replace(editor, 7, 41)
    const tree = editor.freeze()
    expect(() => tree.has(keyOf(42))).toThrow('a node that contradicts its parent')
    expect(tree.has(keyOf(598))).toBe(true)
  })
})
