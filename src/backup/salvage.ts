/**
 * Salvage: every whole transaction of a damaged database file, and of what was cut off it, in a new file.
 *
 * The source is read twice and never written: first to see what there is and what must have been there, then to carry it over in the
 * order of commit sequences. The new file gets its name when it was verified, every row of it.
 */
import { ArgumentError, ErrorCode, StorageError } from '../errors.js'
import { checkPath, newHeader } from '../log/log-file.js'
import type { HeldLock, Platform } from '../storage/platform.js'
import { requireRoom } from '../storage/room.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { runAsync, type Task } from '../storage/task.js'
import { checkCopy, digestsOf } from './check-copy.js'
import { lockReplaced, makeAside, publish, quietly, taken } from './new-file.js'
import { SalvageApplier } from './salvage-apply.js'
import { KnownCatalogs } from './salvage-catalogs.js'
import { SalvageLines } from './salvage-line.js'
import { CommitMerge } from './salvage-merge.js'
import type { SalvageReport } from './salvage-report.js'
import { RowComparison } from './salvage-rows.js'
import { openSources, type SalvageSource, type SalvageSources } from './salvage-source.js'
import type { FoundCommit } from './salvage-stream.js'
import { NAMED_AT_MOST, streamsOf, type Survey, survey } from './salvage-survey.js'
import { SalvageWriter } from './salvage-writer.js'
import { whatIsUnknown } from './salvage-unknown.js'

/** Options of `salvage`. */
export interface SalvageOptions {
  /** Path of the new file. */
  readonly to: string
  /** Replace a file of this name. Default false. */
  readonly force?: boolean | undefined
  /** Where both files are; the file system by default. */
  readonly storage?: Storage | undefined
  /** Ends the work; nothing is left of it. */
  readonly signal?: AbortSignal | undefined
  /** Called now and then with how far the work is, in bytes: read twice, then verified. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** Bytes of a compacted file's first commit that become one transaction of the new file. */
const BASE_BYTES: number = 64 * 1024 * 1024
/** Most transactions that such a commit becomes. */
const BASE_PARTS = 4096

/** Salvages a database file. */
export async function salvageFile(
  path: string,
  options: SalvageOptions,
  platform: Platform,
): Promise<SalvageReport> {
  const { signal, force = false } = options
  signal?.throwIfAborted()
  const { storage, source, target } = decide(path, options, platform)
  const file = storage.open(source, 'read')
  let sources: SalvageSources | undefined
  let lock: HeldLock | undefined
  try {
    lock = await lockReplaced(storage, target, signal, platform)
    sources = await runAsync(openSources(storage, file, platform.checksum), platform, signal)
    const total = sources.sources.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0)
    requireRoom(storage, target, total)
    const salvage = new Salvage(sources, options, total, platform)
    const place = { storage, path: target, like: source }
    return await makeAside(place, platform, async (copy) => {
      const report = await salvage.run(copy, source, target)
      signal?.throwIfAborted()
      publish(storage, copy, target, force && storage.stat(target) !== undefined)
      return report
    })
  } finally {
    quietly(() => file.close())
    for (const each of sources?.sources ?? []) quietly(() => each.file.close())
    lock?.release()
  }
}

function decide(
  path: string,
  { to, storage: given, force = false }: SalvageOptions,
  platform: Platform,
): { readonly storage: Storage; readonly source: string; readonly target: string } {
  checkPath(path)
  checkPath(to)
  const storage = given ?? platform.storage
  if (storage === undefined)
    throw new ArgumentError('This entry of Varve has no file system: pass a storage.')
  const source = storage.resolve(path)
  const target = storage.resolve(to)
  const present = storage.stat(source)
  if (present === undefined)
    throw new StorageError(`There is no database at ${source}.`, { code: ErrorCode.notFound, path: source })
  const taker = storage.stat(target)
  if (source === target || taker?.id === present.id)
    throw new StorageError(`${target} is the damaged file itself. Name another file to salvage it to.`, {
      code: ErrorCode.exists,
      path: target,
    })
  if (taker !== undefined && !force) throw taken(target)
  if (taker !== undefined) storage.open(target, 'read').close()
  return { storage, source, target }
}

class Salvage {
  readonly #found: SalvageSources
  readonly #options: SalvageOptions
  readonly #platform: Platform
  readonly #total: number
  readonly #lines = new SalvageLines()
  #done = 0

  constructor(found: SalvageSources, options: SalvageOptions, total: number, platform: Platform) {
    this.#found = found
    this.#options = options
    this.#total = total
    this.#platform = platform
  }

  async run(copy: StorageFile, source: string, target: string): Promise<SalvageReport> {
    const { signal, onProgress } = this.#options
    const { checksum } = this.#platform
    const onBytes = (bytes: number): void => this.#advance(bytes)
    const surveyed = await runAsync(survey(this.#found, checksum, onBytes), this.#platform, signal)
    // Of another database if nobody knows which it was.
    const header = newHeader(this.#platform, this.#found.identity.header?.databaseId)
    const writer = new SalvageWriter(copy, header, this.#platform)
    const carried = new Carrier(this.#found, surveyed, writer, this.#platform, {
      lines: this.#lines,
      onBytes,
    })
    await runAsync(carried.run(), this.#platform, signal)
    const state = await runAsync(
      writer.end(Math.max(surveyed.highestSequence, writer.last.sequence)),
      this.#platform,
      signal,
    )
    const total = this.#total
    const onVerified = (done: number, of: number): void =>
      onProgress?.(total * (2 + (of === 0 ? 1 : done / of)), total * 3)
    const checks = { storage: this.#options.storage, signal, onProgress: onVerified, deep: true }
    const report = await checkCopy(copy.path, { source, digests: digestsOf(state) }, checks, this.#platform)
    const { collections, rows, digests, fileBytes: bytes } = report
    const found = { path: source, to: target, collections, rows, digests, bytes }
    return { ...found, ...this.#tell(surveyed, writer, carried) }
  }

  #tell(
    surveyed: Survey,
    writer: SalvageWriter,
    { applier, comparison }: Carrier,
  ): Omit<SalvageReport, 'path' | 'to' | 'collections' | 'rows' | 'digests' | 'bytes'> {
    const { identity, ignored } = this.#found
    const { sources, damaged, lost, conflicts } = surveyed
    const { unreadable, recovered, keptCollections, historyGaps } = applier
    const { olderRows = [], lostRows = [], repaired = 0 } = comparison ?? {}
    const complete = !isIncomplete(surveyed) && unreadable.length === 0
    return {
      complete,
      databaseId: identity.header?.databaseId,
      generationId: identity.header?.generationId,
      identity: identity.statedBy,
      sources,
      ignoredQuarantines: ignored,
      commits: writer.commits,
      firstSequence: writer.firstSequence,
      lastSequence: writer.commits === 0 ? undefined : writer.last.sequence,
      damaged: damaged.slice(0, NAMED_AT_MOST),
      lost: lost.slice(0, NAMED_AT_MOST),
      conflicts: conflicts.slice(0, NAMED_AT_MOST),
      olderRows,
      lostRows,
      repairedRows: repaired,
      unreadableRows: unreadable,
      recoveredCollections: recovered,
      keptCollections,
      historyGaps,
      comparedAt: comparison?.sequence,
      unknown: complete ? [] : whatIsUnknown(surveyed, comparison, identity),
    }
  }

  #advance(bytes: number): void {
    this.#done += bytes
    this.#options.onProgress?.(Math.min(this.#done, this.#total * 2), this.#total * 3)
  }
}

function isIncomplete({ lost, baseIsPartial, endIsMissing, conflicts }: Survey): boolean {
  return lost.length > 0 || baseIsPartial || endIsMissing || conflicts.length > 0
}

/** What the first reading has told already. */
const ignore = (): void => undefined

/** Carries all commits over, in their order. */
class Carrier {
  readonly applier: SalvageApplier
  readonly comparison: RowComparison | undefined
  readonly #found: SalvageSources
  readonly #surveyed: Survey
  readonly #writer: SalvageWriter
  readonly #platform: Platform
  readonly #lines: SalvageLines
  readonly #onBytes: (bytes: number) => void
  #isCompared = false
  #baseSequence = 0

  constructor(
    found: SalvageSources,
    surveyed: Survey,
    writer: SalvageWriter,
    platform: Platform,
    { lines, onBytes }: { readonly lines: SalvageLines; readonly onBytes: (bytes: number) => void },
  ) {
    const { checksum } = platform
    this.#found = found
    this.#surveyed = surveyed
    this.#writer = writer
    this.#platform = platform
    this.#lines = lines
    this.#onBytes = onBytes
    const isDamaged = damageOf(surveyed)
    const catalogs = new KnownCatalogs(surveyed.checkpoints)
    const touched: RowComparison['touched'] = (...row) => this.comparison?.touched(...row)
    const isSuspect = isIncomplete(surveyed)
    this.applier = new SalvageApplier({ writer, catalogs, checksum, isSuspect, isDamaged, touched })
    const newest = comparable(surveyed)
    if (newest === undefined) return
    this.comparison = new RowComparison({ found: newest, writer, applier: this.applier, checksum })
  }

  *run(): Task<void> {
    const watch = { broken: ignore, checkpoint: ignore, watermark: ignore, scanned: this.#onBytes }
    const { checksum } = this.#platform
    const merge = new CommitMerge(streamsOf(this.#found, checksum, watch), ignore)
    for (let commit = yield* merge.next(); commit !== undefined; commit = yield* merge.next()) {
      if (this.comparison !== undefined && commit.sequence > this.comparison.sequence)
        yield* this.#compareOnce()
      if (commit.isBase) yield* this.#carryBase(commit)
      else yield* this.#carry(commit)
    }
    yield* this.#compareOnce()
    yield* this.#mend()
  }

  *#carry(commit: FoundCommit): Task<void> {
    const line = this.#lines.of(commit)
    this.#writer.begin(commit.sequence)
    for (const span of commit.spans) yield* this.applier.apply(commit, line, span)
    yield* this.#writer.finish(commit.time)
  }

  /** What a compacted file begins with has no bound to its size: it becomes several transactions, up to its sequence. */
  *#carryBase(commit: FoundCommit): Task<void> {
    const line = this.#lines.of(commit)
    const { sequence, spans, isWhole, time } = commit
    const first = Math.max(1, sequence - BASE_PARTS)
    this.#baseSequence = Math.max(first, this.#writer.last.sequence + 1, this.#baseSequence)
    let rest = spans.reduce((sum, { start, end }) => sum + end - start, 0)
    const begin = (): void => {
      // The last part is the commit itself.
      const isLast = isWhole && rest <= BASE_BYTES
      this.#writer.begin(isLast ? sequence : Math.min(this.#baseSequence++, sequence))
    }
    begin()
    for (const span of spans) {
      yield* this.applier.apply(commit, line, span)
      rest -= span.end - span.start
      if (this.#writer.openBytes < BASE_BYTES || rest === 0 || this.#baseSequence >= sequence) continue
      yield* this.#writer.finish(time)
      begin()
    }
    yield* this.#writer.finish(time)
  }

  *#compareOnce(): Task<void> {
    const { main } = this.#lines
    if (this.#isCompared || this.comparison === undefined || main === undefined) return
    this.#isCompared = true
    yield* this.comparison.compare(main)
  }

  /** Last, in a transaction of its own, what the checkpoint shows and no transaction says. */
  *#mend(): Task<void> {
    if (this.comparison?.hasDifferences !== true) return
    const { last } = this.#writer
    this.#writer.begin(Math.max(this.#surveyed.highestSequence, last.sequence) + 1)
    yield* this.comparison.mend()
    yield* this.#writer.finish(last.time)
  }
}

/** The newest checkpoint of the log before whose commit something is missing. */
function comparable({ checkpoints, lost, baseIsPartial }: Survey): Survey['checkpoints'][number] | undefined {
  const first = baseIsPartial
    ? 0
    : Math.min(Number.POSITIVE_INFINITY, ...lost.map(({ sequence }) => sequence))
  return checkpoints.findLast(
    ({ source, checkpoint }) => source.kind === 'database' && checkpoint.sequence >= first,
  )
}

/** Whether a position in a source lies in bytes that were found damaged. */
function damageOf({ damaged }: Survey): (source: SalvageSource, position: number) => boolean {
  if (damaged.length === 0) return () => false
  return ({ path }, position) =>
    damaged.some((range) => range.path === path && position >= range.offset && position < range.end)
}
