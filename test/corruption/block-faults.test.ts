/**
 * Faults of whole blocks, as disks and their controllers make them: zeroed, swapped, duplicated, stale, shifted; frames
 * exchanged; frames and blocks of another file. Catalogue row 8.
 */
import { describe, expect, it } from 'vitest'
import { count, seed, UNHURRIED_MS } from '../support/counts.js'
import { overwritten, zeroed } from '../support/log-images.js'
import { type Random, randomFrom } from '../support/random.js'
import { violationsOf } from './harness.js'
import { makeSamples, type Sample, sampleDatabases } from './sample.js'

const FAULTS: number = count(2000, 100_000)

interface Faulted {
  readonly bytes: Uint8Array
  readonly fault: string
}

type Make = (sample: Sample, random: Random, block: number, other: Sample) => Faulted

/** A block of the file, header and superblocks included. */
function pick(sample: Sample, random: Random, block: number): { start: number; end: number } {
  const start = random.below(Math.ceil(sample.bytes.length / block)) * block
  return { start, end: Math.min(start + block, sample.bytes.length) }
}

const FAULT_KINDS: Readonly<Record<string, Make>> = {
  zeroed: (sample, random, block) => {
    const { start, end } = pick(sample, random, block)
    return { bytes: zeroed(sample.bytes, start, end), fault: `block ${start} zeroed` }
  },
  swapped: (sample, random, block) => {
    const one = pick(sample, random, block)
    const two = pick(sample, random, block)
    const first = overwritten(
      sample.bytes,
      one.start,
      sample.bytes.slice(two.start, two.start + one.end - one.start),
    )
    const bytes = overwritten(
      first,
      two.start,
      sample.bytes.slice(one.start, one.start + two.end - two.start),
    )
    return { bytes, fault: `blocks ${one.start} and ${two.start} swapped` }
  },
  duplicated: (sample, random, block) => {
    const one = pick(sample, random, block)
    const two = pick(sample, random, block)
    const bytes = overwritten(
      sample.bytes,
      one.start,
      sample.bytes.slice(two.start, two.start + one.end - one.start),
    )
    return { bytes, fault: `block ${two.start} written over ${one.start} too` }
  },
  stale: (sample, random, block) => {
    // What stood there when fewer commits were written: zeros laid ahead, from some point of the block on.
    const { start, end } = pick(sample, random, block)
    const from = start + random.below(end - start)
    return {
      bytes: zeroed(sample.bytes, from, end),
      fault: `block ${start} as it was when the file ended at ${from}`,
    }
  },
  shifted: (sample, random, block) => {
    const { start } = pick(sample, random, block)
    const by = 1 + random.below(block - 1)
    const inserted = new Uint8Array(sample.bytes.length + by)
    inserted.set(sample.bytes.subarray(0, start))
    inserted.set(sample.bytes.subarray(start), start + by)
    if (random.below(2) === 0) return { bytes: inserted, fault: `${by} zeros inserted at ${start}` }
    const removed = new Uint8Array(sample.bytes.length - by)
    removed.set(sample.bytes.subarray(0, Math.min(start, removed.length)))
    removed.set(sample.bytes.subarray(start + by), Math.min(start, removed.length))
    return { bytes: removed, fault: `${by} bytes removed at ${start}` }
  },
  'frames exchanged': (sample, random) => {
    const one = sample.frames[random.below(sample.frames.length)]
    const two = sample.frames[random.below(sample.frames.length)]
    if (one === undefined || two === undefined) throw new TypeError('frames')
    const first = overwritten(sample.bytes, one.offset, sample.bytes.slice(two.offset, two.end))
    const bytes = overwritten(first, two.offset, sample.bytes.slice(one.offset, one.end))
    return {
      bytes: bytes.slice(0, sample.bytes.length),
      fault: `frames ${one.offset} and ${two.offset} exchanged`,
    }
  },
  'of another file': (sample, random, block, other) => {
    const { start, end } = pick(sample, random, block)
    return {
      bytes: overwritten(sample.bytes, start, other.bytes.slice(start, end)),
      fault: `block ${start} of another file`,
    }
  },
}

describe('a faulted block', () => {
  const kinds = Object.entries(FAULT_KINDS)

  it.each(kinds)(
    '%s gives no wrong value and no silent loss',
    { timeout: UNHURRIED_MS },
    async (_kind, make) => {
      const violations: string[] = []
      const random = randomFrom(seed)
      const others = makeSamples({ randomBytes: (length) => randomFrom(99).bytes(length) })
      let changed = 0
      for (let i = 0; i < FAULTS / kinds.length; i++) {
        const sample = sampleDatabases()[i % 2]
        const other = others[i % 2]
        if (sample === undefined || other === undefined) throw new TypeError('a sample')
        const { bytes, fault } = make(sample, random, i % 4 < 2 ? 512 : 4096, other)
        const at = firstDifference(bytes, sample.bytes)
        if (at === undefined) continue
        changed++
        const last = sample.states.length - 1
        const expected = at < 12_288 ? {} : { keeps: wholeCommits(sample, bytes) }
        // Unclosed, what W says of the last commits may be among what is faulted.
        // So it may be where the superblocks themselves are.
        const durable = sample.name === 'closed' && at >= 12_288 ? last : 0
        const looksClean = sample.name === 'killed'
        // Nothing in a superblock says which slot it is for; a copy or exchange of whole ones is sound.
        const betweenSuperblocks = at >= 4096 && at < 12_288
        const about = {
          sample,
          bytes,
          fault,
          ...expected,
          durable,
          looksClean,
          visible: !looksClean && !betweenSuperblocks,
        }
        violations.push(
          ...(await violationsOf({
            ...about,
            again: i % 8 === 0,
            modes: [i % 3 === 0 ? 'tornTail' : 'strict'],
          })),
        )
      }
      console.log(`${changed} faults, VARVE_SEED=${seed}`)
      expect(violations).toEqual([])
      expect(changed).toBeGreaterThan(FAULTS / kinds.length / 2)
    },
  )

  it('canary: rows of another state are seen', async () => {
    const [sample] = sampleDatabases()
    if (sample === undefined) throw new TypeError('a sample')
    const pretended = { ...sample, states: sample.states.map((state) => `${state} `) }
    const one = {
      sample: pretended,
      bytes: sample.bytes,
      fault: 'none',
      durable: 0,
      visible: true,
      again: false,
      modes: [],
    }
    expect((await violationsOf(one)).join()).toMatch(/never written.*verify finds nothing/)
  })
})

/** How many commits stand before the first one whose bytes are not what they were. */
function wholeCommits({ frames, bytes: sound, states }: Sample, bytes: Uint8Array): number {
  const broken = frames.find(({ offset, payloadEnd, isCommit }) => {
    return (
      isCommit && Buffer.compare(bytes.subarray(offset, payloadEnd), sound.subarray(offset, payloadEnd)) !== 0
    )
  })
  return broken === undefined ? states.length - 1 : broken.commits - 1
}

function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  const length = Math.max(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i
  return undefined
}
