/** What may take long gives the event loop turns, during which nobody sees half of it. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Database, type Collection } from '../../../src/index.js'

const ROWS = 400

async function tasks(): Promise<{ db: Database; collection: Collection }> {
  const db = Database.openInMemory()
  const collection = await db.registerCollection('tasks', [], 'id', { indexes: { byState: { on: 'state' } } })
  await collection.insertMany(Array.from({ length: ROWS }, (_, id) => ({ id, state: 'open', day: id % 7 })))
  return { db, collection }
}

/** Looks again and again, in turns of the event loop, until `work` is done; what it saw. */
async function whileBusy<T>(work: Promise<unknown>, look: () => T): Promise<T[]> {
  const seen: T[] = []
  const busy = { goesOn: true }
  const done = work.finally(() => (busy.goesOn = false))
  while (busy.goesOn) {
    seen.push(look())
    await new Promise(setImmediate)
  }
  await done
  return seen
}

/** From now on every look at the clock is a slice later. */
function slowClock(): void {
  let seconds = process.uptime()
  vi.spyOn(process, 'uptime').mockImplementation(() => (seconds += 0.01))
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('changes by filter', () => {
  it('give the loop turns, and are seen whole or not at all', async () => {
    const { db, collection } = await tasks()
    const open = (): number => collection.find({ state: 'open' }).count()
    slowClock()
    const updated = collection.updateWhere({ state: 'open' }, { state: 'done' })
    const later = collection.insert({ id: ROWS, state: 'open' })
    const seen = await whileBusy(updated, open)
    expect(seen.length).toBeGreaterThan(ROWS)
    expect(new Set(seen.slice(0, ROWS))).toEqual(new Set([ROWS]))
    await later
    expect(await updated).toBe(ROWS)
    expect(open()).toBe(1)

    const counts = await whileBusy(collection.deleteWhere({ state: 'done' }), () => collection.count())
    expect(counts.length).toBeGreaterThan(ROWS)
    expect(new Set(counts.slice(0, ROWS))).toEqual(new Set([ROWS + 1]))
    expect(collection.count()).toBe(1)
    await db.close()
  })

  it('leave nothing behind when one row refuses the change', async () => {
    const { db, collection } = await tasks()
    slowClock()
    const change = (row: Record<string, unknown>): Record<string, unknown> => {
      if (row['id'] === ROWS - 1) throw new Error('no')
      return { ...row, state: 'done' }
    }
    await expect(collection.updateWhere({}, change)).rejects.toThrow('no')
    expect(collection.find({ state: 'done' }).count()).toBe(0)
    expect(await collection.updateWhere({ id: 5 }, { state: 'done' })).toBe(1)
    await db.close()
  })

  it('have blocking forms, all or none too', async () => {
    const { db, collection } = await tasks()
    expect(collection.updateWhereSync({ day: 3 }, { state: 'done' })).toBe(57)
    const change = (row: Record<string, unknown>): Record<string, unknown> => {
      if (row['id'] === 10) throw new Error('no')
      return { ...row, state: 'open' }
    }
    expect(() => collection.updateWhereSync({ state: 'done' }, change)).toThrow('no')
    expect(collection.deleteWhereSync({ state: 'done' })).toBe(57)
    expect(collection.count()).toBe(ROWS - 57)
    await db.close()
  })

  it('copy a patch before they wait', async () => {
    const { db, collection } = await tasks()
    const patch = { state: 'done' }
    const updated = collection.updateWhere({}, patch)
    patch.state = 'lost'
    await updated
    expect(collection.find().distinct('state')).toEqual(['done'])
    await db.close()
  })
})

describe('asynchronous reads', () => {
  it('give the loop turns, and equal the blocking ones of the same commit', async () => {
    const { db, collection } = await tasks()
    const filter = { day: { $ne: 3 } }
    const query = collection.find(filter)
    const options = { where: filter, groupBy: 'day', count: true, sum: ['id'] } as const
    const blocking = [query.count(), query.distinct('day'), collection.aggregate(options)]
    slowClock()
    const reads = Promise.all([
      query.countAsync(),
      query.distinctAsync('day'),
      collection.aggregateAsync(options),
    ])
    await collection.put({ id: 0, state: 'open', day: 99 })
    const turns = await whileBusy(reads, () => 0)
    expect(turns.length).toBeGreaterThan(ROWS / 2)
    expect(await reads).toEqual(blocking)
    await expect(query.distinctAsync('')).rejects.toThrow(/no field/u)
    await expect(collection.aggregateAsync({ total: true } as never)).rejects.toThrow(/no option 'total'/u)
    await db.close()
  })

  it('end with an error when the database is closed meanwhile', async () => {
    const { db, collection } = await tasks()
    slowClock()
    const count = collection.find({ day: { $ne: 3 } }).countAsync()
    const [ended] = await Promise.allSettled([count, db.close()])
    expect(ended).toMatchObject({ status: 'rejected', reason: { code: 'VARVE_CLOSED' } })
  })
})
