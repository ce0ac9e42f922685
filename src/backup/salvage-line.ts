/**
 * What the transactions of one source mean by their collection ids and record structures.
 *
 * What was cut off a log and what was written in its place went on from the same commit with the same numbers for
 * different things. So each source has a catalog of its own, which begins as that of the line that it went on from, and every
 * collection in it knows its place in the new file.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import { RowCodec } from '../format/value.js'
import type { SalvageSource } from './salvage-source.js'
import type { FoundCommit } from './salvage-stream.js'

/** A collection as one line knows it. */
export interface LineCollection {
  definition: CollectionDefinition
  codec: RowCodec
  /** Structures whose names are not known: their ids are taken in the codec by others. */
  readonly lostStructures: Set<number>
  /** Of each structure, a commit as of which it was there: checkpoints tell of some that are yet to come. */
  structuresAsOf: number[]
  /** Its id in the new file. */
  outId: number
  /** Whether its structures have other ids in the new file, so that rows must be encoded anew. */
  diverged: boolean
}

export class SalvageLine {
  readonly source: SalvageSource
  /** The last commit that it shares with the line that it went on from. */
  readonly sharedTo: number
  readonly collections: Map<number, LineCollection> = new Map()
  /** Structures of collections whose definitions were not met. */
  readonly orphans: Map<number, Map<number, readonly string[]>> = new Map()
  /** Its last commit. */
  lastSequence = 0
  lastCrc = 0

  constructor(source: SalvageSource, sharedTo: number) {
    this.source = source
    this.sharedTo = sharedTo
  }

  /** Whether it was cut off, so that the database went on without it. */
  get isCut(): boolean {
    return this.source.kind === 'quarantine'
  }

  /** A line that goes on from this one as it is now, without what checkpoints say is yet to come. */
  fork(source: SalvageSource): SalvageLine {
    const fork = new SalvageLine(source, this.lastSequence)
    for (const [id, collection] of this.collections) {
      fork.collections.set(id, asOf(collection, this.lastSequence))
    }
    for (const [id, orphans] of this.orphans) fork.orphans.set(id, new Map(orphans))
    return fork
  }
}

/** The lines of all sources. */
export class SalvageLines {
  readonly #lines = new Map<SalvageSource, SalvageLine>()

  /**
   * The line that a commit is of, noted to be its last. A line begins where its first commit says; where that is lost, where the latest
   * line left that was still in the log when this one was written.
   */
  of({ source, sequence, crc, previousSequence, previousCrc }: FoundCommit): SalvageLine {
    let line = this.#lines.get(source)
    if (line === undefined) {
      const lines = [...this.#lines.values()].sort((a, b) => b.lastSequence - a.lastSequence)
      const before =
        lines.find((each) => each.lastSequence === previousSequence && each.lastCrc === previousCrc) ??
        lines.find((each) => cutEpoch(each.source) >= cutEpoch(source))
      line = before?.fork(source) ?? new SalvageLine(source, 0)
      this.#lines.set(source, line)
    }
    line.lastSequence = sequence
    line.lastCrc = crc
    return line
  }

  /** The line of the database's own log; undefined if it has no commit. */
  get main(): SalvageLine | undefined {
    return [...this.#lines.values()].find(({ isCut }) => !isCut)
  }
}

/** A copy of a collection with the structures that were there as of a commit. */
function asOf(collection: LineCollection, sequence: number): LineCollection {
  const { codec, lostStructures, structuresAsOf } = collection
  const count = structuresAsOf.findLastIndex((each) => each <= sequence) + 1
  return {
    ...collection,
    codec: codecOf(structuresOf(codec).slice(0, count)),
    lostStructures: new Set([...lostStructures].filter((lost) => lost < count)),
    structuresAsOf: structuresAsOf.slice(0, count),
  }
}

/** Of two parts that were cut off a log at different times, the one with the lower epoch was gone before. */
function cutEpoch({ kind, maxEpoch }: SalvageSource): number {
  return kind === 'quarantine' ? maxEpoch : Number.POSITIVE_INFINITY
}

/** The names of all record structures that a codec knows, by their ids. */
export function structuresOf(codec: RowCodec): (readonly string[])[] {
  return Array.from({ length: codec.structureCount }, (_, id) => codec.structure(id))
}

export function codecOf(structures: readonly (readonly string[])[]): RowCodec {
  const codec = new RowCodec()
  for (const [id, names] of structures.entries()) codec.define(id, names)
  return codec
}
