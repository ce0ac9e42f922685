import { describe, expect, it } from 'vitest'
import { FreeMemory } from '../../../src/engine/free-memory.js'
import { RowCache } from '../../../src/engine/row-cache.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { PAGE_BYTES, PageCache } from '../../../src/storage/page-cache.js'

const CACHE_BYTES = 64 * PAGE_BYTES
const NODES_BYTES = CACHE_BYTES * 0.875
const LOG_PAGES = 30

/** What shares the memory of a log that can still grow. */
function shared(): {
  memory: FreeMemory
  pages: PageCache
  rows: RowCache
  log: { end: number }
  kept: () => number
} {
  const file = new MemoryStorage().open('a', 'create')
  file.write(new Uint8Array(64 * PAGE_BYTES).fill(1), 0)
  const log = { end: LOG_PAGES * PAGE_BYTES }
  const pages = new PageCache({ file, limitBytes: CACHE_BYTES / 16, end: () => log.end })
  const rows = new RowCache(CACHE_BYTES, () => log.end)
  const memory = new FreeMemory({ cacheBytes: CACHE_BYTES, pages, rows, end: () => log.end })
  memory.makeRoom(NODES_BYTES)
  /** How many pages stay when each of the log is read over and over. */
  const kept = (): number => {
    for (let round = 0; round < 4; round++)
      for (let page = 0; page < LOG_PAGES; page++) pages.locate(((page * 7) % LOG_PAGES) * PAGE_BYTES, 50)
    return Math.floor(pages.heldBytes / PAGE_BYTES)
  }
  return { memory, pages, rows, log, kept }
}

describe('memory that nodes leave free', () => {
  it('keeps the whole log while that fits into half of the budget', () => {
    const { kept, rows, pages } = shared()
    expect(kept()).toBeGreaterThanOrEqual(LOG_PAGES)
    expect(pages.heldBytes).toBeLessThanOrEqual(CACHE_BYTES / 2)
    expect(rows.takesWalks).toBe(false)
  })

  it('goes to decoded rows once the log outgrows that, and pages keep their share alone', () => {
    const { memory, log, kept, pages, rows } = shared()
    kept()
    log.end = CACHE_BYTES
    memory.makeRoom(NODES_BYTES)
    kept()
    expect(pages.heldBytes).toBeLessThanOrEqual(CACHE_BYTES / 16)
    expect(rows.takesWalks).toBe(true)
  })

  it('goes to nodes first', () => {
    const { memory, kept, pages } = shared()
    kept()
    memory.makeRoom(CACHE_BYTES / 4)
    kept()
    expect(pages.heldBytes).toBeLessThanOrEqual(CACHE_BYTES / 16)
  })
})
