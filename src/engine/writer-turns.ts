/**
 * One writer at a time, in order of arrival.
 */

/** Who takes a turn: `shared` if blocking writes do not disturb them. */
interface Taker {
  readonly shared: boolean
  readonly go: () => void
}

export class WriterTurns {
  readonly #waiting: Taker[] = []
  #taken = false
  #shared = false

  /** Whether someone holds the turn. */
  get taken(): boolean {
    return this.#taken
  }

  /** Whether a blocking write, which cannot wait, has to be refused now. */
  get refusesBlocking(): boolean {
    return this.#taken && !this.#shared
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
}
