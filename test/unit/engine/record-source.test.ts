import { describe, expect, it } from 'vitest'
import { RecordSource } from '../../../src/engine/record-source.js'
import type { Checksum } from '../../../src/format/checksum.js'
import { viewOf } from '../../../src/format/integers.js'
import { Operation, recordBytes, writeRecord } from '../../../src/format/record.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { PAGE_BYTES, PageCache } from '../../../src/storage/page-cache.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { RecordRef } from '../../../src/tree/index.js'
import { caught } from '../../corruption/databases.js'
import { crc32c } from '../../../native-free/crc32c.js'

it('does not believe the length of a record that no record has, before it makes room for it', () => {
  const file = new MemoryStorage().open('a', 'create')
  const ref = Object.assign(new RecordRef(), { position: 64, lengthBytes: 0xffff_ffff, crc: 1 })
  const error = caught(() => {
    new RecordSource(file, crc32c).read(ref, 1, undefined)
  })
  expect(error).toMatchObject({
    code: 'VARVE_CORRUPTION',
    details: { offset: 64, actual: '4294967295 bytes' },
  })
})

describe('a record in a page in memory', () => {
  const POSITION = 100
  const key = Uint8Array.of(1, 2, 3)

  /** A file of three pages with a record in the first, and how often its checksum was asked for. */
  function opened(): {
    file: StorageFile
    pages: PageCache
    ref: RecordRef
    source: RecordSource
    checks: () => number
  } {
    const bytes = new Uint8Array(3 * PAGE_BYTES)
    const value = new Uint8Array(40).fill(9)
    const record = { operation: Operation.put, collectionId: 1, key, value, previous: 0, distance: 0 }
    const crc = writeRecord(bytes, viewOf(bytes), POSITION, record, crc32c)
    const file = new MemoryStorage().open('a', 'create')
    file.write(bytes, 0)
    let asked = 0
    const checksum: Checksum = (...range) => {
      asked++
      return crc32c(...range)
    }
    const pages = new PageCache({ file, limitBytes: 10 * PAGE_BYTES, end: () => bytes.length })
    const ref = Object.assign(new RecordRef(), {
      position: POSITION,
      lengthBytes: recordBytes(1, 3, 40),
      crc,
    })
    return { file, pages, ref, source: new RecordSource(file, checksum, pages), checks: () => asked }
  }

  it('has its checksum computed once for as long as the page stays', () => {
    const { pages, ref, source, checks } = opened()
    // The first read finds no page: it was not touched before.
    for (let i = 0; i < 10; i++) source.read(ref, 1, key)
    expect(checks()).toBe(2)
    pages.limitTo(10 * PAGE_BYTES)
    for (let i = 0; i < 10; i++) source.read(ref, 1, key)
    expect(checks()).toBe(4)
  })

  it('is still told from another one', () => {
    const { ref, source } = opened()
    for (let i = 0; i < 4; i++) source.read(ref, 1, key)
    expect(caught(() => source.read(ref, 2, key))).toMatchObject({ code: 'VARVE_CORRUPTION' })
    expect(caught(() => source.read(ref, 1, Uint8Array.of(1, 2, 4)))).toMatchObject({
      code: 'VARVE_CORRUPTION',
    })
    expect(
      caught(() => source.read(Object.assign(new RecordRef(), ref, { crc: ref.crc ^ 1 }), 1, key)),
    ).toMatchObject({
      code: 'VARVE_CORRUPTION',
    })
  })

  it('is checked again when its page was read anew', () => {
    const { file, pages, ref, source } = opened()
    for (let i = 0; i < 4; i++) source.read(ref, 1, key)
    file.write(Uint8Array.of(0), POSITION + ref.lengthBytes - 1)
    source.read(ref, 1, key)
    pages.limitTo(10 * PAGE_BYTES)
    expect(caught(() => source.read(ref, 1, key))).toMatchObject({ code: 'VARVE_CORRUPTION' })
  })
})
