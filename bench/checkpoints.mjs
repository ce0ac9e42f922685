/**
 * What the index in the log costs and gives: opens, memory, pauses, write amplification.
 *
 *     npm run bench:checkpoints                               1,000,000 and 4,000,000 rows
 *     npm run bench:checkpoints -- --rows 100000 --more 400000 --only open,memory
 *
 * Each measurement runs in a process of its own, on files that others wrote; every row read is checked. Sizes are of the rows
 * of `rows.mjs` with a longer note, about 200 bytes each in the log.
 */
import { fork } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { choices, rows } from './rows.mjs'

const SEED = 1
const CACHE_BYTES = 64 * 2 ** 20
const BATCH = 1000
const KILLS = 5
/** Of a key of `rows.mjs`. */
const ID_BYTES = 16

/** The rows of `rows.mjs`, with a note that makes each about 200 bytes in the log. */
function* longRows(count, seed) {
  for (const row of rows(count, seed))
    yield { ...row, note: `${row.note} ${row.name} ${row.email} ${row.id} ${row.id}` }
}

/** Peak resident memory of this process in MiB. */
function peakMiB() {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))
  return line === null ? process.memoryUsage().rss / 2 ** 20 : Number(line[1]) / 1024
}

function check(holds, what) {
  if (!holds) throw new Error(`The benchmark read something wrong: ${what}`)
}

async function database() {
  const start = performance.now()
  const { Database } = await import('../dist/index.js')
  return { Database, importMs: performance.now() - start }
}

function timeOf(work) {
  const start = performance.now()
  work()
  return performance.now() - start
}

/** What a process of its own does, by name. Each returns what is to be printed. */
const roles = {
  empty: async () => ({ peakMiB: peakMiB() }),

  /** Makes the rows of a load, and does nothing with them: what of the memory is the program's that loads. */
  make: async ({ count }) => {
    let batch = []
    for (const row of longRows(count, SEED)) {
      batch.push(row)
      if (batch.length < BATCH) continue
      await new Promise((resolve) => setTimeout(resolve, 0))
      batch = []
    }
    return { peakMiB: peakMiB() }
  },

  load: async ({ path, count, cacheBytes = CACHE_BYTES }) => {
    const { Database } = await database()
    const db = await Database.open(path, { durability: 'os', cacheBytes })
    const collection = await db.registerCollection('rows', [], 'id')
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const start = performance.now()
    let batch = []
    for (const row of longRows(count, SEED)) {
      batch.push(row)
      if (batch.length < BATCH) continue
      // What making the rows takes is no pause of the database's.
      await new Promise((resolve) => setTimeout(resolve, 0))
      await collection.insertMany(batch)
      batch = []
    }
    const ms = performance.now() - start
    delay.disable()
    check(collection.count() === count, 'the number of rows')
    const stats = db.stats()
    await db.close()
    return {
      ms,
      pauseMs: delay.percentile(99.9) / 1e6,
      longestMs: delay.max / 1e6,
      fileBytes: statSync(path).size,
      recordBytes: stats.records.liveBytes + stats.records.deadBytes,
      peakMiB: peakMiB(),
    }
  },

  /** The first open of a process, whose code is cold, and later ones. */
  open: async ({ path, id, again, scans = false }) => {
    const { Database, importMs } = await database()
    const times = []
    let transactionsApplied
    let cpuMs
    let scanMs
    for (let i = 0; i <= again; i++) {
      const usedBefore = process.cpuUsage()
      const start = performance.now()
      const db = await Database.open(path)
      const row = db.get('rows', id)
      times.push(performance.now() - start)
      const { user, system } = process.cpuUsage(usedBefore)
      cpuMs ??= (user + system) / 1000
      check(row?.id === id, `the row of ${id}`)
      transactionsApplied ??= db.recoveryInfo.transactionsApplied
      if (scans)
        scanMs = timeOf(() =>
          check([...db.collection('rows').range({ limit: 100 })].length === 100, 'a range'),
        )
      await db.close()
    }
    const [ms, ...later] = times
    return { importMs, ms, cpuMs, laterMs: later, transactionsApplied, scanMs }
  },

  /** Takes a checkpoint, commits so many bytes of log more, and is killed. */
  kill: async ({ path, count, logBytes, order }) => {
    const { Database } = await database()
    // With the default cache, rows in no order would call for another checkpoint on the way.
    const db = await Database.open(path, { durability: 'os', cacheBytes: 8 * CACHE_BYTES })
    await db.checkpoint()
    const from = statSync(path).size
    const source = sources[order](count)
    let batch = []
    for (const row of source) {
      batch.push(row)
      if (batch.length < 100) continue
      await db.transaction((tx) => batch.forEach((one) => tx.collection('rows').put(one)))
      batch = []
      if (statSync(path).size - from >= logBytes) break
    }
    process.send({ logBytes: statSync(path).size - from })
    process.kill(process.pid, 'SIGKILL')
    return {}
  },

  /** Writes keys spread over all rows to a file: a process that makes all rows for them takes more memory than one that reads. */
  choose: async ({ path, count }) => {
    writeFileSync(path, idsAtRandom(count, Math.min(count, 200_000)).join(''))
    return {}
  },

  /** Reads the keys of a file, several times over in another order each time. */
  read: async ({ path, keys, reads }) => {
    const { Database } = await database()
    const ids = readFileSync(keys)
    const chosen = choices(reads, ids.length / ID_BYTES, 3)
    const ownMiB = peakMiB()
    const db = await Database.open(path, { mode: 'readOnly', cacheBytes: CACHE_BYTES })
    const collection = db.collection('rows')
    const start = performance.now()
    for (const i of chosen) {
      const id = ids.latin1Slice(i * ID_BYTES, (i + 1) * ID_BYTES)
      check(collection.get(id)?.id === id, `the row of ${id}`)
    }
    const ms = performance.now() - start
    const { cache } = db.stats()
    await db.close()
    return { ms, reads, cache, ownMiB, peakMiB: peakMiB() }
  },
}

/** Keys of rows chosen at random; holding all of them would be this process's memory, not the database's. */
function idsAtRandom(count, wanted) {
  const chosen = new Set(choices(wanted, count, 11))
  const ids = []
  let i = 0
  for (const { id } of rows(count, SEED)) if (chosen.has(i++)) ids.push(id)
  return ids
}

/** What is written behind the checkpoint: rows whose keys come in order, as generated ones do, or at random, or replacements. */
const sources = {
  appended: function* (count) {
    let i = 0
    for (const row of longRows(count, SEED + 1)) yield { ...row, id: `~${String(i++).padStart(15, '0')}` }
  },
  inserted: (count) => longRows(count, SEED + 1),
  updated: updatesOf,
}

function* updatesOf(count) {
  const random = choices(count, count, 9)
  const all = [...longRows(count, SEED)]
  for (const i of random) yield { ...all[i], level: 10 }
}

/** Runs a role in a process of its own, with options of Node's or V8's. */
function run(role, options, execArgv = []) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [], {
      execArgv,
      env: { ...process.env, VARVE_BENCH_ROLE: JSON.stringify({ role, options }) },
    })
    let result
    child.on('message', (message) => {
      result = message
    })
    child.on('exit', (code) =>
      result === undefined ? reject(new Error(`${role} ended with ${code}`)) : resolve(result),
    )
  })
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}

/** The median, the least and the most. */
function spread(values) {
  return `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`
}

async function printOpens(label, path, count, execArgv = []) {
  const [first] = rows(1, SEED)
  const results = []
  for (let i = 0; i < 7; i++) results.push(await run('open', { path, id: first.id, again: 10 }, execArgv))
  const cold = spread(results.map((one) => one.ms))
  // On a machine with other work, the time on the clock says little.
  const cpu = spread(results.map((one) => one.cpuMs))
  const warm = spread(results.flatMap((one) => one.laterMs))
  const imports = spread(results.map((one) => one.importMs))
  console.log(
    `  ${label}, ${count.toLocaleString('en')} rows, open to first get: first of a process ${cold} ms (processor time ${cpu} ms), later ones ${warm} ms, import ${imports} ms, ${results[0].transactionsApplied} transactions replayed`,
  )
}

async function printKilled(path, count, order) {
  const [first] = rows(1, SEED)
  const copy = `${path}.copy`
  const opens = []
  let behind = 0
  for (let i = 0; i < KILLS; i++) {
    // Each begins with the same file: what one leaves behind would be the next one's load.
    copyFileSync(path, copy)
    const { logBytes } = await run('kill', { path: copy, count, logBytes: 10 * 2 ** 20, order })
    behind = logBytes / 2 ** 20
    opens.push(await run('open', { path: copy, id: first.id, again: 0, scans: true }))
  }
  rmSync(copy)
  const ms = spread(opens.map((one) => one.ms))
  const cpu = spread(opens.map((one) => one.cpuMs))
  const imports = spread(opens.map((one) => one.importMs))
  // What an open defers, whoever needs the tree at once waits for.
  const scans = spread(opens.map((one) => one.scanMs))
  console.log(
    `  after a kill with ${behind.toFixed(1)} MiB of log behind the checkpoint, rows ${order}: ${ms} ms (processor time ${cpu} ms), a range of 100 right behind it ${scans} ms, import ${imports} ms, ${opens[0].transactionsApplied} transactions replayed`,
  )
}

async function printLoad(count, { ms, pauseMs, longestMs, fileBytes, recordBytes, peakMiB: peak }, empty) {
  const { peakMiB: own } = await run('make', { count })
  const n = count.toLocaleString('en')
  console.log(
    `  load of ${n} rows at random: ${Math.round((count / ms) * 1000).toLocaleString('en')} rows/s, loop p99.9 ${pauseMs.toFixed(1)} ms, longest ${longestMs.toFixed(1)} ms`,
  )
  console.log(
    `  write amplification at ${n}: ${(fileBytes / recordBytes).toFixed(2)} (${(fileBytes / 2 ** 20).toFixed(0)} MiB appended over ${(recordBytes / 2 ** 20).toFixed(0)} MiB of records, ${(recordBytes / count).toFixed(0)} bytes each)`,
  )
  console.log(
    `  resident memory, loading ${n}: ${(peak - empty).toFixed(0)} MiB over an empty process, ${(peak - own).toFixed(0)} over one that only makes the rows`,
  )
}

async function main() {
  const { values } = parseArgs({
    options: { rows: { type: 'string' }, more: { type: 'string' }, only: { type: 'string' } },
  })
  const few = Number(values.rows ?? 1_000_000)
  const many = Number(values.more ?? 4_000_000)
  const wanted = (part) => values.only === undefined || values.only.split(',').includes(part)
  const folder = mkdtempSync(join(tmpdir(), 'varve-bench-'))
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, cacheBytes 64 MiB`)
  try {
    const { peakMiB: empty } = await run('empty', {})
    console.log(`  empty process: ${empty.toFixed(0)} MiB`)
    const small = join(folder, 'few.varve')
    await printLoad(few, await run('load', { path: small, count: few }), empty)
    await printOpens('after a clean close', small, few)
    // What is left when nothing is compiled in between.
    await printOpens('after a clean close, node --no-lazy', small, few, ['--no-lazy'])
    if (wanted('kill')) {
      for (const order of ['appended', 'inserted', 'updated']) await printKilled(small, few, order)
    }
    if (!wanted('memory')) return
    const again = join(folder, 'again.varve')
    const { peakMiB: tight } = await run('load', { path: again, count: few }, ['--max-semi-space-size=1'])
    rmSync(again)
    console.log(
      `  the same with a young generation of a few MiB (node --max-semi-space-size=1): ${(tight - empty).toFixed(0)} MiB over an empty process`,
    )
    const large = join(folder, 'many.varve')
    await printLoad(many, await run('load', { path: large, count: many }), empty)
    await printOpens('after a clean close', large, many)
    const keys = join(folder, 'keys')
    await run('choose', { path: keys, count: many })
    const read = await run('read', { path: large, keys, reads: 1_000_000 })
    const { cache, ms, reads } = read
    console.log(
      `  ${reads.toLocaleString('en')} random reads of ${many.toLocaleString('en')} rows: ${Math.round((reads / ms) * 1000).toLocaleString('en')} /s, resident memory ${(read.peakMiB - empty).toFixed(0)} MiB over an empty process, ${(read.peakMiB - read.ownMiB).toFixed(0)} over this one before it opened the database`,
    )
    console.log(`  cache ${JSON.stringify(cache)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const given = process.env['VARVE_BENCH_ROLE']
if (given === undefined) {
  await main()
} else {
  const { role, options } = JSON.parse(given)
  process.send(await roles[role](options))
  process.disconnect()
}
