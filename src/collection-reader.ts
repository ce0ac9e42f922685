/**
 * Reading a collection: the part of the surface that the database, snapshots and transactions share.
 */
import type { CollectionDefinition } from './catalog/definition.js'
import type { KeysOf } from './engine/keys-of.js'
import type { RowCache } from './engine/row-cache.js'
import type { RowReader } from './engine/row-reader.js'
import { finishRow, type RulesOf } from './engine/row-rules.js'
import type { IndexState } from './engine/state.js'
import { TransactionError } from './errors.js'
import type { Key } from './format/key.js'
import type { Row } from './format/value.js'
import { checkLimit, keyBounds, prefixBounds, type RangeBounds, type RangeOptions } from './key-bounds.js'
import type { CommittedLog } from './log/frame-reader.js'
import type { CommitPosition } from './log/commit-position.js'
import { type HistoryOptions, RowHistory } from './row-history.js'
import { aggregate } from './query/aggregate.js'
import type { AggregateOptions, AggregateResult } from './query/aggregate-types.js'
import type { Filter } from './query/filter-types.js'
import type { FindOptions, Lookups } from './query/options.js'
import { Query } from './query/query.js'
import type { Found } from './query/result-types.js'
import type { QuerySource } from './query/source.js'
import type { RowPath } from './row-paths.js'
import { RowRange } from './row-range.js'
import type { Platform } from './storage/platform.js'
import { runAsync, runSync } from './storage/task.js'
import { type KeyBounds, RecordRef, type Tree } from './tree/index.js'
import { ViewRows } from './view-rows.js'

/** A collection at one commit, or in one transaction. */
export interface CollectionView {
  readonly definition: CollectionDefinition
  readonly tree: Tree
  /** Its secondary indexes, without those that are being built. */
  readonly indexes: readonly IndexState[]
}

/** The log up to the commit that is read. */
export interface ViewLog extends CommittedLog {
  readonly commit: CommitPosition
}

/** Where collections are read: the visible commit, a pinned one, or a transaction. */
export interface ReadView {
  readonly rows: RowReader
  readonly keys: KeysOf
  readonly rules: RulesOf
  readonly platform: Platform
  /** The collection now. Throws if there is none, or if the view was closed. */
  collection(name: string): CollectionView
  /** Where the past of the commit is found. Undefined in a transaction, which reads no commit. */
  readonly log?: (() => ViewLog) | undefined
  check(): void
  /** Rows of the visible commit by their keys; undefined where another commit is read, or none can be told to be the newest. */
  readonly newest?: RowCache | undefined
}

/** A collection for reading. All reads are synchronous and give rows of the caller's own. */
export class CollectionReader<R extends Row = Row, K extends Key = Key> {
  /** The collection's name. */
  readonly name: string
  readonly #view: ReadView
  readonly #ref = new RecordRef()
  /** Made by `collection` of a database, snapshot or transaction. */
  constructor(view: ReadView, name: string) {
    this.#view = view
    this.name = name
  }

  /** The definition, as the catalog holds it at the commit that is read. Throws `VARVE_SCHEMA` once it is dropped. */
  get definition(): CollectionDefinition {
    return this.#view.collection(this.name).definition
  }

  /**
   * The row of this key, or undefined.
   *
   * Throws `VARVE_CORRUPTION` if the row's bytes are damaged, `VARVE_VALIDATION` for a value that can be no key.
   */
  get(key: K): R | undefined {
    const { newest } = this.#view
    if (newest !== undefined && (typeof key === 'string' || typeof key === 'number'))
      return this.#getNewest(newest, key)
    const bytes = this.#encoded(key)
    const { definition, tree } = this.#view.collection(this.name)
    return this.#read(definition, tree, bytes)
  }

  #getNewest(newest: RowCache, key: string | number): R | undefined {
    const { definition, tree } = this.#view.collection(this.name)
    const { rows, rules, keys } = this.#view
    let row = newest.ofKey(definition.id, key)
    if (row === undefined) {
      const bytes = keys.of(definition).encode(key)
      if (!tree.find(bytes, this.#ref)) return undefined
      row = rows.read(definition.id, this.#ref, bytes)
      // Before a default that is code reads or writes other rows.
      newest.note(this.#ref.position, key)
    }
    return finishRow(rules.of(definition), row) as R // The type of stored rows is the caller's claim.
  }

  /** The rows of these keys, in their order; undefined where there is none. All from one commit. */
  getMany(keys: Iterable<K>): (R | undefined)[] {
    const { definition, tree } = this.#captured()
    const encoder = this.#view.keys.of(definition)
    return Array.from(keys, (key) => this.#read(definition, tree, encoder.encode(key)))
  }

  /** Whether there is a row of this key. No row is read. */
  has(key: K): boolean {
    const bytes = this.#encoded(key)
    return this.#view.collection(this.name).tree.find(bytes, this.#ref)
  }

  /** How many rows there are, in all or within bounds, from the index's counts: no row is read. */
  count(bounds?: RangeBounds): number {
    if (bounds === undefined) return this.#view.collection(this.name).tree.count
    const within = keyBounds(bounds, this.#view.keys.of(this.definition))
    return this.#view.collection(this.name).tree.countRange(within)
  }

  /** Rows in the order of their keys, within bounds. */
  range(options: RangeOptions = {}): RowRange<R> {
    const view = this.#captured()
    return this.#range(view, keyBounds(options, this.#view.keys.of(view.definition)), options)
  }

  /** Rows whose key begins with a string, or, for a composite key, with these parts. */
  prefix(prefix: Key, options: Pick<RangeOptions, 'reverse' | 'limit'> = {}): RowRange<R> {
    const view = this.#captured()
    return this.#range(view, prefixBounds(prefix, this.#view.keys.of(view.definition)), options)
  }

  /**
   * Rows by a filter, in any order, by pages, with some of their fields: see {@link Query}. Nothing is read before rows are asked for,
   * and then all from the commit that is seen now. The primary key and the indexes are used where they serve.
   *
   * Throws `VARVE_QUERY` for a filter or options that are not understood, naming path and operator.
   */
  find<const P extends RowPath<R> = never, const L extends Lookups | undefined = undefined>(
    filter: Filter<R> = {},
    options: FindOptions<R, P, L> = {},
  ): Query<Found<R, P, L>> {
    return new Query(sourceOf(this.#view, this.name), filter, options)
  }

  /**
   * Counts, sums, averages and extremes of the rows of a filter, in all or by groups; see {@link AggregateOptions}. Holds the event
   * loop for as long as it takes: where that may be long, use `aggregateAsync`. A count is read from a tree where the filter is a range of it, an extreme from an index in order.
   *
   * Throws `VARVE_QUERY` for options that are not understood, `VARVE_LIMIT` beyond 100,000 groups.
   *
   * @example
   * ```ts
   * const byYear = books.aggregate({ where: { year: { $gte: 1990 } }, groupBy: 'year', count: true, avg: ['pages'] })
   * for (const { group, count, avg } of byYear) console.log(group.year, count, avg.pages)
   * ```
   */
  aggregate<const O extends AggregateOptions<R>>(options: O): AggregateResult<R, O> {
    return runSync(aggregate(sourceOf(this.#view, this.name), options)) as AggregateResult<R, O> // Its form follows the options.
  }

  /** As `aggregate`, over the commit that is seen now, giving the event loop a turn every few milliseconds. */
  async aggregateAsync<const O extends AggregateOptions<R>>(options: O): Promise<AggregateResult<R, O>> {
    const task = aggregate(sourceOf(this.#view, this.name), options)
    return (await runAsync(task, this.#view.platform)) as AggregateResult<R, O> // As above.
  }

  /**
   * The versions of this row's present life, since it was last inserted, up to the commit that is read; newest first,
   * found as they are asked for. With `scan`, earlier lives and deletes too. Of what one transaction wrote over itself
   * only the last counts. A collection that was dropped and registered again is another one, one that was renamed is not.
   *
   * Reading throws `VARVE_CORRUPTION` where the log is damaged, after all newer versions. A transaction reads no commit,
   * so there it throws `VARVE_TRANSACTION`: ask the database or a snapshot.
   */
  history(key: K, options: HistoryOptions = {}): RowHistory<R> {
    const { definition, tree } = this.#captured()
    const { log, rows, platform, keys, rules } = this.#view
    if (log === undefined) {
      throw new TransactionError(
        'A transaction has no history: it reads no commit. Ask the collection of the database, or of a snapshot.',
      )
    }
    const { commit, ...file } = log()
    return new RowHistory<R>({
      log: file,
      commit,
      collectionId: definition.id,
      key: keys.of(definition).encode(key),
      tree,
      scan: options.scan ?? false,
      rows,
      rules: rules.of(definition),
      platform,
      check: () => this.#view.check(),
    })
  }

  #range(view: CollectionView, bounds: KeyBounds, options: RangeOptions): RowRange<R> {
    return new RowRange<R>({
      tree: view.tree,
      collectionId: view.definition.id,
      bounds,
      reverse: options.reverse ?? false,
      limit: checkLimit(options.limit),
      rows: this.#view.rows,
      rules: this.#view.rules.of(view.definition),
      platform: this.#view.platform,
      check: () => this.#view.check(),
    })
  }

  /** A key's bytes. Encoding may run the caller's code (a getter), so no tree is held during it. */
  #encoded(key: Key): Uint8Array {
    return this.#view.keys.of(this.definition).encode(key)
  }

  /** The collection, to be read beyond this call. */
  #captured(): CollectionView {
    const view = this.#view.collection(this.name)
    view.tree.capture()
    return view
  }

  #read(definition: CollectionDefinition, tree: Tree, bytes: Uint8Array): R | undefined {
    if (!tree.find(bytes, this.#ref)) return undefined
    const { rows, rules } = this.#view
    return finishRow(rules.of(definition), rows.read(definition.id, this.#ref, bytes)) as R // The type of stored rows is the caller's claim.
  }
}

/** A collection of a view for a query, kept beyond this call. */
export function sourceOf(view: ReadView, name: string): QuerySource {
  const { definition, tree, indexes } = view.collection(name)
  tree.capture()
  for (const index of indexes) index.tree.capture()
  const rules = view.rules.of(definition)
  let others: Map<string, QuerySource> | undefined
  // Of the commit, whatever file the database goes over to.
  const { rows } = view
  return {
    collection: { definition: rules.definition, keys: view.keys.of(definition), tree, indexes },
    rows: new ViewRows(rows, rules, view.newest === undefined ? undefined : rows.replacedRecords),
    platform: view.platform,
    check: () => view.check(),
    other: (from) => {
      const other = others?.get(from) ?? sourceOf(view, from)
      others ??= new Map()
      others.set(from, other)
      return other
    },
  }
}
