/**
 * Who wants to know when an open database changes: followers of the log, and those who wait for a commit.
 *
 * Listeners are told in the same turn, when the change is visible to readers. They must not throw, and run nobody else's code:
 * whoever waits goes on in a turn of its own.
 */

/**
 * What changed: `commit` when more commits are visible, `generation` when the file is another one, `closed` at the end.
 */
export type EngineChange = 'commit' | 'generation' | 'closed'

export type EngineListener = (change: EngineChange) => void

export class Watchers {
  readonly #listeners = new Set<EngineListener>()

  /** Tells a listener of every change until the function that this returns is called. */
  add(listener: EngineListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  tell(change: EngineChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}
