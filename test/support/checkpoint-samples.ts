/** Arbitrary contents of `Checkpoint` frames. */
import * as fc from 'fast-check'
import type { Checkpoint, CheckpointEntry, StoredRoot } from '../../src/format/checkpoint.js'
import { LOG_START } from '../../src/format/header.js'
import { MAX_STRUCTURES } from '../../src/format/limits.js'
import { uint32, uint53 } from './decoding.js'

const anyRoot: fc.Arbitrary<StoredRoot> = fc.record({
  position: uint53,
  lengthBytes: uint32,
  crc: uint32,
  height: fc.nat(255),
  count: uint53,
  nodeBytes: uint53,
})

const anyEntry: fc.Arbitrary<CheckpointEntry> = fc.record({
  id: uint32,
  root: anyRoot,
  liveBytes: uint53,
  digest: fc.record({ a: uint32, b: uint32 }),
  counter: uint53,
  definition: fc.uint8Array({ maxLength: 40 }),
  structures: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: MAX_STRUCTURES }),
  indexes: fc.array(fc.record({ id: uint53, root: anyRoot, rows: uint53 }), { maxLength: 4 }),
})

/** Any checkpoint that can be written, plausible or not. */
export const anyCheckpoint: fc.Arbitrary<Checkpoint> = fc.record({
  sequence: uint53,
  time: uint53,
  commitOffset: uint53,
  commitEnd: uint53,
  commitCrc: uint32,
  commitEpoch: uint32,
  replayFrom: uint53,
  previous: uint53,
  recordBytes: uint53,
  nodeBytes: uint53,
  collections: fc
    .uniqueArray(anyEntry, { maxLength: 5, selector: ({ id }) => id })
    .map((entries) => entries.toSorted((a, b) => a.id - b.id)),
})

/** Of an empty tree. */
const NO_ROOT: StoredRoot = { position: 0, lengthBytes: 0, crc: 0, height: 0, count: 0, nodeBytes: 0 }

/** The catalog's entry in a database without collections. */
export const CATALOG_ENTRY: CheckpointEntry = {
  id: 0,
  root: NO_ROOT,
  liveBytes: 0,
  digest: { a: 0, b: 0 },
  counter: 1,
  definition: new Uint8Array(0),
  structures: [],
  indexes: [],
}

/** Of a database before its first commit. */
export const EMPTY_CHECKPOINT: Checkpoint = {
  sequence: 0,
  time: 0,
  commitOffset: 0,
  commitEnd: LOG_START,
  commitCrc: 0,
  commitEpoch: 0,
  replayFrom: LOG_START,
  previous: 0,
  recordBytes: 0,
  nodeBytes: 0,
  collections: [CATALOG_ENTRY],
}
