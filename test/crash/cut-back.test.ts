/**
 * A failed batch is cut back, and its stale frames must not come back to life behind a shorter retry.
 */
import { describe, expect, it } from 'vitest'
import type { Fault } from '../support/faulty-storage.js'
import { cutBack } from '../support/workload-cut-back.js'

const FAULTS: readonly Fault[] = [
  { error: 'EIO' },
  { error: 'EIO', applied: true },
  ...[1, 100, 400, 700, 'half' as const, 'allButOne' as const].map((short) => ({
    short,
    nextError: 'ENOSPC',
  })),
]

describe('a failed batch', () => {
  for (const layAhead of [false, true]) {
    for (const fault of FAULTS) {
      it(`${JSON.stringify(fault)}, zeros laid ahead: ${layAhead}`, async () => {
        expect(await cutBack({ fault, layAhead })).toBeGreaterThan(0)
      })
    }
  }
})
