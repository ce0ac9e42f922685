/**
 * What a compaction costs and gives: size, throughput, the pauses that others see.
 *
 *     npm run bench:compaction                      1,000,000 rows, half of them deleted
 *     npm run bench:compaction -- --rows 100000
 *
 * Rows of `rows.mjs`. Three things are compared in one run: compactions alone, one under a writer of 1,000 commits a second with
 * readers of open snapshots, and copies by plain reads and writes, synced as well: of the live records one by one in the order of their
 * keys (before the compaction and behind it, because a machine's speed changes), and of a file of the same rows in one piece. At the
 * end every row is looked for.
 */
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { Database } from '../dist/index.js'
import { verify } from '../dist/tools.js'
import { choices, rows } from './rows.mjs'

const SEED = 1
const BATCH = 1000
const WRITES_PER_SECOND = 1000
/** Rows of which the live ones are read and changed meanwhile. */
const SAMPLE = 4000
const MIB = 2 ** 20

function check(holds, what) {
  if (!holds) throw new Error(`The benchmark read something wrong: ${what}`)
}

const isLive = (i) => i % 2 === 1

/** Loads the rows that `wanted` names, in batches. */
async function load(path, count, wanted) {
  const db = await Database.open(path, { durability: 'os' })
  const collection = await db.registerCollection('rows', [], 'id')
  let batch = []
  let i = 0
  for (const row of rows(count, SEED)) {
    if (wanted(i++)) batch.push(row)
    if (batch.length < BATCH) continue
    await collection.insertMany(batch)
    batch = []
  }
  if (batch.length > 0) await collection.insertMany(batch)
  return db
}

async function deleteHalf(db, count) {
  let keys = []
  let i = 0
  const flush = async () => {
    const chosen = keys
    keys = []
    await db.transaction((tx) => {
      for (const key of chosen) tx.collection('rows').delete(key)
    })
  }
  for (const { id } of rows(count, SEED)) {
    if (!isLive(i++)) keys.push(id)
    if (keys.length === BATCH) await flush()
  }
  if (keys.length > 0) await flush()
}

/** Copies a file by reads and writes of 1 MiB, and syncs the copy; milliseconds. */
function copyMs(from, to) {
  const start = performance.now()
  const [source, target] = [openSync(from, 'r'), openSync(to, 'w')]
  const bytes = Buffer.alloc(MIB)
  for (let at = 0; ;) {
    const read = readSync(source, bytes, 0, MIB, at)
    if (read === 0) break
    writeSync(target, bytes, 0, read, at)
    at += read
  }
  fsyncSync(target)
  closeSync(source)
  closeSync(target)
  return performance.now() - start
}

/** Copies as many records of a size, one by one in the order of their keys: from places in no order; milliseconds. */
function copyRecordsMs(from, to, { count: records, size }) {
  const step = Math.floor((statSync(from).size - size) / records)
  const places = choices(records, records, SEED)
  const start = performance.now()
  const [source, target] = [openSync(from, 'r'), openSync(to, 'w')]
  const bytes = Buffer.alloc(MIB)
  let used = 0
  for (const place of places) {
    if (used + size > MIB) {
      writeSync(target, bytes, 0, used)
      used = 0
    }
    used += readSync(source, bytes, used, size, place * step)
  }
  writeSync(target, bytes, 0, used)
  fsyncSync(target)
  closeSync(source)
  closeSync(target)
  return performance.now() - start
}

/** Compacts a copy of the loaded file, between two copies of its live records one by one. */
async function compactAlone({ loaded, alone: path }, folder) {
  copyFileSync(loaded, path)
  const db = await Database.open(path, { durability: 'os' })
  const { rows: count, records } = db.stats()
  const live = { count, size: Math.round(records.liveBytes / count) }
  const before = copyRecordsMs(loaded, join(folder, 'records'), live)
  const spent = process.cpuUsage()
  const alone = await db.compact()
  const { user, system } = process.cpuUsage(spent)
  await db.close()
  const behind = copyRecordsMs(loaded, join(folder, 'records'), live)
  return { alone, live, records: [before, behind], cpuMs: (user + system) / 1000 }
}

/** Compacts while one loop commits and another reads snapshots. */
async function compactUnderLoad(db, live) {
  const collection = db.collection('rows')
  const goesOn = { yes: true }
  const written = []
  let [reads, owed] = [0, 0]
  const begun = performance.now()
  const writing = (async () => {
    while (goesOn.yes) {
      owed = ((performance.now() - begun) * WRITES_PER_SECOND) / 1000 - written.length
      const some = []
      for (let k = 0; k < owed; k++) {
        const id = live[(written.length * 7919) % live.length].id
        written.push(id)
        some.push(collection.update(id, { level: 1000 + written.length }))
      }
      await Promise.all(some)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  const snapshots = [db.snapshot(), db.snapshot()]
  const reading = (async () => {
    for (; goesOn.yes; reads++) {
      const row = live[(reads * 104_729) % live.length]
      const found = snapshots[reads % 2].collection('rows').get(row.id)
      check(found?.level === row.level, `a snapshot's row ${row.id}`)
      if (reads % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const report = await db.compact()
  delay.disable()
  goesOn.yes = false
  await Promise.all([writing, reading])
  for (const snapshot of snapshots) snapshot.close()
  return { report, reads, written, p999: delay.percentile(99.9) / 1e6, max: delay.max / 1e6 }
}

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' } } })
const count = Number(values.rows)
const folder = mkdtempSync(join(tmpdir(), 'varve-compaction-'))
const paths = {
  alone: join(folder, 'alone.varve'),
  loaded: join(folder, 'loaded.varve'),
  fresh: join(folder, 'fresh.varve'),
}

try {
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${count} rows, half of them deleted`,
  )
  await (await load(paths.fresh, count, isLive)).close()
  const fresh = statSync(paths.fresh).size
  const loaded = await load(paths.loaded, count, () => true)
  await deleteHalf(loaded, count)
  await loaded.close()

  const copies = [1, 2, 3].map((n) => copyMs(paths.fresh, join(folder, `copy-${n}`)))
  const copied = copies.sort((a, b) => a - b)[1]
  // The first compaction of a process is compiled while it runs; later ones are not.
  for (const which of ['first of the process', 'second', 'third']) {
    const { alone, live, records, cpuMs } = await compactAlone(paths, folder)
    if (which.startsWith('first'))
      console.log(
        `size: ${(alone.bytesBefore / MIB).toFixed(1)} MiB -> ${(alone.bytesAfter / MIB).toFixed(1)} MiB; a fresh load ${(fresh / MIB).toFixed(1)} MiB (ratio ${(alone.bytesAfter / fresh).toFixed(3)})`,
      )
    const ratio = (ms) => (ms / alone.durationMs).toFixed(2)
    console.log(
      `alone, ${which}: ${alone.durationMs.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of processors; its ${live.count} records of ${live.size} bytes copied one by one before and behind it ${records.map((ms) => ms.toFixed(0)).join(' and ')} ms (ratio ${ratio((records[0] + records[1]) / 2)}); a file of the live bytes copied ${copied.toFixed(0)} ms (ratio ${ratio(copied)})`,
    )
  }

  // Few, because the collector would go through all that this process holds, and that is no pause of the database.
  const sample = [...rows(Math.min(count, SAMPLE), SEED)].filter((_, i) => isLive(i))
  const db = await Database.open(paths.loaded, { durability: 'os' })
  const { report, reads, written, p999, max } = await compactUnderLoad(db, sample)
  const perSecond = (n) => ((n * 1000) / report.durationMs).toFixed(0)
  console.log(
    `under load: ${report.durationMs.toFixed(0)} ms with ${perSecond(written.length)} commits/s and ${perSecond(reads)} reads/s; ${report.commitsCopied} commits copied; final pause ${report.pauseMs.toFixed(1)} ms; event loop p99.9 ${p999.toFixed(1)} ms, longest ${max.toFixed(1)} ms`,
  )
  const collection = db.collection('rows')
  const last = new Map(written.map((id, i) => [id, 1001 + i]))
  let found = 0
  let i = 0
  for (const row of rows(count, SEED)) {
    if (!isLive(i++)) continue
    found++
    check(collection.get(row.id)?.level === (last.get(row.id) ?? row.level), `row ${row.id}`)
  }
  check(collection.count() === found, 'the number of rows')
  await db.close()
  const { ok, findings } = await verify(paths.loaded, { deep: true })
  check(ok, JSON.stringify(findings.slice(0, 3)))
  console.log(`every row is there, and verify finds nothing (${found} rows)`)
} finally {
  rmSync(folder, { recursive: true })
}
