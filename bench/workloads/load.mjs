/** Loading rows in batches of 1,000, not synced; what the event loop sees of it, and bytes of file a row. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { check, clock, loopDelays, memory, turn, warmUp } from '../harness/measure.mjs'
import { profiled } from '../harness/profile.mjs'
import { rowAt, rowsFrom } from '../harness/rows.mjs'

const BATCH = 1000
/** Rows are made in such portions, while no clock runs. */
const PORTION = 25_000
const WARM_ROWS = 50_000

async function loadRows(handle, count, delays) {
  const took = { seconds: 0, cpuSeconds: 0 }
  for (let first = 0; first < count; first += PORTION) {
    const length = Math.min(PORTION, count - first)
    const batches = Array.from({ length: Math.ceil(length / BATCH) }, (_, i) =>
      rowsFrom(first + i * BATCH, Math.min(BATCH, length - i * BATCH), count),
    )
    await delays.resume()
    const stop = clock()
    for (const batch of batches) {
      await handle.load(batch)
      await turn()
    }
    const { seconds, cpuSeconds } = stop()
    took.seconds += seconds
    took.cpuSeconds += cpuSeconds
    delays.pause()
  }
  return took
}

async function loadAnother({ open, folder, indexed }) {
  const warm = join(folder, 'warm')
  mkdirSync(warm)
  const handle = await open({ folder: warm, indexed })
  await loadRows(handle, WARM_ROWS, loopDelays())
  await handle.close()
  rmSync(warm, { recursive: true })
}

async function load(job) {
  await warmUp(() => loadAnother(job))
  const { open, count, indexed } = job
  const handle = await open({ indexed })
  const delays = loopDelays()
  const took = await profiled(() => loadRows(handle, count, delays))
  const { peakMiB, mappedMiB } = memory()
  for (const i of [0, count >> 1, count - 1]) {
    const row = await handle.get(rowAt(i, count).id)
    for (const [name, value] of Object.entries(rowAt(i, count))) {
      check(row?.[name] === value, `the ${name} of row ${i}`)
    }
  }
  await handle.close()
  const bytesPerRow = handle.bytes() / count
  return { operations: count, ...took, bytesPerRow, p999Ms: delays.p999(), peakMiB, mappedMiB }
}

export const loads = {
  'load-plain': { leaves: 'plain', run: (job) => load({ ...job, indexed: false }) },
  'load-indexed': { leaves: 'indexed', run: (job) => load({ ...job, indexed: true }) },
}
