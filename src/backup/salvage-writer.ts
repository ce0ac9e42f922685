/**
 * Writes salvaged transactions into a new database file, each with its own sequence and time, one after the other.
 *
 * Rows keep their bytes wherever these mean the same in the new file, so of an undamaged database the commits come out
 * with the checksums that they had. The index is kept in memory alone: the first session on the new file stores it.
 */
import { CATALOG_ID, type CatalogEntry, entryKey, entryRow } from '../catalog/entry.js'
import { emptyState } from '../engine/empty-state.js'
import { Head, type PlacedRecord } from '../engine/head.js'
import { RecordSource } from '../engine/record-source.js'
import { RowCodecs } from '../engine/row-codecs.js'
import { RowReader } from '../engine/row-reader.js'
import { type DatabaseState, VisibleState } from '../engine/state.js'
import { shortGeneration } from '../format/frame.js'
import { encodeHeader, type Header, LOG_START } from '../format/header.js'
import { Operation } from '../format/record.js'
import type { Row } from '../format/value.js'
import type { CommitPosition } from '../log/commit-position.js'
import { LogBuffer } from '../log/log-buffer.js'
import { writeFirstSuperblocks } from '../log/superblocks.js'
import { TransactionBuilder } from '../log/transaction-builder.js'
import type { Platform } from '../storage/platform.js'
import type { StorageFile } from '../storage/storage.js'
import { type Task, writeFully } from '../storage/task.js'
import { memoryOnly, RecordRef } from '../tree/index.js'
import { superblockOf } from './prefix.js'

const EPOCH = 1
const EMPTY = new Uint8Array(0)
/** Bytes of whole commits after which they are written. */
const WRITE_BYTES: number = 4 * 1024 * 1024

export class SalvageWriter {
  readonly head: Head
  readonly codecs: RowCodecs = new RowCodecs()
  /** The last commit written. */
  last: CommitPosition = { sequence: 0, time: 0, offset: 0, crc: 0, end: LOG_START, epoch: 0 }
  firstSequence: number | undefined
  commits = 0
  readonly #file: StorageFile
  readonly #header: Header
  readonly #platform: Platform
  readonly #source: RecordSource
  readonly #builder: TransactionBuilder
  readonly #ref = new RecordRef()
  #buffer = new LogBuffer(LOG_START)

  constructor(file: StorageFile, header: Header, platform: Platform) {
    this.#file = file
    this.#header = header
    this.#platform = platform
    this.#source = new RecordSource(file, platform.checksum)
    this.#source.addBuffer(this.#buffer)
    this.#builder = new TransactionBuilder(platform.checksum)
    const rows = new RowReader(this.#source, this.codecs, file.path)
    this.head = new Head(emptyState(this.last, memoryOnly), this.codecs, file.path, memoryOnly, rows)
  }

  /** Bytes of the transaction that is open. */
  get openBytes(): number {
    return this.#builder.bytes
  }

  begin(sequence: number): void {
    const generation = shortGeneration(this.#header.generationId)
    this.#builder.start(this.#buffer, { sequence, epoch: EPOCH, generation })
  }

  put(id: number, key: Uint8Array, value: Uint8Array): void {
    const at = this.#add(Operation.put, id, key, value)
    this.head.putRow(id, key, at, value, 0, value.length)
  }

  /** Deletes a row, whether it is there or its put is lost. */
  delete(id: number, key: Uint8Array): void {
    const at = this.#add(Operation.delete, id, key, EMPTY)
    this.head.deleteRow(id, key, at)
  }

  /** Writes a catalog entry, as these bytes if they are given. */
  entry(entry: CatalogEntry, operation: Operation, bytes?: { key: Uint8Array; value: Uint8Array }): void {
    const key = bytes?.key ?? entryKey(entry)
    const value = operation === Operation.delete ? EMPTY : (bytes?.value ?? entryRow(entry))
    const at = this.#add(operation, CATALOG_ID, key, value)
    this.head.applyEntry(entry, operation, key, at)
  }

  /** Puts a row as the new file encodes it. */
  putRow(id: number, key: Uint8Array, row: Row): void {
    const codec = this.codecs.of(id)
    const value = codec.encode(row).slice()
    const logged = this.head.collection(id)?.structuresLogged ?? 0
    for (let structureId = logged; structureId < codec.structureCount; structureId++) {
      const fields = codec.structure(structureId)
      this.entry({ kind: 'structure', collectionId: id, structureId, fields }, Operation.put)
    }
    this.put(id, key, value)
  }

  /** Completes the transaction that is open; one without records is none. */
  *finish(time: number): Task<void> {
    if (this.#builder.records === 0) return this.#builder.abandon()
    this.last = this.#builder.finish(Math.max(time, this.last.time), this.last, this.#buffer.base)
    this.firstSequence ??= this.last.sequence
    this.commits += 1
    if (this.#buffer.length >= WRITE_BYTES) yield* this.#flush()
  }

  /** Completes the file, durably; the state that it holds. */
  *end(highestSequence: number): Task<DatabaseState> {
    yield* this.#flush()
    const { checksum } = this.#platform
    const { last: commit } = this
    const prefix = { header: this.#header, commit, end: commit.end, checkpoint: 0, epoch: EPOCH }
    const superblock = superblockOf({ ...prefix, highestSequence })
    yield* writeFirstSuperblocks(this.#file, superblock, checksum)
    yield* writeFully(this.#file, encodeHeader(this.#header, checksum), 0)
    yield { kind: 'sync', file: this.#file }
    const state = new VisibleState(this.head.base)
    state.apply(this.head.takeChange(), commit)
    return state
  }

  #add(operation: Operation, id: number, key: Uint8Array, value: Uint8Array): PlacedRecord {
    const present = this.head.collection(id)?.find(key, this.#ref) === true
    const builder = this.#builder
    builder.add(operation, id, key, value, present ? this.#ref.position : 0)
    const { position, lengthBytes, crc, isNew } = builder
    return { position, lengthBytes, crc, isNew }
  }

  *#flush(): Task<void> {
    const buffer = this.#buffer
    yield* writeFully(this.#file, buffer.content(), buffer.base)
    this.#source.removeBuffer(buffer)
    this.#buffer = new LogBuffer(buffer.end, buffer)
    this.#source.addBuffer(this.#buffer)
  }
}
