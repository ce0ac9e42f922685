/** What single writes give, take and refuse. */
import { describe, expect, it } from 'vitest'
import { gate, harness } from './harness.js'

describe('writes', () => {
  it('return promises and never throw synchronously', async () => {
    const { db } = await harness()
    const bad = { id: 'x', f: () => undefined } as unknown as Record<string, unknown>
    const a = db.collection('a')
    const attempts = [
      () => a.insert(bad),
      () => a.put(bad),
      () => a.update('x', bad),
      () => a.delete(null),
      () => a.insertMany([bad]),
      () => a.insertMany(5 as never),
      () => a.insert(null as never),
      () => db.insert('nowhere', { id: 1 }),
      () => db.registerCollection('', [], 'id'),
      () => db.dropCollection('nowhere').then(() => Promise.reject(new Error('resolved, as it should'))),
      () => db.renameCollection('nowhere', 'b'),
      () => db.transaction(null as never),
    ]
    for (const attempt of attempts) {
      const promise = attempt()
      expect(promise).toBeInstanceOf(Promise)
      if (attempt === attempts[2]) expect(await promise).toBeUndefined()
      else await expect(promise).rejects.toBeInstanceOf(Error)
    }
    expect(db.count('a')).toBe(0)
  })

  it('give the key, refuse a duplicate by name, replace by put, tell what delete met', async () => {
    const { db } = await harness()
    expect(await db.insert('a', { id: 'k', n: 1 })).toBe('k')
    await expect(db.insert('a', { id: 'k', n: 2 })).rejects.toMatchObject({
      code: 'VARVE_DUPLICATE_KEY',
      details: { collection: 'a', index: 'primary', key: 'k' },
    })
    expect(await db.put('a', { id: 'k', n: 3 })).toBe('k')
    expect(db.get('a', 'k')).toEqual({ id: 'k', n: 3 })
    expect(await db.delete('a', 'k')).toBe(true)
    expect(await db.delete('a', 'k')).toBe(false)
    expect(db.get('a', 'k')).toBeUndefined()
    expect(await db.insertMany('a', [{ id: 1 }, { id: 2 }])).toEqual([1, 2])
    await expect(db.insertMany('a', [{ id: 3 }, { id: 1 }])).rejects.toMatchObject({
      code: 'VARVE_DUPLICATE_KEY',
    })
    expect(db.has('a', 3)).toBe(false)
    expect(await db.insertMany('a', [])).toEqual([])
    await expect(db.insertMany('nowhere', [])).rejects.toMatchObject({ code: 'VARVE_SCHEMA' })
  })

  it('update merges plain objects, replaces all else, removes by undefined, and keeps the key', async () => {
    const { db } = await harness()
    await db.put('a', { id: 1, deep: { x: 1, y: { z: 2 } }, list: [1, 2], gone: true, date: new Date(5) })
    const patch = { deep: { y: { w: 3 } }, list: [9], gone: undefined, date: new Date(6) }
    const expected = { id: 1, deep: { x: 1, y: { z: 2, w: 3 } }, list: [9], date: new Date(6) }
    expect(await db.update('a', 1, patch)).toEqual(expected)
    expect(db.get('a', 1)).toEqual(expected)
    expect(await db.update('a', 1, (row) => ({ id: row['id'], only: true }))).toEqual({ id: 1, only: true })
    expect(await db.update('a', 2, { x: 1 })).toBeUndefined()
    await expect(db.update('a', 1, { id: 2 })).rejects.toMatchObject({ code: 'VARVE_VALIDATION' })
    await expect(db.update('a', 1, { id: undefined })).rejects.toMatchObject({ code: 'VARVE_VALIDATION' })
    await expect(db.update('a', 1, () => 5 as never)).rejects.toMatchObject({ code: 'VARVE_VALIDATION' })
    await expect(db.update('a', 1, () => Promise.resolve({}) as never)).rejects.toBeInstanceOf(Error)
    expect(db.get('a', 1)).toEqual({ id: 1, only: true })
  })

  it('encode the row before they return', async () => {
    const { db } = await harness()
    const row = { id: 1, list: [1], bytes: new Uint8Array([1]) }
    const many = [{ id: 2, list: [1] }]
    const done = [db.put('a', row), db.insertMany('a', many)]
    row.list.push(2)
    row.bytes[0] = 9
    row.id = 5
    many[0]?.list.push(2)
    await Promise.all(done)
    expect(db.collection('a').range().toArray()).toEqual([
      { id: 1, list: [1], bytes: new Uint8Array([1]) },
      { id: 2, list: [1] },
    ])
  })

  it('copy the row when they wait behind a transaction', async () => {
    const { db } = await harness()
    await db.put('a', { id: 9, n: 0 })
    const { opened, open } = gate()
    const transaction = db.transaction(() => opened)
    const row = { id: 1, list: [1] }
    const patch = { n: 1, list: [1] }
    const done = [
      db.put('a', row),
      db.update('a', 9, patch),
      db.insertMany('a', [row]).catch(() => 'duplicate'),
    ]
    row.list.push(2)
    row.id = 7
    patch.n = 2
    patch.list.push(2)
    open()
    await transaction
    await Promise.all(done)
    expect(db.collection('a').range().toArray()).toEqual([
      { id: 1, list: [1] },
      { id: 9, n: 1, list: [1] },
    ])
  })

  it('rows read are the caller’s own', async () => {
    const { db } = await harness()
    await db.put('a', { id: 1, list: [1], bytes: new Uint8Array([1, 2]), map: new Map([[1, { x: 1 }]]) })
    interface Mine {
      readonly [field: string]: unknown
      readonly list: number[]
      readonly bytes: Uint8Array
      readonly map: Map<number, unknown>
    }
    const read = (): Mine => db.get('a', 1) as unknown as Mine // The row above.
    const before = read()
    const spoiled = read()
    spoiled.list.push(5)
    spoiled.bytes.fill(9)
    spoiled.map.clear()
    expect(read()).toEqual(before)
    const updated = (await db.update('a', 1, { more: true })) as unknown as Mine // As above.
    updated.bytes.fill(7)
    expect(read().bytes[0]).toBe(1)
    expect(before.bytes.buffer.byteLength).toBe(2)
  })

  it('check declared fields, all failing paths at once', async () => {
    const { db } = await harness()
    await db.registerCollection(
      'typed',
      [
        { path: ['id'], type: 'string' },
        { path: ['n'], type: 'int' },
        { path: ['deep', 'date'], type: 'timestamp', optional: true },
      ],
      'id',
    )
    await expect(db.insert('typed', { id: 'x', n: 1.5, deep: { date: 'no' } })).rejects.toMatchObject({
      code: 'VARVE_VALIDATION',
      details: { issues: [{ path: 'n' }, { path: 'deep.date' }] },
    })
    await expect(db.insert('typed', { id: 'x' })).rejects.toMatchObject({
      details: { issues: [{ path: 'n' }] },
    })
    await db.insert('typed', { id: 'x', n: 1, extra: 'kept' })
    await expect(db.update('typed', 'x', { n: 'no' })).rejects.toMatchObject({ code: 'VARVE_VALIDATION' })
    expect(db.get('typed', 'x')).toEqual({ id: 'x', n: 1, extra: 'kept' })
  })

  it('generate keys that are never given twice', async () => {
    const { db, reopen } = await harness()
    await db.registerCollection('counted', [{ path: ['id'], type: 'int', generated: true }], 'id')
    await db.registerCollection('unique', [{ path: ['id'], type: 'uuid', generated: true }], 'id')
    expect(await db.insertMany('counted', [{}, {}, {}])).toEqual([1, 2, 3])
    await db.delete('counted', 3)
    await db.delete('counted', 2)
    const uuids = await db.insertMany(
      'unique',
      Array.from({ length: 500 }, () => ({})),
    )
    expect(new Set(uuids).size).toBe(500)
    expect(uuids.map(String).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(uuids)
    await db.close()
    const again = await reopen()
    expect(await again.insert('counted', { x: 1 })).toBe(4)
    expect(await again.insert('counted', { id: 10 })).toBe(10)
    expect(await again.insert('counted', {})).toBe(11)
    await again.close()
  })
})
