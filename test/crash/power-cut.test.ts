/**
 * The power fails at every boundary of random workloads, in every way that the model of the storage knows.
 */
import { describe, expect, it, vi } from 'vitest'
import { count, long, seed, UNHURRIED_MS } from '../support/counts.js'
import { subsetsAt, tearsAt } from '../support/power-cut-choices.js'
import type { Choice } from '../support/power-cut-storage.js'
import { randomFrom } from '../support/random.js'
import { randomWorkload } from '../support/workload.js'
import {
  forEachSeed,
  goesOn,
  isOfSmallInterest,
  openImage,
  recoversToTheSameBytes,
} from '../support/workload-checks.js'
import { protocolBreach } from '../support/workload-protocol.js'
import { acknowledgedAt, runWorkload, type WorkloadRun } from '../support/workload-run.js'

const FILE = 'test/crash/power-cut.test.ts'
let images = 0

async function check(run: WorkloadRun, boundary: number, choice: Choice, thorough: boolean): Promise<void> {
  const { workload, states, durable, storage } = run
  const atLeast = acknowledgedAt(durable, boundary)
  const expected = { workload, states, atLeast }
  const image = storage.imageAfter(boundary, choice)
  images++
  try {
    if (thorough) await recoversToTheSameBytes(image, expected)
    const { db } = await openImage(image, expected)
    if (thorough) await goesOn(image, db, expected)
  } catch (error) {
    const where = `boundary ${boundary} of ${storage.boundary}, choice ${JSON.stringify(choice)}`
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

vi.setConfig({ testTimeout: UNHURRIED_MS })

describe('power cuts', () => {
  it('catalogue row 1: at every boundary, everything unsynced dropped, kept, or tossed for', async () => {
    let boundaries = 0
    await forEachSeed(FILE, seed, count(200, 5000), async (workloadSeed) => {
      const run = await runWorkload(randomWorkload(workloadSeed))
      expect(protocolBreach(run.storage.log)).toBeUndefined()
      for (let boundary = 0; boundary <= run.storage.boundary; boundary++) {
        if (isOfSmallInterest(run.storage, boundary, boundary + workloadSeed)) continue
        boundaries++
        const thorough = long || (boundary + workloadSeed) % 40 === 0
        await check(run, boundary, 'none', thorough)
        const choice: Choice = boundary % 2 === 0 ? 'all' : { survivors: { seed: workloadSeed + boundary } }
        if (long || (boundary + workloadSeed) % 10 === 0) await check(run, boundary, choice, thorough)
      }
    })
    console.log(`row 1: ${boundaries} boundaries, ${images} images, seed ${seed}`)
    expect(boundaries).toBeGreaterThan(0)
  })

  it('catalogue row 2: the last unsynced write torn', async () => {
    let torn = 0
    await forEachSeed(FILE, seed ^ 0x2222, count(50, 1000), async (workloadSeed) => {
      const run = await runWorkload(randomWorkload(workloadSeed, { steps: 8 }))
      const random = randomFrom(workloadSeed)
      for (let boundary = 0; boundary <= run.storage.boundary; boundary++) {
        if (isOfSmallInterest(run.storage, boundary, boundary + workloadSeed)) continue
        const step = long ? 1 : 150 + random.below(4000)
        for (const choice of tearsAt(run.storage, boundary, { step, seed: workloadSeed })) {
          if (!long && random.below(14) > 0) continue
          torn++
          await check(run, boundary, choice, random.below(16) === 0)
        }
      }
    })
    console.log(`row 2: ${torn} torn writes, seed ${seed}`)
    expect(torn).toBeGreaterThan(0)
  })

  it('catalogue row 3: any subset of the unsynced operations survives', async () => {
    let subsets = 0
    await forEachSeed(FILE, seed ^ 0x3333, count(20, 500), async (workloadSeed) => {
      const run = await runWorkload(randomWorkload(workloadSeed, { steps: 10 }))
      const random = randomFrom(workloadSeed)
      for (let boundary = 0; boundary <= run.storage.boundary; boundary++) {
        const options = long ? { seed: workloadSeed } : { seed: workloadSeed, exhaustiveUpTo: 4, samples: 16 }
        for (const choice of subsetsAt(run.storage, boundary, options)) {
          if (!long && random.below(2) > 0) continue
          subsets++
          await check(run, boundary, choice, random.below(16) === 0)
        }
        const sectors = { seed: random.below(1e9), sectorBytes: 512 }
        await check(run, boundary, { survivors: sectors }, false)
      }
    })
    console.log(`row 3: ${subsets} subsets, seed ${seed}`)
    expect(subsets).toBeGreaterThan(0)
  })
})
