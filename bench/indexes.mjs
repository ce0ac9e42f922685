/**
 * What secondary indexes give and cost: queries over them, and adding them to rows while reads and writes go on.
 *
 *     npm run bench:indexes                      1,000,000 rows
 *     npm run bench:indexes -- --rows 100000
 *
 * Rows of `rows.mjs`, with a field `group` that ten rows share. What queries return is checked.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { Database } from '../dist/index.js'
import { choices, rows } from './rows.mjs'

const BATCH = 1000
const PER_GROUP = 10
const OPERATIONS = 20_000
/** Each kind of query runs for so long before any is timed: with other choices, so that code is compiled and caches hold what they may. */
const WARM_UP_MS = 1500
/** After so long without a write the database has stored what cannot be evicted otherwise. */
const REST_MS = 3000
const LARGE_CACHE_BYTES = 512 * 2 ** 20
const INDEXES = { byGroup: { on: 'group' }, byScore: { on: 'score' }, byCity: { on: ['city', 'created'] } }

function check(holds, what) {
  if (!holds) throw new Error(`The benchmark read something wrong: ${what}`)
}

/** Rows, ten of each group. Groups come in no order. */
function* groupedRows(count) {
  const groups = count / PER_GROUP
  let i = 0
  for (const row of rows(count, 1)) yield { ...row, group: (i++ * 7919) % groups }
}

async function load(collection, count) {
  const start = performance.now()
  let batch = []
  for (const row of groupedRows(count)) {
    batch.push(row)
    if (batch.length < BATCH) continue
    await collection.insertMany(batch)
    batch = []
  }
  return performance.now() - start
}

/** Adds the indexes while one loop reads and another writes. */
async function addIndexes(db, collection, count) {
  let [reads, writes] = [0, 0]
  const loops = { goOn: true }
  const [sample] = groupedRows(PER_GROUP)
  const reading = (async () => {
    for (; loops.goOn; reads++) {
      collection.get(sample.id)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  const writing = (async () => {
    for (; loops.goOn; writes++) {
      await collection.put(sample)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const start = performance.now()
  await db.registerCollection('rows', [], 'id', { indexes: INDEXES })
  const ms = performance.now() - start
  delay.disable()
  loops.goOn = false
  await Promise.all([reading, writing])
  const pause = `loop p99.9 ${(delay.percentile(99.9) / 1e6).toFixed(1)} ms, longest ${(delay.max / 1e6).toFixed(1)} ms`
  const n = count.toLocaleString('en')
  console.log(
    `  three indexes added to ${n} rows: ${(ms / 1000).toFixed(1)} s, ${pause}, ${reads} reads and ${writes} writes meanwhile`,
  )
}

/** Every kind of query: its name, how many are timed, and one of them, by its number. */
function queriesOf(collection, count, seed) {
  const chosen = choices(OPERATIONS, count / PER_GROUP, seed)
  const ids = []
  for (const { id } of rows(1000, 1)) ids.push(id)
  const found = (filter, options) => collection.find(filter, options).toArray().length
  return [
    {
      label: 'get',
      operations: OPERATIONS,
      run: (i) => check(collection.get(ids[i % ids.length]) !== undefined, 'a row'),
    },
    {
      label: 'equality, 10 rows',
      operations: OPERATIONS,
      run: (i) => check(found({ group: chosen[i] }) === PER_GROUP, 'ten rows of a group'),
    },
    {
      label: 'range, limit 50',
      operations: OPERATIONS / 10,
      run: (i) => check(found({ score: { $gte: (i % 900) + 0.5 } }, { limit: 50 }) === 50, 'fifty rows'),
    },
    {
      label: 'in order of the index, limit 50',
      operations: OPERATIONS / 10,
      run: () =>
        check(found({ city: 'Oslo' }, { orderBy: { created: 'desc' }, limit: 50 }) === 50, 'fifty rows'),
    },
    {
      label: 'count over a range',
      operations: OPERATIONS,
      run: (i) =>
        check(collection.find({ score: { $gte: i % 900, $lt: (i % 900) + 50 } }).count() > 0, 'a count'),
    },
  ]
}

function warmUp(collection, count) {
  for (const { operations, run } of queriesOf(collection, count, 4)) {
    const end = performance.now() + WARM_UP_MS
    for (let i = 0; performance.now() < end; i = (i + 1) % operations) run(i)
  }
}

function queries(collection, count) {
  for (const { label, operations, run } of queriesOf(collection, count, 5)) {
    const start = performance.now()
    for (let i = 0; i < operations; i++) run(i)
    const us = ((performance.now() - start) / operations) * 1000
    console.log(`  ${label}: ${us.toFixed(1)} us`)
  }
}

/** The same with a cache that holds the whole index, twice: the first time fills it. */
async function queriesOfLargeCache(path, count) {
  const db = await Database.open(path, { cacheBytes: LARGE_CACHE_BYTES })
  for (const _ of [1, 2]) {
    console.log(`  with a cache of ${LARGE_CACHE_BYTES / 2 ** 20} MiB:`)
    queries(db.collection('rows'), count)
  }
  await db.close()
}

const { values } = parseArgs({ options: { rows: { type: 'string' } } })
const count = Number(values.rows ?? 1_000_000)
const folder = mkdtempSync(join(tmpdir(), 'varve-bench-'))
try {
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, ${count.toLocaleString('en')} rows`,
  )
  for (const indexes of [{}, INDEXES]) {
    const db = await Database.open(join(folder, `${Object.keys(indexes).length}.varve`), { durability: 'os' })
    const collection = await db.registerCollection('rows', [], 'id', { indexes })
    const ms = await load(collection, count)
    const speed = Math.round((count / ms) * 1000).toLocaleString('en')
    console.log(`  load with ${Object.keys(indexes).length} indexes: ${speed} rows/s`)
    if (indexes === INDEXES) {
      warmUp(collection, count)
      queries(collection, count)
      await new Promise((resolve) => setTimeout(resolve, REST_MS))
      console.log(`  after a rest of ${REST_MS / 1000} s:`)
      warmUp(collection, count)
      queries(collection, count)
      console.log(String(collection.find({ group: 1 }).explain()).replaceAll(/^/gmu, '    '))
    } else await addIndexes(db, collection, count)
    await db.close()
    if (indexes === INDEXES) await queriesOfLargeCache(db.path, count)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
