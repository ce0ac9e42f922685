/** Snapshot export: what the file holds, and what is refused. */
import fs from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Database, type Row } from '../../../src/index.js'
import { verify } from '../../../src/tools.js'
import { temporaryDirectory, type TemporaryDirectory } from '../../support/temporary-directory.js'

let directory: TemporaryDirectory
let open: Database[]

beforeEach(() => {
  directory = temporaryDirectory()
  open = []
})

afterEach(async () => {
  for (const db of open) await db.close()
  directory.remove()
})

async function openAt(name: string, options = {}): Promise<Database> {
  const db = await Database.open(directory.file(name), options)
  open.push(db)
  return db
}

async function library(name = 'library.varve'): Promise<Database> {
  const db = await openAt(name)
  await db.registerCollection('books', undefined, 'title', { indexes: { byYear: { on: 'year' } } })
  for (let i = 0; i < 50; i++) await db.put('books', { title: `book ${i}`, year: 1900 + (i % 7) })
  await db.delete('books', 'book 3')
  return db
}

function rowsOf(db: Database): Row[] {
  return [...db.collection('books').range()]
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return (error as { readonly code?: unknown } | undefined)?.code
}

function leftovers(): string[] {
  return fs.readdirSync(directory.path).filter((name) => name.includes('.new-'))
}

describe('a snapshot export', () => {
  it('is a database of one commit, with its history, that opens in strict mode', async () => {
    const db = await library()
    const rows = rowsOf(db)
    const report = await db.exportSnapshot(directory.file('copy.varve'))
    await db.put('books', { title: 'later', year: 2000 })

    expect(report).toMatchObject({ sequence: db.commitSequence - 1, rows: 49, collections: 1 })
    expect(fs.statSync(report.path).size).toBe(report.bytes)
    const copy = await openAt('copy.varve', { recovery: 'strict' })
    expect(copy.commitSequence).toBe(report.sequence)
    expect(rowsOf(copy)).toEqual(rows)
    expect(copy.collection('books').find({ year: 1901 }).count()).toBe(7)
    expect([...copy.collection('books').history('book 4')]).toHaveLength(1)
    expect(copy.recoveryInfo.classification).toBe('clean')
    expect((await verify(report.path, { deep: true })).findings).toEqual([])
    expect(leftovers()).toEqual([])
  })

  it('begins from the newest checkpoint, which it takes along when that stands behind the commit', async () => {
    const db = await library()
    await db.checkpoint()
    const behind = await db.exportSnapshot(directory.file('a.varve'))
    await db.put('books', { title: 'later', year: 2000 })
    const before = await db.exportSnapshot(directory.file('b.varve'))
    for (const { path } of [behind, before]) {
      const copy = await Database.open(path, { mode: 'readOnly' })
      expect(copy.recoveryInfo.checkpointOffset).toBeGreaterThan(0)
      expect(copy.recoveryInfo.transactionsApplied).toBe(path === before.path ? 1 : 0)
      await copy.close()
    }
  })

  it('is of the commit at the call, whatever is written meanwhile', async () => {
    const db = await library()
    const sequence = db.commitSequence
    const rows = rowsOf(db)
    const exporting = db.exportSnapshot(directory.file('copy.varve'))
    for (let i = 0; i < 30; i++) await db.put('books', { title: 'book 1', year: i })
    expect((await exporting).sequence).toBe(sequence)
    const copy = await openAt('copy.varve', { recovery: 'strict' })
    expect(rowsOf(copy)).toEqual(rows)
  })

  it('goes on when the database is closed meanwhile', async () => {
    const db = await library()
    const exporting = db.exportSnapshot(directory.file('copy.varve'))
    await db.close()
    expect((await exporting).rows).toBe(49)
  })

  it('works from a database that is read only, one without commits, and one in memory', async () => {
    const empty = await openAt('empty.varve')
    expect(await empty.exportSnapshot(directory.file('a.varve'))).toMatchObject({ sequence: 0, rows: 0 })
    await (await library()).close()
    const reader = await openAt('library.varve', { mode: 'readOnly' })
    expect(await reader.exportSnapshot(directory.file('b.varve'))).toMatchObject({ rows: 49 })
    const memory = Database.openInMemory()
    open.push(memory)
    await memory.registerCollection('books', undefined, 'title')
    await memory.put('books', { title: 'Dune' })
    expect(await memory.exportSnapshot(directory.file('c.varve'))).toMatchObject({ rows: 1 })
    for (const name of ['a.varve', 'b.varve', 'c.varve']) await openAt(name, { recovery: 'strict' })
  })

  it('can be exported again, and written to', async () => {
    const db = await library()
    await db.exportSnapshot(directory.file('copy.varve'))
    const copy = await openAt('copy.varve')
    await copy.put('books', { title: 'another', year: 1 })
    await copy.exportSnapshot(directory.file('copy-of-copy.varve'))
    const again = await openAt('copy-of-copy.varve', { recovery: 'strict' })
    expect(rowsOf(again)).toEqual(rowsOf(copy))
  })

  it('tells how far it is', async () => {
    const db = await library()
    const steps: [number, number][] = []
    const { bytes } = await db.exportSnapshot(directory.file('copy.varve'), {
      onProgress: (done, total) => steps.push([done, total]),
    })
    const done = steps.map(([value]) => value)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(steps.at(-1)).toEqual([bytes * 2, bytes * 2])
  })
})

describe('refused', () => {
  it('an existing file, unless forced', async () => {
    const db = await library()
    const target = directory.file('copy.varve')
    fs.writeFileSync(target, 'precious')
    expect(await codeOf(db.exportSnapshot(target))).toBe('VARVE_EXISTS')
    expect(fs.readFileSync(target, 'utf8')).toBe('precious')
    await db.exportSnapshot(target, { force: true })
    const copy = await openAt('copy.varve', { recovery: 'strict' })
    expect(rowsOf(copy)).toEqual(rowsOf(db))
    expect(await codeOf(db.exportSnapshot(target, { force: true }))).toBe('VARVE_LOCKED')
  })

  it('the database itself by any name, and the names of its own files', async () => {
    const db = await library()
    const live = directory.file('library.varve')
    const before = fs.readFileSync(live)
    fs.mkdirSync(directory.file('sub'))
    fs.symlinkSync(live, directory.file('symlink'))
    fs.linkSync(live, directory.file('hard-link'))
    for (const name of ['library.varve', 'sub/../library.varve', 'symlink', 'hard-link'])
      for (const force of [false, true])
        expect(await codeOf(db.exportSnapshot(directory.file(name), { force }))).toBe('VARVE_EXISTS')
    fs.unlinkSync(directory.file('hard-link'))
    for (const suffix of ['.new-1', '.quarantine-1', '.writer.lock/x', '.compact-1', '.replaced-1'])
      expect(await codeOf(db.exportSnapshot(`${live}${suffix}`))).toBe('VARVE_ARGUMENT')
    expect(fs.readFileSync(live)).toEqual(before)
    expect(leftovers()).toEqual([])
  })

  it('what is not a regular file, a missing directory, and a name of nothing', async () => {
    const db = await library()
    fs.mkdirSync(directory.file('folder'))
    expect(await codeOf(db.exportSnapshot(directory.file('folder'), { force: true }))).toBe('VARVE_STORAGE')
    expect(await codeOf(db.exportSnapshot(directory.file('none/copy.varve')))).toBe('VARVE_NOT_FOUND')
    expect(await codeOf(db.exportSnapshot(''))).toBe('VARVE_ARGUMENT')
    expect(await codeOf(db.exportSnapshot(':memory:'))).toBe('VARVE_ARGUMENT')
  })

  it('an end by its signal, before and while it runs', async () => {
    const db = await library()
    const target = directory.file('copy.varve')
    const reason = new Error('enough')
    await expect(db.exportSnapshot(target, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const onProgress = (): void => controller.abort(reason)
    await expect(db.exportSnapshot(target, { signal: controller.signal, onProgress })).rejects.toBe(reason)
    expect(fs.existsSync(target)).toBe(false)
    expect(leftovers()).toEqual([])
  })

  it('a copy of damage', async () => {
    const db = await library()
    await db.checkpoint()
    await db.close()
    const path = directory.file('library.varve')
    const bytes = fs.readFileSync(path)
    const at = bytes.indexOf('book 7')
    bytes[at] = (bytes[at] ?? 0) ^ 1
    fs.writeFileSync(path, bytes)
    const damaged = await openAt('library.varve', { recovery: 'tornTail' })
    expect(await codeOf(damaged.exportSnapshot(directory.file('copy.varve')))).toBe('VARVE_CORRUPTION')
    expect(fs.existsSync(directory.file('copy.varve'))).toBe(false)
    expect(leftovers()).toEqual([])
  })
})
