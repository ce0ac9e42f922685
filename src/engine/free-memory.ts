/**
 * Divides what tree nodes leave free of the memory for caches between pages of the log and decoded rows.
 *
 * Where the whole log fits into half of the budget, it may stay in memory: rows in no order are then read without the file, and as
 * bytes they take a fraction of what they take decoded. In a larger log a page that is read for one row holds others that nobody
 * wants, so decoded rows get the memory instead. Once the log or the nodes outgrow it, the pages go.
 */
import type { PageCache } from '../storage/page-cache.js'
import type { RestOfMemory } from '../tree/index.js'
import { PAGE_SHARE, WHOLE_LOG_SHARE } from './checkpoint-policy.js'
import type { RowCache } from './row-cache.js'

export interface Sharers {
  readonly cacheBytes: number
  /** Undefined where none are kept. Made with the memory of a large log. */
  readonly pages: PageCache | undefined
  readonly rows: RowCache
  /** Where the log ends. */
  readonly end: () => number
}

export class FreeMemory implements RestOfMemory {
  readonly #sharers: Sharers
  /** While the whole log may stay: what pages may take, of it beyond their own share. */
  readonly #wholeBytes: number
  readonly #beyondBytes: number
  #keepsWhole: boolean

  constructor(sharers: Sharers) {
    this.#sharers = sharers
    const { cacheBytes, pages, end } = sharers
    this.#wholeBytes = Math.floor(cacheBytes * WHOLE_LOG_SHARE)
    this.#beyondBytes = Math.floor(cacheBytes * (WHOLE_LOG_SHARE - PAGE_SHARE))
    this.#keepsWhole = pages !== undefined && end() <= this.#wholeBytes
    if (this.#keepsWhole) pages?.limitTo(this.#wholeBytes)
    sharers.rows.takesWalks = !this.#keepsWhole
  }

  makeRoom(freeBytes: number): void {
    const { rows } = this.#sharers
    rows.makeRoom(this.#staysWhole(freeBytes) ? freeBytes - this.#beyondBytes : freeBytes)
  }

  #staysWhole(freeBytes: number): boolean {
    if (!this.#keepsWhole) return false
    const { cacheBytes, pages, rows, end } = this.#sharers
    if (freeBytes >= this.#beyondBytes && end() <= this.#wholeBytes) return true
    this.#keepsWhole = false
    rows.takesWalks = true
    pages?.limitTo(cacheBytes * PAGE_SHARE)
    return false
  }
}
