/**
 * How long the heartbeats of owners that cannot be seen have stood still, by this thread's own clock.
 *
 * Clocks of other machines and file times are not trusted. Only what was itself seen not to change counts, from the
 * first look on, so that this takes a long wait, or several attempts of one thread.
 */

/** An owner that cannot be seen counts as dead when its record stood still for this long, in milliseconds. */
export const STANDSTILL_MS = 60_000

interface Observation {
  readonly evidence: string
  readonly firstSeenMs: number
}

export class Observations {
  /** By directory, then by record name. */
  readonly #seen = new Map<string, Map<string, Observation>>()

  /** Notes what a record shows now; returns for how many milliseconds it has shown exactly this. */
  standstillMs(directory: string, name: string, evidence: string, nowMs: number): number {
    const records = this.#seen.get(directory) ?? new Map<string, Observation>()
    this.#seen.set(directory, records)
    const before = records.get(name)
    if (before?.evidence === evidence) return nowMs - before.firstSeenMs
    records.set(name, { evidence, firstSeenMs: nowMs })
    return 0
  }

  /** Forgets the records of a directory that are not among `names`. */
  keepOnly(directory: string, names: ReadonlySet<string>): void {
    const records = this.#seen.get(directory)
    if (records === undefined) return
    for (const name of records.keys()) if (!names.has(name)) records.delete(name)
    if (records.size === 0) this.#seen.delete(directory)
  }
}
