/**
 * Registering a collection, and building the indexes that this adds to rows that are there.
 *
 * A build is a run of small commits, each of which takes the index some rows farther: so a crash leaves a log that replays to
 * the same state, reads and writes go on in between, and checkpoints store what was built. Queries see the index with the
 * last of them. Registering the same definition again goes on with a build that a crash ended. Calls for one collection wait for each
 * other, so that none takes away what another one is building.
 */
import type { CollectionRequest } from '../catalog/collection-request.js'
import type { Engine } from './engine.js'
import type { Transaction } from './transaction.js'

/** Rows of the first slice of a build, and fewest and most of any. */
const FIRST_ROWS = 128
const LEAST_ROWS = 16
const MOST_ROWS = 4096
/** How long a slice should take, in milliseconds. */
const TARGET_MS = 3

/** By collection: settles with the last call that there is. */
const calls = new WeakMap<Engine, Map<string, Promise<unknown>>>()

/** Resolves when the collection is as the request says, its indexes whole. */
export async function registerCollection(engine: Engine, request: CollectionRequest): Promise<void> {
  const { name } = request
  const ofEngine = calls.get(engine) ?? new Map<string, Promise<unknown>>()
  calls.set(engine, ofEngine)
  const before = ofEngine.get(name)
  const call =
    before === undefined ? registered(engine, request) : before.then(() => registered(engine, request))
  const settled = call.catch(() => undefined)
  ofEngine.set(name, settled)
  try {
    await call
  } finally {
    if (ofEngine.get(name) === settled) ofEngine.delete(name)
  }
}

async function registered(engine: Engine, request: CollectionRequest): Promise<void> {
  const run = (transaction: Transaction): void => transaction.register(request, true)
  await engine.write(run, () => run)
  const { name } = request
  try {
    // Indexes that are not wanted any more were of use until now. A transaction may have changed them meanwhile.
    while (await buildIndexes(engine, name)) await engine.write(run, () => run)
  } catch (error) {
    // If that fails too, the indexes stay unbuilt, and no query uses them.
    await engine.transaction((tx) => tx.dropUnbuiltIndexes(name)).catch(() => undefined)
    throw error
  }
}

/** Builds what is yet to be built of a collection's indexes; whether there was something. */
export async function buildIndexes(engine: Engine, name: string): Promise<boolean> {
  const { platform } = engine.parts
  let rows = FIRST_ROWS
  const wasBuilding = isBuilding(engine, name)
  for (let more = wasBuilding; more;) {
    let ms = 0
    const slice = (transaction: Transaction): boolean => {
      const start = platform.monotonicMs()
      const goesOn = transaction.buildIndexes(name, rows)
      ms = platform.monotonicMs() - start
      return goesOn
    }
    more = await engine.write(slice, () => slice)
    rows = nextRows(rows, ms)
    await platform.yield()
  }
  return wasBuilding
}

/** As many rows as take the time that a slice should, by what the last one took; at most twice as many, and at least half. */
function nextRows(rows: number, ms: number): number {
  const factor = Math.min(2, Math.max(0.5, TARGET_MS / Math.max(ms, 0.1)))
  return Math.min(MOST_ROWS, Math.max(LEAST_ROWS, Math.round(rows * factor)))
}

function isBuilding(engine: Engine, name: string): boolean {
  const { names, collections } = engine.state
  const id = names.get(name)
  const indexes = id === undefined ? undefined : collections.get(id)?.indexes
  return indexes?.some(({ definition }) => definition.builtTo !== undefined) === true
}
