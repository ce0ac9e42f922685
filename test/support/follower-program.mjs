/**
 * One follower, as a process or a worker thread of its own: `<entry> <database> <commit to leave out, for a canary>`.
 *
 * It says `open`, follows until it is told up to which commit, and then says what it saw: a digest of the positions that its feed gave,
 * sums over all rows at moments of its own choosing, latencies, and its memory.
 */
import { createInterface } from 'node:readline'
import { parentPort, workerData } from 'node:worker_threads'

const [entry, path, leaveOut] = workerData?.arguments ?? process.argv.slice(2)
const { Database } = await import(entry)

const say = (message) =>
  parentPort === null
    ? process.stdout.write(`${JSON.stringify(message)}\n`)
    : parentPort.postMessage(message, [])

/** Resolves with the sequence to go to. */
const stop = new Promise((resolve) => {
  if (parentPort !== null) parentPort.once('message', resolve)
  else createInterface({ input: process.stdin }).once('line', (line) => resolve(Number(line)))
})

const textHash = (text, seed) => {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

const db = await Database.open(path, { mode: 'follow', cacheBytes: 4 * 1024 * 1024 })
const feed = { commits: 0, hash: 0, last: 0 }
const samples = []
const latencies = []
const memory = []

/** The sum over all rows, as of one commit, and which one it is. Nothing comes between: it is one turn. */
function sample() {
  let sum = 0
  for (const row of db.collection('rows').range()) sum = (sum + textHash(`${row.id}:${row.value}`, 7)) | 0
  samples.push([db.commitSequence, sum])
}

async function follow(signal) {
  for await (const { sequence, position, changes } of db.changes({ since: 0, live: true, signal })) {
    feed.last = sequence
    if (sequence === Number(leaveOut)) continue
    feed.commits += 1
    feed.hash = textHash(position, feed.hash)
    for (const { operation, row } of changes) {
      if (operation === 'put') latencies.push(Number(process.hrtime.bigint() / 1000n) - row.writtenAtUs)
    }
    if (sequence % 17 === 0) sample()
    if (sequence % 50 === 0) memory.push(process.memoryUsage().rss)
  }
}

const controller = new AbortController()
const following = follow(controller.signal)
say('open')
const last = await stop
await db.waitFor(last)
while (feed.last < last) await new Promise((resolve) => setTimeout(resolve, 1))
sample()
controller.abort()
await following
latencies.sort((a, b) => a - b)
const { generations, reloads, polls } = db.stats().follow
say({
  commits: feed.commits,
  hash: feed.hash,
  samples,
  medianLatencyUs: latencies[Math.floor(latencies.length / 2)],
  memory:
    memory.length < 4
      ? [0, 0]
      : [Math.max(...memory.slice(0, memory.length / 2)), Math.max(...memory.slice(memory.length / 2))],
  generations,
  reloads,
  polls,
})
await db.close()
parentPort?.close()
if (parentPort === null) process.exit(0)
