import { describe, expect, it } from 'vitest'
import { CorruptionError } from '../../../src/errors.js'
import { DeferredTree } from '../../../src/tree/deferred-tree.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { Tree } from '../../../src/tree/tree.js'

const ROWS = 2000
const CHANGES = 300

function keyOf(n: number): Uint8Array {
  return new TextEncoder().encode(String(n).padStart(8, '0'))
}

function refOf(n: number): RecordRef {
  return Object.assign(new RecordRef(), { position: 1000 + n, lengthBytes: 50, crc: n })
}

/** A tree of even numbers. */
function editorOf(rows: number): TreeEditor {
  const editor = new TreeEditor(Tree.empty)
  for (let n = 0; n < rows; n++) editor.set(keyOf(2 * n), 1000 + n, 50, n, new RecordRef())
  return new TreeEditor(editor.freeze())
}

function refuse(cause: unknown): never {
  throw cause
}

interface Behind {
  readonly deferred: DeferredTree
  readonly tree: Tree
  readonly expected: ReadonlyMap<number, RecordRef>
}

/** Rows that are replaced, and new ones between them. */
function behind(rebuild: (cause: unknown) => Tree = refuse): Behind {
  const deferred = new DeferredTree(editorOf(ROWS), rebuild)
  const expected = new Map(Array.from({ length: ROWS }, (_, n) => [2 * n, refOf(n)]))
  for (let n = 0; n < CHANGES; n++) {
    const key = (n * 1009) % (2 * ROWS)
    deferred.add(keyOf(key), refOf(10_000 + n), !expected.has(key))
    expected.set(key, refOf(10_000 + n))
  }
  return { deferred, tree: deferred.give(), expected }
}

function expectKeys(tree: Tree, expected: ReadonlyMap<number, RecordRef>): void {
  expect(tree.count).toBe(expected.size)
  for (let n = 0; n < 2 * ROWS; n++) {
    const ref = new RecordRef()
    expect([n, tree.find(keyOf(n), ref) ? ref : undefined]).toEqual([n, expected.get(n)])
  }
}

function expectOrder(tree: Tree, expected: ReadonlyMap<number, RecordRef>): void {
  const numbers = [...expected.keys()].sort((a, b) => a - b)
  const cursor = tree.cursor({})
  for (const n of numbers) {
    expect(cursor.next()).toBe(true)
    expect(cursor.key()).toEqual(keyOf(n))
  }
  expect(cursor.next()).toBe(false)
}

describe('a tree that is made later', () => {
  it('says the same of single keys before, while and after it is made', () => {
    const { deferred, tree, expected } = behind()
    expectKeys(tree, expected)
    expect(deferred.isBehind).toBe(true)
    expect(deferred.settleSome(CHANGES / 2)).toBe(true)
    expectKeys(tree, expected)
    expect(deferred.settleSome(CHANGES)).toBe(false)
    expect([deferred.isBehind, tree.isLive]).toEqual([false, false])
    expectKeys(tree, expected)
    expectOrder(tree, expected)
  })

  it('is made when its root is asked for, or when somebody keeps it', () => {
    const asked = behind()
    expectOrder(asked.tree, asked.expected)
    const kept = behind()
    expect(kept.tree.capture().isLive).toBe(false)
    expectOrder(kept.tree, kept.expected)
  })

  it('takes no change once a reader has it', () => {
    const { deferred } = behind()
    expect(deferred.isOpen).toBe(false)
    const open = new DeferredTree(editorOf(1), refuse)
    expect(open.isOpen).toBe(true)
    open.settle()
    expect(open.isOpen).toBe(false)
  })

  it('is not made where what is said to be new is there, and says so every time', () => {
    const deferred = new DeferredTree(editorOf(10), refuse)
    deferred.add(keyOf(4), refOf(99), true)
    const tree = deferred.give()
    for (let i = 0; i < 2; i++) expect(() => tree.cursor({})).toThrow(CorruptionError)
    // What is known of a key is said all the same.
    const ref = new RecordRef()
    expect([tree.find(keyOf(4), ref), { ...ref }]).toEqual([true, { ...refOf(99) }])
    expect([tree.find(keyOf(6), ref), { ...ref }]).toEqual([true, { ...refOf(3) }])
  })
})
