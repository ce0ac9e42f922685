/**
 * The gate before the lock directory: whoever is inside makes and checks its record undisturbed.
 *
 * It only spares takers from meeting: two that come in together both see the other's record and both withdraw. Safety
 * never rests on it. A gate that is busy, stale, stolen, unwritable or not installed is passed by, so a taker killed
 * inside it delays nobody.
 *
 * `proper-lockfile` is the gate. It hooks the process's exit and signals when it is loaded, which takes longer than all the rest
 * of an open, so it is loaded by the first taker that met another one and not before.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type * as ProperLockfile from 'proper-lockfile'
import { systemCode } from '../storage-errors.js'
import type { LockFiles } from './files.js'

/** Leaves the gate. Never throws. */
export type LeaveGate = () => void

/** Tries the gate of a lock directory once: a way out, `busy` if another taker is inside, `none` if it cannot be had. */
export type EnterGate = (directory: string, files: LockFiles) => LeaveGate | 'busy' | 'none'

const GATE_NAME = 'gate'

/** After this time, in milliseconds, the library takes a gate for abandoned. It accepts no less. */
const GATE_STALE_MS = 2_000

export const enterGate: EnterGate = (directory, files) => {
  try {
    const leave = library().lockSync(directory, {
      lockfilePath: join(directory, GATE_NAME),
      realpath: false,
      stale: GATE_STALE_MS,
      fs: files,
      // The library's own answer to a lost lock is to throw from a timer, which ends the process.
      onCompromised: () => undefined,
    })
    return () => {
      leaveQuietly(leave)
    }
  } catch (error) {
    return systemCode(error) === 'ELOCKED' ? 'busy' : 'none'
  }
}

function leaveQuietly(leave: () => void): void {
  try {
    leave()
  } catch {
    // Another taker took it for abandoned and removed it.
  }
}

let loaded: typeof ProperLockfile | undefined

function library(): typeof ProperLockfile {
  if (loaded === undefined) {
    const load: (name: string) => typeof ProperLockfile = createRequire(import.meta.url)
    loaded = load('proper-lockfile')
  }
  return loaded
}
