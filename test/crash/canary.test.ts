/**
 * The crash tests can fail: with any one kind of sync left out, one of them turns red.
 */
import { describe, expect, it } from 'vitest'
import type { Storage } from '../../src/storage/storage.js'
import { seed } from '../support/counts.js'
import { SyncDropper, type SyncKind } from '../support/workload-canary.js'
import { openImage } from '../support/workload-checks.js'
import { cutBack } from '../support/workload-cut-back.js'
import { protocolBreach } from '../support/workload-protocol.js'
import { cutInsideRecovery } from '../support/workload-recovery.js'
import { acknowledgedAt, DATABASE_PATH, runWorkload } from '../support/workload-run.js'
import { randomWorkload } from '../support/workload.js'

type Wrap = (storage: Storage) => Storage
type Check = (wrap: Wrap | undefined, attempt: number) => Promise<void>

/** Rows 1 to 3 in small. */
async function powerCuts(wrap: Wrap | undefined, attempt: number, indexed?: boolean): Promise<void> {
  const options = { durability: 'commit', indexed } as const
  const run = await runWorkload(randomWorkload(seed + attempt, options), { wrap })
  const { workload, states, durable, storage } = run
  expect(protocolBreach(storage.log)).toBeUndefined()
  for (let boundary = 0; boundary <= storage.boundary; boundary++) {
    const expected = { workload, states, atLeast: acknowledgedAt(durable, boundary) }
    await openImage(storage.imageAfter(boundary), expected)
    const sectors = { survivors: { seed: seed + attempt + boundary, sectorBytes: 512 } }
    await openImage(storage.imageAfter(boundary, sectors), expected)
  }
}

/** The same, of workloads that take checkpoints and compact. */
async function cutsOfCompactions(wrap: Wrap | undefined, attempt: number): Promise<void> {
  await powerCuts(wrap, attempt, true)
}

/** Row 5 in small: recovering after a kill, and after a torn write. */
async function recoveries(wrap: Wrap | undefined, attempt: number): Promise<void> {
  const run = await runWorkload(randomWorkload(seed + attempt, { steps: 6 }))
  const { workload, states, durable, storage } = run
  for (let boundary = 8; boundary <= storage.boundary; boundary += 3) {
    const expected = { workload, states, atLeast: acknowledgedAt(durable, boundary) }
    await cutInsideRecovery(storage.killImage(boundary), expected, { seed: seed + attempt, wrap })
    const open = storage.openAt(boundary).findLast((index) => storage.log[index]?.kind === 'write')
    if (open === undefined || pathAt(storage.log[open]) !== DATABASE_PATH) continue
    const tear = { operation: open, keep: 100, rest: 'garbage' } as const
    const torn = storage.imageAfter(boundary, { survivors: 'all', tear })
    await cutInsideRecovery(torn, expected, { seed: seed + attempt, wrap })
  }
}

function pathAt(operation: { readonly path: string } | undefined): string | undefined {
  return operation?.path
}

async function cutBacks(wrap: Wrap | undefined): Promise<void> {
  await cutBack({ fault: { error: 'EIO', applied: true }, layAhead: false, wrap })
}

/** Which test is to notice which sync. */
const NOTICED_BY: readonly (readonly [SyncKind, Check])[] = [
  ['created', powerCuts],
  ['createdName', powerCuts],
  ['commit', powerCuts],
  ['session', powerCuts],
  ['checkpoint', powerCuts],
  ['compacted', cutsOfCompactions],
  ['compactedName', cutsOfCompactions],
  ['rewrite', recoveries],
  ['cutBegin', cutBacks],
  ['cutTruncate', cutBacks],
  ['cutEnd', cutBacks],
  ['cutBegin', recoveries],
  ['quarantine', recoveries],
  ['quarantineName', recoveries],
]

/** Whether a cut hits the moment that needs the sync is a matter of the seed; a red one ends the search. */
const ATTEMPTS = 100

async function isRed(kind: SyncKind, check: Check): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const droppers: SyncDropper[] = []
    const wrap: Wrap = (storage) => {
      const dropper = new SyncDropper(storage, kind)
      droppers.push(dropper)
      return dropper
    }
    const failed = await check(wrap, attempt).then(
      () => false,
      () => true,
    )
    if (failed && droppers.some(({ dropped }) => dropped > 0)) return true
  }
  return false
}

describe('catalogue row 20 in small: a sync left out is noticed', () => {
  for (const [kind, check] of NOTICED_BY) {
    it(`${kind}, by ${check.name}`, async () => {
      expect(await isRed(kind, check)).toBe(true)
    })
  }

  it('and nothing is noticed with all syncs in place', async () => {
    for (const check of [powerCuts, recoveries, cutBacks]) await check(undefined, 0)
  })
})
