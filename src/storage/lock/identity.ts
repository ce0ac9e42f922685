/**
 * Who runs this code, so exactly that another process can later tell whether that thread still lives.
 *
 * A process id alone proves little: ids are reused, a worker thread ends while its process lives on, and the same
 * number means another process in another container. Linux tells all of it under /proc: the start times of process
 * and thread, the boot, the namespaces, and, by /proc/thread-self, the thread that makes this very call. Elsewhere
 * these are unknown, and a living process id is taken for the owner.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import type * as WorkerThreads from 'node:worker_threads'
import { taskStat } from './process-table.js'

/** One thread of one process of one boot of one machine. What the system does not tell is absent. */
export interface ThreadIdentity {
  readonly host: string
  /** Random per boot of the kernel. */
  readonly bootId?: string | undefined
  /** The space in which `pid` and the start times have their meaning; two unknown ones are not the same. */
  readonly namespace?: string | undefined
  readonly pid: number
  /** When the process started, in clock ticks since boot, as the system writes it. */
  readonly processStart?: string | undefined
  /** Node's number of the thread; 0 is the main thread. */
  readonly threadId: number
  /** The system's number of the thread, and when the thread started. */
  readonly task?: TaskIdentity | undefined
}

export interface TaskIdentity {
  readonly id: number
  readonly start: string
}

/** Asks the system who the calling thread is. The answer holds as long as the thread lives. */
export function readThreadIdentity(): ThreadIdentity {
  const known = { host: hostname(), pid: process.pid }
  if (process.platform !== 'linux') return { ...known, threadId: threadNumber(), namespace: process.platform }
  const bootId = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  // A /proc mounted from another namespace numbers processes differently: nothing in it is about us.
  if (attempt(() => readlinkSync('/proc/self')) !== String(process.pid))
    return { ...known, threadId: threadNumber(), bootId }
  const task = attempt(readTask)
  return {
    ...known,
    // The first thread of a process has its number, and none that Node starts is the first.
    threadId: task?.id === process.pid ? 0 : threadNumber(),
    bootId,
    namespace: attempt(readNamespace),
    processStart: taskStat(process.pid)?.startTime,
    task,
  }
}

/** Asked of Node only where it must be: loading what knows it takes as long as the rest of this file. */
function threadNumber(): number {
  const { threadId }: typeof WorkerThreads = createRequire(import.meta.url)('node:worker_threads')
  return threadId
}

/** Process ids count in the pid namespace, start times in the time namespace. */
function readNamespace(): string {
  const pids = readlinkSync('/proc/self/ns/pid')
  const times = attempt(() => readlinkSync('/proc/self/ns/time'))
  return times === undefined ? pids : `${pids} ${times}`
}

/** The link reads `<pid>/task/<task id>`, for the thread that reads it; synchronous calls run on their own thread. */
function readTask(): TaskIdentity | undefined {
  const id = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  const start = taskStat(process.pid, id)?.startTime
  return start === undefined ? undefined : { id, start }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
