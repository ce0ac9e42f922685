/**
 * The change feed, as users hold it: commits in order, and what each changed.
 */
import { nameOf } from './defined-collections.js'
import type { Engine } from './engine/engine.js'
import { type Change, type ChangeContext, changesOf } from './engine/feed-changes.js'
import { FeedFilter } from './engine/feed-filter.js'
import { feedOf, type FeedRequest } from './engine/feed.js'
import { positionText, readPosition } from './engine/feed-position.js'
import type { FoundCommit } from './engine/feed-target.js'
import { ArgumentError } from './errors.js'
import type { CollectionSchema } from './schema/define-collection.js'
import type { Platform } from './storage/platform.js'
import { SLICE_MS } from './storage/task.js'

/** What `Database.changes` takes. */
export interface ChangesOptions {
  /**
   * The commit to go on behind: `position` of a commit of a feed, or a commit's sequence, with which another line of history is not
   * noticed. `start` is the begin of the file, which is the default; `now` is the last commit at the call, the default with `live`.
   */
  readonly since?: string | number | undefined
  /**
   * Collections to tell of, by definition or name; commits without a change of them are passed by. A collection is followed under
   * every name that it is given, and one that gets one of these names later joins them. Default: all.
   */
  readonly collections?: readonly (string | CollectionSchema)[] | undefined
  /** Wait for more until `signal` aborts or the database closes. Default false: end at the last commit at the call. */
  readonly live?: boolean | undefined
  /** Also give the row that was there before each change. Default false. */
  readonly before?: boolean | undefined
  /** Ends the feed: quietly if it is live, else it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

const OPTIONS: ReadonlySet<string> = new Set(['since', 'collections', 'live', 'before', 'signal'])

/** The changes of one commit, in their order. Read when they are asked for, as often as wanted, while the database is open. */
export class Changes implements Iterable<Change>, AsyncIterable<Change> {
  readonly #commit: FoundCommit
  readonly #context: ChangeContext
  readonly #platform: Platform

  /** Made by a feed. @internal */
  constructor(commit: FoundCommit, context: ChangeContext, platform: Platform) {
    this.#commit = commit
    this.#context = context
    this.#platform = platform
  }

  *[Symbol.iterator](): Generator<Change, void, undefined> {
    for (const change of changesOf(this.#commit, this.#context)) if (change !== undefined) yield change
  }

  /** Gives the event loop a turn every few milliseconds, which a plain `for` does not. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Change, void, undefined> {
    const platform = this.#platform
    let sliceEnd = platform.monotonicMs() + SLICE_MS
    for (const change of changesOf(this.#commit, this.#context)) {
      if (platform.monotonicMs() >= sliceEnd) {
        await platform.yield()
        sliceEnd = platform.monotonicMs() + SLICE_MS
      }
      if (change !== undefined) yield change
    }
  }

  /** All of them at once. Holds the event loop for as long as it takes. */
  toArray(): Change[] {
    return [...this]
  }
}

/** A commit of a feed. */
export interface Commit {
  readonly sequence: number
  /** When it was committed. */
  readonly time: Date
  /** Give it as `since`, to this database or any copy or follower of it, to go on behind this commit. */
  readonly position: string
  /**
   * Whether it is what a compacted file begins with: its changes are the whole state as of this commit, in place of all commits up
   * to it.
   */
  readonly base: boolean
  readonly changes: Changes
}

/** What the options ask for. Throws `VARVE_ARGUMENT` or `VARVE_SCHEMA`. */
export function changeFeed(engine: Engine, options: ChangesOptions): AsyncGenerator<Commit, void, undefined> {
  checkOptions(options)
  const { collections, live = false, before = false, signal } = options
  const { since = live ? 'now' : 'start' } = options
  const { commit, names } = engine.state
  const filter = new FeedFilter(
    collections?.map((collection) => nameOf(engine.rules, collection)),
    names,
  )
  const request: FeedRequest = {
    since: since === 'start' ? undefined : since === 'now' ? commit : readPosition(since),
    generation: engine.generation,
    filter,
    live,
    until: commit,
    signal,
  }
  const { keys, rules } = engine
  const { path, platform } = engine.parts
  return feedOf(engine, request, (found, generation) => {
    const { position, isBase } = found
    const context = { generation, path, keys, rules, filter, before }
    return {
      sequence: position.sequence,
      time: new Date(position.time),
      position: positionText(position),
      base: isBase,
      changes: new Changes(found, context, platform),
    }
  })
}

function checkOptions(options: ChangesOptions): void {
  const unknown = Object.keys(options).filter((name) => !OPTIONS.has(name))
  if (unknown.length > 0)
    throw new ArgumentError(`There is no option ${unknown.join(', ')}. Known are ${[...OPTIONS].join(', ')}.`)
  const { collections } = options
  if (collections !== undefined && !Array.isArray(collections))
    throw new ArgumentError('collections must be an array of definitions or names.')
}
