/**
 * Every length that a file of 64 KiB can be cut to, in every mode: catalogue row 6.
 */
import { describe, expect, it } from 'vitest'
import { LOG_START } from '../../src/format/header.js'
import { count, long, seed, UNHURRIED_MS } from '../support/counts.js'
import { type Case, commitsWithin, violationsOf } from './harness.js'
import { type Sample, sampleDatabases } from './sample.js'

/** One in sixteen, at a place that the seed chooses; in the long run all. */
const STEP: number = long ? 1 : Math.max(1, Math.round(16 / count(1, 1)))

function truncation(sample: Sample, length: number): Case {
  const keeps = commitsWithin(sample, length)
  const last = sample.states.length - 1
  const whole = keeps === last
  const within = sample.frames.find(({ offset, end }) => length > offset && length < end)
  const atFrame = within === undefined || length >= within.payloadEnd
  const closed = sample.name === 'closed'
  const bytes = sample.bytes.slice(0, length)
  // The costly checks take turns; every length meets `strict` and `autoTruncate`.
  const turn = length + (length >> 5)
  return {
    sample,
    bytes,
    fault: `cut to ${length} bytes`,
    // Without a whole header and a superblock there is no identity; such a file is refused.
    keeps: length < 4096 ? undefined : keeps,
    durable: closed && !whole ? last : keeps,
    // Unclosed, W is only what the frames that are left say.
    looksClean: !closed && atFrame && length >= LOG_START,
    visible: (long || turn % 4 === 1) && (closed ? length < sample.bytes.length : !atFrame),
    again: (long || turn % 8 === 0) && length >= 4096,
    modes: long || turn % 2 === 0 ? ['strict', 'tornTail'] : ['strict'],
  }
}

describe('a file cut to any length', () => {
  it.each(['closed', 'killed'] as const)(
    'is refused, or opens with what is whole and says so: %s',
    { timeout: UNHURRIED_MS },
    async (name) => {
      const sample = sampleDatabases().find((one) => one.name === name)
      if (sample === undefined) throw new TypeError('a sample')
      const violations: string[] = []
      let lengths = 0
      // The two samples share the lengths between them; the long run takes all of both.
      const step = long ? 1 : STEP * 2
      for (let length = 1 + (seed % step); length < sample.bytes.length; length += step) {
        violations.push(...(await violationsOf(truncation(sample, length))))
        lengths++
      }
      console.log(`${lengths} lengths of the ${name} sample, VARVE_SEED=${seed}`)
      expect(violations).toEqual([])
      expect(lengths).toBeGreaterThan(1000 / STEP)
    },
  )

  it('is told at the ends of every frame, and next to them', async () => {
    const violations: string[] = []
    for (const sample of sampleDatabases()) {
      for (const { end, payloadEnd } of sample.frames) {
        for (const length of new Set([payloadEnd - 1, payloadEnd, end, end + 1])) {
          if (length > sample.bytes.length) continue
          violations.push(...(await violationsOf(truncation(sample, length))))
        }
      }
    }
    expect(violations).toEqual([])
  })

  it('canary: a lost commit that is expected to be there is seen', async () => {
    const [closed] = sampleDatabases()
    if (closed === undefined) throw new TypeError('a sample')
    const pretended = {
      ...truncation(closed, closed.bytes.length - 1000),
      keeps: closed.states.length - 1,
    }
    expect(await violationsOf(pretended)).not.toEqual([])
  })
})
