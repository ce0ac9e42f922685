/** Snapshots of the past: what may be asked, what is found, and what damage does to it. */
import { describe, expect, it } from 'vitest'
import type { Database as AnyDatabase } from '../../../src/database.js'
import { Database, VarveError } from '../../../src/index.js'
import { LOG_START } from '../../../src/format/header.js'
import { long, seed } from '../../support/counts.js'
import { randomFrom } from '../../support/random.js'
import { stateOf } from '../../support/model-text.js'
import { gate, turn } from './harness.js'
import { NAME, pastDatabase } from './past-files.js'

const code = (text: string): Error => expect.objectContaining({ code: text }) as Error

function textAt(db: AnyDatabase, at: number | Date): string {
  const snapshot = db.snapshot({ at })
  try {
    return stateOf(snapshot)
  } finally {
    snapshot.close()
  }
}

function caught(run: () => unknown): VarveError {
  try {
    run()
  } catch (error) {
    if (VarveError.is(error)) return error
    throw error
  }
  throw new Error('Nothing was thrown.')
}

describe('which commit a snapshot of the past is of', () => {
  it('is the last one up to a sequence', async () => {
    const { db, commit } = await pastDatabase()
    await commit(() => db.put('a', { id: 1, text: 'one' }))
    // Takes a sequence that no commit has.
    await expect(db.transaction((tx) => void tx.collection('a').put({ id: 2, x: () => 1 }))).rejects.toThrow(
      'function',
    )
    await expect(
      db.transaction((tx) => {
        tx.collection('a').put({ id: 3 })
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    await commit(() => db.put('a', { id: 1, text: 'two' }))
    expect(db.commitSequence).toBeGreaterThan(3)
    const texts = [1, 2, 3, db.commitSequence].map((at) => {
      const snapshot = db.snapshot({ at })
      const row = snapshot.collection('a').get(1)
      snapshot.close()
      return [snapshot.sequence, row?.['text']]
    })
    expect(texts).toEqual([
      [1, undefined],
      [2, 'one'],
      [2, 'one'],
      [db.commitSequence, 'two'],
    ])
    await db.close()
  })

  it('is the last one made up to a date', async () => {
    const { db, clock, commit } = await pastDatabase()
    const made = clock.platform.now()
    // Two commits at one time.
    await db.put('a', { id: 1 })
    await commit(() => db.put('a', { id: 2 }))
    await commit(() => db.put('a', { id: 3 }))
    const countAt = (ms: number): [number, number] => {
      const snapshot = db.snapshot({ at: new Date(ms) })
      const rows = snapshot.collectionNames().length === 0 ? -1 : snapshot.collection('a').count()
      snapshot.close()
      return [snapshot.sequence, rows]
    }
    expect(countAt(made - 1)).toEqual([1, 0])
    expect(countAt(made)).toEqual([3, 2])
    expect(countAt(made + 999)).toEqual([3, 2])
    expect(countAt(made + 1000)).toEqual([4, 3])
    expect(countAt(8.64e15)).toEqual([4, 3])
    expect(countAt(0)).toEqual([0, -1])
    expect(countAt(-8.64e15)).toEqual([0, -1])
    await db.close()
  })

  it('is the newest without a moment, as it was', async () => {
    const { db } = await pastDatabase()
    for (const options of [undefined, {}, { at: undefined }]) {
      const snapshot = db.snapshot(options)
      expect(snapshot.sequence).toBe(db.commitSequence)
      snapshot.close()
    }
    await db.close()
  })

  it('is refused for what is no commit and no date', async () => {
    const { db } = await pastDatabase()
    const wrong: unknown[] = [-1, 1.5, Number.NaN, Infinity, 2 ** 53, new Date(Number.NaN), null, '1', 1n, {}]
    for (const at of wrong) {
      expect(() => db.snapshot({ at: at as number })).toThrow(code('VARVE_ARGUMENT'))
    }
    expect(() => db.snapshot({ at: 2 })).toThrow('There is no commit 2 yet: the newest is commit 1.')
    expect(db.stats().snapshots).toBe(0)
    await db.close()
    expect(() => db.snapshot({ at: 1 })).toThrow(code('VARVE_CLOSED'))
  })

  it('is empty before the first commit', async () => {
    const db = Database.openInMemory()
    for (const at of [0, new Date(0), new Date(-1)]) {
      const snapshot = db.snapshot({ at })
      expect([snapshot.sequence, snapshot.time, snapshot.collectionNames()]).toEqual([0, new Date(0), []])
      expect(() => snapshot.collection('a')).toThrow(code('VARVE_SCHEMA'))
      snapshot.close()
    }
    await db.close()
  })

  it('is gone before the first commit of a compacted file', async () => {
    const { db, storage, commit } = await pastDatabase()
    await commit(() => db.insert('a', { id: 'old' }))
    await commit(() => db.insert('a', { id: 'kept' }))
    const { sequence: first, time } = db.snapshot()
    const before = stateOf(db)
    await db.compact()
    await commit(() => db.insert('a', { id: 'new' }))
    for (const at of [0, first - 1, new Date(0), new Date(time.getTime() - 1)])
      expect(() => db.snapshot({ at })).toThrow(code('VARVE_HISTORY_GONE'))
    const damagedBytes = (): void => storage.flip(NAME, LOG_START + 100)
    damagedBytes()
    expect(() => db.snapshot({ at: first - 1 })).toThrow(code('VARVE_HISTORY_GONE'))
    damagedBytes()
    for (const at of [first, time]) {
      const snapshot = db.snapshot({ at })
      expect(stateOf(snapshot)).toBe(before)
      expect(snapshot.collection('a').history('kept', { scan: true }).toArray()).toHaveLength(1)
      snapshot.close()
    }
    await db.close()
  })
})

describe('a snapshot of the past', () => {
  it('is a pin, and closes by itself or with its database', async () => {
    const { db, clock, commit } = await pastDatabase()
    await commit(() => db.put('a', { id: 1 }))
    const one = db.snapshot({ at: 1 })
    const other = db.snapshot({ at: 1 })
    clock.advance(50)
    expect(db.stats()).toMatchObject({ snapshots: 2, oldestSnapshotMs: 50 })
    one.close()
    expect(() => one.collectionNames()).toThrow(code('VARVE_CLOSED'))
    expect(other.collection('a').count()).toBe(0)
    await db.close()
    expect(() => other.collection('a')).toThrow(code('VARVE_CLOSED'))
  })

  it('has the collections and names of its commit', async () => {
    const { db, commit } = await pastDatabase()
    await commit(() => db.put('a', { id: 1, text: 'kept' }))
    await commit(() => db.renameCollection('a', 'b'))
    await commit(() => db.dropCollection('b'))
    await commit(() => db.registerCollection('a', [], 'key'))
    const states = [1, 2, 3, 4, 5].map((at) => textAt(db, at))
    const row = '{"id":1,"text":"kept"}'
    expect(states).toEqual(['a: ', `a: ${row}`, `b: ${row}`, '', 'a: '])
    await db.close()
  })

  it('leaves what is written afterwards as it would have been', async () => {
    const { db, storage, clock, commit } = await pastDatabase()
    // Shapes of rows that the codecs learn one after the other.
    for (let i = 0; i < 6; i++) await commit(() => db.put('a', { id: i, [`field${i}`]: i }))
    const states = new Map<number, string>()
    for (const at of [4, 2, 7, 1, 6]) {
      const snapshot = db.snapshot({ at })
      states.set(at, stateOf(snapshot))
      await commit(() => db.put('a', { id: at, [`other${at}`]: at }))
      expect(stateOf(snapshot)).toBe(states.get(at))
      snapshot.close()
    }
    const state = stateOf(db)
    await db.close()
    const again = await clock.Database.open(NAME, { storage })
    expect(stateOf(again)).toBe(state)
    for (const [at, expected] of states) expect(textAt(again, at)).toBe(expected)
    await again.close()
  })

  it('is built without reading what is not committed yet', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    await commit(() => db.put('a', { id: 1, text: 'one' }))
    await commit(() => db.put('a', { id: 1, text: 'two' }))
    const { end } = places().at(-1) ?? {}
    const { opened, open } = gate()
    storage.held = opened
    const pending = db.put('a', { id: 1, text: 'x'.repeat(100_000) })
    await turn()
    expect(storage.size(NAME)).toBeGreaterThan(100_000)
    storage.readTo = 0
    const snapshot = db.snapshot({ at: 2 })
    expect(snapshot.collection('a').get(1)).toEqual({ id: 1, text: 'one' })
    expect(() => db.snapshot({ at: 4 })).toThrow('the newest is commit 3')
    expect(storage.readTo).toBe(end)
    open()
    await pending
    snapshot.close()
    await db.close()
  })
})

describe('damage in the log', () => {
  it('costs the states after it, by its offset, and never changes one', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    await commit(() => db.insertMany('a', [{ id: 1, text: 'one' }, { id: 2 }]))
    await commit(() => db.put('a', { id: 1, text: 'two' }))
    await commit(() => db.delete('a', 2))
    await commit(() => db.put('a', { id: 3, text: 'three' }))
    const last = db.commitSequence
    const truth = Array.from({ length: last + 1 }, (_, at) => {
      const snapshot = db.snapshot({ at })
      snapshot.close()
      return { at, time: snapshot.time, state: textAt(db, at) }
    })
    const all = places()
    const random = randomFrom(seed)
    let refused = 0
    for (let offset = LOG_START; offset < (all[last]?.end ?? 0); offset += 1 + random.below(long ? 1 : 12)) {
      const mask = 1 << random.below(8)
      storage.flip(NAME, offset, mask)
      const damaged = all.findIndex(({ end }) => offset < end)
      const { begin = 0 } = all[damaged] ?? {}
      for (const { at, time, state } of truth) {
        if (at < damaged) expect(textAt(db, at)).toBe(state)
        else if (at < last) refused += checkDamaged(() => textAt(db, at), state, begin)
        if (at > 0 && at < last) checkDamaged(() => textAt(db, time), state, begin)
      }
      storage.flip(NAME, offset, mask)
    }
    expect(refused).toBeGreaterThan(100)
    await db.close()
  })

  it('is told with what to do', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    await commit(() => db.put('a', { id: 1 }))
    await commit(() => db.put('a', { id: 2 }))
    await commit(() => db.put('a', { id: 3 }))
    const { begin = 0 } = places()[2] ?? {}
    storage.flip(NAME, begin + 100)
    const error = caught(() => db.snapshot({ at: 3 }))
    expect(error.code).toBe('VARVE_CORRUPTION')
    expect(error.details).toMatchObject({ path: NAME, offset: begin })
    expect(error.message).toContain(`damaged at offset ${begin} after commit 1`)
    expect(db.stats().snapshots).toBe(0)
    await db.close()
  })

  it('before the checkpoint that a state is built from is not met, nor a damaged checkpoint needed', async () => {
    const { db, storage, commit, places } = await pastDatabase()
    await commit(() => db.put('a', { id: 1 }))
    await commit(() => db.put('a', { id: 2 }))
    await commit(() => db.checkpoint())
    await commit(() => db.put('a', { id: 3 }))
    await commit(() => db.put('a', { id: 4 }))
    const [, , first = { begin: 0 }, second = { end: 0 }, third = { begin: 0 }] = places()
    storage.flip(NAME, first.begin + 60)
    const snapshot = db.snapshot({ at: 4 })
    expect(snapshot.collection('a').count()).toBe(3)
    expect(() => db.snapshot({ at: 2 })).toThrow(code('VARVE_CORRUPTION'))
    storage.flip(NAME, first.begin + 60)
    expect(third.begin).toBeGreaterThan(second.end + 100)
    for (let offset = second.end; offset < third.begin; offset += 8) {
      storage.flip(NAME, offset)
      expect(textAt(db, 4)).toBe('a: {"id":1} {"id":2} {"id":3}')
      storage.flip(NAME, offset)
    }
    await db.close()
  })
})

/** The right state, or the error that says where the damage is; how often it was the error. */
function checkDamaged(read: () => string, state: string, offset: number): number {
  try {
    expect(read()).toBe(state)
    return 0
  } catch (error) {
    if (!VarveError.is(error, 'VARVE_CORRUPTION')) throw error
    expect(error.details.offset).toBe(offset)
    return 1
  }
}
