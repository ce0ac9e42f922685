/** The environment of a system that tells only whether a process id is in use, as all but Linux. */
import type { LockEnvironment } from '../../../src/storage/lock/environment.js'
import { readThreadIdentity } from '../../../src/storage/lock/identity.js'
import { systemProcesses } from '../../../src/storage/lock/process-table.js'

export function withoutProc(): Partial<LockEnvironment> {
  const { host, pid, threadId } = readThreadIdentity()
  return {
    identity: { host, pid, threadId, namespace: 'elsewhere' },
    processes: { exists: (id) => systemProcesses.exists(id), stat: () => undefined, tasks: () => [] },
  }
}
