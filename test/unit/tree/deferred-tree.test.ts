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

function settle(deferred: DeferredTree): void {
  deferred.settleSome(Number.POSITIVE_INFINITY)
}

interface Behind {
  readonly deferred: DeferredTree
  readonly tree: Tree
  readonly expected: ReadonlyMap<number, RecordRef>
}

/** Rows that are replaced, and new ones between them. */
function behind(): Behind {
  const deferred = new DeferredTree(editorOf(ROWS), settle)
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

  it('is made when its root is asked for, and not when somebody keeps it or counts its keys', () => {
    const { deferred, tree, expected } = behind()
    expect(tree.capture().count).toBe(expected.size)
    expect([deferred.isBehind, DeferredTree.of(tree)]).toEqual([true, deferred])
    expectOrder(tree, expected)
    expect([deferred.isBehind, DeferredTree.of(tree)]).toEqual([false, undefined])
  })

  it('is what another tree of the same keys says, once that was made in another way', () => {
    const { deferred, tree, expected } = behind()
    expect(deferred.settleSome(CHANGES / 2)).toBe(true)
    const other = behind()
    settle(other.deferred)
    deferred.become(other.tree)
    expect(deferred.isBehind).toBe(false)
    expectKeys(tree, expected)
    expectOrder(tree, expected)
    // Its editor goes on from there.
    const ref = new RecordRef()
    expect(deferred.editor.delete(keyOf(0), ref)).toBe(true)
    expect([deferred.editor.count, tree.count]).toEqual([expected.size - 1, expected.size])
    expectKeys(tree, expected)
  })

  it('takes no change once a reader has it', () => {
    const { deferred } = behind()
    expect(deferred.isOpen).toBe(false)
    const open = new DeferredTree(editorOf(1), settle)
    expect(open.isOpen).toBe(true)
    settle(open)
    expect(open.isOpen).toBe(false)
  })

  it('is not made where what is said to be new is there, and says so every time', () => {
    const deferred = new DeferredTree(editorOf(10), settle)
    deferred.add(keyOf(4), refOf(99), true)
    const tree = deferred.give()
    for (let i = 0; i < 2; i++) expect(() => tree.cursor({})).toThrow(CorruptionError)
    // What is known of a key is said all the same.
    for (const [n, expected] of [
      [4, refOf(99)],
      [6, refOf(3)],
    ] as const) {
      const ref = new RecordRef()
      expect([tree.find(keyOf(n), ref), ref]).toEqual([true, expected])
    }
  })
})
