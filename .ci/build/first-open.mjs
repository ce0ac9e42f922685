/**
 * Opens a database for the first time in a process, as users do, and prints which functions of the package that ran.
 *
 *     node first-open.mjs <dist> <database>          creates the database
 *     node first-open.mjs <dist> <database> record   opens it in every way and prints JSON: [{ file, start, end }]
 */
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const [dist, path, order] = process.argv.slice(2)
const entry = pathToFileURL(join(dist, 'index.js')).href
const KEY = 'first'

if (order === 'record') await record()
else await create()

async function create() {
  const { Database, defineCollection, field } = await import(entry)
  const Typed = defineCollection({
    name: 'typed',
    primaryKey: 'id',
    fields: { id: field.string(), name: field.string(), at: field.timestamp(), size: field.int().default(1) },
    indexes: { byName: { on: 'name' } },
  })
  const db = await Database.open(path, { collections: [Typed] })
  const plain = await db.registerCollection('plain', [], 'id')
  const rows = Array.from({ length: 2000 }, (_, i) => ({
    id: i === 0 ? KEY : `${(i * 7919) % 2003} of many`,
    name: `name ${i}`,
    size: i * 1000.25,
    isOdd: i % 2 === 1,
  }))
  await plain.insertMany(rows)
  const typed = db.collection(Typed)
  await typed.insertMany(rows.map(({ id, name }) => ({ id, name, at: new Date(0) })))
  await db.checkpoint()
  // Most leaves of a file that is in use are stored by what changed of them: what was replaced, and what was added.
  for (const id of [KEY, `${KEY} and another`]) {
    await plain.put({ id, name: 'changed' })
    await typed.put({ id, name: 'changed', at: new Date(1) })
  }
  await db.close()
}

async function record() {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  const { Database } = await import(entry)
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  const opens = [() => Database.open(path), () => Database.openSync(path, { mode: 'readOnly' })]
  const ran = []
  for (const open of opens) {
    const db = await open()
    const found = ['plain', 'typed'].every((name) => db.get(name, KEY)?.id === KEY)
    const { result } = await session.post('Profiler.takePreciseCoverage')
    ran.push(...result.flatMap(functionsOf))
    await db.close()
    // What the close ran does not count.
    await session.post('Profiler.takePreciseCoverage')
    if (!found) throw new Error('the database that the build opens does not hold its rows')
  }
  console.log(JSON.stringify(ran))
}

function functionsOf({ url, functions }) {
  if (!url.startsWith(new URL('.', entry).href)) return []
  const whole = functions.map(({ ranges }) => ranges[0]).filter(({ count }) => count > 0)
  return whole.map(({ startOffset, endOffset }) => ({
    file: fileURLToPath(url),
    start: startOffset,
    end: endOffset,
  }))
}
