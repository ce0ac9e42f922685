/**
 * The cut: interrupted at every step, by a power cut or a failing storage, and what the next open makes of it.
 *
 * Oracle. At every boundary the bytes that are cut are in the file or in a quarantine file, to the byte. The next open
 * ends with the same rows and one quarantine file, and from then on the file is clean in strict mode.
 */
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.js'
import { LOG_START } from '../../src/format/header.js'
import { QUARANTINE_HEAD_BYTES } from '../../src/format/quarantine.js'
import { readSuperblocks } from '../../src/log/superblocks.js'
import { crc32c } from '../../native-free/crc32c.js'
import type { Storage } from '../../src/storage/storage.js'
import { FaultyStorage } from '../support/faulty-storage.js'
import { COLLECTION, flipped, LogImage } from '../support/log-images.js'
import { subsetsAt, tearsAt } from '../support/power-cut-choices.js'
import { PowerCutStorage } from '../support/power-cut-storage.js'
import { seed } from '../support/counts.js'
import {
  caught,
  expectSameBytes,
  fileBytes,
  idsOf,
  listing,
  openOn,
  PATH,
  putFile,
  storageWith,
} from './databases.js'

const QUARANTINE = `${PATH}.quarantine-1`

/** Rows a to d, all acknowledged; the frame of `b` is damaged. */
function damagedImage(): { bytes: Uint8Array; cutAt: number; watermark: number } {
  const image = new LogImage()
  image.register()
  const [a, b] = image.rows('a', 'b', 'c', 'd')
  const cutAt = a?.end ?? 0
  return { bytes: flipped(image.file(), (b?.offset ?? 0) + 60), cutAt, watermark: image.last.end }
}

/** A disk that holds these bytes, durably. */
function diskWith(bytes: Uint8Array): PowerCutStorage {
  const storage = new PowerCutStorage()
  putFile(storage, PATH, bytes)
  const file = storage.open(PATH, 'readWrite')
  file.sync()
  file.close()
  storage.syncDirectory(PATH)
  return storage.imageAfter(storage.boundary, 'none')
}

function expectNothingLost(storage: Storage, bytes: Uint8Array, cutAt: number): void {
  const now = fileBytes(storage)
  expectSameBytes(now.slice(LOG_START, cutAt), bytes.slice(LOG_START, cutAt))
  if (now.length >= bytes.length && Buffer.compare(now.slice(cutAt, bytes.length), bytes.slice(cutAt)) === 0)
    return
  expectSameBytes(fileBytes(storage, QUARANTINE).slice(QUARANTINE_HEAD_BYTES), bytes.slice(cutAt))
}

function expectRecovered(storage: Storage, bytes: Uint8Array, cutAt: number): void {
  expectNothingLost(storage, bytes, cutAt)
  const db = openOn(storage)
  expect(idsOf(db)).toEqual(['a'])
  db.collection(COLLECTION).insertSync({ id: 'new' })
  expect(db.commitSequence).toBeGreaterThan(5)
  db.closeSync()
  const quarantines = storage.siblings(`${PATH}.quarantine-`).filter((name) => !name.endsWith('.tmp'))
  expect(quarantines).toEqual([QUARANTINE])
  expectSameBytes(fileBytes(storage, QUARANTINE).slice(QUARANTINE_HEAD_BYTES), bytes.slice(cutAt))
  const again = openOn(storage, { recovery: 'strict' })
  expect(idsOf(again)).toEqual(['a', 'new'])
  again.closeSync()
}

describe('a cut that is interrupted (I3, I4)', () => {
  it('by a power cut at any boundary, with any of the writes that were not synced, is finished or made again', () => {
    const { bytes, cutAt } = damagedImage()
    const storage = diskWith(bytes)
    openOn(storage).closeSync()
    let images = 0
    let finished = 0
    for (let boundary = 0; boundary <= storage.boundary; boundary++) {
      const tears = [...tearsAt(storage, boundary, { step: 1021, seed })]
      for (const choice of [...subsetsAt(storage, boundary, { seed }), ...tears]) {
        const image = storage.imageAfter(boundary, choice)
        const probe = image.imageAfter(0)
        const reader = openOn(probe, { mode: 'readOnly', recovery: 'autoTruncate' })
        expect(idsOf(reader)).toEqual(['a'])
        reader.closeSync()
        expectRecovered(image, bytes, cutAt)
        images++
        if (fileBytes(probe).length === bytes.length && probe.stat(QUARANTINE) !== undefined) finished++
      }
    }
    expect(images).toBeGreaterThan(50)
    // The canary: some images were neither the file before nor the file after.
    expect(finished).toBeGreaterThan(5)
  })

  it('within the finishing of an interrupted cut is finished by the next open', () => {
    const { bytes, cutAt } = damagedImage()
    const first = diskWith(bytes)
    openOn(first).closeSync()
    const interrupted = [...Array(first.boundary + 1).keys()]
      .map((boundary) => first.imageAfter(boundary, 'none'))
      .filter((image) => readSuperblocks(image.open(PATH, 'read'), crc32c).live?.cutAt === cutAt)
    expect(interrupted.length).toBeGreaterThan(1)
    for (const image of interrupted) {
      const second = image.imageAfter(0)
      const db = openOn(second)
      expect(db.recoveryInfo).toMatchObject({
        finishedCut: true,
        classification: 'clean',
        quarantinePath: undefined,
      })
      db.closeSync()
      for (let boundary = 0; boundary <= second.boundary; boundary++) {
        for (const choice of subsetsAt(second, boundary, { seed })) {
          expectRecovered(second.imageAfter(boundary, choice), bytes, cutAt)
        }
      }
    }
  })

  it('whose truncation is lost is finished without judging or quarantining again, in strict mode too', () => {
    const { bytes, cutAt } = damagedImage()
    const storage = diskWith(bytes)
    openOn(storage).closeSync()
    const truncation = storage.log.findIndex((operation) => operation.kind === 'truncate')
    const image = storage.imageAfter(truncation + 1, 'none')
    expect(fileBytes(image)).toHaveLength(bytes.length)
    const before = image.siblings(PATH)
    const reader = openOn(image, { mode: 'readOnly', recovery: 'strict' })
    expect(idsOf(reader)).toEqual(['a'])
    reader.closeSync()
    const db = openOn(image, { recovery: 'strict' })
    expect(db.recoveryInfo).toMatchObject({ finishedCut: true, classification: 'clean', truncatedBytes: 0 })
    expect(fileBytes(image)).toHaveLength(cutAt)
    expect(image.siblings(PATH)).toEqual(before)
    db.closeSync()
  })

  it('is left alone by an open that refuses what stands before it', () => {
    const image = new LogImage()
    image.register()
    const [, b, c] = image.rows('a', 'b', 'c', 'd')
    const bytes = flipped(
      image.file({ cutAt: c?.offset ?? 0, watermark: c?.offset ?? 0 }),
      (b?.offset ?? 0) + 60,
    )
    for (const recovery of ['strict', 'tornTail'] as const) {
      const storage = storageWith({ [PATH]: bytes })
      const before = listing(storage)
      expect(
        VarveError.is(
          caught(() => openOn(storage, { recovery })),
          'VARVE_CORRUPTION',
        ),
      ).toBe(true)
      expect(listing(storage)).toEqual(before)
    }
    const storage = storageWith({ [PATH]: bytes })
    const db = openOn(storage)
    expect(db.recoveryInfo).toMatchObject({
      finishedCut: true,
      classification: 'damage',
      breakOffset: b?.offset,
    })
    expect(idsOf(db)).toEqual(['a'])
    db.closeSync()
    expectSameBytes(
      fileBytes(storage, QUARANTINE).slice(QUARANTINE_HEAD_BYTES),
      bytes.slice(b?.offset, c?.offset),
    )
  })

  it('by a failure of any call of the storage leaves a file that the next open recovers', () => {
    const { bytes, cutAt } = damagedImage()
    const counting = new FaultyStorage(diskWith(bytes))
    openOn(counting).closeSync()
    let refused = 0
    for (let nth = 1; nth <= counting.totalCalls; nth++) {
      for (const error of ['EIO', 'ENOSPC']) {
        for (const applied of [false, true]) {
          const disk = diskWith(bytes)
          const storage = new FaultyStorage(disk)
          storage.plan({ operation: 'any', nth, fault: { error, applied } })
          const failure = caught(() => openOn(storage).closeSync())
          if (failure !== undefined) refused++
          expect(failure === undefined || VarveError.is(failure)).toBe(true)
          storage.heal()
          expectRecovered(disk.killImage(), bytes, cutAt)
          expectRecovered(disk.imageAfter(disk.boundary, 'none'), bytes, cutAt)
        }
      }
    }
    expect(refused).toBeGreaterThan(40)
  })

  it('by a sync that fails and loses its pages is made anew: the next sync covers what the cache alone knew', () => {
    const { bytes, cutAt } = damagedImage()
    const counting = new FaultyStorage(diskWith(bytes))
    openOn(counting).closeSync()
    for (let nth = 1; nth <= counting.calls.sync; nth++) {
      const disk = diskWith(bytes)
      const storage = new FaultyStorage(disk)
      storage.plan({ operation: 'sync', nth, fault: { lose: 'cached' } })
      expect(caught(() => openOn(storage).closeSync())).toBeDefined()
      storage.heal()
      const again = openOn(storage)
      again.collection(COLLECTION).insertSync({ id: 'kept' })
      const after = disk.imageAfter(disk.boundary, 'none')
      const db = openOn(after, { recovery: 'tornTail' })
      expect(idsOf(db)).toEqual(['a', 'kept'])
      db.closeSync()
      expectSameBytes(fileBytes(after, QUARANTINE).slice(QUARANTINE_HEAD_BYTES), bytes.slice(cutAt))
    }
  })
})

describe('after a cut', () => {
  it('no superblock says the old W, so either of them alone serves', () => {
    const { bytes, cutAt } = damagedImage()
    const storage = storageWith({ [PATH]: bytes })
    openOn(storage).closeSync()
    const { slots } = readSuperblocks(storage.open(PATH, 'read'), crc32c)
    for (const slot of slots) {
      expect(slot).toMatchObject({ ok: true, superblock: { cutAt: 0, watermark: cutAt } })
    }
    for (const offset of [4096, 8192]) {
      const db = openOn(storageWith({ [PATH]: flipped(fileBytes(storage), offset + 150) }), {
        recovery: 'strict',
      })
      expect(idsOf(db)).toEqual(['a'])
      db.closeSync()
    }
  })

  it('a file that regrew past its old W and then lost its tail is judged a torn tail', () => {
    const { bytes, watermark } = damagedImage()
    const storage = storageWith({ [PATH]: bytes })
    const db = openOn(storage)
    while (fileBytes(storage).findLastIndex((byte) => byte !== 0) < watermark + 1000) {
      db.collection(COLLECTION).insertSync({ id: `new ${1000 + db.commitSequence}` })
    }
    const ids = idsOf(db)
    const regrown = fileBytes(storage)
    const end = regrown.findLastIndex((byte) => byte !== 0)
    expect(end).toBeGreaterThan(watermark)
    const torn = regrown.slice(0, end - 10)
    const error = caught(() => openOn(storageWith({ [PATH]: torn }), { recovery: 'strict' }))
    expect(VarveError.is(error, 'VARVE_RECOVERY_REQUIRED')).toBe(true)
    const again = openOn(storageWith({ [PATH]: torn }), { recovery: 'tornTail' })
    expect(again.recoveryInfo.classification).toBe('tornTail')
    expect(idsOf(again)).toEqual(ids.slice(0, -1))
    again.closeSync()
  })

  it('(I12) sequences go on above the highest found in the cut bytes, also after an open that committed nothing', () => {
    const { bytes } = damagedImage()
    const storage = storageWith({ [PATH]: bytes })
    openOn(storage).closeSync()
    openOn(storage).closeSync()
    const db = openOn(storage)
    db.collection(COLLECTION).insertSync({ id: 'new' })
    expect(db.commitSequence).toBe(6)
    db.closeSync()
  })
})

describe('the fixed blocks', () => {
  const image = new LogImage()
  image.register()
  image.rows('a', 'b')
  const sound = image.file()

  it.each([10, 30, 4000, 4094])(
    'restores a header damaged at %d from a superblock, where it may',
    (offset) => {
      const bytes = flipped(sound, offset)
      for (const recovery of ['strict', 'tornTail'] as const) {
        for (const mode of ['readWrite', 'readOnly'] as const) {
          const storage = storageWith({ [PATH]: bytes })
          const before = listing(storage)
          expect(
            VarveError.is(
              caught(() => openOn(storage, { recovery, mode })),
              'VARVE_CORRUPTION',
            ),
          ).toBe(true)
          expect(listing(storage)).toEqual(before)
        }
      }
      const storage = storageWith({ [PATH]: bytes })
      const db = openOn(storage)
      expect(db.recoveryInfo).toMatchObject({ restoredHeader: true, classification: 'clean' })
      expect(idsOf(db)).toEqual(['a', 'b'])
      db.closeSync()
      expectSameBytes(fileBytes(storage).slice(0, 4096), sound.slice(0, 4096))
    },
  )

  it.each([4096, 8192])('does without the superblock at %d', (offset) => {
    for (const recovery of ['strict', 'tornTail', 'autoTruncate'] as const) {
      const storage = storageWith({ [PATH]: flipped(sound, offset + 110) })
      const db = openOn(storage, { recovery })
      expect(idsOf(db)).toEqual(['a', 'b'])
      db.collection(COLLECTION).insertSync({ id: 'c' })
      db.closeSync()
      const { slots } = readSuperblocks(storage.open(PATH, 'read'), crc32c)
      expect(slots.map((slot) => slot.ok)).toEqual([true, true])
    }
  })

  it('makes both superblocks anew where it may, above every epoch of the log', () => {
    const late = new LogImage()
    late.epoch = 5
    late.register()
    late.rows('a', 'b')
    const bytes = flipped(flipped(late.file(), 4096 + 110), 8192 + 110)
    for (const recovery of ['strict', 'tornTail'] as const) {
      const storage = storageWith({ [PATH]: bytes })
      expect(
        VarveError.is(
          caught(() => openOn(storage, { recovery })),
          'VARVE_CORRUPTION',
        ),
      ).toBe(true)
      expectSameBytes(fileBytes(storage), bytes)
    }
    const storage = storageWith({ [PATH]: bytes })
    const db = openOn(storage)
    db.collection(COLLECTION).insertSync({ id: 'c' })
    db.closeSync()
    const again = openOn(storage, { recovery: 'strict' })
    expect(idsOf(again)).toEqual(['a', 'b', 'c'])
    again.closeSync()
    expect(readSuperblocks(storage.open(PATH, 'read'), crc32c).live?.epoch).toBeGreaterThan(5)
  })

  it('has no identity left without all three', () => {
    const bytes = flipped(flipped(flipped(sound, 100), 4096 + 110), 8192 + 110)
    const storage = storageWith({ [PATH]: bytes })
    expect(
      VarveError.is(
        caught(() => openOn(storage)),
        'VARVE_CORRUPTION',
      ),
    ).toBe(true)
    expectSameBytes(fileBytes(storage), bytes)
  })
})
