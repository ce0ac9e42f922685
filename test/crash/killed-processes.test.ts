/**
 * Catalogue row 11 in small: real processes killed while they open and write. What they acknowledged over a pipe is
 * there afterwards, whole and in order. (This shows nothing of durability: the page cache survives a killed process.)
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Database } from '../../src/index.js'
import { count, seed, UNHURRIED_MS } from '../support/counts.js'
import { type Random, randomFrom } from '../support/random.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'

const packages = fileURLToPath(new URL('../../node_modules/', import.meta.url))
const bundle = join(packages, '.varve-tests', `killed-${randomBytes(6).toString('hex')}`)
const program = join(bundle, 'killed.mjs')
/** Processes that run at once, each with a database of its own: most of a kill's time is the start of a process. */
const LANES = 4

let directory: TemporaryDirectory
beforeAll(async () => {
  directory = temporaryDirectory()
  const input = { killed: fileURLToPath(new URL('../support/workload-killed.ts', import.meta.url)) }
  const build = await rolldown({ input, platform: 'node', external: ['proper-lockfile', '@node-rs/crc32'] })
  await build.write({ dir: bundle, format: 'esm', entryFileNames: '[name].mjs' })
  await build.close()
})
afterAll(() => {
  directory.remove()
  rmSync(bundle, { recursive: true, force: true })
})

interface Killed {
  readonly acknowledged: number
  readonly opened: boolean
  readonly checkpoints: number
  readonly compactions: number
  readonly exports: number
  readonly restores: number
  readonly errors: string
}

/** Runs the program until it has said so much, then a moment longer, and kills it. */
async function runAndKill(path: string, durability: string, random: Random): Promise<Killed> {
  const cacheBytes = random.below(2) === 0 ? 0 : 1024 * 1024
  const child = spawn(process.execPath, [program, path, durability, String(cacheBytes)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = random.below(5) === 0 ? 1 : 2 + random.below(40)
  const delayMs = random.below(8)
  let output = ''
  let errors = ''
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
  child.stdout.on('data', (data: Buffer) => {
    const before = output.split('\n').length
    output += data.toString()
    const reached = output.split('\n').length > lines && before <= lines
    if (reached) setTimeout(() => child.kill('SIGKILL'), delayMs)
  })
  await new Promise((resolve) => child.on('close', resolve))
  const said = output.split('\n').slice(0, -1)
  const numbers = said.filter((line) => line.startsWith('ack ')).map((line) => Number(line.slice(4)))
  const times = (what: string): number => said.filter((line) => line === what).length
  return {
    acknowledged: Math.max(0, ...numbers),
    opened: said.includes('open'),
    checkpoints: times('checkpoint'),
    compactions: times('compaction'),
    exports: times('export'),
    restores: times('restore'),
    errors,
  }
}

/** How often an open started from a checkpoint. */
let fromCheckpoint = 0

/** Everything up to the last acknowledged row is there, and whatever is there is whole. Returns the last row. */
async function check(path: string, acknowledged: number): Promise<number> {
  const db = await Database.open(path)
  try {
    if (!db.collectionNames().includes('twins')) {
      expect(acknowledged).toBe(0)
      return 0
    }
    expect(['clean', 'uncommittedTail', 'tornTail']).toContain(db.recoveryInfo.classification)
    if (db.recoveryInfo.checkpointOffset !== undefined) fromCheckpoint++
    const rows = db.collection('rows').range().toArray()
    expect(rows.map((row) => row['n'])).toEqual(rows.map((_, i) => i + 1))
    expect(rows.length).toBeGreaterThanOrEqual(acknowledged)
    const twins = db.collection('twins').range().toArray()
    expect(twins.map((row) => [row['n'], row['length']])).toEqual(
      rows.map((row) => [row['n'], String(row['text']).length]),
    )
    return rows.length
  } finally {
    await db.close()
  }
}

/** A copy is whole, or not there: it opens as it is, with the rows of one commit. Whether it is there. */
async function checkCopy(path: string): Promise<boolean> {
  if (!existsSync(path)) return false
  const db = await Database.open(path, { mode: 'readOnly', recovery: 'strict' })
  const rows = db.collectionNames().includes('rows') ? db.collection('rows').range().toArray() : []
  expect(rows.map((row) => row['n'])).toEqual(rows.map((_, i) => i + 1))
  await db.close()
  return true
}

vi.setConfig({ testTimeout: UNHURRIED_MS })

describe('killed processes', () => {
  it('catalogue row 11: leave everything that they acknowledged', async () => {
    const kills = count(100, 2000)
    let killed = 0
    let checkpoints = 0
    const done = { compactions: 0, exports: 0, restores: 0 }
    const lane = async (number: number): Promise<void> => {
      const random = randomFrom(seed + number)
      const durability = ['commit', 'os', 'interval', 'commit'][number % 4] ?? 'commit'
      for (let round = 0; killed < kills; round++) {
        killed++
        const path = directory.file(`lane-${number}-${Math.floor(round / 12)}.varve`)
        const result = await runAndKill(path, durability, random)
        expect(result.errors).toBe('')
        checkpoints += result.checkpoints
        done.compactions += result.compactions
        done.exports += result.exports
        if ((await checkCopy(`${path}.copy`)) && random.below(3) === 0) {
          killed++
          const { restores, errors } = await runAndKill(path, 'restore', random)
          expect(errors).toBe('')
          done.restores += restores
          await checkCopy(`${path}.restored`)
        }
        // Most rounds are followed by a killed process again: recovery is killed too.
        if (random.below(3) === 0 || result.acknowledged > 0) await check(path, result.acknowledged)
      }
    }
    await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)))
    console.log(
      `row 11: ${killed} processes killed beside ${checkpoints} checkpoints, ${JSON.stringify(done)}, seed ${seed}`,
    )
    expect(checkpoints).toBeGreaterThan(0)
    for (const times of Object.values(done)) expect(times).toBeGreaterThan(0)
    expect(fromCheckpoint).toBeGreaterThan(0)
  })
})
