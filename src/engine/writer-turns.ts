/**
 * One writer at a time, in order of arrival.
 */

export class WriterTurns {
  readonly #waiting: (() => void)[] = []
  #taken = false

  /** Whether someone holds the turn. */
  get taken(): boolean {
    return this.#taken
  }

  /** Resolves when it is the caller's turn; it must call `give` afterwards. */
  async take(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true
      return
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Ends the caller's turn. */
  give(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken = false
    else next()
  }
}
