/**
 * The recovery table: every row, in every mode, for both kinds of open, on files made by hand and on real ones.
 *
 * Oracle. A refused open leaves every byte and every name as it was, and says why. An open for reading changes nothing
 * and shows the commits before X. An open for writing leaves exactly the bytes before X, and what it cut is in the
 * quarantine file to the byte. Then a commit, a close and a strict reopen show the same rows and the new one. The same
 * recovery of the same file gives the same bytes.
 */
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.js'
import { LOG_START } from '../../src/format/header.js'
import { decodeQuarantineHead, QUARANTINE_HEAD_BYTES, QuarantineReason } from '../../src/format/quarantine.js'
import type { RecoveryInfo, RecoveryMode } from '../../src/log/recovery-info.js'
import { crc32c } from '../../native-free/crc32c.js'
import { COLLECTION } from '../support/log-images.js'
import {
  caught,
  expectSameBytes,
  fileBytes,
  idsOf,
  listing,
  MODES,
  openOn,
  PATH,
  storageWith,
} from './databases.js'
import { TABLE, type TableCase } from './table-cases.js'

const QUARANTINE = `${PATH}.quarantine-1`

/** The table itself: the code of the refusal, or undefined where the file is opened. */
function refusal({ classification }: TableCase, mode: RecoveryMode): string | undefined {
  if (classification === 'clean' || mode === 'autoTruncate') return undefined
  if (classification === 'damage' || classification === 'shortFile') return 'VARVE_CORRUPTION'
  return mode === 'strict' ? 'VARVE_RECOVERY_REQUIRED' : undefined
}

function expectFacts(info: RecoveryInfo, entry: TableCase, mode: RecoveryMode): void {
  expect(info).toMatchObject({
    mode,
    classification: entry.classification,
    breakOffset: entry.breakOffset,
    watermark: entry.watermark,
    checkpointOffset: undefined,
    finishedCut: false,
  })
  expect(info.cutCommits.map(({ sequence }) => sequence)).toEqual(entry.cut ?? [])
  expect(info.transactionsCut).toBe(entry.cut?.length ?? 0)
}

const cases = TABLE.flatMap((entry) =>
  MODES.flatMap((recovery) =>
    (['readWrite', 'readOnly'] as const).map((mode) => ({ entry, recovery, mode })),
  ),
)

describe('the recovery table (I2, I14)', () => {
  it.each(cases.filter(({ entry, recovery }) => refusal(entry, recovery) !== undefined))(
    '$entry.classification ($entry.name): $recovery refuses it, $mode',
    ({ entry, recovery, mode }) => {
      const storage = storageWith({ [PATH]: entry.bytes })
      const before = listing(storage)
      const error = caught(() => openOn(storage, { mode, recovery }))
      expect(VarveError.is(error) ? error.code : error).toBe(refusal(entry, recovery))
      if (!VarveError.is(error)) return
      expect(error.name).toBe(error.code === 'VARVE_CORRUPTION' ? 'CorruptionError' : 'RecoveryRequiredError')
      expect(error.details).toMatchObject({ path: PATH, offset: entry.breakOffset })
      expectFacts(error.details.recovery as RecoveryInfo, entry, recovery)
      expect(error.details.recovery).toMatchObject({ truncatedBytes: 0, quarantinePath: undefined })
      expect(listing(storage)).toEqual(before)
    },
  )

  it.each(
    cases.filter(
      ({ entry, recovery, mode }) => refusal(entry, recovery) === undefined && mode === 'readOnly',
    ),
  )(
    '$entry.classification ($entry.name): $recovery reads what stands before X',
    ({ entry, recovery, mode }) => {
      const storage = storageWith({ [PATH]: entry.bytes })
      const before = listing(storage)
      const db = openOn(storage, { mode, recovery })
      expectFacts(db.recoveryInfo, entry, recovery)
      expect(db.recoveryInfo).toMatchObject({ truncatedBytes: 0, quarantinePath: undefined })
      expect(idsOf(db)).toEqual(entry.ids)
      db.closeSync()
      expect(listing(storage)).toEqual(before)
    },
  )

  it.each(
    cases.filter(
      ({ entry, recovery, mode }) => refusal(entry, recovery) === undefined && mode === 'readWrite',
    ),
  )('$entry.classification ($entry.name): $recovery opens it for writing', ({ entry, recovery }) => {
    const storage = storageWith({ [PATH]: entry.bytes })
    const db = openOn(storage, { recovery })
    expectFacts(db.recoveryInfo, entry, recovery)
    expect(idsOf(db)).toEqual(entry.ids)
    expectCut(storage, entry, db.recoveryInfo)
    db.closeSync()
    expectSecondRecoverySame(entry, recovery, storage)
    expectGoesOn(storage, entry)
  })
})

/** The file ends at X and is untouched before it; what was behind it is kept aside to the byte. */
function expectCut(storage: ReturnType<typeof storageWith>, entry: TableCase, info: RecoveryInfo): void {
  const { bytes, breakOffset: cut } = entry
  const after = fileBytes(storage)
  if (cut === undefined) {
    expectSameBytes(after.slice(LOG_START, bytes.length), bytes.slice(LOG_START))
    expect(info).toMatchObject({ truncatedBytes: 0, quarantinePath: undefined })
    return
  }
  expect(after).toHaveLength(cut)
  expectSameBytes(after.slice(LOG_START), bytes.slice(LOG_START, cut))
  const removed = bytes.slice(cut)
  expect(info.truncatedBytes).toBe(removed.length)
  expect(info.quarantinePath).toBe(removed.length === 0 ? undefined : QUARANTINE)
  expect(storage.siblings(QUARANTINE)).toEqual(removed.length === 0 ? [] : [QUARANTINE])
  if (removed.length === 0) return
  const kept = fileBytes(storage, QUARANTINE)
  expectSameBytes(kept.slice(QUARANTINE_HEAD_BYTES), removed)
  expect(decodeQuarantineHead(kept.slice(0, QUARANTINE_HEAD_BYTES), crc32c)).toMatchObject({
    offset: cut,
    length: removed.length,
    contentCrc: crc32c(removed, 0, removed.length),
    reason: entry.classification === 'clean' ? 0 : QuarantineReason[entry.classification],
  })
}

function expectSecondRecoverySame(
  entry: TableCase,
  recovery: RecoveryMode,
  first: ReturnType<typeof storageWith>,
): void {
  const second = storageWith({ [PATH]: entry.bytes })
  openOn(second, { recovery }).closeSync()
  expect(listing(second)).toEqual(listing(first))
  const log = fileBytes(second).slice(LOG_START)
  const again = openOn(second, { recovery: 'strict' })
  expect(again.recoveryInfo).toMatchObject({ classification: 'clean', transactionsCut: 0 })
  again.closeSync()
  expectSameBytes(fileBytes(second).slice(LOG_START), log)
}

function expectGoesOn(storage: ReturnType<typeof storageWith>, entry: TableCase): void {
  const db = openOn(storage, { recovery: 'strict' })
  db.transactionSync((tx) => {
    tx.registerCollection(COLLECTION, [], 'id')
    tx.collection(COLLECTION).insert({ id: 'new' })
  })
  const sequence = db.commitSequence
  expect(sequence).toBeGreaterThan(Math.max(0, ...(entry.cut ?? [])))
  db.closeSync()
  const again = openOn(storage, { mode: 'readOnly', recovery: 'strict' })
  expect(again.recoveryInfo.classification).toBe('clean')
  expect(idsOf(again)).toEqual([...entry.ids, 'new'].toSorted())
  expect(again.commitSequence).toBe(sequence)
  again.closeSync()
}
