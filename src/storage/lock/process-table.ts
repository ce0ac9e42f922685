/**
 * What the system tells about the processes and threads of this namespace: whether they exist, and since when.
 *
 * On Linux from /proc, in the format of proc_pid_stat(5); elsewhere only whether a process id is in use.
 */
import { readFileSync, readdirSync } from 'node:fs'

/** A process or thread as the system sees it now. */
export interface TaskStat {
  /** One letter; `Z` and `X` are dead, the first of them not yet collected by its parent. */
  readonly state: string
  /** It has begun to end and will run no more code of its own. */
  readonly exiting: boolean
  /** Clock ticks since boot, as the system writes it. */
  readonly startTime: string
}

/** Read access to the system's processes. */
export interface ProcessTable {
  /** Whether the id is in use, be it by a dead process that its parent has not collected. */
  exists(pid: number): boolean
  /** The process, or one thread of it; undefined where it is gone, hidden, or the system does not tell. */
  stat(pid: number, taskId?: number): TaskStat | undefined
  /** The ids of all threads of a process that the system still counts. */
  tasks(pid: number): number[]
}

/** The running system's table. */
export const systemProcesses: ProcessTable = {
  exists(pid) {
    try {
      process.kill(pid, 0)
      return true
    } catch (error) {
      // Anything but "no such process", such as "not permitted", is said of one that exists.
      return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
    }
  },
  stat: taskStat,
  tasks(pid) {
    try {
      return readdirSync(`/proc/${pid}/task`).map(Number)
    } catch {
      return []
    }
  },
}

export function taskStat(pid: number, taskId?: number): TaskStat | undefined {
  const path = taskId === undefined ? `/proc/${pid}/stat` : `/proc/${pid}/task/${taskId}/stat`
  try {
    return parseTaskStat(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** `PF_EXITING` of the kernel: set before anyone who waits for the end of a thread is woken. */
const EXITING = 0x4

/** The second field is the program's name, which may hold spaces and parentheses; the others follow the last one. */
export function parseTaskStat(text: string): TaskStat | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(' ')
  const state = fields[0]
  const flags = Number(fields[6])
  const startTime = fields[19]
  if (!state || !Number.isInteger(flags) || startTime === undefined || !/^\d+$/u.test(startTime))
    return undefined
  return { state, exiting: (flags & EXITING) !== 0, startTime }
}
