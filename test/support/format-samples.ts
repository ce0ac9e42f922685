/** Arbitrary contents of the fixed blocks. */
import * as fc from 'fast-check'
import type { Header } from '../../src/format/header.js'
import type { Superblock } from '../../src/format/superblock.js'
import { id, uint32, uint53 } from './decoding.js'

export const anyHeader: fc.Arbitrary<Header> = fc.record({
  formatMajor: fc.constant(1),
  formatMinor: fc.nat(0xffff),
  databaseId: id,
  generationId: id,
  createdAt: uint53,
  parentGenerationId: id,
  parentSequence: uint53,
  parentCommitOffset: uint53,
  parentCommitCrc: uint32,
})

export const anySuperblock: fc.Arbitrary<Superblock> = fc.record({
  sequence: uint53,
  header: anyHeader,
  epoch: uint32,
  sessionId: id,
  featuresCompatible: uint32,
  featuresReadOnlyCompatible: uint32,
  featuresIncompatible: uint32,
  checkpoint: uint53,
  watermark: uint53,
  watermarkSequence: uint53,
  cutAt: uint53,
  highestSequence: uint53,
  checkpointEnd: uint53,
})

/** The same header in every test that needs just one. */
export const HEADER: Header = {
  formatMajor: 1,
  formatMinor: 0,
  databaseId: '000102030405060708090a0b0c0d0e0f',
  generationId: 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
  createdAt: 1_700_000_000_000,
  parentGenerationId: '0'.repeat(32),
  parentSequence: 0,
  parentCommitOffset: 0,
  parentCommitCrc: 0,
}

export const SUPERBLOCK: Superblock = {
  sequence: 7,
  header: HEADER,
  epoch: 3,
  sessionId: '00112233445566778899aabbccddeeff',
  featuresCompatible: 0,
  featuresReadOnlyCompatible: 0,
  featuresIncompatible: 0,
  checkpoint: 0,
  watermark: 12_568,
  watermarkSequence: 1,
  cutAt: 0,
  highestSequence: 0,
  checkpointEnd: 0,
}
