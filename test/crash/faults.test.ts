/**
 * The storage fails once, at every call of random workloads, in every way that it can.
 */
import { describe, expect, it, vi } from 'vitest'
import { count, long, seed, UNHURRIED_MS } from '../support/counts.js'
import type { Fault, FaultPlan, FaultyOperation } from '../support/faulty-storage.js'
import { randomFrom } from '../support/random.js'
import { randomWorkload, type Workload } from '../support/workload.js'
import { forEachSeed } from '../support/workload-checks.js'
import { FaultRun } from '../support/workload-faults.js'

const FILE = 'test/crash/faults.test.ts'

const WRITES: readonly Fault[] = [
  { short: 0 },
  { short: 1, nextError: 'ENOSPC' },
  { short: 'half', nextError: 'EIO' },
  { short: 'allButOne', nextError: 'ENOSPC' },
  { short: 'half' },
  { error: 'EIO' },
  { error: 'ENOSPC', applied: true },
]
const OTHERS: readonly Fault[] = [{ error: 'EIO' }, { error: 'EMFILE' }, { error: 'EIO', applied: true }]
const SYNCS: readonly Fault[] = [{ error: 'EIO' }, { error: 'EIO', applied: true }]
/** Only the first of a failed sync and one that overlaps it is told of the loss, so these run one sync at a time. */
const LOSSES: readonly Fault[] = [{ lose: 'cached' }, { lose: 'evicted' }]

function faultsOf(operation: FaultyOperation, mixed: boolean): readonly Fault[] {
  if (operation === 'write') return WRITES
  if (operation === 'sync') return mixed ? SYNCS : [...SYNCS, ...LOSSES]
  return OTHERS
}

async function runWith(workload: Workload, plan: FaultPlan): Promise<void> {
  const run = new FaultRun(workload, plan)
  try {
    await run.run()
    expect(run.faulty.fired).toHaveLength('short' in plan.fault && plan.fault.nextError !== undefined ? 2 : 1)
  } catch (error) {
    const where = `${JSON.stringify(plan)}, fired ${JSON.stringify(run.faulty.fired)}`
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

async function callsOf(workload: Workload): Promise<[FaultyOperation, number][]> {
  const run = new FaultRun(workload, undefined)
  await run.run()
  return Object.entries(run.calls) as [FaultyOperation, number][] // Its keys are the operations.
}

vi.setConfig({ testTimeout: UNHURRIED_MS })

describe('faults', () => {
  it('catalogue row 9: at the Nth call of each operation', async () => {
    let faults = 0
    await forEachSeed(FILE, seed, count(30, 300), async (workloadSeed) => {
      const mixed = workloadSeed % 2 === 0
      const workload = randomWorkload(workloadSeed, { steps: 8, mixed })
      const random = randomFrom(workloadSeed)
      for (const [operation, calls] of await callsOf(workload)) {
        const kinds = faultsOf(operation, mixed)
        for (let nth = 1; nth <= calls; nth++) {
          for (const [i, fault] of kinds.entries()) {
            // Of calls that only look, one in ten is enough in every run.
            const likely = operation === 'write' || operation === 'sync' ? 2 : 1
            if (
              !long &&
              i !== (nth + workloadSeed) % kinds.length &&
              random.below(kinds.length * 16) >= likely
            )
              continue
            if (!long && likely === 1 && random.below(10) !== 0) continue
            faults++
            await runWith(workload, { operation, nth, fault })
          }
        }
      }
    })
    console.log(`row 9: ${faults} faults, seed ${seed}`)
    expect(faults).toBeGreaterThan(0)
  })

  it('catalogue row 10: every sync fails and drops its pages, and the next one succeeds', async () => {
    let syncs = 0
    await forEachSeed(FILE, seed ^ 0xaaaa, count(12, 200), async (workloadSeed) => {
      const workload = randomWorkload(workloadSeed, { steps: 8, mixed: false })
      const calls = (await callsOf(workload)).find(([operation]) => operation === 'sync')?.[1] ?? 0
      for (let nth = 1; nth <= calls; nth++) {
        for (const fault of LOSSES) {
          syncs++
          await runWith(workload, { operation: 'sync', nth, fault })
        }
      }
    })
    console.log(`row 10: ${syncs} failed syncs, seed ${seed}`)
    expect(syncs).toBeGreaterThan(0)
  })
})
