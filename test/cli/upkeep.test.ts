/** Compaction, checkpoints and figures, from the command line. */
import { readdirSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { stats, verify } from '../../src/tools.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { type Envelope, envelopeOf } from './envelope.js'
import { flipBit, imageOf, leaveTornTail } from './library.js'
import { type Ended, ended, start, varve } from './run.js'

const directory = temporaryDirectory()
const cwd = directory.path
const run = async (...args: string[]): Promise<Ended> => await varve(args, { cwd })
const json = async (...args: string[]): Promise<Envelope> => envelopeOf((await run(...args, '--json')).stdout)
/** Whatever belongs to a database, by the names of its files. */
const filesOf = (name: string): string[] => readdirSync(cwd).filter((file) => file.startsWith(name))

const ROWS = 400

/** Rows of which each was written in three commits. */
async function createRows(name: string, rows = ROWS): Promise<Database> {
  const db = await Database.open(directory.file(name))
  await db.registerCollection('rows', [], 'id')
  for (let version = 1; version <= 3; version++) {
    await db.transaction((tx) => {
      const collection = tx.collection('rows')
      for (let id = 0; id < rows; id++) collection.put({ id, version, text: 'x'.repeat(100) })
    })
  }
  return db
}

beforeAll(async () => await (await createRows('rows.varve')).close())
afterAll(() => directory.remove())

describe('varve stats', () => {
  it('shows what varve/tools says, beside a writer, without a change', async () => {
    const writer = await Database.open(directory.file('rows.varve'))
    const before = imageOf(cwd)
    const { ok, result } = await json('stats', 'rows.varve')
    const { stdout } = await run('stats', 'rows.varve')
    expect(imageOf(cwd)).toEqual(before)
    const { lockHolders: _, ...figures } = await stats(directory.file('rows.varve'))
    await writer.close()
    expect({ ok, result }).toEqual({ ok: true, result: expect.objectContaining(figures) })
    expect(stdout).toMatch(/ {2}rows +400 in 1 collection\n {2}last commit +4 at .+Z\n/u)
    expect(stdout).toMatch(/ {2}would give back .+ of the file\n(?:.+\n)* {2}history now +all of it\n/u)
    expect(stdout).toMatch(/ {2}held by +a writer: process \d+/u)
  })
})

describe('varve compact', () => {
  it('says what it would give back, and does nothing', async () => {
    const writer = await Database.open(directory.file('rows.varve'))
    const before = imageOf(cwd)
    const { result } = await json('compact', 'rows.varve', '--dry-run')
    expect(result).toMatchObject({ dryRun: true, recommended: false, oldestSequence: 4 })
    const { reclaimableBytes } = writer.stats().compaction
    expect(Number(result?.['bytesBefore']) - Number(result?.['bytesAfter'])).toBe(reclaimableBytes)
    expect((await run('compact', 'rows.varve')).code).toBe(4)
    expect(imageOf(cwd)).toEqual(before)
    await writer.close()
  })

  it('writes the compacted file elsewhere, never over what is there', async () => {
    const before = readFileSync(directory.file('rows.varve'))
    const { result } = await json('compact', 'rows.varve', '--to', 'small.varve')
    const bytes = readFileSync(directory.file('small.varve')).length
    expect(result).toMatchObject({ bytesBefore: before.length, bytesAfter: bytes, snapshot: { rows: ROWS } })
    expect(bytes).toBeLessThan(before.length / 2)
    expect((await run('compact', 'rows.varve', '--to', 'small.varve')).code).toBe(6)
    expect((await run('compact', 'rows.varve', '--to', 'rows.varve', '--force')).code).toBe(6)
    expect(readFileSync(directory.file('rows.varve')).equals(before)).toBe(true)
    expect(await verify(directory.file('small.varve'), { deep: true })).toMatchObject({
      findings: [],
      rows: ROWS,
    })
  })

  it('puts it in place, with the history that is to be kept, after moving a torn tail aside', async () => {
    await (await createRows('place.varve')).close()
    leaveTornTail(directory.file('place.varve'))
    const { result } = await json('compact', 'place.varve', '--retain-commits', '1')
    expect(result).toMatchObject({
      dryRun: false,
      oldestSequence: 3,
      commitsCopied: 1,
      recovery: { classification: 'tornTail' },
    })
    const { code, stdout, stderr } = await run('compact', 'place.varve')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^Compacted: .+place\.varve\n {2}size before .+\n {2}size after .+\n {2}given back .+%\n/u,
    )
    expect(stdout).toMatch(/ {2}history +from commit 4 on\n {2}time +.+ ms of it\n$/u)
    expect(filesOf('place.varve')).toEqual(['place.varve', 'place.varve.quarantine-1'])
    expect(await verify(directory.file('place.varve'), { deep: true })).toMatchObject({
      findings: [],
      rows: ROWS,
    })
  })

  it('refuses what is contradictory, absent or damaged', async () => {
    expect((await run('compact', 'rows.varve', '--dry-run', '--to', 'x.varve')).code).toBe(2)
    expect((await run('compact', 'rows.varve', '--to', 'x.varve', '--retain-ms', '5')).code).toBe(2)
    expect((await run('compact', 'absent.varve')).code).toBe(3)
    expect(filesOf('absent')).toEqual([])
    await (await createRows('damaged.varve')).close()
    const damaged = directory.file('damaged.varve')
    // Of the newest version of a row.
    flipBit(damaged, readFileSync(damaged).lastIndexOf('xxx'))
    const { generationId } = await stats(damaged)
    expect((await run('compact', 'damaged.varve')).code).toBe(5)
    expect(filesOf('damaged.varve')).toEqual(['damaged.varve'])
    expect((await stats(damaged)).generationId).toBe(generationId)
  })

  it.skipIf(process.platform === 'win32')('leaves everything as it was when it is interrupted', async () => {
    await (await createRows('long.varve', 20_000)).close()
    const before = await stats(directory.file('long.varve'))
    const watcher = watch(cwd)
    const child = start(['compact', 'long.varve'], cwd)
    const end = ended(child)
    let killed = false
    watcher.on('change', (_, name) => {
      if (killed || !String(name).includes('.compact-')) return
      killed = child.kill('SIGINT')
    })
    const { code, stderr } = await end
    watcher.close()
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'varve compact: Interrupted by SIGINT.\n' })
    expect(filesOf('long.varve')).toEqual(['long.varve'])
    expect(await stats(directory.file('long.varve'))).toMatchObject({
      generationId: before.generationId,
      commitSequence: before.commitSequence,
    })
  })
})

describe('varve checkpoint', () => {
  it('stores the index of a database whose writer was killed', async () => {
    const writer = await createRows('killed.varve')
    const image = readFileSync(directory.file('killed.varve'))
    await writer.close()
    const copy = directory.file('copy.varve')
    writeFileSync(copy, image)
    const { logBytesBehind } = await stats(copy)
    expect(logBytesBehind).toBeGreaterThan(0)
    const { result } = await json('checkpoint', 'copy.varve')
    expect(result).toMatchObject({ sequence: 4, logBytesBefore: logBytesBehind })
    expect(await stats(copy)).toMatchObject({ logBytesBehind: 0, checkpoint: { sequence: 4 } })
    leaveTornTail(copy)
    const { stdout, stderr } = await run('checkpoint', 'copy.varve')
    expect(stdout).toMatch(/^Checkpoint: .+copy\.varve\n {2}of commit {3}4\n/u)
    expect(stderr).toMatch(/ 31 bytes behind it were moved aside, to .+copy\.varve\.quarantine-1\.\n$/u)
    expect((await run('checkpoint', 'absent.varve')).code).toBe(3)
  })
})
