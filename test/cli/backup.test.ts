/** Export of snapshots, restore and salvage, from the command line. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { type Envelope, envelopeOf } from './envelope.js'
import { createLibrary, flipBit, offsetOf } from './library.js'
import { type Ended, varve } from './run.js'

const directory = temporaryDirectory()
const cwd = directory.path
const library = directory.file('library.varve')
const run = async (...args: string[]): Promise<Ended> => await varve(args, { cwd })
const json = async (...args: string[]): Promise<Envelope> => envelopeOf((await run(...args, '--json')).stdout)

beforeAll(async () => await createLibrary(library))
afterAll(() => directory.remove())

describe('export-snapshot', () => {
  it('writes a database file beside a writer, and refuses one that exists', async () => {
    const before = readFileSync(library)
    const writer = await Database.open(directory.file('held.varve'))
    await writer.registerCollection('books', undefined, 'title')
    expect(await run('export-snapshot', 'held.varve', 'held-copy.varve')).toMatchObject({ code: 0 })
    await writer.close()
    const { code, stdout, stderr } = await run('export-snapshot', 'library.varve', 'copy.varve')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /Exported: .+copy\.varve\n {2}commit .+\n {2}size .+\n {2}rows {4}43 in 2 collections/u,
    )
    expect((await run('export-snapshot', 'library.varve', 'copy.varve')).code).toBe(6)
    expect((await run('export-snapshot', 'library.varve', 'library.varve', '--force')).code).toBe(6)
    const { result, ok } = await json(
      'export-snapshot',
      'library.varve',
      'copy.varve',
      '--force',
      '--compact',
    )
    expect({ ok, result }).toMatchObject({ ok: true, result: { rows: 43, collections: 2 } })
    expect((await run('verify', 'copy.varve', '--deep', '--fail-on', 'warning')).code).toBe(0)
    expect(readFileSync(library).equals(before)).toBe(true)
  })
})

describe('restore', () => {
  it('puts a snapshot in place, replaces one with --force, and goes back in time with --at', async () => {
    await run('export-snapshot', 'library.varve', 'snapshot.varve')
    const made = await json('restore', 'snapshot.varve', 'restored.varve')
    expect(made).toMatchObject({ ok: true, database: directory.file('restored.varve') })
    expect(made.result).toMatchObject({ replaced: false, rows: 43 })
    expect((await run('restore', 'snapshot.varve', 'restored.varve')).code).toBe(6)
    const past = await json('restore', 'snapshot.varve', 'restored.varve', '--force', '--at', '3')
    expect(past.result).toMatchObject({ replaced: true, sequence: 3, rows: 2 })
    const dated = await json('restore', 'snapshot.varve', 'restored.varve', '--force', '--at', '2000-01-01')
    expect(dated.result).toMatchObject({ sequence: 0, rows: 0 })
    expect((await run('restore', 'snapshot.varve', 'x.varve', '--at', 'yesterday')).code).toBe(2)
    const holder = await Database.open(directory.file('restored.varve'))
    expect((await run('restore', 'snapshot.varve', 'restored.varve', '--force')).code).toBe(4)
    await holder.close()
    flipBit(directory.file('snapshot.varve'), offsetOf(directory.file('snapshot.varve'), 'Emma'))
    expect((await run('restore', 'snapshot.varve', 'other.varve')).code).toBe(5)
    expect((await run('restore', 'absent.varve', 'other.varve')).code).toBe(3)
  })
})

describe('salvage', () => {
  it('ends with 0 if nothing is missing, and with 1 and what is if something is', async () => {
    expect((await run('salvage', 'library.varve')).code).toBe(2)
    const whole = await run('salvage', 'library.varve', '--to', 'saved.varve')
    expect(whole).toMatchObject({ code: 0, stderr: '' })
    expect(whole.stdout).toMatch(/^Complete: .+saved\.varve\n/u)
    expect((await run('salvage', 'library.varve', '--to', 'saved.varve')).code).toBe(6)
    writeFileSync(directory.file('damaged.varve'), readFileSync(library))
    flipBit(directory.file('damaged.varve'), offsetOf(library, 'Emma'))
    const { code, stdout } = await run('salvage', 'damaged.varve', '--to', 'saved.varve', '--force')
    expect(code).toBe(1)
    expect(stdout).toMatch(/INCOMPLETE: .+\n(?:.+\n)* {2}damaged .+\n {2}lost .+\n(?:.+\n)* {2}unknown /u)
    const { ok, result } = await json('salvage', 'damaged.varve', '--to', 'saved.varve', '--force')
    expect({ ok, result }).toMatchObject({
      ok: false,
      result: { complete: false, lost: [{ found: 'partial' }] },
    })
    expect((await run('verify', 'saved.varve', '--deep', '--fail-on', 'warning')).code).toBe(0)
  })
})
