/**
 * A snapshot: one commit, the newest or one of the past, kept readable until it is closed.
 */
/// <reference lib="esnext.disposable" />
import { CollectionReader, type ReadView, type ViewLog } from './collection-reader.js'
import { nameOf } from './defined-collections.js'
import type { Engine } from './engine/engine.js'
import type { Generation } from './engine/generation.js'
import type { Pin } from './engine/pinned-states.js'
import { type DatabaseState, isWhole } from './engine/state.js'
import { unknownCollection } from './engine/refusals.js'
import { ErrorCode, StateError } from './errors.js'
import type { Key } from './format/key.js'
import type { Row } from './format/value.js'
import type { CommitPosition } from './log/commit-position.js'
import type { CollectionSchema } from './schema/define-collection.js'

/** What `Database.snapshot` takes. */
export interface SnapshotOptions {
  /**
   * Which commit: the last one whose sequence, or whose time, is at most this. Default: the newest.
   */
  readonly at?: number | Date | undefined
}

/** One commit of the database. It never changes; close it when done. */
export class Snapshot {
  /** The commit's sequence. */
  readonly sequence: number
  /** When it was committed. */
  readonly time: Date
  readonly #pin: Pin
  readonly #view: ReadView
  readonly #state: DatabaseState

  /** Made by `Database.snapshot`. */
  constructor(engine: Engine, state: DatabaseState) {
    this.#state = state
    this.#pin = engine.pins.add()
    this.sequence = this.#state.commit.sequence
    this.time = new Date(this.#state.commit.time)
    // Of its commit, whatever file the database goes over to.
    const { rows, file, header, checksum } = engine.generation
    // Not the generation itself, which leads to those that came after it.
    const log = logOf({ file, header, checksum }, state.commit)
    this.#view = {
      rows,
      keys: engine.keys,
      rules: engine.rules,
      platform: engine.parts.platform,
      collection: (name) => {
        this.#check()
        return viewOf(this.#state, name)
      },
      log: () => log,
      check: () => this.#check(),
    }
  }

  /** A collection as of this commit, by definition or name. Throws `VARVE_SCHEMA` if there was none of this name. */
  collection<R extends Row = Row, I extends Row = R, K extends Key = Key>(
    collection: string | CollectionSchema<R, I, K>,
  ): CollectionReader<R, K> {
    const name = nameOf(this.#view.rules, collection)
    this.#view.collection(name)
    return new CollectionReader<R, K>(this.#view, name)
  }

  /** Names of the collections as of this commit, sorted. */
  collectionNames(): string[] {
    this.#check()
    return [...this.#state.names.keys()].sort()
  }

  /** Releases the commit. Idempotent; every later use throws `VARVE_CLOSED`. */
  close(): void {
    this.#pin.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #check(): void {
    if (!this.#pin.closed) return
    throw new StateError(ErrorCode.closed, 'The snapshot is closed, by itself or with its database.')
  }
}

/** The log up to a commit. */
export function logOf(
  { file, header, checksum }: Pick<Generation, 'file' | 'header' | 'checksum'>,
  commit: CommitPosition,
): ViewLog {
  return { file, header, checksum, commit }
}

/** A collection of a state. */
export function viewOf(state: DatabaseState, name: string): ReturnType<ReadView['collection']> {
  const id = state.names.get(name)
  const collection = id === undefined ? undefined : state.collections.get(id)
  if (collection === undefined) throw unknownCollection(name, [...state.names.keys()])
  const { indexes } = collection
  return indexes.every(isWhole) ? collection : { ...collection, indexes: indexes.filter(isWhole) }
}
