/**
 * A write transaction: its reads see its own writes, and nobody else's reads do until its commit was written.
 *
 * Every operation validates and encodes before it changes anything, and one that throws has changed nothing. Its records
 * go into the log's buffer at the offsets they will have, and from there into the head's trees, so that nothing is done
 * twice. A rollback forgets the buffer's tail and undoes the head's scope.
 */
import { CATALOG_ID, type CatalogEntry, entryKey, entryRow } from '../catalog/entry.js'
import type { CollectionRequest } from '../catalog/collection-request.js'
import { type CollectionDefinition, type CollectionInput, compareDefinitions } from '../catalog/definition.js'
import { resolveIndexes } from '../catalog/index-definition.js'
import { TransactionError } from '../errors.js'
import type { Key, KeyPart } from '../format/key.js'
import { compareKeys } from '../format/key-order.js'
import { MAX_COLLECTIONS } from '../format/limits.js'
import { Operation, type ReplacedRecord } from '../format/record.js'
import type { Row } from '../format/value.js'
import type { MigrationRecord } from '../catalog/migration.js'
import type { BuilderMark } from '../log/transaction-builder.js'
import { RecordRef } from '../tree/index.js'
import { afterStep } from './index-build.js'
import { applyPatch, withValue } from './patch.js'
import {
  beingMigrated,
  breakingChange,
  duplicate,
  keyChanged,
  migrationNeeded,
  nameTaken,
  noNewRow,
  requireRow,
  tooLarge,
  tooManyCollections,
  unknownCollection,
} from './refusals.js'
import { finishRow } from './row-rules.js'
import type { CollectionState } from './state.js'
import type { TransactionParts } from './transaction-parts.js'
import type { WorkingCollection } from './working-collection.js'

const EMPTY = new Uint8Array(0)

/** What an update does to a row: a patch, or a function from the old row to the new one. */
export type Change = Row | ((row: Row) => Row)

export class Transaction {
  readonly #parts: TransactionParts
  readonly #ref = new RecordRef()
  /** The migration that it carries on. */
  migrates: number | undefined
  #started = false
  #ended: string | undefined

  constructor(parts: TransactionParts) {
    this.#parts = parts
  }

  /** Whether it may still be used. */
  get open(): boolean {
    return this.#ended === undefined
  }

  /** Whether it holds the builder. */
  get started(): boolean {
    return this.#started
  }

  /** Whether it wrote anything. */
  get wrote(): boolean {
    return this.#started && this.#parts.builder.records > 0
  }

  /** Throws once it has ended. */
  check(): void {
    this.#use()
  }

  /** Marks its end: from now on every use is refused with this reason. */
  end(reason: string): void {
    this.#ended ??= reason
  }

  // Reads

  collection(name: string): WorkingCollection {
    this.#use()
    const found = this.#parts.head.collectionNamed(name)
    if (found === undefined) throw unknownCollection(name, [...this.#parts.head.names.keys()])
    return found
  }

  get(name: string, key: Key): Row | undefined {
    const collection = this.collection(name)
    const bytes = this.#parts.keys.of(collection.definition).encode(key)
    return this.#read(collection, bytes)
  }

  has(name: string, key: Key): boolean {
    const collection = this.collection(name)
    return collection.find(this.#parts.keys.of(collection.definition).encode(key), this.#ref)
  }

  /** The collection's tree as the transaction sees it now. */
  view(name: string): Pick<CollectionState, 'definition' | 'tree' | 'indexes'> {
    const collection = this.collection(name)
    return { definition: collection.definition, tree: collection.tree(), indexes: collection.wholeIndexes() }
  }

  /** The id of the collection of a name, which it keeps when it is renamed; undefined if there is none. */
  idOf(name: string): number | undefined {
    this.#use()
    return this.#parts.head.collectionNamed(name)?.definition.id
  }

  /**
   * Builds the indexes of a collection that are being built for `rows` rows more, in the order of their keys; with `alone` one of them. True
   * if there is more to do, and false if there is no such collection. Throws what refuses them: `VARVE_DUPLICATE_KEY` or `VARVE_LIMIT`.
   */
  buildIndexes(id: number, rows: number, alone: boolean): boolean {
    this.#use()
    const collection = this.#parts.head.collection(id)
    if (collection === undefined) return false
    const { definition } = collection
    const indexes = afterStep(definition.indexes, (from) => collection.keyAfter(from, rows), alone)
    if (indexes === undefined) return false
    this.#define({ ...definition, indexes })
    return indexes.some((index) => index.builtTo !== undefined)
  }

  /** Forgets the indexes of a collection that are being built. */
  dropUnbuiltIndexes(id: number): void {
    this.#use()
    const definition = this.#parts.head.collection(id)?.definition
    if (definition === undefined) return
    const indexes = definition.indexes.filter(({ builtTo }) => builtTo === undefined)
    if (indexes.length < definition.indexes.length) this.#define({ ...definition, indexes })
  }

  #read(collection: WorkingCollection, key: Uint8Array): Row | undefined {
    if (!collection.find(key, this.#ref)) return undefined
    const { definition } = collection
    return finishRow(this.#parts.rules.of(definition), this.#parts.rows.read(definition.id, this.#ref, key))
  }

  // Writes

  /** Inserts a row; returns its key. Refuses a key that is taken. */
  insert(name: string, row: Row): Key {
    return this.#store(this.#writable(name), row, 'insert')
  }

  /** Inserts rows, all or none; returns their keys. */
  insertMany(name: string, rows: Iterable<Row>): Key[] {
    this.collection(name)
    return this.savepoint(() => Array.from(rows, (row) => this.insert(name, row)))
  }

  /** Inserts or replaces a row; returns its key. */
  put(name: string, row: Row): Key {
    return this.#store(this.#writable(name), row, 'put')
  }

  /** Changes a row; returns the new one, or undefined if there is none of this key. */
  update(name: string, key: Key, change: Change): Row | undefined {
    const collection = this.#writable(name)
    const keys = this.#parts.keys.of(collection.definition)
    const bytes = keys.encode(key)
    if (!collection.lookUp(bytes, this.#ref)) return undefined
    const { definition } = collection
    const read = this.#parts.rows.readLast(definition.id, this.#ref, bytes)
    const old = finishRow(this.#parts.rules.of(definition), read)
    const given = typeof change === 'function' ? this.#changed(name, change, old) : applyPatch(old, change)
    return this.#replace(collection, bytes, given, typeof change === 'function')
  }

  /** Puts `given` in the place of a row; returns it as it was stored. `isShared`: others have it too. */
  #replace(collection: WorkingCollection, key: Uint8Array, given: Row, isShared: boolean): Row {
    const { definition } = collection
    const { keys: keysOf, writers, codecs, rows } = this.#parts
    const keys = keysOf.of(definition)
    // What was read of it once is what is stored and returned.
    const own = isShared ? { ...given } : given
    const writer = writers.of(definition)
    const flat = writer.write(own)
    this.#use()
    const parts = flat === undefined ? undefined : writer.keyParts()
    const row = parts === undefined ? this.#accepted(definition, given) : own
    if (compareKeys(keys.encodeParts(parts ?? keys.partsOf(row)), key) !== 0) {
      throw keyChanged(definition.name, keys.paths)
    }
    if (flat !== undefined && parts !== undefined && writer.holdsNoObject) {
      this.#putRecord(collection, key, flat, row)
      return row
    }
    const encoded = codecs.of(definition.id).encode(row)
    // The encoder's bytes are read back at once, before anything else is encoded.
    const result = rows.decode(definition.id, encoded)
    this.#putRecord(collection, key, encoded)
    return result
  }

  /** Deletes a row; whether there was one. */
  delete(name: string, key: Key): boolean {
    const collection = this.#writable(name)
    const bytes = this.#parts.keys.of(collection.definition).encode(key)
    if (!collection.lookUp(bytes, this.#ref)) return false
    this.#write(Operation.delete, collection.definition.id, bytes, EMPTY, this.#ref.position)
    return true
  }

  /** A function is caller's code: it may use this transaction, so nothing of ours is in flight around it. */
  #changed(name: string, change: (row: Row) => Row, old: Row): Row {
    const row: unknown = change(old)
    this.#use()
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row as Row
    throw noNewRow(name, row)
  }

  #store(collection: WorkingCollection, input: Row, how: 'insert' | 'put'): Key {
    const { definition } = collection
    const { keys: keysOf, writers, codecs, head } = this.#parts
    const keys = keysOf.of(definition)
    requireRow(input, definition.name)
    const given = keys.lacksGenerated(input) ? this.#withKey(collection, input) : input
    const writer = writers.of(definition)
    const flat = writer.write(given)
    const flatParts = flat === undefined ? undefined : writer.keyParts()
    this.#use()
    const row = flatParts === undefined ? this.#accepted(definition, given) : given
    const parts = flatParts ?? keys.partsOf(row)
    const key = keys.encodeParts(parts)
    if (how === 'insert' && head.seek(collection, key, this.#ref))
      throw duplicate(definition.name, keys.asKey(parts))
    const isFlat = flat !== undefined && flatParts !== undefined
    const value = isFlat ? flat : codecs.of(definition.id).encode(row)
    const counter = keys.generated === 'int' ? collection.counterPast(parts) : undefined
    const written = isFlat && collection.indexes.length > 0 ? writer.rowWritten() : undefined
    this.#putRecord(collection, key, value, written, counter)
    return keys.asKey(parts)
  }

  /** A collection to be written to. */
  #writable(name: string): WorkingCollection {
    const collection = this.collection(name)
    const { migrating } = collection.definition
    if (migrating !== undefined && migrating !== this.migrates) throw beingMigrated(name, migrating)
    return collection
  }

  /** The row to store for one that is given. Validators and defaults may be caller's code, as in `#changed`. */
  #accepted(definition: CollectionDefinition, row: Row): Row {
    const accepted = this.#parts.rules.of(definition).accept(row)
    this.#use()
    return accepted
  }

  /** A copy of the row with a generated key. */
  #withKey(collection: WorkingCollection, row: Row): Row {
    const [path] = collection.definition.primaryKey
    const generated = this.#parts.keys.of(collection.definition).generated
    const key: KeyPart = generated === 'uuid' ? this.#parts.uuids.next() : collection.counter
    return withValue(row, path ?? [], key)
  }

  /**
   * Writes a row's record, preceded by what the log must hold before it: record structures, and the counter. `row` is what
   * `value` is decoded to, where that is at hand.
   */
  #putRecord(
    collection: WorkingCollection,
    key: Uint8Array,
    value: Uint8Array,
    row?: Row,
    counter?: number,
  ): void {
    const { id } = collection.definition
    const complete = collection.structuresLogged === this.#parts.codecs.of(id).structureCount
    if (complete && counter === undefined) return this.#putRow(collection, key, value, row)
    // Logging a structure encodes catalog rows, which may reuse the encoder's buffer.
    const kept = value.slice()
    // All or nothing (I11): a structure that counts as logged while its record was given up would be missing after a reopen.
    this.savepoint(() => {
      this.#logStructures(collection)
      if (counter !== undefined) this.#putEntry({ kind: 'counter', collectionId: id, next: counter })
      this.#putRow(collection, key, kept, row)
    })
  }

  #putRow(collection: WorkingCollection, key: Uint8Array, value: Uint8Array, row: Row | undefined): void {
    const ref = this.#ref
    const previous = this.#parts.head.seek(collection, key, ref) ? ref.position : 0
    // With indexes a replay reads the version before anyway, for its entries.
    const replaced = previous > 0 && collection.indexes.length === 0 ? ref : undefined
    this.#write(Operation.put, collection.definition.id, key, value, previous, replaced, undefined, row)
  }

  #logStructures(collection: WorkingCollection): void {
    const { id } = collection.definition
    const codec = this.#parts.codecs.of(id)
    for (let structureId = collection.structuresLogged; structureId < codec.structureCount; structureId++) {
      const fields = codec.structure(structureId)
      this.#putEntry({ kind: 'structure', collectionId: id, structureId, fields })
    }
  }

  // Catalog

  /**
   * Registers a collection or applies a safe change of its definition. Idempotent. With `online`, new indexes of a collection that has
   * rows are yet to be built.
   */
  register(request: CollectionRequest, online = false): void {
    this.#use()
    const present = this.#parts.head.collectionNamed(request.name)?.definition
    const input = request.inputFor(present)
    // All or nothing: the counter that gives the id must not move without its collection.
    if (present === undefined) return this.savepoint(() => this.#create(input))
    if (present.migrating !== undefined) throw beingMigrated(input.name, present.migrating)
    const change = compareDefinitions(present, input)
    if (change.kind === 'breaking') throw breakingChange(input.name, change.reasons)
    if (change.kind === 'migration') throw migrationNeeded(input.name, change.reasons)
    if (change.kind === 'same') return
    const version = present.version + 1
    const indexes = resolveIndexes(present.indexes, input.indexes, version, online)
    // All or nothing: a new index may refuse a row that is there.
    this.savepoint(() => this.#define({ ...input, indexes, id: present.id, version }))
  }

  /**
   * Gives a collection another definition, whatever its rows say: the migration that asks for it brings them into shape. With
   * `migrating`, only transactions that carry that migration on write to it from now on.
   */
  redefine(input: CollectionInput, migrating?: number, online = false): void {
    const { definition: present } = this.collection(input.name)
    const version = present.version + 1
    const indexes = resolveIndexes(present.indexes, input.indexes, version, online)
    const next = { ...input, indexes, id: present.id, version }
    this.savepoint(() => this.#define(migrating === undefined ? next : { ...next, migrating }))
  }

  /**
   * Gives a row the form that a migration has for it; whether it changed. Throws `VARVE_VALIDATION` if the row does not fit the definition
   * in the end.
   */
  rewrite(name: string, key: Uint8Array, ref: RecordRef, formOf: (row: Row) => Row): boolean {
    const collection = this.#writable(name)
    const { definition } = collection
    const old = this.#parts.rows.read(definition.id, ref, key)
    const next = this.#changed(name, formOf, old)
    const row = this.#accepted(definition, next)
    if (next === old) return false
    const keys = this.#parts.keys.of(definition)
    if (compareKeys(keys.encodeParts(keys.partsOf(row)), key) !== 0) throw keyChanged(name, keys.paths)
    this.#putRecord(collection, key, this.#parts.codecs.of(definition.id).encode(row))
    return true
  }

  /** Notes how far a migration is; this transaction carries it on. */
  noteMigration(record: MigrationRecord): void {
    this.migrates = record.version
    this.#putEntry({ kind: 'migration', version: record.version, record })
  }

  #create(input: CollectionInput): void {
    const { head } = this.#parts
    const id = head.nextCollectionId
    if (head.names.size >= MAX_COLLECTIONS) {
      throw tooManyCollections()
    }
    // The counter first, so that no id is ever given twice.
    this.#putEntry({ kind: 'counter', collectionId: CATALOG_ID, next: id + 1 })
    const indexes = resolveIndexes([], input.indexes, 1, false)
    this.#define({ ...input, indexes, id, version: 1 })
  }

  #define(definition: CollectionDefinition): void {
    this.#putEntry({ kind: 'collection', id: definition.id, definition })
  }

  /** Drops a collection with its rows; whether there was one. */
  drop(name: string): boolean {
    this.#use()
    const collection = this.#parts.head.collectionNamed(name)
    if (collection === undefined) return false
    const { id } = collection.definition
    for (let structureId = 0; structureId < collection.structuresLogged; structureId++) {
      this.#deleteEntry({ kind: 'structure', collectionId: id, structureId, fields: undefined })
    }
    if (collection.counter > 1) this.#deleteEntry({ kind: 'counter', collectionId: id, next: undefined })
    this.#deleteEntry({ kind: 'collection', id, definition: undefined })
    return true
  }

  rename(from: string, to: string): void {
    const { definition } = this.collection(from)
    if (from === to) return
    if (this.#parts.head.names.has(to)) {
      throw nameTaken(from, to)
    }
    this.#parts.rules.rename(from, to)
    this.#define({ ...definition, name: to, version: definition.version + 1 })
  }

  #putEntry(entry: CatalogEntry): void {
    this.#applyEntry(entry, Operation.put, entryKey(entry), entryRow(entry))
  }

  #deleteEntry(entry: CatalogEntry): void {
    this.#applyEntry(entry, Operation.delete, entryKey(entry), EMPTY)
  }

  #applyEntry(entry: CatalogEntry, operation: Operation, key: Uint8Array, value: Uint8Array): void {
    this.#write(operation, CATALOG_ID, key, value, this.#entryPosition(key), undefined, entry)
  }

  #entryPosition(key: Uint8Array): number {
    const catalog = this.#parts.head.collection(CATALOG_ID)
    return catalog?.find(key, this.#ref) === true ? this.#ref.position : 0
  }

  // Savepoints

  /** Runs `fn`; if it throws, what it wrote is undone and the error passed on. */
  savepoint<T>(fn: () => T): T {
    this.#use()
    const { head, builder } = this.#parts
    const mark = this.#started ? builder.mark() : undefined
    head.openScope()
    try {
      const result = fn()
      this.#use()
      head.keepScope()
      return result
    } catch (error) {
      if (this.open) this.#rollbackTo(mark)
      throw error
    }
  }

  #rollbackTo(mark: BuilderMark | undefined): void {
    const { head, builder } = this.#parts
    head.undoScope()
    if (mark !== undefined) return builder.rollbackTo(mark)
    if (!this.#started) return
    builder.abandon()
    this.#started = false
  }

  /** Adds a record, and has the head follow it: if that needs a node that cannot be read, the record is taken out again. */
  #write(
    operation: Operation,
    collectionId: number,
    key: Uint8Array,
    value: Uint8Array,
    previous: number,
    replaced?: ReplacedRecord,
    entry?: CatalogEntry,
    row?: Row,
  ): void {
    const { head, builder } = this.#parts
    this.#makeRoom(key.length + value.length)
    builder.add(operation, collectionId, key, value, previous, replaced)
    try {
      // The builder says where the record is that was added last.
      if (entry !== undefined) head.applyEntry(entry, operation, key, builder)
      else if (operation === Operation.put)
        head.putRow(collectionId, key, builder, value, 0, value.length, row)
      else head.deleteRow(collectionId, key, builder)
    } catch (error) {
      this.#takeBack()
      throw error
    }
  }

  /** Starts the builder, unless what is to be added is too much. */
  #makeRoom(bytes: number): void {
    const { builder, startBuilder, maxBytes } = this.#parts
    if (builder.bytes + bytes > maxBytes) {
      throw tooLarge(maxBytes)
    }
    if (this.#started) return
    startBuilder()
    this.#started = true
  }

  /** What holds no record holds nothing at all, so that nothing is left in the buffer of a transaction that wrote nothing. */
  #takeBack(): void {
    const { builder } = this.#parts
    builder.takeBack()
    if (builder.records > 0) return
    builder.abandon()
    this.#started = false
  }

  #use(): void {
    if (this.#ended !== undefined) throw new TransactionError(this.#ended)
  }
}
