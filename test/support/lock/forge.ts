/** Lock records and directories made by hand: of owners that live, are dead, or cannot be seen. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readThreadIdentity, type ThreadIdentity } from '../../../src/storage/lock/identity.js'
import { encodeRecord, LockState, recordName, type LockRecord } from '../../../src/storage/lock/record.js'
import { temporaryDirectory } from '../temporary-directory.js'

/** A path for a database in a directory of its own, removed at the end of the test, and where its locks are kept. */
export function temporaryDatabase(onEnd: (remove: () => void) => void): { path: string; locks: string } {
  const directory = temporaryDirectory()
  onEnd(() => {
    directory.remove()
  })
  const path = directory.file('library.varve')
  return { path, locks: `${path}.writer.lock` }
}

export function newToken(): string {
  return randomBytes(16).toString('hex')
}

/** A held writer's record, of this thread unless told otherwise. */
export function recordOf(changes: Partial<LockRecord> = {}): LockRecord {
  return {
    kind: 'writer',
    token: newToken(),
    owner: readThreadIdentity(),
    since: new Date('2024-05-01T12:00:00.000Z'),
    path: 'library.varve',
    descriptor: 1_000_000,
    state: LockState.held,
    heartbeat: 7,
    ...changes,
  }
}

/** Puts a record into a lock directory; returns its file name. */
export function plant(locks: string, record: LockRecord): string {
  const name = recordName(record.kind, record.token)
  mkdirSync(locks, { recursive: true })
  writeFileSync(join(locks, name), encodeRecord(record))
  return name
}

/** An owner whose process has just ended and been collected. */
export function deadOwner(): ThreadIdentity {
  const { pid } = spawnSync(process.execPath, ['--version'])
  return { ...readThreadIdentity(), pid, processStart: '1', task: { id: pid, start: '1' } }
}

/** An owner in another container of another host. */
export function foreignOwner(): ThreadIdentity {
  return {
    host: 'elsewhere',
    bootId: '00000000-0000-4000-8000-000000000000',
    namespace: 'pid:[1] time:[1]',
    pid: 41,
    processStart: '4242',
    threadId: 0,
    task: { id: 41, start: '4242' },
  }
}
