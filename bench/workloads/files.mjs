/** What is done with a whole file: opening it, exporting a snapshot, verifying. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { check, timed } from '../harness/measure.mjs'
import { createdAt, keyAt } from '../harness/rows.mjs'

const LATER_OPENS = 5

async function openAndGet({ open, count }) {
  const i = count >> 1
  let handle
  const took = await timed(async () => {
    handle = await open({ indexed: false })
    const row = await handle.get(keyAt(i))
    check(row?.created === createdAt(i), 'the first row after an open')
  })
  await handle.close()
  return took
}

/** The first open of a process, whose code runs for the first time, and later ones. */
async function reopen(job) {
  const took = await openAndGet(job)
  const later = []
  for (let i = 0; i < LATER_OPENS; i++) later.push(await openAndGet(job))
  later.sort((a, b) => a.seconds - b.seconds)
  return { operations: 1, ...took, later: later[LATER_OPENS >> 1] }
}

async function whole(job, method, run) {
  const handle = await job.open({ indexed: false })
  if (handle[method] === undefined) return undefined
  const took = await timed(() => run(handle))
  await handle.close()
  return { operations: job.count, ...took }
}

function exported(job) {
  const target = join(job.folder, 'exported')
  mkdirSync(target)
  return whole(job, 'exportTo', (handle) => handle.exportTo(target))
}

export const files = {
  reopen: { fixture: 'plain', changes: true, run: reopen },
  export: { fixture: 'plain', changes: true, run: exported },
  verify: {
    fixture: 'plain',
    changes: true,
    run: (job) => whole(job, 'verify', (handle) => handle.verify()),
  },
}
