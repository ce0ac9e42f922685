/**
 * Offsets past 2^31 and 2^32, in a sparse file: catalogue row 19.
 *
 * Frames of index nodes with 32 MiB of zeros each carry the log over both borders; only their headers are written, so
 * the file takes little room, and every checksum is real. What is committed at and past the borders is read, reopened,
 * verified, damaged and cut.
 */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/database.js'
import {
  FRAME_HEADER_BYTES,
  FrameHeader,
  frameBytes,
  FrameKind,
  shortGeneration,
  writeFrameHeader,
} from '../../src/format/frame.js'
import { viewOf } from '../../src/format/integers.js'
import { MAX_FRAME_PAYLOAD_BYTES } from '../../src/format/limits.js'
import { verifyFile } from '../../src/inspect/verify.js'
import { fileStorage } from '../../src/storage/file-storage.js'
import { nodePlatform } from '../../src/storage/node-platform.js'
import { LOG_START } from '../../src/format/header.js'
import { Operation } from '../../src/format/record.js'
import type { CommitPosition } from '../../src/log/commit-position.js'
import { LogBuffer } from '../../src/log/log-buffer.js'
import { TransactionBuilder } from '../../src/log/transaction-builder.js'
import { COLLECTION_ID, GENERATION_ID, LogImage, rowRecord } from '../support/log-images.js'
import { databaseOn, fixedPlatform } from './databases.js'

const BORDERS = [2 ** 31, 2 ** 32] as const
const FRAME = frameBytes(MAX_FRAME_PAYLOAD_BYTES)

const storage = fileStorage
const platform = fixedPlatform(storage)
const open = (path: string, options: Parameters<typeof Database.openSync>[1] = {}): Database =>
  databaseOn(platform).openSync(path, { durability: 'os', ...options })

let folder: string
let path: string
/** Where the commits of rows stand. */
const ends: number[] = []
const generation = shortGeneration(GENERATION_ID)

/** Writes headers of index frames over holes of zeros, from `at` until past `border`; returns where the last one ends. */
function fillUpTo(descriptor: number, at: number, border: number): number {
  const payloadCrc = platform.checksum(new Uint8Array(MAX_FRAME_PAYLOAD_BYTES), 0, MAX_FRAME_PAYLOAD_BYTES)
  const bytes = new Uint8Array(FRAME_HEADER_BYTES)
  for (; at < border; at += FRAME) {
    const frame = {
      kind: FrameKind.indexNodes,
      payloadLength: MAX_FRAME_PAYLOAD_BYTES,
      payloadCrc,
      offset: at,
    }
    const place = {
      generationLow: generation.low,
      generationHigh: generation.high,
      epoch: 1,
      sequence: ends.length,
    }
    writeFrameHeader(
      bytes,
      viewOf(bytes),
      0,
      Object.assign(new FrameHeader(), frame, place),
      platform.checksum,
    )
    writeSync(descriptor, bytes, 0, bytes.length, at)
  }
  return at
}

/** Writes one transaction of two rows at `at`. */
function commit(descriptor: number, at: number, previous: CommitPosition): CommitPosition {
  ends.push(at)
  const builder = new TransactionBuilder(platform.checksum)
  const buffer = new LogBuffer(at)
  builder.start(buffer, { sequence: previous.sequence + 1, epoch: 1, generation })
  for (const suffix of ['a', 'b']) {
    const { key, value } = rowRecord(`${ends.length}${suffix}`)
    builder.add(Operation.put, COLLECTION_ID, key, value, 0)
  }
  const position = builder.finish(previous.time + 1, previous, previous.end)
  writeSync(descriptor, buffer.content(), 0, buffer.length, at)
  return position
}

/** A file as a clean close leaves it: commits at the log's begin, past 2 GiB, and two past 4 GiB. */
function makeFile(): void {
  const image = new LogImage()
  let last = image.register()
  const file = image.file()
  const descriptor = openSync(path, 'w+')
  writeSync(descriptor, file, 0, file.length, 0)
  last = commit(descriptor, last.end, last)
  for (const border of BORDERS) last = commit(descriptor, fillUpTo(descriptor, last.end, border), last)
  last = commit(descriptor, last.end, last)
  const durable = { watermark: last.end, watermarkSequence: last.sequence }
  const blocks = image.file(durable)
  writeSync(descriptor, blocks, 0, LOG_START, 0)
  closeSync(descriptor)
}

const IDS = ['1a', '1b', '2a', '2b', '3a', '3b', '4a', '4b']

describe('a log past 4 GiB', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'varve-large-'))
    path = join(folder, 'large.varve')
    makeFile()
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('holds commits past both borders, and takes little room', () => {
    expect(ends[1]).toBeGreaterThanOrEqual(2 ** 31)
    expect(ends[2]).toBeGreaterThanOrEqual(2 ** 32)
    const { size, blocks } = statSync(path)
    expect(size).toBeGreaterThan(2 ** 32)
    expect(blocks * 512).toBeLessThan(64 * 1024 * 1024)
  })

  it('is reopened, read, written and read again', () => {
    const db = open(path, { recovery: 'strict', durability: 'commit' })
    expect(db.recoveryInfo).toMatchObject({ classification: 'clean', transactionsApplied: 5 })
    expect(Array.from(db.collection('rows').range(), (row) => row['id'])).toEqual(IDS)
    expect(db.get('rows', '4a')).toEqual({ id: '4a', text: 'text of 4a' })
    db.collection('rows').putSync({ id: '3a', text: 'new' })
    expect(db.get('rows', '3a')).toEqual({ id: '3a', text: 'new' })
    db.closeSync()
  })

  it('is verified, every row of it', async () => {
    const report = await verifyFile(path, { deep: true }, { ...nodePlatform(), storage })
    expect(report).toMatchObject({ ok: true, findings: [], commits: 6, rows: 8 })
    expect(report.fileBytes).toBeGreaterThan(2 ** 32)
  })

  it('is cut past 4 GiB, to the byte', () => {
    const end = ends[3] ?? 0
    const last = statSync(path).size
    const reader = open(path, { mode: 'readOnly' })
    const checkpointAt = reader.recoveryInfo.checkpointOffset ?? 0
    reader.closeSync()
    const descriptor = openSync(path, 'r+')
    writeSync(descriptor, new Uint8Array([0xff]), 0, 1, end + 100)
    // Or it would be old damage, that no open meets.
    writeSync(descriptor, new Uint8Array([0xff]), 0, 1, checkpointAt)
    closeSync(descriptor)
    const db = open(path)
    expect(db.recoveryInfo).toMatchObject({
      classification: 'damage',
      breakOffset: end,
      transactionsCut: 1,
      truncatedBytes: last - end,
    })
    expect(Array.from(db.collection('rows').range(), (row) => row['id'])).toEqual(IDS.slice(0, 6))
    db.collection('rows').putSync({ id: '5', text: 'after the cut' })
    expect(db.commitSequence).toBe(7)
    db.closeSync()
    const again = open(path, { mode: 'readOnly' })
    expect(again.recoveryInfo.classification).toBe('clean')
    expect(again.get('rows', '5')).toEqual({ id: '5', text: 'after the cut' })
    again.closeSync()
  })
})
