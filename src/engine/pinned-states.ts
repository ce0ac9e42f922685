/**
 * The commits that snapshots pin: counted, dated, and closed with the database.
 */
import type { Platform } from '../storage/platform.js'

/** One pin. */
export interface Pin {
  readonly since: number
  readonly closed: boolean
  close(): void
}

export class PinnedStates {
  readonly #platform: Platform
  readonly #open = new Set<Pin>()

  constructor(platform: Platform) {
    this.#platform = platform
  }

  add(): Pin {
    const open = this.#open
    let closed = false
    const pin: Pin = {
      since: this.#platform.monotonicMs(),
      get closed() {
        return closed
      },
      close() {
        closed = true
        open.delete(pin)
      },
    }
    open.add(pin)
    return pin
  }

  get count(): number {
    return this.#open.size
  }

  /** Age of the oldest pin in milliseconds; 0 for none. */
  get oldestAgeMs(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { since } of this.#open) oldest = Math.min(oldest, since)
    return oldest === Number.POSITIVE_INFINITY ? 0 : this.#platform.monotonicMs() - oldest
  }

  closeAll(): void {
    for (const pin of this.#open) pin.close()
  }
}
