/**
 * One writer at a time, in order of arrival.
 *
 * A blocking write cannot wait, so it is refused while a transaction has the turn or waits for it. Everything else it may go ahead
 * of or bring with it: work that shares its turn, and writes that wait for nothing but that, which are performed first.
 */

/** Who waits for a turn. */
interface Waiting {
  /** Whether blocking writes do not disturb what is done in the turn. */
  readonly shared: boolean
  /** Called when it is this one's turn. */
  readonly go: () => void
  /** What is done in the turn, where it can be done at any time; it then leaves the queue. */
  readonly perform?: (() => void) | undefined
}

export class WriterTurns {
  readonly #waiting: Waiting[] = []
  #taken = false
  #shared = false

  /** Whether someone holds the turn. */
  get taken(): boolean {
    return this.#taken
  }

  /**
   * Performs the writes that came before a blocking one; false if that has to be refused, since someone holds the turn or waits for it
   * who cannot be finished now.
   */
  makeWay(): boolean {
    if (this.#taken && !this.#shared) return false
    if (this.#waiting.some(({ shared, perform }) => !shared && perform === undefined)) return false
    const all = this.#waiting.splice(0)
    this.#waiting.push(...all.filter(({ perform }) => perform === undefined))
    for (const { perform } of all) perform?.()
    return true
  }

  /** Resolves when it is the caller's turn; it must call `give` afterwards. */
  async take({ shared = false }: { readonly shared?: boolean } = {}): Promise<void> {
    if (!this.#taken) {
      this.#taken = true
      this.#shared = shared
      return
    }
    await new Promise<void>((go) => this.#waiting.push({ shared, go }))
  }

  /** Ends the caller's turn. */
  give(): void {
    const next = this.#waiting.shift()
    this.#taken = next !== undefined
    this.#shared = next?.shared ?? false
    next?.go()
  }

  /** Calls `perform` when it is the caller's turn, or when a blocking write comes that must find it done. Passes on its result. */
  async perform<T>(perform: () => Promise<T>): Promise<T> {
    if (!this.#taken) return await perform()
    let hasTurn = false
    let done: Promise<T> | undefined
    await new Promise<void>((resolve) => {
      const one: Waiting = {
        shared: true,
        perform: () => {
          done = perform()
          resolve()
        },
        go: () => {
          hasTurn = true
          // Until its caller goes on, a moment later, it stays where a blocking write finds it.
          this.#waiting.unshift(one)
          resolve()
        },
      }
      this.#waiting.push(one)
    })
    try {
      if (done === undefined) {
        this.#waiting.shift()
        done = perform()
      }
    } finally {
      if (hasTurn) this.give()
    }
    return await done
  }
}
