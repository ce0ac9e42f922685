import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_NODE_IMAGE_BYTES,
  MAX_TREE_HEIGHT,
  NODE_HEAD_BYTES,
  NodeField,
  NodeHead,
  NodeKind,
  type NodeProblem,
  readNodeHead,
} from '../../../src/format/index-node.js'
import { viewOf } from '../../../src/format/integers.js'
import { seed } from '../../support/counts.js'
import { anyBytes, bitFlips, checksum } from '../../support/decoding.js'
import {
  type ImageSpec,
  INNER,
  KEYS_LEAF,
  mended,
  nodeImage,
  RECORDS_LEAF,
} from '../../support/node-images.js'

const key = (text: string): Uint8Array => new TextEncoder().encode(text)

const LEAF: ImageSpec = {
  kind: RECORDS_LEAF,
  height: 0,
  prefix: key('pre'),
  entries: [
    { suffix: key('a'), length: 1, crc: 2, position: 3 },
    { suffix: key('bc'), length: 4, crc: 5, position: 2 ** 40 + 6 },
  ],
}
const KEYS: ImageSpec = { kind: KEYS_LEAF, height: 0, prefix: key(''), entries: [{ suffix: key('k') }] }
const PARENT: ImageSpec = {
  kind: INNER,
  height: 3,
  prefix: key('p'),
  entries: [
    { suffix: key(''), length: 1, crc: 2, position: 3, count: 4, stored: 5 },
    { suffix: key('q'), length: 6, crc: 7, position: 8, count: 9, stored: 10 },
  ],
}

function read(bytes: Uint8Array, start = 0, end: number = bytes.length): NodeProblem | NodeHead {
  const head = new NodeHead()
  return readNodeHead(bytes, viewOf(bytes), start, end, head, checksum) ?? head
}

/** An image with one field of its head changed, and a CRC that fits. */
function withField(
  spec: ImageSpec,
  field: 'length' | 'kind' | 'height' | 'prefix' | 'count' | 'reserved',
  value: number,
): Uint8Array {
  const image = nodeImage(spec)
  const at = NodeField[field]
  if (field === 'length') viewOf(image).setUint32(at, value, true)
  else if (field === 'kind' || field === 'height') viewOf(image).setUint8(at, value)
  else viewOf(image).setUint16(at, value, true)
  return mended(image)
}

describe('the head of an index node', () => {
  it.each([
    ['a leaf of records', LEAF, { kind: NodeKind.recordsLeaf, height: 0, prefix: 3, count: 2 }],
    ['a leaf of keys', KEYS, { kind: NodeKind.keysLeaf, height: 0, prefix: 0, count: 1 }],
    ['an inner node', PARENT, { kind: NodeKind.inner, height: 3, prefix: 1, count: 2 }],
  ])('is read from an image of %s', (_what, spec, expected) => {
    const image = nodeImage(spec)
    expect(read(image)).toMatchObject({ ...expected, length: image.length })
  })

  it('is read where the image begins and ends among other bytes', () => {
    const image = nodeImage(LEAF)
    const payload = new Uint8Array(image.length + 30).fill(0xee)
    payload.set(image, 13)
    expect(read(payload, 13, 13 + image.length)).toMatchObject({ length: image.length, count: 2 })
    expect(read(payload, 13, 14 + image.length)).toBe('length')
    expect(read(payload, 13, 12 + image.length)).toBe('length')
  })

  it('is not believed with any one bit changed', () => {
    for (const { bytes, bit } of bitFlips(nodeImage(PARENT)))
      expect(typeof read(bytes), `bit ${bit}`).toBe('string')
  })

  it.each<[string, Uint8Array, NodeProblem]>([
    ['too few bytes for a head', new Uint8Array(NODE_HEAD_BYTES - 1), 'length'],
    ['another length than it has', withField(LEAF, 'length', 12), 'length'],
    ['more bytes than an image may have', new Uint8Array(MAX_NODE_IMAGE_BYTES + 1), 'length'],
    ['kind 0', withField(LEAF, 'kind', 0), 'kind'],
    ['a kind that is not known', withField(LEAF, 'kind', 6), 'kind'],
    ['something reserved', withField(LEAF, 'reserved', 1), 'kind'],
    ['a leaf of height 1', withField(LEAF, 'height', 1), 'height'],
    ['an inner node of height 0', withField(PARENT, 'height', 0), 'height'],
    ['more levels than a tree can have', withField(PARENT, 'height', MAX_TREE_HEIGHT + 1), 'height'],
    ['an inner node without children', nodeImage({ ...PARENT, entries: [] }), 'layout'],
    ['more entries than it has bytes for', withField(LEAF, 'count', 0xffff), 'layout'],
    ['a prefix longer than it is', withField(LEAF, 'prefix', 0xffff), 'layout'],
  ])('is refused: %s', (_what, image, problem) => {
    expect(read(image)).toBe(problem)
  })

  it('is read with as many levels as a tree can have, and of a leaf without entries', () => {
    expect(read(withField(PARENT, 'height', MAX_TREE_HEIGHT))).toMatchObject({ height: MAX_TREE_HEIGHT })
    expect(read(nodeImage({ ...LEAF, entries: [] }))).toMatchObject({ count: 0 })
  })

  it('never throws, whatever the bytes, and never lets fixed parts reach past the image', () => {
    const whole = nodeImage(PARENT)
    fc.assert(
      fc.property(anyBytes(whole), fc.boolean(), (bytes, mend) => {
        const image = mend ? mended(bytes) : bytes
        if (mend && image.length >= 8) viewOf(image).setUint32(NodeField.length, image.length, true)
        const head = read(mend ? mended(image) : image)
        if (typeof head === 'string') return
        expect(head.length).toBe(image.length)
        const entry = head.kind === NodeKind.inner ? 28 : head.kind === NodeKind.keysLeaf ? 2 : 16
        expect(NODE_HEAD_BYTES + head.count * entry + head.prefix).toBeLessThanOrEqual(image.length)
      }),
      { seed, numRuns: 3000 },
    )
  })
})
