/**
 * Pages of a file in memory, within a budget, for reads of short ranges.
 *
 * Assumes that the file below `end()` only ever grows: its bytes from the first range read on never change. Guarantees that no page is
 * kept that is not wholly below `end()`, that `bytes` never exceeds the limit, and that a range is read right whatever
 * fails: a page that cannot be loaded leaves the cache as if it had not been tried, and the caller reads the range itself.
 *
 * Loading a page costs several times what reading a row costs, so a page is loaded only where it will be read again: when it was touched a
 * while ago and is not in memory, or when it is next to the page in memory that was touched last, as in a scan. Any
 * other range is read alone, and a random read of a large file costs what it costs without a cache.
 *
 * Ranges shown lie in memory that is used again: they are valid until the next call, and must be decoded or copied at once.
 */
import { viewOf } from '../format/integers.js'
import { u32 } from '../format/typed-read.js'
import { FRAME_TABLE_BYTES, LAST_PAGE, PageFrames } from './page-frames.js'
import type { StorageFile } from './storage.js'

/** Size of a page, and the multiple at which one starts. */
export const PAGE_BYTES: number = 16 * 1024

/** Memory is taken in steps of so many pages. */
const SLAB_PAGES = 64
/** Ranges that are noted as checked are longer than this, so that of each cell of so many bytes at most one begins in it. */
const CELL_BYTES = 16
/** Words of marks for a page: a bit for each cell. */
const PAGE_WORDS = PAGE_BYTES / CELL_BYTES / 32
/** Most pages whose touch is remembered while they are not in memory. */
const MAX_TOUCHED = 65_536
/** Frames are numbered in 31 bits. */
const MAX_FRAMES = 0x3fff_ffff

export interface PageCacheOptions {
  readonly file: StorageFile
  /** Most memory to take, in bytes, tables included. Too little for one page means that nothing is kept. */
  readonly limitBytes: number
  /** Where bytes of the file that never change again end. */
  readonly end: () => number
}

interface Slab {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** A bit for each cell in which a range begins that was found right. */
  readonly checked: Uint32Array
}

export class PageCache {
  /** After `locate` returned true: where the range is. Valid until the next call. */
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = viewOf(this.bytes)
  /** Index of the range in `bytes`. */
  start = 0
  #checked: Uint32Array = new Uint32Array(0)
  /** Ranges that were in memory. */
  hits = 0
  /** Reads of the file. */
  misses = 0
  readonly #file: StorageFile
  readonly #end: () => number
  #limitPages = 0
  #frames = new PageFrames(0)
  #slabs: Slab[] = []
  #slabBytes = 0
  /** Pages touched lately that are not in memory. As many as are, and the oldest touch is forgotten first. */
  #touched = new PageFrames(0)
  /** Of frames that were given up since. */
  #earlierEvictions = 0
  #last = -1
  #lastInMemory = false

  constructor({ file, limitBytes, end }: PageCacheOptions) {
    this.#file = file
    this.#end = end
    this.limitTo(limitBytes)
  }

  /** Takes no more memory than this from now on. What was kept is given back. */
  limitTo(limitBytes: number): void {
    this.#earlierEvictions = this.evictions
    this.#limitPages = pagesWithin(limitBytes)
    this.#frames = new PageFrames(this.#limitPages)
    this.#touched = new PageFrames(Math.min(MAX_TOUCHED, this.#limitPages))
    this.#slabs = []
    this.#slabBytes = 0
    this.#lastInMemory = false
  }

  /** Memory taken. */
  get heldBytes(): number {
    return this.#slabBytes + this.#frames.bytes + this.#touched.bytes
  }

  /** Pages that made room for others. */
  get evictions(): number {
    return this.#earlierEvictions + this.#frames.evictions
  }

  /** Shows a range that lies in one page, if that page is in memory or worth loading. If not, `read` reads it. */
  locate(position: number, lengthBytes: number): boolean {
    const page = Math.floor(position / PAGE_BYTES)
    const at = position - page * PAGE_BYTES
    if (at + lengthBytes > PAGE_BYTES) return false
    const frame = this.#frameOf(page)
    if (frame < 0) return false
    const { bytes, view, checked } = this.#slabOf(frame)
    this.bytes = bytes
    this.view = view
    this.#checked = checked
    this.start = startIn(frame) + at
    return true
  }

  /** Whether the range that `locate` showed last was found right since its page was loaded. */
  get isChecked(): boolean {
    const cell = Math.floor(this.start / CELL_BYTES)
    return (u32(this.#checked, cell >>> 5) & (1 << (cell & 31))) !== 0
  }

  /** Notes that the range that `locate` showed last, of more than 16 bytes, was found right: in memory it stays so. */
  setChecked(): void {
    const cell = Math.floor(this.start / CELL_BYTES)
    this.#checked[cell >>> 5] = u32(this.#checked, cell >>> 5) | (1 << (cell & 31))
  }

  /**
   * Reads a range that `locate` did not show: put together from two pages, else from the file and nothing but it. Returns
   * how many bytes were there, as a file does.
   */
  read(target: Uint8Array, position: number): number {
    const page = Math.floor(position / PAGE_BYTES)
    const cut = (page + 1) * PAGE_BYTES - position
    if (cut < target.length) {
      if (target.length <= PAGE_BYTES && this.#join(target, page, cut)) return target.length
      this.#last = Math.floor((position + target.length - 1) / PAGE_BYTES)
    }
    this.#lastInMemory = false
    this.misses++
    return this.#file.read(target, position)
  }

  /** As `read`, but from the file alone; what is in memory of the range is forgotten. */
  readAnew(target: Uint8Array, position: number): number {
    const last = Math.floor((position + target.length - 1) / PAGE_BYTES)
    for (let page = Math.floor(position / PAGE_BYTES); page <= last; page++) this.#frames.drop(page)
    this.#lastInMemory = false
    this.misses++
    return this.#file.read(target, position)
  }

  /** The frame with a page, loaded if that is worth it; -1 if not. */
  #frameOf(page: number): number {
    let frame = this.#frames.find(page)
    if (frame >= 0) {
      this.hits++
      this.#reference(page, frame)
    } else if (this.#worthLoading(page)) frame = this.#load(page)
    this.#last = page
    this.#lastInMemory = frame >= 0
    return frame
  }

  /** Touches of one page in a row, as by a scan, are one. */
  #reference(page: number, frame: number): void {
    if (page !== this.#last) this.#frames.reference(frame)
  }

  /**
   * Puts a range together whose first `cut` bytes are the end of a page. A part that is in memory is copied before the other is
   * loaded, which may take its place.
   */
  #join(target: Uint8Array, page: number, cut: number): boolean {
    const first = this.#frames.find(page)
    const second = this.#frames.find(page + 1)
    const firstWanted = first >= 0 || this.#worthLoading(page)
    const secondWanted = second >= 0 || this.#worthLoading(page + 1)
    if (!firstWanted || !secondWanted) return false
    if (first >= 0 && second >= 0) this.hits++
    if (first >= 0) this.#reference(page, first)
    if (second >= 0) {
      this.#reference(page + 1, second)
      this.#copyStart(second, target, cut)
    }
    const loadedFirst = first >= 0 ? first : this.#load(page)
    if (loadedFirst < 0) return false
    this.#copyEnd(loadedFirst, target, cut)
    if (second < 0) {
      const loadedSecond = this.#load(page + 1)
      if (loadedSecond < 0) return false
      this.#copyStart(loadedSecond, target, cut)
    }
    // Where a scan goes on: before this range if it came from behind it.
    this.#last = this.#last > page ? page : page + 1
    this.#lastInMemory = true
    return true
  }

  #copyEnd(frame: number, target: Uint8Array, cut: number): void {
    const end = startIn(frame) + PAGE_BYTES
    target.set(this.#slabOf(frame).bytes.subarray(end - cut, end))
  }

  #copyStart(frame: number, target: Uint8Array, cut: number): void {
    const start = startIn(frame)
    target.set(this.#slabOf(frame).bytes.subarray(start, start + target.length - cut), cut)
  }

  /** Whether a page that is not in memory may be loaded and is likely to be read again. Remembers the touch. */
  #worthLoading(page: number): boolean {
    if (this.#limitPages === 0 || page > LAST_PAGE || (page + 1) * PAGE_BYTES > this.#end()) return false
    if (this.#lastInMemory && Math.abs(page - this.#last) === 1) return true
    const touched = this.#touched
    if (touched.find(page) >= 0) return true
    touched.put(page, touched.claim())
    return false
  }

  /**
   * Loads a page; -1 if the file cannot give it whole. An error is left to the read of the range alone: it may lie
   * elsewhere in the page, or be want of memory.
   */
  #load(page: number): number {
    this.#touched.drop(page)
    try {
      const frame = this.#frames.claim()
      const { bytes, checked } = this.#slabOf(frame)
      const start = startIn(frame)
      const word = start / CELL_BYTES / 32
      checked.fill(0, word, word + PAGE_WORDS)
      this.misses++
      const count = this.#file.read(bytes.subarray(start, start + PAGE_BYTES), page * PAGE_BYTES)
      if (count < PAGE_BYTES) return -1
      this.#frames.put(page, frame)
      return frame
    } catch {
      return -1
    }
  }

  #slabOf(frame: number): Slab {
    const index = Math.floor(frame / SLAB_PAGES)
    return this.#slabs[index] ?? this.#newSlab(index)
  }

  /** Frames come into use one after the other, so a slab that is not there is the next one. */
  #newSlab(index: number): Slab {
    const pages = Math.min(SLAB_PAGES, this.#limitPages - index * SLAB_PAGES)
    const bytes = new Uint8Array(pages * PAGE_BYTES)
    const checked = new Uint32Array(pages * PAGE_WORDS)
    const slab = { bytes, view: viewOf(bytes), checked }
    this.#slabs.push(slab)
    this.#slabBytes += bytes.length + checked.byteLength
    return slab
  }
}

function pagesWithin(limitBytes: number): number {
  return Math.min(MAX_FRAMES, Math.floor(limitBytes / (PAGE_BYTES + 4 * PAGE_WORDS + 2 * FRAME_TABLE_BYTES)))
}

/** Where a frame starts in its slab. */
function startIn(frame: number): number {
  return (frame % SLAB_PAGES) * PAGE_BYTES
}
