/** The order in which records are read or visited: that of the file. */
import { describe, expect, it } from 'vitest'
import { FileOrder } from '../../../src/engine/file-order.js'
import { RecordBatch } from '../../../src/inspect/record-batch.js'
import { runSync } from '../../../src/storage/task.js'
import { RecordRef } from '../../../src/tree/index.js'
import { randomFrom } from '../../support/random.js'
import { runSeed } from '../../support/seed.js'

const seed = runSeed()
const PIECE = 1024

function sorted(positions: readonly number[]): { readonly pieces: number[][]; readonly order: number[] } {
  const order = new FileOrder(Math.max(1, positions.length), PIECE)
  const ends = runSync(order.sort(Float64Array.from(positions), positions.length))
  const pieces: number[][] = []
  let from = 0
  for (const to of ends) {
    if (to > from) pieces.push([...order.order.subarray(from, to)])
    from = to
  }
  return { pieces, order: [...order.order.subarray(0, positions.length)] }
}

describe('an order by place', () => {
  it('has the records of one piece together, and pieces in the order of the file', () => {
    const random = randomFrom(seed)
    for (let round = 0; round < 50; round++) {
      const start = random.below(2) * 2 ** 40
      const positions = Array.from({ length: 1 + random.below(300) }, () => start + random.below(200_000))
      const { pieces, order } = sorted(positions)
      expect([...order].sort((a, b) => a - b)).toEqual(positions.map((_, i) => i))
      const numbers = pieces.map(
        (piece) => new Set(piece.map((i) => Math.floor((positions[i] ?? 0) / PIECE))),
      )
      expect(numbers.every((of) => of.size === 1)).toBe(true)
      const inOrder = numbers.flatMap((of) => [...of])
      expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b))
      expect(new Set(inOrder).size).toBe(inOrder.length)
    }
  })

  it('takes as little memory in a file of many TiB', () => {
    const positions = [2 ** 46, 12_288, 2 ** 45, 12_300, 2 ** 46 + 8]
    const { pieces } = sorted(positions)
    expect(pieces.map((piece) => piece.sort((a, b) => a - b))).toEqual([[1, 3], [2], [0, 4]])
  })

  it('is empty for no records', () => {
    expect(sorted([])).toEqual({ pieces: [], order: [] })
  })
})

describe('a batch of records', () => {
  it('is visited in the order of the file, each with its key, as often as it is filled', () => {
    const random = randomFrom(seed)
    const batch = new RecordBatch()
    const ref = new RecordRef()
    for (const count of [3, 5000, 0, 700]) {
      const added = new Map<number, string>()
      for (let i = 0; i < count; i++) {
        ref.position = 12_288 + 64 * random.below(1e6)
        ref.lengthBytes = 30 + (ref.position % 7)
        ref.crc = 4_000_000_000 + (ref.position % 1000)
        if (added.has(ref.position)) continue
        const key = Uint8Array.from({ length: random.below(40) }, () => random.below(256))
        added.set(ref.position, Buffer.from(key).toString('hex'))
        batch.add(ref, key)
      }
      expect(batch.isFull).toBe(false)
      let page = 0
      const left = new Map(added)
      runSync(
        batch.visit(({ position, lengthBytes, crc }, key) => {
          expect(Buffer.from(key).toString('hex')).toBe(left.get(position))
          expect([lengthBytes, crc]).toEqual([30 + (position % 7), 4_000_000_000 + (position % 1000)])
          expect(Math.floor(position / 16_384)).toBeGreaterThanOrEqual(page)
          page = Math.floor(position / 16_384)
          left.delete(position)
        }),
      )
      expect(left.size).toBe(0)
    }
  })

  it('is full of many records, and of keys that take much', () => {
    const ref = new RecordRef()
    const many = new RecordBatch()
    let count = 0
    for (; !many.isFull; count++) many.add(ref, new Uint8Array(2))
    expect(count).toBe(262_144)
    const long = new RecordBatch()
    for (count = 0; !long.isFull; count++) long.add(ref, new Uint8Array(1000))
    expect(count).toBe(Math.ceil((8 * 2 ** 20) / 1000))
    let visited = 0
    runSync(long.visit(() => visited++))
    expect([visited, long.isFull]).toEqual([count, false])
  })
})
