/** Followers and feeds beside a writer that checkpoints, compacts, fails, crashes and recovers: see `follow-session.ts`. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { count, long, seed } from '../support/counts.js'
import { FollowSession, followSteps } from '../support/follow-session.js'

const TIMEOUT_MS = long ? 1_200_000 : 120_000

describe('a follower and its feed', () => {
  it(
    'are at what the writer did, whatever became of it (I24, I25)',
    async () => {
      let rowHits = 0
      const property = fc.asyncProperty(
        followSteps(),
        fc.constantFrom(64 * 1024, 8 * 1024 * 1024),
        async (steps, cacheBytes) => {
          const session = new FollowSession(cacheBytes)
          await session.run(steps)
          rowHits += session.rowHits
        },
      )
      // One that hangs is to be seen with its steps.
      await fc.assert(property, { seed, numRuns: count(30, 2000), timeout: 60_000 })
      expect(rowHits).toBeGreaterThan(0)
    },
    TIMEOUT_MS,
  )

  it('are seen to be wrong if a commit is left out', async () => {
    const session = new FollowSession()
    const apply = session.replica.apply.bind(session.replica)
    let seen = 0
    session.replica.apply = (commit) => {
      if (++seen !== 2) apply(commit)
    }
    const put = { kind: 'put', name: 'x', key: 'a', value: 1 } as const
    const steps = [{ kind: 'register', name: 'x' }, put, { ...put, key: 'b' }] as const
    await expect(session.run(steps)).rejects.toThrow('expected')
  })
})
