/** Durable commits of one row each: one at a time, blocking or not, and by 64 committers at once. */
import { check, measure, WARM_SECONDS } from '../harness/measure.mjs'
import { rowsFrom } from '../harness/rows.mjs'

const COMMITS = { count: 1500, warm: 1500, warmSeconds: WARM_SECONDS }
const COMMITTERS = 64
const COMMITS_OF_A_COMMITTER = 150
const WARM_ROUNDS = 3

async function oneAtATime({ open, blocking, method }) {
  const handle = await open({ durable: true, blocking })
  if (handle[method] === undefined) return undefined
  const { count, warm } = COMMITS
  const rows = rowsFrom(0, count + warm, count)
  const took = await measure(COMMITS, (i) => handle[method](rows[i]))
  check((await handle.get(rows.at(-1).id))?.created === rows.at(-1).created, 'the last durable row')
  await handle.close()
  return { operations: count, ...took }
}

async function manyAtOnce({ open }) {
  const handle = await open({ durable: true, blocking: false })
  const commit = handle.enqueue ?? handle.put
  if (commit === undefined) return undefined
  const rounds = COMMITS_OF_A_COMMITTER * COMMITTERS
  const rows = rowsFrom(0, rounds * (WARM_ROUNDS + 1), rounds)
  const all = (from) =>
    Promise.all(
      Array.from({ length: COMMITTERS }, async (_, committer) => {
        for (let i = committer; i < rounds; i += COMMITTERS) await commit(rows[from + i])
      }),
    )
  const took = await measure({ count: 1, warm: WARM_ROUNDS, warmSeconds: WARM_SECONDS }, (i) =>
    all(i * rounds),
  )
  check((await handle.get(rows.at(-1).id))?.created === rows.at(-1).created, 'the last durable row')
  await handle.close()
  return { operations: rounds, ...took }
}

export const durables = {
  'durable-sync': { run: (job) => oneAtATime({ ...job, blocking: true, method: 'putSync' }) },
  'durable-async': { run: (job) => oneAtATime({ ...job, blocking: false, method: 'put' }) },
  'durable-64': { run: manyAtOnce },
}
