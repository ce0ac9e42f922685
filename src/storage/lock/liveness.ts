/**
 * Whether the owner of a lock record lives.
 *
 * In doubt it does: a false "dead" lets two writers in, a false "alive" makes one wait. An owner is dead only if
 * 1. it said so itself (its record could not be removed, and says released); or
 * 2. its host was restarted since; or
 * 3. its process id, in this namespace, is unused, or used by a process that started at another time; or
 * 4. its process has ended, all threads of it, and only waits to be collected by its parent; or
 * 5. its process lives, and its thread ended: the system no longer counts it, or has begun to take it down, or counts
 *    another one under the number. Where threads cannot be looked up, a thread of this very process is known to have
 *    ended when the record's descriptor, which the runtime closes with the thread, is no longer that file.
 * Nothing here depends on whether the owner runs: one that is stopped, blocked or slow exists like any other.
 * An owner in another namespace or on another host cannot be judged this way; its heartbeat is watched instead.
 */
import type { ThreadIdentity } from './identity.js'
import type { ProcessTable, TaskStat } from './process-table.js'
import { LockState, type LockRecord } from './record.js'

/** What is known about a record's owner. */
export interface Verdict {
  /**
   * `ending`: its process is being taken down, which takes a moment and ends in `dead`. `foreign`: it is in a place
   * whose processes cannot be seen from here.
   */
  readonly owner: 'alive' | 'ending' | 'dead' | 'foreign'
  /** A clause for people, such as `process 12 has ended`. */
  readonly reason: string
}

/** From where an owner is judged. */
export interface Observer {
  readonly here: ThreadIdentity
  readonly processes: ProcessTable
  /** The record lies on storage that several machines may have mounted. */
  readonly sharedStorage: boolean
  /** Whether a descriptor of this process is the record's file, under that name. */
  isOpenHere(record: LockRecord): boolean
}

export function judge(record: LockRecord, observer: Observer): Verdict {
  if (record.state === LockState.released) return dead('it was released')
  if (hasRestarted(record.owner, observer)) return dead(`host ${record.owner.host} has been restarted since`)
  if (!isVisible(record.owner, observer.here)) return foreign(record.owner)
  return judgeProcess(record, observer)
}

/** Machines of one name may share network storage: there another boot proves nothing. */
function hasRestarted(owner: ThreadIdentity, { here, sharedStorage }: Observer): boolean {
  if (sharedStorage || owner.bootId === undefined || here.bootId === undefined) return false
  return owner.host === here.host && owner.bootId !== here.bootId
}

/** Whether the owner's process ids mean the same processes as ours. A boot id outlives a change of the host's name. */
function isVisible(owner: ThreadIdentity, here: ThreadIdentity): boolean {
  if (owner.namespace === undefined || owner.namespace !== here.namespace) return false
  if (owner.bootId === undefined && here.bootId === undefined) return owner.host === here.host
  return owner.bootId === here.bootId
}

function judgeProcess(record: LockRecord, observer: Observer): Verdict {
  const { pid, processStart } = record.owner
  const { processes } = observer
  if (!processes.exists(pid)) return dead(`process ${pid} has ended`)
  const stat = processes.stat(pid)
  if (stat === undefined) {
    // Hidden from us, or gone between the two looks.
    return processes.exists(pid) ? judgeByDescriptor(record, observer) : dead(`process ${pid} has ended`)
  }
  if (processStart !== undefined && stat.startTime !== processStart) {
    return dead(`process ${pid} has ended; its number belongs to another one now`)
  }
  if (hasEnded(stat) || stat.exiting) return judgeEnding(pid, processes)
  return judgeThread(record, observer)
}

/** A killed process may have a thread left that finishes a write: it is dead when the last one is. */
function judgeEnding(pid: number, processes: ProcessTable): Verdict {
  const over = processes.tasks(pid).every((id) => hasEnded(processes.stat(pid, id)))
  return over ? dead(`process ${pid} has ended`) : { owner: 'ending', reason: `process ${pid} is ending` }
}

function judgeThread(record: LockRecord, observer: Observer): Verdict {
  const { pid, task } = record.owner
  if (task === undefined) return judgeByDescriptor(record, observer)
  const stat = observer.processes.stat(pid, task.id)
  if (hasEnded(stat) || stat?.exiting === true || stat?.startTime !== task.start)
    return dead(threadHasEnded(record.owner))
  return alive(`process ${pid} is alive`)
}

function judgeByDescriptor(record: LockRecord, observer: Observer): Verdict {
  const { owner } = record
  if (owner.pid !== observer.here.pid || observer.isOpenHere(record))
    return alive(`process ${owner.pid} is alive`)
  return dead(threadHasEnded(owner))
}

function hasEnded(stat: TaskStat | undefined): boolean {
  return stat === undefined || stat.state === 'Z' || stat.state === 'X'
}

function threadHasEnded({ pid, threadId }: ThreadIdentity): string {
  return `thread ${threadId} of process ${pid} has ended`
}

function alive(reason: string): Verdict {
  return { owner: 'alive', reason }
}

function dead(reason: string): Verdict {
  return { owner: 'dead', reason }
}

function foreign({ host, pid }: ThreadIdentity): Verdict {
  return { owner: 'foreign', reason: `process ${pid} on host ${host} cannot be seen from here` }
}
