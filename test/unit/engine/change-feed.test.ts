/**
 * The change feed within one process: what it gives, how it goes on, where it ends, and what it refuses.
 */
import { describe, expect, it } from 'vitest'
import {
  Database,
  defineCollection,
  field,
  MemoryStorage,
  type Change,
  type Commit,
} from '../../../src/index.js'

const NAME = 'feed.varve'

async function open(storage = new MemoryStorage()): Promise<Database> {
  return await Database.open(NAME, { storage, durability: 'os' })
}

async function all(feed: AsyncIterable<Commit>): Promise<Commit[]> {
  const commits: Commit[] = []
  for await (const commit of feed) commits.push(commit)
  return commits
}

function told(commits: readonly Commit[]): Change[] {
  return commits.flatMap(({ changes }) => changes.toArray())
}

const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error

describe('a feed', () => {
  it('gives every commit once, in order, with its changes as rows are read', async () => {
    const db = await open()
    await db.registerCollection('books', undefined, 'id')
    await db.put('books', { id: 'a', n: 1 })
    await db.transaction((tx) => {
      tx.collection('books').put({ id: 'a', n: 2 })
      tx.collection('books').put({ id: 'b', n: 3 })
    })
    await db.delete('books', 'a')
    const commits = await all(db.changes({ before: true }))
    expect(told(commits)).toMatchObject([
      { operation: 'register', collection: 'books', definition: { name: 'books' } },
      { operation: 'put', collection: 'books', key: 'a', row: { id: 'a', n: 1 }, before: undefined },
      { operation: 'put', key: 'a', row: { id: 'a', n: 2 }, before: { id: 'a', n: 1 } },
      { operation: 'put', key: 'b', row: { id: 'b', n: 3 }, before: undefined },
      { operation: 'delete', key: 'a', row: undefined, before: { id: 'a', n: 2 } },
    ])
    expect(commits.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
    expect(commits.at(-1)?.position).toBe(db.position)
    await db.close()
  })

  it('goes on exactly behind every position, by token and by sequence', async () => {
    const storage = new MemoryStorage()
    let db = await open(storage)
    await db.registerCollection('books', undefined, 'id')
    for (let i = 0; i < 20; i++) {
      await db.put('books', { id: `k${i % 7}`, i })
      if (i % 6 === 5) await db.checkpoint()
    }
    await db.close()
    db = await open(storage)
    const commits = await all(db.changes())
    const sequences = commits.map(({ sequence }) => sequence)
    for (const [i, { position, sequence }] of commits.entries()) {
      for (const since of [position, sequence]) {
        const rest = await all(db.changes({ since }))
        expect(rest.map((commit) => commit.sequence)).toEqual(sequences.slice(i + 1))
        expect(told(rest)).toEqual(told(commits.slice(i + 1)))
      }
    }
    await db.close()
  })

  it('follows a collection under all its names, and tells of its schema', async () => {
    const db = await open()
    await db.registerCollection('old', undefined, 'id')
    await db.registerCollection('other', undefined, 'id')
    await db.put('old', { id: 1 })
    await db.put('other', { id: 1 })
    await db.renameCollection('old', 'new')
    await db.put('new', { id: 2 })
    await db.registerCollection('new', undefined, 'id', { indexes: { byN: { on: 'n' } } })
    await db.dropCollection('new')
    const shape = ({ operation, collection }: Change): string => `${operation} ${collection}`
    const expected = [
      'register old',
      'put old',
      'rename new',
      'put new',
      'redefine new',
      'redefine new',
      'drop new',
    ]
    const first = told(await all(db.changes({ collections: ['old'] }))).map(shape)
    expect([...new Set(first)]).toEqual([...new Set(expected)])
    // By its last name: what was there before it had the name belongs to it only while it exists.
    const later = told(await all(db.changes({ collections: ['new'] }))).map(shape)
    expect(later[0]).toBe('rename new')
    await db.close()
  })

  it('takes definitions', async () => {
    const Book = defineCollection({
      name: 'books',
      primaryKey: 'id',
      fields: { id: field.int64(), n: field.int().default(7) },
    })
    const storage = new MemoryStorage()
    const db = await Database.open(NAME, { storage, collections: [Book] })
    await db.collection(Book).put({ id: 5n })
    const [register, put] = told(await all(db.changes({ collections: [Book] })))
    expect(register).toMatchObject({ operation: 'register' })
    expect(put).toEqual({ operation: 'put', collection: 'books', key: 5n, row: { id: 5n, n: 7 } })
    await db.close()
  })

  it('ends at the commit visible at the call, and with live goes on until it is told to stop', async () => {
    const db = await open()
    await db.registerCollection('books', undefined, 'id')
    const once = db.changes()
    await db.put('books', { id: 1 })
    expect(await all(once)).toHaveLength(1)
    const controller = new AbortController()
    const live = db.changes({ live: true, signal: controller.signal })
    const seen: number[] = []
    const reading = (async () => {
      for await (const { sequence } of live) {
        seen.push(sequence)
        if (seen.length === 3) controller.abort()
      }
    })()
    for (let i = 2; i < 10; i++) await db.put('books', { id: i })
    await reading
    expect(seen).toEqual([3, 4, 5])
    await db.close()
  })

  it('that is live ends with its database; one that is not rejects', async () => {
    const db = await open()
    await db.registerCollection('books', undefined, 'id')
    const live = all(db.changes({ live: true, since: 0 }))
    const unread = db.changes()
    await new Promise(setImmediate)
    await db.close()
    expect(await live).toHaveLength(1)
    await expect(all(unread)).rejects.toEqual(code('VARVE_CLOSED'))
    const aborted = AbortSignal.abort(new Error('enough'))
    const other = await open()
    await expect(all(other.changes({ signal: aborted }))).rejects.toThrow('enough')
    await other.close()
  })

  it('reads commits of many frames in constant memory, as often as they are asked for', async () => {
    const db = await open()
    await db.registerCollection('books', undefined, 'id')
    await db.insertMany(
      'books',
      Array.from({ length: 9000 }, (_, id) => ({ id, text: 'x'.repeat(1000) })),
    )
    await db.put('books', { id: 'last' })
    const commits = await all(db.changes({ since: 1 }))
    expect(commits).toHaveLength(2)
    const [large, last] = commits
    for (let time = 0; time < 2; time++) {
      let next = 0
      for await (const change of large?.changes ?? []) {
        if (change.operation === 'put' && change.row?.['id'] === next) next += 1
      }
      expect(next).toBe(9000)
    }
    expect(last?.changes.toArray()).toHaveLength(1)
    await db.close()
  })

  it('refuses positions of another line of history', async () => {
    const storage = new MemoryStorage()
    const db = await open(storage)
    await db.registerCollection('books', undefined, 'id')
    for (let i = 0; i < 5; i++) await db.put('books', { id: i })
    const other = await Database.open('other.varve', { storage: new MemoryStorage(), durability: 'os' })
    await other.registerCollection('films', undefined, 'id')
    for (let i = 0; i < 3; i++) await other.put('films', { id: i })
    const [, , foreign] = await all(other.changes())
    for (const since of [foreign?.position, '99-00000000', 99, '0-00000001'])
      await expect(all(db.changes({ since }))).rejects.toEqual(code('VARVE_DIVERGED'))
    for (const since of ['', 'x', -1, 1.5, '1', '1-xyz', '01-00000000'])
      expect(() => db.changes({ since })).toThrow(code('VARVE_ARGUMENT'))
    expect(await all(db.changes({ since: '0-00000000' }))).toHaveLength(6)
    await other.close()
    await db.close()
  })

  it('meets damage as an error with its offset, after all commits before it', async () => {
    const storage = new MemoryStorage()
    const db = await open(storage)
    await db.registerCollection('books', undefined, 'id')
    for (let i = 0; i < 5; i++) await db.put('books', { id: i, text: `text of ${i}` })
    const [, , third] = await all(db.changes())
    const file = storage.open(NAME, 'readWrite')
    const bytes = new Uint8Array(file.size())
    file.read(bytes, 0)
    const at = Buffer.from(bytes).indexOf('text of 2')
    file.write(new Uint8Array([(bytes[at] ?? 0) ^ 1]), at)
    const seen: string[] = []
    const reading = (async () => {
      for await (const { position } of db.changes()) seen.push(position)
    })()
    await expect(reading).rejects.toEqual(code('VARVE_CORRUPTION'))
    expect(seen.at(-1)).toBe(third?.position)
    await db.close()
  })

  it('begins with the whole state where a file was compacted, and refuses what came before', async () => {
    const db = await open()
    await db.registerCollection('books', undefined, 'id')
    for (let i = 0; i < 30; i++) await db.put('books', { id: i % 10, i })
    const old = await all(db.changes())
    const last = old.at(-1)
    await db.compact()
    const [base, ...none] = await all(db.changes())
    expect(none).toEqual([])
    expect(base).toMatchObject({
      base: true,
      sequence: last?.sequence,
      position: last?.position,
      time: last?.time,
    })
    const changes = base?.changes.toArray() ?? []
    expect(changes[0]).toMatchObject({ operation: 'register', collection: 'books' })
    expect(changes.slice(1).map((change) => change.operation === 'put' && change.row)).toEqual(
      db.collection('books').range().toArray(),
    )
    for (const since of [0, 5, old[3]?.position])
      await expect(all(db.changes({ since }))).rejects.toEqual(code('VARVE_HISTORY_GONE'))
    await expect(all(db.changes({ since: `${last?.sequence ?? 0}-00000000` }))).rejects.toEqual(
      code('VARVE_DIVERGED'),
    )
    await db.put('books', { id: 3, i: 'new' })
    const [next] = await all(db.changes({ since: last?.position, before: true }))
    expect(next?.changes.toArray()).toMatchObject([{ key: 3, row: { i: 'new' }, before: { id: 3, i: 23 } }])
    await db.close()
  })

  it('goes on over compactions, live or not, with nothing missed or doubled', async () => {
    const db = await open()
    await db.registerCollection('books', undefined, 'id')
    const controller = new AbortController()
    const live: Commit[] = []
    const slow: Commit[] = []
    const reading = (async () => {
      for await (const commit of db.changes({ live: true, signal: controller.signal, since: 0 }))
        live.push(commit)
    })()
    const written: string[] = []
    for (let i = 0; i < 40; i++) {
      await db.put('books', { id: i % 10, i })
      written.push(db.position)
    }
    const feed = db.changes()
    for (let i = 40; i < 200; i++) {
      await db.put('books', { id: i % 10, i })
      written.push(db.position)
      if (i % 50 === 49) await db.compact()
      // A consumer that is slower than three compactions.
      if (i % 10 === 9)
        for (let k = 0; k < 2; k++)
          slow.push(...[(await feed.next()).value].filter((commit) => commit !== undefined))
    }
    for await (const commit of feed) slow.push(commit)
    while (live.at(-1)?.position !== db.position) await new Promise(setImmediate)
    controller.abort()
    await reading
    expect(live.slice(1).map(({ position }) => position)).toEqual(written)
    expect(slow.slice(1).map(({ position }) => position)).toEqual(written.slice(0, 40))
    // Their changes are read from files that were replaced meanwhile.
    const values = live.slice(1).flatMap(({ changes }) => changes.toArray())
    expect(values.map((change) => change.operation === 'put' && change.row?.['i'])).toEqual(
      written.map((_, i) => i),
    )
    await db.close()
  })
})
