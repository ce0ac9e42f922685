/**
 * Reads a whole database file for analysis, as it is: no lock, no repair, damage and all.
 */
import type { CommitPosition, Judgement } from '../log/judge.js'
import { emptyState } from '../engine/empty-state.js'
import { Head } from '../engine/head.js'
import { RecordSource } from '../engine/record-source.js'
import { RowCodecs } from '../engine/row-codecs.js'
import { RowReader } from '../engine/row-reader.js'
import { type DatabaseState, VisibleState } from '../engine/state.js'
import { LOG_START } from '../format/header.js'
import { type FixedBlocks, readFixedBlocks } from '../log/log-file.js'
import { judgeFile } from '../log/replay.js'
import type { LogScanner, ScanEvent } from '../log/scanner.js'
import { memoryOnly } from '../tree/index.js'
import type { Platform } from '../storage/platform.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import type { Task } from '../storage/task.js'
import { ArgumentError, ErrorCode, StorageError } from '../errors.js'

/** A file read for analysis. The caller closes `file`. */
export interface ReadLog {
  readonly path: string
  readonly file: StorageFile
  readonly blocks: FixedBlocks
  readonly judgement: Judgement
  readonly state: DatabaseState
  readonly codecs: RowCodecs
  readonly rows: RowReader
}

export interface ReadLogOptions {
  readonly storage?: Storage | undefined
  readonly observe?: ((event: ScanEvent, scanner: LogScanner) => void) | undefined
  /** How many cut commits and bad ranges are named. Default 1,000. */
  readonly nameAtMost?: number | undefined
}

/** Opens the file that is to be analysed. */
export function openForAnalysis(path: string, platform: Platform, given: Storage | undefined): StorageFile {
  const storage = given ?? platform.storage
  if (storage === undefined)
    throw new ArgumentError('This entry of Varve has no file system: pass a storage.')
  const resolved = storage.resolve(path)
  if (storage.stat(resolved) === undefined) {
    throw new StorageError(`There is no database at ${resolved}.`, {
      code: ErrorCode.notFound,
      path: resolved,
    })
  }
  return storage.open(resolved, 'read')
}

/** Follows the log of an open file. */
export function* readLog(file: StorageFile, platform: Platform, options: ReadLogOptions): Task<ReadLog> {
  const blocks = readFixedBlocks(file, platform.checksum)
  const codecs = new RowCodecs()
  const start: CommitPosition = { sequence: 0, time: 0, offset: 0, crc: 0, end: LOG_START, epoch: 0 }
  const empty = emptyState(start, memoryOnly)
  const head = new Head(empty, codecs, file.path, memoryOnly)
  const judgement = yield* judgeFile(file, platform.checksum, blocks, head, options)
  const state = new VisibleState(empty)
  state.apply(head.takeChange(), judgement.last)
  const source = new RecordSource(file, platform.checksum)
  const rows = new RowReader(source, codecs, file.path)
  return { path: file.path, file, blocks, judgement, state, codecs, rows }
}
