/**
 * Several processes and their threads take one lock in turns, thousands of times, while they are stopped, killed and
 * terminated: never two owners at a time, by a log that they all write to while they hold it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createFileLockManager } from '../../src/storage/lock/manager.js'
import { bundlePrograms, type Programs } from '../support/lock/bundle.js'
import { judgeFencingLog, type FencingVerdict } from '../support/lock/fencing-log.js'
import { temporaryDatabase } from '../support/lock/forge.js'
import type { Canary, TortureOrders } from '../support/lock/torture-taker.js'
import { count, seed } from '../support/counts.js'
import { randomFrom, type Random } from '../support/random.js'

const PROCESSES = 3

let programs: Programs

beforeAll(async () => {
  programs = await bundlePrograms('torture-taker')
})

afterAll(() => {
  programs.remove()
})

interface Torture {
  readonly takes: number
  readonly canary?: Canary | undefined
  readonly random: Random
}

/** Runs takers until they took the lock so many times, or the log shows a violation. */
async function torture({ takes, canary, random }: Torture): Promise<FencingVerdict> {
  const { path } = temporaryDatabase(onTestFinished)
  const log = `${path}.fencing`
  writeFileSync(log, '')
  const seen = (): FencingVerdict => judgeFencingLog(readFileSync(log, 'utf8'))
  const isOver = (): boolean => {
    const { takes: done, violations } = seen()
    return done >= takes || violations.length > 0
  }
  const runOne = async (): Promise<void> => {
    while (!isOver()) {
      const orders: TortureOrders = {
        path,
        log,
        takes: 40 + random.below(40),
        seed: random.below(2 ** 32),
        canary,
      }
      await runTaker(orders, random)
    }
  }
  await Promise.all(Array.from({ length: PROCESSES }, runOne))
  if (canary === undefined) createFileLockManager().acquireSync(path, { kind: 'writer', waitMs: 0 }).release()
  return seen()
}

/** One process, to its end or until it is killed; it is also stopped for a while now and then. */
async function runTaker(orders: TortureOrders, random: Random): Promise<void> {
  const child = spawn(process.execPath, [programs.file('torture-taker'), JSON.stringify(orders)], {
    stdio: 'inherit',
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const harm = random.next()
  if (harm < 0.4)
    await pauseOrEnd(ended, 200 + random.below(800)).then(() => killAnnounced(child, orders.log))
  else if (harm < 0.7) await stopForAWhile(child, ended, random)
  const code = await ended
  if (code !== null) expect(code).toBe(0)
}

function killAnnounced(child: ChildProcess, log: string): void {
  appendFileSync(log, `x ${child.pid}.\n`)
  child.kill('SIGKILL')
}

async function stopForAWhile(child: ChildProcess, ended: Promise<unknown>, random: Random): Promise<void> {
  await pauseOrEnd(ended, 200 + random.below(500))
  child.kill('SIGSTOP')
  await pauseOrEnd(ended, random.below(500))
  child.kill('SIGCONT')
}

async function pauseOrEnd(ended: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const pause = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([ended, pause])
  clearTimeout(timer)
}

describe('lock torture', () => {
  it('never shows two owners at a time', { timeout: 3_600_000 }, async () => {
    const takes = count(1_000, 80_000)
    const verdict = await torture({ takes, random: randomFrom(seed) })
    console.log(`lock torture: ${verdict.takes} takes, ${verdict.abandoned} owners killed, seed ${seed}`)
    expect(verdict.violations).toEqual([])
    expect(verdict.takes).toBeGreaterThanOrEqual(takes)
    expect(verdict.abandoned).toBeGreaterThan(0)
  })

  it.each<Canary>(['lookFirst', 'allDead'])(
    'notices a lock broken on purpose: %s',
    { timeout: 600_000 },
    async (canary) => {
      const { violations } = await torture({ takes: 20_000, canary, random: randomFrom(seed) })
      expect(violations).not.toEqual([])
    },
  )
})
