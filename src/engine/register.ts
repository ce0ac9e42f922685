/**
 * Registering a collection, and building the indexes that this adds to rows that are there.
 *
 * A build is a run of small commits, each of which takes the index some rows farther: so a crash leaves a log that replays to
 * the same state, reads and writes go on in between, and checkpoints store what was built. Queries see the index with the
 * last of them. Registering the same definition again goes on with a build that a crash ended. Definitions take effect in the
 * order of the calls, as any write; but what calls for one name do to its indexes waits for the call before, so that none takes away
 * what another one is building.
 */
import type { CollectionRequest } from '../catalog/collection-request.js'
import { indexChanges } from '../catalog/index-definition.js'
import { NODE_SHARE } from './checkpoint-policy.js'
import type { Engine } from './engine.js'
import type { Transaction } from './transaction.js'

/** Rows of the first step of a build, which nothing is compiled for, and fewest and most of any. */
const FIRST_ROWS = 4
const LEAST_ROWS = 4
const MOST_ROWS = 4096
/**
 * Steps of a slice, and how long each should take, in milliseconds: it is as many rows as took that before. While V8 marks what is in use,
 * it does a piece of that with every node that is made, so that a step takes ten times as long; then it is the only one of its slice.
 */
const STEPS = 3
const STEP_MS = 1
/** Of the memory for nodes, what indexes that are built together may change of it: then one has all of it after the other. */
const TOGETHER_SHARE = 0.5

/** By name: settles with the last call that there is. */
const calls = new WeakMap<Engine, Map<string, Promise<unknown>>>()

/**
 * Resolves when the collection is as the request says, its indexes whole; or when it was renamed or dropped since, and its indexes are
 * whole or gone.
 */
export async function registerCollection(engine: Engine, request: CollectionRequest): Promise<void> {
  const { name } = request
  const ofEngine = calls.get(engine) ?? new Map<string, Promise<unknown>>()
  calls.set(engine, ofEngine)
  const before = ofEngine.get(name)
  const now = before === undefined ? request : withPresentIndexes(request)
  const run = (transaction: Transaction): number => {
    transaction.register(now, true)
    return transaction.collection(name).definition.id
  }
  const defined = engine.write(run, () => run)
  const call =
    before === undefined
      ? defined.then(async (id) => await build(engine, request, id))
      : Promise.all([defined, before]).then(async ([id]) => {
          await defineIndexes(engine, request, id)
          await build(engine, request, id)
        })
  const settled = Promise.allSettled([call, before])
  ofEngine.set(name, settled)
  try {
    await call
  } finally {
    if (ofEngine.get(name) === settled) ofEngine.delete(name)
  }
}

async function build(engine: Engine, request: CollectionRequest, id: number): Promise<void> {
  try {
    // Indexes that are not wanted any more were of use until now. A transaction may have changed them meanwhile.
    while (await buildIndexes(engine, id)) await defineIndexes(engine, request, id)
  } catch (error) {
    // If that fails too, the indexes stay unbuilt, and no query uses them.
    await engine.transaction((tx) => tx.dropUnbuiltIndexes(id)).catch(() => undefined)
    throw error
  }
}

/** Only of the collection that the call was about: one that took its name since is another one's. */
async function defineIndexes(engine: Engine, request: CollectionRequest, id: number): Promise<void> {
  const present = engine.state.collections.get(id)?.definition
  if (present === undefined) return
  if (indexChanges(present.indexes, request.inputFor(present).indexes).length === 0) return
  const run = (transaction: Transaction): void => {
    if (transaction.idOf(request.name) === id) transaction.register(withPresentFields(request), true)
  }
  await engine.write(run, () => run)
}

/** A request that leaves the indexes of a collection as they are. */
function withPresentIndexes({ name, inputFor }: CollectionRequest): CollectionRequest {
  return {
    name,
    inputFor: (present) => ({ ...inputFor(present), ...(present && { indexes: undefined }) }),
  }
}

/** A request that changes the indexes of a collection alone: a call since may have changed the rest. */
function withPresentFields({ name, inputFor }: CollectionRequest): CollectionRequest {
  return {
    name,
    inputFor: (present) => ({ ...inputFor(present), ...present, indexes: inputFor(present).indexes }),
  }
}

/** Builds what is yet to be built of a collection's indexes; whether there was something. */
export async function buildIndexes(engine: Engine, id: number): Promise<boolean> {
  const { platform } = engine.parts
  let rows = FIRST_ROWS
  let alone = false
  const wasBuilding = isBuilding(engine, id)
  for (let more = wasBuilding; more;) {
    // Not in the turn of what called for the build either.
    await platform.yield()
    alone ||= outgrowsCache(engine)
    let [steps, ms] = [0, 0]
    const slice = (transaction: Transaction): boolean => {
      const start = platform.monotonicMs()
      // All or nothing: a step may refuse a row when others are done.
      return transaction.savepoint(() => {
        let goesOn = true
        for (steps = 0, ms = 0; goesOn && steps < STEPS && ms < STEPS * STEP_MS; steps++) {
          goesOn = transaction.buildIndexes(id, rows, alone)
          ms = platform.monotonicMs() - start
        }
        return goesOn
      })
    }
    more = await engine.write(slice, () => slice)
    rows = nextRows(rows, ms / steps)
  }
  return wasBuilding
}

/**
 * Whether nodes of indexes that are built would leave the cache before they are changed again. Reading the rows once for each index costs less
 * than reading and storing their nodes over and over.
 */
function outgrowsCache({ parts, generation }: Engine): boolean {
  return generation.nodes.unstoredBytes > parts.cacheBytes * NODE_SHARE * TOGETHER_SHARE
}

/** As many rows as take the time that a step should, by what the last one took; at most twice as many, and at least half. */
function nextRows(rows: number, ms: number): number {
  const factor = Math.min(2, Math.max(0.5, STEP_MS / Math.max(ms, 0.1)))
  return Math.min(MOST_ROWS, Math.max(LEAST_ROWS, Math.round(rows * factor)))
}

function isBuilding(engine: Engine, id: number): boolean {
  const indexes = engine.state.collections.get(id)?.indexes
  return indexes?.some(({ definition }) => definition.builtTo !== undefined) === true
}
