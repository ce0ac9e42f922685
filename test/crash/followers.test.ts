/** Followers in processes and threads of their own, through the package as built, beside a writer that compacts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { count, long, seed } from '../support/counts.js'
import { runFollowers } from '../support/follow-processes.js'
import { stateOf } from '../support/model-text.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'

let directory: TemporaryDirectory

beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(() => {
  directory.remove()
})

describe('three processes and two threads that follow a writer (I24, I25)', () => {
  it(
    'see every commit once, and the writer’s rows at each; their memory stays flat',
    async () => {
      const durationMs = long ? 300_000 : 5000
      const path = directory.file('followed.varve')
      const summary = await runFollowers({ path, durationMs, seed, processes: 3, threads: 2 })
      console.log(`${JSON.stringify(summary)}, seed ${seed}`)
      expect(summary.compactions).toBeGreaterThan(0)
    },
    long ? 600_000 : 120_000,
  )

  it('are seen to miss a commit', async () => {
    const path = directory.file('canary.varve')
    const run = { path, durationMs: 300, seed, processes: 0, threads: 1, leaveOut: 5 }
    await expect(runFollowers(run)).rejects.toThrow('expected')
  })
})

const ENTRY = new URL('../../dist/index.js', import.meta.url).href

function started(script: string): ChildProcess {
  const program = `const { Database } = await import(${JSON.stringify(ENTRY)})\n${script}`
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

describe('a follower of a writer that is killed', () => {
  it('has what the writers that come after it find, and its feed too', async () => {
    const path = directory.file('killed.varve')
    const db = await Database.open(path)
    await db.registerCollection('rows', undefined, 'id')
    await db.close()
    const follower = await Database.open(path, { mode: 'follow' })
    const positions: string[] = []
    const controller = new AbortController()
    const reading = (async () => {
      const feed = follower.changes({ since: 'start', live: true, signal: controller.signal })
      for await (const { position } of feed) positions.push(position)
    })()
    const script = `
      const db = await Database.open(${JSON.stringify(path)}, { lock: { waitMs: 10_000 } })
      for (let i = 0; ; i++) {
        const text = 'x'.repeat(i % 9 === 0 ? 200_000 : i % 300)
        await db.put('rows', { id: i % 50, at: i, text })
        if (i % 20 === 5) console.log(i)
      }`
    for (let round = 0; round < count(3, 100); round++) {
      const writer = started(script)
      const lines = createInterface({ input: writer.stdout ?? process.stdin })
      for await (const line of lines) if (Number(line) > 20 * (round % 4)) break
      const gone = once(writer, 'exit')
      writer.kill('SIGKILL')
      await gone
    }
    const last = await Database.open(path, { lock: { waitMs: 10_000 } })
    await last.put('rows', { id: 'last' })
    await follower.waitFor(last.commitSequence)
    expect(stateOf(follower)).toBe(stateOf(last))
    while (positions.at(-1) !== last.position) await new Promise(setImmediate)
    controller.abort()
    await reading
    const expected: string[] = []
    for await (const { position } of last.changes()) expected.push(position)
    expect(positions).toEqual(expected)
    expect(follower.stats().follow).toMatchObject({ reloads: 0, problem: undefined })
    await follower.close()
    await last.close()
  })

  it('does not keep its process alive, but does while a commit is waited for', async () => {
    const path = directory.file('idle.varve')
    const db = await Database.open(path)
    const open = `const db = await Database.open(${JSON.stringify(path)}, { mode: 'follow' })`
    const [code] = (await once(started(`${open}\nvoid db.changes({ live: true })`), 'exit')) as [number]
    expect(code).toBe(0)
    const waiting = started(`${open}\nawait db.waitFor(1)\nconsole.log(db.commitSequence)`)
    const lines = createInterface({ input: waiting.stdout ?? process.stdin })[Symbol.asyncIterator]()
    await new Promise((resolve) => setTimeout(resolve, 300))
    await db.registerCollection('rows', undefined, 'id')
    expect(await lines.next()).toMatchObject({ value: '1' })
    await db.close()
  })
})
