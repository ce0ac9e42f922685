/**
 * Waiting for something to change about an open database, without polling.
 */
import type { Timer } from '../storage/platform.js'
import type { Engine } from './engine.js'

/** A wait that many things may end. Whoever waits looks again at what is there; nothing that happened before it is lost. */
export class Wake {
  readonly #engine: Engine
  readonly #signal: AbortSignal | undefined
  readonly #stop: () => void
  #happened = false
  #resolve: (() => void) | undefined

  constructor(engine: Engine, signal: AbortSignal | undefined) {
    this.#engine = engine
    this.#signal = signal
    const ring = (): void => this.ring()
    const unwatch = engine.watchers.add(ring)
    signal?.addEventListener('abort', ring)
    this.#stop = () => {
      unwatch()
      signal?.removeEventListener('abort', ring)
    }
  }

  /** Ends the wait, or the next one. */
  ring(): void {
    this.#happened = true
    this.#resolve?.()
  }

  /** Resolves when something happened since the last time. The process stays alive meanwhile. */
  async next(): Promise<void> {
    if (!this.#happened && this.#signal?.aborted !== true) {
      const alive: Timer | undefined = this.#engine.parts.platform.stayAlive?.()
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
      })
      this.#resolve = undefined
      alive?.cancel()
    }
    this.#happened = false
  }

  stop(): void {
    this.#stop()
  }
}
