/**
 * What a transaction callback is given: collections whose operations are synchronous and whose reads see its writes.
 */
import { collectionInput, type PrimaryKeyInput } from './catalog/definition.js'
import type { FieldDefinition } from './catalog/field.js'
import type { CollectionOptions } from './collection-options.js'
import { CollectionReader, type ReadView } from './collection-reader.js'
import type { Change, Transaction } from './engine/transaction.js'
import type { Key } from './format/key.js'
import type { Row } from './format/value.js'

/** A collection within a transaction. Its object refuses use after the transaction's end. */
export class TransactionCollection<R extends Row = Row> extends CollectionReader<R> {
  readonly #transaction: Transaction

  /** Made by `TransactionHandle.collection`. */
  constructor(transaction: Transaction, view: ReadView, name: string) {
    super(view, name)
    this.#transaction = transaction
  }

  override get(key: Key): R | undefined {
    return this.#transaction.get(this.name, key) as R | undefined // The type of stored rows is the caller's claim.
  }

  override getMany(keys: Iterable<Key>): (R | undefined)[] {
    return Array.from(keys, (key) => this.get(key))
  }

  override has(key: Key): boolean {
    return this.#transaction.has(this.name, key)
  }

  /** Inserts a row and returns its key; throws `VARVE_DUPLICATE_KEY` if it is taken. */
  insert(row: R): Key {
    return this.#transaction.insert(this.name, row)
  }

  /** Inserts a row or replaces the one of its key; returns the key. */
  put(row: R): Key {
    return this.#transaction.put(this.name, row)
  }

  /** Inserts rows, all or none; returns their keys. */
  insertMany(rows: Iterable<R>): Key[] {
    return this.#transaction.insertMany(this.name, rows)
  }

  /** Changes a row by a patch or a function; returns the new one, or undefined if there is none of this key. */
  update(key: Key, change: Partial<R> | ((row: R) => R)): R | undefined {
    return this.#transaction.update(this.name, key, change as Change) as R | undefined // As above.
  }

  /** Deletes a row; whether there was one. */
  delete(key: Key): boolean {
    return this.#transaction.delete(this.name, key)
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

  /** A collection by name. Throws `VARVE_SCHEMA` if there is none. */
  collection<R extends Row = Row>(name: string): TransactionCollection<R> {
    this.#transaction.collection(name)
    return new TransactionCollection<R>(this.#transaction, this.#view, name)
  }

  /** Runs `fn`; if it throws, what it wrote is undone, and the error is passed on: catch it to go on. */
  savepoint<T>(fn: () => T): T {
    return this.#transaction.savepoint(fn)
  }

  /** As `Database.registerCollection`, as part of this transaction. */
  registerCollection(
    name: string,
    fields: readonly FieldDefinition[],
    primaryKey: PrimaryKeyInput,
    options: CollectionOptions = {},
  ): void {
    this.#transaction.register(collectionInput(name, fields, primaryKey, options.indexes))
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
