/**
 * Finds the versions of a row in the log, newest first: by back pointers for its present life, or commit by commit for
 * all its lives.
 *
 * A version is the last record of a row in a commit; what a transaction wrote before it and wrote over was never visible.
 * Every frame that a version is taken from is checked whole (I1), because a record's own checksum covers neither the
 * pointer to its previous version nor the commit's time. What fails a check is a `CorruptionError` with its offset,
 * after the versions that are newer were given.
 *
 * The walks yield undefined now and then, where they have found nothing for a while and may be interrupted.
 */
import type { CorruptionError } from '../errors.js'
import { FrameKind } from '../format/frame.js'
import { LOG_START } from '../format/header.js'
import { Operation, readRecord, RecordView } from '../format/record.js'
import { type CommitName, CommitReader, type RecordsFrame } from './commit-reader.js'
import { type CommittedLog, FrameReader, NEAR_BYTES } from './frame-reader.js'
import type { CommitPosition } from './commit-position.js'

/** Whose versions are wanted, and up to which commit. */
export interface VersionQuery {
  readonly log: CommittedLog
  readonly commit: CommitPosition
  readonly collectionId: number
  readonly key: Uint8Array
}

/** What the index says of a row's newest record. */
export interface IndexedRecord {
  readonly position: number
  readonly lengthBytes: number
  readonly crc: number
}

/** A version as found; bytes and indices are valid until the walk goes on. */
export interface FoundVersion {
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly operation: 'put' | 'delete'
  /** Where its record stands in the file. */
  readonly position: number
  readonly bytes: Uint8Array
  readonly valueStart: number
  readonly valueEnd: number
}

export type VersionWalk = Generator<FoundVersion | undefined, void, undefined>

const SCAN_BYTES = 256 * 1024
/** Bytes of log read between two places where a walk may be interrupted. */
const BYTES_PER_PAUSE = 64 * 1024

/** The versions since the row was last inserted. `newest` is what the index says of it at the commit. */
export function* presentLife(query: VersionQuery, newest: IndexedRecord): VersionWalk {
  const reader = new VersionReader(query, NEAR_BYTES)
  const { position, crc, lengthBytes } = newest
  let { previous, sequence } = reader.follow(position, query.commit.sequence)
  reader.requireIndexed(position, crc, lengthBytes)
  yield reader.found(position)
  for (let newer = position; previous > 0;) {
    if (previous >= newer) throw reader.wrongPointer(newer, previous)
    newer = previous
    const older = reader.follow(newer, sequence)
    previous = older.previous
    const superseded = older.sequence === sequence
    sequence = older.sequence
    yield superseded ? undefined : reader.found(newer)
  }
}

/** All versions that the file holds, deletes among them. */
export function* everyLife(query: VersionQuery): VersionWalk {
  const reader = new VersionReader(query, SCAN_BYTES)
  const { commit } = query
  let limit = commit.end
  let pausedAt = limit
  if (commit.end === LOG_START) return
  for (let name: CommitName = commit; ;) {
    const frames = reader.readCommit(name, limit)
    const { isFirst } = reader
    const { begin, previousSequence, previousOffset, previousCrc } = reader.block
    const change = yield* reader.findIn(frames, limit)
    if (change !== undefined) yield reader.show(change, frames, limit)
    if (isFirst) return
    limit = begin
    name = { sequence: previousSequence, offset: previousOffset, crc: previousCrc }
    if (pausedAt - limit < BYTES_PER_PAUSE) continue
    pausedAt = limit
    yield undefined
  }
}

/** Where a record leads. */
interface Followed {
  /** Position of the version before it; 0 for none. */
  readonly previous: number
  /** The commit that it belongs to. */
  readonly sequence: number
}

/** What a commit did to a row, by file positions. */
interface Change {
  readonly frame: number
  readonly position: number
}

class VersionReader {
  readonly #query: VersionQuery
  readonly #frames: FrameReader
  readonly #commits: CommitReader
  readonly #record = new RecordView()

  constructor(query: VersionQuery, windowBytes: number) {
    this.#query = query
    this.#frames = new FrameReader(query.log, windowBytes)
    this.#commits = new CommitReader(query.log)
  }

  get block(): CommitReader['block'] {
    return this.#commits.block
  }

  // By back pointers

  /** Reads and checks the record at `position`, of a commit up to `maxSequence`. */
  follow(position: number, maxSequence: number): Followed {
    const frames = this.#frames
    const limit = this.#query.commit.end
    const offset = frames.frameOf(position)
    const whole = frames.readPayload(offset, limit)
    const { kind, sequence } = frames.header
    if (kind !== FrameKind.transaction && kind !== FrameKind.txnRecords)
      throw frames.damaged(offset, 'a frame with records', `one of kind ${kind}`)
    this.#readRecord(position)
    // The record is sound, but not what its own checksum leaves out.
    if (!whole) throw frames.badPayload(offset)
    if (sequence > maxSequence)
      throw frames.damaged(offset, `a commit up to ${maxSequence}`, `commit ${sequence}`)
    return { previous: this.#record.previous, sequence }
  }

  #readRecord(position: number): void {
    const { log, collectionId } = this.#query
    const frames = this.#frames
    const record = this.#record
    const start = frames.indexOf(position)
    const problem = readRecord(frames.bytes, frames.view, start, frames.payloadEnd, record, log.checksum)
    if (problem !== undefined) throw frames.damaged(position, 'a record with its checksum', problem, 'record')
    if (record.collectionId !== collectionId || !this.#isOfKey())
      throw frames.damaged(position, 'an older version of the row', 'a record of another row', 'record')
  }

  /** The newest version must be the record that the index points at (I13). */
  requireIndexed(position: number, crc: number, lengthBytes: number): void {
    const record = this.#record
    if (record.crc !== crc || record.end - record.start !== lengthBytes)
      throw this.#frames.damaged(position, 'the record that the index points at', 'another record', 'record')
  }

  /** The version that was followed last. */
  found(position: number): FoundVersion {
    const { sequence, time } = this.#commits.readBlockOf(this.#frames, this.#query.commit.end)
    return this.#version(position, sequence, time)
  }

  wrongPointer(position: number, previous: number): CorruptionError {
    return this.#frames.damaged(position, 'a previous version before it', `one at ${previous}`, 'record')
  }

  // By commits

  /** Whether the commit read last is the first one of the file. */
  get isFirst(): boolean {
    return this.#commits.isFirst
  }

  readCommit(name: CommitName, limit: number): RecordsFrame[] {
    return this.#commits.readCommit(this.#frames, name, limit)
  }

  /** What the commit with these frames did to the row; undefined if nothing that was ever visible. */
  *findIn(framesOfCommit: readonly RecordsFrame[], limit: number): Generator<undefined, Change | undefined> {
    let change: Change | undefined
    let existed = false
    let exists = false
    for (const [i, { offset, firstRecord }] of framesOfCommit.entries()) {
      if (framesOfCommit.length > 1) yield undefined
      this.#frames.readFrame(offset, limit)
      const { payloadEnd } = this.#frames
      for (let at = this.#frames.indexOf(firstRecord); at < payloadEnd; at = this.#record.end) {
        if (!this.#matches(at)) continue
        const { operation, previous } = this.#record
        exists = operation === Operation.put
        if (change === undefined) existed = !exists || previous > 0
        change = { frame: i, position: firstRecord + at - this.#frames.indexOf(firstRecord) }
      }
    }
    return existed || exists ? change : undefined
  }

  /** The version at a place that `findIn` found. */
  show(change: Change, framesOfCommit: readonly RecordsFrame[], limit: number): FoundVersion {
    const frame = framesOfCommit[change.frame]
    if (frame !== undefined) this.#frames.readFrame(frame.offset, limit)
    this.#readRecord(change.position)
    const { sequence, time } = this.block
    return this.#version(change.position, sequence, time)
  }

  /** Reads the record at an index of the frame, without its own checksum: the frame's was checked. */
  #matches(at: number): boolean {
    const { bytes, view, payloadEnd, header } = this.#frames
    const problem = readRecord(bytes, view, at, payloadEnd, this.#record)
    if (problem !== undefined) throw this.#frames.damaged(header.offset, 'records', problem)
    return this.#record.collectionId === this.#query.collectionId && this.#isOfKey()
  }

  #isOfKey(): boolean {
    const { key } = this.#query
    const { keyStart, keyEnd } = this.#record
    const { bytes } = this.#frames
    if (keyEnd - keyStart !== key.length) return false
    for (let i = 0; i < key.length; i++) if (bytes[keyStart + i] !== key[i]) return false
    return true
  }

  #version(position: number, sequence: number, time: number): FoundVersion {
    const { operation, valueStart, valueEnd } = this.#record
    const { bytes } = this.#frames
    return {
      sequence,
      time,
      operation: operation === Operation.put ? 'put' : 'delete',
      position,
      bytes,
      valueStart,
      valueEnd,
    }
  }
}
