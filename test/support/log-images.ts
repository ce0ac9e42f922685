/**
 * Database files made by hand, frame by frame: whole, or wrong in exactly one way.
 *
 * A `LogImage` holds header, superblocks and log as they would stand on the disk. What it appends is sound unless a test
 * overrides a part; checksums are computed over what is written, so that only the override is wrong. It is written
 * against the format page and shares only the codecs of single parts with the engine, none of its writer.
 */
import { CATALOG_ID, collectionKey, collectionRow, counterKey, counterRow } from '../../src/catalog/entry.js'
import { COMMIT_BLOCK_BYTES, CommitBlock, CommitCrc, writeCommitBlock } from '../../src/format/commit.js'
import {
  alignUp,
  FRAME_HEADER_BYTES,
  FrameHeader,
  FrameKind,
  shortGeneration,
  writeFrameHeader,
} from '../../src/format/frame.js'
import { encodeHeader, type Header, LOG_START, NO_GENERATION } from '../../src/format/header.js'
import { viewOf, writeUint64 } from '../../src/format/integers.js'
import { encodeKey } from '../../src/format/key.js'
import { encodeMark } from '../../src/format/mark.js'
import { Operation, recordBytes, writeRecord } from '../../src/format/record.js'
import { encodeSuperblock, type Superblock, SUPERBLOCK_OFFSETS } from '../../src/format/superblock.js'
import { TXN_BEGIN_BYTES, TxnBeginField } from '../../src/format/txn-begin.js'
import type { CommitPosition } from '../../src/log/commit-position.js'
import { firstSuperblock } from '../../src/log/superblocks.js'
import { crc32c } from '../../native-free/crc32c.js'

export const DATABASE_ID: string = '0d'.repeat(16)
export const GENERATION_ID: string = '9e'.repeat(16)

/** One record to write. */
export interface RecordSpec {
  readonly operation?: Operation | undefined
  readonly collectionId: number
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** Where it says that the row's previous version is. Default 0: nowhere. */
  readonly previous?: number | undefined
}

/** What of a frame differs from what would be right. */
export interface FrameOverrides {
  readonly epoch?: number | undefined
  readonly sequence?: number | undefined
  readonly flags?: number | undefined
  readonly replaced?: number | undefined
  /** The offset that the header states. */
  readonly offset?: number | undefined
  readonly generationId?: string | undefined
}

/** What of a commit differs from what would be right; `block` is changed after its CRC was computed. */
export interface CommitOverrides extends FrameOverrides {
  readonly time?: number | undefined
  readonly watermark?: number | undefined
  readonly previous?: CommitPosition | undefined
  readonly block?: ((block: CommitBlock) => void) | undefined
  /** Bytes behind the records. */
  readonly behind?: Uint8Array | undefined
}

/** Where a frame went. */
export interface Placed {
  readonly offset: number
  readonly end: number
}

/** The collection that `register` makes, and its rows. */
export const COLLECTION = 'rows'
export const COLLECTION_ID = 1

export class LogImage {
  readonly header: Header
  /** The epoch of the frames that follow. */
  epoch = 1
  /** What the commits that follow state as W. */
  watermark: number = LOG_START
  /** The last commit appended in the chain. */
  last: CommitPosition
  #bytes: Uint8Array = new Uint8Array(LOG_START)
  #sequence = 0
  #time = 1_700_000_000_000

  constructor(header: Partial<Header> = {}) {
    this.header = {
      formatMajor: 1,
      formatMinor: 0,
      databaseId: DATABASE_ID,
      generationId: GENERATION_ID,
      createdAt: this.#time,
      parentGenerationId: NO_GENERATION,
      parentSequence: 0,
      parentCommitOffset: 0,
      parentCommitCrc: 0,
      ...header,
    }
    this.last = { sequence: 0, time: 0, offset: 0, crc: 0, end: LOG_START, epoch: 0 }
  }

  /** Where the next byte goes. */
  get end(): number {
    return this.#bytes.length
  }

  /** Appends bytes as they are. */
  raw(bytes: Uint8Array): Placed {
    const offset = this.end
    const longer = new Uint8Array(offset + bytes.length)
    longer.set(this.#bytes)
    longer.set(bytes, offset)
    this.#bytes = longer
    return { offset, end: this.end }
  }

  /** Cuts what was appended back to `end`; the chain is left as it is. */
  truncate(end: number): void {
    this.#bytes = this.#bytes.slice(0, end)
  }

  zeros(length: number): Placed {
    return this.raw(new Uint8Array(length))
  }

  frame(kind: number, payload: Uint8Array, overrides: FrameOverrides = {}): Placed {
    const bytes = new Uint8Array(alignUp(FRAME_HEADER_BYTES + payload.length))
    bytes.set(payload, FRAME_HEADER_BYTES)
    const generation = shortGeneration(overrides.generationId ?? this.header.generationId)
    const header = Object.assign(new FrameHeader(), {
      kind,
      flags: overrides.flags ?? 0,
      replaced: overrides.replaced ?? 0,
      payloadLength: payload.length,
      payloadCrc: crc32c(payload, 0, payload.length),
      offset: overrides.offset ?? this.end,
      generationLow: generation.low,
      generationHigh: generation.high,
      epoch: overrides.epoch ?? this.epoch,
      sequence: overrides.sequence ?? this.last.sequence,
    })
    writeFrameHeader(bytes, viewOf(bytes), 0, header, crc32c)
    return this.raw(bytes)
  }

  mark(watermark: number, overrides: FrameOverrides = {}): Placed {
    return this.frame(
      FrameKind.mark,
      encodeMark({ watermark, watermarkSequence: this.last.sequence }),
      overrides,
    )
  }

  /** A whole transaction in one frame, in the chain. */
  commit(records: readonly RecordSpec[], overrides: CommitOverrides = {}): CommitPosition {
    const body = recordsAt(records, FRAME_HEADER_BYTES + COMMIT_BLOCK_BYTES)
    const offset = this.end
    const block = this.#block(body.crcs, { begin: offset, frames: 0, framesCrc: 0 }, overrides)
    const { behind = new Uint8Array(0) } = overrides
    const payload = new Uint8Array(COMMIT_BLOCK_BYTES + body.bytes.length + behind.length)
    writeCommitBlock(viewOf(payload), 0, block)
    payload.set(body.bytes, COMMIT_BLOCK_BYTES)
    payload.set(behind, COMMIT_BLOCK_BYTES + body.bytes.length)
    const { end } = this.frame(FrameKind.transaction, payload, { sequence: block.sequence, ...overrides })
    return this.#committed(block, offset, end)
  }

  /** The frames of a larger transaction, one of records for each list; its commit is left out where `committed` is false. */
  several(
    lists: readonly (readonly RecordSpec[])[],
    overrides: CommitOverrides & { readonly committed?: boolean | undefined } = {},
  ): CommitPosition | undefined {
    const sequence = overrides.sequence ?? this.#sequence + 1
    const offset = this.end
    const previous = overrides.previous ?? this.last
    this.frame(FrameKind.txnBegin, beginPayload(sequence, previous), { ...overrides, sequence })
    const bodies = lists.map((records) => recordsAt(records, FRAME_HEADER_BYTES))
    for (const { bytes } of bodies) this.frame(FrameKind.txnRecords, bytes, { ...overrides, sequence })
    if (overrides.committed === false) {
      this.#sequence = Math.max(this.#sequence, sequence)
      return undefined
    }
    const counts = { begin: offset, frames: lists.length + 1, framesCrc: this.#framesCrc(offset) }
    const crcs = bodies.flatMap((body) => body.crcs)
    const block = this.#block(crcs, counts, { ...overrides, sequence })
    const payload = new Uint8Array(COMMIT_BLOCK_BYTES)
    writeCommitBlock(viewOf(payload), 0, block)
    const placed = this.frame(FrameKind.txnCommit, payload, { ...overrides, sequence })
    return this.#committed(block, placed.offset, placed.end)
  }

  /** The commit that makes the collection. */
  register(): CommitPosition {
    const definition = {
      id: COLLECTION_ID,
      name: COLLECTION,
      primaryKey: [['id']],
      fields: [],
      indexes: [],
      version: 1,
    }
    return this.commit([
      { collectionId: CATALOG_ID, key: counterKey(CATALOG_ID), value: counterRow(COLLECTION_ID + 1) },
      { collectionId: CATALOG_ID, key: collectionKey(COLLECTION_ID), value: collectionRow(definition) },
    ])
  }

  /** One commit for each id, each of one row. */
  rows(...ids: readonly string[]): CommitPosition[] {
    return ids.map((id) => this.commit([rowRecord(id)]))
  }

  /** CRC over the headers of all frames from `offset` on. */
  #framesCrc(offset: number): number {
    const view = viewOf(this.#bytes)
    let crc = 0
    for (let at = offset; at < this.end;) {
      crc = crc32c(this.#bytes, at, at + FRAME_HEADER_BYTES, crc)
      at = alignUp(at + FRAME_HEADER_BYTES + view.getUint32(at + 8, true))
    }
    return crc
  }

  #block(
    crcs: readonly number[],
    counts: Pick<CommitBlock, 'begin' | 'frames' | 'framesCrc'>,
    overrides: CommitOverrides,
  ): CommitBlock {
    const previous = overrides.previous ?? this.last
    const block = Object.assign(new CommitBlock(), counts, {
      sequence: overrides.sequence ?? this.#sequence + 1,
      time: overrides.time ?? ++this.#time,
      operations: crcs.length,
      watermark: overrides.watermark ?? this.watermark,
      previousSequence: previous.sequence,
      previousOffset: previous.offset,
      previousCrc: previous.crc,
    })
    const crc = new CommitCrc()
    crc.start()
    for (const record of crcs) crc.addRecord(record)
    block.commitCrc = crc.finish(block, crc32c)
    overrides.block?.(block)
    return block
  }

  #committed({ sequence, time, commitCrc: crc }: CommitBlock, offset: number, end: number): CommitPosition {
    this.#sequence = Math.max(this.#sequence, sequence)
    this.last = { sequence, time, offset, crc, end, epoch: this.epoch }
    return this.last
  }

  /** The file. The live superblock (the second) says what `superblock` says; by default as after a clean close. */
  file(superblock: Partial<Superblock> = {}, older: Partial<Superblock> = {}): Uint8Array {
    const bytes = this.#bytes.slice()
    const first = { ...firstSuperblock(this.header, LOG_START), epoch: this.epoch }
    const durable = { watermark: this.last.end, watermarkSequence: this.last.sequence }
    bytes.set(encodeHeader(this.header, crc32c), 0)
    bytes.set(encodeSuperblock({ ...first, ...older }, crc32c), SUPERBLOCK_OFFSETS[0])
    bytes.set(
      encodeSuperblock({ ...first, ...durable, sequence: 2, ...superblock }, crc32c),
      SUPERBLOCK_OFFSETS[1],
    )
    return bytes
  }
}

/** The record of a row `{ id, text }`, as one MessagePack map. */
export function rowRecord(id: string, text: string = `text of ${id}`): RecordSpec {
  const key = encodeKey([id], ['any'], 'primary')
  const value = Uint8Array.from([0x82, ...packed('id'), ...packed(id), ...packed('text'), ...packed(text)])
  return { collectionId: COLLECTION_ID, key, value }
}

/** A MessagePack string of up to 65,535 bytes. */
function packed(text: string): number[] {
  const bytes = new TextEncoder().encode(text)
  return bytes.length < 32
    ? [0xa0 + bytes.length, ...bytes]
    : [0xda, bytes.length >> 8, bytes.length & 0xff, ...bytes]
}

/** Records one after the other; the first stands `distance` behind its frame's header. */
function recordsAt(records: readonly RecordSpec[], distance: number): { bytes: Uint8Array; crcs: number[] } {
  const lengths = records.map(({ collectionId, key, value }) =>
    recordBytes(collectionId, key.length, value.length),
  )
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  const crcs = records.map(({ operation = Operation.put, previous = 0, ...record }, i) => {
    const input = { ...record, operation, previous, distance: distance + at }
    const crc = writeRecord(bytes, viewOf(bytes), at, input, crc32c)
    at += lengths[i] ?? 0
    return crc
  })
  return { bytes, crcs }
}

function beginPayload(sequence: number, previous: CommitPosition): Uint8Array {
  const bytes = new Uint8Array(TXN_BEGIN_BYTES)
  const view = viewOf(bytes)
  writeUint64(view, TxnBeginField.sequence, sequence)
  writeUint64(view, TxnBeginField.previousSequence, previous.sequence)
  view.setUint32(TxnBeginField.previousCrc, previous.crc, true)
  return bytes
}

/** A copy with one bit the other way. */
export function flipped(bytes: Uint8Array, offset: number, bit: number = 0): Uint8Array {
  const copy = bytes.slice()
  copy[offset] = (copy[offset] ?? 0) ^ (1 << bit)
  return copy
}

/** A copy with other bytes at `offset`; longer if they reach past its end. */
export function overwritten(bytes: Uint8Array, offset: number, patch: Uint8Array): Uint8Array {
  const copy = new Uint8Array(Math.max(bytes.length, offset + patch.length))
  copy.set(bytes)
  copy.set(patch, offset)
  return copy
}

/** A copy with zeros from `start` to `end`. */
export function zeroed(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return overwritten(bytes, start, new Uint8Array(end - start))
}
