/**
 * Locks between real processes and threads: who is refused, who is replaced, and who never is.
 *
 * `VARVE_LOCK_BLOCK_MS` sets for how long a holder's event loop is blocked; the default passes every time after which
 * the gate's library takes a lock for abandoned.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { LockedError } from '../../src/errors.js'
import { createFileLockManager } from '../../src/storage/lock/manager.js'
import type { LockKind } from '../../src/storage/lock/record.js'
import { bundlePrograms, type Programs } from '../support/lock/bundle.js'
import { temporaryDatabase } from '../support/lock/forge.js'
import { TakerProcess } from '../support/lock/processes.js'
import type { TakerThreadData } from '../support/lock/taker-thread.js'
import { withoutProc } from '../support/lock/without-proc.js'
import { long } from '../support/counts.js'

const onLinux = process.platform === 'linux'
const stoppedMs = long ? 30_000 : 4_000
const blockedMs = Number(process.env['VARVE_LOCK_BLOCK_MS'] ?? (long ? 35_000 : 12_000))

const locks = createFileLockManager()
let programs: Programs

beforeAll(async () => {
  programs = await bundlePrograms('taker', 'taker-thread')
})

afterAll(() => {
  programs.remove()
})

type OnEnd = TestContext['onTestFinished']

async function startTaker(onEnd: OnEnd): Promise<TakerProcess> {
  const taker = await TakerProcess.start(programs.file('taker'))
  onEnd(async () => {
    await taker.end()
  })
  return taker
}

function take(path: string, kind: LockKind = 'writer'): void {
  locks.acquireSync(path, { kind, waitMs: 0 }).release()
}

/** Tries all the time for `ms` milliseconds; the result is the refusal. */
async function tryFor(ms: number, path: string): Promise<LockedError> {
  const error = await locks.acquire(path, { kind: 'writer', waitMs: ms }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(LockedError)
  return error as LockedError
}

describe('two processes', () => {
  it.each<[LockKind, LockKind, boolean]>([
    ['writer', 'writer', true],
    ['writer', 'reader', true],
    ['reader', 'writer', false],
    ['reader', 'writer', true],
  ])('a %s refuses a %s and is named (blocking: %j)', async (first, second, blocking) => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const [one, other] = await Promise.all([startTaker(onTestFinished), startTaker(onTestFinished)])
    expect(await one.take(path, { kind: first })).toMatchObject({ holds: true })
    const refused = await other.take(path, { kind: second, blocking })
    expect(refused).toMatchObject({ holds: false, error: { name: 'LockedError', holderPid: one.pid } })
    expect(refused.error?.message).toContain(`process ${one.pid} (main thread)`)
    expect(refused.error?.message.includes("mode: 'follow'")).toBe(second === 'reader')
    await one.tell({ order: 'release' })
    expect(await other.take(path, { kind: second })).toMatchObject({ holds: true })
    await other.tell({ order: 'release' })
    expect(existsSync(directory)).toBe(false)
  })

  it('read together', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const [one, other] = await Promise.all([startTaker(onTestFinished), startTaker(onTestFinished)])
    expect(await one.take(path, { kind: 'reader' })).toMatchObject({ holds: true })
    expect(await other.take(path, { kind: 'reader' })).toMatchObject({ holds: true })
    expect(new Set(locks.holders(path).map(({ pid }) => pid))).toEqual(new Set([one.pid, other.pid]))
  })

  it('load the gate, which hooks the process, when they met somebody and not before', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const taker = await startTaker(onTestFinished)
    const before = await taker.tell({ order: 'describe' })
    expect(before.hooks?.gateLoaded).toBe(false)
    await taker.take(path)
    expect(await taker.tell({ order: 'describe' })).toMatchObject({ hooks: { gateLoaded: false } })
    const other = await startTaker(onTestFinished)
    const waiting = other.take(path, { waitMs: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await taker.tell({ order: 'release' })
    await waiting
    const after = await other.tell({ order: 'describe' })
    expect(after.hooks?.gateLoaded).toBe(true)
    expect(after.hooks?.listeners).toBeGreaterThan(before.hooks?.listeners ?? 0)
  })
})

describe('a holder that was killed', () => {
  it('is replaced at once', async () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const taker = await startTaker(onTestFinished)
    expect(await taker.take(path)).toMatchObject({ holds: true })
    await taker.end()
    expect(readdirSync(directory)).toHaveLength(1)
    take(path)
    expect(existsSync(directory)).toBe(false)
  })

  it('is replaced while one waits for it', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const taker = await startTaker(onTestFinished)
    expect(await taker.take(path)).toMatchObject({ holds: true })
    const waiting = locks.acquire(path, { kind: 'writer', waitMs: 3_600_000 })
    taker.signal('SIGKILL')
    const held = await waiting
    held.release()
  })

  it.runIf(onLinux)('is replaced even if its parent does not collect it', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const parent = await startTaker(onTestFinished)
    const { childPid = 0 } = await parent.tell({ order: 'bear', path })
    expect(locks.holders(path)).toMatchObject([{ pid: childPid }])
    await parent.tell({ order: 'block', ms: 3_600_000 })
    process.kill(childPid, 'SIGKILL')
    await expect
      .poll(() => readFileSync(`/proc/${childPid}/stat`, 'utf8'), { timeout: 60_000 })
      .toContain(') Z ')
    take(path)
  })
})

describe('a thread', () => {
  const start = (path: string, next: TakerThreadData['next'], hideProc = false): Worker => {
    const orders: TakerThreadData = { path, next, hideProc }
    const worker = new Worker(programs.file('taker-thread'), { workerData: orders })
    onTestFinished(async () => {
      await worker.terminate()
    })
    return worker
  }

  it.each(['idle', 'block'] as const)('frees its lock when it is terminated (%s)', async (next) => {
    for (let round = 0; round < 10; round += 1) {
      const { path } = temporaryDatabase(onTestFinished)
      const worker = start(path, next)
      await once(worker, 'message')
      expect(() => {
        take(path)
      }).toThrow(`this very process (pid ${process.pid}, worker thread ${worker.threadId})`)
      await worker.terminate()
      take(path)
    }
  })

  it('frees its lock when it ends without giving it up', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    await once(start(path, 'end'), 'exit')
    take(path)
  })

  it('gives its lock up like any other', async () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    await once(start(path, 'release'), 'exit')
    expect(existsSync(directory)).toBe(false)
  })

  it('frees its lock even where the system tells nothing of threads', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const blind = createFileLockManager(withoutProc())
    const worker = start(path, 'idle', true)
    await once(worker, 'message')
    expect(() => blind.acquireSync(path, { kind: 'writer', waitMs: 0 })).toThrow(LockedError)
    await worker.terminate()
    blind.acquireSync(path, { kind: 'writer', waitMs: 0 }).release()
  })

  it('frees its lock for other processes too', async () => {
    const { path } = temporaryDatabase(onTestFinished)
    const taker = await startTaker(onTestFinished)
    const worker = start(path, 'idle')
    await once(worker, 'message')
    expect(await taker.take(path)).toMatchObject({ error: { holderPid: process.pid } })
    await worker.terminate()
    expect(await taker.take(path)).toMatchObject({ holds: true })
  })
})

const otherNamespace = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
const [unshare, ...unshareOptions] = [...otherNamespace, 'true']
const hasNamespaces = onLinux && spawnSync(unshare, unshareOptions).status === 0

describe.runIf(hasNamespaces)('a process in another pid namespace', () => {
  it('is not judged by its process id', async () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const taker = await TakerProcess.start(programs.file('taker'), otherNamespace)
    onTestFinished(async () => {
      await taker.end()
    })
    expect(await taker.take(path)).toMatchObject({ holds: true })
    expect(() => {
      take(path)
    }).toThrow(/process 1 .* cannot be seen from here/u)
    await taker.tell({ order: 'release' })
    expect(existsSync(directory)).toBe(false)
    const held = locks.acquireSync(path, { kind: 'writer', waitMs: 0 })
    onTestFinished(() => {
      held.release()
    })
    const refused = await taker.take(path)
    expect(refused).toMatchObject({ holds: false, error: { holderPid: process.pid } })
  })
})

describe.concurrent('a holder that lives', () => {
  it(`is not robbed while it is stopped, for ${stoppedMs} ms`, async ({ onTestFinished: onEnd }) => {
    const { path } = temporaryDatabase(onEnd)
    const taker = await startTaker(onEnd)
    expect(await taker.take(path)).toMatchObject({ holds: true })
    taker.signal('SIGSTOP')
    const { details } = await tryFor(stoppedMs, path)
    expect(details.holder?.pid).toBe(taker.pid)
    taker.signal('SIGCONT')
    expect(await taker.tell({ order: 'describe' })).toMatchObject({ holds: true })
    taker.signal('SIGSTOP')
    await taker.end()
    take(path)
  })

  it(`is not robbed while its event loop is blocked, for ${blockedMs} ms`, async ({
    onTestFinished: onEnd,
  }) => {
    const { path } = temporaryDatabase(onEnd)
    const taker = await startTaker(onEnd)
    expect(await taker.take(path)).toMatchObject({ holds: true })
    await taker.tell({ order: 'block', ms: blockedMs })
    const { details } = await tryFor(blockedMs - 1_000, path)
    expect(details.holder?.pid).toBe(taker.pid)
    expect(await taker.tell({ order: 'release' })).toMatchObject({ holds: false })
    take(path)
  })
})
