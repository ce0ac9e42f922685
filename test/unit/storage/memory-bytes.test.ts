import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryBytes } from '../../../src/storage/memory-bytes.js'
import { seed } from '../../support/counts.js'

type Step =
  | { readonly kind: 'write'; readonly position: number; readonly length: number; readonly fill: number }
  | { readonly kind: 'truncate'; readonly size: number }

/** Where chunks begin, and so where arithmetic goes wrong: 64 KiB doubling to 1 MiB, then every 1 MiB. */
const EDGES = [0, 65_536, 196_608, 458_752, 983_040, 2_031_616, 3_080_192]
const MAX_SIZE = 3_200_000

const position = fc.oneof(
  fc
    .tuple(fc.constantFrom(...EDGES), fc.integer({ min: -3, max: 3 }))
    .map(([edge, by]) => Math.max(0, edge + by)),
  fc.integer({ min: 0, max: MAX_SIZE }),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    position,
    length: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 1_200_000 })),
    fill: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ kind: fc.constant('truncate' as const), size: position }),
)

/** The oracle: one flat array, and a size. */
class FlatBytes {
  #bytes = new Uint8Array(2 * MAX_SIZE)
  size = 0

  apply(each: Step): void {
    if (each.kind === 'truncate') {
      this.#bytes.fill(0, Math.min(each.size, this.size))
      this.size = each.size
    } else if (each.length > 0) {
      this.#bytes.fill(each.fill, each.position, each.position + each.length)
      this.size = Math.max(this.size, each.position + each.length)
    }
  }

  get content(): Uint8Array {
    return this.#bytes.subarray(0, this.size)
  }
}

function apply(bytes: MemoryBytes, each: Step): void {
  if (each.kind === 'truncate') bytes.truncate(each.size)
  else bytes.write(new Uint8Array(each.length).fill(each.fill), each.position)
}

function contentOf(bytes: MemoryBytes): Uint8Array {
  const content = new Uint8Array(bytes.size)
  expect(bytes.read(content, 0)).toBe(bytes.size)
  return content
}

describe('MemoryBytes', () => {
  it('equals one flat array under any writes and cuts', () => {
    const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const bytes = new MemoryBytes()
      const flat = new FlatBytes()
      for (const each of steps) {
        apply(bytes, each)
        flat.apply(each)
        expect(bytes.size).toBe(flat.size)
      }
      expect(Buffer.compare(contentOf(bytes), flat.content)).toBe(0)
    })
    fc.assert(property, { seed, numRuns: 60 })
  })

  it('reads any range as the flat array has it', () => {
    const bytes = new MemoryBytes()
    const source = Uint8Array.from({ length: MAX_SIZE }, (_, index) => (index * 131 + (index >>> 9)) & 0xff)
    bytes.write(source, 0)
    const property = fc.property(position, fc.integer({ min: 0, max: 70_000 }), (from, length) => {
      const target = new Uint8Array(length)
      const count = bytes.read(target, from)
      expect(count).toBe(Math.max(0, Math.min(length, MAX_SIZE - from)))
      expect(Buffer.compare(target.subarray(0, count), source.subarray(from, from + count))).toBe(0)
      expect(target.subarray(count).every((byte) => byte === 0)).toBe(true)
    })
    fc.assert(property, { seed, numRuns: 300 })
  })

  it('takes no memory for what was never written', () => {
    const bytes = new MemoryBytes()
    bytes.truncate(2 ** 50)
    bytes.write(Uint8Array.of(7), 2 ** 50)
    const target = new Uint8Array(3)
    expect(bytes.read(target, 2 ** 50 - 1)).toBe(2)
    expect([...target]).toEqual([0, 7, 0])
  })

  it('shows zeros where it was cut and grew again', () => {
    const bytes = new MemoryBytes()
    bytes.write(new Uint8Array(2_500_000).fill(9), 0)
    bytes.truncate(70_000)
    bytes.truncate(2_500_000)
    expect(contentOf(bytes).lastIndexOf(9)).toBe(69_999)
  })

  it('copies without sharing', () => {
    const bytes = new MemoryBytes()
    bytes.write(Uint8Array.of(1, 2, 3), 0)
    const copy = bytes.clone()
    bytes.write(Uint8Array.of(9), 1)
    copy.truncate(2)
    expect([...contentOf(bytes)]).toEqual([1, 9, 3])
    expect([...contentOf(copy)]).toEqual([1, 2])
  })
})
