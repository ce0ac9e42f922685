/**
 * Older code with a newer file: frames, catalog, features or a format that this version does not know, under sound
 * checksums. Refused in every mode, and never touched.
 */
import { describe, expect, it } from 'vitest'
import { collectionKey } from '../../src/catalog/entry.js'
import { CorruptionError, FormatError } from '../../src/errors.js'
import { COMMIT_BLOCK_BYTES } from '../../src/format/commit.js'
import { FrameKind } from '../../src/format/frame.js'
import { LOG_START } from '../../src/format/header.js'
import { RowCodec } from '../../src/format/value.js'
import { encodeSuperblock } from '../../src/format/superblock.js'
import { firstSuperblock, readSuperblocks } from '../../src/log/superblocks.js'
import { crc32c } from '../../native-free/crc32c.js'
import { flipped, LogImage, overwritten, rowRecord, zeroed } from '../support/log-images.js'
import { caught, listing, MODES, openOn, PATH, storageWith } from './databases.js'

function image(change: (image: LogImage) => void = () => undefined): LogImage {
  const made = new LogImage()
  made.register()
  made.rows('a')
  change(made)
  return made
}

/** Refused by every mode, for both kinds of open, without a byte changed. */
function expectRefused(
  bytes: Uint8Array,
  kind: new (...args: never[]) => Error,
  accesses = ['readWrite', 'readOnly'] as const,
): void {
  for (const mode of accesses) {
    for (const recovery of MODES) {
      const storage = storageWith({ [PATH]: bytes })
      const before = listing(storage)
      expect(caught(() => openOn(storage, { mode, recovery }))).toBeInstanceOf(kind)
      expect(listing(storage)).toEqual(before)
    }
  }
}

const COLLECTION_2 = collectionKey(2)

function newerDefinition(more: object): Uint8Array {
  const definition = { name: 'newer', primaryKey: [['id']], fields: [], version: 1, ...more }
  return new RowCodec({ structures: false }).encode(definition).slice()
}

const UNKNOWN: readonly [string, (image: LogImage) => void][] = [
  ['a kind of a later version', (made) => void made.frame(77, new Uint8Array(8))],
  ['a kind that is reserved', (made) => void made.frame(FrameKind.blob, new Uint8Array(8))],
  ['a base commit', (made) => void made.frame(FrameKind.base, new Uint8Array(COMMIT_BLOCK_BYTES))],
  ['flags', (made) => void made.commit([rowRecord('b')], { flags: 1 })],
  ['what was replaced, in a frame without records', (made) => void made.mark(LOG_START, { replaced: 1 })],
  [
    'more replaced records than it says anything of',
    (made) => void made.commit([rowRecord('b')], { replaced: 200 }),
  ],
  ['an unknown operation', (made) => void made.commit([{ ...rowRecord('b'), operation: 3 as 1 }])],
  ['a commit block that is too short', (made) => void made.frame(FrameKind.transaction, new Uint8Array(20))],
  [
    'a longer commit block of several frames',
    (made) => void made.frame(FrameKind.txnCommit, new Uint8Array(80)),
  ],
  ['a longer begin', (made) => void made.frame(FrameKind.txnBegin, new Uint8Array(32))],
  ['a longer mark', (made) => void made.frame(FrameKind.mark, new Uint8Array(24))],
  [
    'a sequence above 2^53 - 1',
    (made) => void made.frame(FrameKind.mark, new Uint8Array(16), { sequence: 2 ** 60 }),
  ],
  [
    'a catalog record that is none',
    (made) => void made.commit([{ collectionId: 0, key: COLLECTION_2, value: new Uint8Array([1]) }]),
  ],
  [
    'a definition with a property that is not known',
    (made) => void made.commit([{ collectionId: 0, key: COLLECTION_2, value: newerDefinition({ ttl: 5 }) }]),
  ],
  [
    'a field with a constraint that is not known',
    (made) => {
      const fields = [{ path: ['a'], type: 'int', even: true }]
      made.commit([{ collectionId: 0, key: COLLECTION_2, value: newerDefinition({ fields }) }])
    },
  ],
  ['a record of an unknown collection', (made) => void made.commit([{ ...rowRecord('b'), collectionId: 9 }])],
]

describe('a newer file', () => {
  it.each(UNKNOWN)('is refused for %s', (_name, change) => {
    const made = image(change)
    expectRefused(made.file(), FormatError)
    // Not even past W, where anything else could be cut.
    expectRefused(made.file({ watermark: 12_288, watermarkSequence: 0 }), FormatError)
  })

  it.each(UNKNOWN.slice(0, 4))('is refused for %s behind a break', (_name, change) => {
    const made = image((inner) => {
      inner.raw(new Uint8Array(64).fill(1))
      change(inner)
    })
    expectRefused(made.file({ watermark: 12_288, watermarkSequence: 0 }), FormatError)
  })

  it('is refused for its major version', () => {
    const made = new LogImage({ formatMajor: 2 })
    expectRefused(made.file(), FormatError)
  })

  it('is refused for its major version where only a superblock still tells it', () => {
    expectRefused(flipped(new LogImage({ formatMajor: 2 }).file(), 3000), FormatError)
    expectRefused(zeroed(new LogImage({ formatMajor: 2 }).file(), 0, 4096), FormatError)
  })

  it('is read for a higher minor version', () => {
    const made = new LogImage({ formatMinor: 9 })
    made.register()
    const db = openOn(storageWith({ [PATH]: made.file() }), { recovery: 'strict' })
    expect(db.recoveryInfo.classification).toBe('clean')
    db.closeSync()
  })

  it('is refused for an incompatible feature, for writing only for a read-only one, and never for a compatible one', () => {
    const made = image()
    expectRefused(made.file({ featuresIncompatible: 0x8000_0000 }), FormatError)
    expectRefused(made.file({ featuresReadOnlyCompatible: 4 }), FormatError, ['readWrite'] as never)
    const storage = storageWith({ [PATH]: made.file({ featuresReadOnlyCompatible: 4 }) })
    openOn(storage, { mode: 'readOnly' }).closeSync()
    const compatible = storageWith({ [PATH]: made.file({ featuresCompatible: 4 }) })
    openOn(compatible).closeSync()
    // What this version does not know, it passes on.
    const { live } = readSuperblocks(compatible.open(PATH, 'read'), crc32c)
    expect(live?.featuresCompatible).toBe(4)
  })
})

describe('content that contradicts itself under sound checksums', () => {
  it.each<[string, (image: LogImage) => void]>([
    [
      'something of a replaced record where none is',
      (made) => void made.commit([rowRecord('b')], { replaced: 1, behind: new Uint8Array(8) }),
    ],
    [
      'nothing of the second of two replaced records',
      (made) =>
        void made.commit(
          [rowRecord('a'), rowRecord('a')].map((record) => ({ ...record, previous: LOG_START + 120 })),
          { replaced: 1, behind: new Uint8Array(8) },
        ),
    ],
    [
      'the number of operations',
      (made) => void made.commit([rowRecord('b')], { block: (block) => void (block.operations = 2) }),
    ],
    [
      'the commit checksum',
      (made) => void made.commit([rowRecord('b')], { block: (block) => void (block.commitCrc ^= 1) }),
    ],
    ['the time', (made) => void made.commit([rowRecord('b')], { time: 5 })],
  ])('is refused for %s', (_name, change) => expectRefused(image(change).file(), CorruptionError))

  it.each([8, 4096, 12_280, 12_289, 13_001])('is refused for a cut at %d', (cutAt) => {
    expectRefused(image().file({ cutAt }), CorruptionError)
  })

  it('is refused where the header is lost and the superblocks name different files', () => {
    const made = image()
    const other = new LogImage({ generationId: '77'.repeat(16) })
    const stranger = encodeSuperblock({ ...firstSuperblock(other.header, 12_288), sequence: 50 }, crc32c)
    expectRefused(overwritten(zeroed(made.file(), 0, 100), 4096, stranger), FormatError)
    expectRefused(overwritten(flipped(made.file(), 100), 4096, stranger), CorruptionError)
  })
})
