import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { viewOf } from '../../../src/format/integers.js'
import { PAGE_BYTES, PageCache } from '../../../src/storage/page-cache.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { count, seed } from '../../support/counts.js'
import { FaultyStorage } from '../../support/faulty-storage.js'

/** What one page costs, tables included. */
const PAGE_COST_BYTES = PAGE_BYTES + 128 + 42
const ROW_BYTES = 200

interface Read {
  readonly position: number
  readonly length: number
}

/** The byte that stands at a position of the files below: no two pages are alike. */
function byteAt(position: number): number {
  return (Math.imul(Math.floor(position / 8) + 1, 0x9e37_79b1) >>> 13) & 0xff
}

function bytesAt(position: number, length: number): Uint8Array {
  return fill(new Uint8Array(length), position)
}

function fill(target: Uint8Array, position: number): Uint8Array {
  for (let i = 0; i < target.length; i++) target[i] = byteAt(position + i)
  return target
}

/** A file of any size, without memory, that notes what is read of it. */
class PatternFile implements Pick<StorageFile, 'read'> {
  readonly reads: Read[] = []
  readonly sizeBytes: number

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes
  }

  read(target: Uint8Array, position: number): number {
    this.reads.push({ position, length: target.length })
    const length = Math.max(0, Math.min(target.length, this.sizeBytes - position))
    fill(target.subarray(0, length), position)
    return length
  }
}

interface Cached {
  readonly file: PatternFile
  readonly cache: PageCache
}

function patternCache(pages: number, cachedPages: number): Cached {
  const file = new PatternFile(pages * PAGE_BYTES)
  return { file, cache: cacheOf(file, cachedPages * PAGE_COST_BYTES, () => file.sizeBytes) }
}

function cacheOf(file: Pick<StorageFile, 'read'>, limitBytes: number, end: () => number): PageCache {
  return new PageCache({ file: file as StorageFile, limitBytes, end })
}

/** Reads as a record source does, and copies what it is shown. */
function get(cache: PageCache, position: number, length: number): Uint8Array {
  if (cache.locate(position, length)) return cache.bytes.slice(cache.start, cache.start + length)
  const target = new Uint8Array(length)
  return target.slice(0, cache.read(target, position))
}

function expectRow(cache: PageCache, position: number, length: number = ROW_BYTES): void {
  const found = get(cache, position, length)
  if (Buffer.compare(found, bytesAt(position, length)) !== 0) {
    throw new Error(`Other bytes at ${position}.`)
  }
}

/** A permutation of `0..count - 1` without neighbours in a row; `count` is odd. */
function scattered(pages: number): number[] {
  return Array.from({ length: pages }, (_, i) => (i * ((pages - 1) / 2)) % pages)
}

describe('random reads', () => {
  it('of a file much larger than the cache read the range and nothing but it', () => {
    const { file, cache } = patternCache(10_001, 16)
    const positions = scattered(10_001).map((page) => page * PAGE_BYTES + ((page * 131) % (PAGE_BYTES - 200)))
    for (const position of positions) expectRow(cache, position)
    expect(file.reads).toEqual(positions.map((position) => ({ position, length: ROW_BYTES })))
    expect([cache.hits, cache.misses, cache.evictions]).toEqual([0, 10_001, 0])
  })

  it('load a page when it is touched again, and read the file no more', () => {
    const { file, cache } = patternCache(10_001, 64)
    const hot = scattered(10_001).slice(0, 20)
    for (let round = 0; round < 10; round++) for (const page of hot) expectRow(cache, page * PAGE_BYTES + 77)
    expect(file.reads).toHaveLength(2 * hot.length)
    expect(cache.hits).toBe(8 * hot.length)
  })

  it('of ranges over two pages read the range alone, until both pages are worth loading', () => {
    const { file, cache } = patternCache(100, 16)
    const position = 51 * PAGE_BYTES - 80
    expectRow(cache, position)
    expect(file.reads).toEqual([{ position, length: ROW_BYTES }])
    expectRow(cache, position)
    expect(file.reads.slice(1).map(({ position: at }) => at / PAGE_BYTES)).toEqual([50, 51])
    expectRow(cache, position)
    expect(file.reads).toHaveLength(3)
  })
})

describe('scans', () => {
  const pages = 150

  function scan(cache: PageCache, from: number, to: number, length: number, step: 1 | -1 = 1): void {
    const first = Math.ceil((from * PAGE_BYTES) / length)
    const last = Math.floor((to * PAGE_BYTES) / length) - 1
    for (let i = 0; i <= last - first; i++) {
      expectRow(cache, (step === 1 ? first + i : last - i) * length, length)
    }
  }

  it.each([
    { length: 200, cached: 100 },
    { length: 200, cached: 3 },
    { length: 199, cached: 3 },
    { length: 3000, cached: 100 },
    { length: 10_000, cached: 100 },
  ])('forward and backward read each page once: rows of $length bytes', ({ length, cached }) => {
    for (const step of [1, -1] as const) {
      const { file, cache } = patternCache(pages, cached)
      scan(cache, 0, pages, length, step)
      expect(file.reads.length).toBeLessThanOrEqual(pages + 3)
      expect(file.reads.length).toBeGreaterThanOrEqual(pages)
    }
  })

  it('read rows longer than a page one by one', () => {
    const { file, cache } = patternCache(pages, 100)
    scan(cache, 0, pages, PAGE_BYTES + 8)
    expect(file.reads.every(({ length }) => length === PAGE_BYTES + 8)).toBe(true)
  })

  it('push out what earlier scans left, and not the pages that are in use', () => {
    const { file, cache } = patternCache(pages, 8)
    const hot = [10, 20, 30]
    const touchHot = (): void => hot.forEach((page) => expectRow(cache, page * PAGE_BYTES + 3))
    touchHot()
    touchHot()
    touchHot()
    for (let from = 40; from < 140; from += 3) {
      scan(cache, from, from + 3, ROW_BYTES)
      touchHot()
    }
    const before = file.reads.length
    touchHot()
    expect(file.reads).toHaveLength(before)
    expect(cache.evictions).toBeGreaterThan(80)
  })
})

describe('memory', () => {
  it.each([0, 1, PAGE_BYTES - 1, PAGE_BYTES, PAGE_COST_BYTES - 1])(
    'too little for one page, %i bytes, keeps nothing and reads right',
    (limitBytes) => {
      const file = new PatternFile(10 * PAGE_BYTES)
      const cache = cacheOf(file, limitBytes, () => file.sizeBytes)
      for (let i = 0; i < 300; i++) expectRow(cache, (i % 100) * ROW_BYTES)
      expect(file.reads).toHaveLength(300)
      expect(cache.heldBytes).toBe(0)
    },
  )

  it.each([1, 2, 3, 63, 64, 65, 200])('never exceeds the limit, for %i pages, and uses it', (cached) => {
    const file = new PatternFile(1000 * PAGE_BYTES)
    const limitBytes = (cached + 1) * PAGE_COST_BYTES - 1
    const cache = cacheOf(file, limitBytes, () => file.sizeBytes)
    expect(cache.heldBytes).toBeLessThan(PAGE_BYTES)
    for (let i = 0; i < 1000 * 4; i++) {
      expectRow(cache, i * (PAGE_BYTES / 4))
      expect(cache.heldBytes).toBeLessThanOrEqual(limitBytes)
    }
    expect(cache.heldBytes).toBeGreaterThanOrEqual(cached * PAGE_BYTES)
  })

  it('is taken as pages come, whatever the limit', () => {
    const file = new PatternFile(2 ** 40)
    const cache = cacheOf(file, 2 ** 45, () => file.sizeBytes)
    expect(cache.heldBytes).toBeLessThan(2 ** 20)
    for (let i = 0; i < 10; i++) expectRow(cache, i * 10)
    expect(cache.heldBytes).toBeLessThan(2 ** 22)
    expect(cache.hits).toBe(8)
  })
})

describe('what is kept', () => {
  it('lies wholly below the end', () => {
    const file = new PatternFile(10 * PAGE_BYTES)
    let end = 3 * PAGE_BYTES - 1
    const cache = cacheOf(file, 8 * PAGE_COST_BYTES, () => end)
    for (let i = 0; i < 5; i++) expectRow(cache, 2 * PAGE_BYTES + 100)
    for (let i = 0; i < 5; i++) expectRow(cache, 2 * PAGE_BYTES - 100)
    expect([cache.hits, file.reads.length]).toEqual([0, 10])
    end++
    for (let i = 0; i < 5; i++) expectRow(cache, 2 * PAGE_BYTES + 100)
    expect(cache.hits).toBe(3)
  })

  it('is forgotten where it is read anew', () => {
    const { file, cache } = patternCache(10, 8)
    for (let i = 0; i < 40; i++) expectRow(cache, i * 1000, 1000)
    const before = file.reads.length
    const range = new Uint8Array(20)
    expect(cache.readAnew(range, PAGE_BYTES - 10)).toBe(20)
    expect(range).toEqual(bytesAt(PAGE_BYTES - 10, 20))
    expectRow(cache, 5000)
    expectRow(cache, PAGE_BYTES + 5000)
    expect(file.reads).toHaveLength(before + 3)
    expectRow(cache, 2 * PAGE_BYTES + 5000)
    expect(file.reads).toHaveLength(before + 3)
    expect(cache.misses).toBe(before + 3)
  })

  it('is right at offsets past 2^31, 2^32 and beyond the last page that has a number', () => {
    const file = new PatternFile(2 ** 50)
    const cache = cacheOf(file, 64 * PAGE_COST_BYTES, () => file.sizeBytes)
    const bases = [0, 2 ** 31, 2 ** 32, 2 ** 44, 0xffff_ffff * PAGE_BYTES, 2 ** 46, 2 ** 46 + 2 ** 45]
    for (let round = 0; round < 4; round++) {
      for (const base of bases) expectRow(cache, base + 300)
      for (const base of bases) expectRow(cache, base + PAGE_BYTES - 300, 600)
    }
    expect(cache.hits).toBeGreaterThan(0)
  })
})

describe('a read that fails', () => {
  function faulty(): { storage: FaultyStorage; file: StorageFile; cache: PageCache } {
    const storage = new FaultyStorage(new MemoryStorage())
    const file = storage.open('x', 'create')
    file.write(bytesAt(0, 10 * PAGE_BYTES), 0)
    return { storage, file, cache: cacheOf(file, 2 * PAGE_COST_BYTES, () => 10 * PAGE_BYTES) }
  }

  it('of a page leaves the range to be read alone', () => {
    const { storage, cache } = faulty()
    expectRow(cache, 1000)
    storage.plan({ operation: 'read', fault: { error: 'EIO' } })
    expectRow(cache, 2000)
    expect(storage.fired).toHaveLength(1)
    // That touch is forgotten: a page that cannot be read is not tried with every row.
    expectRow(cache, 3000)
    expectRow(cache, 3500)
    const reads = storage.calls.read
    expectRow(cache, 4000)
    expect(storage.calls.read).toBe(reads)
    expect([cache.hits, cache.misses]).toEqual([1, reads])
  })

  it('of a range is reported as the file reports it, and the next read is right', () => {
    const { storage, cache } = faulty()
    for (const position of [1000, 1000, 5 * PAGE_BYTES, 5 * PAGE_BYTES]) expectRow(cache, position)
    storage.plan({ operation: 'read', times: Number.POSITIVE_INFINITY, fault: { error: 'EIO' } })
    expect(() => get(cache, 7 * PAGE_BYTES, ROW_BYTES)).toThrow('EIO')
    expect(() => get(cache, 7 * PAGE_BYTES, ROW_BYTES)).toThrow('EIO')
    expect(() => get(cache, 6 * PAGE_BYTES - 10, ROW_BYTES)).toThrow('EIO')
    storage.heal()
    for (let page = 0; page < 9; page++) {
      for (let i = 0; i < 3; i++) expectRow(cache, page * PAGE_BYTES + i * 10)
      expectRow(cache, (page + 1) * PAGE_BYTES - 10)
    }
  })
})

/** Puts bytes behind the end, over what may be there; some of them are committed by `advance`. */
type Step =
  | { readonly kind: 'append'; readonly length: number; readonly value: number }
  | { readonly kind: 'advance'; readonly share: number }
  | { readonly kind: 'get'; readonly at: number; readonly length: number; readonly times: number }
  | { readonly kind: 'scan'; readonly at: number; readonly length: number; readonly rows: number }
  | { readonly kind: 'anew'; readonly at: number; readonly length: number }
  | { readonly kind: 'fail'; readonly nth: number }

const share = fc.double({ min: 0, max: 1, noNaN: true })
const length = fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 2 * PAGE_BYTES }))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), length: fc.nat(4 * PAGE_BYTES), value: fc.nat(255) }),
  fc.record({ kind: fc.constant('advance' as const), share }),
  fc.record({ kind: fc.constant('get' as const), at: share, length, times: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    kind: fc.constant('scan' as const),
    at: share,
    length,
    rows: fc.integer({ min: -30, max: 30 }),
  }),
  fc.record({ kind: fc.constant('anew' as const), at: share, length }),
  fc.record({ kind: fc.constant('fail' as const), nth: fc.integer({ min: 1, max: 3 }) }),
)

class Run {
  readonly storage: FaultyStorage = new FaultyStorage(new MemoryStorage())
  readonly file: StorageFile = this.storage.open('x', 'create')
  readonly cache: PageCache
  readonly limitBytes: number
  #end = 0
  #failures = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
    const { file } = this
    const guarded: Pick<StorageFile, 'read'> = {
      read: (target, position) => {
        // Whole pages are read to be kept.
        if (target.length === PAGE_BYTES && position % PAGE_BYTES === 0) {
          expect(position + PAGE_BYTES).toBeLessThanOrEqual(this.#end)
        }
        return file.read(target, position)
      },
    }
    this.cache = cacheOf(guarded, limitBytes, () => this.#end)
    this.perform({ kind: 'append', length: 8 * PAGE_BYTES, value: 3 })
    this.perform({ kind: 'advance', share: 0.9 })
  }

  perform(given: Step): void {
    switch (given.kind) {
      case 'append':
        this.#rewriteTail(given.length, given.value)
        break
      case 'advance':
        this.#end += Math.floor((this.file.size() - this.#end) * given.share)
        break
      case 'get':
        for (let i = 0; i < given.times; i++) this.#check(this.#position(given.at), given.length)
        break
      case 'scan':
        this.#scan(given.at, given.length, given.rows)
        break
      case 'anew':
        this.#check(this.#position(given.at), given.length, (cache, position, wanted) => {
          const target = new Uint8Array(wanted)
          return target.slice(0, cache.readAnew(target, position))
        })
        break
      case 'fail':
        this.storage.plan({ operation: 'read', nth: given.nth, fault: { error: 'EIO' } })
    }
    expect(this.cache.heldBytes).toBeLessThanOrEqual(this.limitBytes)
  }

  /** As a failed write that is cut back, and one that goes better. */
  #rewriteTail(bytes: number, value: number): void {
    const tail = bytesAt(0, bytes)
    for (let i = 0; i < bytes; i++) tail[i] = ((tail[i] ?? 0) + value) & 0xff
    this.file.truncate(this.#end)
    this.file.write(tail, this.#end)
  }

  #position(at: number): number {
    return Math.floor(this.file.size() * at)
  }

  #scan(at: number, rowBytes: number, rows: number): void {
    for (let i = 0; i < Math.abs(rows); i++) {
      const position = this.#position(at) + i * rowBytes * Math.sign(rows)
      if (position >= 0) this.#check(position, rowBytes)
    }
  }

  /** Against a read of the file below the faults, which the cache does not see. */
  #check(position: number, wanted: number, how: typeof get = get): void {
    const { cache, storage } = this
    const reads = storage.calls.read
    const { hits, misses } = cache
    try {
      const found = how(cache, position, wanted)
      const used = storage.calls.read - reads
      expect(cache.misses - misses).toBe(used)
      expect(cache.hits - hits).toBe(used === 0 ? 1 : 0)
      expect(Buffer.compare(found, this.#truth(position, wanted))).toBe(0)
    } catch (error) {
      if (storage.fired.length === this.#failures) throw error
    }
    this.#failures = storage.fired.length
  }

  #truth(position: number, wanted: number): Uint8Array {
    for (;;) {
      try {
        const bytes = new Uint8Array(wanted)
        return bytes.slice(0, this.file.read(bytes, position))
      } catch {
        // A planned fault met this read; each happens once.
      }
    }
  }
}

describe('a growing file', () => {
  it('is read as without a cache, whatever is appended, cut back and fails', () => {
    const limit = fc.oneof(
      fc.nat(12 * PAGE_COST_BYTES),
      fc.constantFrom(0, PAGE_COST_BYTES, 2 * PAGE_COST_BYTES),
    )
    fc.assert(
      fc.property(limit, fc.array(step, { maxLength: 40 }), (limitBytes, steps) => {
        const run = new Run(limitBytes)
        for (const each of steps) run.perform(each)
      }),
      { seed, numRuns: count(150, 10_000) },
    )
  })
})

describe('a range that is shown', () => {
  it('lies in memory of the cache, with a view over the same bytes', () => {
    const { cache } = patternCache(4, 4)
    expectRow(cache, 100)
    expect(cache.locate(100, 50)).toBe(true)
    const { bytes, view, start } = cache
    expect(viewOf(bytes).byteOffset).toBe(view.byteOffset)
    expect(view.buffer).toBe(bytes.buffer)
    expect(view.byteLength).toBe(bytes.byteLength)
    expect(bytes.slice(start, start + 50)).toEqual(bytesAt(100, 50))
  })
})
