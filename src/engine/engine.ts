/**
 * The engine of one open database: its state, its one writer at a time, and its end.
 *
 * Reads are synchronous and see the last commit that was written. A write is a transaction: run when its turn comes,
 * built in memory, and handed to the committer, which acknowledges it. What the bytes mean is below (`log/`); what users
 * hold is above (`database.ts`).
 */
import { ErrorCode, StateError } from '../errors.js'
import { TransactionBuilder } from '../log/transaction-builder.js'
import type { StorageFile } from '../storage/storage.js'
import { acknowledgement, type Settle } from './acknowledgement.js'
import type { Checkpointer } from './checkpointer.js'
import { Committer } from './committer.js'
import { Compactor } from './compactor.js'
import { endSession, endSessionSync } from './ending.js'
import type { EngineParts } from './engine-parts.js'
import type { Follower } from './follower.js'
import { DEFAULT_TIMEOUT_MS, inTime, type TransactionOptions } from './in-time.js'
import { type Generation, letGo, newGeneration, type OpenedFile } from './generation.js'
import { KeysOf } from './keys-of.js'
import { PinnedStates } from './pinned-states.js'
import { isClosed, neverGetsItsTurn, waitsForItself } from './refusals.js'
import { refusePromise, RunningCode } from './running-code.js'
import { RulesOf } from './row-rules.js'
import { RowWriters } from './row-writer.js'
import type { DatabaseState } from './state.js'
import { Transaction } from './transaction.js'
import type { TransactionParts } from './transaction-parts.js'
import { UuidGenerator } from './uuid.js'
import { Watchers } from './watchers.js'
import { WriterTurns } from './writer-turns.js'

/** A transaction that stays open across turns of the event loop. */
interface OpenTransaction {
  readonly transaction: Transaction
  /** Set when commits that it was built on have failed. */
  doomed?: { readonly error: unknown } | undefined
}

interface Performed<T> {
  readonly result: T
  readonly wrote: boolean
}

export class Engine {
  readonly keys: KeysOf = new KeysOf()
  readonly rules: RulesOf = new RulesOf()
  readonly pins: PinnedStates
  readonly watchers: Watchers = new Watchers()
  /** Brings what others write; absent but with mode `follow`. */
  follower: Follower | undefined
  /** While rows are deferred: resolves when their trees are made, step by step, or cannot be. Whoever needs all of them waits for it. */
  upToDate: Promise<void> | undefined
  readonly parts: EngineParts
  readonly compactor: Compactor = new Compactor(this)
  #generation: Generation
  /** Files that were replaced, as long as somebody reads them. */
  readonly #older: WeakRef<StorageFile>[] = []
  #committer: Committer | undefined
  readonly #turns = new WriterTurns()
  readonly #builder: TransactionBuilder
  readonly #uuids: UuidGenerator
  #transactionParts: TransactionParts
  #sequence: number
  #openTransaction: OpenTransaction | undefined
  readonly #code: RunningCode
  #closing: Promise<void> | undefined
  #closed = false

  constructor(parts: EngineParts, opened: OpenedFile) {
    this.parts = parts
    const { platform } = parts
    this.pins = new PinnedStates(platform)
    this.#sequence = parts.highestSequence
    this.#code = new RunningCode(platform.asyncContext)
    this.#builder = new TransactionBuilder(platform.checksum)
    this.#uuids = new UuidGenerator(platform)
    this.#generation = newGeneration(parts, opened)
    this.#transactionParts = this.#newTransactionParts()
    this.#committer = this.committerOf(this.#generation)
  }

  #newTransactionParts(): TransactionParts {
    const { codecs, maxTransactionBytes } = this.parts
    const { head, rows } = this.#generation
    return {
      head,
      builder: this.#builder,
      startBuilder: () => this.#startBuilder(this.#builder),
      rows,
      codecs,
      keys: this.keys,
      rules: this.rules,
      writers: new RowWriters({ codecs, keys: this.keys, rules: this.rules }),
      uuids: this.#uuids,
      maxBytes: maxTransactionBytes,
    }
  }

  /** The file that is read and written now. */
  get generation(): Generation {
    return this.#generation
  }

  /** What carries the commits of a generation into its file. Undefined for one that is only read. */
  committerOf(generation: Generation): Committer | undefined {
    const { writer, head, visible, file, source, nodes, log, codecs } = generation
    if (writer === undefined) return undefined
    const { platform, durability, syncIntervalMs, cacheBytes, ephemeral } = this.parts
    const isOurs = (): boolean => this.#generation === generation
    return new Committer({
      writer,
      head,
      visible,
      source,
      file,
      platform,
      checksum: platform.checksum,
      durability,
      syncIntervalMs,
      onReset: (error) => (isOurs() ? this.#doom(error) : undefined),
      onVisible: () => (isOurs() ? this.#visible() : undefined),
      checkpoints: { codecs, nodes, log, cacheBytes, automatic: !ephemeral },
    })
  }

  #visible(): void {
    this.#settleRows()
    this.watchers.tell('commit')
  }

  #settleRows(): void {
    if (this.#openTransaction === undefined && this.#committer?.busy !== true) this.#generation.rows.settle()
  }

  /** Goes over to another file of the same history, at rest. The one before stays open for what was made from it. */
  replaceGeneration(
    generation: Generation,
    committer: Committer | undefined = this.committerOf(generation),
  ): void {
    this.#older.push(new WeakRef(this.#generation.file))
    this.#generation.successor = generation
    letGo(this.#generation)
    this.#committer?.stop()
    this.#generation = generation
    this.#transactionParts = this.#newTransactionParts()
    this.#committer = committer
    this.watchers.tell('generation')
  }

  /**
   * Runs `work` with the writer's turn. Blocking writes need no turn and go on meanwhile, but not while the function runs that
   * `work` gives to `atRest`: nothing is on its way into the file then.
   */
  async withTurn<T>(work: (atRest: (change: () => void) => Promise<void>) => Promise<T>): Promise<T> {
    this.requireWritable()
    await this.#turns.take({ shared: true })
    try {
      return await work(async (change) => {
        for (let committer = this.#committerNow(); !committer.atRest;) {
          await committer.settled()
          await committer.quiet()
        }
        this.#committerNow()
        change()
      })
    } finally {
      this.#turns.give()
    }
  }

  /** Throws where a write would be refused at once. */
  requireWritable(): void {
    this.#refuseOwnWait()
    this.#writable()
  }

  /** What readers see. Throws once the database is closed. */
  get state(): DatabaseState {
    this.checkOpen()
    return this.#generation.visible
  }

  get commitSequence(): number {
    return this.#generation.visible.commit.sequence
  }

  get durableSequence(): number {
    return this.#committer?.durableSequence ?? this.follower?.durableSequence ?? this.commitSequence
  }

  /** No sequence up to this one is given again. */
  get highestSequence(): number {
    return this.#sequence
  }

  get closed(): boolean {
    return this.#closed
  }

  checkOpen(): void {
    if (this.#closed) throw isClosed(this.parts.path)
  }

  /** Pins the visible commit. */
  pin(): DatabaseState {
    this.checkOpen()
    const { nodes, visible } = this.#generation
    nodes.pool.captures++
    return visible.pin()
  }

  // Writing

  /**
   * Runs one operation as a transaction of its own, at once if the writer is free. Otherwise it waits for its turn, with
   * a copy of what it was given: `later` makes the operation again from it. An operation that throws has undone what it did: one of
   * several steps is a savepoint.
   */
  write<T>(run: (transaction: Transaction) => T, later: () => (transaction: Transaction) => T): Promise<T> {
    try {
      this.#writable()
      this.#refuseOwnWait()
      if (!this.#turns.taken) return this.#commitLater(run)
      const operation = later()
      return this.#turns.perform(() => this.#commitLater(operation))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Performs now, and resolves when the commit is acknowledged. */
  #commitLater<T>(run: (transaction: Transaction) => T): Promise<T> {
    // One promise a commit: that of an asynchronous function would be a second one, and wait for the first.
    return new Promise((resolve, reject) => {
      const committer = this.#committerNow()
      const settle: Settle = (error) => (error === undefined ? resolve(performed.result) : reject(error))
      const performed = this.#perform(committer, run, false, settle)
      if (performed.wrote || committer.follow(settle)) committer.schedule()
      else resolve(performed.result)
    })
  }

  /** Runs an operation or a synchronous callback as a transaction, blocking until it is acknowledged. */
  writeSync<T>(run: (transaction: Transaction) => T, scoped: boolean): T {
    const committer = this.#writable()
    this.#refuseSync()
    let settled: { readonly error: unknown } | undefined
    const settle: Settle = (error) => void (settled = { error })
    const { result, wrote } = this.#perform(committer, run, scoped, settle)
    if (!wrote && !committer.follow(settle)) return result
    committer.drainSync()
    // What it was read from may be waiting for an asynchronous sync, which nothing can wait for here.
    if (settled === undefined) committer.syncSync()
    else if (settled.error !== undefined) throw settled.error
    return result
  }

  #perform<T>(
    committer: Committer,
    run: (transaction: Transaction) => T,
    scoped: boolean,
    settle: Settle,
  ): Performed<T> {
    const { head, builder } = this.#transactionParts
    const transaction = new Transaction(this.#transactionParts)
    if (scoped) head.openScope()
    try {
      const result = this.#code.runNow(transaction, run)
      if (scoped) refusePromise(result)
      transaction.end('The transaction has ended: its object cannot be used after its callback returned.')
      if (scoped) head.keepScope()
      if (transaction.wrote) this.#complete(committer, settle)
      return { result, wrote: transaction.wrote }
    } catch (error) {
      transaction.end('The transaction was rolled back.')
      if (transaction.started) builder.abandon()
      if (scoped) head.undoScope()
      this.#settleRows()
      throw error
    }
  }

  /** Completes the frames in the buffer as the next commit. */
  #complete(committer: Committer, settle: Settle): void {
    const previous = committer.lastAdded
    const time = Math.max(previous.time, Math.floor(this.parts.platform.now()))
    const position = this.#transactionParts.builder.finish(time, previous, committer.stateWatermark())
    committer.add(position, settle)
  }

  #startBuilder(builder: TransactionBuilder): void {
    const { writer } = this.#generation
    const committer = this.#committer
    if (writer === undefined || committer === undefined)
      throw new TypeError('A write on a database without a writer.')
    // Never taken back, so that no sequence is used twice (I12), whatever becomes of the commit.
    this.#sequence += 1
    builder.start(committer.buffer(), {
      sequence: this.#sequence,
      epoch: writer.epoch,
      generation: writer.generation,
    })
  }

  // Transactions

  /** Runs a callback, synchronous or asynchronous, as one transaction. */
  async transaction<T>(
    fn: (transaction: Transaction) => T | Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.#writable()
    this.#refuseOwnWait()
    await this.#turns.take()
    let acknowledged: Promise<void> | undefined
    let result: T
    try {
      const committer = this.#committerNow()
      await committer.caughtUp()
      const open = this.#beginOpen(committer)
      try {
        result = await this.#runOpen(open, fn, options)
        acknowledged = this.#commitOpen(committer, open)
      } catch (error) {
        this.#rollbackOpen(committer, open)
        throw open.doomed === undefined ? error : open.doomed.error
      }
    } finally {
      this.#openTransaction = undefined
      this.#settleRows()
      this.#turns.give()
    }
    await acknowledged
    return result
  }

  #beginOpen(committer: Committer): OpenTransaction {
    committer.hold()
    this.#transactionParts.head.openScope()
    const open: OpenTransaction = { transaction: new Transaction(this.#transactionParts) }
    this.#openTransaction = open
    return open
  }

  async #runOpen<T>(
    open: OpenTransaction,
    fn: (transaction: Transaction) => T | Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    const { transaction } = open
    const result = this.#code.run(transaction, () => fn(transaction))
    const timeoutMs = options.timeoutMs ?? (this.#code.spansTurns ? undefined : DEFAULT_TIMEOUT_MS)
    if (timeoutMs === undefined) return await result
    return await inTime(Promise.resolve(result), timeoutMs, this.parts.platform)
  }

  /** Completes an open transaction; the promise resolves when it is acknowledged. */
  #commitOpen(committer: Committer, open: OpenTransaction): Promise<void> {
    const { transaction, doomed } = open
    if (doomed !== undefined) throw doomed.error
    transaction.end('The transaction has ended: its object cannot be used after its callback returned.')
    this.#transactionParts.head.keepScope()
    committer.release()
    committer.schedule()
    const { acknowledged, settle } = acknowledgement()
    if (transaction.wrote) this.#complete(committer, settle)
    else if (!committer.follow(settle)) settle()
    return acknowledged
  }

  #rollbackOpen(committer: Committer, open: OpenTransaction): void {
    open.transaction.end('The transaction was rolled back.')
    if (open.doomed !== undefined) return
    if (open.transaction.started) this.#transactionParts.builder.abandon()
    this.#transactionParts.head.undoScope()
    committer.release()
    committer.schedule()
  }

  /** Commits failed on which an open transaction was built: it can only fail too. */
  #doom(error: unknown): void {
    const open = this.#openTransaction
    if (open === undefined) return
    open.doomed = { error }
    open.transaction.end('A commit before this transaction failed, so it was rolled back.')
  }

  /** A write from within a transaction's own callback would wait for itself for ever. */
  #refuseOwnWait(): void {
    if (this.#code.inTransaction()) throw waitsForItself()
  }

  #refuseSync(): void {
    this.#refuseOwnWait()
    if (!this.#turns.makeWay()) throw neverGetsItsTurn()
  }

  /** For a write that arrives. */
  #writable(): Committer {
    const { path } = this.parts
    this.checkOpen()
    if (this.#closing !== undefined)
      throw new StateError(ErrorCode.closed, `The database ${path} is being closed.`, { path })
    return this.#committerNow()
  }

  /** For a write whose turn has come: it arrived before a `close` that waits for it. */
  #committerNow(): Committer {
    const { path } = this.parts
    this.checkOpen()
    const committer = this.#committer
    if (committer === undefined) {
      throw new StateError(
        ErrorCode.readOnly,
        `${path} is open for reading only. Open it with mode 'readWrite' to write.`,
        { path },
      )
    }
    if (committer.poison !== undefined) throw committer.poison
    return committer
  }

  // Durability and end

  async sync(): Promise<void> {
    await this.#writable().sync()
  }

  syncSync(): void {
    const committer = this.#writable()
    this.#refuseSync()
    committer.syncSync()
  }

  /** Takes a checkpoint of everything acknowledged; resolves when it counts. */
  async checkpoint(): Promise<void> {
    const committer = this.#writable()
    this.#refuseOwnWait()
    if (this.upToDate !== undefined) await this.upToDate
    await committer.checkpoint()
  }

  /** Offset of the newest checkpoint; 0 for none. */
  get newestCheckpoint(): number {
    const { checkpointer, follower } = this
    return checkpointer?.offset ?? follower?.newestCheckpoint ?? this.#generation.log.checkpoint?.offset ?? 0
  }

  get checkpointer(): Checkpointer | undefined {
    return this.#committer?.checkpointer
  }

  /** Waits for what is under way, ends the session, releases file and lock. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#refuseOwnWait()
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.compactor.stop()
      await this.#turns.take()
      if (this.#committer !== undefined) await endSession(this.#committer, this.parts.platform)
    } finally {
      this.#release()
    }
  }

  closeSync(): void {
    if (this.#closed) return
    this.#refuseSync()
    void this.compactor.stop()
    this.#closing ??= Promise.resolve()
    try {
      if (this.#committer !== undefined) endSessionSync(this.#committer)
    } finally {
      this.#release()
    }
  }

  #release(): void {
    if (this.#closed) return
    this.#closed = true
    this.#committer?.stop()
    this.pins.closeAll()
    this.watchers.tell('closed')
    try {
      this.#generation.file.close()
      for (const file of this.#older) file.deref()?.close()
    } finally {
      this.parts.lock?.release()
    }
  }
}
