import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMIT_BLOCK_BYTES } from '../../../src/format/commit.js'
import { FrameKind, hasRecords, shortGeneration } from '../../../src/format/frame.js'
import { encodeHeader, LOG_START } from '../../../src/format/header.js'
import { TRANSACTION_FRAME_BYTES } from '../../../src/format/limits.js'
import { Operation, readRecord, RecordView, type ReplacedRecord } from '../../../src/format/record.js'
import type { CommitPosition } from '../../../src/log/commit-position.js'
import { judgeLog } from '../../../src/log/judge.js'
import type { ReplayTarget } from '../../../src/log/replay-target.js'
import { LogBuffer } from '../../../src/log/log-buffer.js'
import { LogScanner } from '../../../src/log/scanner.js'
import { TransactionBuilder } from '../../../src/log/transaction-builder.js'
import { runSync } from '../../../src/storage/task.js'
import { viewOf } from '../../../src/format/integers.js'
import { storageWith } from '../../corruption/databases.js'
import { checksum } from '../../support/decoding.js'
import { HEADER } from '../../support/format-samples.js'
import { seed } from '../../support/counts.js'

const generation = shortGeneration(HEADER.generationId)
const START: CommitPosition = { sequence: 0, time: 0, offset: 0, crc: 0, end: LOG_START, epoch: 0 }

/** A record as it goes in, and comes out of the log. */
interface Put {
  readonly key: string
  readonly length: number
  readonly operation?: Operation | undefined
  /** That it replaces a record, and what that is, where it is said. */
  readonly previous?: number | undefined
  readonly replaced?: ReplacedRecord | undefined
}

/** A log that is built, transaction by transaction, in one buffer. */
class Log {
  readonly buffer: LogBuffer = new LogBuffer(LOG_START)
  readonly builder: TransactionBuilder = new TransactionBuilder(checksum)
  last: CommitPosition = START
  #sequence = 0

  start(): void {
    this.builder.start(this.buffer, { sequence: ++this.#sequence, epoch: 1, generation })
  }

  add({ key, length, operation = Operation.put, previous = 0, replaced }: Put): void {
    const value = new Uint8Array(length).fill(key.length)
    this.builder.add(operation, 1, new TextEncoder().encode(key), value, previous, replaced)
  }

  finish(): CommitPosition {
    this.last = this.builder.finish(this.#sequence * 10, this.last, LOG_START)
    return this.last
  }

  commit(puts: readonly Put[]): CommitPosition {
    this.start()
    for (const put of puts) this.add(put)
    return this.finish()
  }

  file(): Uint8Array {
    const bytes = new Uint8Array(LOG_START + this.buffer.length)
    bytes.set(encodeHeader(HEADER, checksum))
    bytes.set(this.buffer.content(), LOG_START)
    return bytes
  }
}

interface Replayed {
  readonly commits: readonly { readonly position: CommitPosition; readonly records: readonly string[] }[]
  /** What frames said of what records replaced. */
  readonly replaced: readonly (ReplacedRecord | undefined)[]
  readonly classification: string
}

/** What recovery makes of a log. */
function replay(bytes: Uint8Array): Replayed {
  const commits: { position: CommitPosition; records: string[] }[] = []
  let records: string[] = []
  const said: (ReplacedRecord | undefined)[] = []
  const target: ReplayTarget = {
    begin: () => void (records = []),
    record: (of, record, position, replaced) => {
      said.push(replaced)
      const key = new TextDecoder().decode(of.subarray(record.keyStart, record.keyEnd))
      records.push(`${key} ${record.operation} ${record.valueEnd - record.valueStart} at ${position}`)
    },
    commit: (position) => void commits.push({ position, records }),
    rollback: () => undefined,
  }
  const file = storageWith({ log: bytes }).open('log', 'read')
  const input = { file, checksum, generation, maxEpoch: 1, from: LOG_START, parent: START, watermark: 0 }
  return { commits, replaced: said, classification: runSync(judgeLog(input, target)).classification }
}

function kindsOf(bytes: Uint8Array): number[] {
  const file = storageWith({ log: bytes }).open('log', 'read')
  const scanner = new LogScanner({ file, checksum, generation, maxEpoch: 1, from: LOG_START })
  const kinds: number[] = []
  for (let event = scanner.next(); event !== 'end'; event = scanner.next()) {
    expect(event).toBe('frame')
    expect(scanner.paddingOk).toBe(true)
    kinds.push(scanner.header.kind)
  }
  return kinds
}

/** How many records each frame of records has. */
function framesOf(bytes: Uint8Array): number[] {
  const file = storageWith({ log: bytes }).open('log', 'read')
  const scanner = new LogScanner({ file, checksum, generation, maxEpoch: 1, from: LOG_START })
  const record = new RecordView()
  const counts: number[] = []
  for (let event = scanner.next(); event === 'frame'; event = scanner.next()) {
    const { header, payloadStart, payloadEnd } = scanner
    if (!hasRecords(header.kind)) continue
    let count = 0
    const first = payloadStart + (header.kind === FrameKind.transaction ? COMMIT_BLOCK_BYTES : 0)
    for (let at = first; at < payloadEnd; at = record.end, count++)
      expect(readRecord(scanner.bytes, scanner.view, at, payloadEnd, record, checksum)).toBeUndefined()
    counts.push(count)
  }
  return counts
}

const { transaction, txnBegin, txnRecords, txnCommit } = FrameKind
const MIB = 1024 * 1024

describe('the transaction builder', () => {
  it('builds a transaction of one frame that recovery applies', () => {
    const log = new Log()
    const position = log.commit([
      { key: 'a', length: 5 },
      { key: 'bb', length: 0, operation: Operation.delete },
    ])
    const { commits, classification } = replay(log.file())
    expect(classification).toBe('clean')
    expect(commits.map((commit) => commit.position)).toEqual([position])
    expect(commits[0]?.records).toEqual(['a 1 5 at 12408', 'bb 2 0 at 12432'])
    expect(position).toMatchObject({
      sequence: 1,
      time: 10,
      offset: LOG_START,
      end: LOG_START + log.buffer.length,
      epoch: 1,
    })
    expect(log.buffer.length % 8).toBe(0)
    expect(kindsOf(log.file())).toEqual([transaction])
  })

  it('says of each frame what its records replaced, of all or of none', () => {
    const told = (n: number, length: number): Put => ({
      key: `${n}`,
      length,
      previous: 100 + n,
      replaced: { lengthBytes: 50 + n, crc: 0xf000_0000 + n },
    })
    const added = (n: number, length: number): Put => ({ key: `${n}`, length })
    const untold = (n: number, length: number): Put => ({ key: `${n}`, length, previous: 100 + n })
    const kinds = fc.constantFrom(told, told, told, added, untold)
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.tuple(fc.constant('add' as const), kinds, fc.constantFrom(3, 40, 1.3 * MIB)),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.constantFrom('mark' as const, 'rollback' as const, 'takeBack' as const)),
      },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
        const log = new Log()
        log.start()
        let puts: Put[] = []
        let mark = { mark: log.builder.mark(), puts: [...puts] }
        let isFresh = false
        for (const [n, [kind, make, length = 0]] of steps.entries()) {
          if (kind === 'add') {
            const put = make(n, Math.floor(length))
            log.add(put)
            puts.push(put)
          } else if (kind === 'mark') mark = { mark: log.builder.mark(), puts: [...puts] }
          else if (kind === 'rollback') {
            log.builder.rollbackTo(mark.mark)
            puts = [...mark.puts]
          } else if (isFresh) {
            log.builder.takeBack()
            puts.pop()
            // There is nothing left to go back to.
            mark = { mark: log.builder.mark(), puts: [...puts] }
          }
          isFresh = kind === 'add'
        }
        log.finish()
        const { commits, replaced, classification } = replay(log.file())
        expect(classification).toBe('clean')
        expect(commits[0]?.records.map((record) => record.split(' ')[0])).toEqual(puts.map(({ key }) => key))
        const frames = framesOf(log.file())
        expect(frames.reduce((sum, count) => sum + count, 0)).toBe(puts.length)
        let from = 0
        for (const count of frames) {
          const own = puts.slice(from, from + count)
          const isTold = own.every(
            ({ previous, replaced: one }) => previous === undefined || one !== undefined,
          )
          expect(replaced.slice(from, from + count)).toEqual(
            own.map((put) => (isTold ? put.replaced : undefined)),
          )
          from += count
        }
      }),
      { seed, numRuns: 300 },
    )
  })

  it.each([
    [65_535, 'of all of them'],
    [65_536, 'of none'],
  ])('says of %i records that a frame replaces what they were: %s', (count) => {
    const log = new Log()
    const replaced = { lengthBytes: 20, crc: 7 }
    log.commit(Array.from({ length: count }, () => ({ key: 'k', length: 0, previous: 1, replaced })))
    const said = replay(log.file()).replaced
    expect(kindsOf(log.file())).toEqual([transaction])
    expect(said).toHaveLength(count)
    expect(new Set(said.map((one) => one?.crc))).toEqual(new Set([count > 65_535 ? undefined : 7]))
  })

  it('builds an empty transaction', () => {
    const log = new Log()
    log.commit([])
    expect(replay(log.file()).commits).toEqual([{ position: log.last, records: [] }])
  })

  it('knows of each record where it stands, how long it is, and its CRC, before the form is decided', () => {
    const log = new Log()
    log.start()
    const placed: { position: number; length: number; crc: number }[] = []
    for (let i = 0; i < 9; i++) {
      log.add({ key: `key ${i}`, length: MIB })
      const { position, lengthBytes: length, crc } = log.builder
      placed.push({ position, length, crc })
    }
    log.finish()
    const bytes = log.file()
    expect(kindsOf(bytes)).toEqual([txnBegin, txnRecords, txnRecords, txnRecords, txnCommit])
    const record = new RecordView()
    for (const { position, length, crc } of placed) {
      expect(readRecord(bytes, viewOf(bytes), position, position + length, record, checksum)).toBeUndefined()
      expect([record.crc, record.end]).toEqual([crc, position + length])
    }
    const positions = replay(bytes).commits[0]?.records.map((text) => Number(text.split(' at ')[1]))
    expect(positions).toEqual(placed.map(({ position }) => position))
  })

  it('places the first record alike in both forms', () => {
    const small = new Log()
    small.commit([{ key: 'a', length: 3 }])
    const large = new Log()
    large.commit([
      { key: 'a', length: 3 },
      { key: 'b', length: TRANSACTION_FRAME_BYTES },
    ])
    const first = (log: Log): string | undefined => replay(log.file()).commits[0]?.records[0]
    expect(first(large)).toBe(first(small))
    expect(kindsOf(large.file())).toEqual([txnBegin, txnRecords, txnRecords, txnCommit])
  })

  it('keeps one record in one frame, however large', () => {
    const log = new Log()
    log.commit([{ key: 'a', length: 16 * MIB }])
    expect(kindsOf(log.file())).toEqual([transaction])
    expect(replay(log.file()).commits).toHaveLength(1)
  })

  it('begins a new frame exactly where the old one would pass its size', () => {
    // 120 bytes in front of the first record; a record of this key has 21 bytes and its value; then one of 19.
    const fits = TRANSACTION_FRAME_BYTES - 120 - 21 - 19
    for (const [over, kinds] of [
      [0, [transaction]],
      [1, [txnBegin, txnRecords, txnRecords, txnCommit]],
    ] as const) {
      const log = new Log()
      log.commit([
        { key: 'a', length: fits - 1 + over },
        { key: 'b', length: 0 },
      ])
      expect(kindsOf(log.file())).toEqual(kinds)
    }
  })

  it('chains the transactions of one buffer', () => {
    const log = new Log()
    const positions = [
      [{ key: 'a', length: 1 }],
      [
        { key: 'b', length: 5 * MIB },
        { key: 'c', length: 1 },
      ],
      [],
    ].map((puts) => log.commit(puts))
    const { commits, classification } = replay(log.file())
    expect(classification).toBe('clean')
    expect(commits.map((commit) => commit.position)).toEqual(positions)
  })

  it('leaves the buffer as it was when it is given up', () => {
    const log = new Log()
    log.commit([{ key: 'a', length: 1 }])
    const { length } = log.buffer
    log.start()
    log.add({ key: 'b', length: 9 * MIB })
    log.builder.abandon()
    expect(log.buffer.length).toBe(length)
    log.builder.abandon()
    log.commit([{ key: 'c', length: 1 }])
    expect(replay(log.file()).commits.map(({ records }) => records.length)).toEqual([1, 1])
  })

  it('refuses records when none is being built', () => {
    const { builder } = new Log()
    expect(() => builder.add(Operation.put, 1, new Uint8Array(1), new Uint8Array(1), 0)).toThrow(TypeError)
    expect(builder.bytes).toBe(0)
  })

  it('counts its records and bytes', () => {
    const log = new Log()
    log.start()
    expect([log.builder.records, log.builder.bytes]).toEqual([0, 120])
    log.add({ key: 'a', length: 10 })
    expect([log.builder.records, log.builder.bytes]).toEqual([1, 120 + 18 + 11])
  })

  /** Savepoints rolled back at any place, within frames and across their edges. */
  it('forgets what a savepoint rolled back, and nothing else', () => {
    const length = fc.oneof(fc.nat(40), fc.constantFrom(1.3 * MIB, 2 * MIB, 4 * MIB).map(Math.floor))
    const step = fc.oneof(
      { weight: 5, arbitrary: length },
      { weight: 2, arbitrary: fc.constantFrom('savepoint' as const, 'rollback' as const) },
    )
    fc.assert(
      fc.property(
        fc.array(fc.array(step, { maxLength: 14 }), { minLength: 1, maxLength: 3 }),
        (transactions) => {
          const log = new Log()
          const expected = transactions.map((steps) => built(log, steps))
          const { commits, classification } = replay(log.file())
          expect(classification).toBe('clean')
          expect(commits.map(({ records }) => records)).toEqual(expected)
        },
      ),
      { seed, numRuns: 40 },
    )
  })
})

/** Builds one transaction by these steps; the records that it must hold. */
function built(log: Log, steps: readonly (number | 'savepoint' | 'rollback')[]): string[] {
  const marks: { mark: ReturnType<TransactionBuilder['mark']>; kept: number }[] = []
  const records: string[] = []
  log.start()
  for (const [i, step] of steps.entries()) {
    if (step === 'savepoint') marks.push({ mark: log.builder.mark(), kept: records.length })
    else if (step === 'rollback') {
      const saved = marks.pop()
      if (saved === undefined) continue
      log.builder.rollbackTo(saved.mark)
      records.length = saved.kept
    } else {
      const key = `key ${i}`
      log.add({ key, length: step })
      records.push(`${key} 1 ${step} at ${log.builder.position}`)
    }
  }
  log.finish()
  return records
}
