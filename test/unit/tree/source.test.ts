/**
 * Trees whose nodes are stored elsewhere and not in memory: everything works through the one way to a child, loads no
 * more than the path it needs, and never takes a stored node for one that changed since.
 */
import { describe, expect, it } from 'vitest'
import { checkTree } from '../../../src/tree/check.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { type Node, readRef, writeRef } from '../../../src/tree/node.js'
import type { NodeSource } from '../../../src/tree/node-source.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { Tree } from '../../../src/tree/tree.js'
import { CorruptionError } from '../../../src/errors.js'
import { seed } from '../../support/counts.js'
import { randomFrom } from '../../support/random.js'
import { entryOf, hex, TreeModel, walk } from '../../support/tree-model.js'

/** Stores nodes by number, and takes them out of their parents. */
class NodeStore implements NodeSource {
  readonly editsInPlace = false
  readonly partShare = 0
  loads = 0
  readonly damage = undefined
  readonly pool = undefined
  lost = false
  readonly #nodes: Node[] = []
  readonly #ref = new RecordRef()

  load(parent: Node, slot: number): Node {
    this.loads++
    readRef(parent, slot, this.#ref)
    const node = this.#nodes[this.#ref.position - 1]
    if (node === undefined || this.lost) throw new CorruptionError('This node is lost.')
    return node
  }

  part(parent: Node, slot: number): Node {
    return this.load(parent, slot)
  }

  base(parent: Node, slot: number): Node {
    return this.load(parent, slot)
  }

  pass(parent: Node, slot: number): Node {
    return this.load(parent, slot)
  }

  beginSearch(): void {
    // Not of interest here.
  }

  loadRoot(): Node {
    throw new CorruptionError('The roots of these trees are in memory.')
  }

  grew(): void {
    // Not of interest here.
  }

  made(): void {
    // Not of interest here.
  }

  replaced(): void {
    // Not of interest here.
  }

  recount(): void {
    // Not of interest here.
  }

  /** The same tree with nothing but its root in memory. */
  store(tree: Tree): Tree {
    this.#storeBelow(tree.root)
    return new Tree(this, tree.root, tree.count)
  }

  #storeBelow(node: Node): void {
    for (const [slot, child] of node.children.entries()) {
      if (child === undefined) continue
      this.#storeBelow(child)
      this.#nodes.push(child)
      writeRef(node, slot, this.#nodes.length, 1, 1)
      node.children[slot] = undefined
    }
  }
}

function key(n: number): Uint8Array {
  const bytes = new Uint8Array(40)
  new DataView(bytes.buffer).setUint32(36, n)
  return bytes
}

function loaded(count: number): TreeEditor {
  const editor = new TreeEditor(Tree.empty)
  for (let i = 0; i < count; i++) editor.set(key(i), i, i, i, new RecordRef())
  return editor
}

describe('a tree that is not in memory', () => {
  it('reads one path for a lookup, a count and the start of a cursor', () => {
    const store = new NodeStore()
    const tree = store.store(loaded(20_000).freeze())
    const levels = tree.root.height
    expect(levels).toBe(2)
    const loadsOf = (run: () => void): number => {
      const before = store.loads
      run()
      return store.loads - before
    }
    expect(loadsOf(() => expect(tree.has(key(12_345))).toBe(true))).toBe(levels)
    expect(loadsOf(() => expect(tree.countRange({ from: key(300) })).toBe(19_700))).toBe(levels)
    expect(loadsOf(() => expect(tree.keyAt(17_000)).toEqual(key(17_000)))).toBe(levels)
    expect(loadsOf(() => void tree.cursor({}))).toBe(0)
    expect(loadsOf(() => expect(tree.cursor({}, { reverse: true }).next()).toBe(true))).toBe(levels)
    expect(checkTree(tree)).toEqual([])
  })

  it('equals the model under random changes, stored and evicted again and again', () => {
    const random = randomFrom(seed)
    const store = new NodeStore()
    const editor = loaded(0)
    const model = new TreeModel()
    const previous = new RecordRef()
    const kept: { tree: Tree; entries: TreeModel['entries'] }[] = []
    for (let step = 0; step < 6000; step++) {
      const n = random.below(3000)
      const entry = { key: hex(key(n)), position: step, lengthBytes: 1, crc: 2 }
      const adds = random.next() < (step < 4000 ? 0.7 : 0.2)
      const before = adds ? model.set(entry) : model.delete(entry.key)
      const was = adds ? editor.set(key(n), step, 1, 2, previous) : editor.delete(key(n), previous)
      expect(was).toBe(before !== undefined)
      if (before !== undefined) expect(entryOf(key(n), previous)).toEqual(before)
      if (step % 97 === 0) editor.reset(store.store(editor.freeze()))
      if (step % 997 === 0) kept.push({ tree: editor.freeze(), entries: [...model.entries] })
    }
    kept.push({ tree: editor.freeze(), entries: model.entries })
    for (const { tree, entries } of kept) {
      expect(checkTree(tree)).toEqual([])
      expect(walk(tree)).toEqual(entries)
    }
    expect(store.loads).toBeGreaterThan(1000)
  })

  it('says of every child that cannot be read so, and goes on with the others', () => {
    const store = new NodeStore()
    const { root } = store.store(loaded(5000).freeze())
    store.lost = true
    const findings = checkTree(new Tree(store, root, 5000))
    expect(findings.map(({ kind, path }) => `${kind} ${path}`)).toEqual(
      Array.from({ length: root.count }, (_, slot) => `unreadable /${String(slot)}`),
    )
    expect(() => new Tree(store, root, 5000).has(key(1))).toThrow(CorruptionError)
  })

  it('goes back to a sound tree after a change that could not read what it needed', () => {
    const store = new NodeStore()
    const tree = store.store(loaded(5000).freeze())
    const editor = new TreeEditor(tree)
    store.lost = true
    expect(() => editor.set(key(9000), 1, 1, 1, new RecordRef())).toThrow('lost')
    store.lost = false
    editor.reset(tree)
    expect(checkTree(editor.freeze())).toEqual([])
    expect(editor.count).toBe(5000)
  })
})
