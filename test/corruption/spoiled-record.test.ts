/**
 * A record whose bytes went bad in memory, between its own checksum and that of its frame: the log is whole, one row is not.
 */
import { expect, it } from 'vitest'
import { FRAME_HEADER_BYTES, FrameHeader, readFrameHeader, writeFrameHeader } from '../../src/format/frame.js'
import { LOG_START } from '../../src/format/header.js'
import { viewOf } from '../../src/format/integers.js'
import { AnalysedFile } from '../../src/inspect/analysed-file.js'
import { verifyFile } from '../../src/inspect/verify.js'
import { LogScanner } from '../../src/log/scanner.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { crc32c } from '../../native-free/crc32c.js'
import { COLLECTION } from '../support/log-images.js'
import { fileBytes, fixedPlatform, MODES, openOn, PATH, storageWith } from './databases.js'

/** Rows a, b and c, of which b says `spoilt!` in a record that says otherwise by its checksum. */
function spoilt(): Uint8Array {
  const storage = new MemoryStorage()
  const db = openOn(storage, { durability: 'os' })
  db.transactionSync((tx) => tx.registerCollection(COLLECTION, [], 'id'))
  for (const id of ['a', 'b', 'c'])
    db.collection(COLLECTION).putSync({ id, text: id === 'b' ? 'healthy' : '' })
  const bytes = fileBytes(storage)
  db.closeSync()
  const at = Buffer.from(bytes).indexOf('healthy')
  bytes.set(new TextEncoder().encode('spoilt!'), at)
  const frames = storageWith({ [PATH]: bytes })
  const { log } = new AnalysedFile(frames.open(PATH, 'read'), fixedPlatform(frames))
  const scanner = new LogScanner({ ...log, from: LOG_START })
  while (scanner.next() === 'frame' && scanner.end <= at);
  const header = new FrameHeader()
  readFrameHeader(bytes, viewOf(bytes), scanner.offset, header, crc32c)
  const payload = scanner.offset + FRAME_HEADER_BYTES
  header.payloadCrc = crc32c(bytes, payload, payload + header.payloadLength)
  writeFrameHeader(bytes, viewOf(bytes), scanner.offset, header, crc32c)
  return bytes
}

it.each(MODES)('a spoilt record costs its row and nothing else (%s)', (recovery) => {
  const db = openOn(storageWith({ [PATH]: spoilt() }), { recovery })
  expect(db.recoveryInfo.classification).toBe('clean')
  expect(db.collection(COLLECTION).count()).toBe(3)
  expect(db.get(COLLECTION, 'a')).toStrictEqual({ id: 'a', text: '' })
  expect(() => db.get(COLLECTION, 'b')).toThrow(expect.objectContaining({ code: 'VARVE_CORRUPTION' }))
  expect(db.get(COLLECTION, 'c')).toStrictEqual({ id: 'c', text: '' })
  db.closeSync()
})

it('verify names a spoilt record', async () => {
  const storage = storageWith({ [PATH]: spoilt() })
  const { findings } = await verifyFile(PATH, { storage, deep: true }, fixedPlatform(storage))
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'record', actual: 'checksum' }))
})
