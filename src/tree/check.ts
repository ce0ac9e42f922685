/**
 * Checking a whole tree: everything that searches, counts and cursors rely on. Reads every node, and keeps none.
 *
 * What is wrong is told as it is met, and the walk goes on with everything else. It is a task, so that it can be interrupted
 * between two nodes, however large the tree is.
 */
import { VarveError } from '../errors.js'
import { compareBytes, compareKeys } from '../format/key-order.js'
import { u32 } from '../format/typed-read.js'
import { PAUSE, runSync, type Task } from '../storage/task.js'
import {
  Column,
  ColumnCount,
  countAt,
  endOf,
  firstKeyed,
  keyOf,
  type Node,
  positionAt,
  startOf,
  storedBytesAt,
  subtreeCount,
} from './node.js'
import { childAt, type NodeSource } from './node-source.js'
import { headOf } from './search.js'
import type { Tree } from './tree.js'
import { isOver, NODE_BYTES, weightOf } from './weight.js'

/** What can be wrong with a tree. */
export type TreeFindingKind =
  'order' | 'bounds' | 'head' | 'layout' | 'count' | 'stored' | 'pointer' | 'depth' | 'fill' | 'unreadable'

export interface TreeFinding {
  readonly kind: TreeFindingKind
  /** The slots from the root down to the node, such as `/3/12`; empty for the root. */
  readonly path: string
  /** Where the node is stored, and how long its image is; both 0 while it is not. */
  readonly position: number
  readonly lengthBytes: number
  readonly expected: string
  readonly actual: string
}

/** Who follows a walk. */
export interface TreeWatch {
  found(finding: TreeFinding): void
  /** Told why a node cannot be read, before that is a finding; may throw it. */
  failed?(error: VarveError): void
  /** Asked before a stored node is visited; false passes over it and all below it. Told of bases, whatever it says of them. */
  enter(position: number, lengthBytes: number): boolean
  /** Visits a leaf, in the order of keys. Not called for one whose entries cannot be looked at. */
  leaf(leaf: Node): Task<void>
}

/** Where a node is, and what it must be. */
interface Place {
  readonly path: string
  /** Every key is at or above this. */
  readonly low: Uint8Array | undefined
  /** Every key is below this. */
  readonly high: Uint8Array | undefined
}

/** Where a node is stored; zeros while it is not. */
interface Image {
  readonly position: number
  readonly lengthBytes: number
}

/** All findings of a tree; empty if it is sound. */
export function checkTree(tree: Tree): TreeFinding[] {
  const findings: TreeFinding[] = []
  runSync(
    walkTree(tree, {
      found: (finding) => void findings.push(finding),
      enter: () => true,
      *leaf() {
        // Nothing but the tree is checked.
      },
    }),
  )
  return findings
}

/** Visits every node of a tree that can be reached, and checks it. */
export function* walkTree(tree: Tree, watch: TreeWatch): Task<void> {
  const walk = new TreeWalk(tree.source, watch)
  const root = walk.root(tree)
  if (root === undefined) return
  yield* walk.visit(root, { path: '', low: undefined, high: undefined })
}

/** What was added to a leaf without reading it comes on top of what a node may weigh, at a replay twice and more. */
const MOST_WEIGHT = 5 * NODE_BYTES

class TreeWalk {
  readonly #source: NodeSource
  readonly #watch: TreeWatch

  constructor(source: NodeSource, watch: TreeWatch) {
    this.#source = source
    this.#watch = watch
  }

  /** The root, if it can be read; checked against what is known of it. */
  root(tree: Tree): Node | undefined {
    const image = tree.heldRoot ?? tree.storedRoot()
    if (image.position !== 0 && !this.#watch.enter(image.position, image.lengthBytes)) return undefined
    const root = this.#read('', image, () => tree.root)
    if (root === undefined) return undefined
    this.#enterBase(root)
    const report = this.#reporter('', root)
    const found = subtreeCount(root)
    if (found !== tree.count)
      report('count', `${tree.count} keys in the tree`, `${found} in its root's count`)
    if (root.position === 0) return root
    const { nodeBytes } = tree.storedRoot()
    if (root.storedBytes !== nodeBytes)
      report('stored', `${nodeBytes} bytes of images`, `${root.storedBytes}`)
    return root
  }

  *visit(node: Node, place: Place): Task<void> {
    const report = this.#reporter(place.path, node)
    checkFill(node, report)
    if (!checkLayout(node, report)) return
    checkKeys(node, place, report)
    yield PAUSE
    if (node.height === 0) return yield* this.#watch.leaf(node)
    for (let slot = 0; slot < node.count; slot++) {
      const path = `${place.path}/${slot}`
      const child = this.#child(node, slot, path)
      if (child !== undefined) yield* this.visit(child, { path, ...childBounds(node, place, slot) })
    }
  }

  /** The child of a slot, if it can be read and is to be visited; checked against what its parent says of it. */
  #child(parent: Node, slot: number, path: string): Node | undefined {
    const image = parent.children[slot] ?? storedImage(parent, slot)
    if (image.position !== 0 && !this.#watch.enter(image.position, image.lengthBytes)) return undefined
    const child = this.#read(path, image, () => childAt(this.#source, parent, slot))
    if (child === undefined) return undefined
    this.#enterBase(child)
    const report = this.#reporter(path, child)
    checkChild(parent, slot, child, report)
    // Heights fall on the way down, so that no damage leads round in circles.
    return child.height === parent.height - 1 ? child : undefined
  }

  /** Of a leaf that is stored by what changed of it, the images that have the rest. */
  #enterBase({ position, base }: Node): void {
    if (position === 0 || base === undefined) return
    for (const image of [base, ...(base.between ?? [])]) this.#watch.enter(image.position, image.lengthBytes)
  }

  /** What `load` gives, or undefined after a report of why it cannot be read. */
  #read(path: string, image: Image, load: () => Node): Node | undefined {
    try {
      return load()
    } catch (error) {
      if (!VarveError.is(error)) throw error
      this.#watch.failed?.(error)
      const { expected = 'a node that can be read', actual = error.message } = error.details
      this.#reporter(path, image)('unreadable', expected, actual)
      return undefined
    }
  }

  #reporter(path: string, { position, lengthBytes }: Image): Report {
    return (kind, expected, actual) =>
      this.#watch.found({ kind, path, position, lengthBytes, expected, actual })
  }
}

type Report = (kind: TreeFindingKind, expected: string, actual: string) => void

function storedImage(parent: Node, slot: number): Image {
  const lengthBytes = u32(parent.words, Column.length * parent.capacity + slot)
  return { position: positionAt(parent, slot), lengthBytes }
}

function childBounds(node: Node, { low, high }: Place, slot: number): Pick<Place, 'low' | 'high'> {
  return {
    low: slot === 0 ? low : keyOf(node, slot),
    high: slot === node.count - 1 ? high : keyOf(node, slot + 1),
  }
}

/** Deletions leave nodes of one child, and leaves without keys, beside what cannot be read at that time: they say what others do. */
function checkFill(node: Node, report: Report): void {
  if (node.height > 0 && node.count === 0) report('fill', 'an inner node with children', 'none')
  if (isOver(node) && weightOf(node) > MOST_WEIGHT)
    report('fill', `a node that weighs at most ${MOST_WEIGHT} bytes`, `${weightOf(node)}`)
}

/** Whether counts and ends lie within the node's memory; if not, its keys cannot be looked at. */
function checkLayout(node: Node, report: Report): boolean {
  const { height, columns, count, capacity, prefixBytes, words, keys } = node
  const isInner = columns === ColumnCount.inner
  if (
    isInner !== height > 0 ||
    count > capacity ||
    words.length < columns * capacity ||
    prefixBytes > keys.length
  ) {
    report('layout', `entries that fit the node's memory of ${capacity}`, `${count} that do not`)
    return false
  }
  for (let i = 0; i < count; i++) {
    const start = startOf(node, i)
    const end = endOf(node, i)
    if (start <= end && end <= keys.length && (i >= firstKeyed(node) || start === end)) continue
    report('layout', `an end of entry ${i} at or after byte ${start} of the node`, `${end}`)
    return false
  }
  return true
}

function checkKeys(node: Node, place: Place, report: Report): void {
  if (!hasKeysInOrder(node, place)) reportKeys(node, place, report)
}

/** Whether everything that `reportKeys` looks for is as it should be: what it says of a node without findings, and fast. */
function hasKeysInOrder(node: Node, { low, high }: Place): boolean {
  const { keys, words, capacity, count } = node
  const first = firstKeyed(node)
  if (first >= count) return true
  let from = startOf(node, first)
  let before = from
  for (let i = first; i < count; i++) {
    const to = endOf(node, i)
    if (i > first && compareBytes(keys, before, from, keys, from, to) >= 0) return false
    if (headOf(keys, from, to) !== u32(words, Column.head * capacity + i)) return false
    before = from
    from = to
  }
  return (
    (low === undefined || compareKeys(keyOf(node, first), low) >= 0) &&
    (high === undefined || compareKeys(keyOf(node, count - 1), high) < 0)
  )
}

function reportKeys(node: Node, { low, high }: Place, report: Report): void {
  let before: Uint8Array | undefined
  for (let i = firstKeyed(node); i < node.count; i++) {
    const key = keyOf(node, i)
    if (before !== undefined && compareKeys(before, key) >= 0)
      report('order', `entry ${i} sorts after the one before it`, 'it does not')
    if (low !== undefined && compareKeys(key, low) < 0)
      report('bounds', `entry ${i} sorts at or after the node's separator`, 'it sorts before')
    if (high !== undefined && compareKeys(key, high) >= 0)
      report('bounds', `entry ${i} sorts before the separator behind the node`, 'it does not')
    const head = headOf(node.keys, startOf(node, i), endOf(node, i))
    const stored = u32(node.words, Column.head * node.capacity + i)
    if (head !== stored) report('head', `${head} as the head of entry ${i}`, `${stored}`)
    before = key
  }
}

function checkChild(parent: Node, slot: number, child: Node, report: Report): void {
  const height = parent.height - 1
  if (child.height !== height) report('depth', `a node of height ${height}`, `${child.height}`)
  const count = countAt(parent, slot)
  const found = subtreeCount(child)
  if (found !== count) report('count', `${count} keys, as the node above says`, `${found}`)
  if (parent.children[slot] !== undefined || child.position === 0) return
  const { lengthBytes } = storedImage(parent, slot)
  const crc = u32(parent.words, Column.crc * parent.capacity + slot)
  if (child.crc !== crc || child.lengthBytes !== lengthBytes)
    report('pointer', `${lengthBytes} bytes with checksum ${crc}`, `${child.lengthBytes} with ${child.crc}`)
  const storedBytes = storedBytesAt(parent, slot)
  if (child.storedBytes !== storedBytes)
    report('stored', `${storedBytes} bytes of images, as the node above says`, `${child.storedBytes}`)
}
