import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FRAME_TABLE_BYTES, LAST_PAGE, PageFrames } from '../../../src/storage/page-frames.js'
import { count, seed } from '../../support/counts.js'

type Step = { readonly kind: 'load' | 'reference' | 'drop'; readonly page: number }

/** CLOCK as the textbook has it: a ring of frames, a hand, one mark each. */
class TextbookClock {
  readonly ring: { page: number | undefined; marked: boolean }[] = []
  readonly #size: number
  #hand = 0

  constructor(size: number) {
    this.#size = size
  }

  at(page: number): { page: number | undefined; marked: boolean } | undefined {
    return this.ring.find((frame) => frame.page === page)
  }

  load(page: number): void {
    if (this.ring.length < this.#size) {
      this.ring.push({ page, marked: false })
      return
    }
    for (;;) {
      const frame = this.ring[this.#hand]
      this.#hand = (this.#hand + 1) % this.#size
      if (frame === undefined) throw new RangeError('The hand left the ring.')
      if (!frame.marked) {
        frame.page = page
        return
      }
      frame.marked = false
    }
  }

  drop(page: number): void {
    const frame = this.at(page)
    if (frame !== undefined) Object.assign(frame, { page: undefined, marked: false })
  }
}

function load(frames: PageFrames, page: number): number {
  const frame = frames.claim()
  frames.put(page, frame)
  return frame
}

describe('the frames of a page cache', () => {
  it('hold what a textbook clock holds, whatever is loaded, referenced and dropped', () => {
    const page = fc.oneof(
      fc.nat({ max: 40 }),
      fc.nat({ max: 40 }).map((near) => LAST_PAGE - near),
      // Far apart, and equal in their low bits.
      fc.nat({ max: 40 }).map((far) => far * 2 ** 20),
    )
    const kind = fc.constantFrom('load' as const, 'load' as const, 'reference' as const, 'drop' as const)
    const steps = fc.array(fc.record({ kind, page }), { maxLength: 400 })
    fc.assert(fc.property(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(150)), steps, check), {
      seed,
      numRuns: count(400, 40_000),
    })

    function check(size: number, given: readonly Step[]): void {
      const frames = new PageFrames(size)
      const model = new TextbookClock(size)
      const touched = new Set<number>()
      for (const { kind: what, page: which } of given) {
        touched.add(which)
        const found = frames.find(which)
        if (what === 'load' && found < 0) {
          load(frames, which)
          model.load(which)
        } else if (what === 'reference' && found >= 0) {
          frames.reference(found)
          Object.assign(model.at(which) ?? {}, { marked: true })
        } else if (what === 'drop') {
          frames.drop(which)
          model.drop(which)
        }
        for (const each of touched) {
          const expected = model.ring.findIndex((frame) => frame.page === each)
          expect(frames.find(each)).toBe(expected)
        }
        expect(frames.bytes).toBeLessThanOrEqual(size * FRAME_TABLE_BYTES)
      }
    }
  })

  it('give the same frame again if nothing was put into it', () => {
    const frames = new PageFrames(2)
    expect(frames.claim()).toBe(0)
    expect(frames.claim()).toBe(0)
    load(frames, 7)
    load(frames, 8)
    expect(frames.claim()).toBe(0)
    expect(frames.claim()).toBe(0)
    expect([frames.find(7), frames.find(8), frames.evictions]).toEqual([-1, 1, 1])
  })

  it('take no memory before the first page', () => {
    expect(new PageFrames(1000).bytes).toBe(0)
    expect(new PageFrames(0).bytes).toBe(0)
    expect(new PageFrames(0).find(0)).toBe(-1)
  })
})
