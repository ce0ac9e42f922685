/**
 * A real transaction of several frames, cut and flipped in each of them: all of it or nothing of it.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { FrameKind, shortGeneration } from '../../src/format/frame.js'
import { decodeHeader, LOG_START } from '../../src/format/header.js'
import { LogScanner } from '../../src/log/scanner.js'
import type { RecoveryInfo } from '../../src/log/recovery-info.js'
import { nodePlatform } from '../../src/storage/node-platform.js'
import { flipped } from '../support/log-images.js'
import { fileBytes, openOn, PATH, storageWith } from './databases.js'

interface Frame {
  readonly kind: number
  readonly offset: number
  readonly end: number
}

let bytes: Uint8Array
let frames: Frame[]
/** As a writer leaves it that died before its sync was done: W is before the transaction. */
let killed: Uint8Array

beforeAll(() => {
  const storage = storageWith({})
  const db = openOn(storage, { durability: 'os' })
  db.transactionSync((tx) => {
    tx.registerCollection('blobs', [], 'id')
    tx.collection('blobs').insert({ id: 'first' })
  })
  db.transactionSync((tx) => {
    for (let i = 0; i < 30; i++)
      tx.collection('blobs').insert({ id: i, blob: new Uint8Array(300_000).fill(i) })
  })
  killed = fileBytes(storage)
  db.closeSync()
  // Without the checkpoint that the close took, or an open would not meet these frames.
  const closed = fileBytes(storage)
  const isIndex = ({ kind }: Frame): boolean => kind === FrameKind.indexNodes || kind === FrameKind.checkpoint
  frames = framesOf(closed).filter((frame) => !isIndex(frame))
  bytes = closed.slice(0, frames.at(-1)?.end)
})

function framesOf(file: Uint8Array): Frame[] {
  const { checksum } = nodePlatform()
  const header = decodeHeader(file.subarray(0, 4096), checksum)
  if (!header.ok) throw new TypeError('a sound header')
  const generation = shortGeneration(header.header.generationId)
  const handle = storageWith({ [PATH]: file }).open(PATH, 'read')
  const scanner = new LogScanner({
    file: handle,
    checksum,
    generation,
    maxEpoch: Number.POSITIVE_INFINITY,
    from: LOG_START,
  })
  const found: Frame[] = []
  while (scanner.next() === 'frame')
    found.push({ kind: scanner.header.kind, offset: scanner.offset, end: scanner.end })
  return found
}

function open(file: Uint8Array): { info: RecoveryInfo; rows: number; whole: boolean } {
  const db = openOn(storageWith({ [PATH]: file }), { mode: 'readOnly', recovery: 'autoTruncate' })
  const rows = db.collection('blobs').range().toArray()
  const blobs = rows.filter((row) => typeof row['id'] === 'number')
  const whole = blobs.every((row) => (row['blob'] as Uint8Array).every((byte) => byte === row['id']))
  const found = { info: db.recoveryInfo, rows: rows.length, whole }
  db.closeSync()
  return found
}

describe('a transaction of several frames', () => {
  it('is written as begin, records and commit', () => {
    const { transaction, txnBegin, txnRecords, txnCommit } = FrameKind
    expect(frames.map(({ kind }) => kind)).toEqual([
      transaction,
      txnBegin,
      txnRecords,
      txnRecords,
      txnRecords,
      txnCommit,
    ])
    expect(open(bytes)).toMatchObject({ rows: 31, whole: true, info: { classification: 'clean' } })
  })

  it('is an uncommitted tail where the file ends with any of its frames but the last', () => {
    const begin = frames[1]?.offset
    for (const { end } of frames.slice(1, -1)) {
      expect(open(killed.slice(0, end))).toMatchObject({
        rows: 1,
        info: { classification: 'uncommittedTail', breakOffset: begin },
      })
    }
  })

  it('is a torn tail where the file ends within any of its frames', () => {
    const begin = frames[1]?.offset
    for (const { offset, end } of frames.slice(1)) {
      for (const length of [offset + 20, offset + 48, end - 9]) {
        expect(open(killed.slice(0, length))).toMatchObject({ rows: 1, info: { breakOffset: begin } })
      }
    }
  })

  it('is damage, and gone as a whole, where a bit of any of its frames flips after it was durable', () => {
    const begin = frames[1]?.offset
    for (const { offset, end } of frames.slice(1)) {
      for (const at of [offset + 9, Math.floor((offset + end) / 2), end - 9]) {
        expect(open(flipped(bytes, at))).toMatchObject({
          rows: 1,
          info: { classification: 'damage', breakOffset: begin },
        })
      }
    }
  })
})
