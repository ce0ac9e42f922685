/** Snapshot export: what the file holds, and what is refused. */
import fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/index.js'
import { inspect, verify } from '../../../src/tools.js'
import { codeOf, Folder, rowsOf, spoil } from './library.js'

const folder = new Folder()

describe('a snapshot export', () => {
  it('is a database of one commit, with its history, that opens in strict mode', async () => {
    const db = await folder.library()
    const rows = rowsOf(db)
    const report = await db.exportSnapshot(folder.file('copy.varve'))
    await db.put('books', { title: 'later', year: 2000 })

    expect(report).toMatchObject({ sequence: db.commitSequence - 1, rows: 49, collections: 1 })
    expect(fs.statSync(report.path).size).toBe(report.bytes)
    const copy = await folder.open('copy.varve', { recovery: 'strict' })
    expect(copy.commitSequence).toBe(report.sequence)
    expect(rowsOf(copy)).toEqual(rows)
    expect(copy.collection('books').find({ year: 1901 }).count()).toBe(7)
    expect([...copy.collection('books').history('book 4')]).toHaveLength(1)
    expect(copy.recoveryInfo.classification).toBe('clean')
    expect((await verify(report.path, { deep: true })).findings).toEqual([])
    expect(folder.leftovers()).toEqual([])
  })

  it('begins from the newest checkpoint, which it takes along when that stands behind the commit', async () => {
    const db = await folder.library()
    await db.checkpoint()
    const behind = await db.exportSnapshot(folder.file('a.varve'))
    await db.put('books', { title: 'later', year: 2000 })
    const before = await db.exportSnapshot(folder.file('b.varve'))
    for (const { path } of [behind, before]) {
      const copy = await Database.open(path, { mode: 'readOnly' })
      expect(copy.recoveryInfo.checkpointOffset).toBeGreaterThan(0)
      expect(copy.recoveryInfo.transactionsApplied).toBe(path === before.path ? 1 : 0)
      await copy.close()
    }
  })

  it('is of the commit at the call, whatever is written meanwhile', async () => {
    const db = await folder.library()
    const sequence = db.commitSequence
    const rows = rowsOf(db)
    const exporting = db.exportSnapshot(folder.file('copy.varve'))
    for (let i = 0; i < 30; i++) await db.put('books', { title: 'book 1', year: i })
    expect((await exporting).sequence).toBe(sequence)
    const copy = await folder.open('copy.varve', { recovery: 'strict' })
    expect(rowsOf(copy)).toEqual(rows)
  })

  it('compacts to another place, and leaves the database as it is', async () => {
    const db = await folder.library()
    const before = fs.readFileSync(db.path)
    const { generationId, bytes } = await db.compactTo(folder.file('compacted.varve'))
    expect(bytes).toBeLessThan(before.length)
    const copy = await folder.open('compacted.varve', { recovery: 'strict' })
    expect(rowsOf(copy)).toEqual(rowsOf(db))
    expect(copy.stats()).toMatchObject({ oldestSequence: db.commitSequence })
    expect((await verify(copy.path, { deep: true })).findings).toEqual([])
    const own = (await inspect(db.path)).header.generationId
    expect(generationId).not.toBe(own)
    expect(await codeOf(db.compactTo(folder.file('compacted.varve')))).toBe('VARVE_EXISTS')
    expect(await codeOf(db.compactTo(db.path, { force: true }))).toBe('VARVE_EXISTS')
    expect(fs.readFileSync(db.path).equals(before)).toBe(true)
    expect(folder.leftovers()).toEqual([])
  })

  it('goes on when the database is closed meanwhile', async () => {
    const db = await folder.library()
    const exporting = db.exportSnapshot(folder.file('copy.varve'))
    await db.close()
    expect((await exporting).rows).toBe(49)
  })

  it('works from a database that is read only, one without commits, and one in memory', async () => {
    const empty = await folder.open('empty.varve')
    expect(await empty.exportSnapshot(folder.file('a.varve'))).toMatchObject({ sequence: 0, rows: 0 })
    await (await folder.library()).close()
    const reader = await folder.open('library.varve', { mode: 'readOnly' })
    expect(await reader.exportSnapshot(folder.file('b.varve'))).toMatchObject({ rows: 49 })
    const writer = await folder.open('followed.varve')
    await writer.registerCollection('books', undefined, 'title')
    await writer.put('books', { title: 'Emma' })
    const follower = await folder.open('followed.varve', { mode: 'follow' })
    expect(await follower.exportSnapshot(folder.file('d.varve'))).toMatchObject({ rows: 1 })
    const memory = folder.keep(Database.openInMemory())
    await memory.registerCollection('books', undefined, 'title')
    await memory.put('books', { title: 'Dune' })
    expect(await memory.exportSnapshot(folder.file('c.varve'))).toMatchObject({ rows: 1 })
    for (const name of ['a.varve', 'b.varve', 'c.varve', 'd.varve'])
      await folder.open(name, { recovery: 'strict' })
  })

  it('can be exported again, and written to', async () => {
    const db = await folder.library()
    await db.exportSnapshot(folder.file('copy.varve'))
    const copy = await folder.open('copy.varve')
    await copy.put('books', { title: 'another', year: 1 })
    await copy.exportSnapshot(folder.file('copy-of-copy.varve'))
    const again = await folder.open('copy-of-copy.varve', { recovery: 'strict' })
    expect(rowsOf(again)).toEqual(rowsOf(copy))
  })

  it('can be compacted: the live rows of the commit, and the commits to come after it', async () => {
    const db = await folder.library()
    for (let i = 0; i < 300; i++) await db.put('books', { title: 'book 1', year: i, text: 'x'.repeat(200) })
    const copy = await db.exportSnapshot(folder.file('copy.varve'))
    const image = await db.exportSnapshot(folder.file('image.varve'), { compact: true })
    expect(image).toMatchObject({ sequence: copy.sequence, rows: 49, digests: copy.digests })
    expect(image.generationId).not.toBe(copy.generationId)
    expect(image.bytes).toBeLessThan(copy.bytes / 2)
    expect(fs.statSync(image.path).size).toBe(image.bytes)
    const opened = await folder.open('image.varve', { recovery: 'strict' })
    expect(rowsOf(opened)).toEqual(rowsOf(db))
    await opened.put('books', { title: 'later', year: 1 })
    expect(opened.commitSequence).toBe(image.sequence + 1)
    const empty = await folder.open('empty.varve')
    expect(await empty.exportSnapshot(folder.file('e.varve'), { compact: true })).toMatchObject({ rows: 0 })
  })

  it('tells how far it is', async () => {
    const db = await folder.library()
    const steps: [number, number][] = []
    const { bytes } = await db.exportSnapshot(folder.file('copy.varve'), {
      onProgress: (done, total) => steps.push([done, total]),
    })
    const done = steps.map(([value]) => value)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(steps.at(-1)).toEqual([bytes * 2, bytes * 2])
  })
})

describe('refused', () => {
  it('an existing file, unless forced', async () => {
    const db = await folder.library()
    const target = folder.file('copy.varve')
    fs.writeFileSync(target, 'precious')
    expect(await codeOf(db.exportSnapshot(target))).toBe('VARVE_EXISTS')
    expect(fs.readFileSync(target, 'utf8')).toBe('precious')
    await db.exportSnapshot(target, { force: true })
    const copy = await folder.open('copy.varve', { recovery: 'strict' })
    expect(rowsOf(copy)).toEqual(rowsOf(db))
    expect(await codeOf(db.exportSnapshot(target, { force: true }))).toBe('VARVE_LOCKED')
  })

  it('the database itself by any name, and the names of its own files', async () => {
    const db = await folder.library()
    const live = folder.file('library.varve')
    const before = fs.readFileSync(live)
    fs.mkdirSync(folder.file('sub'))
    fs.symlinkSync(live, folder.file('symlink'))
    fs.linkSync(live, folder.file('hard-link'))
    for (const name of ['library.varve', 'sub/../library.varve', 'symlink', 'hard-link'])
      for (const force of [false, true])
        expect(await codeOf(db.exportSnapshot(folder.file(name), { force }))).toBe('VARVE_EXISTS')
    fs.unlinkSync(folder.file('hard-link'))
    for (const suffix of ['.new-1', '.quarantine-1', '.writer.lock/x', '.compact-1', '.replaced-1'])
      expect(await codeOf(db.exportSnapshot(`${live}${suffix}`))).toBe('VARVE_ARGUMENT')
    expect(fs.readFileSync(live).equals(before)).toBe(true)
    expect(folder.leftovers()).toEqual([])
  })

  it('what is not a regular file, a missing directory, and a name of nothing', async () => {
    const db = await folder.library()
    fs.mkdirSync(folder.file('folder'))
    expect(await codeOf(db.exportSnapshot(folder.file('folder'), { force: true }))).toBe('VARVE_STORAGE')
    expect(await codeOf(db.exportSnapshot(folder.file('none/copy.varve')))).toBe('VARVE_NOT_FOUND')
    expect(await codeOf(db.exportSnapshot(''))).toBe('VARVE_ARGUMENT')
    expect(await codeOf(db.exportSnapshot(':memory:'))).toBe('VARVE_ARGUMENT')
  })

  it('an end by its signal, before and while it runs', async () => {
    const db = await folder.library()
    const target = folder.file('copy.varve')
    const reason = new Error('enough')
    await expect(db.exportSnapshot(target, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const onProgress = (): void => controller.abort(reason)
    await expect(db.exportSnapshot(target, { signal: controller.signal, onProgress })).rejects.toBe(reason)
    expect(fs.existsSync(target)).toBe(false)
    expect(folder.leftovers()).toEqual([])
  })

  it('a copy of damage', async () => {
    const db = await folder.library()
    await db.checkpoint()
    await db.close()
    spoil(folder.file('library.varve'), 'book 7')
    const damaged = await folder.open('library.varve', { recovery: 'tornTail' })
    expect(await codeOf(damaged.exportSnapshot(folder.file('copy.varve')))).toBe('VARVE_CORRUPTION')
    expect(fs.existsSync(folder.file('copy.varve'))).toBe(false)
    expect(folder.leftovers()).toEqual([])
  })
})
