/**
 * A collection of an open database: reads, and writes that are transactions of one operation each.
 */
import { CollectionReader, type ReadView } from './collection-reader.js'
import type { Engine } from './engine/engine.js'
import { keep } from './engine/keep.js'
import { insertMany } from './engine/insert-many.js'
import type { Change, Transaction } from './engine/transaction.js'
import type { Key } from './format/key.js'
import type { Row } from './format/value.js'
import { parseFilter } from './query/filter.js'
import type { Filter } from './query/filter-types.js'
import type { Patch } from './schema/types.js'
import { deleteWhere, deleteWhereApart, updateWhere, updateWhereApart, viewIn } from './where-writes.js'

/** A collection. Writes return promises and never throw synchronously; each has a blocking form ending in `Sync`. */
export class Collection<R extends Row = Row, I extends Row = R, K extends Key = Key> extends CollectionReader<
  R,
  K
> {
  readonly #engine: Engine
  readonly #view: ReadView

  /** Made by `Database.collection`. */
  constructor(engine: Engine, view: ReadView, name: string) {
    super(view, name)
    this.#engine = engine
    this.#view = view
  }

  /**
   * Inserts a row and resolves to its key when the commit is acknowledged. The row is encoded before this returns.
   *
   * Rejects with `VARVE_DUPLICATE_KEY` if the key is taken, `VARVE_VALIDATION` if the row may not be stored,
   * `VARVE_LIMIT` if it is too large, `VARVE_NO_SPACE` or `VARVE_STORAGE` if the storage fails.
   */
  insert(row: I): Promise<K> {
    return this.#write((name, input: Row) => (transaction) => transaction.insert(name, input) as K, row)
  }

  /** Inserts a row or replaces the one of its key; resolves to the key. Rejects as `insert`, but for a taken key. */
  put(row: I): Promise<K> {
    return this.#write((name, input: Row) => (transaction) => transaction.put(name, input) as K, row)
  }

  /**
   * Changes a row: a patch is merged into it (plain objects deeply, everything else replaced, `undefined` removes a
   * field), a function gives the new row. Resolves to the new row, or undefined if there is none of this key. The key
   * cannot change.
   */
  update(key: K, change: Patch<I> | ((row: R) => I)): Promise<R | undefined> {
    const { name } = this
    const run = (what: Change) => (transaction: Transaction) => transaction.update(name, key, what)
    if (typeof change === 'function') {
      const fn = run(change as Change) // Rows are what was stored: their type is the caller's claim.
      return this.#engine.write(fn, () => fn) as Promise<R | undefined>
    }
    return this.#engine.write(run(change), () => run(keep(change))) as Promise<R | undefined>
  }

  /** Deletes a row; resolves to whether there was one. */
  delete(key: K): Promise<boolean> {
    const { name } = this
    const run = (transaction: Transaction): boolean => transaction.delete(name, key)
    return this.#engine.write(run, () => run)
  }

  /**
   * Changes every row that a filter matches, as `update` does, in one transaction, all or none; resolves to how many rows
   * matched. They are found first and changed then. The event loop has turns meanwhile, other writes wait, and readers see nothing of
   * it before it is whole. A function is called when a row's turn comes, a patch is copied at once.
   *
   * Rejects with `VARVE_QUERY` for a filter that is not understood, and as `update`.
   */
  async updateWhere(filter: Filter<R>, change: Patch<I> | ((row: R) => I)): Promise<number> {
    // Rows are what was stored: their type is the caller's claim.
    const kept = typeof change === 'function' ? (change as Change) : keep(change)
    return await updateWhereApart(this.#engine, this.#view, this.name, parseFilter(filter), kept)
  }

  /**
   * Deletes every row that a filter matches, in one transaction, as `updateWhere` changes them; resolves to how many there were. Rejects
   * with `VARVE_QUERY` for a filter that is not understood.
   */
  async deleteWhere(filter: Filter<R>): Promise<number> {
    return await deleteWhereApart(this.#engine, this.#view, this.name, parseFilter(filter))
  }

  /**
   * Inserts rows in one transaction, all or none; resolves to their keys. Large inputs are encoded in slices, between
   * which the event loop has turns: do not change the rows until it has resolved.
   */
  insertMany(rows: Iterable<I>): Promise<K[]> {
    return insertMany(this.#engine, this.name, rows) as Promise<K[]> // Keys are of the type of the rows' own.
  }

  /** As `insert`, blocking until it is acknowledged. */
  insertSync(row: I): K {
    return this.#engine.writeSync((transaction) => transaction.insert(this.name, row), false) as K // As above.
  }

  /** As `put`, blocking until it is acknowledged. */
  putSync(row: I): K {
    return this.#engine.writeSync((transaction) => transaction.put(this.name, row), false) as K // As above.
  }

  /** As `update`, blocking until it is acknowledged. */
  updateSync(key: K, change: Patch<I> | ((row: R) => I)): R | undefined {
    const result = this.#engine.writeSync(
      (transaction) => transaction.update(this.name, key, change as Change),
      false,
    )
    return result as R | undefined // Rows are what was stored: their type is the caller's claim.
  }

  /** As `delete`, blocking until it is acknowledged. */
  deleteSync(key: K): boolean {
    return this.#engine.writeSync((transaction) => transaction.delete(this.name, key), false)
  }

  /** As `insertMany`, blocking until it is acknowledged. */
  insertManySync(rows: Iterable<I>): K[] {
    return this.#engine.writeSync((transaction) => transaction.insertMany(this.name, rows), true) as K[] // As above.
  }

  /** As `updateWhere`, blocking until it is acknowledged. */
  updateWhereSync(filter: Filter<R>, change: Patch<I> | ((row: R) => I)): number {
    const node = parseFilter(filter)
    const run = (transaction: Transaction): number =>
      updateWhere(transaction, viewIn(transaction, this.#view), this.name, node, change as Change) // As above.
    return this.#engine.writeSync(run, false)
  }

  /** As `deleteWhere`, blocking until it is acknowledged. */
  deleteWhereSync(filter: Filter<R>): number {
    const node = parseFilter(filter)
    const run = (transaction: Transaction): number =>
      deleteWhere(transaction, viewIn(transaction, this.#view), this.name, node)
    return this.#engine.writeSync(run, false)
  }

  #write<T>(operation: (name: string, row: Row) => (transaction: Transaction) => T, row: Row): Promise<T> {
    return this.#engine.write(operation(this.name, row), () => operation(this.name, keep(row)))
  }
}
