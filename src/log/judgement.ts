/**
 * What judging a log takes, and what it finds.
 */
import { CorruptionError, FormatError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import type { CommitBlock } from '../format/commit.js'
import type { ShortGeneration } from '../format/frame.js'
import type { StorageFile } from '../storage/storage.js'
import type { CommitPosition } from './commit-position.js'
import type { BadRange, LostCommit, RecoveryClass } from './recovery-info.js'
import type { LogScanner, ScanEvent } from './scanner.js'

/** A log, and how it is to be read. */
export interface JudgeInput {
  readonly file: StorageFile
  readonly checksum: Checksum
  readonly generation: ShortGeneration
  readonly maxEpoch: number
  /** Where to begin, and the commit that the first one must name; no frame is of a lower epoch than it. */
  readonly from: number
  readonly parent: CommitPosition
  /** Whether the first commit of the file must be the `Base` of a compacted generation, standing in for its parent. Default false. */
  readonly startsWithBase?: boolean | undefined
  /**
   * No commit lies between W, as `watermark` says it, and here: what is damaged there costs none. The scan looks for a frame
   * here again. Default 0.
   */
  readonly noCommitBefore?: number | undefined
  /** Payloads of `IndexNodes` frames before this offset are passed over unread: each node is checked when it is read. */
  readonly nodesCheckedBefore?: number | undefined
  /** Whether somebody is writing behind the log's end: it ends for now where there is no whole frame. Default false. */
  readonly growing?: boolean | undefined
  /** The superblock's watermark; 0 if unknown. */
  readonly watermark: number
  /** Highest sequence that earlier cuts found; 0 for none. */
  readonly highestSequence?: number | undefined
  readonly to?: number | undefined
  /**
   * Whether the CRC of a frame vouches for the records in it. Else each record's own is checked as well. Default false: an
   * open checks it when the row is read.
   */
  readonly trustsFrames?: boolean | undefined
  /** How many cut commits and bad ranges are named; all are counted. Default 1,000. */
  readonly nameAtMost?: number | undefined
  /**
   * Asked before a commit that links is applied. False ends the reading there: of the commit nothing is applied, and
   * nothing from it on is judged.
   */
  readonly accept?: ((block: CommitBlock) => boolean) | undefined
  /** Told of every event of the scan before it is judged; the scanner says what and where. */
  readonly observe?: ((event: ScanEvent, scanner: LogScanner) => void) | undefined
}

export interface Judgement {
  readonly classification: RecoveryClass
  /** X: where the chain breaks; undefined if it does not. For `shortFile` the end of what is there. */
  readonly breakOffset: number | undefined
  /** Why it breaks, as text. */
  readonly breakReason: string
  /** Where the next frame would go once a break is cut. */
  readonly logEnd: number
  readonly fileSize: number
  readonly last: CommitPosition
  /** When the first commit applied was made, milliseconds since 1970; 0 for none. */
  readonly firstTime: number
  /** W: the highest that counts. */
  readonly watermark: number
  /** Sequence of the last commit at or before W; 0 for none seen. */
  readonly durable: CommitPosition
  /** Highest sequence found anywhere, cut bytes included. */
  readonly highestSequence: number
  readonly highestEpoch: number
  readonly transactionsApplied: number
  /** Whether the reading ended at a commit that links to the last one applied but was not accepted. */
  readonly declined: boolean
  readonly transactionsCut: number
  readonly cutCommits: readonly LostCommit[]
  readonly badRanges: readonly BadRange[]
  /** The anomalies from the break on. */
  readonly brokenRanges: readonly BadRange[]
}

/** Every checksum holds, yet the content is unknown: written by newer code, and never to be cut. */
export function notUnderstood(path: string, offset: number, what: string): FormatError {
  return new FormatError(
    `The frame at offset ${offset} of ${path} has valid checksums but ${what}, which this version of Varve does not understand. The file is untouched; use a newer version.`,
    { path, offset, actual: what },
  )
}

/** Every checksum holds, yet the content contradicts itself: never cut, in any mode. */
export function contradiction(path: string, offset: number, what: string): CorruptionError {
  return new CorruptionError(
    `The commit at offset ${offset} of ${path} has valid checksums, but ${what} does not match its content. The file is untouched; restore a backup.`,
    { path, offset, actual: what },
  )
}
