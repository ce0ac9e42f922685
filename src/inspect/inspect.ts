/**
 * `inspect`: what a file is and how it stands, without judging it healthy or not.
 */
import type { LockHolder } from '../errors.js'
import { FrameKind } from '../format/frame.js'
import { type Header, LOG_START, NO_GENERATION } from '../format/header.js'
import type { Superblock, SuperblockResult } from '../format/superblock.js'
import { listQuarantines } from '../log/quarantine-files.js'
import type { LostCommit, RecoveryClass } from '../log/recovery-info.js'
import type { LogScanner, ScanEvent } from '../log/scanner.js'
import type { Platform } from '../storage/platform.js'
import type { Storage } from '../storage/storage.js'
import { runAsync } from '../storage/task.js'
import { openForAnalysis, type ReadLog, readLog } from './read-log.js'

export interface InspectOptions {
  /** Where the file is; the file system by default. */
  readonly storage?: Storage | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with how far the scan is, in bytes. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** A superblock as `inspect` shows it. */
export interface SuperblockReport {
  readonly slot: number
  readonly live: boolean
  readonly valid: boolean
  /** Why it is not valid. */
  readonly problem: string | undefined
  readonly content: Omit<Superblock, 'header'> | undefined
}

export interface FrameCount {
  readonly kind: string
  readonly frames: number
  readonly bytes: number
}

export interface InspectReport {
  readonly path: string
  readonly fileBytes: number
  readonly header: Header
  readonly headerDamaged: boolean
  readonly hasParent: boolean
  readonly epoch: number | undefined
  readonly superblocks: readonly SuperblockReport[]
  /** Offset of the newest checkpoint; undefined for none. */
  readonly checkpointOffset: number | undefined
  /** W: the end of the last commit known to be durable. */
  readonly watermark: number
  readonly log: {
    readonly start: number
    readonly end: number
    /** Bytes behind the log's end: zeros laid ahead, or a tail that is no part of the chain. */
    readonly behindBytes: number
    readonly classification: RecoveryClass
    readonly breakOffset: number | undefined
    readonly reason: string | undefined
  }
  readonly frames: readonly FrameCount[]
  readonly commits: {
    readonly count: number
    readonly firstSequence: number | undefined
    readonly firstTime: string | undefined
    readonly lastSequence: number | undefined
    readonly lastTime: string | undefined
    readonly behindBreak: number
    readonly cut: readonly LostCommit[]
  }
  readonly collections: number
  readonly rows: number
  /** Bytes of the records that hold live rows and catalog entries. */
  readonly liveBytes: number
  /** Bytes of records replaced or deleted, and of deletes. */
  readonly deadBytes: number
  readonly lockHolders: readonly LockHolder[]
  readonly quarantines: readonly { readonly path: string; readonly offset: number; readonly bytes: number }[]
}

/** Analyses a database file. Needs no lock, and changes nothing. */
export async function inspectFile(
  path: string,
  options: InspectOptions,
  platform: Platform,
): Promise<InspectReport> {
  const file = openForAnalysis(path, platform, options.storage)
  try {
    const counter = new FrameCounter(file.size(), options.onProgress)
    const observe = (event: ScanEvent, scanner: LogScanner): void => counter.observe(event, scanner)
    const read = await runAsync(readLog(file, platform, { observe }), platform, options.signal)
    return report(read, counter, platform, options.storage ?? platform.storage)
  } finally {
    file.close()
  }
}

/** Counts frames by kind, and notes the first commit. */
class FrameCounter {
  readonly #counts = new Map<number, { frames: number; bytes: number }>()
  readonly #total: number
  readonly #onProgress: ((done: number, total: number) => void) | undefined
  firstCommit: number | undefined

  constructor(total: number, onProgress: ((done: number, total: number) => void) | undefined) {
    this.#total = total
    this.#onProgress = onProgress
  }

  observe(event: ScanEvent, scanner: LogScanner): void {
    if (event !== 'frame') return
    const { kind, sequence } = scanner.header
    const count = this.#counts.get(kind) ?? { frames: 0, bytes: 0 }
    count.frames += 1
    count.bytes += scanner.end - scanner.offset
    this.#counts.set(kind, count)
    if (kind === FrameKind.transaction || kind === FrameKind.txnCommit) this.firstCommit ??= sequence
    this.#onProgress?.(scanner.end, this.#total)
  }

  list(): FrameCount[] {
    return Object.entries(FrameKind).flatMap(([kind, number]) => {
      const count = this.#counts.get(number)
      return count === undefined ? [] : [{ kind, ...count }]
    })
  }
}

function report(
  read: ReadLog,
  counter: FrameCounter,
  platform: Platform,
  storage: Storage | undefined,
): InspectReport {
  const { blocks, judgement, state, path, file } = read
  const { last, classification, breakOffset } = judgement
  const live = blocks.superblocks.live
  const fileBytes = file.size()
  let rows = 0
  let liveBytes = 0
  for (const [id, collection] of state.collections) {
    liveBytes += collection.liveBytes
    if (id !== 0) rows += collection.tree.count
  }
  const any = judgement.transactionsApplied > 0
  return {
    path,
    fileBytes,
    header: blocks.header,
    headerDamaged: blocks.headerDamaged,
    hasParent: blocks.header.parentGenerationId !== NO_GENERATION,
    epoch: live?.epoch,
    superblocks: blocks.superblocks.slots.map((slot, i) =>
      superblockReport(slot, i, blocks.superblocks.liveSlot === i),
    ),
    checkpointOffset: live === undefined || live.checkpoint === 0 ? undefined : live.checkpoint,
    watermark: judgement.watermark,
    log: {
      start: LOG_START,
      end: judgement.logEnd,
      behindBytes: Math.max(0, fileBytes - judgement.logEnd),
      classification,
      breakOffset,
      reason: classification === 'clean' ? undefined : judgement.breakReason,
    },
    frames: counter.list(),
    commits: {
      count: judgement.transactionsApplied,
      firstSequence: counter.firstCommit,
      firstTime: any ? isoTime(judgement.firstTime) : undefined,
      lastSequence: any ? last.sequence : undefined,
      lastTime: any ? isoTime(last.time) : undefined,
      behindBreak: judgement.transactionsCut,
      cut: judgement.cutCommits,
    },
    collections: state.names.size,
    rows,
    liveBytes,
    deadBytes: state.recordBytes - liveBytes,
    lockHolders: storage === platform.storage ? (platform.locks?.holders(path) ?? []) : [],
    quarantines:
      storage === undefined
        ? []
        : listQuarantines(storage, path, platform.checksum).map(({ path: name, head }) => ({
            path: name,
            offset: head.offset,
            bytes: head.length,
          })),
  }
}

function superblockReport(slot: SuperblockResult, index: number, live: boolean): SuperblockReport {
  if (!slot.ok) return { slot: index, live, valid: false, problem: slot.problem, content: undefined }
  const { header: _header, ...content } = slot.superblock
  return { slot: index, live, valid: true, problem: undefined, content }
}

/** ISO 8601, or the number itself where no calendar reaches it. */
function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}
