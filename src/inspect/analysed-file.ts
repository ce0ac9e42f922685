/**
 * A database file under analysis, as it is: no lock, no repair, damage and all. Memory is bounded, however large the file.
 */
import { emptyState } from '../engine/empty-state.js'
import { Head } from '../engine/head.js'
import { RecordSource } from '../engine/record-source.js'
import { RowCodecs } from '../engine/row-codecs.js'
import { RowReader } from '../engine/row-reader.js'
import { type DatabaseState, VisibleState } from '../engine/state.js'
import { ArgumentError, ErrorCode, StorageError } from '../errors.js'
import type { FoundCheckpoint } from '../log/checkpoints.js'
import { type FixedBlocks, readFixedBlocks } from '../log/log-file.js'
import { checkpointFinder, judgeInput, type ReplayedLog, replayFile } from '../log/replay.js'
import type { Platform } from '../storage/platform.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { runAsync, type Task } from '../storage/task.js'
import { NodeStore } from '../tree/index.js'
import type { WholeLog } from './log-scan.js'

/** How a file is analysed. */
export interface InspectOptions {
  /** Where the file is; the file system by default. */
  readonly storage?: Storage | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with how far the work is, in bytes to be read. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** Stored nodes kept while trees are walked, in bytes: the upper levels of large ones. */
const NODE_CACHE_BYTES = 4 * 1024 * 1024

/** A log replayed as an open does, and the state behind its last commit. */
export interface ReplayedState extends ReplayedLog {
  readonly state: DatabaseState
}

export class AnalysedFile {
  readonly file: StorageFile
  readonly platform: Platform
  readonly blocks: FixedBlocks
  readonly log: WholeLog
  readonly codecs: RowCodecs
  readonly nodes: NodeStore

  /** Throws if the file is no database. */
  constructor(file: StorageFile, platform: Platform) {
    const { checksum } = platform
    this.file = file
    this.platform = platform
    this.codecs = new RowCodecs(platform.rowTools)
    this.blocks = readFixedBlocks(file, checksum)
    this.log = judgeInput(file, checksum, this.blocks)
    this.nodes = new NodeStore(file, checksum, NODE_CACHE_BYTES)
  }

  get path(): string {
    return this.file.path
  }

  /** All checkpoints that can be read, by ascending offset. */
  *checkpoints(): Task<FoundCheckpoint[]> {
    const finder = checkpointFinder(this.log, this.blocks)
    const found: FoundCheckpoint[] = []
    for (let next = yield* finder.next(); next !== undefined; next = yield* finder.next()) found.push(next)
    return found.sort((a, b) => a.offset - b.offset)
  }

  /** The state of the last commit, from the newest checkpoint that an open can use. */
  *replay(): Task<ReplayedState> {
    const { file, platform, blocks, nodes } = this
    const rows = new RowReader(new RecordSource(file, this.log.checksum), this.codecs, file.path)
    const head = new Head(emptyState(this.log.parent, nodes), this.codecs, file.path, nodes, rows)
    const replayed = yield* replayFile(file, platform.checksum, blocks, head)
    const state = new VisibleState(head.base)
    state.apply(head.takeChange(), replayed.judgement.last)
    return { ...replayed, state }
  }
}

/** Opens a file, has it analysed, and closes it. */
export async function analyse<T>(
  path: string,
  { storage, signal }: InspectOptions,
  platform: Platform,
  work: (analysed: AnalysedFile) => Task<T>,
): Promise<T> {
  const file = openForAnalysis(path, platform, storage)
  try {
    return await runAsync(work(new AnalysedFile(file, platform)), platform, signal)
  } finally {
    file.close()
  }
}

function openForAnalysis(path: string, platform: Platform, given: Storage | undefined): StorageFile {
  const storage = given ?? platform.storage
  if (storage === undefined)
    throw new ArgumentError('This entry of Varve has no file system: pass a storage.')
  const resolved = storage.resolve(path)
  if (storage.stat(resolved) !== undefined) return storage.open(resolved, 'read')
  throw new StorageError(`There is no database at ${resolved}.`, {
    code: ErrorCode.notFound,
    path: resolved,
  })
}
