/**
 * Where the time of what is timed goes, by V8's sampling profiler: shares of the processor's time of the main thread.
 *
 * The package is bundled, and its chunks say which module each part comes from, so that a sample falls to a layer of `src/`; functions at the top of
 * a chunk, which are compiled ahead, are looked for by name. Functions of Node that are not JavaScript fall to who calls them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const INTERVAL_US = 200
const MODULE = /^\t*\/\/ (src|node_modules)\/(.+)$/u

/** What the layers are put together to. Whatever is named nowhere is `other`. */
const PARTS = {
  sync: 'syncs',
  node: 'system calls, Node',
  checksum: 'checksums',
  format: 'rows and keys',
  catalog: 'rows and keys',
  tree: 'trees',
  log: 'log',
  storage: 'log',
  engine: 'engine',
  query: 'engine',
  surface: 'engine',
  garbage: 'garbage',
}
export const NAMES_OF_PARTS = [...new Set(Object.values(PARTS)), 'other']

const post = (to, method, parameters) =>
  new Promise((resolve, reject) => {
    to.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result)))
  })

/** V8 notes what it inlined only in code that it compiles while it profiles, so that a profile runs from the beginning. */
const session = process.env.VARVE_BENCH_PROFILE === undefined ? undefined : new Session()
session?.connect()
const started = session === undefined ? undefined : start()

async function start() {
  await post(session, 'Profiler.enable')
  await post(session, 'Profiler.setSamplingInterval', { interval: INTERVAL_US })
  await post(session, 'Profiler.start')
}

/** Runs `run`; with `VARVE_BENCH_PROFILE` in the environment, its result gets `shares`, by the names of parts. */
export async function profiled(run) {
  if (session === undefined) return run()
  await started
  await post(session, 'Profiler.stop')
  await post(session, 'Profiler.start')
  const result = await run()
  const { profile } = await post(session, 'Profiler.stop')
  await post(session, 'Profiler.start')
  return { ...result, shares: sharesOf(profile) }
}

/** The module of each line of a chunk: a list of where they begin. */
function modulesOf(url) {
  return readFileSync(fileURLToPath(url), 'utf8')
    .split('\n')
    .flatMap((line, at) => {
      const found = MODULE.exec(line)
      return found === null ? [] : [{ at, path: `${found[1]}/${found[2]}` }]
    })
}

const chunks = new Map()

/** The modules that functions of a name are in. */
function modulesByFunction() {
  const source = join(import.meta.dirname, '../../src')
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  return new Map(
    files.flatMap((name) => {
      const found = readFileSync(join(source, name), 'utf8').matchAll(/function\*? (\w+)/gu)
      return Array.from(found, ([, each]) => [each, `src/${name}`])
    }),
  )
}

let byFunction

function layerIn(url, line, functionName) {
  if (!chunks.has(url)) chunks.set(url, modulesOf(url))
  byFunction ??= modulesByFunction()
  const module = chunks.get(url).findLast(({ at }) => at <= line)
  const path = module?.path ?? byFunction.get(functionName.replace(/\$\d+$/u, ''))
  if (path === undefined) return undefined
  if (path.startsWith('node_modules/')) return 'format'
  if (/checksum|crc32c/u.test(path)) return 'checksum'
  const folder = /^src\/([^/]+)\//u.exec(path)?.[1]
  return folder ?? 'surface'
}

function layerOf({ functionName, url, lineNumber }, caller) {
  if (functionName === '(garbage collector)') return 'garbage'
  if (functionName === '(program)') return 'other'
  if (/^fd?a?t?a?sync/u.test(functionName)) return 'sync'
  // Beginning and ending the profile is in it too.
  if (/inspector/u.test(url)) return 'benchmark'
  if (url.startsWith('node:')) return 'node'
  if (url.includes('/.builds/') || url.includes('/dist/'))
    return layerIn(url, lineNumber, functionName) ?? caller
  return url === '' ? caller : 'benchmark'
}

/** Without what the benchmark does itself, and while there is nothing to do. */
function sharesOf({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const layers = new Map()
  const pending = [{ id: nodes[0].id, caller: 'other' }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { callFrame, children = [] } = byId.get(next.id)
    const layer = layerOf(callFrame, next.caller)
    layers.set(next.id, callFrame.functionName === '(idle)' ? 'benchmark' : layer)
    for (const id of children) pending.push({ id, caller: layer })
  }
  const sums = Object.fromEntries(NAMES_OF_PARTS.map((name) => [name, 0]))
  let total = 0
  for (const [i, id] of samples.entries()) {
    const layer = layers.get(id)
    if (layer === 'benchmark') continue
    sums[PARTS[layer] ?? 'other'] += timeDeltas[i]
    total += timeDeltas[i]
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / total]))
}
