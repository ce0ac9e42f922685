/**
 * Copies commits from one file of a database to another, which holds the state that they were made on.
 *
 * Each becomes the same commit: its sequence, its time, its records, and so its CRC. What depends on the place is made anew:
 * offsets, and the pointers to the versions before, which the index of the new file tells. It goes through the new file's own
 * committer, so it is written, checkpointed and taken back like any commit.
 */
import { CorruptionError } from '../errors.js'
import { Operation, type RecordView, type ReplacedRecord } from '../format/record.js'
import type { CommitPosition } from '../log/commit-position.js'
import { walkCommits } from '../log/commit-walk.js'
import type { ReplayTarget } from '../log/replay-target.js'
import type { LogScanner, ScanEvent } from '../log/scanner.js'
import { TransactionBuilder } from '../log/transaction-builder.js'
import type { Task } from '../storage/task.js'
import { RecordRef } from '../tree/index.js'
import type { Committer } from './committer.js'
import type { Generation } from './generation.js'
import type { LogWriter } from '../log/log-writer.js'

/** Bytes of commits that are copied before they are written. */
const PORTION_BYTES: number = 256 * 1024

export interface CatchUpParts {
  readonly from: Generation
  readonly to: Generation
  /** Of `to`. */
  readonly committer: Committer
  /** The commit of `from` that `to` begins with. */
  readonly start: CommitPosition
}

export class CatchUp implements ReplayTarget {
  readonly #parts: CatchUpParts
  readonly #writer: LogWriter
  readonly #builder: TransactionBuilder
  readonly #ref = new RecordRef()
  /** The last commit copied, where it stands in the old file. */
  #reached: CommitPosition
  #sequence = 0
  #commits = 0
  #failure: { readonly error: unknown } | undefined

  constructor(parts: CatchUpParts) {
    const { writer, checksum } = parts.to
    if (writer === undefined) throw new TypeError('A file that is only read cannot catch up.')
    this.#parts = parts
    this.#writer = writer
    this.#builder = new TransactionBuilder(checksum)
    this.#reached = parts.start
  }

  /** How many commits were copied. */
  get commits(): number {
    return this.#commits
  }

  /** Bytes of commits that are visible and not copied yet. */
  get bytesBehind(): number {
    return this.#parts.from.visible.commit.end - this.#reached.end
  }

  /** Copies some of the visible commits. They are to be written before it is called again. */
  *copySome(): Task<void> {
    const { from } = this.#parts
    const start = this.#reached.end
    const run = {
      log: from,
      after: this.#reached,
      to: from.visible.commit,
      accept: () => this.#reached.end - start < PORTION_BYTES,
      observe: (event: ScanEvent, scanner: LogScanner) => this.#note(event, scanner),
    }
    yield* walkCommits(run, this)
  }

  /** Throws if what was copied could not be written. */
  requireWritten(): void {
    if (this.#failure !== undefined) throw this.#failure.error
    const { poison } = this.#parts.committer
    if (poison !== undefined) throw poison
  }

  /** The sequence of the transaction that begins. */
  #note(event: ScanEvent, { header }: LogScanner): void {
    if (event === 'frame') this.#sequence = header.sequence
  }

  // ReplayTarget

  begin(speculative: boolean): void {
    const { committer, to } = this.#parts
    const { epoch, generation } = this.#writer
    this.#builder.start(committer.buffer(), { sequence: this.#sequence, epoch, generation })
    if (speculative) to.head.openScope()
  }

  record(bytes: Uint8Array, record: RecordView, _position: number, replaced?: ReplacedRecord): void {
    const { head } = this.#parts.to
    const { operation, collectionId, keyStart, keyEnd, valueStart, valueEnd } = record
    const key = bytes.subarray(keyStart, keyEnd)
    const known = head.collection(collectionId)?.find(key, this.#ref) === true
    const builder = this.#builder
    const value = bytes.subarray(valueStart, valueEnd)
    builder.add(
      operation === Operation.put ? Operation.put : Operation.delete,
      collectionId,
      key,
      value,
      known ? this.#ref.position : 0,
      replaced,
    )
    if (builder.crc !== record.crc) throw this.#changed(record)
    head.record(bytes, record, builder.position)
  }

  commit(position: CommitPosition): void {
    const { committer, to } = this.#parts
    to.head.keepScope()
    const previous = committer.lastAdded
    const copy = this.#builder.finish(position.time, previous, committer.stateWatermark())
    if (copy.crc !== position.crc) throw this.#changed(position)
    committer.add(copy, (error) => {
      if (error !== undefined) this.#failure ??= { error }
    })
    this.#reached = position
    this.#commits += 1
  }

  rollback(): void {
    this.#builder.abandon()
    this.#parts.to.head.undoScope()
  }

  #changed({ crc }: { readonly crc: number }): CorruptionError {
    const { path } = this.#parts.from.file
    return new CorruptionError(
      `A commit of ${path} with the checksum ${crc} came out with another one when it was copied. The database is untouched; check the memory of this machine.`,
      { path, expected: `checksum ${crc}` },
    )
  }
}
