/** Followers in processes and threads of their own, through the package as built, beside a writer that compacts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { long, seed } from '../support/counts.js'
import { runFollowers } from '../support/follow-processes.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'

let directory: TemporaryDirectory

beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(() => {
  directory.remove()
})

describe('three processes and two threads that follow a writer (I24, I25)', () => {
  it(
    'see every commit once, and the writer’s rows at each; their memory stays flat',
    async () => {
      const durationMs = long ? 300_000 : 5000
      const path = directory.file('followed.varve')
      const summary = await runFollowers({ path, durationMs, seed, processes: 3, threads: 2 })
      console.log(`${JSON.stringify(summary)}, seed ${seed}`)
      expect(summary.compactions).toBeGreaterThan(0)
    },
    long ? 600_000 : 120_000,
  )

  it('are seen to miss a commit', async () => {
    const path = directory.file('canary.varve')
    const run = { path, durationMs: 300, seed, processes: 0, threads: 1, leaveOut: 5 }
    await expect(runFollowers(run)).rejects.toThrow('expected')
  })
})
