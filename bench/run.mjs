/**
 * First figures: what the engine does, operation by operation, at the sizes given.
 *
 *     npm run bench                         100,000 and 1,000,000 rows
 *     npm run bench -- --rows 100000        one size
 *
 * Every read is checked. Nothing is asserted about time; event-loop pauses are measured with a resolution of 1 ms.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { choices, keys, rows } from './rows.mjs'

const started = performance.now()
const { Database } = await import('../dist/index.js')
const importMs = performance.now() - started

const SEED = 1
const { values } = parseArgs({ options: { rows: { type: 'string', multiple: true } } })
const sizes = (values.rows ?? ['100000', '1000000']).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'varve-bench-'))

function print(label, count, ms, more = '') {
  const rate = Math.round((count / ms) * 1000).toLocaleString('en')
  const each = ((ms / count) * 1000).toFixed(2)
  console.log(`  ${label.padEnd(44)} ${rate.padStart(12)} /s ${each.padStart(10)} us each  ${more}`)
}

async function timed(label, count, run, more) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const start = performance.now()
  await run()
  const ms = performance.now() - start
  delay.disable()
  const pause = `loop p99.9 ${(delay.percentile(99.9) / 1e6).toFixed(1)} ms, max ${(delay.max / 1e6).toFixed(1)} ms`
  print(label, count, ms, more === undefined ? pause : `${pause}  ${more()}`)
}

function check(holds, what) {
  if (!holds) throw new Error(`The benchmark read something wrong: ${what}`)
}

async function load(path, count) {
  const db = await Database.open(path, { durability: 'os' })
  await db.registerCollection('rows', [], 'id')
  const collection = db.collection('rows')
  await timed('load, batches of 1,000, not synced', count, async () => {
    let batch = []
    for (const row of rows(count, SEED)) {
      batch.push(row)
      if (batch.length === 1000) {
        await collection.insertMany(batch)
        batch = []
      }
    }
    if (batch.length > 0) await collection.insertMany(batch)
    await db.sync()
  })
  await db.close()
}

async function durable(path, times) {
  const db = await Database.open(path)
  await db.registerCollection('durable', [], 'id')
  const collection = db.collection('durable')
  const list = [...rows(times * 20, 7)]
  let at = 0
  await timed('durable, one at a time, async', times, async () => {
    for (let i = 0; i < times; i++) await collection.put(list[at++])
  })
  await timed('durable, one at a time, putSync', times, () => {
    for (let i = 0; i < times; i++) collection.putSync(list[at++])
  })
  await timed('durable, 64 at a time', times * 16, async () => {
    for (let i = 0; i < times * 16; i += 64) {
      await Promise.all(
        Array.from({ length: Math.min(64, times * 16 - i) }, () => collection.put(list[at++])),
      )
    }
  })
  check(collection.count() === at, 'the number of durable rows')
  await db.close()
}

async function reads(db, count) {
  const collection = db.collection('rows')
  const all = keys(count, SEED)
  const gets = Math.min(count, 200_000)
  const chosen = choices(gets, count, 3)
  await timed('get, uniform', gets, () => {
    for (const i of chosen) {
      const row = collection.get(all[i])
      if (row?.id !== all[i]) check(false, `the row of ${all[i]}`)
    }
  })
  await timed('get, missing', gets, () => {
    for (const i of chosen) if (collection.get(`${all[i]}!`) !== undefined) check(false, 'a missing row')
  })
  const ranges = 2000
  const starts = choices(ranges, count, 4)
  await timed('range of 100 rows', ranges, () => {
    for (const i of starts) {
      let seen = 0
      for (const row of collection.range({ gte: all[i], limit: 100 })) if (row.id >= all[i]) seen += 1
      check(seen > 0, 'a range')
    }
  })
  await timed('full scan', count, () => {
    let seen = 0
    for (const row of collection.range()) seen += row.age >= 0 ? 1 : 0
    check(seen === count, 'the number of rows scanned')
  })
  await timed('count of a range', ranges, () => {
    for (const i of starts) check(collection.count({ gte: all[i] }) >= 1, 'a count')
  })
}

async function updates(db, count) {
  const collection = db.collection('rows')
  const all = keys(count, SEED)
  const transactions = 200
  const chosen = choices(transactions * 100, count, 5)
  await timed('update in transactions of 100, not synced', transactions * 100, async () => {
    for (let t = 0; t < transactions; t++) {
      await db.transaction((tx) => {
        const rowsOf = tx.collection('rows')
        for (let i = 0; i < 100; i++) rowsOf.update(all[chosen[t * 100 + i]], { level: i })
      })
    }
  })
  check(collection.count() === count, 'the number of rows after updates')
}

console.log(
  `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, import of varve ${importMs.toFixed(1)} ms`,
)
try {
  for (const count of sizes) {
    console.log(`\n${count.toLocaleString('en')} rows`)
    const path = join(folder, `${count}.varve`)
    await load(path, count)
    console.log(
      `  file ${(statSync(path).size / 2 ** 20).toFixed(1)} MiB, ${(statSync(path).size / count).toFixed(1)} bytes a row`,
    )
    let db
    await timed('reopen until the first get', 1, async () => {
      db = await Database.open(path, { durability: 'os' })
      check(db.collection('rows').get(keys(1, SEED)[0]) !== undefined, 'the first row')
    })
    await reads(db, count)
    await updates(db, count)
    await db.close()
    await durable(join(folder, `durable-${count}.varve`), 1000)
    console.log(`  resident memory ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
