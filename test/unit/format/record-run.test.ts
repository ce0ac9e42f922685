/** Many records checked with one checksum: as good as a checksum each. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../native-free/crc32c.js'
import { viewOf } from '../../../src/format/integers.js'
import { Operation, readRecord, recordBytes, RecordView, writeRecord } from '../../../src/format/record.js'
import { type RecordRun, runHolds, writeRunHeads } from '../../../src/format/record-run.js'

const FRAME = 8
const FIRST = 56

const anyRows = fc.array(fc.tuple(fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 40 })), {
  minLength: 1,
  maxLength: 12,
})

interface Copied {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly run: RecordRun
}

/** Records as they come from another file: with heads of that place. */
function copied(rows: readonly (readonly [Uint8Array, Uint8Array])[]): Copied {
  const sizes = rows.map(([key, value]) => recordBytes(7, key.length, value.length))
  const bytes = new Uint8Array(FIRST + sizes.reduce((sum, size) => sum + size, 0) + 5)
  const view = viewOf(bytes)
  const places = new Uint32Array(rows.length)
  const crcs = new Uint32Array(rows.length)
  let at = FIRST
  for (const [i, [key, value]] of rows.entries()) {
    const record = {
      operation: Operation.put,
      collectionId: 7,
      key,
      value,
      previous: 77_777 + i,
      distance: 4242,
    }
    places[i] = at
    crcs[i] = writeRecord(bytes, view, at, record, crc32c)
    at += sizes[i] ?? 0
  }
  return { bytes, view, run: { places, crcs, from: 0, to: rows.length, end: at } }
}

describe('a run of records', () => {
  it('holds, and gets the heads of its new place', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const { bytes, view, run } = copied(rows)
        expect(runHolds({ bytes, view }, run, crc32c)).toBe(true)
        writeRunHeads({ bytes, view }, run, FRAME)
        const record = new RecordView()
        for (const [i, [key, value]] of rows.entries()) {
          const at = run.places[i] ?? 0
          expect(readRecord(bytes, view, at, run.end, record, crc32c)).toBeUndefined()
          expect([record.distance, record.previous, record.crc]).toEqual([at - FRAME, 0, run.crcs[i]])
          expect(bytes.slice(record.keyStart, record.keyEnd)).toEqual(key)
          expect(bytes.slice(record.valueStart, record.valueEnd)).toEqual(value)
        }
      }),
    )
  })

  it('does not hold with any bit of a body or a CRC changed, in one record or in several', () => {
    fc.assert(
      fc.property(anyRows, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), (rows, picks) => {
        const { bytes, view, run } = copied(rows)
        const wrong = new Set<number>()
        for (const pick of picks) {
          const bit = FIRST * 8 + (pick % ((run.end - FIRST) * 8))
          const index = bit >>> 3
          const i = run.places.findLastIndex((place) => place <= index)
          const within = index - (run.places[i] ?? 0)
          // What the head says of the old place is not looked at.
          if ((within >= 4 && within < 14) || wrong.has(bit)) continue
          wrong.add(bit)
          bytes[index] = (bytes[index] ?? 0) ^ (1 << (bit & 7))
        }
        expect(runHolds({ bytes, view }, run, crc32c)).toBe(wrong.size === 0)
      }),
    )
  })

  it('does not hold when two whole records stand in each other’s place', () => {
    const row = (n: number): [Uint8Array, Uint8Array] => [new Uint8Array([n]), new Uint8Array([n, n, n])]
    const { bytes, view, run } = copied([row(1), row(2), row(3)])
    const [a = 0, b = 0, c = 0] = run.places
    const first = bytes.slice(a, b)
    bytes.copyWithin(a, b, c)
    bytes.set(first, b)
    expect(runHolds({ bytes, view }, run, crc32c)).toBe(false)
  })

  it('without records holds', () => {
    const { bytes, view, run } = copied([[new Uint8Array(1), new Uint8Array(1)]])
    expect(runHolds({ bytes, view }, { ...run, to: 0 }, crc32c)).toBe(true)
  })
})
