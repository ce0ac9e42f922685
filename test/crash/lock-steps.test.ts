/** A taker that is killed at any of its file system calls leaves a lock that the next one gets at once. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createFileLockManager } from '../../src/storage/lock/manager.js'
import type { LockKind } from '../../src/storage/lock/record.js'
import { bundlePrograms, type Programs } from '../support/lock/bundle.js'
import { deadOwner, plant, recordOf, temporaryDatabase } from '../support/lock/forge.js'

const locks = createFileLockManager()
let programs: Programs

beforeAll(async () => {
  programs = await bundlePrograms('step-taker')
})

afterAll(() => {
  programs.remove()
})

/** Runs one taker that kills itself at that call; the result says whether it came to it. */
async function killAt(call: number, kind: LockKind): Promise<boolean> {
  const { path, locks: directory } = temporaryDatabase(onTestFinished)
  plant(directory, recordOf({ owner: deadOwner() }))
  const child = spawn(process.execPath, [programs.file('step-taker'), path, kind, String(call)], {
    stdio: 'inherit',
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  expect(signal ?? code).toBe(signal === null ? 0 : 'SIGKILL')
  locks.acquireSync(path, { kind: 'writer', waitMs: 0 }).release()
  // What is left can be a gate and a draft without content, both too young to be taken for abandoned.
  const left = readdirIfAny(directory).filter((name) => name !== 'gate' && !name.startsWith('t-'))
  expect(left).toEqual([])
  return signal === 'SIGKILL'
}

function readdirIfAny(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

describe('a taker killed at any call', () => {
  it.each<LockKind>(['writer', 'reader'])('leaves the lock to the next one: a %s', async (kind) => {
    const atOnce = 3
    for (let call = 1; ; call += atOnce) {
      const killed = await Promise.all(
        Array.from({ length: atOnce }, async (_, next) => await killAt(call + next, kind)),
      )
      if (!killed.includes(false)) continue
      expect(call).toBeGreaterThan(20)
      break
    }
  })
})
