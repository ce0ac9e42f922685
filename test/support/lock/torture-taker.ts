/**
 * A process that takes one lock over and over and writes down when it holds it: `torture-taker <orders as JSON>`.
 *
 * While it holds the lock it appends `+ <kind> <owner>`, then `- <kind> <owner>` to a log that all takers share. Each
 * append is one write at the file's end, so the log is the order of events whatever any clock says. A thread that is
 * going to be terminated is announced by `x <owner prefix>` first.
 *
 * Some takers are slowed down at random before single file system calls, to open every window wide. `canary` breaks
 * the lock on purpose.
 */
import { appendFileSync } from 'node:fs'
import { basename } from 'node:path'
import { once } from 'node:events'
import { Worker, isMainThread, parentPort, threadId, workerData } from 'node:worker_threads'
import type { LockEnvironment } from '../../../src/storage/lock/environment.js'
import { createFileLockManager } from '../../../src/storage/lock/manager.js'
import { systemProcesses } from '../../../src/storage/lock/process-table.js'
import type { LockKind } from '../../../src/storage/lock/record.js'
import { randomFrom } from '../random.js'
import { interceptFiles } from './files.js'

/** How the lock is broken, to see that the torture notices. */
export type Canary =
  /** Looks for others only before it announces itself. */
  | 'lookFirst'
  /** Takes every other process for dead. */
  | 'allDead'

export interface TortureOrders {
  readonly path: string
  readonly log: string
  readonly takes: number
  readonly seed: number
  readonly canary?: Canary | undefined
}

const orders = (isMainThread ? JSON.parse(process.argv[2] ?? '') : workerData) as TortureOrders
const random = randomFrom(orders.seed)
const slow = random.next() < 0.5

if (isMainThread) await runMain()
else await takeTurns(orders.takes)

/** Turns of its own and of threads, some of which it terminates wherever they are. */
async function runMain(): Promise<void> {
  let left = orders.takes
  while (left > 0) {
    const turns = Math.min(left, 1 + random.below(10))
    left -= turns
    if (random.next() < 0.7) await takeTurns(turns)
    else await runThread(turns)
  }
}

async function runThread(turns: number): Promise<void> {
  const workerOrders: TortureOrders = { ...orders, takes: turns, seed: random.below(2 ** 32) }
  const worker = new Worker(new URL(import.meta.url), { workerData: workerOrders })
  const { threadId: id } = worker
  const ended = once(worker, 'exit')
  if (random.next() < 0.5) {
    await Promise.race([ended, pause(random.below(100))])
    note(`x ${process.pid}.${id}.`)
    await worker.terminate()
  }
  await ended
}

async function takeTurns(turns: number): Promise<void> {
  const locks = createFileLockManager(environment())
  for (let turn = 0; turn < turns; turn += 1) {
    const kind: LockKind = random.next() < 0.75 ? 'writer' : 'reader'
    const request = { kind, waitMs: 3_600_000 }
    const lock =
      random.next() < 0.5
        ? locks.acquireSync(orders.path, request)
        : await locks.acquire(orders.path, request)
    const owner = `${process.pid}.${threadId}.${turn}.${random.below(2 ** 32)}`
    note(`+ ${kind} ${owner}`)
    if (random.next() < 0.01) dieAnnounced()
    if (random.next() < 0.5) stall(random.next() * 2)
    else await pause(random.below(2))
    note(`- ${kind} ${owner}`)
    lock.release()
  }
  parentPort?.close()
}

function environment(): Partial<LockEnvironment> {
  let own: string | undefined
  const files = interceptFiles((name, parameters) => {
    if (slow && random.next() < 0.1) stall(random.next() * 3)
    if (name === 'renameSync') own = basename(String(parameters[1]))
    if (name === 'unlinkSync' && basename(String(parameters[0])) === own) own = undefined
  })
  if (orders.canary === undefined) return { files }
  if (orders.canary === 'allDead') {
    const exists = (pid: number): boolean => pid === process.pid
    return { files, processes: { ...systemProcesses, exists } }
  }
  const readdirSync = (path: string): string[] => (own === undefined ? files.readdirSync(path) : [own])
  return {
    files: { ...files, readdirSync: readdirSync as typeof files.readdirSync },
    enterGate: () => 'none',
  }
}

function dieAnnounced(): void {
  note(`x ${process.pid}.`)
  process.kill(process.pid, 'SIGKILL')
}

function note(line: string): void {
  appendFileSync(orders.log, `${line}\n`)
}

function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
