/** Restore: what stands at the target afterwards, what is refused, and what a crash may leave. */
import fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/index.js'
import { inspect, verify } from '../../../src/tools.js'
import { codeOf, Folder, rowsOf, spoil } from './library.js'

const folder = new Folder()
const restore = (source: string, target: string, options = {}): ReturnType<typeof Database.restoreSnapshot> =>
  Database.restoreSnapshot(folder.file(source), folder.file(target), options)

/** A snapshot of a library, and the library, closed, with one more row. */
async function snapshotAndLibrary(): Promise<{ sequence: number; titles: number }> {
  const db = await folder.library()
  const { sequence } = await db.exportSnapshot(folder.file('snapshot.varve'))
  await db.put('books', { title: 'later', year: 2000 })
  await db.close()
  return { sequence, titles: 49 }
}

async function countOf(name: string): Promise<number> {
  const db = await Database.open(folder.file(name), { recovery: 'strict', create: false })
  const { length } = rowsOf(db)
  await db.close()
  return length
}

describe('a restore', () => {
  it('puts a snapshot where there is nothing', async () => {
    const { sequence } = await snapshotAndLibrary()
    const report = await restore('snapshot.varve', 'new.varve')
    expect(report).toMatchObject({ sequence, rows: 49, replaced: false, leftover: undefined })
    expect(await countOf('new.varve')).toBe(49)
    expect(folder.leftovers()).toEqual([])
  })

  it('replaces a database with force, raises the epoch, and changes the source by no byte', async () => {
    const { sequence } = await snapshotAndLibrary()
    const source = fs.readFileSync(folder.file('snapshot.varve'))
    const report = await restore('snapshot.varve', 'library.varve', { force: true })
    expect(report).toMatchObject({ sequence, replaced: true, leftover: undefined })
    expect(fs.readFileSync(folder.file('snapshot.varve')).equals(source)).toBe(true)
    const [before, after] = [await inspect(folder.file('snapshot.varve')), await inspect(report.path)]
    expect(after.epoch).toBe((before.epoch ?? 0) + 1)
    expect(after.header).toEqual(before.header)
    expect((await verify(report.path, { deep: true })).findings).toEqual([])
    expect(await countOf('library.varve')).toBe(49)
    expect(folder.leftovers()).toEqual([])
  })

  it('takes a database beside its writer: the commits that are in it', async () => {
    const db = await folder.library()
    const report = await restore('library.varve', 'new.varve')
    expect(report.sequence).toBe(db.commitSequence)
    expect(await countOf('new.varve')).toBe(49)
  })

  it('takes the state as of a sequence or a time, with the history before it', async () => {
    const db = await folder.library()
    const sequence = db.commitSequence - 10
    const time = [...db.collection('books').history('book 44')][0]?.time
    await db.checkpoint()
    await db.put('books', { title: 'later', year: 2000 })
    const expected = db.snapshot({ at: sequence }).collection('books').count()
    await restore('library.varve', 'past.varve', { at: sequence })
    const past = await folder.open('past.varve', { recovery: 'strict' })
    expect([past.commitSequence, rowsOf(past).length]).toEqual([sequence, expected])
    // No sequence of the line that was left is given again.
    await past.put('books', { title: 'other', year: 1 })
    expect(past.commitSequence).toBeGreaterThan(db.commitSequence)

    expect(time).toBeInstanceOf(Date)
    await restore('library.varve', 'dated.varve', { at: time })
    const dated = await folder.open('dated.varve', { mode: 'readOnly' })
    expect(dated.commitSequence).toBe(db.snapshot({ at: time }).sequence)
    expect(await restore('library.varve', 'empty.varve', { at: 0 })).toMatchObject({ sequence: 0, rows: 0 })
    expect(await codeOf(restore('library.varve', 'x.varve', { at: -1 }))).toBe('VARVE_ARGUMENT')
  })

  it('keeps the permission bits of what it replaces, and takes those of the source otherwise', async () => {
    await snapshotAndLibrary()
    fs.chmodSync(folder.file('library.varve'), 0o640)
    fs.chmodSync(folder.file('snapshot.varve'), 0o604)
    await restore('snapshot.varve', 'library.varve', { force: true })
    await restore('snapshot.varve', 'new.varve')
    expect(fs.statSync(folder.file('library.varve')).mode & 0o777).toBe(0o640)
    expect(fs.statSync(folder.file('new.varve')).mode & 0o777).toBe(0o604)
  })

  it('is the remedy for a database that is gone while its quarantine files are there', async () => {
    await snapshotAndLibrary()
    fs.rmSync(folder.file('library.varve'))
    fs.writeFileSync(folder.file('library.varve.quarantine-1'), '')
    expect(await codeOf(Database.open(folder.file('library.varve')))).toBe('VARVE_NOT_FOUND')
    await restore('snapshot.varve', 'library.varve')
    expect(await countOf('library.varve')).toBe(49)
  })
})

describe('names', () => {
  it('of any letters, long ones, and with .. in them', async () => {
    await snapshotAndLibrary()
    fs.mkdirSync(folder.file('ordner mit ümläuten'))
    const deep = `ordner mit ümläuten/${'ラ'.repeat(60)}.varve`
    for (const name of [deep, `ordner mit ümläuten/../${'n'.repeat(200)}.varve`, ' leading.varve']) {
      await restore('snapshot.varve', name)
      await restore('snapshot.varve', name, { force: true })
      const db = await folder.open(name, { recovery: 'strict' })
      expect(rowsOf(db)).toHaveLength(49)
      await db.exportSnapshot(folder.file(`${name}.x`))
    }
    expect(await codeOf(restore('snapshot.varve', `${'n'.repeat(300)}.varve`))).toBe('VARVE_STORAGE')
  })

  it('of a symbolic link: what it leads to is replaced, and the link stays', async () => {
    await snapshotAndLibrary()
    fs.mkdirSync(folder.file('elsewhere'))
    fs.renameSync(folder.file('library.varve'), folder.file('elsewhere/real.varve'))
    fs.symlinkSync(folder.file('elsewhere/real.varve'), folder.file('library.varve'))
    await restore('snapshot.varve', 'library.varve', { force: true })
    expect(fs.lstatSync(folder.file('library.varve')).isSymbolicLink()).toBe(true)
    expect(await countOf('elsewhere/real.varve')).toBe(49)
  })

  it('planted aside are never followed', async () => {
    await snapshotAndLibrary()
    const before = fs.readFileSync(folder.file('snapshot.varve'))
    for (let n = 1; n <= 3; n++)
      fs.symlinkSync(folder.file('snapshot.varve'), folder.file(`library.varve.replaced-${n}`))
    await restore('snapshot.varve', 'library.varve', { force: true })
    expect(await countOf('library.varve')).toBe(49)
    expect(fs.readFileSync(folder.file('snapshot.varve')).equals(before)).toBe(true)
  })
})

describe('refused, with the target as it was', () => {
  const live = (): Buffer => fs.readFileSync(folder.file('library.varve'))

  it('an existing target without force, one that is open, and one with other names', async () => {
    await snapshotAndLibrary()
    const before = live()
    expect(await codeOf(restore('snapshot.varve', 'library.varve'))).toBe('VARVE_EXISTS')
    for (const mode of ['readOnly', 'readWrite'] as const) {
      const holder = await Database.open(folder.file('library.varve'), { mode })
      expect(await codeOf(restore('snapshot.varve', 'library.varve', { force: true }))).toBe('VARVE_LOCKED')
      await holder.close()
    }
    const opened = live()
    fs.linkSync(folder.file('library.varve'), folder.file('other-name'))
    expect(await codeOf(restore('snapshot.varve', 'library.varve', { force: true }))).toBe('VARVE_STORAGE')
    expect(opened.length).toBe(before.length)
    expect(live().equals(opened)).toBe(true)
    expect(folder.leftovers()).toEqual([])
  })

  it('a source that is absent, no database, the target itself, damaged, or ends in a torn write', async () => {
    await snapshotAndLibrary()
    const before = live()
    const codes = async (source: string): Promise<unknown> =>
      await codeOf(restore(source, 'library.varve', { force: true }))
    fs.writeFileSync(folder.file('text'), 'no database at all')
    fs.symlinkSync(folder.file('library.varve'), folder.file('symlink'))
    expect(await codes('absent')).toBe('VARVE_NOT_FOUND')
    expect(await codes('text')).toBe('VARVE_FORMAT')
    expect(await codes('symlink')).toBe('VARVE_ARGUMENT')
    fs.appendFileSync(folder.file('snapshot.varve'), 'half a frame')
    expect(await codes('snapshot.varve')).toBe('VARVE_RECOVERY_REQUIRED')
    spoil(folder.file('snapshot.varve'), 'book 7')
    expect(await codes('snapshot.varve')).toBe('VARVE_CORRUPTION')
    expect(live().equals(before)).toBe(true)
    expect(folder.leftovers()).toEqual([])
  })

  it('too little space, before anything is written', async () => {
    await snapshotAndLibrary()
    const { nodePlatform } = await import('../../../src/storage/node-platform.js')
    const { storage } = nodePlatform()
    if (storage === undefined) throw new TypeError('Node has a file system.')
    const small = new Proxy(storage, {
      get: (target, name) => {
        if (name === 'freeBytes') return () => 100
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    expect(await codeOf(restore('snapshot.varve', 'new.varve', { storage: small }))).toBe('VARVE_NO_SPACE')
    expect(fs.existsSync(folder.file('new.varve'))).toBe(false)
  })

  it('an end by its signal', async () => {
    await snapshotAndLibrary()
    const before = live()
    const controller = new AbortController()
    const reason = new Error('enough')
    const onProgress = (done: number, total: number): void => {
      if (done > total / 2) controller.abort(reason)
    }
    const options = { force: true, signal: controller.signal, onProgress }
    await expect(restore('snapshot.varve', 'library.varve', options)).rejects.toBe(reason)
    expect(live().equals(before)).toBe(true)
    expect(folder.leftovers()).toEqual([])
  })
})

describe('what a crash of a restore leaves', () => {
  it('a second name of the database itself: the next open for writing removes it', async () => {
    await snapshotAndLibrary()
    fs.linkSync(folder.file('library.varve'), folder.file('library.varve.replaced-1'))
    fs.writeFileSync(folder.file('library.varve.new-00ff'), 'half a copy')
    expect(await countOf('library.varve')).toBe(50)
    expect(folder.leftovers()).toEqual([])
  })

  it('the replaced file: the next open for writing removes it, if it is of the same database', async () => {
    await snapshotAndLibrary()
    fs.renameSync(folder.file('library.varve'), folder.file('library.varve.replaced-1'))
    fs.copyFileSync(folder.file('snapshot.varve'), folder.file('library.varve'))
    await (await folder.library('other.varve')).close()
    fs.renameSync(folder.file('other.varve'), folder.file('library.varve.replaced-2'))
    fs.writeFileSync(folder.file('library.varve.replaced-3'), 'anything')
    expect(await countOf('library.varve')).toBe(49)
    expect(folder.leftovers()).toEqual(['library.varve.replaced-2', 'library.varve.replaced-3'])
    // Nor does a restore take their names.
    expect(await restore('snapshot.varve', 'library.varve', { force: true })).toMatchObject({
      leftover: undefined,
    })
    expect(folder.leftovers()).toEqual(['library.varve.replaced-2', 'library.varve.replaced-3'])
  })

  it('nothing is removed when the file at the path does not end cleanly', async () => {
    await snapshotAndLibrary()
    fs.renameSync(folder.file('library.varve'), folder.file('library.varve.replaced-1'))
    fs.copyFileSync(folder.file('snapshot.varve'), folder.file('library.varve'))
    spoil(folder.file('library.varve'), 'book 7')
    await (await Database.open(folder.file('library.varve'))).close()
    expect(folder.leftovers()).toEqual(['library.varve.replaced-1'])
  })
})
