/** The check of a tree finds every kind of damage: each canary breaks a sound tree in one way. */
import { describe, expect, it } from 'vitest'
import { checkTree, type TreeFindingKind } from '../../../src/tree/check.js'
import { TreeEditor } from '../../../src/tree/editor.js'
import { insertEntry, removeEntry } from '../../../src/tree/entries.js'
import { Column, countAt, endOf, type Node, setCountAt, startOf } from '../../../src/tree/node.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { Tree } from '../../../src/tree/tree.js'

/** Three levels of keys of eight bytes. */
function sound(): Tree {
  const editor = new TreeEditor(Tree.empty)
  for (let i = 0; i < 15_000; i++) editor.set(key(i * 2), i, i, i, new RecordRef())
  return editor.freeze()
}

function key(n: number): Uint8Array {
  const bytes = new Uint8Array(8).fill(0x30)
  new DataView(bytes.buffer).setUint32(2, n)
  return bytes
}

function childOf(node: Node, slot: number): Node {
  const child = node.children[slot]
  if (child === undefined) throw new Error(`The test's tree has no child ${String(slot)}`)
  return child
}

/** The fourth leaf. */
const leafOf = (tree: Tree): Node => childOf(childOf(tree.root, 0), 3)

function swapSuffixes(node: Node, a: number, b: number): void {
  const bytes = (i: number): Uint8Array => node.keys.subarray(startOf(node, i), endOf(node, i))
  const kept = bytes(a).slice()
  bytes(a).set(bytes(b))
  bytes(b).set(kept)
  const head = node.words[a] ?? 0
  node.words[a] = node.words[b] ?? 0
  node.words[b] = head
}

const canaries: [name: string, kind: TreeFindingKind, path: string, damage: (tree: Tree) => void][] = [
  ['two keys exchanged', 'order', '/0/3', (tree) => swapSuffixes(leafOf(tree), 4, 5)],
  [
    'a key twice',
    'order',
    '/0/3',
    (tree) => {
      const leaf = leafOf(tree)
      leaf.keys.copyWithin(startOf(leaf, 5), startOf(leaf, 4), endOf(leaf, 4))
      leaf.words[5] = leaf.words[4] ?? 0
    },
  ],
  [
    'separators exchanged',
    'order',
    '/0',
    (tree) => {
      const node = childOf(tree.root, 0)
      swapSuffixes(node, 3, 5)
    },
  ],
  [
    'leaves exchanged',
    'bounds',
    '/0/3',
    (tree) => {
      const node = childOf(tree.root, 0)
      const child = childOf(node, 3)
      node.children[3] = childOf(node, 4)
      node.children[4] = child
    },
  ],
  [
    'a wrong head',
    'head',
    '/0/3',
    (tree) => leafOf(tree).words.set([1], Column.head * leafOf(tree).capacity + 4),
  ],
  [
    'an end past the memory',
    'layout',
    '/0/3',
    (tree) => leafOf(tree).words.set([1e6], leafOf(tree).capacity + 4),
  ],
  [
    'an end before its start',
    'layout',
    '/0/3',
    (tree) => leafOf(tree).words.set([0], leafOf(tree).capacity + 4),
  ],
  [
    'more entries than room',
    'layout',
    '/0/3',
    (tree) => void (leafOf(tree).count = leafOf(tree).capacity + 1),
  ],
  ['a prefix past the memory', 'layout', '/0/3', (tree) => void (leafOf(tree).prefixBytes = 1e6)],
  ['a wrong subtree count', 'count', '/0/3', (tree) => setCountAt(childOf(tree.root, 0), 3, 1)],
  [
    'a wrong count near the root',
    'count',
    '/0',
    (tree) => setCountAt(tree.root, 0, countAt(tree.root, 0) + 1),
  ],
  ['an entry lost', 'count', '/0/3', (tree) => removeEntry(leafOf(tree), 4)],
  ['a leaf too high', 'depth', '/0', (tree) => void (tree.root.children[0] = leafOf(tree))],
  [
    'an inner node too low',
    'depth',
    '/0/3',
    (tree) => void (childOf(tree.root, 0).children[3] = childOf(tree.root, 1)),
  ],
  [
    'an inner node without children',
    'fill',
    '/0',
    (tree) => {
      const node = childOf(tree.root, 0)
      while (node.count > 0) removeEntry(node, node.count - 1)
    },
  ],
  [
    'a leaf past its limit',
    'fill',
    '/0/3',
    (tree) => {
      const leaf = leafOf(tree)
      const first = leaf.count * 3 * 2
      for (let i = 0; i < 700; i++) insertEntry(leaf, leaf.count, key(first + leaf.count * 2 + i + 100_000))
    },
  ],
  ['a child gone', 'unreadable', '/0/3', (tree) => void (childOf(tree.root, 0).children[3] = undefined)],
]

describe('the check of a tree', () => {
  it('finds nothing in a sound one', () => {
    expect(checkTree(sound())).toEqual([])
    expect(checkTree(Tree.empty)).toEqual([])
  })

  it.each(canaries)('finds %s', (_name, kind, path, damage) => {
    const tree = sound()
    damage(tree)
    const findings = checkTree(tree)
    expect(findings.map((finding) => `${finding.kind} ${finding.path}`)).toContain(`${kind} ${path}`)
    expect(findings.find((finding) => finding.kind === kind)).toMatchObject({
      expected: expect.stringMatching(/\w/),
      actual: expect.stringMatching(/\w/),
    })
  })

  it('finds a tree that counts what it does not hold', () => {
    const { source, root, count } = sound()
    const findings = checkTree(new Tree(source, root, count + 1))
    expect(findings).toEqual([expect.objectContaining({ kind: 'count', path: '' })])
  })
})
