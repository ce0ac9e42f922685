/**
 * Compacts an open database: writes its live rows as a new generation beside the file, and puts that in its place.
 *
 *   1. the state of one commit is written as an image, read back and checked, while writes go on
 *   2. commits made meanwhile are copied behind it, until few are left
 *   3. with the writer's turn, the last commits are copied and synced; none but a blocking write can add to them
 *   4. in one turn of the event loop: what such writes added is copied and synced, the new file is renamed over the path, the directory
 *      is synced, and the engine goes over to it
 *
 * No commit is acknowledged on the new file before the directory was synced (I23). Until the rename a failure leaves the database
 * as it was, and the file aside is removed; a crash leaves it for the next open to remove. After the rename the old file has no
 * name: if the directory cannot be synced, nobody knows which of the two a power cut would leave, so the writer stops.
 */
import { ErrorCode, StateError, VarveError } from '../errors.js'
import { compactionName } from '../log/compaction-files.js'
import { requireRoom } from '../storage/room.js'
import type { StorageFile } from '../storage/storage.js'
import { runAsync, runSync, type Task } from '../storage/task.js'
import { CatchUp } from './catch-up.js'
import { NODE_SHARE } from './checkpoint-policy.js'
import type { Committer } from './committer.js'
import type { Engine } from './engine.js'
import { newGeneration, type Generation } from './generation.js'
import { generationAfter, writeImage } from './image.js'
import { checkImage } from './image-check.js'
import { openToWrite } from './open-file.js'
import { logEndOf, reclaimOf } from './reclaim.js'
import { type RetainOptions, stateToRetain } from './retain.js'
import type { DatabaseState } from './state.js'

/** With so few bytes of commits left to copy, writers are made to wait for the rest. */
const PAUSE_BYTES: number = 64 * 1024
/** After so many rounds writers wait while a portion is copied: they may be faster than the copying. */
const FREE_ROUNDS = 64
/** How long it may hold the event loop at a time, in milliseconds: reads and writes that waited meanwhile hold it in the same turn. */
const SLICE_MS = 3
/** Of the memory for nodes, what the new file may take before it is put in place. */
const GROWING_SHARE = 0.25

/** How a compaction goes about it. */
export interface CompactOptions {
  /** History to keep: by default none before the commit that the compaction begins with. */
  readonly retain?: RetainOptions | undefined
  /** Ends the compaction. The database stays as it was. */
  readonly signal?: AbortSignal | undefined
  /** Told now and then how many bytes of live records were copied, and of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** What a compaction did. */
export interface CompactReport {
  /** Size of the file before, and of the new one, in bytes. */
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** The commit that the new file begins with: no earlier one can be read from it. */
  readonly oldestSequence: number
  /** Commits that were copied behind it. */
  readonly commitsCopied: number
  /** How long it took, and for how long writers had to wait at the end, in milliseconds. */
  readonly durationMs: number
  readonly pauseMs: number
}

/** A generation on its way. */
interface Growing {
  readonly file: StorageFile
  readonly aside: string
  readonly generation: Generation
  readonly committer: Committer
  readonly catchUp: CatchUp
}

export class Compactor {
  readonly #engine: Engine
  #running: Promise<CompactReport> | undefined
  #abort: AbortController | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  get running(): boolean {
    return this.#running !== undefined
  }

  /** Ends a compaction that is under way, and waits for it. */
  async stop(): Promise<void> {
    this.#abort?.abort(closing(this.#engine.parts.path))
    await this.#running?.catch(() => undefined)
  }

  async compact(options: CompactOptions): Promise<CompactReport> {
    const engine = this.#engine
    engine.requireWritable()
    if (this.#running !== undefined) throw alreadyRunning(engine.parts.path)
    options.signal?.throwIfAborted()
    const abort = new AbortController()
    const forward = (): void => abort.abort(options.signal?.reason)
    options.signal?.addEventListener('abort', forward, { once: true })
    this.#abort = abort
    this.#running = this.#compact(options, abort.signal)
    try {
      return await this.#running
    } finally {
      this.#running = undefined
      this.#abort = undefined
      options.signal?.removeEventListener('abort', forward)
    }
  }

  async #compact(options: CompactOptions, signal: AbortSignal): Promise<CompactReport> {
    const engine = this.#engine
    const { platform, path, storage } = engine.parts
    const started = platform.monotonicMs()
    const old = engine.generation
    const bytesBefore = logEndOf(old)
    requireRoom(storage, path, reclaimOf(engine).compactedBytes, `the compacted form of ${path}`)
    const state = await this.#stateToBeginWith(options, signal)
    const aside = compactionName(path, platform)
    const file = storage.open(aside, 'create', { like: path })
    let growing: Growing | undefined
    let done = false
    try {
      growing = await this.#grow(state, file, options, signal)
      const { catchUp } = growing
      await this.#copyWhileOthersWrite(catchUp, growing.committer, signal)
      const pauseMs = await this.#changeOver(growing, signal)
      done = true
      return {
        bytesBefore,
        bytesAfter: logEndOf(growing.generation),
        oldestSequence: state.commit.sequence,
        commitsCopied: catchUp.commits,
        durationMs: platform.monotonicMs() - started,
        pauseMs,
      }
    } catch (error) {
      throw this.#ofThisDatabase(error)
    } finally {
      engine.generation.nodes.limitTo(nodeLimitBytes(engine))
      if (!done && engine.generation.file !== file) {
        growing?.committer.stop()
        discard(engine, file, aside)
      }
    }
  }

  /** That the file aside can be written no more is nothing that the database suffers from: what made it so is told instead. */
  #ofThisDatabase(error: unknown): unknown {
    const isPoison =
      VarveError.is(error, ErrorCode.poisoned) && error !== this.#engine.generation.writer?.poison
    return isPoison && VarveError.is(error.cause) ? error.cause : error
  }

  async #stateToBeginWith({ retain }: CompactOptions, signal: AbortSignal): Promise<DatabaseState> {
    const engine = this.#engine
    if (engine.upToDate !== undefined) await engine.upToDate
    if (retain === undefined) return engine.pin()
    return await this.#run(stateToRetain(engine, retain), signal)
  }

  async #run<T>(task: Task<T>, signal: AbortSignal): Promise<T> {
    return await runAsync(task, this.#engine.parts.platform, signal, SLICE_MS)
  }

  /** Writes the image, checks it, and opens it. */
  async #grow(
    state: DatabaseState,
    file: StorageFile,
    { onProgress }: CompactOptions,
    signal: AbortSignal,
  ): Promise<Growing> {
    const engine = this.#engine
    const { platform } = engine.parts
    const { checksum } = platform
    const from = engine.generation
    const header = generationAfter(from.header, state.commit, platform)
    const source = { state, file: from.file, codecs: from.codecs }
    const { highestSequence } = engine
    await this.#run(writeImage(file, source, header, checksum, { onProgress, highestSequence }), signal)
    await this.#syncAndCheck(file, state, signal)
    const parts = { ...engine.parts, codecs: from.codecs }
    const opened = await this.#run(openToWrite(parts, file, 'strict'), signal)
    const generation = newGeneration(parts, opened)
    // Both files share the memory for nodes until one of them goes.
    from.nodes.limitTo(nodeLimitBytes(engine) * (1 - GROWING_SHARE))
    generation.nodes.limitTo(nodeLimitBytes(engine) * GROWING_SHARE)
    const committer = engine.committerOf(generation)
    if (committer === undefined) throw new TypeError('A generation that cannot be written.')
    const catchUp = new CatchUp({ from, to: generation, committer, start: state.commit })
    return { file, aside: file.path, generation, committer, catchUp }
  }

  /** What is read back comes from the memory of the system in either order, so the file is on its way to the disk meanwhile. */
  async #syncAndCheck(file: StorageFile, state: DatabaseState, signal: AbortSignal): Promise<void> {
    const { checksum } = this.#engine.parts.platform
    const check = this.#run(checkImage(file, state, checksum), signal)
    // A sync that failed may have lost what was read back: then its error is the one that tells why.
    for (const outcome of await Promise.allSettled([file.syncAsync(), check]))
      if (outcome.status === 'rejected') throw outcome.reason
  }

  async #copyWhileOthersWrite(catchUp: CatchUp, committer: Committer, signal: AbortSignal): Promise<void> {
    const { platform } = this.#engine.parts
    for (let round = 0; catchUp.bytesBehind > PAUSE_BYTES; round++) {
      signal.throwIfAborted()
      if (round < FREE_ROUNDS) await this.#copyPortion(catchUp, committer, signal)
      else await this.#engine.withTurn(() => this.#copyPortion(catchUp, committer, signal))
      await platform.yield()
    }
  }

  async #copyPortion(catchUp: CatchUp, committer: Committer, signal: AbortSignal): Promise<void> {
    await this.#run(catchUp.copySome(), signal)
    committer.schedule()
    await committer.settled()
    catchUp.requireWritten()
  }

  /** Puts the new file in place; returns for how long nobody could write. */
  async #changeOver(growing: Growing, signal: AbortSignal): Promise<number> {
    const engine = this.#engine
    const { platform } = engine.parts
    // A checkpoint of the old file would only make writers wait.
    const { checkpointer } = engine
    checkpointer?.suspend()
    try {
      // Most of it is made durable before anybody has to wait.
      await growing.committer.sync()
      return await engine.withTurn(async (atRest) => {
        const begun = platform.monotonicMs()
        // What is under way becomes visible, and is copied.
        await atRest(() => signal.throwIfAborted())
        await this.#copyRest(growing, signal)
        await atRest(() => {
          signal.throwIfAborted()
          this.#putInPlace(growing)
        })
        return platform.monotonicMs() - begun
      })
    } finally {
      if (engine.checkpointer === checkpointer) checkpointer?.resume()
    }
  }

  /** Copies every commit that is visible, and makes it durable, so that next to nothing is left for the last step. */
  async #copyRest({ committer, catchUp }: Growing, signal: AbortSignal): Promise<void> {
    // Blocking writes may come in between again and again: what is left after two rounds is copied without them.
    for (let round = 0; round < 2 && catchUp.bytesBehind > 0; round++)
      await this.#copyPortion(catchUp, committer, signal)
    await committer.sync()
  }

  /** The last step, in one turn of the event loop: a blocking write comes either before it or after it. */
  #putInPlace({ file, aside, generation, committer, catchUp }: Growing): void {
    const engine = this.#engine
    const { path, storage } = engine.parts
    const { checkpointer } = engine
    while (catchUp.bytesBehind > 0) {
      runSync(catchUp.copySome())
      committer.drainSync()
    }
    committer.syncSync()
    catchUp.requireWritten()
    const { writer, visible } = engine.generation
    writer?.requireOwnership()
    storage.rename(aside, path)
    file.path = path
    try {
      storage.syncDirectory(path)
    } catch (error) {
      // Which of the two files the name leads to after a power cut is not known; both hold all that was acknowledged.
      throw (
        writer?.abandon('the directory could not be synced after a compaction', error, visible.commit) ??
        error
      )
    }
    const waiting = checkpointer?.handOver() ?? []
    // Nothing is on its way into it.
    generation.rows.settle()
    engine.replaceGeneration(generation, committer)
    for (const settle of waiting) committer.checkpointer.request(settle)
    committer.schedule()
  }
}

/** Most memory that nodes may take. */
function nodeLimitBytes(engine: Engine): number {
  return Math.floor(engine.parts.cacheBytes * NODE_SHARE)
}

/** Gives up a file that was not put in place. What stands under its name by then may be another one. */
function discard(engine: Engine, file: StorageFile, aside: string): void {
  const { storage } = engine.parts
  const { id } = file.identity()
  try {
    if (storage.stat(aside)?.id === id) storage.remove(aside)
  } finally {
    file.close()
  }
}

function alreadyRunning(path: string): StateError {
  return new StateError(ErrorCode.busy, `A compaction of ${path} is under way. Wait for it.`, { path })
}

function closing(path: string): StateError {
  return new StateError(ErrorCode.closed, `The database ${path} was closed before its compaction ended.`, {
    path,
  })
}
