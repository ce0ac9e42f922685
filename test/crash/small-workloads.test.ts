/**
 * Catalogue row 4: every workload of at most three operations, the power cut at every boundary. What random ones meet by
 * chance, these meet in every order: a deletion behind a checkpoint, a checkpoint behind one that nobody awaited, and so on.
 */
import { describe, expect, it, vi } from 'vitest'
import { long, UNHURRIED_MS } from '../support/counts.js'
import type { Operation } from '../support/model.js'
import { subsetsAt } from '../support/power-cut-choices.js'
import type { Step, Workload } from '../support/workload.js'
import { goesOn, isOfSmallInterest, openImage } from '../support/workload-checks.js'
import { protocolBreach } from '../support/workload-protocol.js'
import { acknowledgedAt, runWorkload } from '../support/workload-run.js'

const NAME = 'alpha'
const MOST = 3

/** Keys of which nine rows make several nodes, all of them on the path that an operation changes. */
function row(n: number, note: string): { id: string; note: string } {
  return { id: `${'key'.repeat(250)}${n}`, note }
}

function write(operation: Operation): Step {
  return { do: 'write', sync: false, operation }
}

const BEGIN: readonly Step[] = [
  write({ kind: 'register', name: NAME, as: 'text' }),
  write({ kind: 'insertMany', name: NAME, rows: Array.from({ length: 9 }, (_, n) => row(n, 'begin')) }),
  { do: 'settle' },
]

const STEPS: Readonly<Record<string, (n: number) => Step>> = {
  put: (n) => write({ kind: 'put', name: NAME, row: row(n * 3, `put ${n}`) }),
  delete: (n) => write({ kind: 'delete', name: NAME, key: row(n * 3, '').id }),
  transaction: (n) => ({
    do: 'transaction',
    form: 'plain',
    items: [
      { kind: 'put', name: NAME, row: row(20 + n, `transaction ${n}`) },
      { kind: 'delete', name: NAME, key: row(n * 3 + 1, '').id },
    ],
    fails: false,
    retried: false,
  }),
  // What follows runs between its slices.
  checkpoint: () => ({ do: 'checkpoint', awaited: false }),
  compact: () => ({ do: 'compact', awaited: false, retained: undefined }),
  close: () => ({ do: 'reopen', sync: false }),
}

function* allOf(length: number): Generator<string[], void> {
  if (length === 0) return yield []
  for (const shorter of allOf(length - 1)) for (const name of Object.keys(STEPS)) yield [...shorter, name]
}

const NAMES = Array.from({ length: MOST }, (_, i) => [...allOf(i + 1)]).flat()

function workloadOf(names: readonly string[], seed: number): Workload {
  const steps = names.map((name, i) => STEPS[name]?.(i) ?? { do: 'settle' as const })
  return {
    seed,
    durability: 'commit',
    layAhead: false,
    cacheBytes: 0,
    sliceBytes: 1,
    steps: [...BEGIN, ...steps, { do: 'settle' }],
  }
}

vi.setConfig({ testTimeout: UNHURRIED_MS })

describe('catalogue row 4: every workload of at most three operations', () => {
  it('leaves a state that it acknowledged or a later one, wherever the power is cut', async () => {
    let images = 0
    for (const [seed, names] of NAMES.entries()) {
      const run = await runWorkload(workloadOf(names, seed))
      const { workload, states, durable, storage } = run
      expect(protocolBreach(storage.log)).toBeUndefined()
      const from = durable.find(({ state }) => state === BEGIN.length - 1)?.boundary ?? 0
      for (let boundary = from; boundary <= storage.boundary; boundary++) {
        if (isOfSmallInterest(storage, boundary, seed + boundary)) continue
        const expected = { workload, states, atLeast: acknowledgedAt(durable, boundary) }
        const options = { seed: seed + boundary, exhaustiveUpTo: long ? 12 : 1, samples: long ? 200 : 2 }
        for (const choice of subsetsAt(storage, boundary, options)) {
          images++
          const image = storage.imageAfter(boundary, choice)
          const { db } = await openImage(image, expected).catch((error: unknown) => {
            throw new Error(`${names.join(', ')}: boundary ${boundary}, choice ${JSON.stringify(choice)}`, {
              cause: error,
            })
          })
          if ((seed + boundary) % (long ? 3 : 80) === 0) await goesOn(image, db, expected)
        }
      }
    }
    console.log(`row 4: ${NAMES.length} workloads, ${images} images`)
    expect(NAMES.length).toBe(6 + 36 + 216)
  })
})
