/** What the locks need of the world around them, as one object, so that tests can own each part of it. */
import { hex } from '../../format/integers.js'
import { monotonicMs } from '../monotonic.js'
import { randomBytes } from '../randomness.js'
import { systemFiles, type LockFiles } from './files.js'
import { enterGate, type EnterGate } from './gate.js'
import { readThreadIdentity, type ThreadIdentity } from './identity.js'
import { Observations } from './observations.js'
import { systemProcesses, type ProcessTable } from './process-table.js'

export interface LockEnvironment {
  readonly files: LockFiles
  readonly processes: ProcessTable
  /** The calling thread. */
  readonly identity: ThreadIdentity
  readonly enterGate: EnterGate
  /** What this thread has seen of owners that it cannot look up. */
  readonly observations: Observations
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds of a clock that never goes back. */
  monotonicMs(): number
  /** From 0 inclusive to 1 exclusive, for jitter. */
  random(): number
  /** 32 hexadecimal digits that nobody else draws. */
  newToken(): string
  /** How often a holder counts its heartbeat up, in milliseconds. */
  readonly heartbeatMs: number
}

/** Well below the standstill that an owner out of sight is allowed, so that a busy event loop may miss several. */
const HEARTBEAT_MS = 5_000

let environment: LockEnvironment | undefined

/** The real environment of the calling thread: one for all its locks, so that it remembers what it observed. */
export function systemEnvironment(): LockEnvironment {
  environment ??= {
    files: systemFiles,
    processes: systemProcesses,
    identity: readThreadIdentity(),
    enterGate,
    observations: new Observations(),
    now: () => Date.now(),
    monotonicMs,
    random: () => Math.random(),
    newToken: () => hex(randomBytes(16)),
    heartbeatMs: HEARTBEAT_MS,
  }
  return environment
}
