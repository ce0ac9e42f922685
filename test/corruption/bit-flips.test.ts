/**
 * Single flipped bits in a file of 64 KiB: catalogue row 7.
 */
import { describe, expect, it } from 'vitest'
import { LOG_START } from '../../src/format/header.js'
import { encodeSuperblock } from '../../src/format/superblock.js'
import { readSuperblocks } from '../../src/log/superblocks.js'
import { crc32c } from '../../native-free/crc32c.js'
import { count, seed, UNHURRIED_MS } from '../support/counts.js'
import { flipped, overwritten } from '../support/log-images.js'
import { randomFrom } from '../support/random.js'
import { PATH, storageWith } from './databases.js'
import { type Case, commitsBefore, violationsOf } from './harness.js'
import { makeSamples, type Sample, sampleDatabases } from './sample.js'

/** All of both samples: 2 x 524,288. */
const PARTS = [0, 1, 2, 3, 4, 5, 6, 7]
const FLIPS: number = count(8192, 2 * 8 * 64 * 1024)

const CAREFUL: readonly Case['modes'][] = [['strict'], ['tornTail'], [], []]

function flip(sample: Sample, offset: number, bit: number): Case {
  const keeps = offset < LOG_START ? sample.states.length - 1 : commitsBefore(sample, offset)
  return {
    sample,
    bytes: flipped(sample.bytes, offset, bit),
    fault: `bit ${bit} of byte ${offset} flipped`,
    keeps,
    durable: sample.states.length - (sample.name === 'closed' ? 1 : 2),
    visible: true,
    again: offset % 16 === 3,
    // The careful modes take turns; every flip meets `autoTruncate` and `verify`.
    modes: CAREFUL[bit % 4] ?? [],
  }
}

describe('a flipped bit', () => {
  it.each(PARTS)(
    'gives no wrong value and no silent loss: part %d',
    { timeout: UNHURRIED_MS },
    async (part) => {
      const violations: string[] = []
      const random = randomFrom(seed + part)
      for (let i = 0; i < FLIPS / PARTS.length; i++) {
        const sample = sampleDatabases()[i % 2]
        if (sample === undefined) throw new TypeError('a sample')
        violations.push(
          ...(await violationsOf(flip(sample, random.below(sample.bytes.length), random.below(8)))),
        )
        if (violations.length > 20) break
      }
      console.log(`${FLIPS / PARTS.length} flips, VARVE_SEED=${seed}`)
      expect(violations).toEqual([])
    },
  )

  it('canary: with a checksum that always agrees, wrong values are seen', async () => {
    const platform = { checksum: () => 0 }
    const [blind] = makeSamples(platform)
    if (blind === undefined) throw new TypeError('a sample')
    const violations: string[] = []
    for (let offset = LOG_START + 200; offset < blind.bytes.length; offset += 499) {
      violations.push(...(await violationsOf({ ...flip(blind, offset, 1), platform })))
    }
    expect(violations.join('\n')).toContain('never written')
    expect(violations.length).toBeGreaterThan(20)
  })

  it('canary: where nothing says W, the loss of what was acknowledged is seen', async () => {
    const [closed] = sampleDatabases()
    const last = closed?.frames.at(-1)
    if (closed === undefined || last === undefined) throw new TypeError('a sample')
    const { live } = readSuperblocks(storageWith({ [PATH]: closed.bytes }).open(PATH, 'read'), crc32c)
    if (live === undefined) throw new TypeError('a superblock')
    const silent = encodeSuperblock({ ...live, watermark: LOG_START, watermarkSequence: 0 }, crc32c)
    const doctored = overwritten(overwritten(closed.bytes, 4096, silent), 8192, silent)
    const one = flip({ ...closed, bytes: doctored }, last.offset + 60, 1)
    expect((await violationsOf(one)).join('\n')).toContain('tornTail opened with')
  })
})
