/**
 * CPU time of writes, operation by operation, without any sync: what the code takes, whatever the disk does.
 *
 *     node bench/writes.mjs [rows] [dist ...]
 *
 * Of several builds each runs in a process of its own, in turns. Prints microseconds of user CPU time an operation: the first round, in
 * which code is compiled, and the best of the others.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { choices, rows } from './rows.mjs'

const [count = '100000', ...builds] = process.argv.slice(2)
const ROWS = Number(count)
const UPDATES = Math.min(ROWS, 50_000)
const ROUNDS = 5
const own = process.env['VARVE_BENCH_WRITES']

if (own === undefined) {
  const dists = builds.length > 0 ? builds : [join(import.meta.dirname, '../dist')]
  for (const dist of dists) {
    const env = { ...process.env, VARVE_BENCH_WRITES: resolve(dist) }
    spawnSync(process.execPath, [import.meta.filename, count], { env, stdio: 'inherit' })
  }
} else {
  await measure(own)
}

async function measure(dist) {
  const { Database, defineCollection, field } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const folder = mkdtempSync(join(tmpdir(), 'varve-writes-'))
  const data = [...rows(ROWS, 1)]
  const picks = choices(400_000, ROWS, 7)
  let at = 0
  const key = () => data[picks[(at = (at + 1) % picks.length)]].id
  const [sample] = data
  const typeOf = (value) =>
    typeof value === 'number'
      ? field.float64()
      : typeof value === 'boolean'
        ? field.boolean()
        : field.string()
  const fields = Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, typeOf(value)]))
  const number = Object.keys(sample).find((name) => typeof sample[name] === 'number')
  const open = async (name, indexes = {}) => {
    const Rows = defineCollection({ name: 'rows', primaryKey: 'id', fields, indexes })
    const path = join(folder, name)
    rmSync(path, { force: true })
    const db = await Database.open(path, { collections: [Rows], durability: 'os', cacheBytes: 256 * 2 ** 20 })
    return { db, Rows, all: db.collection(Rows) }
  }
  const load = async ({ all }) => {
    for (let i = 0; i < ROWS; i += 1000) await all.insertMany(data.slice(i, i + 1000))
  }
  const loads = async (indexes) => {
    const figures = []
    for (let round = 0; round < ROUNDS; round++) {
      const opened = await open('load', indexes)
      figures.push(await timed(ROWS, () => load(opened)))
      await opened.db.close()
    }
    return figures
  }
  try {
    console.log(dist)
    show('load', await loads({}))
    show('load, two indexes', await loads({ one: { on: 'name' }, two: { on: number } }))
    const opened = await open('updates')
    await load(opened)
    const { db, Rows, all } = opened
    const inHundreds = (change) => () => {
      for (let i = 0; i < UPDATES; i += 100) {
        db.transactionSync((tx) => {
          const inside = tx.collection(Rows)
          for (let j = 0; j < 100; j++) change(inside, key())
        })
      }
    }
    const putAgain = (inside, id) => {
      const row = inside.get(id)
      row[number]++
      inside.put(row)
    }
    await rounds('get and put, by 100', inHundreds(putAgain))
    await rounds(
      'update, by 100',
      inHundreds((inside, id) => inside.update(id, { [number]: 1 })),
    )
    await rounds('updateSync', () => {
      for (let i = 0; i < UPDATES; i++) all.updateSync(key(), { [number]: i % 10 })
    })
    await rounds('update, 1000 at a time', async () => {
      for (let i = 0; i < UPDATES; i += 1000) {
        await Promise.all(Array.from({ length: 1000 }, (_, j) => all.update(key(), { [number]: j % 10 })))
      }
    })
    let next = 0
    const part = Math.floor(ROWS / ROUNDS / 100) * 100
    const figures = []
    for (let round = 0; round < ROUNDS; round++) {
      figures.push(
        await timed(part, () => {
          for (let i = 0; i < part; i += 100) {
            db.transactionSync((tx) => {
              const inside = tx.collection(Rows)
              for (let j = 0; j < 100; j++) inside.delete(data[next++].id)
            })
          }
        }),
      )
    }
    show('delete, by 100', figures)
    await db.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function rounds(label, work) {
  const figures = []
  for (let round = 0; round < ROUNDS; round++) figures.push(await timed(UPDATES, work))
  show(label, figures)
}

async function timed(operations, work) {
  const before = process.cpuUsage()
  await work()
  return process.cpuUsage(before).user / operations
}

function show(label, [first, ...others]) {
  console.log(
    `${label.padEnd(24)} first ${first.toFixed(2).padStart(7)}   best ${Math.min(...others)
      .toFixed(2)
      .padStart(7)}`,
  )
}
