/**
 * Brings the trees of a file up to date that was opened without that, while nothing else is to be done.
 */
import { VarveError } from '../errors.js'
import { PAUSE, runAsync, type Task } from '../storage/task.js'
import type { Engine } from './engine.js'
import { rebuiltState } from './time-travel.js'
import type { WorkingCollection } from './working-collection.js'

/** Rows between two places where it may be interrupted: a tenth of a millisecond, or a few where code runs for the first time. */
const ROWS_PER_STEP = 64

/** To be called once a file is open. Writes that need not block wait for it; what needs a tree at once does what is left. */
export function bringUpToDate(engine: Engine): void {
  const { head, visible, writer } = engine.generation
  const { commit } = visible
  head.putsNothingOff(() => rebuiltState(engine, commit))
  const { behind } = head
  if (behind.length === 0) return engine.checkpointIfDue()
  const work = (): Promise<void> => settleLater(engine, behind)
  const done = writer === undefined ? work() : engine.withTurn(work)
  // Whoever needs what cannot be read is told so.
  done.then(() => engine.checkpointIfDue()).catch(() => undefined)
}

async function settleLater(engine: Engine, behind: readonly WorkingCollection[]): Promise<void> {
  const { platform } = engine.parts
  // Whoever opened the file goes on first.
  await platform.yield()
  await runAsync(settleAll(engine, behind), platform)
}

function* settleAll(engine: Engine, behind: readonly WorkingCollection[]): Task<void> {
  for (const working of behind) {
    while (!engine.closed && settledSome(working)) yield PAUSE
  }
}

/** Whether there is more. */
function settledSome(working: WorkingCollection): boolean {
  try {
    return working.settleSome(ROWS_PER_STEP)
  } catch (error) {
    if (VarveError.is(error)) return false
    throw error
  }
}
