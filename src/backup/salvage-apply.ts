/**
 * The second reading of a salvage: carries whole transactions over into the new file.
 *
 * While nothing is missing their records go over as they stand. Once something is, or in what was cut off, every row is decoded first by
 * the structures of its own line: one that cannot be is left out and named, and one whose structures mean something else
 * in the new file is encoded anew. So no row comes out with other values than it was written with (I28).
 */
import { CATALOG_ID, type CatalogEntry, readEntry } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import { CorruptionError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { DecodeFailure } from '../format/decode-failure.js'
import { viewOf } from '../format/integers.js'
import type { KeyPart } from '../format/key.js'
import { decodeKey } from '../format/key-decode.js'
import { Operation, readRecord, RecordView } from '../format/record.js'
import { type Row, RowCodec } from '../format/value.js'
import { PAUSE, type Task } from '../storage/task.js'
import { guessedDefinition, type KnownCatalogs, type StatedCollection } from './salvage-catalogs.js'
import { codecOf, type LineCollection, type SalvageLine, structuresOf } from './salvage-line.js'
import { mentions } from './salvage-mentions.js'
import type { RecoveredCollection, UnreadableRow } from './salvage-report.js'
import type { SalvageSource } from './salvage-source.js'
import type { FoundCommit, RecordsSpan } from './salvage-stream.js'
import type { SalvageWriter } from './salvage-writer.js'

/** A record at hand. */
interface RecordAtHand {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly isPut: boolean
  readonly path: string
  readonly offset: number
  readonly sequence: number
}

/** A record structure, and a commit as of which it was there. */
interface StatedStructure {
  readonly structureId: number
  readonly fields: readonly string[]
  readonly sequence: number
}

export interface ApplierParts {
  readonly writer: SalvageWriter
  readonly catalogs: KnownCatalogs
  readonly checksum: Checksum
  /** Whether anything is missing. */
  readonly isSuspect: boolean
  /** Whether a version that a record names as the one before it lies in damaged bytes. */
  readonly isDamaged: (source: SalvageSource, position: number) => boolean
  /** Told of every row that a transaction writes, by the collection's id in the new file. */
  readonly touched: (outId: number, key: Uint8Array, isCut: boolean) => void
}

export class SalvageApplier {
  readonly unreadable: UnreadableRow[] = []
  readonly recovered: RecoveredCollection[] = []
  readonly keptCollections: string[] = []
  historyGaps = 0
  readonly #parts: ApplierParts
  readonly #record = new RecordView()
  /** Which line defined a collection of the new file last. */
  readonly #definers = new Map<number, SalvageLine>()

  constructor(parts: ApplierParts) {
    this.#parts = parts
  }

  /** Applies the records of a commit to the transaction that is open. */
  *apply(commit: FoundCommit, line: SalvageLine, span: RecordsSpan): Task<void> {
    const { source, sequence } = commit
    const bytes = new Uint8Array(span.end - span.start)
    const read: number = yield { kind: 'read', file: source.file, target: bytes, position: span.start }
    const view = viewOf(bytes)
    const { path } = source
    const record = this.#record
    for (let at = 0, n = 0; at < bytes.length; at = record.end, n++) {
      const problem = readRecord(bytes, view, at, read, record, this.#parts.checksum)
      if (problem !== undefined) throw changedMeanwhile(path, span.start + at)
      if (record.previous > 0 && this.#parts.isDamaged(source, record.previous)) this.historyGaps += 1
      const { end } = record
      const hand = {
        key: bytes.subarray(record.keyStart, record.keyEnd),
        value: bytes.subarray(record.valueStart, record.valueEnd),
        isPut: record.operation === Operation.put,
        path,
        offset: span.start + at,
        sequence,
      }
      if (record.collectionId === CATALOG_ID) this.#catalog(line, hand)
      else this.#row(line, record.collectionId, hand)
      record.end = end
      if (n % 64 === 63) yield PAUSE
    }
  }

  // Rows

  #row(line: SalvageLine, id: number, record: RecordAtHand): void {
    const { writer, isSuspect, touched } = this.#parts
    const collection = line.collections.get(id) ?? this.recover(line, id, record)
    if (collection === undefined)
      return this.#unreadable(`collection ${id}`, record, 'its collection is lost')
    this.#ensureThere(collection)
    const { outId, diverged } = collection
    touched(outId, record.key, line.isCut)
    if (!record.isPut) return writer.delete(outId, record.key)
    if (!isSuspect && !line.isCut && !diverged) return writer.put(outId, record.key, record.value)
    const row = this.rowOf(line, collection, record.value, record.sequence)
    if (row instanceof DecodeFailure) return this.#unreadable(collection.definition.name, record, row.reason)
    this.putDecoded(collection, record.key, record.value, row)
  }

  /** Puts a row that was decoded: as it stands, or encoded anew where its bytes would mean something else. */
  putDecoded(collection: LineCollection, key: Uint8Array, value: Uint8Array, row: Row): void {
    const { writer } = this.#parts
    if (collection.diverged) writer.putRow(collection.outId, key, row)
    else writer.put(collection.outId, key, value)
  }

  /** A row by the structures of its line; those that are lost are taken from checkpoints. */
  rowOf(
    line: SalvageLine,
    collection: LineCollection,
    value: Uint8Array,
    sequence: number,
  ): Row | DecodeFailure {
    const decoded = decode(collection, value)
    if (!(decoded instanceof DecodeFailure)) return decoded
    this.#completeStructures(line, collection, sequence)
    return decode(collection, value)
  }

  #unreadable(collection: string, { key, path, offset }: RecordAtHand, reason: string): void {
    this.unreadable.push({ collection, key: partsOf(key), path, offset, reason })
  }

  // Collections

  /** A collection whose definition was not met: from a checkpoint, else guessed from a row. */
  recover(line: SalvageLine, id: number, record: RecordAtHand): LineCollection | undefined {
    const known = this.#parts.catalogs.entryOf(id, record.sequence, line)
    const definition = known?.definition ?? this.#guess(line, id, record)
    if (definition === undefined) return undefined
    this.#define(line, id, definition)
    const collection = line.collections.get(id)
    if (collection === undefined) return undefined
    // A checkpoint states what is yet to come: what the line defines next may build indexes that stand here as whole.
    this.#definers.delete(collection.outId)
    this.#structuresOf(collection, known)
    if (known !== undefined && known.counter > 1) this.#counter(collection.outId, known.counter)
    const { name } = collection.definition
    this.recovered.push({ id, name, from: known === undefined ? 'rows' : 'checkpoint' })
    return collection
  }

  #guess(
    line: SalvageLine,
    id: number,
    { key, value, isPut }: RecordAtHand,
  ): CollectionDefinition | undefined {
    if (!isPut) return undefined
    const codec = new RowCodec()
    const orphans = line.orphans.get(id) ?? new Map<number, readonly string[]>()
    for (let structure = 0; ; structure++) {
      const fields = orphans.get(structure)
      if (fields === undefined || codec.define(structure, fields) !== undefined) break
    }
    const row = codec.decode(value, 0, value.length)
    return row instanceof DecodeFailure ? undefined : guessedDefinition(id, row, key)
  }

  #define(
    line: SalvageLine,
    id: number,
    definition: CollectionDefinition,
    bytes?: { key: Uint8Array; value: Uint8Array },
  ): void {
    const present = line.collections.get(id)
    const outId = present?.outId ?? this.#place(definition)
    const collection = present ?? {
      definition,
      codec: new RowCodec(),
      lostStructures: new Set<number>(),
      structuresAsOf: [],
      outId,
      diverged: false,
    }
    collection.definition = definition
    line.collections.set(id, collection)
    const name = this.#freeName(definition.name, outId)
    const isSame = outId === id && name === definition.name
    const placed = { ...definition, id: outId, name }
    this.#forgetIndexes(line, placed)
    const entry = { kind: 'collection', id: outId, definition: placed } as const
    this.#parts.writer.entry(entry, Operation.put, isSame ? bytes : undefined)
    const orphans = line.orphans.get(id)
    line.orphans.delete(id)
    for (const [structureId, fields] of [...(orphans ?? [])].sort(([a], [b]) => a - b))
      this.#structure(collection, { structureId, fields, sequence: line.lastSequence })
  }

  /** Two lines give the same ids to different indexes: those of the other line go before this one's are built. */
  #forgetIndexes(line: SalvageLine, placed: CollectionDefinition): void {
    const { writer } = this.#parts
    const definer = this.#definers.get(placed.id)
    this.#definers.set(placed.id, line)
    const present = writer.head.collection(placed.id)?.definition
    if (present === undefined || definer === line || textOf(present.indexes) === textOf(placed.indexes))
      return
    const definition = { ...placed, indexes: [] }
    writer.entry({ kind: 'collection', id: placed.id, definition }, Operation.put)
  }

  /** Its id in the new file: that of the collection of this name if rows of both have the same keys, else one that is free. */
  #place(definition: CollectionDefinition): number {
    const { head } = this.#parts.writer
    const named = head.collectionNamed(definition.name)?.definition
    if (named !== undefined && sameKey(named, definition)) return named.id
    const isFree = head.collection(definition.id) === undefined
    const id = isFree ? definition.id : head.nextCollectionId
    if (id >= head.nextCollectionId) this.#counter(CATALOG_ID, id + 1)
    return id
  }

  #freeName(name: string, outId: number): string {
    const named = this.#parts.writer.head.collectionNamed(name)
    return named === undefined || named.definition.id === outId ? name : `${name}-recovered-${outId}`
  }

  /** A transaction of another line may have dropped it. */
  #ensureThere({ definition, outId }: LineCollection): void {
    if (this.#parts.writer.head.collection(outId) !== undefined) return
    const name = this.#freeName(definition.name, outId)
    const entry = { kind: 'collection', id: outId, definition: { ...definition, id: outId, name } } as const
    this.#parts.writer.entry(entry, Operation.put)
  }

  // The catalog

  #catalog(line: SalvageLine, record: RecordAtHand): void {
    const { key, value, isPut } = record
    const entry = readEntry(key, isPut ? value : undefined)
    if (entry === undefined) return this.#unreadable('the catalog', record, 'it is no entry of a catalog')
    const bytes = { key, value }
    if (entry.kind === 'migration')
      return this.#parts.writer.entry(entry, isPut ? Operation.put : Operation.delete, bytes)
    if (entry.kind === 'collection') {
      if (entry.definition === undefined) return this.#drop(line, entry.id, bytes)
      return this.#define(line, entry.id, entry.definition, bytes)
    }
    if (entry.kind === 'counter') return this.#counterEntry(line, entry, bytes)
    this.#structureEntry(line, entry, record, bytes)
  }

  #drop(line: SalvageLine, id: number, bytes: { key: Uint8Array; value: Uint8Array }): void {
    const { writer } = this.#parts
    const collection = line.collections.get(id)
    line.collections.delete(id)
    if (collection === undefined || writer.head.collection(collection.outId) === undefined) return
    if (line.isCut) return void this.keptCollections.push(collection.definition.name)
    const { outId } = collection
    const entry = { kind: 'collection', id: outId, definition: undefined } as const
    writer.entry(entry, Operation.delete, outId === id ? bytes : undefined)
  }

  #counterEntry(
    line: SalvageLine,
    { collectionId, next }: Extract<CatalogEntry, { kind: 'counter' }>,
    bytes: { key: Uint8Array; value: Uint8Array },
  ): void {
    const { writer } = this.#parts
    const outId = collectionId === CATALOG_ID ? CATALOG_ID : line.collections.get(collectionId)?.outId
    const out = outId === undefined ? undefined : writer.head.collection(outId)
    if (outId === undefined || out === undefined) return
    const raw = outId === collectionId ? bytes : undefined
    const entry = { kind: 'counter', collectionId: outId, next } as const
    if (next === undefined) {
      if (!line.isCut && raw !== undefined) writer.entry(entry, Operation.delete, raw)
    } else if (next > out.counter) {
      writer.entry(entry, Operation.put, raw)
    }
  }

  #counter(outId: number, next: number): void {
    const { writer } = this.#parts
    if ((writer.head.collection(outId)?.counter ?? 1) < next)
      writer.entry({ kind: 'counter', collectionId: outId, next }, Operation.put)
  }

  // Record structures

  #structureEntry(
    line: SalvageLine,
    entry: Extract<CatalogEntry, { kind: 'structure' }>,
    record: RecordAtHand,
    bytes: { key: Uint8Array; value: Uint8Array },
  ): void {
    const { collectionId, structureId, fields } = entry
    const known = line.collections.get(collectionId)
    if (fields === undefined) {
      // Only a drop deletes them.
      if (known?.outId === collectionId && !known.diverged && !line.isCut)
        this.#parts.writer.entry(entry, Operation.delete, bytes)
      return
    }
    const collection =
      known ??
      (this.#parts.catalogs.entryOf(collectionId, record.sequence, line) === undefined
        ? undefined
        : this.recover(line, collectionId, record))
    if (collection === undefined) {
      const orphans = line.orphans.get(collectionId) ?? new Map<number, readonly string[]>()
      line.orphans.set(collectionId, orphans.set(structureId, fields))
      return
    }
    if (structureId > collection.codec.structureCount)
      this.#completeStructures(line, collection, record.sequence)
    this.#structure(collection, { structureId, fields, sequence: record.sequence }, bytes)
  }

  #structure(
    collection: LineCollection,
    { structureId, fields, sequence }: StatedStructure,
    bytes?: { key: Uint8Array; value: Uint8Array },
  ): void {
    const { codec, lostStructures, structuresAsOf, outId } = collection
    structuresAsOf[structureId] = Math.min(sequence, structuresAsOf[structureId] ?? sequence)
    if (structureId < codec.structureCount) {
      if (!sameNames(codec.structure(structureId), fields)) redefine(collection, structureId, fields)
      return
    }
    for (let lost = codec.structureCount; lost < structureId; lost++) {
      codec.define(lost, [lostName(lost)])
      lostStructures.add(lost)
      structuresAsOf[lost] = sequence
      collection.diverged = true
    }
    if (codec.define(structureId, fields) !== undefined || collection.diverged) return
    const { writer } = this.#parts
    const out = writer.codecs.of(outId)
    const logged = writer.head.collection(outId)?.structuresLogged ?? 0
    if (structureId === logged && structureId === out.structureCount) {
      const raw = collection.definition.id === outId ? bytes : undefined
      writer.entry({ kind: 'structure', collectionId: outId, structureId, fields }, Operation.put, raw)
    } else if (structureId >= logged || !sameNames(out.structure(structureId), fields)) {
      collection.diverged = true
    }
  }

  /** Takes what a checkpoint says of structures that no transaction says. */
  #completeStructures(line: SalvageLine, collection: LineCollection, sequence: number): void {
    this.#structuresOf(collection, this.#parts.catalogs.entryOf(collection.definition.id, sequence, line))
  }

  #structuresOf(collection: LineCollection, known: StatedCollection | undefined): void {
    if (known === undefined) return
    const { structures, sequence } = known
    for (const [structureId, fields] of structures.entries())
      this.#structure(collection, { structureId, fields, sequence })
  }
}

/** Of a structure that was lost, or that a checkpoint or a transaction says anew: what the line itself says of it counts. */
function redefine(collection: LineCollection, structureId: number, fields: readonly string[]): void {
  collection.codec = codecOf(structuresOf(collection.codec).with(structureId, fields))
  collection.lostStructures.delete(structureId)
  collection.diverged = true
}

function decode({ codec, lostStructures }: LineCollection, value: Uint8Array): Row | DecodeFailure {
  const row = codec.decode(value, 0, value.length)
  if (row instanceof DecodeFailure || lostStructures.size === 0) return row
  const names = new Set([...lostStructures].map(lostName))
  return mentions(row, names) ? new DecodeFailure('its record structure is lost', 0) : row
}

/** A name that stands for the fields of a structure that is lost. */
function lostName(structureId: number): string {
  return `varve: fields of the lost record structure ${structureId}`
}

function sameKey(a: CollectionDefinition, b: CollectionDefinition): boolean {
  return JSON.stringify(a.primaryKey) === JSON.stringify(b.primaryKey)
}

/** As text, to be compared: conditions of partial indexes may hold what JSON has no form for. */
function textOf(indexes: CollectionDefinition['indexes']): string {
  return JSON.stringify(indexes, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i])
}

/** The parts of a key, or none if it is no key. */
export function partsOf(key: Uint8Array): readonly KeyPart[] {
  const decoded = decodeKey(key, 0, key.length)
  return decoded instanceof DecodeFailure ? [] : decoded.parts
}

function changedMeanwhile(path: string, offset: number): CorruptionError {
  return new CorruptionError(
    `The bytes of ${path} at offset ${offset} changed while they were salvaged. Close whoever writes to it, and check the storage.`,
    { path, offset },
  )
}
