/** The versions of a row: which there are, how they are found, and what damage does to them. */
import { describe, expect, it } from 'vitest'
import type { CollectionReader } from '../../../src/collection-reader.js'
import { Database, type RowHistory, type RowVersion, VarveError } from '../../../src/index.js'
import { COMMIT_BLOCK_BYTES, CommitField } from '../../../src/format/commit.js'
import { FRAME_HEADER_BYTES } from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import { RecordField } from '../../../src/format/record.js'
import { textOf } from '../../support/model-text.js'
import { long, seed } from '../../support/counts.js'
import { randomFrom } from '../../support/random.js'
import { gate, turn } from './harness.js'
import { NAME, pastDatabase } from './past-files.js'

const code = (text: string): Error => expect.objectContaining({ code: text }) as Error

/** Versions in short: sequence and what the row said, or `-` for a delete. */
function short(history: RowHistory): string[] {
  return history.toArray().map(({ sequence, operation, row }) => {
    return `${sequence} ${operation === 'put' ? String(row?.['text']) : '-'}`
  })
}

/** As far as it can be read, and the error that ended it. */
function readable(history: RowHistory): { versions: RowVersion[]; error: unknown } {
  const versions: RowVersion[] = []
  try {
    for (const version of history) versions.push(version)
    return { versions, error: undefined }
  } catch (error) {
    return { versions, error }
  }
}

describe('the versions of a row', () => {
  it('are what each commit left of it, newest first, with its time', async () => {
    const { db, clock, commit } = await pastDatabase()
    const begin = clock.platform.now()
    await commit(() => db.put('a', { id: 1, text: 'one' }))
    await commit(() => db.put('a', { id: 2, text: 'other' }))
    await commit(() => db.update('a', 1, { text: 'two' }))
    expect(db.collection('a').history(1).toArray()).toEqual([
      { sequence: 4, time: new Date(begin + 2000), operation: 'put', row: { id: 1, text: 'two' } },
      { sequence: 2, time: new Date(begin), operation: 'put', row: { id: 1, text: 'one' } },
    ])
    expect(short(db.collection('a').history(3))).toEqual([])
    expect(short(db.collection('a').history(3, { scan: true }))).toEqual([])
    await db.close()
  })

  it('begin where the row was last inserted; with scan, where the log does', async () => {
    const { db, commit } = await pastDatabase()
    const a = db.collection('a')
    await commit(() => a.put({ id: 1, text: 'first life' }))
    await commit(() => a.delete(1))
    expect(short(a.history(1))).toEqual([])
    expect(short(a.history(1, { scan: true }))).toEqual(['3 -', '2 first life'])
    await commit(() => a.put({ id: 1, text: 'second life' }))
    await commit(() =>
      db.transaction((tx) => {
        tx.collection('a').delete(1)
        tx.collection('a').insert({ id: 1, text: 'third life' })
      }),
    )
    expect(short(a.history(1))).toEqual(['5 third life'])
    expect(short(a.history(1, { scan: true }))).toEqual([
      '5 third life',
      '4 second life',
      '3 -',
      '2 first life',
    ])
    await db.close()
  })

  it('leave out what a transaction wrote over itself, or undid', async () => {
    const { db, commit } = await pastDatabase()
    const a = db.collection('a')
    await commit(() =>
      db.transaction((tx) => {
        const rows = tx.collection('a')
        for (let i = 0; i < 20; i++) rows.put({ id: 1, text: `draft ${i}` })
        rows.put({ id: 1, text: 'one' })
        // Never there for anybody else.
        rows.put({ id: 2, text: 'fleeting' })
        rows.delete(2)
      }),
    )
    await commit(() =>
      db.transaction((tx) => {
        const rows = tx.collection('a')
        rows.put({ id: 1, text: 'two' })
        const undone = (): void => {
          rows.put({ id: 1, text: 'undone' })
          throw new Error('undo')
        }
        expect(() => tx.savepoint(undone)).toThrow('undo')
        rows.update(1, { text: 'three' })
        expect(() => tx.savepoint(undone)).toThrow('undo')
      }),
    )
    expect(short(a.history(1))).toEqual(['3 three', '2 one'])
    expect(short(a.history(1, { scan: true }))).toEqual(['3 three', '2 one'])
    expect(short(a.history(2, { scan: true }))).toEqual([])
    await commit(() =>
      db.transaction((tx) => {
        tx.collection('a').update(1, { text: 'last words' })
        tx.collection('a').delete(1)
      }),
    )
    expect(short(a.history(1, { scan: true }))).toEqual(['4 -', '3 three', '2 one'])
    await db.close()
  })

  it('are found in transactions of several frames', async () => {
    const { db, commit } = await pastDatabase()
    const a = db.collection('a')
    const filler = 'x'.repeat(3_000_000)
    await commit(() => a.put({ id: 1, text: 'before' }))
    await commit(() =>
      db.transaction((tx) => {
        const rows = tx.collection('a')
        rows.put({ id: 1, text: 'early' })
        rows.put({ id: 2, text: 'early' })
        rows.put({ id: 5, text: 'early' })
        rows.insertMany([10, 11, 12].map((id) => ({ id, filler })))
        rows.put({ id: 1, text: 'middle' })
        rows.put({ id: 3, text: 'middle' })
        rows.insertMany([20, 21, 22].map((id) => ({ id, filler })))
        rows.put({ id: 1, text: 'late' })
        rows.put({ id: 4, text: 'late' })
        rows.delete(5)
      }),
    )
    await commit(() => a.put({ id: 4, text: 'after' }))
    const expected: [number, string[]][] = [
      [1, ['3 late', '2 before']],
      [2, ['3 early']],
      [3, ['3 middle']],
      [4, ['4 after', '3 late']],
      [5, []],
    ]
    for (const scan of [false, true]) {
      for (const [id, versions] of expected) expect(short(a.history(id, { scan }))).toEqual(versions)
    }
    await db.close()
  })

  it('go with a collection that is renamed, and not with one of the same name', async () => {
    const { db, commit } = await pastDatabase()
    await commit(() => db.put('a', { id: 1, text: 'one' }))
    const before = db.snapshot()
    await commit(() => db.renameCollection('a', 'b'))
    await commit(() => db.put('b', { id: 1, text: 'two' }))
    expect(short(db.collection('b').history(1))).toEqual(['4 two', '2 one'])
    await commit(() => db.dropCollection('b'))
    await commit(() => db.registerCollection('b', [], 'id'))
    await commit(() => db.put('b', { id: 1, text: 'three' }))
    expect(short(db.collection('b').history(1))).toEqual(['7 three'])
    expect(short(db.collection('b').history(1, { scan: true }))).toEqual(['7 three'])
    expect(short(before.collection('a').history(1))).toEqual(['2 one'])
    const past = db.snapshot({ at: 4 })
    expect(short(past.collection('b').history(1, { scan: true }))).toEqual(['4 two', '2 one'])
    await db.close()
  })

  it('end at the commit that is read, whatever is written meanwhile', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    const a = db.collection('a')
    await commit(() => a.put({ id: 1, text: 'one' }))
    const past = a.history(1)
    const snapshot = db.snapshot()
    await commit(() => a.put({ id: 1, text: 'two' }))
    const { end } = places().at(-1) ?? {}
    const { opened, open } = gate()
    storage.held = opened
    const pending = a.put({ id: 1, text: `three ${'x'.repeat(100_000)}` })
    await turn()
    expect(storage.size(NAME)).toBeGreaterThan(100_000)
    storage.readTo = 0
    expect(short(a.history(1))).toEqual(['3 two', '2 one'])
    expect(short(a.history(1, { scan: true }))).toEqual(['3 two', '2 one'])
    expect(storage.readTo).toBeLessThanOrEqual(end ?? 0)
    open()
    await pending
    await a.delete(1)
    expect(short(past)).toEqual(['2 one'])
    expect(short(past)).toEqual(['2 one'])
    expect(short(snapshot.collection('a').history(1, { scan: true }))).toEqual(['2 one'])
    await db.close()
  })

  it('are read one by one, as they are asked for', async () => {
    const { db, storage, commit } = await pastDatabase()
    const a = db.collection('a')
    for (let i = 0; i < 50; i++) await commit(() => a.put({ id: 1, text: `${i} ${'x'.repeat(10_000)}` }))
    storage.reads = 0
    const history = a.history(1)
    expect(storage.reads).toBe(0)
    for (const { sequence } of history) {
      expect(sequence).toBe(51)
      break
    }
    expect(storage.reads).toBeLessThan(5)
    expect(history.toArray()).toHaveLength(50)
    await db.close()
  })

  it('give the event loop a turn while nothing is found', async () => {
    const { db, clock, commit } = await pastDatabase()
    const a = db.collection('a')
    await commit(() => a.put({ id: 1, text: 'one' }))
    for (let i = 0; i < 30; i++) await a.put({ id: 2, text: 'x'.repeat(10_000) })
    let yields = 0
    let ms = 0
    // Every look at the clock is a slice later.
    Object.assign(clock.platform, {
      monotonicMs: () => (ms += 10),
      yield: async () => void (yields += 1),
    })
    let found = 0
    for await (const { row } of a.history(1, { scan: true })) found += row === undefined ? 0 : 1
    expect(found).toBe(1)
    expect(yields).toBeGreaterThan(2)
    await db.close()
  })

  it('are refused in a transaction, and once their view is closed', async () => {
    const { db, commit } = await pastDatabase()
    await commit(() => db.put('a', { id: 1 }))
    await db.transaction((tx) => {
      const rows: CollectionReader = tx.collection('a')
      expect(() => rows.history(1)).toThrow(code('VARVE_TRANSACTION'))
    })
    const snapshot = db.snapshot()
    const history = snapshot.collection('a').history(1)
    const begun = db.collection('a').history(1, { scan: true })[Symbol.iterator]()
    begun.next()
    snapshot.close()
    expect(() => history.toArray()).toThrow(code('VARVE_CLOSED'))
    expect(() => db.collection('a').history({} as never)).toThrow(code('VARVE_VALIDATION'))
    expect(() => db.collection('b')).toThrow(code('VARVE_SCHEMA'))
    const kept = db.collection('a')
    await db.close()
    expect(() => begun.next()).toThrow(code('VARVE_CLOSED'))
    expect(() => kept.history(1)).toThrow(code('VARVE_CLOSED'))
  })
})

describe('damage in an old version', () => {
  it('ends a history at its offset, after everything newer, wherever it is', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    const a = db.collection('a')
    const size = (sequence: number): number => {
      const { begin = 0, end = 0 } = places()[sequence] ?? {}
      return end - begin
    }
    // Frames of one size, a power of two apart: a bit flipped in a pointer leads to another version of the same row.
    for (const text of ['one', 'two']) await commit(() => a.put({ id: 1, text }))
    const room = 256 - size(3)
    for (let i = 0; i < 6; i++) await commit(() => a.put({ id: 1, text: `${i}${'x'.repeat(2 + room)}` }))
    expect([4, 5, 6, 7, 8, 9].map(size)).toEqual(Array.from({ length: 6 }, () => 256))
    await commit(() => a.delete(1))
    await commit(() => a.put({ id: 1, text: 'reborn' }))
    const views = [db.snapshot({ at: 9 }), db.snapshot()].flatMap((snapshot) =>
      [false, true].map((scan) => snapshot.collection('a').history(1, { scan })),
    )
    const truth = views.map((history) => history.toArray())
    const all = places()
    const random = randomFrom(seed)
    const ended = views.map(() => 0)
    const stride = long ? 1 : 7
    for (let offset = LOG_START; offset < (all.at(-1)?.end ?? 0); offset += 1 + random.below(stride)) {
      const mask = 1 << random.below(8)
      storage.flip(NAME, offset, mask)
      const damaged = all.findIndex(({ end }) => offset < end)
      for (const [i, history] of views.entries()) {
        const expected = truth[i] ?? []
        const { versions, error } = readable(history)
        expect(textOf(versions)).toBe(textOf(expected.slice(0, versions.length)))
        const newer = expected.filter(({ sequence }) => sequence > damaged).length
        expect(versions.length).toBeGreaterThanOrEqual(newer)
        if (error === undefined) {
          expect(versions).toHaveLength(expected.length)
          continue
        }
        if (!VarveError.is(error, 'VARVE_CORRUPTION')) throw error
        expect(error.details.path).toBe(NAME)
        expect(error.details.offset).toBeLessThan(all[damaged]?.end ?? 0)
        ended[i] = (ended[i] ?? 0) + 1
      }
      storage.flip(NAME, offset, mask)
    }
    expect(Math.min(...ended)).toBeGreaterThan(20)
    await db.close()
  })

  it('is told by the offset of the record, or of what its frame is about', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    const a = db.collection('a')
    // The shape of the rows is logged with the first.
    await commit(() => a.put({ id: 2, text: 'shape' }))
    await commit(() => a.put({ id: 1, text: 'older' }))
    await commit(() => a.put({ id: 1, text: 'newer' }))
    const { begin = 0 } = places()[3] ?? {}
    const flipped = (offset: number): unknown => {
      storage.flip(NAME, offset)
      const { versions, error } = readable(a.history(1))
      storage.flip(NAME, offset)
      expect(versions).toHaveLength(1)
      return VarveError.is(error, 'VARVE_CORRUPTION') ? error.details.offset : error
    }
    const record = begin + FRAME_HEADER_BYTES + COMMIT_BLOCK_BYTES
    expect(flipped(begin)).toBe(begin)
    expect(flipped(begin + FRAME_HEADER_BYTES + CommitField.time)).toBe(begin)
    expect(flipped(record + RecordField.previous)).toBe(begin)
    expect(flipped(record + RecordField.operation)).toBe(record)
    expect(flipped(record + 30)).toBe(record)
    await db.close()
  })

  it('is noticed in any frame of a large transaction', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    const a = db.collection('a')
    const filler = 'x'.repeat(3_000_000)
    await commit(() =>
      db.transaction((tx) => {
        tx.collection('a').put({ id: 1, text: 'old' })
        tx.collection('a').insertMany([2, 3, 4].map((id) => ({ id, filler })))
      }),
    )
    await commit(() => a.put({ id: 1, text: 'new' }))
    const { begin = 0, end = 0 } = places()[2] ?? {}
    const whole = short(a.history(1))
    expect(whole).toEqual(['3 new', '2 old'])
    // The begin's header, the first frame of records and what it holds, the commit's header and block.
    const flips = [begin + 8, begin + 72 + 20, begin + 200, end - 120 + 20, end - 72 + 8]
    for (const place of flips) {
      storage.flip(NAME, place)
      const { versions, error } = readable(a.history(1, { scan: true }))
      expect([versions.length, VarveError.is(error, 'VARVE_CORRUPTION')]).toEqual([1, true])
      const pointed = readable(a.history(1))
      // What the version does not need is not read: the begin of its transaction.
      const unneeded = place < begin + 72
      expect([pointed.versions.length, pointed.error === undefined]).toEqual(
        unneeded ? [2, true] : [1, false],
      )
      storage.flip(NAME, place)
    }
    await db.close()
  })

  it('is an error where the file ends too soon', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    await commit(() => db.put('a', { id: 1, text: 'one' }))
    await commit(() => db.put('a', { id: 1, text: 'two' }))
    const { end = 0 } = places()[2] ?? {}
    const file = storage.open(NAME, 'readWrite')
    file.truncate(end + 10)
    for (const scan of [false, true]) {
      const { versions, error } = readable(db.collection('a').history(1, { scan }))
      expect([versions, VarveError.is(error, 'VARVE_CORRUPTION')]).toEqual([[], true])
    }
    expect(() => db.snapshot({ at: 1 })).not.toThrow()
    file.close()
    await db.close().catch(() => undefined)
  })
})

describe('histories of the first database of all', () => {
  it('are empty where there is no commit', () => {
    const db = Database.openInMemory()
    expect(() => db.collection('a')).toThrow(code('VARVE_SCHEMA'))
    db.closeSync()
  })
})
