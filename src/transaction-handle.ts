/**
 * What a transaction callback is given: collections whose operations are synchronous and whose reads see its writes.
 */
import { requestOf } from './catalog/collection-request.js'
import type { PrimaryKeyInput } from './catalog/definition.js'
import type { FieldDefinition } from './catalog/field.js'
import type { CollectionOptions } from './collection-options.js'
import { CollectionReader, type ReadView } from './collection-reader.js'
import { nameOf } from './defined-collections.js'
import type { Change, Transaction } from './engine/transaction.js'
import type { Key } from './format/key.js'
import type { Row } from './format/value.js'
import type { CollectionSchema } from './schema/define-collection.js'
import { parseFilter } from './query/filter.js'
import type { Filter } from './query/filter-types.js'
import type { Patch } from './schema/types.js'
import { deleteWhere, updateWhere } from './where-writes.js'

/** A collection within a transaction. Its object refuses use after the transaction's end. */
export class TransactionCollection<
  R extends Row = Row,
  I extends Row = R,
  K extends Key = Key,
> extends CollectionReader<R, K> {
  readonly #transaction: Transaction
  readonly #view: ReadView

  /** Made by `TransactionHandle.collection`. */
  constructor(transaction: Transaction, view: ReadView, name: string) {
    super(view, name)
    this.#transaction = transaction
    this.#view = view
  }

  override get(key: K): R | undefined {
    return this.#transaction.get(this.name, key) as R | undefined // The type of stored rows is the caller's claim.
  }

  override getMany(keys: Iterable<K>): (R | undefined)[] {
    return Array.from(keys, (key) => this.get(key))
  }

  override has(key: K): boolean {
    return this.#transaction.has(this.name, key)
  }

  /** Inserts a row and returns its key; throws `VARVE_DUPLICATE_KEY` if it is taken. */
  insert(row: I): K {
    return this.#transaction.insert(this.name, row) as K // As above.
  }

  /** Inserts a row or replaces the one of its key; returns the key. */
  put(row: I): K {
    return this.#transaction.put(this.name, row) as K // As above.
  }

  /** Inserts rows, all or none; returns their keys. */
  insertMany(rows: Iterable<I>): K[] {
    return this.#transaction.insertMany(this.name, rows) as K[] // As above.
  }

  /** Changes a row by a patch or a function; returns the new one, or undefined if there is none of this key. */
  update(key: K, change: Patch<I> | ((row: R) => I)): R | undefined {
    return this.#transaction.update(this.name, key, change as Change) as R | undefined // As above.
  }

  /** Deletes a row; whether there was one. */
  delete(key: K): boolean {
    return this.#transaction.delete(this.name, key)
  }

  /** Changes every row that a filter matches, as `update` does, all or none; how many rows matched. */
  updateWhere(filter: Filter<R>, change: Patch<I> | ((row: R) => I)): number {
    return updateWhere(this.#transaction, this.#view, this.name, parseFilter(filter), change as Change) // As above.
  }

  /** Deletes every row that a filter matches; how many there were. */
  deleteWhere(filter: Filter<R>): number {
    return deleteWhere(this.#transaction, this.#view, this.name, parseFilter(filter))
  }
}

/** A transaction, as its callback sees it. */
export class TransactionHandle {
  readonly #transaction: Transaction
  readonly #view: ReadView

  /** Made by `Database.transaction` and `Database.transactionSync`. */
  constructor(transaction: Transaction, view: Omit<ReadView, 'collection' | 'check'>) {
    this.#transaction = transaction
    this.#view = { ...view, collection: (name) => transaction.view(name), check: () => transaction.check() }
  }

  /** A collection by definition or name. Throws `VARVE_SCHEMA` if there is none. */
  collection<R extends Row = Row, I extends Row = R, K extends Key = Key>(
    collection: string | CollectionSchema<R, I, K>,
  ): TransactionCollection<R, I, K> {
    const name = nameOf(this.#view.rules, collection)
    this.#transaction.collection(name)
    return new TransactionCollection<R, I, K>(this.#transaction, this.#view, name)
  }

  /** Runs `fn`; if it throws, what it wrote is undone, and the error is passed on: catch it to go on. */
  savepoint<T>(fn: () => T): T {
    return this.#transaction.savepoint(fn)
  }

  /** As `Database.registerCollection`, as part of this transaction. */
  registerCollection(
    name: string,
    fields: readonly FieldDefinition[] | undefined,
    primaryKey: PrimaryKeyInput,
    options: CollectionOptions = {},
  ): void {
    const { indexes, unknownFields } = options
    this.#transaction.register(requestOf({ name, fields, primaryKey, indexes, unknownFields }))
  }

  /** As `Database.dropCollection`, as part of this transaction. */
  dropCollection(name: string): boolean {
    return this.#transaction.drop(name)
  }

  /** As `Database.renameCollection`, as part of this transaction. */
  renameCollection(from: string, to: string): void {
    this.#transaction.rename(from, to)
  }
}
