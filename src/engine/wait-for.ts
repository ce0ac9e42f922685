/**
 * Waiting until readers see a commit.
 */
import { ArgumentError, ErrorCode, StateError } from '../errors.js'
import type { Engine } from './engine.js'
import { Wake } from './wake.js'

export interface WaitOptions {
  /** Longest time to wait, in milliseconds; then it rejects with `VARVE_TIMEOUT`. Default: as long as it takes. */
  readonly timeoutMs?: number | undefined
  /** Ends the waiting: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Resolves when the commit of this sequence, or a later one, is visible. */
export async function waitFor(engine: Engine, sequence: number, options: WaitOptions): Promise<void> {
  const { timeoutMs, signal } = options
  if (!Number.isSafeInteger(sequence) || sequence < 0)
    throw new ArgumentError(`A commit sequence is an integer of at least 0, not ${JSON.stringify(sequence)}.`)
  const { platform } = engine.parts
  const wake = new Wake(engine, signal)
  let late = false
  const timer =
    timeoutMs === undefined
      ? undefined
      : platform.setTimer(() => {
          late = true
          wake.ring()
        }, timeoutMs)
  try {
    for (;;) {
      engine.checkOpen()
      if (engine.commitSequence >= sequence) return
      signal?.throwIfAborted()
      if (late) throw tooLate(engine, sequence, timeoutMs)
      refuseInVain(engine, sequence)
      engine.follower?.checkNotStuck()
      await wake.next()
    }
  } finally {
    timer?.cancel()
    wake.stop()
  }
}

/** A reader stays at its commit for good. */
function refuseInVain(engine: Engine, sequence: number): void {
  if (engine.follower !== undefined || engine.generation.writer !== undefined) return
  throw new ArgumentError(
    `Commit ${sequence} will not be seen here: a database that is open with mode 'readOnly' stays at commit ${engine.commitSequence}. Open it with mode 'follow'.`,
  )
}

function tooLate(engine: Engine, sequence: number, timeoutMs: number | undefined): StateError {
  const { path } = engine.parts
  return new StateError(
    ErrorCode.timeout,
    `Commit ${sequence} of ${path} was not seen within ${timeoutMs} ms: the newest is commit ${engine.commitSequence}. Wait longer, or look whether it was ever written.`,
    {
      path,
      expected: `commit ${sequence}`,
      actual: `commit ${engine.commitSequence}`,
      cause: engine.follower?.stats.problem,
    },
  )
}
