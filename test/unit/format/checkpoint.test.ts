import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Checkpoint,
  checkpointBytes,
  CheckpointEntryField,
  CheckpointIndexField,
  CheckpointField,
  decodeCheckpoint,
  encodeCheckpoint,
} from '../../../src/format/checkpoint.js'
import { viewOf } from '../../../src/format/integers.js'
import { MAX_STRUCTURES } from '../../../src/format/limits.js'
import { anyCheckpoint, CATALOG_ENTRY, EMPTY_CHECKPOINT } from '../../support/checkpoint-samples.js'
import { seed } from '../../support/counts.js'
import { anyBytes } from '../../support/decoding.js'

/** A number in every field that no other field has. */
const SAMPLE: Checkpoint = {
  sequence: 0x0102,
  time: 0x0304,
  commitOffset: 0x0506,
  commitEnd: 0x0708,
  commitCrc: 0x0a0b,
  commitEpoch: 0x0c0d,
  replayFrom: 0x0e0f,
  previous: 0x1011,
  recordBytes: 0x1213,
  nodeBytes: 0x1415,
  collections: [
    {
      id: 7,
      root: {
        position: 0x2021,
        lengthBytes: 0x2223,
        crc: 0x2425,
        height: 2,
        count: 0x2627,
        nodeBytes: 0x2829,
      },
      liveBytes: 0x3031,
      digest: { a: 0x3233, b: 0x3435 },
      counter: 0x3637,
      definition: Uint8Array.of(0xd1, 0xd2),
      structures: [Uint8Array.of(0xe1), Uint8Array.of(0xf1, 0xf2, 0xf3)],
      indexes: [
        {
          id: 0x4041,
          root: {
            position: 0x4243,
            lengthBytes: 0x4445,
            crc: 0x4647,
            height: 1,
            count: 0x4849,
            nodeBytes: 0x4a4b,
          },
          rows: 0x4c4d,
        },
      ],
    },
  ],
}

const HEAD = CheckpointField.end
const ENTRY = CheckpointEntryField.end

/** The payload of the sample with some bytes changed. */
function changed(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = encodeCheckpoint(SAMPLE)
  change(viewOf(bytes), bytes)
  return bytes
}

describe('a checkpoint', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(anyCheckpoint, (checkpoint) => {
        const bytes = encodeCheckpoint(checkpoint)
        expect(bytes).toHaveLength(checkpointBytes(checkpoint))
        expect(decodeCheckpoint(bytes)).toEqual(checkpoint)
      }),
      { seed, numRuns: 500 },
    )
  })

  it('has each field where the format page has it', () => {
    const bytes = encodeCheckpoint(SAMPLE)
    const view = viewOf(bytes)
    const { collections: _, ...head } = SAMPLE
    for (const [field, value] of Object.entries(head)) {
      const at = CheckpointField[field as keyof typeof head]
      expect(view.getUint32(at, true), field).toBe(value)
    }
    expect(view.getUint32(CheckpointField.collections, true)).toBe(1)
    const at = (field: keyof typeof CheckpointEntryField): number =>
      view.getUint32(HEAD + CheckpointEntryField[field], true)
    expect([at('id'), at('rootLength'), at('rootCrc'), at('rootPosition')]).toEqual([
      7, 0x2223, 0x2425, 0x2021,
    ])
    expect([at('count'), at('liveBytes'), at('nodeBytes')]).toEqual([0x2627, 0x3031, 0x2829])
    expect([at('digestA'), at('digestB'), at('counter')]).toEqual([0x3233, 0x3435, 0x3637])
    expect(view.getUint8(HEAD + CheckpointEntryField.rootHeight)).toBe(2)
    expect(view.getUint16(HEAD + CheckpointEntryField.structures, true)).toBe(2)
    expect(at('definitionLength')).toBe(2)
    expect(at('indexes')).toBe(1)
    const tail = [0xd1, 0xd2, 1, 0, 0, 0, 0xe1, 3, 0, 0, 0, 0xf1, 0xf2, 0xf3]
    expect([...bytes.subarray(HEAD + ENTRY, HEAD + ENTRY + tail.length)]).toEqual(tail)
    const index = HEAD + ENTRY + tail.length
    const indexAt = (field: keyof typeof CheckpointIndexField): number =>
      view.getUint32(index + CheckpointIndexField[field], true)
    expect([indexAt('id'), indexAt('rootPosition'), indexAt('rootLength'), indexAt('rootCrc')]).toEqual([
      0x4041, 0x4243, 0x4445, 0x4647,
    ])
    expect([indexAt('count'), indexAt('rows'), indexAt('nodeBytes')]).toEqual([0x4849, 0x4c4d, 0x4a4b])
    expect(view.getUint8(index + CheckpointIndexField.rootHeight)).toBe(1)
    expect(bytes.length).toBe(index + CheckpointIndexField.end)
  })

  it('is none, and never thrown over, when it is other bytes', () => {
    const whole = encodeCheckpoint(SAMPLE)
    fc.assert(
      fc.property(anyBytes(whole), (bytes) => {
        const checkpoint = decodeCheckpoint(bytes)
        // What is taken for a checkpoint is exactly what these bytes say.
        if (checkpoint !== undefined) expect(encodeCheckpoint(checkpoint)).toEqual(bytes)
      }),
      { seed, numRuns: 5000 },
    )
  })

  it('is none with any byte missing, or one too many', () => {
    const whole = encodeCheckpoint(SAMPLE)
    for (let length = 0; length < whole.length; length++) {
      expect(decodeCheckpoint(whole.slice(0, length)), `${length} bytes`).toBeUndefined()
    }
    const longer = new Uint8Array(whole.length + 1)
    longer.set(whole)
    expect(decodeCheckpoint(longer)).toBeUndefined()
  })

  it.each([
    ['more collections than it has bytes for', CheckpointField.collections, 0xffff_ffff],
    ['fewer collections than it has', CheckpointField.collections, 0],
    ['something reserved', CheckpointField.reserved, 1],
    ['a definition longer than it is', HEAD + CheckpointEntryField.definitionLength, 0xffff_ffff],
    ['more indexes than it has bytes for', HEAD + CheckpointEntryField.indexes, 0xffff_ffff],
    ['fewer indexes than it has', HEAD + CheckpointEntryField.indexes, 0],
    ['a structure longer than it is', HEAD + ENTRY + 2, 0x8000_0000],
  ])('is none with %s', (_what, at, value) => {
    expect(decodeCheckpoint(changed((view) => view.setUint32(at, value, true)))).toBeUndefined()
  })

  it('is none with a reserved byte, or with more structures than there can be', () => {
    const reserved = HEAD + CheckpointEntryField.reserved
    expect(decodeCheckpoint(changed((_view, bytes) => void (bytes[reserved] = 1)))).toBeUndefined()
    const structures = Array.from({ length: MAX_STRUCTURES }, () => new Uint8Array(1))
    const full = { ...EMPTY_CHECKPOINT, collections: [{ ...CATALOG_ENTRY, structures }] }
    expect(decodeCheckpoint(encodeCheckpoint(full))).toEqual(full)
    const more = {
      ...full,
      collections: [{ ...CATALOG_ENTRY, structures: [...structures, new Uint8Array(1)] }],
    }
    expect(decodeCheckpoint(encodeCheckpoint(more))).toBeUndefined()
  })

  it.each([
    ...(['sequence', 'time', 'commitOffset', 'commitEnd', 'replayFrom', 'previous'] as const),
    ...(['recordBytes', 'nodeBytes'] as const),
  ])('is none with a %s beyond the safe integers', (field) => {
    const at = CheckpointField[field]
    const largest = decodeCheckpoint(changed((view) => view.setBigUint64(at, 2n ** 53n - 1n, true)))
    expect(largest?.[field]).toBe(Number.MAX_SAFE_INTEGER)
    expect(decodeCheckpoint(changed((view) => view.setBigUint64(at, 2n ** 53n, true)))).toBeUndefined()
  })

  it.each(['rootPosition', 'count', 'liveBytes', 'nodeBytes', 'counter'] as const)(
    'is none with the %s of an entry beyond the safe integers',
    (field) => {
      const at = HEAD + CheckpointEntryField[field]
      expect(decodeCheckpoint(changed((view) => view.setBigUint64(at, 2n ** 53n - 1n, true)))).toBeDefined()
      expect(decodeCheckpoint(changed((view) => view.setBigUint64(at, 2n ** 53n, true)))).toBeUndefined()
    },
  )

  it('is none with collections out of order, or twice', () => {
    const entries = (ids: readonly number[]): Uint8Array =>
      encodeCheckpoint({ ...EMPTY_CHECKPOINT, collections: ids.map((id) => ({ ...CATALOG_ENTRY, id })) })
    expect(decodeCheckpoint(entries([0, 1, 9]))).toBeDefined()
    expect(decodeCheckpoint(entries([0, 9, 1]))).toBeUndefined()
    expect(decodeCheckpoint(entries([0, 1, 1]))).toBeUndefined()
  })

  it('shares no memory with the bytes that it was read from', () => {
    const bytes = encodeCheckpoint(SAMPLE)
    const checkpoint = decodeCheckpoint(bytes)
    bytes.fill(0)
    expect(checkpoint).toEqual(SAMPLE)
  })
})
