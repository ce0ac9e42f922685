import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { viewOf } from '../../../src/format/integers.js'
import { MAX_KEY_BYTES, MAX_ROW_BYTES } from '../../../src/format/limits.js'
import {
  EXPIRY_FLAG,
  Operation,
  readRecord,
  RECORD_BODY,
  recordBytes,
  RecordField,
  type RecordInput,
  type RecordProblem,
  RecordView,
  writeRecord,
} from '../../../src/format/record.js'
import { anyBytes, bitFlips, checksum, uint32 } from '../../support/decoding.js'
import { seed } from '../../support/counts.js'

const anyRecord: fc.Arbitrary<RecordInput> = fc.record({
  operation: fc.constantFrom(Operation.put, Operation.delete),
  collectionId: uint32,
  key: fc.uint8Array({ maxLength: 300 }),
  value: fc.uint8Array({ maxLength: 300 }),
  previous: fc.oneof(fc.nat(1e9), fc.constantFrom(0, 2 ** 32, 2 ** 48 - 1)),
  distance: uint32,
})

function encoded(record: RecordInput): Uint8Array {
  const bytes = new Uint8Array(recordBytes(record.collectionId, record.key.length, record.value.length))
  writeRecord(bytes, viewOf(bytes), 0, record, checksum)
  return bytes
}

function read(bytes: Uint8Array, checked = true): RecordView | RecordProblem {
  const record = new RecordView()
  return readRecord(bytes, viewOf(bytes), 0, bytes.length, record, checked ? checksum : undefined) ?? record
}

/** A record of these lengths, whatever they are, with a checksum that holds over what is there. */
function forged(body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array([...new Uint8Array(RECORD_BODY), ...body])
  viewOf(bytes).setUint32(0, checksum(bytes, RECORD_BODY, bytes.length), true)
  return bytes
}

const SAMPLE: RecordInput = {
  operation: Operation.put,
  collectionId: 300,
  key: new Uint8Array([0x20, 0x61, 0]),
  value: new Uint8Array([1, 2, 3, 4, 5]),
  previous: 12_408,
  distance: 120,
}

describe('a record', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(20), (input, before) => {
        const one = encoded(input)
        const bytes = new Uint8Array(before + one.length + 9).fill(0xee)
        bytes.set(one, before)
        const record = new RecordView()
        expect(readRecord(bytes, viewOf(bytes), before, bytes.length, record, checksum)).toBeUndefined()
        const { operation, collectionId, previous, distance, start, end, expiry } = record
        expect({ operation, collectionId, previous, distance, start, end, expiry }).toEqual({
          operation: input.operation,
          collectionId: input.collectionId,
          previous: input.previous,
          distance: input.distance,
          start: before,
          end: before + one.length,
          expiry: 0,
        })
        expect(bytes.slice(record.keyStart, record.keyEnd)).toEqual(input.key)
        expect(bytes.slice(record.valueStart, record.valueEnd)).toEqual(input.value)
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('has the same CRC wherever it stands', () => {
    const bytes = encoded(SAMPLE)
    const moved = encoded({ ...SAMPLE, distance: 4000, previous: 0 })
    expect(viewOf(bytes).getUint32(RecordField.crc, true)).toBe(
      viewOf(moved).getUint32(RecordField.crc, true),
    )
    expect(viewOf(bytes).getUint32(RecordField.crc, true)).toBe(checksum(bytes, RECORD_BODY, bytes.length))
  })

  it('is not believed with any one bit changed in its CRC or what that covers', () => {
    const whole = encoded(SAMPLE)
    for (const { bytes, bit } of bitFlips(whole)) {
      const place = bit >= RecordField.distance * 8 && bit < RECORD_BODY * 8
      expect(typeof read(bytes) === 'string', `bit ${bit}`).toBe(!place)
    }
  })

  it('is never thrown over, checked or not, when it is other bytes', () => {
    fc.assert(
      fc.property(anyBytes(encoded(SAMPLE)), fc.boolean(), (bytes, checked) => {
        const record = read(bytes, checked)
        if (typeof record === 'string') return
        expect(record.keyStart).toBeLessThanOrEqual(record.keyEnd)
        expect(record.valueStart).toBeLessThanOrEqual(record.valueEnd)
        expect(record.end).toBeLessThanOrEqual(bytes.length)
      }),
      { seed, numRuns: 3000 },
    )
  })

  it('is none when it ends too early', () => {
    const whole = encoded({ ...SAMPLE, collectionId: 1 })
    for (let length = 0; length < whole.length; length++)
      expect(read(whole.slice(0, length)), `${length}`).toBe('short')
  })

  it.each([0, 3, 0x7f, EXPIRY_FLAG, EXPIRY_FLAG | 3])('is none with the operation %i', (operation) => {
    expect(read(forged([operation, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))).toBe('operation')
  })

  it('reads an expiry time, and only a safe one', () => {
    const record = read(
      forged([EXPIRY_FLAG | Operation.put, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 7, 9]),
    )
    expect(record).toMatchObject({ operation: Operation.put, expiry: Number.MAX_SAFE_INTEGER, end: 28 })
    expect(read(forged([EXPIRY_FLAG | Operation.put, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0x20, 0, 7, 9]))).toBe(
      'expiry',
    )
    expect(read(forged([EXPIRY_FLAG | Operation.put, 1, 1, 1, 0, 0, 0]))).toBe('expiry')
  })

  it('is none with a length that takes more than five bytes or passes 2^32', () => {
    const long = [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]
    const large = [0xff, 0xff, 0xff, 0xff, 0x1f]
    for (const varint of [long, large]) {
      expect(read(forged([1, ...varint, 0, 0, 0, 0]))).toBe('collection')
      expect(read(forged([1, 1, ...varint, 0, 0, 0]))).toBe('keyLength')
      expect(read(forged([1, 1, 1, ...varint, 0, 0]))).toBe('valueLength')
    }
  })

  it('refuses lengths beyond the limits before it looks at what they would hold', () => {
    const varint = (value: number): number[] => [
      (value & 0x7f) | 0x80,
      ((value >> 7) & 0x7f) | 0x80,
      ((value >> 14) & 0x7f) | 0x80,
      value >> 21,
    ]
    expect(read(forged([1, 1, ...varint(MAX_KEY_BYTES), 0, 0]))).toBe('short')
    expect(read(forged([1, 1, ...varint(MAX_KEY_BYTES + 1), 0, 0]))).toBe('keyLength')
    expect(read(forged([1, 1, 0, ...varint(MAX_ROW_BYTES), 0]))).toBe('short')
    expect(read(forged([1, 1, 0, ...varint(MAX_ROW_BYTES + 1), 0]))).toBe('valueLength')
  })
})
