/** A process that takes locks as it is told over its message channel. Started by `processes.ts`. */
import { fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { LockedError } from '../../../src/errors.js'
import type { FileLock } from '../../../src/storage/lock/held-lock.js'
import { createFileLockManager } from '../../../src/storage/lock/manager.js'
import type { TakerOrder, TakerReply } from './protocol.js'

const require = createRequire(import.meta.url)
let locks: ReturnType<typeof createFileLockManager> | undefined
let held: FileLock | undefined

process.on('message', (message) => {
  const order = message as TakerOrder
  void obey(order).then(
    (reply) => {
      answer(reply)
      if (order.order === 'block') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, order.ms)
    },
    (error: unknown) => {
      answer({ error: plain(error) })
    },
  )
})
answer({})

function answer(reply: Partial<TakerReply>): void {
  process.send?.({ holds: held !== undefined && !held.lost, ...reply } satisfies TakerReply)
}

async function obey(order: TakerOrder): Promise<Partial<TakerReply>> {
  switch (order.order) {
    case 'take': {
      const { path, kind, waitMs, blocking } = order
      locks ??= createFileLockManager()
      held = blocking
        ? locks.acquireSync(path, { kind, waitMs })
        : await locks.acquire(path, { kind, waitMs })
      return {}
    }
    case 'release':
      held?.release()
      return {}
    case 'block':
      return {}
    case 'bear':
      return { childPid: await bear(order.path) }
    case 'describe':
      return { hooks: describeHooks() }
  }
}

async function bear(path: string): Promise<number | undefined> {
  const child = fork(process.argv[1] ?? '', { stdio: 'inherit' })
  const order: TakerOrder = { order: 'take', path, kind: 'writer', waitMs: 0, blocking: true }
  child.send(order)
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message) => {
      const { holds, error } = message as TakerReply
      if (holds) resolve()
      if (error !== undefined) reject(new Error(error.message))
    })
  })
  return child.pid
}

function describeHooks(): TakerReply['hooks'] {
  const events = ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException']
  return {
    listeners: events.reduce((sum, event) => sum + process.listenerCount(event), 0),
    gateLoaded: Object.keys(require.cache).some((file) => file.includes('proper-lockfile')),
  }
}

function plain(error: unknown): TakerReply['error'] {
  if (!(error instanceof Error)) return { name: 'unknown', message: String(error), holderPid: undefined }
  const holderPid = error instanceof LockedError ? error.details.holder?.pid : undefined
  return { name: error.name, message: error.message, holderPid }
}
