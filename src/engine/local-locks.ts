/**
 * Locks for storages that know no other process: one writer or several readers of a name, within this thread.
 */
import { LockedError, type LockHolder } from '../errors.js'
import type { HeldLock, LockManager, LockRequest, Platform } from '../storage/platform.js'
import type { Storage } from '../storage/storage.js'

const RETRY_MS = 10

/** Who holds which names of each storage. */
const heldIn = new WeakMap<Storage, Map<string, LockHolder[]>>()

/** The locks of databases in a storage. */
export function locksOf(storage: Storage, platform: Platform): LockManager {
  const { locks } = platform
  return storage === platform.storage && locks !== undefined ? locks : localLocks(storage, platform)
}

function localLocks(storage: Storage, platform: Platform): LockManager {
  const names = heldIn.get(storage) ?? new Map<string, LockHolder[]>()
  heldIn.set(storage, names)
  const holders = (path: string): LockHolder[] => names.get(path) ?? []

  const tryTake = (path: string, { kind }: LockRequest): HeldLock | undefined => {
    const present = holders(path)
    const blocked = present.some((holder) => kind === 'writer' || holder.kind === 'writer')
    if (blocked) return undefined
    const own: LockHolder = {
      kind,
      pid: 0,
      threadId: 0,
      host: 'this process',
      since: new Date(platform.now()),
    }
    names.set(path, [...present, own])
    return {
      release: () => {
        names.set(
          path,
          holders(path).filter((holder) => holder !== own),
        )
      },
    }
  }
  const refusal = (path: string): LockedError => {
    const [holder] = holders(path)
    return new LockedError(`${path} is open already in this process. Close the other handle first.`, {
      path,
      holder,
    })
  }

  return {
    holders,
    async acquire(path, request) {
      const deadline = platform.monotonicMs() + request.waitMs
      for (;;) {
        const lock = tryTake(path, request)
        if (lock !== undefined) return lock
        if (platform.monotonicMs() >= deadline) throw refusal(path)
        await new Promise<void>((resolve) => platform.setTimer(resolve, RETRY_MS))
        request.signal?.throwIfAborted()
      }
    },
    acquireSync(path, request) {
      const lock = tryTake(path, request)
      if (lock === undefined) throw refusal(path)
      return lock
    },
  }
}
