/**
 * Which frame of a cache holds which page, and which frame is given up next.
 *
 * A frame is room for one page; the cache owns the memory, this only the numbers. (Without memory, it is a list of the pages put into
 * it last.) Lookup is by open addressing with
 * linear probing over a table at most half full. Frames are given up by CLOCK: the hand passes over a frame that was
 * referenced since it passed last, once. A page comes in unreferenced, so what is read once goes before what is used again.
 *
 * Assumes page numbers from 0 to {@link LAST_PAGE} and at least one frame. Nothing but growing allocates.
 */
import { u32, u8 } from '../format/typed-read.js'

/** Largest page number that can be held. */
export const LAST_PAGE = 0xffff_fffe
const NO_PAGE = 0xffff_ffff
const FIRST_FRAMES = 64

/** Most bytes of tables for one frame: its page, its mark, and its share of slots, at most four. */
export const FRAME_TABLE_BYTES: number = 4 + 1 + 4 * 4

export class PageFrames {
  /** Pages that made room for others. */
  evictions = 0
  readonly #limit: number
  /** The page in each frame. */
  #pages: Uint32Array = new Uint32Array(0)
  /** 1 for a frame that the hand has to pass over once. */
  #referenced: Uint8Array = new Uint8Array(0)
  /** Frame + 1 at the place where its page hashes to, or behind; 0 for a free slot. A power of two long. */
  #slots: Uint32Array = new Uint32Array(1)
  /** Frames below this were in use. */
  #used = 0
  #hand = 0

  /** `limit`: the number of frames. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Memory of the tables. */
  get bytes(): number {
    if (this.#pages.length === 0) return 0
    return this.#pages.byteLength + this.#referenced.byteLength + this.#slots.byteLength
  }

  /** The frame that holds a page, or -1. */
  find(page: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = mix(page) & mask; ; slot = (slot + 1) & mask) {
      const frame = u32(slots, slot) - 1
      if (frame < 0 || u32(this.#pages, frame) === page) return frame
    }
  }

  /** The page in this frame is worth keeping for another turn of the hand. */
  reference(frame: number): void {
    this.#referenced[frame] = 1
  }

  /** The frame to load into next. It holds nothing any more; without a `put` it is the next one again. */
  claim(): number {
    if (this.#used < this.#limit) {
      if (this.#used === this.#pages.length) this.#grow()
      return this.#used
    }
    while (u8(this.#referenced, this.#hand) === 1) {
      this.#referenced[this.#hand] = 0
      this.#advance()
    }
    if (u32(this.#pages, this.#hand) !== NO_PAGE) this.evictions++
    this.#release(this.#hand)
    return this.#hand
  }

  /** The frame that was claimed holds this page now. */
  put(page: number, frame: number): void {
    this.#pages[frame] = page
    this.#enter(page, frame)
    if (frame === this.#used) this.#used++
    else this.#advance()
  }

  /** Forgets a page. */
  drop(page: number): void {
    const frame = this.find(page)
    if (frame >= 0) this.#release(frame)
  }

  #advance(): void {
    this.#hand = (this.#hand + 1) % this.#used
  }

  #grow(): void {
    const frames = Math.min(this.#limit, Math.max(FIRST_FRAMES, this.#pages.length * 2))
    const pages = new Uint32Array(frames).fill(NO_PAGE)
    const referenced = new Uint8Array(frames)
    const slots = new Uint32Array(2 ** Math.ceil(Math.log2(frames * 2)))
    pages.set(this.#pages)
    referenced.set(this.#referenced)
    this.#pages = pages
    this.#referenced = referenced
    this.#slots = slots
    for (let frame = 0; frame < this.#used; frame++) {
      const page = u32(pages, frame)
      if (page !== NO_PAGE) this.#enter(page, frame)
    }
  }

  #enter(page: number, frame: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = mix(page) & mask
    while (u32(slots, slot) !== 0) slot = (slot + 1) & mask
    slots[slot] = frame + 1
  }

  #release(frame: number): void {
    const page = u32(this.#pages, frame)
    if (page === NO_PAGE) return
    this.#leave(page, frame)
    this.#pages[frame] = NO_PAGE
    this.#referenced[frame] = 0
  }

  /** Frees the slot of a page, and moves back what would not be found behind a free slot. */
  #leave(page: number, frame: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let free = mix(page) & mask
    while (u32(slots, free) !== frame + 1) free = (free + 1) & mask
    for (let slot = (free + 1) & mask; u32(slots, slot) !== 0; slot = (slot + 1) & mask) {
      const home = mix(u32(this.#pages, u32(slots, slot) - 1)) & mask
      // Its search begins at `home`: it would pass the free slot if that is no further from here than `home` is.
      if (((slot - home) & mask) < ((slot - free) & mask)) continue
      slots[free] = u32(slots, slot)
      free = slot
    }
    slots[free] = 0
  }
}

/** Spreads page numbers, neighbours among them, over the low bits. */
function mix(page: number): number {
  const product = Math.imul(page, 0x9e37_79b1)
  return product ^ (product >>> 15)
}
