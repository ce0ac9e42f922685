/**
 * What a writer does when there is nothing to commit: syncs in the background, a mark that states the watermark, and a checkpoint.
 */
import type { LogWriter } from '../log/log-writer.js'
import type { Platform, Timer } from '../storage/platform.js'
import { runAsync, type Task } from '../storage/task.js'
import type { Durability } from './batch.js'
import type { Checkpointer } from './checkpointer.js'
import type { VisibleState } from './state.js'

/** Unsynced bytes after which the modes that do not wait for a sync start one in the background. */
const BACKGROUND_SYNC_BYTES = 8 * 1024 * 1024
/** Idle time after which a `Mark` states a watermark that the log does not state yet, and what is not stored may be. */
const IDLE_MS = 1000

export interface IdleWorkParts {
  readonly writer: LogWriter
  readonly visible: VisibleState
  readonly platform: Platform
  readonly durability: Durability
  readonly syncIntervalMs: number
  /** Makes everything visible durable. */
  readonly sync: () => Task<void>
  /** Appends a mark, if it is still wanted. */
  readonly mark: () => void
  readonly checkpointer: Pick<Checkpointer, 'rested'>
}

export class IdleWork {
  readonly #parts: IdleWorkParts
  #background: Promise<void> | undefined
  #intervalTimer: Timer | undefined
  #idleTimer: Timer | undefined
  #activeAt = 0
  #ended = false

  constructor(parts: IdleWorkParts) {
    this.#parts = parts
  }

  /** To be called when there is nothing left to write. */
  rest(unsyncedBytes: number): void {
    const { durability, platform, writer, visible, syncIntervalMs } = this.#parts
    if (this.#ended || writer.poison !== undefined) return
    const behind = writer.watermark.end < visible.commit.end
    if (durability !== 'commit' && unsyncedBytes >= BACKGROUND_SYNC_BYTES) this.#syncInBackground()
    if (durability === 'interval' && behind && this.#intervalTimer === undefined) {
      this.#intervalTimer = platform.setTimer(() => {
        this.#intervalTimer = undefined
        this.#syncInBackground()
      }, syncIntervalMs)
    }
    this.#activeAt = platform.monotonicMs()
    this.#idleTimer ??= platform.setTimer(() => this.#idle(), IDLE_MS)
  }

  /** Whether no background sync runs. */
  get atRest(): boolean {
    return this.#background === undefined
  }

  /** Resolves when no background sync runs any more. */
  async quiet(): Promise<void> {
    while (this.#background !== undefined) await this.#background
  }

  /** No timer is set from now on, whatever is still under way. */
  stop(): void {
    this.#ended = true
    this.#intervalTimer?.cancel()
    this.#idleTimer?.cancel()
    this.#intervalTimer = undefined
    this.#idleTimer = undefined
  }

  /** One timer serves all commits: it looks how long the last one is ago. */
  #idle(): void {
    const { platform, mark, checkpointer } = this.#parts
    const rest = this.#activeAt + IDLE_MS - platform.monotonicMs()
    this.#idleTimer = rest > 0 ? platform.setTimer(() => this.#idle(), rest) : undefined
    if (rest > 0) return
    mark()
    checkpointer.rested()
  }

  #syncInBackground(): void {
    const { writer, platform, sync } = this.#parts
    if (this.#background !== undefined || writer.poison !== undefined) return
    this.#background = runAsync(sync(), platform)
      .catch(() => undefined) // The writer is poisoned, and every later write says so.
      .finally(() => {
        this.#background = undefined
      })
  }
}
