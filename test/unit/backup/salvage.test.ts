/** Salvage: what comes over, what is named as missing, and what the new file is. */
import fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Database, type Row } from '../../../src/index.js'
import { dumpCatalog, inspect, salvage, type SalvageReport, verify } from '../../../src/tools.js'
import { codeOf, Folder, rowsOf, spoil } from './library.js'

const folder = new Folder()

async function salvaged(name = 'library.varve'): Promise<{ report: SalvageReport; db: Database }> {
  const before = fs.readFileSync(folder.file(name))
  const to = `${name}.salvaged`
  const report = await salvage(folder.file(name), { to: folder.file(to), force: true })
  expect(fs.readFileSync(folder.file(name)).equals(before)).toBe(true)
  expect((await verify(report.to, { deep: true })).findings).toEqual([])
  const db = await folder.open(to, { recovery: 'strict', create: false })
  expect(db.recoveryInfo.classification).toBe('clean')
  expect(folder.leftovers()).toEqual([])
  return { report, db }
}

/** The rows of a library, by title, as of a commit. */
const titles = (db: Database): string[] => rowsOf(db).map((row) => String(row['title']))

describe('of a sound file', () => {
  it('everything comes over, each commit with its sequence, time and checksum', async () => {
    const db = await folder.library()
    await db.checkpoint()
    await db.transaction((tx) => {
      const books = tx.collection('books')
      for (let i = 0; i < 1200; i++) books.put({ title: `large ${i}`, text: 'x'.repeat(1000) })
    })
    await db.registerCollection('other', undefined, ['a', 'b'])
    await db.put('other', { a: 1, b: new Date(0), c: new Map([[1, -0]]) })
    await db.dropCollection('other')
    await db.renameCollection('books', 'tomes')
    // Without indexes: of these the log says what they replaced.
    await db.registerCollection('plain', undefined, 'id')
    for (const value of [1, 2, 3]) await db.put('plain', { id: 1, value })
    await db.put('tomes', { title: 'book 1', year: 1, last: true })
    const history = [...db.collection('tomes').history('book 1')]
    const { position } = db
    await db.close()
    const { report, db: copy } = await salvaged()
    expect(report).toMatchObject({ complete: true, damaged: [], lost: [], unknown: [], historyGaps: 0 })
    expect([...copy.collection('tomes').history('book 1')]).toEqual(history)
    const [source, target] = [await inspect(folder.file('library.varve')), await inspect(report.to)]
    expect(target.commits).toEqual(source.commits)
    expect(copy.position).toBe(position)
    expect(report.commits).toBe(source.commits.count)
    const digest = async (path: string): Promise<unknown> =>
      (await dumpCatalog(path)).collections.map((each) => [each.name, each.digest])
    expect(await digest(report.to)).toEqual(await digest(folder.file('library.varve')))
    expect(copy.collection('tomes').find({ year: 1901 }).count()).toBe(6)
  })

  it('and of one that is empty', async () => {
    await (await folder.open('library.varve')).close()
    expect((await salvaged()).report).toMatchObject({ complete: true, commits: 0, rows: 0 })
  })

  it('beside its writer', async () => {
    const db = await folder.library()
    const { report } = await salvaged()
    expect(report).toMatchObject({ complete: true, lastSequence: db.commitSequence, rows: 49 })
  })
})

const NEEDLE = 'needle'
const FIRST: readonly Row[] = [
  { id: 1, value: 'first' },
  { id: 2, value: NEEDLE },
  { id: 3, a1: 'of the first cut' },
  { id: 4, a2: 'of the first cut' },
]
const LAST: Row = { id: 20, value: 'last' }
const wholeOf = (rows: readonly Row[]): Row[] => rows.filter((row) => !Object.values(row).includes(NEEDLE))

/**
 * Three sessions. What the first two write is damaged where it says `NEEDLE`, and cut off from the first such place on: so both
 * give the same numbers to record structures of their own, and the commit that the second one goes on from is lost.
 */
async function cutTwice(second: readonly Row[]): Promise<void> {
  const path = folder.file('library.varve')
  for (const rows of [FIRST, second, [LAST]]) {
    const db = await Database.open(path, { recovery: 'autoTruncate' })
    if (rows === FIRST) await db.registerCollection('rows', undefined, 'id')
    else expect(db.recoveryInfo.classification).toBe('damage')
    for (const row of rows) await db.put('rows', row)
    await db.close()
    while (fs.readFileSync(path).includes(NEEDLE)) spoil(path, NEEDLE)
  }
}

describe('of a damaged file', () => {
  it('all commits on both sides come over, and the one between is named', async () => {
    const db = await folder.library()
    const sequence = db.commitSequence
    await db.put('books', { title: 'lost', year: 1 })
    await db.put('books', { title: 'after', year: 2 })
    await db.close()
    spoil(folder.file('library.varve'), 'lost')
    const { report, db: copy } = await salvaged()
    expect(report.complete).toBe(false)
    expect(report.lost).toEqual([{ sequence: sequence + 1, found: 'partial', knownBy: 'successor' }])
    expect(report.damaged).toHaveLength(1)
    expect(report.lastSequence).toBe(sequence + 2)
    expect(titles(copy)).toContain('after')
    expect(titles(copy)).not.toContain('lost')
    expect(report.unknown).toHaveLength(2)
  })

  it('rows that a checkpoint knows come back, go, or are named', async () => {
    const db = await folder.library()
    await db.put('books', { title: 'book 5', year: 1, note: 'needle-older' })
    await db.transaction((tx) => {
      tx.collection('books').put({ title: 'book 9', year: 1, note: 'needle-kept' })
      tx.collection('books').put({ title: 'fresh', year: 1, note: 'needle-spoilt' })
      tx.collection('books').put({ title: 'book 6', year: 1, note: 'needle-spoilt too' })
      tx.collection('books').delete('book 7')
      tx.collection('books').delete('book 8')
    })
    await db.checkpoint()
    await db.put('books', { title: 'book 8', year: 2 })
    await db.close()
    spoil(folder.file('library.varve'), 'needle-spoilt')
    spoil(folder.file('library.varve'), 'needle-spoilt too')
    const { report, db: copy } = await salvaged()
    expect(report).toMatchObject({ olderRows: [{ collection: 'books', key: ['book 6'] }], repairedRows: 2 })
    expect(report.lostRows).toEqual([{ collection: 'books', key: ['fresh'] }])
    expect(copy.get('books', 'book 9')).toMatchObject({ note: 'needle-kept' })
    expect(copy.get('books', 'book 6')).toEqual({ title: 'book 6', year: 1906 })
    expect(copy.get('books', 'book 7')).toBeUndefined()
    expect(copy.get('books', 'book 8')).toEqual({ title: 'book 8', year: 2 })
    expect(copy.get('books', 'book 5')).toMatchObject({ note: 'needle-older' })
  })

  it('a large transaction of which a record is bad is left out and named; a checkpoint brings its other rows back', async () => {
    const db = await folder.library()
    await db.transaction((tx) => {
      for (let i = 0; i < 1500; i++)
        tx.collection('books').put({ title: `large ${i}`, text: 'x'.repeat(1000) })
    })
    const sequence = db.commitSequence
    await db.put('books', { title: 'after', year: 2 })
    fs.copyFileSync(db.path, folder.file('without.varve'))
    await db.close()
    for (const [name, rows] of [
      ['without.varve', 0],
      ['library.varve', 1499],
    ] as const) {
      spoil(folder.file(name), 'large 700')
      const { report, db: copy } = await salvaged(name)
      expect(report.lost).toEqual([{ sequence, found: 'partial', knownBy: 'successor' }])
      expect(report.repairedRows).toBe(rows)
      expect(report.lostRows).toEqual(rows === 0 ? [] : [{ collection: 'books', key: ['large 700'] }])
      expect(titles(copy).filter((title) => title.startsWith('large'))).toHaveLength(rows)
      expect(titles(copy)).toContain('after')
    }
  })

  it('header, superblocks, or all of them destroyed', async () => {
    const db = await folder.library()
    const { databaseId } = (await inspect(db.path)).header
    await db.close()
    const path = folder.file('library.varve')
    const bytes = fs.readFileSync(path)
    for (const [from, to, identity] of [
      [0, 4096, 'superblock'],
      [4096, 12_288, 'header'],
      [0, 12_288, 'frames'],
    ] as const) {
      const spoilt = Buffer.from(bytes)
      spoilt.fill(0xa5, from, to)
      fs.writeFileSync(path, spoilt)
      const { report, db: copy } = await salvaged()
      expect(report).toMatchObject({ identity, rows: 49, lost: [] })
      expect(report.databaseId).toBe(identity === 'frames' ? undefined : databaseId)
      expect(rowsOf(copy)).toHaveLength(49)
      await copy.close()
    }
  })

  it('what recovery cut off is taken from its quarantine file, and what came after wins', async () => {
    const db = await folder.library()
    await db.put('books', { title: 'lost', year: 1 })
    await db.put('books', { title: 'behind the damage', year: 2 })
    await db.put('books', { title: 'book 1', year: 3 })
    await db.registerCollection('cut', undefined, 'id')
    await db.put('cut', { id: 1, value: 'kept' })
    await db.close()
    spoil(folder.file('library.varve'), 'lost')
    const again = await folder.open('library.varve', { recovery: 'autoTruncate' })
    expect(again.recoveryInfo.classification).toBe('damage')
    await again.put('books', { title: 'book 2', year: 4, shape: 'another' })
    await again.registerCollection('new', undefined, 'id')
    await again.put('new', { id: 1, other: 'meaning' })
    await again.close()
    const { report, db: copy } = await salvaged()
    expect(report.sources.map(({ kind }) => kind)).toEqual(['database', 'quarantine'])
    expect(report.lost).toHaveLength(1)
    expect(titles(copy)).toContain('behind the damage')
    expect(copy.get('books', 'book 1')).toEqual({ title: 'book 1', year: 3 })
    expect(copy.get('books', 'book 2')).toEqual({ title: 'book 2', year: 4, shape: 'another' })
    expect(copy.get('cut', 1)).toEqual({ id: 1, value: 'kept' })
    expect(copy.get('new', 1)).toEqual({ id: 1, other: 'meaning' })
  })

  it('a definition that is lost comes from a checkpoint, else from the rows', async () => {
    for (const withCheckpoint of [true, false]) {
      const db = await Database.open(folder.file('library.varve'))
      await db.registerCollection('first', undefined, 'id')
      await db.registerCollection('needle', undefined, 'id', { indexes: { byValue: { on: 'value' } } })
      await db.put('needle', { id: 7, value: 'a' })
      await db.put('needle', { id: 8, value: 'b' })
      if (withCheckpoint) await db.checkpoint()
      await db.close()
      spoil(folder.file('library.varve'), 'needle')
      const { report, db: copy } = await salvaged()
      const name = withCheckpoint ? 'needle' : 'recovered-2'
      expect(report.recoveredCollections).toEqual([
        { id: 2, name, from: withCheckpoint ? 'checkpoint' : 'rows' },
      ])
      expect(rowsOf(copy, name)).toEqual([
        { id: 7, value: 'a' },
        { id: 8, value: 'b' },
      ])
      if (withCheckpoint) expect(copy.collection(name).find({ value: 'b' }).count()).toBe(1)
      await copy.close()
      fs.rmSync(folder.file('library.varve'))
    }
  })

  it('rows whose structure is lost are not guessed', async () => {
    const db = await folder.library()
    await db.put('books', { title: 'shape', needle: 1 })
    await db.put('books', { title: 'of that shape', needle: 2 })
    await db.put('books', { title: 'another shape', year: 1, third: true })
    await db.close()
    spoil(folder.file('library.varve'), 'needle')
    const { report, db: copy } = await salvaged()
    expect(report.unreadableRows).toMatchObject([{ collection: 'books', key: ['of that shape'] }])
    expect(copy.get('books', 'another shape')).toEqual({ title: 'another shape', year: 1, third: true })
  })

  it('I28: rows of a line that states a structure anew are not read by what another line had behind it', async () => {
    const stated = { id: 11, b1: 'of the second cut' }
    await cutTwice([
      { id: 10, value: NEEDLE },
      stated,
      { id: 12, b2: NEEDLE },
      { id: 13, b2: 'not to be read' },
    ])
    const { report, db: copy } = await salvaged()
    expect(rowsOf(copy, 'rows')).toEqual([...wholeOf(FIRST), stated, LAST])
    expect(report.unreadableRows).toMatchObject([{ collection: 'rows', key: [13] }])
  })

  it('I28: rows of what was cut off are not read by the structures of what was cut off before it was written', async () => {
    await cutTwice([
      { id: 10, b1: NEEDLE },
      { id: 11, b1: 'not to be read' },
    ])
    const { report, db: copy } = await salvaged()
    expect(rowsOf(copy, 'rows')).toEqual([...wholeOf(FIRST), LAST])
    expect(report.unreadableRows).toMatchObject([{ collection: 'rows', key: [11] }])
  })

  it('I28: rows of what was cut off are not read by structures that the log got later', async () => {
    const path = folder.file('library.varve')
    const first = await Database.open(path)
    await first.registerCollection('rows', undefined, 'id')
    const kept = { id: 2, value: 'kept' }
    const rows = [{ id: 1, value: 'early' }, kept, { id: 3, a: NEEDLE }, { id: 4, a: 'not to be read' }]
    for (const row of rows) await first.put('rows', row)
    await first.close()
    spoil(path, NEEDLE)
    const again = await folder.open('library.varve', { recovery: 'autoTruncate' })
    const later = { id: 5, b: 'later' }
    await again.put('rows', later)
    await again.checkpoint()
    await again.close()
    spoil(path, 'early')
    const { report, db: copy } = await salvaged()
    expect(rowsOf(copy, 'rows')).toEqual([kept, later])
    expect(report.unreadableRows).toMatchObject([{ collection: 'rows', key: [4] }])
  })

  it('what a checkpoint says is of the log: rows of other collections that were cut off under the same ids are others', async () => {
    const path = folder.file('library.varve')
    const first = await Database.open(path)
    await first.registerCollection(NEEDLE, undefined, 'id')
    await first.registerCollection('cut', undefined, 'id')
    await first.registerCollection('both', undefined, 'id')
    const cut = { id: 1, value: 'cut off' }
    for (const name of ['cut', 'both']) await first.put(name, cut)
    const { id } = first.collection('cut').definition
    await first.close()
    spoil(path, NEEDLE)
    const again = await folder.open('library.varve', { recovery: 'autoTruncate' })
    await again.registerCollection('both', undefined, 'id')
    await again.registerCollection('log', undefined, 'id')
    expect(again.collection('log').definition.id).toBe(id)
    const mended = { id: 1, value: 'in the log' }
    await again.transaction((tx) => {
      tx.collection('log').put(mended)
      tx.collection('log').put({ id: 2, value: NEEDLE })
      tx.collection('log').put({ id: 3, value: 'older' })
    })
    await again.checkpoint()
    const later = { id: 3, value: 'later' }
    await again.put('log', later)
    await again.close()
    spoil(path, NEEDLE)
    const { report, db: copy } = await salvaged()
    const rows = ['log', 'cut', 'both'].map((name) => rowsOf(copy, name))
    expect(rows).toEqual([[mended, later], [cut], [cut]])
    expect(report).toMatchObject({ repairedRows: 1, lostRows: [{ collection: 'log', key: [2] }] })
  })

  it('the end of the file is missing', async () => {
    const db = await folder.library()
    await db.close()
    const path = folder.file('library.varve')
    fs.truncateSync(path, fs.statSync(path).size - 40)
    const { report } = await salvaged()
    expect(report.complete).toBe(false)
    expect(report.lost).toMatchObject([{ sequence: 52, knownBy: 'watermark' }])
  })

  it('the first commit of a compacted file: each of its rows that is whole', async () => {
    const db = await folder.library()
    await db.transaction((tx) => {
      for (let i = 0; i < 3000; i++)
        tx.collection('books').put({ title: `large ${i}`, text: 'x'.repeat(1000) })
    })
    await db.compact()
    await db.put('books', { title: 'after', year: 2 })
    const sequence = db.commitSequence
    const { digests } = await db.exportSnapshot(folder.file('export.varve'))
    await db.close()
    const sound = await salvaged()
    expect(sound.report).toMatchObject({ complete: true, rows: 3050, lastSequence: sequence, digests })
    await sound.db.close()
    await Database.restoreSnapshot(folder.file('export.varve'), folder.file('restored.varve'))
    expect(rowsOf(await folder.open('restored.varve'))).toHaveLength(3050)
    const gone = Database.restoreSnapshot(folder.file('export.varve'), folder.file('x.varve'), { at: 1 })
    expect(await codeOf(gone)).toBe('VARVE_HISTORY_GONE')
    spoil(folder.file('library.varve'), 'large 700')
    const { report, db: copy } = await salvaged()
    expect(report.complete).toBe(false)
    // The checkpoint behind it knows the records of the frame that is bad.
    expect(report.lostRows).toEqual([{ collection: 'books', key: ['large 700'] }])
    expect(rowsOf(copy)).toHaveLength(3049)
    expect(copy.get('books', 'after')).toEqual({ title: 'after', year: 2 })
  })

  it('a torn tail that nobody relied on is no loss', async () => {
    await (await folder.library()).close()
    fs.appendFileSync(folder.file('library.varve'), Buffer.from('VFRM and half a frame of something'))
    const { report } = await salvaged()
    expect(report.complete).toBe(true)
    expect(report.damaged).toHaveLength(1)
  })
})

describe('refused', () => {
  it('what is no database, an existing file, and the source itself', async () => {
    await (await folder.library()).close()
    const path = folder.file('library.varve')
    const to = folder.file('new.varve')
    fs.writeFileSync(folder.file('text'), 'no database'.repeat(5000))
    fs.symlinkSync(path, folder.file('symlink'))
    expect(await codeOf(salvage(folder.file('text'), { to }))).toBe('VARVE_FORMAT')
    expect(await codeOf(salvage(folder.file('absent'), { to }))).toBe('VARVE_NOT_FOUND')
    expect(await codeOf(salvage(path, { to: folder.file('symlink'), force: true }))).toBe('VARVE_EXISTS')
    expect(await codeOf(salvage(path, { to: folder.file('text') }))).toBe('VARVE_EXISTS')
    const held = await folder.library('held.varve')
    expect(await codeOf(salvage(path, { to: held.path, force: true }))).toBe('VARVE_LOCKED')
    expect(fs.existsSync(to)).toBe(false)
  })
})
