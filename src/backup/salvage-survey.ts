/**
 * The first of two readings of a salvage: what there is, what is damaged, and which commits must have been there besides.
 */
import { LOG_START } from '../format/header.js'
import type { Checkpoint } from '../format/checkpoint.js'
import { readCheckpoint } from '../log/checkpoints.js'
import type { Checksum } from '../format/checksum.js'
import type { Task } from '../storage/task.js'
import { CommitMerge } from './salvage-merge.js'
import type { DamagedRange, LostTransaction, SalvagedSource } from './salvage-report.js'
import type { SalvageIdentity, SalvageSource, SalvageSources } from './salvage-source.js'
import { type BaseName, CommitStream, type FoundCommit, type SalvageBreak } from './salvage-stream.js'

/** A checkpoint whose frame is whole. */
export interface SurveyedCheckpoint {
  readonly source: SalvageSource
  readonly offset: number
  readonly checkpoint: Checkpoint
}

/** What the first reading found. */
export interface Survey {
  readonly sources: readonly SalvagedSource[]
  readonly damaged: readonly DamagedRange[]
  readonly lost: readonly LostTransaction[]
  readonly conflicts: readonly string[]
  /** By sequence. */
  readonly checkpoints: readonly SurveyedCheckpoint[]
  /** Whether a part of a generation's first commit is missing. */
  readonly baseIsPartial: boolean
  /** Whether the file ends before what was durable, and with which commits nobody knows. */
  readonly endIsMissing: boolean
  /** No commit sequence up to this may be given again. */
  readonly highestSequence: number
}

/** How many of each kind of finding are named; all count. */
export const NAMED_AT_MOST = 1000

/** The streams of all sources. */
export function streamsOf(
  { identity, sources }: SalvageSources,
  checksum: Checksum,
  watch: ConstructorParameters<typeof CommitStream>[4],
): CommitStream[] {
  const base = baseOf(identity)
  return sources.map((source) => new CommitStream(source, identity.generation, base, checksum, watch))
}

function baseOf({ header }: SalvageIdentity): BaseName | undefined {
  if (header === undefined || header.parentSequence === 0) return undefined
  return { sequence: header.parentSequence, crc: header.parentCommitCrc }
}

/** Reads everything once. */
export function* survey(
  found: SalvageSources,
  checksum: Checksum,
  onBytes: (bytes: number) => void,
): Task<Survey> {
  const surveyor = new Surveyor(found, checksum)
  const watch = {
    broken: (each: SalvageBreak) => surveyor.broken(each),
    checkpoint: (source: SalvageSource, offset: number) => surveyor.checkpoint(source, offset),
    watermark: (end: number, sequence: number | undefined) => surveyor.watermark(end, sequence),
    scanned: onBytes,
  }
  const merge = new CommitMerge(streamsOf(found, checksum, watch), ({ reason }) => surveyor.conflict(reason))
  for (let next = yield* merge.next(); next !== undefined; next = yield* merge.next()) surveyor.commit(next)
  return surveyor.conclude()
}

class Surveyor {
  readonly #found: SalvageSources
  readonly #checksum: Checksum
  readonly #known = new KnownCommits()
  readonly #breaks: SalvageBreak[] = []
  readonly #checkpoints: SurveyedCheckpoint[] = []
  readonly #conflicts: string[] = []
  readonly #lost = new Map<number, LostTransaction['knownBy']>()
  readonly #marked = new Set<number>()
  readonly #counts = new Map<SalvageSource, number>()
  #baseIsPartial = false
  #watermark = 0
  #lastEnd = LOG_START

  constructor(found: SalvageSources, checksum: Checksum) {
    this.#found = found
    this.#checksum = checksum
    this.#watermark = found.sources[0]?.acknowledgedTo ?? 0
    const live = found.identity.blocks?.superblocks.live
    if (live !== undefined && live.watermarkSequence > 0) this.#marked.add(live.watermarkSequence)
  }

  broken(found: SalvageBreak): void {
    this.#breaks.push(found)
    if (found.reason.startsWith('a part of the first commit')) this.#baseIsPartial = true
  }

  conflict(reason: string): void {
    this.#conflicts.push(reason)
  }

  checkpoint(source: SalvageSource, offset: number): void {
    const { file, to } = source
    const { generation } = this.#found.identity
    const log = { file, checksum: this.#checksum, generation, maxEpoch: Number.POSITIVE_INFINITY, to }
    const found = readCheckpoint(log, offset)
    if (found !== undefined) this.#checkpoints.push({ source, offset, checkpoint: found.checkpoint })
  }

  watermark(end: number, sequence: number | undefined): void {
    this.#watermark = Math.max(this.#watermark, end)
    if (sequence !== undefined && sequence > 0) this.#marked.add(sequence)
  }

  commit(commit: FoundCommit): void {
    const { source, sequence, crc, previousSequence, previousCrc, end, isBase, isWhole } = commit
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + (isWhole ? 1 : 0))
    if (source.kind === 'database') this.#lastEnd = end
    const isFirst = isBase || (previousSequence === 0 && previousCrc === 0)
    if (!isFirst && !this.#known.has(previousSequence, previousCrc))
      this.#lost.set(previousSequence, 'successor')
    if (isWhole) this.#known.add(sequence, crc)
  }

  conclude(): Survey {
    for (const { checkpoint } of this.#checkpoints) {
      const { sequence, commitCrc } = checkpoint
      if (sequence > 0 && !this.#known.has(sequence, commitCrc)) this.#note(sequence, 'checkpoint')
    }
    for (const sequence of this.#marked)
      if (!this.#known.includes(sequence)) this.#note(sequence, 'watermark')
    for (const { source, offset, sequence } of this.#breaks) {
      const to = source.kind === 'database' ? this.#watermark : source.acknowledgedTo
      if (sequence !== undefined && offset < to && !this.#known.includes(sequence))
        this.#note(sequence, 'frames')
    }
    const ordered = this.#checkpoints.sort((a, b) => a.checkpoint.sequence - b.checkpoint.sequence)
    const numbers = [...this.#breaks.map(({ sequence }) => sequence ?? 0), ...this.#lost.keys()]
    const stated = this.#found.identity.blocks?.superblocks.live?.highestSequence ?? 0
    return {
      sources: this.#found.sources.map((source) => this.#sourceOf(source)),
      damaged: this.#breaks.map(rangeOf),
      lost: this.#lostTransactions(),
      conflicts: this.#conflicts,
      checkpoints: ordered,
      baseIsPartial: this.#baseIsPartial,
      endIsMissing: this.#watermark > this.#lastEnd,
      highestSequence: numbers.reduce((a, b) => Math.max(a, b), Math.max(stated, this.#known.last)),
    }
  }

  /** Whatever says so first counts. */
  #note(sequence: number, knownBy: LostTransaction['knownBy']): void {
    if (!this.#lost.has(sequence)) this.#lost.set(sequence, knownBy)
  }

  #sourceOf(source: SalvageSource): SalvagedSource {
    const { path, kind, from, to } = source
    const commits = this.#counts.get(source) ?? 0
    return { path, kind, offset: from, bytes: Math.max(0, to - from), commits }
  }

  #lostTransactions(): LostTransaction[] {
    const partial = new Set(this.#breaks.map(({ sequence }) => sequence))
    return [...this.#lost]
      .sort(([a], [b]) => a - b)
      .map(([sequence, knownBy]) => ({
        sequence,
        found: partial.has(sequence) ? 'partial' : 'missing',
        knownBy,
      }))
  }
}

function rangeOf({ source, offset, end, reason, sequence }: SalvageBreak): DamagedRange {
  return { path: source.path, offset, end, reason, sequence }
}

/** Sequences and CRCs of commits, ascending: twelve bytes each, since there may be millions. */
class KnownCommits {
  #sequences = new Float64Array(1024)
  #crcs = new Uint32Array(1024)
  #count = 0

  get last(): number {
    return this.#count === 0 ? 0 : (this.#sequences[this.#count - 1] ?? 0)
  }

  add(sequence: number, crc: number): void {
    if (this.#count === this.#crcs.length) this.#grow()
    this.#sequences[this.#count] = sequence
    this.#crcs[this.#count] = crc
    this.#count += 1
  }

  has(sequence: number, crc: number): boolean {
    const at = this.#find(sequence)
    return at >= 0 && this.#crcs[at] === crc
  }

  includes(sequence: number): boolean {
    return this.#find(sequence) >= 0
  }

  #find(sequence: number): number {
    let low = 0
    let high = this.#count - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const at = this.#sequences[middle] ?? 0
      if (at === sequence) return middle
      if (at < sequence) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  #grow(): void {
    const sequences = new Float64Array(this.#count * 2)
    const crcs = new Uint32Array(this.#count * 2)
    sequences.set(this.#sequences)
    crcs.set(this.#crcs)
    this.#sequences = sequences
    this.#crcs = crcs
  }
}
