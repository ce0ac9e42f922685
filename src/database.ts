/**
 * The database, as users hold it.
 */
/// <reference lib="esnext.disposable" />
import { exportSnapshot, type ExportOptions, type ExportReport } from './backup/export.js'
import { restoreSnapshot, type RestoreOptions, type RestoreReport } from './backup/restore.js'
import { requestOf } from './catalog/collection-request.js'
import { collectionInput, type PrimaryKeyInput } from './catalog/definition.js'
import type { FieldDefinition } from './catalog/field.js'
import type { Migration, MigrationRecord } from './catalog/migration.js'
import { changeFeed, type ChangesOptions, type Commit } from './changes.js'
import type { CollectionOptions } from './collection-options.js'
import { Collection } from './collection.js'
import type { ReadView } from './collection-reader.js'
import {
  bringCollections,
  bringCollectionsSync,
  type CollectionsOptions,
  type DatabaseOptions,
  nameOf,
  splitOptions,
} from './defined-collections.js'
import type { CompactOptions, CompactReport } from './engine/compactor.js'
import type { Engine } from './engine/engine.js'
import type { TransactionOptions } from './engine/in-time.js'
import { positionText } from './engine/feed-position.js'
import { migrate, type MigrateOptions, type MigrationReport, migrationsOf } from './engine/migrate.js'
import { openEngine, openEngineSync, type OpenOptions } from './engine/open.js'
import { registerCollection } from './engine/register.js'
import { removeDatabase } from './engine/remove.js'
import { stateAt } from './engine/time-travel.js'
import type { Transaction } from './engine/transaction.js'
import { waitFor, type WaitOptions } from './engine/wait-for.js'
import { ArgumentError } from './errors.js'
import type { Key } from './format/key.js'
import type { Row } from './format/value.js'
import type { RangeBounds } from './key-bounds.js'
import type { RecoveryInfo } from './log/recovery-info.js'
import { pathOf } from './path-of.js'
import type { CollectionSchema } from './schema/define-collection.js'
import { liveView } from './live-view.js'
import { Snapshot, type SnapshotOptions } from './snapshot.js'
import { databaseStats, type DatabaseStats } from './stats.js'
import { MemoryStorage } from './storage/memory-storage.js'
import type { Platform } from './storage/platform.js'
import { TransactionHandle } from './transaction-handle.js'

/** Options of `Database.openInMemory`. */
export type MemoryOptions = Pick<OpenOptions, 'maxTransactionBytes' | 'cacheBytes'> & CollectionsOptions

const MEMORY_PATH = ':memory:'
/** The name of the one file in the storage of a database in memory. */
const MEMORY_FILE = 'memory.varve'

/**
 * An open database: typed collections of rows in one append-only file.
 *
 * Reads are synchronous and see the last commit; writes return promises that resolve when the commit is acknowledged,
 * and have blocking forms ending in `Sync`. Close it when done: `close` waits for pending commits.
 *
 * @example
 * ```ts
 * const db = await Database.open('library.varve')
 * await db.registerCollection('books', [{ path: ['title'], type: 'string' }], 'title')
 * await db.insert('books', { title: 'Dune', year: 1965 })
 * console.log(db.get('books', 'Dune'))
 * await db.close()
 * ```
 */
export class Database {
  readonly #engine: Engine
  readonly #path: string
  readonly #view: ReadView

  /** Use `Database.open`, `openSync` or `openInMemory`. */
  constructor(engine: Engine, path?: string) {
    this.#engine = engine
    this.#path = path ?? engine.parts.path
    this.#view = liveView(engine)
  }

  /** What this entry of the package runs on. @internal */
  static platform(): Platform {
    throw new ArgumentError(
      'This class is not an entry of Varve: import Database from varve or varve/native-free.',
    )
  }

  /**
   * Opens the database at a path or file URL, creating it if it is absent.
   *
   * Rejects with `VARVE_LOCKED` if another handle, thread or process holds it, `VARVE_RECOVERY_REQUIRED` or
   * `VARVE_CORRUPTION` if the recovery mode refuses the end of its log, `VARVE_FORMAT` if it is no database or a newer
   * one, `VARVE_NOT_FOUND` if it is absent and may not be created. A refused open leaves every byte as it was. Rejects with
   * `VARVE_SCHEMA` if one of `collections` cannot be applied; those before it have been.
   */
  static async open(path: string | URL, options: DatabaseOptions = {}): Promise<Database> {
    const platform = this.platform()
    const [collections, file] = splitOptions(options)
    const engine = await openEngine(pathOf(path, platform), file, platform)
    await bringCollections(engine, collections)
    return new this(engine)
  }

  /** As `open`, blocking. */
  static openSync(path: string | URL, options: DatabaseOptions = {}): Database {
    const platform = this.platform()
    const [collections, file] = splitOptions(options)
    const engine = openEngineSync(pathOf(path, platform), file, platform)
    bringCollectionsSync(engine, collections)
    return new this(engine)
  }

  /** A new, empty database in memory. Its `path` is `:memory:`; it is gone when it is closed. */
  static openInMemory(options: MemoryOptions = {}): Database {
    const platform = this.platform()
    const [collections, file] = splitOptions(options)
    const memory: OpenOptions = { ...file, storage: new MemoryStorage(), durability: 'os' }
    const engine = openEngineSync(MEMORY_FILE, memory, platform, { ephemeral: true })
    bringCollectionsSync(engine, collections)
    return new this(engine, MEMORY_PATH)
  }

  /**
   * Deletes a database with the files that Varve keeps beside it (quarantine files among them). Rejects with
   * `VARVE_LOCKED` if somebody holds it; resolves to whether there was one.
   */
  static async remove(
    path: string | URL,
    options: Pick<OpenOptions, 'storage' | 'lock'> = {},
  ): Promise<boolean> {
    const platform = this.platform()
    return await removeDatabase(pathOf(path, platform), options, platform)
  }

  /**
   * Restores a database file to a path: verifies the source as a whole, copies it, verifies the copy, and puts it in place
   * durably. With `force` it replaces a database, which is kept under a second name until the new one was opened; a crash at
   * any moment leaves the old file or the new one, whole. The source may be a snapshot, a closed database, or one that is being
   * written to; it is not changed.
   *
   * Rejects with `VARVE_EXISTS` if the target exists (unless `force`), `VARVE_LOCKED` if anybody has it open,
   * `VARVE_NOT_FOUND`, `VARVE_FORMAT` or `VARVE_CORRUPTION` if the source is absent, no database or damaged,
   * `VARVE_RECOVERY_REQUIRED` if its log does not end cleanly, `VARVE_HISTORY_GONE` if `at` is before its first commit,
   * `VARVE_NO_SPACE`, and with the reason of `signal`.
   *
   * @example
   * ```ts
   * await db.exportSnapshot('snapshot.varve', { force: true })
   * await Database.restoreSnapshot('snapshot.varve', 'restored.varve', { force: true })
   * ```
   */
  static async restoreSnapshot(
    source: string | URL,
    target: string | URL,
    options: RestoreOptions = {},
  ): Promise<RestoreReport> {
    const platform = this.platform()
    return await restoreSnapshot(pathOf(source, platform), pathOf(target, platform), options, platform)
  }

  /** The file's path with symbolic links resolved, or `:memory:`. */
  get path(): string {
    return this.#path
  }

  get mode(): 'readWrite' | 'readOnly' | 'follow' {
    if (this.#engine.follower !== undefined) return 'follow'
    return this.#engine.generation.writer === undefined ? 'readOnly' : 'readWrite'
  }

  /** What this open found and did. */
  get recoveryInfo(): RecoveryInfo {
    return this.#engine.parts.info
  }

  /** Sequence of the last commit that readers see. */
  get commitSequence(): number {
    return this.#engine.commitSequence
  }

  /** The last commit that readers see, as a position that `changes` takes. */
  get position(): string {
    return positionText(this.#engine.generation.visible.commit)
  }

  /** Sequence of the last commit known to survive a power cut. */
  get durableSequence(): number {
    return this.#engine.durableSequence
  }

  /** Figures about the database. */
  stats(): DatabaseStats {
    return databaseStats(this.#engine)
  }

  // Collections

  /** Names of the collections, sorted. */
  collectionNames(): string[] {
    return [...this.#engine.state.names.keys()].sort()
  }

  /**
   * Registers a collection, or applies a safe change of its definition (a new field that is optional or has a default, a
   * constraint that is loosened). Idempotent. Rows are checked by the declared fields on every write, and read with the
   * defaults of fields that they are older than.
   *
   * `primaryKey` names a field, a dotted path, or several of them for a composite key. Rejects with `VARVE_SCHEMA` if
   * the collection exists with a definition that old rows may not fit, naming every reason.
   *
   * `fields` are all that are declared: `[]` declares none. With `undefined`, the fields of a collection that exists stay as they are, and
   * what is done with others. Rules in code (a validator, defaults that are functions) always stay, but for those of fields that go: only
   * a definition in code changes them.
   *
   * A new index of a collection that has rows is built in slices, while reads and writes go on, and queries use it once it is
   * whole; this resolves then. Rejects with `VARVE_DUPLICATE_KEY` if two rows have the same values in a unique index, with `VARVE_LIMIT`
   * if a value is too long for an index; then no index was added.
   */
  async registerCollection(
    name: string,
    fields: readonly FieldDefinition[] | undefined,
    primaryKey: PrimaryKeyInput,
    options: CollectionOptions = {},
  ): Promise<Collection> {
    const { indexes, unknownFields } = options
    const request = requestOf({ name, fields, primaryKey, indexes, unknownFields })
    await registerCollection(this.#engine, request)
    return this.#writer(name)
  }

  /**
   * Runs the migrations of a list that have not run yet, in the order of their versions, each in one transaction or, with `batchRows`,
   * in batches that go on where they ended, also after a crash. A migration of a collection that does not exist is noted as done.
   *
   * Rejects with `VARVE_SCHEMA` if one fails, naming the commit before it, if the database is at a newer migration than the list, or if one
   * was inserted before others that ran.
   *
   * @example
   * ```ts
   * await db.migrate([
   *   { version: 1, name: 'pages', collection: 'books', steps: [{ addField: { path: ['pages'], type: 'int' }, value: 0 }] },
   * ])
   * ```
   */
  async migrate(migrations: readonly Migration[], options?: MigrateOptions): Promise<MigrationReport> {
    return await migrate(this.#engine, migrations, options)
  }

  /** The migrations that ran, or have begun, oldest first. */
  migrations(): readonly MigrationRecord[] {
    return migrationsOf(this.#engine)
  }

  /** Drops a collection with its rows; resolves to whether there was one. */
  async dropCollection(name: string): Promise<boolean> {
    return await this.#engine.transaction((transaction) => transaction.drop(name))
  }

  /** Renames a collection. Rejects with `VARVE_SCHEMA` if there is none, or the new name is taken. */
  async renameCollection(from: string, to: string): Promise<void> {
    collectionInput(to, [], 'id')
    await this.#engine.transaction((transaction) => transaction.rename(from, to))
  }

  /**
   * A collection by its definition, with its types, or by name. Throws `VARVE_SCHEMA` if there is none, or if the database
   * was opened without this definition.
   */
  collection<R extends Row = Row, I extends Row = R, K extends Key = Key>(
    collection: string | CollectionSchema<R, I, K>,
  ): Collection<R, I, K> {
    const name = nameOf(this.#engine.rules, collection)
    this.#view.collection(name)
    return new Collection<R, I, K>(this.#engine, this.#view, name)
  }

  // By name

  /** The row of a key, or undefined. */
  get(collection: string, key: Key): Row | undefined {
    return this.collection(collection).get(key)
  }

  /** Whether there is a row of a key. */
  has(collection: string, key: Key): boolean {
    return this.collection(collection).has(key)
  }

  /** How many rows a collection has, in all or within bounds. */
  count(collection: string, bounds?: RangeBounds): number {
    return this.collection(collection).count(bounds)
  }

  /** As `Collection.insert`. */
  async insert(collection: string, row: Row): Promise<Key> {
    return await this.#writer(collection).insert(row)
  }

  /** As `Collection.insertMany`. */
  async insertMany(collection: string, rows: Iterable<Row>): Promise<Key[]> {
    return await this.#writer(collection).insertMany(rows)
  }

  /** As `Collection.put`. */
  async put(collection: string, row: Row): Promise<Key> {
    return await this.#writer(collection).put(row)
  }

  /** As `Collection.update`. */
  async update(collection: string, key: Key, change: Row | ((row: Row) => Row)): Promise<Row | undefined> {
    return await this.#writer(collection).update(key, change)
  }

  /** As `Collection.delete`. */
  async delete(collection: string, key: Key): Promise<boolean> {
    return await this.#writer(collection).delete(key)
  }

  /** A collection for writes: whether it exists is asked when a write has its turn, behind those called before. */
  #writer(name: string): Collection {
    return new Collection(this.#engine, this.#view, name)
  }

  // Transactions and snapshots

  /**
   * Runs a callback as one transaction and resolves to what it returned, when the commit is acknowledged. Its reads see
   * its own writes; other readers see the last commit meanwhile and are not held up. If it throws or rejects, nothing
   * of it is kept. Transactions run one after the other, in order of arrival.
   *
   * Writing to the database itself inside the callback rejects with `VARVE_TRANSACTION`: it would wait for itself.
   */
  transaction<T>(
    fn: (tx: TransactionHandle) => T | Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    return this.#engine.transaction((transaction) => fn(this.#handle(transaction)), options)
  }

  /** As `transaction` with a synchronous callback, blocking until it is acknowledged. */
  transactionSync<T>(fn: (tx: TransactionHandle) => T): T {
    return this.#engine.writeSync((transaction) => fn(this.#handle(transaction)), true)
  }

  #handle(transaction: Transaction): TransactionHandle {
    const { rows, keys, rules, platform } = this.#view
    return new TransactionHandle(transaction, { rows, keys, rules, platform })
  }

  /**
   * Pins a commit: what it reads never changes. Close it when done. Without `at` it is the last commit, at no cost; with
   * it one of the past, rebuilt by replaying the log up to it.
   *
   * Throws `VARVE_ARGUMENT` for a sequence that no commit has reached yet, `VARVE_HISTORY_GONE` for a commit before the
   * file's first, `VARVE_CORRUPTION` if the log is damaged before the commit.
   */
  snapshot(options: SnapshotOptions = {}): Snapshot {
    const { at } = options
    return new Snapshot(this.#engine, at === undefined ? this.#engine.pin() : stateAt(this.#engine, at))
  }

  /**
   * Writes the last commit to a new file, a database by itself, while reads and writes go on: a copy of the file up to that
   * commit, with its history, or with `compact` its live rows alone. It is verified as a whole, made durable, and only then gets its name; if anything
   * fails, nothing is left of it. Opening it gives the state of `sequence` of the report.
   *
   * Rejects with `VARVE_EXISTS` if there is a file of that name (unless `force`) or it is the database itself by any name,
   * `VARVE_LOCKED` if the file to be replaced is open, `VARVE_NO_SPACE`, `VARVE_CORRUPTION` if the copy does not verify
   * because the database or the copy is damaged, and with the reason of `signal`.
   *
   * @example
   * ```ts
   * const { sequence, bytes } = await db.exportSnapshot('exported.varve', { force: true })
   * console.log(`commit ${sequence}, ${bytes} bytes`)
   * ```
   */
  exportSnapshot(path: string | URL, options: ExportOptions = {}): Promise<ExportReport> {
    const { platform } = this.#engine.parts
    return exportSnapshot(this.#engine, pathOf(path, platform), options)
  }

  /**
   * The commits of the database, oldest first, read from its log: what each changed in rows and schema. It ends at the last commit
   * at the call, or with `live` waits for more. Nothing is missed or given twice, whatever is written or compacted meanwhile,
   * and a feed that was ended goes on exactly behind the `position` it came to.
   *
   * Reading rejects with `VARVE_HISTORY_GONE` if the file was compacted and begins after `since`, `VARVE_DIVERGED` if its history does
   * not have that commit, and `VARVE_CORRUPTION` where the log is damaged, after all commits before it.
   *
   * @example
   * ```ts
   * let saved = db.position
   * await db.put('books', { title: 'Dune' })
   * for await (const commit of db.changes({ since: saved })) {
   *   for (const change of commit.changes) {
   *     if (change.operation === 'put') console.log(change.collection, change.key, change.row)
   *   }
   *   saved = commit.position
   * }
   * ```
   */
  changes(options: ChangesOptions = {}): AsyncGenerator<Commit, void, undefined> {
    return changeFeed(this.#engine, options)
  }

  /**
   * Resolves when the commit of this sequence, or a later one, is visible here: what a writer did and told of, read from a follower.
   *
   * Rejects with `VARVE_TIMEOUT` after `timeoutMs`, with the signal's reason, with `VARVE_CLOSED` when the database closes, and with
   * `VARVE_CORRUPTION` or `VARVE_FORMAT` if the log cannot be read on. The process stays alive meanwhile.
   */
  waitFor(sequence: number, options: WaitOptions = {}): Promise<void> {
    return waitFor(this.#engine, sequence, options)
  }

  /**
   * With mode `follow`: looks at the file now. Resolves when every commit is visible that was whole in it at the call; rejects if the
   * look fails. In other modes there is nothing to look at.
   */
  async refresh(): Promise<void> {
    this.#engine.checkOpen()
    await this.#engine.follower?.refresh()
  }

  // Durability and end

  /** Makes every commit so far durable. */
  sync(): Promise<void> {
    return this.#engine.sync()
  }

  /**
   * Takes a checkpoint of every commit so far: stores the changed nodes of the index in the log, so that the next open has
   * less to replay. Done by itself when it pays, and by `close`. Resolves when the checkpoint is durable.
   *
   * Rejects with `VARVE_NO_SPACE` or `VARVE_STORAGE` if it cannot be written (nothing is lost by that), `VARVE_READ_ONLY`,
   * or `VARVE_TRANSACTION` inside a transaction callback, for which it would have to wait.
   */
  checkpoint(): Promise<void> {
    return this.#engine.checkpoint()
  }

  /**
   * Compacts the file while reads and writes go on: its live rows are written as a new file beside it, which is checked, catches up with
   * the commits made meanwhile, and takes its place. Sequences go on. Snapshots, iterators and followers of the file before stay valid;
   * the commits before the one that the compaction begins with are gone from the database afterwards, unless `retain` keeps them.
   *
   * Whatever goes wrong, one of the two stands whole at the path. Rejects with `VARVE_NO_SPACE` if there is no room for both, `VARVE_STORAGE`,
   * `VARVE_CORRUPTION` if a live row is damaged, `VARVE_BUSY` if a compaction is under way, the reason of `signal`, `VARVE_CLOSED` if
   * the database is closed meanwhile, `VARVE_READ_ONLY`, or `VARVE_TRANSACTION` inside a transaction callback.
   *
   * @example
   * ```ts
   * const { bytesBefore, bytesAfter } = await db.compact()
   * ```
   */
  compact(options: CompactOptions = {}): Promise<CompactReport> {
    return this.#engine.compactor.compact(options)
  }

  /**
   * Writes what `compact` would to a new file elsewhere, and leaves the database as it is. It is `exportSnapshot` with `compact`, and
   * rejects as that does.
   */
  compactTo(path: string | URL, options: Omit<ExportOptions, 'compact'> = {}): Promise<ExportReport> {
    return this.exportSnapshot(path, { ...options, compact: true })
  }

  /** As `sync`, blocking. */
  syncSync(): void {
    this.#engine.syncSync()
  }

  /**
   * Waits for pending commits, makes them durable, and releases file and lock. Idempotent. Rejects if they could not be
   * made durable (`VARVE_POISONED` after a failed sync); file and lock are released all the same.
   */
  close(): Promise<void> {
    return this.#engine.close()
  }

  /** As `close`, blocking. Throws `VARVE_TRANSACTION` while an asynchronous transaction is open. */
  closeSync(): void {
    this.#engine.closeSync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
