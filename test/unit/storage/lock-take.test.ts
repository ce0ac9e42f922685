import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LockedError, StorageError } from '../../../src/errors.js'
import { readThreadIdentity } from '../../../src/storage/lock/identity.js'
import { systemEnvironment } from '../../../src/storage/lock/environment.js'
import { createFileLockManager } from '../../../src/storage/lock/manager.js'
import { cannotRegister } from '../../../src/storage/lock/messages.js'
import {
  LockState,
  decodeRecord,
  encodeRecord,
  temporaryName,
  type LockKind,
} from '../../../src/storage/lock/record.js'
import { takeLock } from '../../../src/storage/lock/take.js'
import type { LockRequest } from '../../../src/storage/platform.js'
import { deadOwner, newToken, plant, recordOf, temporaryDatabase } from '../../support/lock/forge.js'
import { replaceFiles, systemError } from '../../support/lock/files.js'

const locks = createFileLockManager()
const onlyOnLinux = process.platform === 'linux'

function request(kind: LockKind, changes: Partial<LockRequest> = {}): LockRequest {
  return { kind, waitMs: 0, ...changes }
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** Takes the lock by either way. */
const ways = [
  ['acquire', async (path: string, one: LockRequest) => await locks.acquire(path, one)],
  [
    'acquireSync',
    async (path: string, one: LockRequest) =>
      await Promise.resolve().then(() => locks.acquireSync(path, one)),
  ],
] as const

describe.each(ways)('%s', (_, acquire) => {
  it.each<[LockKind, LockKind, boolean]>([
    ['writer', 'writer', false],
    ['writer', 'reader', false],
    ['reader', 'writer', false],
    ['reader', 'reader', true],
  ])('beside a %s, a %s: %j', async (first, second, together) => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const held = await acquire(path, request(first))
    expect(held.lost).toBe(false)
    const error = await failure(
      acquire(path, request(second)).then((lock) => {
        lock.release()
      }),
    )
    expect(error instanceof LockedError).toBe(!together)
    held.release()
    held.release()
    expect(held.lost).toBe(true)
    const next = await acquire(path, request(second))
    next.release()
    expect(existsSync(directory)).toBe(false)
  })

  it('names the holder, this very process, and what to do', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const before = Date.now()
    const held = await acquire(path, request('writer'))
    onTestFinished(() => {
      held.release()
    })
    const error = await failure(acquire(path, request('reader')))
    expect(error).toBeInstanceOf(LockedError)
    const { message, details, code } = error as LockedError
    expect(code).toBe('VARVE_LOCKED')
    expect(details.path).toBe(path)
    const { host, pid, threadId } = readThreadIdentity()
    expect(details.holder).toMatchObject({ kind: 'writer', pid, threadId, host })
    expect(details.holder?.since.getTime()).toBeGreaterThanOrEqual(before)
    expect(message).toContain(path)
    expect(message).toContain(`this very process (pid ${process.pid}`)
    expect(message).toContain('this one')
    expect(message).toContain("mode: 'follow'")
    expect(locks.holders(path)).toEqual([details.holder])
  })

  it('tells a writer that readers are in the way, without offering to follow', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const readers = [await acquire(path, request('reader')), await acquire(path, request('reader'))]
    onTestFinished(() => {
      for (const one of readers) one.release()
    })
    const error = (await failure(acquire(path, request('writer')))) as LockedError
    expect(error.message).toContain('open for reading')
    expect(error.message).toContain('1 more')
    expect(error.message).not.toContain('follow')
    expect(error.details.holder?.kind).toBe('reader')
    expect(locks.holders(path)).toHaveLength(2)
  })

  it('replaces a dead owner at once, whatever its kind', async () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    plant(directory, recordOf({ kind: 'writer', owner: deadOwner() }))
    plant(directory, recordOf({ kind: 'reader', owner: deadOwner() }))
    const held = await acquire(path, request('writer'))
    expect(readdirSync(directory)).toHaveLength(1)
    held.release()
    expect(existsSync(directory)).toBe(false)
  })

  it('passes an abort on, even one from before', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const reason = new Error('changed my mind')
    expect(await failure(acquire(path, request('writer', { signal: AbortSignal.abort(reason) })))).toBe(
      reason,
    )
    expect(existsSync(`${path}.writer.lock`)).toBe(false)
  })
})

describe('waiting for a lock', () => {
  it('gets it when its holder gives it up', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const held = locks.acquireSync(path, request('writer'))
    const waiting = locks.acquire(path, request('writer', { waitMs: 60_000 }))
    setTimeout(() => {
      held.release()
    }, 100)
    const next = await waiting
    expect(held.lost).toBe(true)
    next.release()
  })

  it('ends when its time is over', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const held = locks.acquireSync(path, request('writer'))
    onTestFinished(() => {
      held.release()
    })
    const start = performance.now()
    const error = await failure(locks.acquire(path, request('reader', { waitMs: 300 })))
    expect(error).toBeInstanceOf(LockedError)
    expect(performance.now() - start).toBeGreaterThanOrEqual(299)
    expect(readdirSync(`${path}.writer.lock`)).toHaveLength(1)
  })

  it('ends with the reason of an abort', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const held = locks.acquireSync(path, request('writer'))
    onTestFinished(() => {
      held.release()
    })
    const controller = new AbortController()
    const waiting = locks.acquire(path, request('writer', { waitMs: 3_600_000, signal: controller.signal }))
    const reason = new Error('enough')
    setTimeout(() => {
      controller.abort(reason)
    }, 20)
    expect(await failure(waiting)).toBe(reason)
  })

  it('leaves the event loop free', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const held = locks.acquireSync(path, request('writer'))
    let turns = 0
    const counting = setInterval(() => {
      if ((turns += 1) === 10) held.release()
    }, 1)
    const next = await locks.acquire(path, request('writer', { waitMs: 3_600_000 }))
    clearInterval(counting)
    next.release()
    expect(turns).toBeGreaterThanOrEqual(10)
  })

  it('does not block a thread for what only that thread could give up', () => {
    const { path } = temporaryDatabase(onTestFinished)
    const held = locks.acquireSync(path, request('writer'))
    onTestFinished(() => {
      held.release()
    })
    expect(() => locks.acquireSync(path, request('writer', { waitMs: 3_600_000 }))).toThrow(LockedError)
  })
})

describe('takers that only ask', () => {
  it('are waited for a moment, even by one that does not wait', async () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const asking = plant(directory, recordOf({ state: LockState.taking }))
    expect(locks.holders(path)).toEqual([])
    setTimeout(() => {
      unlinkSync(join(directory, asking))
    }, 20)
    const held = await locks.acquire(path, request('writer'))
    held.release()
  })

  it('are named when they do not go away', async () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    plant(directory, recordOf({ state: LockState.taking }))
    expect(await failure(locks.acquire(path, request('writer')))).toBeInstanceOf(LockedError)
  })
})

describe('the gate', () => {
  it('delays nobody for more than a moment when a killed taker has left it closed', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    mkdirSync(join(directory, 'gate'), { recursive: true })
    // Only who met somebody comes to the gate.
    const asking = plant(directory, recordOf({ state: LockState.taking }))
    let nowMs = 0
    const environment = { ...systemEnvironment(), monotonicMs: () => nowMs }
    const steps = takeLock({ path, request: request('writer'), blocking: false, environment })
    let step = steps.next()
    unlinkSync(join(directory, asking))
    const metMs = Number(step.value)
    for (; step.done !== true; step = steps.next()) nowMs += step.value
    step.value.release()
    expect(nowMs).toBeGreaterThan(metMs)
    expect(nowMs).toBeLessThanOrEqual(metMs + 100)
    expect(readdirSync(directory)).toEqual(['gate'])
  })

  it('is taken over once it is old, by who met somebody', async () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    mkdirSync(join(directory, 'gate'), { recursive: true })
    utimesSync(join(directory, 'gate'), 1, 1)
    const asking = plant(directory, recordOf({ state: LockState.taking }))
    setTimeout(() => {
      unlinkSync(join(directory, asking))
    }, 20)
    const held = await locks.acquire(path, request('writer'))
    held.release()
    expect(existsSync(directory)).toBe(false)
  })

  it('is not entered by who meets nobody', () => {
    const { path } = temporaryDatabase(onTestFinished)
    const enterGate = (): 'none' => {
      throw new Error('the gate was tried')
    }
    createFileLockManager({ enterGate }).acquireSync(path, request('writer')).release()
  })
})

describe('pid reuse', () => {
  it.runIf(onlyOnLinux)('is recognised by the start time of the process', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const owner = readThreadIdentity()
    const same = plant(directory, recordOf({ owner }))
    expect(() => locks.acquireSync(path, request('writer'))).toThrow(LockedError)
    unlinkSync(join(directory, same))
    plant(directory, recordOf({ owner: { ...owner, processStart: '1' } }))
    locks.acquireSync(path, request('writer')).release()
  })

  it.runIf(onlyOnLinux)('is recognised of a thread too', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const owner = readThreadIdentity()
    plant(directory, recordOf({ owner: { ...owner, task: { id: process.pid, start: '1' } } }))
    locks.acquireSync(path, request('writer')).release()
  })
})

describe('the lock directory', () => {
  it('holds a complete record whose heartbeat moves in place', async () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const held = createFileLockManager({ heartbeatMs: 5 }).acquireSync(path, request('reader'))
    onTestFinished(() => {
      held.release()
    })
    const [name = ''] = readdirSync(directory)
    const first = readFileSync(join(directory, name), 'utf8')
    await expect
      .poll(() => decodeRecord('reader', readFileSync(join(directory, name), 'utf8'))?.heartbeat)
      .toBeGreaterThan(2)
    const later = readFileSync(join(directory, name), 'utf8')
    expect(later).toHaveLength(first.length)
    expect(decodeRecord('reader', later)).toMatchObject({
      path,
      state: LockState.held,
      owner: readThreadIdentity(),
    })
  })

  it('tells a holder whose record was removed by force', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const held = locks.acquireSync(path, request('writer'))
    for (const name of readdirSync(directory)) unlinkSync(join(directory, name))
    expect(held.lost).toBe(true)
    held.release()
    expect(existsSync(directory)).toBe(false)
  })

  it('never removes what a newcomer owns', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const held = locks.acquireSync(path, request('writer'))
    for (const name of readdirSync(directory)) unlinkSync(join(directory, name))
    const newcomer = locks.acquireSync(path, request('writer'))
    held.release()
    expect(newcomer.lost).toBe(false)
    newcomer.release()
  })

  it('is made again when it vanishes under a taker', () => {
    const { path } = temporaryDatabase(onTestFinished)
    let vanishing = 3
    const directory = `${path}.writer.lock`
    const enterGate = (): 'none' => 'none'
    const files = replaceFiles({})
    const openSync: typeof files.openSync = (...parameters) => {
      if (vanishing > 0 && String(parameters[0]).includes('/t-')) {
        vanishing -= 1
        files.rmdirSync(directory)
      }
      return files.openSync(...parameters)
    }
    const manager = createFileLockManager({ files: replaceFiles({ openSync }), enterGate })
    manager.acquireSync(path, request('writer')).release()
    expect(vanishing).toBe(0)
  })

  it.each<[string, (directory: string) => void]>([
    [
      'a file',
      (directory) => {
        writeFileSync(directory, 'mine')
      },
    ],
    [
      'a symbolic link to a directory',
      (directory) => {
        mkdirSync(`${directory}-elsewhere`)
        symlinkSync(`${directory}-elsewhere`, directory)
      },
    ],
    [
      'a dangling symbolic link',
      (directory) => {
        symlinkSync(`${directory}-nowhere`, directory)
      },
    ],
  ])('is refused when it is %s', (_, make) => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    make(directory)
    const attempt = (): unknown => locks.acquireSync(path, request('reader'))
    expect(attempt).toThrow(StorageError)
    expect(attempt).toThrow(/move it away/u)
    try {
      attempt()
    } catch (error) {
      expect(cannotRegister(error)).toBe(false)
    }
    expect(readdirSync(dirname(path)).filter((name) => name.startsWith('w-'))).toEqual([])
  })

  it('is cleared of what dead takers left half made, and only of that', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    mkdirSync(directory)
    const draft = (content: string): string => {
      const name = temporaryName(newToken())
      writeFileSync(join(directory, name), content)
      return name
    }
    draft(encodeRecord(recordOf({ owner: deadOwner() })))
    const old = draft('{"varveLock":1,"ki')
    utimesSync(join(directory, old), 1, 1)
    const young = draft('{"varveLock":1,"ki')
    const living = draft(encodeRecord(recordOf()))
    writeFileSync(join(directory, 'notes.txt'), 'not ours')
    locks.acquireSync(path, request('writer')).release()
    expect(readdirSync(directory).toSorted()).toEqual([young, living, 'notes.txt'].toSorted())
  })

  it('makes another draft when others cleared its own away', () => {
    const { path } = temporaryDatabase(onTestFinished)
    let clearing = 2
    const files = replaceFiles({})
    const renameSync: typeof files.renameSync = (from, to) => {
      if (clearing > 0) {
        clearing -= 1
        files.unlinkSync(from)
      }
      files.renameSync(from, to)
    }
    createFileLockManager({ files: replaceFiles({ renameSync }) })
      .acquireSync(path, request('writer'))
      .release()
    expect(clearing).toBe(0)
    expect(existsSync(`${path}.writer.lock`)).toBe(false)
  })

  it('takes an empty record for one that lost its content in a power cut', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    mkdirSync(directory)
    writeFileSync(join(directory, `w-${newToken()}`), '')
    writeFileSync(join(directory, `w-${newToken()}`), '\0'.repeat(500))
    locks.acquireSync(path, request('writer')).release()
    writeFileSync(join(mkdirAgain(directory), `w-${newToken()}`), '{"varveLock":2}')
    expect(() => locks.acquireSync(path, request('writer'))).toThrow(/not one that this version understands/u)
  })
})

/** Permissions mean nothing to the superuser, as whom tests may run. */
function asOrdinaryUser(run: () => void): void {
  if (process.getuid?.() !== 0) {
    run()
    return
  }
  process.seteuid?.(65_534)
  try {
    run()
  } finally {
    process.seteuid?.(0)
  }
}

function mkdirAgain(directory: string): string {
  mkdirSync(directory)
  return directory
}

describe('a directory that cannot be written', () => {
  it.each(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'])('is told from other failures: %s', (code) => {
    const { path } = temporaryDatabase(onTestFinished)
    const mkdirSync_ = (): never => {
      throw systemError(code)
    }
    const manager = createFileLockManager({ files: replaceFiles({ mkdirSync: mkdirSync_ }) })
    expect(() => manager.acquireSync(path, request('reader'))).toThrow(expect.toSatisfy(cannotRegister))
  })

  it.each(['EIO', 'EMFILE'])('is not what this is: %s', (code) => {
    const { path } = temporaryDatabase(onTestFinished)
    const readdirSync_ = (): never => {
      throw systemError(code)
    }
    const manager = createFileLockManager({ files: replaceFiles({ readdirSync: readdirSync_ }) })
    const attempt = (): unknown => manager.acquireSync(path, request('reader'))
    expect(attempt).toThrow(StorageError)
    expect(attempt).not.toThrow(expect.toSatisfy(cannotRegister))
  })

  it('still shows a writer to a reader', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    plant(directory, recordOf())
    const readOnly = (): never => {
      throw systemError('EROFS')
    }
    const files = replaceFiles({ mkdirSync: readOnly, unlinkSync: readOnly, renameSync: readOnly })
    expect(() => createFileLockManager({ files }).acquireSync(path, request('reader'))).toThrow(LockedError)
  })

  it.skipIf(process.platform === 'win32')('may be a real one', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    chmodSync(dirname(path), 0o555)
    asOrdinaryUser(() => {
      expect(() => locks.acquireSync(path, request('reader'))).toThrow(expect.toSatisfy(cannotRegister))
    })
    expect(existsSync(directory)).toBe(false)
    chmodSync(dirname(path), 0o755)
    plant(directory, recordOf())
    asOrdinaryUser(() => {
      expect(() => locks.acquireSync(path, request('reader'))).toThrow(LockedError)
    })
  })

  it.runIf(process.getuid?.() === 0)(
    'may hold a record that this user may not read: its owner is not robbed',
    () => {
      const { path, locks: directory } = temporaryDatabase(onTestFinished)
      chmodSync(dirname(path), 0o777)
      const name = plant(directory, recordOf({ owner: deadOwner() }))
      chmodSync(join(directory, name), 0o600)
      asOrdinaryUser(() => {
        expect(() => locks.acquireSync(path, request('reader'))).toThrow(/may not be read by this user/u)
      })
      locks.acquireSync(path, request('writer')).release()
    },
  )

  it('is not there at all: the path is wrong', () => {
    const { path } = temporaryDatabase(onTestFinished)
    const attempt = (): unknown =>
      locks.acquireSync(join(path, 'nowhere', 'library.varve'), request('writer'))
    expect(attempt).toThrow(expect.objectContaining({ code: 'VARVE_NOT_FOUND' }))
  })
})
