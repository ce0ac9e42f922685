/**
 * Checking a whole tree: everything that searches, counts and cursors rely on. Reads every node.
 */
import { VarveError } from '../errors.js'
import { compareBytes } from '../format/key-order.js'
import { u32 } from '../format/typed-read.js'
import {
  Column,
  ColumnCount,
  countAt,
  endOf,
  firstKeyed,
  isOver,
  keyOf,
  type Node,
  NODE_BYTES,
  startOf,
  subtreeCount,
  weightOf,
} from './node.js'
import { childAt, type NodeSource } from './node-source.js'
import { headOf } from './search.js'
import type { Tree } from './tree.js'

/** What can be wrong with a tree. */
export type TreeFindingKind =
  'order' | 'bounds' | 'head' | 'layout' | 'count' | 'depth' | 'fill' | 'unreadable'

export interface TreeFinding {
  readonly kind: TreeFindingKind
  /** The slots from the root down to the node, such as `/3/12`; empty for the root. */
  readonly path: string
  readonly message: string
}

/** The node under check: where it is, and the keys it may hold. */
interface Place {
  readonly node: Node
  readonly path: string
  /** Every key is at or above this. */
  readonly low: Uint8Array | undefined
  /** Every key is below this. */
  readonly high: Uint8Array | undefined
}

/** All findings of a tree; empty if it is sound. */
export function checkTree(tree: Tree): TreeFinding[] {
  const { root, source, count } = tree
  const findings: TreeFinding[] = []
  const report = (path: string, kind: TreeFindingKind, message: string): void => {
    findings.push({ kind, path, message: `Tree node ${path === '' ? '/' : path}: ${message}` })
  }
  const visit = (place: Place): void => {
    const { node, path } = place
    checkFill(place, node === root, report)
    if (!checkLayout(place, report)) return
    checkKeys(place, report)
    for (let slot = 0; node.height > 0 && slot < node.count; slot++) {
      const childPath = `${path}/${String(slot)}`
      const child = read(source, node, slot, (message) => report(childPath, 'unreadable', message))
      if (child === undefined) continue
      const expected = { height: node.height - 1, count: countAt(node, slot) }
      checkChild(child, expected, (kind, message) => report(childPath, kind, message))
      // Heights fall on the way down, so that no damage leads round in circles.
      if (child.height === expected.height)
        visit({ node: child, path: childPath, ...childBounds(place, slot) })
    }
  }
  visit({ node: root, path: '', low: undefined, high: undefined })
  const found = subtreeCount(root)
  if (found !== count)
    report('', 'count', `The tree should hold ${String(count)} keys; its root counts ${String(found)}.`)
  return findings
}

/** A child, or undefined after a report of why it cannot be read. */
function read(
  source: NodeSource,
  parent: Node,
  slot: number,
  report: (message: string) => void,
): Node | undefined {
  try {
    return childAt(source, parent, slot)
  } catch (error) {
    if (!VarveError.is(error)) throw error
    report(error.message)
    return undefined
  }
}

type Report = (path: string, kind: TreeFindingKind, message: string) => void

function childBounds({ node, low, high }: Place, slot: number): Pick<Place, 'low' | 'high'> {
  return {
    low: slot === 0 ? low : keyOf(node, slot),
    high: slot === node.count - 1 ? high : keyOf(node, slot + 1),
  }
}

function checkFill({ node, path }: Place, isRoot: boolean, report: Report): void {
  const least = node.height > 0 ? 2 : isRoot ? 0 : 1
  if (node.count < least) {
    report(
      path,
      'fill',
      `The node has ${String(node.count)} entries; it should have at least ${String(least)}.`,
    )
  }
  if (isOver(node)) {
    report(
      path,
      'fill',
      `The node weighs ${String(weightOf(node))} bytes; it should at most ${String(NODE_BYTES)}.`,
    )
  }
}

/** Whether counts and ends lie within the node's memory; if not, its keys cannot be looked at. */
function checkLayout({ node, path }: Place, report: Report): boolean {
  const { height, columns, count, capacity, prefixBytes, words, keys } = node
  const inner = columns === ColumnCount.inner
  if (
    inner !== height > 0 ||
    count > capacity ||
    words.length < columns * capacity ||
    prefixBytes > keys.length
  ) {
    report(
      path,
      'layout',
      `The node's ${String(count)} entries do not fit its memory of ${String(capacity)}.`,
    )
    return false
  }
  for (let i = 0; i < count; i++) {
    const start = startOf(node, i)
    const end = endOf(node, i)
    if (start <= end && end <= keys.length && (i >= firstKeyed(node) || start === end)) continue
    report(
      path,
      'layout',
      `Entry ${String(i)} should end at or after byte ${String(start)} of the node; it ends at ${String(end)}.`,
    )
    return false
  }
  return true
}

function checkKeys({ node, path, low, high }: Place, report: Report): void {
  let before: Uint8Array | undefined
  for (let i = firstKeyed(node); i < node.count; i++) {
    const key = keyOf(node, i)
    const name = `Entry ${String(i)}`
    if (before !== undefined && compare(before, key) >= 0) {
      report(path, 'order', `${name} should sort after the one before it.`)
    }
    if (low !== undefined && compare(key, low) < 0)
      report(path, 'bounds', `${name} sorts before the node's separator.`)
    if (high !== undefined && compare(key, high) >= 0) {
      report(path, 'bounds', `${name} does not sort before the separator behind the node.`)
    }
    const head = headOf(node.keys, startOf(node, i), endOf(node, i))
    const stored = u32(node.words, Column.head * node.capacity + i)
    if (head !== stored)
      report(
        path,
        'head',
        `The head of entry ${String(i)} should be ${String(head)}; it is ${String(stored)}.`,
      )
    before = key
  }
}

function checkChild(
  child: Node,
  expected: { readonly height: number; readonly count: number },
  report: (kind: TreeFindingKind, message: string) => void,
): void {
  if (child.height !== expected.height) {
    report('depth', `The node should have height ${String(expected.height)}; it has ${String(child.height)}.`)
  }
  const found = subtreeCount(child)
  if (found === expected.count) return
  report('count', `The node above counts ${String(expected.count)} keys; there are ${String(found)}.`)
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length)
}
