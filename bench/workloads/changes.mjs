/** Changes to a loaded file: read-modify-write in transactions, YCSB's mixes, deletion of half and compaction. Not synced. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { randomFrom, uniform, zipfian } from '../harness/choices.mjs'
import { check, measure, timed, WARM_SECONDS, warmUp } from '../harness/measure.mjs'
import { createdAt, keyAt, rowAt, rowsFrom } from '../harness/rows.mjs'

const OF_A_TRANSACTION = 100
const TRANSACTIONS = { count: 300, warm: 300, pace: 1, warmSeconds: WARM_SECONDS }
const MIXED = { count: 40_000, warm: 40_000, pace: 1000, warmSeconds: WARM_SECONDS }
const MOSTLY_READ = { count: 100_000, warm: 100_000, pace: 1000, warmSeconds: WARM_SECONDS }
/** What is inserted is there when it is inserted again, so that the warm-up goes through its numbers once. */
const WITH_SCANS = { count: 4000, warm: 4000, pace: 100 }
const LONGEST_SCAN = 100
const REMOVED_AT_ONCE = 1000
const WARM_BATCHES = 30

async function updates(job) {
  const handle = await job.open({ indexed: false })
  if (handle.modify === undefined) return undefined
  const { count, warm } = TRANSACTIONS
  const chosen = uniform((count + warm) * OF_A_TRANSACTION, job.count, 7)
  const keys = Array.from(chosen, keyAt)
  const change = (row) => ({ ...row, level: row.level + 1 })
  const took = await measure(TRANSACTIONS, (i) =>
    handle.modify(keys.slice(i * OF_A_TRANSACTION, (i + 1) * OF_A_TRANSACTION), change),
  )
  const times = (part) => part.filter((i) => i === chosen[0]).length
  const warmed = warm * OF_A_TRANSACTION
  const updated = times(chosen.slice(0, warmed)) * took.rounds + times(chosen.slice(warmed))
  const { level } = await handle.get(keys[0])
  check(level === rowAt(chosen[0], job.count).level + updated, 'the level of a row that was updated')
  await handle.close()
  return { operations: count * OF_A_TRANSACTION, ...took }
}

/** One of YCSB's mixes: `operations` maps a share of them, cumulated, to what is done with row `chosen[i]`. */
async function mix(job, counts, shares) {
  const handle = await job.open({ indexed: false })
  const total = counts.count + counts.warm
  const chosen = zipfian(total, job.count, 8)
  const keys = Array.from(chosen, keyAt)
  const random = randomFrom(9)
  const kinds = Array.from({ length: total }, () => {
    const share = random()
    return shares.find(([below]) => share < below)[1]
  })
  const operation = kinds.some((kind) => needs[kind].some((name) => handle[name] === undefined))
    ? undefined
    : (i) => mixed[kinds[i]]({ handle, key: keys[i], number: chosen[i], i, count: job.count })
  if (operation === undefined) return undefined
  const took = await measure(counts, operation)
  await handle.close()
  return { operations: counts.count, ...took }
}

const needs = {
  read: ['get'],
  update: ['update'],
  scan: ['range'],
  insert: ['insert'],
  modify: ['get', 'update'],
}

function verdict(row, number) {
  check(row !== undefined && row.created === createdAt(number), `row ${number}`)
  return row
}

function read({ handle, key, number }) {
  const row = handle.get(key)
  return row instanceof Promise ? row.then((found) => verdict(found, number)) : verdict(row, number)
}

function scanned(rows, key) {
  check(rows.length > 0 && rows[0].id === key, `the range from ${key}`)
}

const mixed = {
  read,
  update: ({ handle, key, i }) => handle.update(key, i % 1000),
  modify(of) {
    const row = read(of)
    const write = ({ level }) => of.handle.update(of.key, level + 1)
    return row instanceof Promise ? row.then(write) : write(row)
  },
  insert: ({ handle, i, count }) => handle.insert(rowAt(count + i, count)),
  scan({ handle, key, i }) {
    const rows = handle.range(key, 1 + ((i * 7919) % LONGEST_SCAN))
    return rows instanceof Promise ? rows.then((found) => scanned(found, key)) : scanned(rows, key)
  },
}

/** Deletes half of another file's rows, so that the code for it is compiled. */
async function warmDeletes({ open, folder }) {
  const warm = join(folder, 'warm')
  mkdirSync(warm)
  const handle = await open({ folder: warm, indexed: false })
  const batches = Array.from({ length: WARM_BATCHES }, (_, i) =>
    rowsFrom(i * REMOVED_AT_ONCE, REMOVED_AT_ONCE, WARM_BATCHES * REMOVED_AT_ONCE),
  )
  for (const batch of batches) await handle.load(batch)
  for (const batch of batches) await handle.remove(batch.map(({ id }) => id))
  await handle.close()
  rmSync(warm, { recursive: true })
}

/** Two workloads in one process, since the second needs what the first leaves. */
async function deleteHalf(job) {
  await warmUp(() => warmDeletes(job))
  const handle = await job.open({ indexed: false })
  const keys = Array.from({ length: job.count >> 1 }, (_, i) => keyAt(i * 2))
  const counts = { count: Math.ceil(keys.length / REMOVED_AT_ONCE), warm: 0, pace: 1 }
  const took = await measure(counts, (i) =>
    handle.remove(keys.slice(i * REMOVED_AT_ONCE, (i + 1) * REMOVED_AT_ONCE)),
  )
  const gone = await handle.get(keys[0])
  check(gone === undefined || gone === null, 'a row that was deleted')
  verdict(await handle.get(keyAt(1)), 1)
  let [compacted, copyBytes] = []
  if (handle.compact !== undefined) {
    compacted = await timed(async () => {
      copyBytes = await handle.compact()
    })
    verdict(await handle.get(keyAt(1)), 1)
  }
  await handle.close()
  const bytes = typeof copyBytes === 'number' ? copyBytes : handle.bytes()
  const bytesPerRow = compacted === undefined ? undefined : bytes / (job.count - keys.length)
  return { operations: keys.length, ...took, compacted, bytesPerRow }
}

const changing = { fixture: 'plain', changes: true }
const ycsb = (shares, counts = MIXED) => ({ ...changing, run: (job) => mix(job, counts, shares) })

export const changes = {
  'update-100': { ...changing, run: updates },
  'ycsb-a': ycsb([
    [0.5, 'read'],
    [1, 'update'],
  ]),
  'ycsb-b': ycsb(
    [
      [0.95, 'read'],
      [1, 'update'],
    ],
    MOSTLY_READ,
  ),
  'ycsb-c': ycsb([[1, 'read']], MOSTLY_READ),
  'ycsb-e': ycsb(
    [
      [0.95, 'scan'],
      [1, 'insert'],
    ],
    WITH_SCANS,
  ),
  'ycsb-f': ycsb([
    [0.5, 'read'],
    [1, 'modify'],
  ]),
  'delete-half': { ...changing, run: deleteHalf },
}
