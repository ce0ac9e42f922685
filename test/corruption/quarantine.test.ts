/**
 * What recovery keeps aside: reuse, how many, what a failure leaves; and what an absent or empty database means beside
 * such files.
 */
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.js'
import { decodeQuarantineHead, QUARANTINE_HEAD_BYTES, QuarantineReason } from '../../src/format/quarantine.js'
import { crc32c } from '../../native-free/crc32c.js'
import type { Storage } from '../../src/storage/storage.js'
import { FaultyStorage } from '../support/faulty-storage.js'
import { COLLECTION, DATABASE_ID, flipped, GENERATION_ID, LogImage } from '../support/log-images.js'
import {
  caught,
  expectSameBytes,
  fileBytes,
  listing,
  openOn,
  PATH,
  putFile,
  storageWith,
} from './databases.js'

const QUARANTINE = `${PATH}.quarantine-`

/** Rows a to c; the frame of `b` is damaged; W stands behind or before it. */
function image(how: 'damage' | 'tornTail', flip = 60): Uint8Array {
  const made = new LogImage()
  made.register()
  const [a, b] = made.rows('a', 'b', 'c')
  const bytes = made.file(how === 'damage' ? {} : { watermark: a?.end ?? 0, watermarkSequence: 2 })
  return flipped(bytes, (b?.offset ?? 0) + flip)
}

function recover(storage: Storage, bytes: Uint8Array): string | undefined {
  putFile(storage, PATH, bytes)
  const db = openOn(storage)
  const { quarantinePath } = db.recoveryInfo
  db.closeSync()
  return quarantinePath
}

describe('the quarantine', () => {
  it('says where its bytes come from', () => {
    const storage = storageWith({})
    const bytes = image('damage')
    const path = recover(storage, bytes) ?? ''
    const head = decodeQuarantineHead(fileBytes(storage, path).slice(0, QUARANTINE_HEAD_BYTES), crc32c)
    expect(head).toMatchObject({
      reason: QuarantineReason.damage,
      databaseId: DATABASE_ID,
      generationId: GENERATION_ID,
      epoch: 1,
      length: fileBytes(storage, path).length - QUARANTINE_HEAD_BYTES,
    })
  })

  it('reuses a file with the same bytes', () => {
    const storage = storageWith({})
    expect(recover(storage, image('damage'))).toBe(`${QUARANTINE}1`)
    const kept = listing(storage)[`${QUARANTINE}1`]
    expect(recover(storage, image('damage'))).toBe(`${QUARANTINE}1`)
    expect(recover(storage, image('damage', 61))).toBe(`${QUARANTINE}2`)
    expect(listing(storage)[`${QUARANTINE}1`]).toBe(kept)
  })

  it('does not take a copy that went bad for one', () => {
    const storage = storageWith({})
    const path = recover(storage, image('damage')) ?? ''
    const copy = fileBytes(storage, path)
    for (const bad of [flipped(copy, 100), copy.slice(0, -1), flipped(copy, 20)]) {
      putFile(storage, path, bad)
      const other = recover(storage, image('damage')) ?? ''
      expect(other).not.toBe(path)
      expectSameBytes(fileBytes(storage, other), copy)
      storage.remove(other)
    }
  })

  it('leaves what else bears its name alone', () => {
    const storage = storageWith({
      [`${QUARANTINE}7`]: new Uint8Array([1, 2, 3]),
      [`${QUARANTINE}x`]: new Uint8Array(5),
    })
    expect(recover(storage, image('damage'))).toBe(`${QUARANTINE}8`)
    expectSameBytes(fileBytes(storage, `${QUARANTINE}7`), new Uint8Array([1, 2, 3]))
    expect(storage.stat(`${QUARANTINE}x`)).toBeDefined()
  })

  it('keeps the newest three torn tails, and all damage', () => {
    const storage = storageWith({})
    recover(storage, image('damage', 50))
    for (let flip = 60; flip < 66; flip++) recover(storage, image('tornTail', flip))
    recover(storage, image('damage', 70))
    expect(storage.siblings(QUARANTINE)).toEqual([1, 5, 6, 7, 8].map((number) => `${QUARANTINE}${number}`))
  })

  it('(I3) that cannot be made fails the open, and the file is untouched', () => {
    const bytes = flipped(image('damage'), 100)
    const isQuarantine = (path: string): boolean => path.startsWith(QUARANTINE)
    let failed = 0
    for (const operation of ['open', 'write', 'sync', 'rename', 'syncDirectory'] as const) {
      for (const applied of [false, true]) {
        const storage = new FaultyStorage(storageWith({ [PATH]: bytes }))
        storage.plan({ operation, path: isQuarantine, fault: { error: 'EIO', applied } })
        expect(
          VarveError.is(
            caught(() => openOn(storage)),
            'VARVE_STORAGE',
          ),
        ).toBe(true)
        expect(storage.fired).toHaveLength(1)
        failed++
        expectSameBytes(fileBytes(storage), bytes)
        // At most a whole quarantine file is left, which the next open uses.
        const db = openOn(storage)
        expect(db.recoveryInfo).toMatchObject({ restoredHeader: true, quarantinePath: `${QUARANTINE}1` })
        db.closeSync()
        expect(storage.siblings(PATH)).toEqual([PATH, `${QUARANTINE}1`])
      }
    }
    expect(failed).toBe(10)
  })

  it('that finds no space fails the open, and the file is untouched', () => {
    const bytes = image('damage')
    const storage = new FaultyStorage(storageWith({ [PATH]: bytes }))
    storage.spaceLeft = 100
    expect(
      VarveError.is(
        caught(() => openOn(storage)),
        'VARVE_NO_SPACE',
      ),
    ).toBe(true)
    expectSameBytes(fileBytes(storage), bytes)
    expect(storage.siblings(PATH)).toEqual([PATH])
  })
})

describe('a path without a database', () => {
  it.each(['quarantine-1', 'replaced-1', 'compact-0123456789abcdef'])(
    'is refused beside our own %s, naming it, rather than created empty',
    (suffix) => {
      const name = `${PATH}.${suffix}`
      const storage = storageWith({ [name]: new Uint8Array(10) })
      const before = listing(storage)
      const error = caught(() => openOn(storage))
      expect(VarveError.is(error, 'VARVE_NOT_FOUND')).toBe(true)
      expect(String(error)).toContain(name)
      expect(listing(storage)).toEqual(before)
    },
  )

  it('is created beside files of others', () => {
    const storage = storageWith({
      [`${PATH}.bak`]: new Uint8Array(10),
      'b.varve.quarantine-1': new Uint8Array(3),
    })
    openOn(storage).closeSync()
    expect(storage.siblings(PATH)).toEqual([PATH, `${PATH}.bak`])
  })

  it('is created without what a creation that was interrupted left behind', () => {
    const storage = storageWith({ [`${PATH}.new-00ff`]: new Uint8Array(10) })
    openOn(storage).closeSync()
    expect(storage.siblings(PATH)).toEqual([PATH])
  })

  it('is an empty database to be where it names a file of 0 bytes', () => {
    const storage = storageWith({ [PATH]: new Uint8Array(0) })
    expect(
      VarveError.is(
        caught(() => openOn(storage, { mode: 'readOnly' })),
        'VARVE_FORMAT',
      ),
    ).toBe(true)
    const db = openOn(storage, { recovery: 'strict' })
    db.transactionSync((tx) => tx.registerCollection(COLLECTION, [], 'id'))
    db.closeSync()
    const again = openOn(storage, { recovery: 'strict' })
    expect(again.collectionNames()).toEqual([COLLECTION])
    again.closeSync()
  })

  it.each([1, 15, 16, 4095])('is no database where it names a file of %d bytes of one', (length) => {
    const bytes = image('damage').slice(0, length)
    for (const recovery of ['strict', 'autoTruncate', 'tornTail'] as const) {
      const storage = storageWith({ [PATH]: bytes })
      expect(VarveError.is(caught(() => openOn(storage, { recovery })))).toBe(true)
      expectSameBytes(fileBytes(storage), bytes)
    }
  })
})
