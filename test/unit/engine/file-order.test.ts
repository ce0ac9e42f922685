/** The order in which records are read or visited: that of the file. */
import { describe, expect, it } from 'vitest'
import { FileOrder } from '../../../src/engine/file-order.js'
import { RecordBatch } from '../../../src/inspect/record-batch.js'
import { runSync } from '../../../src/storage/task.js'
import { RecordRef } from '../../../src/tree/index.js'
import { randomFrom } from '../../support/random.js'
import { runSeed } from '../../support/seed.js'

const seed = runSeed()
const PIECE = 64 * 1024

function sorted(positions: readonly number[]): readonly number[][] {
  const { length } = positions
  const inFile = new FileOrder(Math.max(1, length))
  runSync(inFile.sort(Float64Array.from(positions), length))
  const pieces: number[][] = []
  for (let from = 0, to = 0; from < length; from = to) {
    to = inFile.endOfPiece(from)
    pieces.push([...inFile.order.subarray(from, to)])
  }
  return pieces
}

const ascending = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)

describe('an order by place', () => {
  it.each([
    [300, 30],
    [300, 1],
    [5000, 30],
    [5000, 4],
  ])(
    'has the records of one piece together, and pieces in the order of the file: %d in %d pieces',
    (most, spread) => {
      const random = randomFrom(seed)
      for (let round = 0; round < 20; round++) {
        const start = [0, 12_288, 2 ** 40, 2 ** 47 - PIECE * spread - 1][random.below(4)] ?? 0
        const count = most - random.below(50)
        const positions = Array.from({ length: count }, () => start + random.below(PIECE * spread))
        const pieces = sorted(positions)
        expect(ascending(pieces.flat())).toEqual(positions.map((_, i) => i))
        const numbers = pieces.map(
          (piece) => new Set(piece.map((i) => Math.floor((positions[i] ?? 0) / PIECE))),
        )
        expect(numbers.every((of) => of.size === 1)).toBe(true)
        const inOrder = numbers.flatMap((of) => [...of])
        expect(inOrder).toEqual(ascending(inOrder))
        expect(new Set(inOrder).size).toBe(inOrder.length)
        // Those of one piece are in the order in which they came.
        for (const piece of pieces) expect(piece).toEqual(ascending(piece))
      }
    },
  )

  it.each([5, 5000])('tells pieces of a file of many TiB apart: %d records', (count) => {
    const positions = Array.from({ length: count }, (_, i) => (i % 5 === 0 ? 2 ** 46 : 12_288 + i))
    positions[1] = 2 ** 45
    const last = ascending(positions.flatMap((at, i) => (at === 2 ** 46 ? [i] : [])))
    expect(sorted(positions).slice(1)).toEqual([[1], last])
  })

  it('is empty for no records', () => {
    expect(sorted([])).toEqual([])
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
      let piece = 0
      const left = new Map(added)
      runSync(
        batch.visit(({ position, lengthBytes, crc }, key) => {
          expect(Buffer.from(key).toString('hex')).toBe(left.get(position))
          expect([lengthBytes, crc]).toEqual([30 + (position % 7), 4_000_000_000 + (position % 1000)])
          expect(Math.floor(position / PIECE)).toBeGreaterThanOrEqual(piece)
          piece = Math.floor(position / PIECE)
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
