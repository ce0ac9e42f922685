/**
 * Keeps a database that somebody else writes up to date, without a lock: looks at its file again and again, often while commits
 * come and seldom while none do.
 *
 * A file that took the name goes on where the one before it ended, if it holds the commit that was seen last: so after a
 * compaction. Else, and when commits that were seen were cut off, the state is read anew and says so. A failed look leaves
 * the state as it is, and is tried again.
 */
import { DivergedError, ErrorCode, HistoryGoneError, StateError, VarveError } from '../errors.js'
import type { Platform, Timer } from '../storage/platform.js'
import type { StorageFile } from '../storage/storage.js'
import { runAsync, type Task } from '../storage/task.js'
import type { Engine } from './engine.js'
import { findPlace } from './feed-begin.js'
import { FeedFilter } from './feed-filter.js'
import { positionText } from './feed-position.js'
import type { FollowReload, PollBounds } from './follow-options.js'
import { FollowedFile } from './followed-file.js'
import { type Generation, newGeneration } from './generation.js'
import { openToRead } from './open-file.js'
import { RowCodecs } from './row-codecs.js'

/** How fast the pause between two looks grows while nothing comes. */
const SLACKENING = 1.5
/** After a failed look, so many times the longest pause. */
const FAILED_PAUSES = 10

/** Figures of a follower. */
export interface FollowStats {
  /** Bytes of the file behind the last commit seen: at rest, index nodes on their way and zeros that the writer laid ahead. */
  readonly bytesBehind: number
  /** Milliseconds since a commit came, or since the open. */
  readonly sinceAdvanceMs: number
  /** Looks at the file. */
  readonly polls: number
  /** How often the state went over to another file, and how often to another line of history. */
  readonly generations: number
  readonly reloads: number
  /** Why the last look failed; undefined while all is well. */
  readonly problem: VarveError | undefined
}

export class Follower {
  readonly #engine: Engine
  readonly #bounds: PollBounds
  readonly #platform: Platform
  #file: FollowedFile
  #fileId: string
  #pauseMs: number
  #timer: Timer | undefined
  /** The look that is under way, and the one that begins when it ends. */
  #looking: Promise<void> | undefined
  #nextLook: Promise<void> | undefined
  #stopped = false
  #polls = 0
  #generations = 0
  #reloads = 0
  #advancedAt: number
  #problem: { readonly error: unknown } | undefined

  constructor(engine: Engine, bounds: PollBounds) {
    this.#engine = engine
    this.#bounds = bounds
    this.#platform = engine.parts.platform
    this.#pauseMs = bounds.minPollMs
    this.#advancedAt = this.#platform.monotonicMs()
    this.#file = this.#followed(engine.generation)
    this.#fileId = engine.generation.file.identity().id
    engine.watchers.add((change) => {
      if (change === 'closed') this.#stop()
    })
    this.#schedule()
  }

  get durableSequence(): number {
    return this.#file.durableSequence
  }

  /** Offset of the checkpoint that the state was read from; 0 for none. */
  get newestCheckpoint(): number {
    return this.#file.checkpoint?.offset ?? 0
  }

  /** Throws if the log cannot be read on, until somebody does something about it. Storage that fails for a while does not count. */
  checkNotStuck(): void {
    const error = this.#problem?.error
    if (VarveError.is(error, ErrorCode.corruption) || VarveError.is(error, ErrorCode.format)) throw error
  }

  get stats(): FollowStats {
    const error = this.#problem?.error
    return {
      bytesBehind: this.#file.bytesBehind,
      sinceAdvanceMs: Math.round(this.#platform.monotonicMs() - this.#advancedAt),
      polls: this.#polls,
      generations: this.#generations,
      reloads: this.#reloads,
      problem: VarveError.is(error) ? error : undefined,
    }
  }

  /** Looks now; resolves when everything is visible that was whole in the file at the call. Rejects if the look fails. */
  async refresh(): Promise<void> {
    // A look that is under way may have passed by what is there now.
    const waiting = this.#looking ?? Promise.resolve()
    this.#nextLook ??= waiting.then(() => {
      this.#nextLook = undefined
      this.#file.hurry()
      return this.#look()
    })
    await this.#nextLook
    this.#engine.checkOpen()
    if (this.#problem !== undefined) throw this.#problem.error
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = this.#platform.setTimer(() => {
      this.#timer = undefined
      void this.#look().then(() => this.#schedule())
    }, this.#pauseMs)
  }

  #stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Never rejects. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookOnce(): Promise<void> {
    if (this.#stopped) return
    const { minPollMs, maxPollMs } = this.#bounds
    this.#polls += 1
    try {
      const came = await runAsync(this.#poll(), this.#platform)
      this.#problem = undefined
      if (came) this.#advancedAt = this.#platform.monotonicMs()
      this.#pauseMs = came ? minPollMs : Math.min(maxPollMs, this.#pauseMs * SLACKENING)
    } catch (error) {
      if (this.#stopped) return
      this.#problem = { error }
      this.#pauseMs = maxPollMs * FAILED_PAUSES
      this.#engine.watchers.tell('commit')
    }
  }

  /** Whether anything came. */
  *#poll(): Task<boolean> {
    const outcome = yield* this.#pollFile()
    if (this.#stopped) return false
    if (outcome === 'lost') {
      yield* this.#goOver()
      return true
    }
    const { path, storage } = this.#engine.parts
    const id = storage.stat(path)?.id
    if (id === undefined || id === this.#fileId) return outcome === 'advanced'
    // Whoever replaced the file wrote nothing more into the old one: all that it will ever hold is in it now.
    yield* this.#file.poll()
    yield* this.#goOver()
    return true
  }

  /** A log that contradicts what was read of it is taken for another one, once. */
  *#pollFile(): Task<'same' | 'advanced' | 'lost'> {
    try {
      return yield* this.#file.poll()
    } catch (error) {
      if (!VarveError.is(error, ErrorCode.format)) throw error
      return 'lost'
    }
  }

  /** Reads what stands under the name now. */
  *#goOver(): Task<void> {
    const { storage, path } = this.#engine.parts
    const before = this.#engine.generation
    const file = storage.open(path, 'read')
    let generation: Generation
    let goesOn: boolean
    try {
      generation = yield* this.#open(file)
      goesOn = yield* this.#goesOn(generation, before)
      if (this.#stopped) throw new StateError(ErrorCode.closed, `The database ${path} is closed.`, { path })
    } catch (error) {
      file.close()
      throw error
    }
    const isSameFile = generation.header.generationId === before.header.generationId
    this.#file = this.#followed(generation)
    this.#fileId = file.identity().id
    this.#generations += isSameFile ? 0 : 1
    this.#engine.replaceGeneration(generation)
    if (!goesOn) this.#tellReload(before, generation, isSameFile ? 'cut' : 'replaced')
  }

  *#open(file: StorageFile): Task<Generation> {
    // What was learned of record structures may have been cut off with the commits that stated them.
    const { parts: own } = this.#engine
    const parts = { ...own, codecs: new RowCodecs(own.platform.rowTools) }
    return newGeneration(parts, yield* openToRead(parts, file, 'tornTail'))
  }

  /** Whether a file holds the commit that was seen last. */
  *#goesOn(generation: Generation, before: Generation): Task<boolean> {
    const { path } = this.#engine.parts
    const newestCheckpoint = generation.log.checkpoint?.offset ?? 0
    const filter = new FeedFilter([], new Map())
    try {
      yield* findPlace({ generation, newestCheckpoint, path }, before.visible.commit, filter)
      return true
    } catch (error) {
      if (error instanceof DivergedError || error instanceof HistoryGoneError) return false
      throw error
    }
  }

  #followed(generation: Generation): FollowedFile {
    return new FollowedFile(generation, this.#platform, () => this.#engine.watchers.tell('commit'))
  }

  #tellReload(before: Generation, after: Generation, reason: FollowReload['reason']): void {
    this.#reloads += 1
    const { onReload } = this.#bounds
    if (onReload === undefined) return
    const from = positionText(before.visible.commit)
    const to = positionText(after.visible.commit)
    void Promise.resolve().then(() => onReload({ reason, from, to }))
  }
}
