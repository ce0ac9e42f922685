/**
 * What a commit of a feed changed, one change after the other, as users get them.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import { CorruptionError } from '../errors.js'
import type { Key } from '../format/key.js'
import { Operation, readRecord, RecordView } from '../format/record.js'
import type { Row } from '../format/value.js'
import { viewOf } from '../format/integers.js'
import { OlderVersions, type ReadRecord, recordsOf } from '../log/commit-records.js'
import { type Definitions, definitionsAfter, type SchemaChange, schemaChanges } from './feed-catalog.js'
import type { FeedFilter } from './feed-filter.js'
import { catalogEntryOf, definitionIn, type FoundCommit } from './feed-target.js'
import type { Generation } from './generation.js'
import type { KeysOf } from './keys-of.js'
import { finishRow, type RulesOf } from './row-rules.js'

/** A row that was put or deleted. */
export interface RowChange<R extends Row = Row> {
  readonly operation: 'put' | 'delete'
  /** The collection's name as of this change. */
  readonly collection: string
  readonly key: Key
  /** The row that was put; undefined for a delete. */
  readonly row: R | undefined
  /** With `before: true`, the row that was there; undefined if there was none. */
  readonly before?: R | undefined
}

/** A change of a row, or of the schema. */
export type Change<R extends Row = Row> = RowChange<R> | SchemaChange

/** What reading changes takes. */
export interface ChangeContext {
  readonly generation: Generation
  readonly path: string
  readonly keys: KeysOf
  readonly rules: RulesOf
  readonly filter: FeedFilter
  /** Whether the rows that were there are read too. */
  readonly before: boolean
}

/** The changes of a commit, in their order. Undefined where nothing was found for a while, and the walk may be interrupted. */
export function* changesOf(
  commit: FoundCommit,
  context: ChangeContext,
): Generator<Change | undefined, void, undefined> {
  const { generation, filter, path } = context
  const rows = new RowChanges(context)
  let definitions: Definitions = commit.definitions
  const records =
    commit.records === undefined
      ? recordsOf(generation, commit.frames, commit.position.end)
      : keptRecords(commit)
  for (const found of records) {
    const { bytes, record, position } = found
    if (record.collectionId !== CATALOG_ID) {
      if (!filter.wants(record.collectionId)) yield undefined
      else yield rows.of(found, definitionIn(definitions, record.collectionId, path, position))
      continue
    }
    const entry = catalogEntryOf(bytes, record)
    // It was read before, when the commit was found.
    if (entry === undefined) throw unreadable(path, position)
    if (filter.wantsEntry(entry)) yield* schemaChanges(definitions, entry)
    definitions = definitionsAfter(definitions, entry)
  }
}

function* keptRecords({ records = [] }: FoundCommit): Generator<ReadRecord, void, undefined> {
  const record = new RecordView()
  for (const { bytes, position } of records) {
    readRecord(bytes, viewOf(bytes), 0, bytes.length, record)
    yield { bytes, record, position }
  }
}

/** Makes changes of records. */
class RowChanges {
  readonly #context: ChangeContext
  #older: OlderVersions | undefined

  constructor(context: ChangeContext) {
    this.#context = context
  }

  of({ bytes, record, position }: ReadRecord, definition: CollectionDefinition): RowChange {
    const { keys, path, before } = this.#context
    const { keyStart, keyEnd, valueStart, valueEnd } = record
    const key = keys.of(definition).decode(bytes, keyStart, keyEnd)
    if (key === undefined) throw unreadable(path, position)
    const isPut = record.operation === Operation.put
    const change = {
      operation: isPut ? 'put' : 'delete',
      collection: definition.name,
      key,
      row: isPut ? this.#row(definition, position, bytes, valueStart, valueEnd) : undefined,
    } as const
    return before ? { ...change, before: this.#before(definition, bytes, record, position) } : change
  }

  #before(
    definition: CollectionDefinition,
    bytes: Uint8Array,
    { previous, keyStart, keyEnd }: RecordView,
    position: number,
  ): Row | undefined {
    if (previous === 0) return undefined
    const older = (this.#older ??= new OlderVersions(this.#context.generation))
    older.read(previous, definition.id, bytes.subarray(keyStart, keyEnd), position)
    return this.#row(definition, previous, older.bytes, older.record.valueStart, older.record.valueEnd)
  }

  #row(
    definition: CollectionDefinition,
    position: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Row {
    const { rules, generation } = this.#context
    return finishRow(
      rules.of(definition),
      generation.rows.decodeRecord(definition.id, position, bytes, start, end),
    )
  }
}

function unreadable(path: string, offset: number): CorruptionError {
  return new CorruptionError(
    `The record at offset ${offset} of ${path} has a valid checksum but its key cannot be decoded. Run verify --deep.`,
    { path, offset },
  )
}
