/** The past of random workloads: every commit, and every version of every row, as the model remembers them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { count, seed } from '../support/counts.js'
import { checkHistories, checkStates, PastSession, type Step, steps } from '../support/history-session.js'

async function compare(all: readonly Step[]): Promise<void> {
  const session = new PastSession()
  await session.run(all)
  checkStates(session.db, session.model)
  await checkHistories(session.db, session.model)
  await session.db.close()
  await session.open()
  checkStates(session.db, session.model)
  await checkHistories(session.db, session.model)
  await session.db.close()
}

describe('the past', () => {
  it('is what the model remembers, at every commit and date, for every row', async () => {
    const property = fc.asyncProperty(steps(), compare)
    await fc.assert(property, { seed, numRuns: count(40, 2000) })
  })

  it('is seen to be wrong if a commit or a version differs', async () => {
    const session = new PastSession()
    const put = { kind: 'put', name: 'x', key: 'a', value: 1 } as const
    await session.run([
      { kind: 'change', change: { kind: 'register', name: 'x' } },
      { kind: 'change', change: put },
      { kind: 'change', change: { ...put, value: 2 } },
    ])
    checkStates(session.db, session.model)
    await checkHistories(session.db, session.model)
    const { commits } = session.model
    const second = commits[2]
    if (second === undefined) throw new TypeError('a commit')
    commits[2] = { ...second, time: second.time + 1 }
    expect(() => checkStates(session.db, session.model)).toThrow('expected')
    await expect(checkHistories(session.db, session.model)).rejects.toThrow('expected')
    await session.db.close()
  })
})
