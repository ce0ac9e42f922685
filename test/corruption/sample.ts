/**
 * A real database of 64 KiB with everything in it that this version writes, and what every prefix of it holds.
 *
 * Several collections, puts, deletes, updates, transactions, catalog changes, record structures, marks of the watermark.
 * `closed` ends as a clean close leaves it; `killed` as a writer's death does, zeros laid ahead included.
 */
import type { Checksum } from '../../src/format/checksum.js'
import type { Database } from '../../src/database.js'
import { FRAME_HEADER_BYTES, FrameKind, shortGeneration } from '../../src/format/frame.js'
import { decodeHeader, LOG_START } from '../../src/format/header.js'
import { LogScanner } from '../../src/log/scanner.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import type { Platform } from '../../src/storage/platform.js'
import { type Random, randomFrom } from '../support/random.js'
import { databaseOn, fileBytes, fixedPlatform, PATH, storageWith } from './databases.js'

const SIZE = 64 * 1024
const AHEAD = 2048

export interface SampleFrame {
  readonly offset: number
  readonly payloadEnd: number
  readonly end: number
  /** How many commits are whole once this frame is. */
  readonly commits: number
  readonly isCommit: boolean
}

export interface Sample {
  readonly name: 'closed' | 'killed'
  readonly bytes: Uint8Array
  /** Rows of all collections after each commit; the first before any. */
  readonly states: readonly string[]
  readonly frames: readonly SampleFrame[]
  /** Where the last frame ends; zeros may follow. */
  readonly logEnd: number
}

/** Rows of all collections, as text. */
export function stateOf(db: Database): string {
  return JSON.stringify(db.collectionNames().map((name) => [name, db.collection(name).range().toArray()]))
}

let samples: readonly Sample[] | undefined

/** Both samples; made once. */
export function sampleDatabases(): readonly Sample[] {
  samples ??= makeSamples()
  return samples
}

/** Both samples, written by a platform with these changes. */
export function makeSamples(changes: Partial<Platform> = {}): readonly Sample[] {
  const storage = new MemoryStorage()
  const timers: (() => void)[] = []
  let clock = 0
  const platform = fixedPlatform(storage, {
    monotonicMs: () => (clock += 2000),
    setTimer: (fn) => {
      timers.push(fn)
      return { cancel: () => undefined }
    },
    ...changes,
  })
  const db = databaseOn(platform).openSync(PATH)
  const states = [stateOf(db)]
  const random = randomFrom(7)
  for (let step = 0; ; step++) {
    perform(db, step, random)
    if (db.commitSequence > states.length - 1) states.push(stateOf(db))
    if (step % 9 === 8) for (const timer of timers.splice(0)) timer()
    if (logEndOf(fileBytes(storage), platform.checksum) > SIZE - AHEAD - 2500) break
  }
  const killed = fileBytes(storage)
  db.closeSync()
  const closed = fileBytes(storage)
  const ends = logEndOf(killed, platform.checksum)
  return [
    {
      name: 'closed',
      bytes: closed,
      states,
      frames: framesOf(closed, platform.checksum),
      logEnd: closed.length,
    },
    {
      name: 'killed',
      bytes: killed.slice(0, ends + AHEAD),
      states,
      frames: framesOf(killed, platform.checksum),
      logEnd: ends,
    },
  ]
}

function perform(db: Database, step: number, random: Random): void {
  const text = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(97 + random.below(26))).join('')
  const row = (id: string): Record<string, unknown> =>
    step % 3 === 0
      ? { id, title: text(1500), n: step }
      : { id, body: text(1300), tags: [step, text(8)], inner: { a: null, b: true } }
  if (step === 0) return db.transactionSync((tx) => tx.registerCollection('books', [], 'id'))
  if (step === 5)
    return db.transactionSync((tx) =>
      tx.registerCollection('people', [{ path: ['id'], type: 'int', generated: true }], 'id'),
    )
  const books = db.collection('books')
  const keys = Array.from(books.range(), (one) => String(one['id']))
  const some = keys[random.below(keys.length)] ?? 'none'
  if (step > 6 && step % 5 === 0) return void db.collection('people').insertSync({ name: text(900) })
  if (step % 7 === 3 && keys.length > 3) return void books.deleteSync(some)
  if (step % 7 === 5 && keys.length > 3)
    return void books.updateSync(some, { changed: step, note: text(200) })
  if (step % 11 === 10) {
    return db.transactionSync((tx) => {
      for (let i = 0; i < 4; i++) tx.collection('books').put({ ...row(`t${step}-${i}`), title: text(200) })
      tx.collection('books').delete(some)
    })
  }
  books.putSync(row(`b${step}`))
}

function logEndOf(bytes: Uint8Array, checksum: Checksum): number {
  return framesOf(bytes, checksum).at(-1)?.end ?? LOG_START
}

function framesOf(bytes: Uint8Array, checksum: Checksum): SampleFrame[] {
  const header = decodeHeader(bytes.subarray(0, 4096), checksum)
  if (!header.ok) throw new TypeError('a sound header')
  const generation = shortGeneration(header.header.generationId)
  const file = storageWith({ [PATH]: bytes }).open(PATH, 'read')
  const scanner = new LogScanner({
    file,
    checksum,
    generation,
    maxEpoch: Number.POSITIVE_INFINITY,
    from: LOG_START,
  })
  const frames: SampleFrame[] = []
  for (let commits = 0; scanner.next() === 'frame';) {
    const { offset, end } = scanner
    const isCommit =
      scanner.header.kind === FrameKind.transaction || scanner.header.kind === FrameKind.txnCommit
    if (isCommit) commits++
    frames.push({
      offset,
      end,
      commits,
      isCommit,
      payloadEnd: offset + FRAME_HEADER_BYTES + scanner.header.payloadLength,
    })
  }
  return frames
}
