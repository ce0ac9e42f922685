/**
 * An index node as it is stored: an image within the payload of an `IndexNodes` frame.
 *
 * A head of 16 bytes, then the entries by columns, each `count` long, then the prefix that all keys share, then what each
 * key has beyond it. The columns, in the order of this table:
 *
 *     column              leaf of records   leaf of keys   inner node
 *     length u32          of the record                    of the child's image
 *     crc u32             of the record                    of the child's image
 *     position, low u32   of the record                    of the child's image
 *     count, low u32                                       keys below the child
 *     stored, low u32                                      bytes of the images at and below the child
 *     position, high u16  x                                x
 *     count, high u16                                      x
 *     stored, high u16                                     x
 *     suffix u16          x                 x              x     bytes of the key beyond the prefix
 *
 * An inner node's first entry has no key: its suffix is empty.
 *
 * A delta is a leaf told by what changed of it: behind the head it says which image, of a whole leaf, all other entries are in, and has the
 * entries that were put since, by the same columns.
 *
 * The CRC covers the image from its length on, and stands beside
 * every pointer to it too, so that an older image at the same place is not taken for this one.
 */
import type { Checksum } from './checksum.js'

/** What a node is. Numbers are never reused. */
export const NodeKind = {
  /** Keys, and where their records are. */
  recordsLeaf: 1,
  /** Keys alone. */
  keysLeaf: 2,
  inner: 3,
  /** What changed of a leaf of records, or of keys. */
  recordsDelta: 4,
  keysDelta: 5,
} as const
export type NodeKind = (typeof NodeKind)[keyof typeof NodeKind]

/** Byte offsets within an image's head. */
export const NodeField = {
  crc: 0,
  length: 4,
  kind: 8,
  height: 9,
  prefix: 10,
  count: 12,
  reserved: 14,
  end: 16,
} as const

export const NODE_HEAD_BYTES = 16

/** Byte offsets of what a delta says of its base, behind the image's head. */
export const DeltaField = {
  position: 0,
  length: 8,
  crc: 12,
  end: 16,
} as const

export const DELTA_BASE_BYTES = 16

/** Bytes that an entry takes beside its key, by kind. */
export const NODE_ENTRY_BYTES: Readonly<Record<NodeKind, number>> = {
  [NodeKind.recordsLeaf]: 16,
  [NodeKind.keysLeaf]: 2,
  [NodeKind.inner]: 28,
  [NodeKind.recordsDelta]: 16,
  [NodeKind.keysDelta]: 2,
}

/** Where the entries of an image begin in it. */
export function entriesAt(kind: number): number {
  return isDelta(kind) ? NODE_HEAD_BYTES + DELTA_BASE_BYTES : NODE_HEAD_BYTES
}

export function isDelta(kind: number): boolean {
  return kind === NodeKind.recordsDelta || kind === NodeKind.keysDelta
}

/** Largest image. */
export const MAX_NODE_IMAGE_BYTES = 65_536

/** Most levels of a tree. Each has at least twice the keys of the one below, so no tree comes near it. */
export const MAX_TREE_HEIGHT = 64

/** An image's head as read. */
export class NodeHead {
  crc = 0
  length = 0
  kind: number = 0
  height = 0
  prefix = 0
  count = 0
}

/** Why bytes are no node image; undefined when they are. */
export type NodeProblem = 'length' | 'checksum' | 'kind' | 'height' | 'layout'

/**
 * Fills `head` from the image that is `bytes[start, end)`, and checks its CRC, its kind and that its fixed parts fit. The
 * lengths of its keys are the decoder's to check.
 */
export function readNodeHead(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  head: NodeHead,
  checksum: Checksum,
): NodeProblem | undefined {
  const length = end - start
  if (length < NODE_HEAD_BYTES || length > MAX_NODE_IMAGE_BYTES) return 'length'
  head.crc = view.getUint32(start + NodeField.crc, true)
  head.length = view.getUint32(start + NodeField.length, true)
  if (head.length !== length) return 'length'
  if (checksum(bytes, start + NodeField.length, end) !== head.crc) return 'checksum'
  head.kind = view.getUint8(start + NodeField.kind)
  head.height = view.getUint8(start + NodeField.height)
  head.prefix = view.getUint16(start + NodeField.prefix, true)
  head.count = view.getUint16(start + NodeField.count, true)
  if (view.getUint16(start + NodeField.reserved, true) !== 0) return 'kind'
  return problemOf(head)
}

function problemOf({ kind, height, prefix, count, length }: NodeHead): NodeProblem | undefined {
  if (!isNodeKind(kind)) return 'kind'
  if (height > MAX_TREE_HEIGHT || (kind === NodeKind.inner) !== height > 0) return 'height'
  if (kind === NodeKind.inner && count === 0) return 'layout'
  return entriesAt(kind) + count * NODE_ENTRY_BYTES[kind] + prefix <= length ? undefined : 'layout'
}

function isNodeKind(kind: number): kind is NodeKind {
  return kind >= NodeKind.recordsLeaf && kind <= NodeKind.keysDelta
}
