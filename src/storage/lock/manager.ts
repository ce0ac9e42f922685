/**
 * Locks of databases in the file system: one writer or any number of readers, across threads and processes.
 *
 * What a lock guarantees, and how it is taken, stands in `take.ts`; who counts as alive, in `liveness.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LockHolder } from '../../errors.js'
import type { LockManager } from '../platform.js'
import { systemEnvironment, type LockEnvironment } from './environment.js'
import type { FileLock } from './held-lock.js'
import { LockState } from './record.js'
import { survey } from './survey.js'
import { lockDirectoryOf, takeLock } from './take.js'

/** As `LockManager`; its locks also tell whether they were broken by force. */
export interface FileLockManager extends LockManager {
  acquire(...parameters: Parameters<LockManager['acquire']>): Promise<FileLock>
  acquireSync(...parameters: Parameters<LockManager['acquireSync']>): FileLock
}

/** Options replace parts of the real environment, for tests. */
export function createFileLockManager(options: Partial<LockEnvironment> = {}): FileLockManager {
  const environment: LockEnvironment = { ...systemEnvironment(), ...options }
  return {
    async acquire(path, request) {
      return await waitAsync(takeLock({ path, request, blocking: false, environment }), request.signal)
    },
    acquireSync(path, request) {
      return waitBlocking(takeLock({ path, request, blocking: true, environment }), request.signal)
    },
    holders(path) {
      return livingHolders(path, environment)
    },
  }
}

function livingHolders(path: string, environment: LockEnvironment): LockHolder[] {
  const directory = { path: lockDirectoryOf(path), files: environment.files }
  const sightings = survey(directory, environment)
  return sightings
    .filter(({ verdict, record }) => verdict.owner !== 'dead' && record?.state !== LockState.taking)
    .map(({ holder }) => holder)
}

async function waitAsync<T>(steps: Generator<number, T, void>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    const step = nextStep(steps, signal)
    if (step.done === true) return step.value
    // An abort only ends the sleep; the next step then throws its reason.
    await sleep(step.value, undefined, { signal }).catch(() => undefined)
  }
}

function waitBlocking<T>(steps: Generator<number, T, void>, signal: AbortSignal | undefined): T {
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    const step = nextStep(steps, signal)
    if (step.done === true) return step.value
    Atomics.wait(never, 0, 0, step.value)
  }
}

function nextStep<T>(
  steps: Generator<number, T, void>,
  signal: AbortSignal | undefined,
): IteratorResult<number, T> {
  return signal?.aborted === true ? steps.throw(signal.reason) : steps.next()
}
