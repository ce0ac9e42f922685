/** A worker thread that takes a lock, says so, and does with it what its data tells. */
import { parentPort, workerData } from 'node:worker_threads'
import { createFileLockManager } from '../../../src/storage/lock/manager.js'
import { withoutProc } from './without-proc.js'

/** What the thread does once it holds the lock. */
export interface TakerThreadData {
  readonly path: string
  readonly next: 'idle' | 'block' | 'end' | 'release'
  /** As on a system that tells nothing of threads and start times. */
  readonly hideProc?: boolean | undefined
}

const { path, next, hideProc } = workerData as TakerThreadData
const locks = createFileLockManager(hideProc === true ? withoutProc() : {})
const lock = locks.acquireSync(path, { kind: 'writer', waitMs: 0 })
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
parentPort?.postMessage('held')
if (next === 'release') lock.release()
if (next === 'idle') setInterval(() => undefined, 1_000)
// A message needs no turn of this thread's event loop to be sent.
if (next === 'block') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
