/**
 * The commits of several sources in one order: that in which they were made.
 *
 * No sequence is ever given twice, whatever was cut off the log in between, so sequences order the commits of the log and of all that
 * was cut off it. Each source is in that order already.
 */
import type { Task } from '../storage/task.js'
import type { CommitStream, FoundCommit } from './salvage-stream.js'

/** A commit that is passed over: what it says cannot be true beside what was found before it. */
export interface Conflict {
  readonly commit: FoundCommit
  readonly reason: string
}

export class CommitMerge {
  readonly #streams: readonly CommitStream[]
  readonly #heads: (FoundCommit | undefined)[] = []
  readonly #conflict: (conflict: Conflict) => void
  #last: FoundCommit | undefined

  constructor(streams: readonly CommitStream[], conflict: (conflict: Conflict) => void) {
    this.#streams = streams
    this.#conflict = conflict
  }

  /** The next commit; undefined at the end of all. */
  *next(): Task<FoundCommit | undefined> {
    if (this.#heads.length === 0) for (const stream of this.#streams) this.#heads.push(yield* stream.next())
    for (;;) {
      const index = this.#least()
      const commit = this.#heads[index]
      if (commit === undefined) return undefined
      const stream = this.#streams[index]
      this.#heads[index] = stream === undefined ? undefined : yield* stream.next()
      if (this.#isNew(commit)) {
        this.#last = commit
        return commit
      }
    }
  }

  #least(): number {
    let least = 0
    for (const [index, head] of this.#heads.entries()) {
      const best = this.#heads[least]
      if (head !== undefined && (best === undefined || head.sequence < best.sequence)) least = index
    }
    return least
  }

  #isNew(commit: FoundCommit): boolean {
    const last = this.#last
    if (last === undefined || commit.sequence > last.sequence) return true
    // The parts of a generation's first commit that are left share its sequence.
    if (commit.isBase && last.isBase && !commit.isWhole) return true
    const isSame = commit.sequence === last.sequence && commit.crc === last.crc
    if (!isSame) {
      const reason = `commit ${commit.sequence} stands behind commit ${last.sequence}, or beside another of its number`
      this.#conflict({ commit, reason })
    }
    return false
  }
}
