/**
 * The commits of a database as a stream, read from its log: what is there, and with `live` what comes.
 *
 * Each commit behind the one that the feed began at is given exactly once, in order, whatever happens meanwhile (I25): a file that
 * is replaced is read as far as the new one does not reach back, and then the new one from the same position. The reading goes
 * only a few commits ahead of the consumer, and never holds the event loop for longer than a task's slice.
 */
import { isCompacted } from '../format/header.js'
import type { CommitPosition } from '../log/commit-position.js'
import { walkCommits } from '../log/commit-walk.js'
import { runAsync, SLICE_MS, type Task } from '../storage/task.js'
import type { Engine } from './engine.js'
import { type FeedPlace, findPlace } from './feed-begin.js'
import type { FeedFilter } from './feed-filter.js'
import type { FeedPosition } from './feed-position.js'
import { type FoundCommit, FeedTarget } from './feed-target.js'
import type { Generation } from './generation.js'
import { Wake } from './wake.js'

export interface FeedRequest {
  /** The commit to go on behind; undefined for the file's begin. */
  readonly since: FeedPosition | undefined
  /** The file at the call, until it was looked at: a feed that has gone on keeps no old file open. */
  generation: Generation | undefined
  readonly filter: FeedFilter
  readonly live: boolean
  /** The last commit to give, unless `live`. */
  readonly until: Pick<CommitPosition, 'sequence'>
  readonly signal: AbortSignal | undefined
}

/** The commits that a request asks for, each as `show` makes it of what was found in a file. */
export async function* feedOf<T>(
  engine: Engine,
  request: FeedRequest,
  show: (found: FoundCommit, generation: Generation) => T,
): AsyncGenerator<T, void, undefined> {
  const { platform } = engine.parts
  const feed = new Feed(engine, request)
  const wake = new Wake(engine, request.signal)
  let sliceEnd = platform.monotonicMs() + SLICE_MS
  try {
    while (feed.goesOn()) {
      const last = feed.position
      for await (const { found, generation } of feed.read()) {
        for (const commit of found) {
          yield show(commit, generation)
          if (!feed.goesOn()) return
          if (platform.monotonicMs() < sliceEnd) continue
          await platform.yield()
          sliceEnd = platform.monotonicMs() + SLICE_MS
        }
      }
      if (feed.position !== last || feed.isBehind || !feed.goesOn()) continue
      engine.follower?.checkNotStuck()
      await wake.next()
    }
  } catch (error) {
    // A file that was closed under a live feed is its end.
    if (feed.goesOn()) throw error
  } finally {
    wake.stop()
  }
}

/** Commits, and the file that they were read from. */
interface FedCommits {
  readonly found: readonly FoundCommit[]
  readonly generation: Generation
}

class Feed {
  /** The last commit given or passed by. */
  position: FeedPosition | undefined
  readonly #engine: Engine
  readonly #request: FeedRequest
  #place: FeedPlace | undefined
  #complete = false

  constructor(engine: Engine, request: FeedRequest) {
    this.#engine = engine
    this.#request = request
    this.position = request.since
  }

  /** Whether the file is another one than was read last. */
  get isBehind(): boolean {
    return this.#place !== undefined && this.#place.generation.file !== this.#engine.generation.file
  }

  /** Whether there may be more. A feed that is not live throws rather than end before its time. */
  goesOn(): boolean {
    const { live, signal } = this.#request
    if (live) return signal?.aborted !== true && !this.#engine.closed
    signal?.throwIfAborted()
    if (!this.#complete) this.#engine.checkOpen()
    return !this.#complete
  }

  /** Gives what there is to be read now, some commits at a time. */
  async *read(): AsyncGenerator<FedCommits, void, undefined> {
    const { generation, begin } = await this.#placeNow()
    const { path } = this.#engine.parts
    const { filter, live, until } = this.#request
    const target = new FeedTarget({ path, codecs: generation.codecs, filter, begin })
    const run = { log: generation, after: begin.last, to: generation.visible.commit }
    const accept = ({ sequence }: { readonly sequence: number }): boolean => sequence <= until.sequence
    const walk = walkCommits(live ? run : { ...run, accept }, target)
    try {
      for await (const found of this.#steps(walk, target)) {
        this.position = found.at(-1)?.position ?? this.position
        yield { found, generation }
      }
    } catch (error) {
      // What was read may have been cut off behind a follower: then it goes over to what is there now.
      await this.#engine.follower?.refresh().catch(() => undefined)
      if (this.#nextFile(generation) === generation) throw error
      return
    }
    const { last, definitions } = target
    this.#place = { generation, begin: { last, definitions } }
    this.position = last
    this.#complete = !live && (!this.isBehind || last.sequence >= until.sequence)
  }

  /** What the steps of a walk find, as they find it; an error comes behind what was found before it. */
  async *#steps(
    walk: Task<void>,
    target: FeedTarget,
  ): AsyncGenerator<readonly FoundCommit[], void, undefined> {
    const { platform } = this.#engine.parts
    let sliceEnd = platform.monotonicMs() + SLICE_MS
    for (let ended = false; !ended;) {
      let failure: { readonly error: unknown } | undefined
      try {
        ended = walk.next(0).done === true
      } catch (error) {
        failure = { error }
      }
      const found = target.take()
      if (found.length > 0) yield found
      if (failure !== undefined) throw failure.error
      if (ended || platform.monotonicMs() < sliceEnd) continue
      await platform.yield()
      if (!this.goesOn()) return
      sliceEnd = platform.monotonicMs() + SLICE_MS
    }
  }

  /**
   * Where to go on. A file that was replaced is read as long as there is more in it that the newest files do not have; none is left
   * out on the way to the newest.
   */
  async #placeNow(): Promise<FeedPlace> {
    const place = this.#place
    await this.#refresh()
    const engine = this.#engine
    const generation = this.#nextFile(place?.generation ?? this.#request.generation ?? engine.generation)
    if (place?.generation.file === generation.file) return place
    const { newestCheckpoint, parts } = engine
    const isNewest = generation === engine.generation
    const checkpoint = isNewest ? newestCheckpoint : (generation.log.checkpoint?.offset ?? 0)
    const source = { generation, newestCheckpoint: checkpoint, path: parts.path }
    const task = findPlace(source, this.position, this.#request.filter)
    this.#request.generation = undefined
    this.#place = await runAsync(task, parts.platform)
    return this.#place
  }

  /** The newest file from `from` on that does not begin after the position. */
  #nextFile(from: Generation): Generation {
    let chosen = from
    for (let next = from.successor; next !== undefined; next = next.successor)
      if (!isBefore(this.position, next)) chosen = next
    const isRead = this.#place !== undefined && this.#place.begin.last.end >= from.visible.commit.end
    return chosen === from && isRead ? (from.successor ?? from) : chosen
  }

  /** A position that a follower has not come to yet may be in the file by now. */
  async #refresh(): Promise<void> {
    const { follower, commitSequence } = this.#engine
    if (follower !== undefined && (this.position?.sequence ?? 0) > commitSequence) await follower.refresh()
  }
}

/** Whether a file begins after a position. */
function isBefore(position: FeedPosition | undefined, { header }: Generation): boolean {
  return isCompacted(header) && (position?.sequence ?? 0) < header.parentSequence
}
