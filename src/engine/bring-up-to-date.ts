/**
 * Brings the trees of a file up to date that was opened without that, while nothing else is to be done.
 */
import type { Platform } from '../storage/platform.js'
import { runAsync, type Task, type TurnGiver } from '../storage/task.js'
import type { Deferral } from './deferral.js'
import type { Engine } from './engine.js'
import { rebuiltState } from './time-travel.js'

/** To be called once a file is open. Writes that need not block wait for it; what needs a tree at once has it made. */
export function bringUpToDate(engine: Engine): void {
  const { parts, generation, newestCheckpoint } = engine
  const { head, visible, writer } = generation
  const { deferral } = head
  const { commit } = visible
  deferral?.opened(() => rebuiltState({ parts, generation, newestCheckpoint }, commit))
  if (deferral?.isBehind !== true) return engine.checkpointer?.opened()
  const work = (): Promise<void> => settleLater(engine, deferral)
  const done = writer === undefined ? work() : engine.withTurn(work)
  // Whoever needs what cannot be read is told so.
  engine.upToDate = done.then(
    () => ended(engine),
    () => ended(engine),
  )
}

function ended(engine: Engine): void {
  engine.upToDate = undefined
  engine.checkpointer?.opened()
}

async function settleLater(engine: Engine, deferral: Deferral): Promise<void> {
  const { platform } = engine.parts
  const readOnly = engine.generation.writer === undefined
  const patient = readOnly ? withoutStaying(platform) : platform
  // Whoever opened the file goes on first.
  await patient.yield()
  const { head } = engine.generation
  const settled = deferral.settleAll((id) => head.collection(id)?.deferred)
  await runAsync(untilClosed(engine, settled), patient)
}

/** Nobody waits for a reader's trees: its process may end before. */
function withoutStaying(platform: Platform): TurnGiver {
  return {
    monotonicMs: () => platform.monotonicMs(),
    yield: () => new Promise((resolve) => void platform.setTimer(resolve, 0)),
  }
}

function* untilClosed(engine: Engine, task: Task<void>): Task<void> {
  for (let next = task.next(0); !engine.closed && next.done !== true; next = task.next(yield next.value));
}
