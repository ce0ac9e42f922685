import { pack, Packr, unpack } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { Packer } from '../../../src/format/msgpack.js'
import { RowCodec } from '../../../src/format/value.js'

/** How many nodes a trie of shapes has. */
function nodes(trie: object | null | undefined): number {
  if (trie === null || trie === undefined) return 0
  let count = 1
  for (const [name, child] of Object.entries(trie)) {
    if (name !== '__keys__' && typeof child === 'object') count += nodes(child as object)
  }
  return count
}

describe('the packer', () => {
  it('keeps no memory of the shapes it has seen, but for a bounded number of the last', () => {
    const packer = new Packer(true)
    let most = 0
    for (let i = 0; i < 50_000; i++) {
      packer.pack({ [`a${i}`]: 1, [`b${i}`]: 1 }, 2)
      if (i % 8_000 === 0) most = Math.max(most, nodes(packer.structures.transitions))
    }
    expect(most).toBeGreaterThan(1000)
    expect(most).toBeLessThan(66_000)
    expect(packer.structures).toHaveLength(32)
  })

  it('uses structures still after forgetting the shapes', () => {
    const packer = new Packer(true)
    const first = packer.pack({ a: 1 }, 1).slice()
    for (let i = 0; i < 40_000; i++) packer.pack({ [`a${i}`]: 1, b: 2 }, 2)
    expect(packer.pack({ a: 1 }, 1)).toEqual(first)
  })

  it('packs a row of very many fields without structures', () => {
    const codec = new RowCodec()
    const points = Array.from({ length: 40_000 }, (_, x) => ({ x, y: 1 }))
    const bytes = codec.encode({ points }).slice()
    expect(codec.structureCount).toBe(0)
    expect(codec.decode(bytes, 0, bytes.length)).toEqual({ points })
  })

  it('leaves other users of msgpackr alone', () => {
    void new RowCodec().encode({ date: new Date(5), map: new Map([[1, 2]]) })
    expect(Buffer.from(pack(new Date(1000))).toString('hex')).toBe('d6ff00000001')
    expect(Buffer.from(pack(new Map([[1, 2]]))).toString('hex')).toBe('810102')
    expect(Buffer.from(pack(new Set([1]))).toString('hex')).toBe('9101')
    expect(Buffer.from(pack(-0)).toString('hex')).toBe('00')
    expect(unpack(pack({ a: new Date(1000), b: [1n] }))).toEqual({ a: new Date(1000), b: [1n] })
    const clone = new Packr({ structuredClone: true })
    expect(clone.unpack(clone.pack(new Set([new Map([[1, new Date(5)]])])))).toEqual(
      new Set([new Map([[1, new Date(5)]])]),
    )
  })
})
