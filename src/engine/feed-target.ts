/**
 * Gathers commits from a walk through the log, for a feed: where each stands, which definitions it was made under, and what
 * it holds of the collections that are wanted.
 *
 * Of a small commit the wanted records are kept; of a larger one only which frames they are in, so that a commit never is in
 * memory as a whole. While it is being led to where a feed begins it keeps nothing but the definitions.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import { CATALOG_ID, type CatalogEntry, readEntry } from '../catalog/entry.js'
import { CorruptionError, FormatError } from '../errors.js'
import { Operation, type RecordView } from '../format/record.js'
import type { RecordsFrame } from '../log/commit-reader.js'
import type { CommitPosition } from '../log/commit-position.js'
import type { ReplayTarget } from '../log/replay-target.js'
import { type Definitions, definitionsAfter, schemaChanges } from './feed-catalog.js'
import type { FeedFilter } from './feed-filter.js'
import type { RowCodecs } from './row-codecs.js'

/** Records of one commit that are kept, in bytes. */
const KEPT_BYTES = 64 * 1024

/** A record that is kept. */
export interface KeptRecord {
  readonly bytes: Uint8Array
  /** Where it stands in the file. */
  readonly position: number
}

/** A commit as it was found in the log. */
export interface FoundCommit {
  readonly position: CommitPosition
  /** Whether it is what a compacted file begins with. */
  readonly isBase: boolean
  /** The definitions as of the commit before it. */
  readonly definitions: Definitions
  readonly frames: readonly RecordsFrame[]
  /** Its wanted records, and those of the catalog; undefined if they are to be read from the frames. */
  readonly records: readonly KeptRecord[] | undefined
}

/** Where a walk begins. */
export interface FeedBegin {
  readonly last: CommitPosition
  readonly definitions: Definitions
}

export interface FeedTargetParts {
  readonly path: string
  readonly codecs: RowCodecs
  readonly filter: FeedFilter
  readonly begin: FeedBegin
}

export class FeedTarget implements ReplayTarget {
  /** The commit applied last. */
  last: CommitPosition
  /** The definitions as of it. */
  definitions: Definitions
  /** Whether commits are only passed by. */
  skipping = false
  #found: FoundCommit[] = []
  readonly #path: string
  readonly #codecs: RowCodecs
  readonly #filter: FeedFilter
  // Of the transaction at hand.
  #after: Definitions
  #structures: Extract<CatalogEntry, { readonly kind: 'structure' }>[] = []
  #frames: RecordsFrame[] = []
  #records: KeptRecord[] | undefined = []
  #keptBytes = 0
  #wanted = 0
  #isBase = false

  constructor({ path, codecs, filter, begin }: FeedTargetParts) {
    this.#path = path
    this.#codecs = codecs
    this.#filter = filter
    this.last = begin.last
    this.definitions = begin.definitions
    this.#after = begin.definitions
  }

  /** The commits found since the last call, in order. */
  take(): readonly FoundCommit[] {
    const found = this.#found
    if (found.length > 0) this.#found = []
    return found
  }

  begin(): void {
    this.#after = this.definitions
    this.#structures = []
    this.#frames = []
    this.#records = []
    this.#keptBytes = 0
    this.#wanted = 0
    this.#isBase = false
  }

  record(bytes: Uint8Array, record: RecordView, position: number): void {
    const offset = position - record.distance
    if (this.#frames.at(-1)?.offset !== offset) this.#frames.push({ offset, firstRecord: position })
    const isOfCatalog = record.collectionId === CATALOG_ID
    const wanted = isOfCatalog
      ? this.#catalogRecord(bytes, record, position)
      : this.#filter.wants(record.collectionId)
    if (wanted) this.#wanted += 1
    if (!this.skipping && (wanted || isOfCatalog)) this.#keep(bytes, record, position)
  }

  #keep(bytes: Uint8Array, { start, end }: RecordView, position: number): void {
    if (this.#records === undefined) return
    this.#keptBytes += end - start
    if (this.#keptBytes > KEPT_BYTES) this.#records = undefined
    else this.#records.push({ bytes: bytes.slice(start, end), position })
  }

  /** Whether it is one that is told of. */
  #catalogRecord(bytes: Uint8Array, record: RecordView, position: number): boolean {
    const entry = catalogEntryOf(bytes, record)
    if (entry === undefined) throw notUnderstood(this.#path, position)
    const isTold = this.#filter.wantsEntry(entry) && schemaChanges(this.#after, entry).length > 0
    this.#after = definitionsAfter(this.#after, entry)
    if (entry.kind === 'structure') this.#structures.push(entry)
    return isTold
  }

  beginsWith(): undefined {
    this.#isBase = true
  }

  commit(position: CommitPosition): void {
    for (const { collectionId, structureId, fields } of this.#structures) {
      // Structures outlive a drop of their entry.
      if (fields !== undefined && !this.#codecs.learn(collectionId, structureId, fields))
        throw structureTwice(this.#path, collectionId, structureId)
    }
    if (!this.skipping && (this.#wanted > 0 || this.#isBase))
      this.#found.push({
        position,
        isBase: this.#isBase,
        definitions: this.definitions,
        frames: this.#frames,
        records: this.#records,
      })
    this.definitions = this.#after
    this.last = position
  }

  rollback(): void {
    this.#after = this.definitions
  }
}

/** The catalog entry that a record holds; undefined if it is none. */
export function catalogEntryOf(bytes: Uint8Array, record: RecordView): CatalogEntry | undefined {
  const { operation, keyStart, keyEnd, valueStart, valueEnd } = record
  const row = operation === Operation.put ? bytes.subarray(valueStart, valueEnd) : undefined
  return readEntry(bytes.subarray(keyStart, keyEnd), row)
}

/** The definition of a collection whose row was found. */
export function definitionIn(
  definitions: Definitions,
  collectionId: number,
  path: string,
  offset: number,
): CollectionDefinition {
  const definition = definitions.get(collectionId)
  if (definition !== undefined) return definition
  throw new CorruptionError(
    `The record at offset ${offset} of ${path} belongs to collection ${collectionId}, which there was not. Run verify to see the extent; restore a backup.`,
    { path, offset },
  )
}

function notUnderstood(path: string, offset: number): FormatError {
  return new FormatError(
    `The catalog record at offset ${offset} of ${path} has a valid checksum but is not understood. The file is untouched; use a newer version.`,
    { path, offset },
  )
}

function structureTwice(path: string, collectionId: number, structureId: number): FormatError {
  return new FormatError(
    `The log of ${path} states record structure ${structureId} of collection ${collectionId} out of order or twice. The file is untouched; use a newer version, or salvage it.`,
    { path },
  )
}
