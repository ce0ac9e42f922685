import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Database } from '../../../src/index.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-smoke-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the smoke test of the runbook', () => {
  it('prints what it says', async () => {
    const mem = Database.openInMemory()
    await mem.registerCollection('books', [{ path: ['title'], type: 'string' }], 'title', { indexes: {} })
    await mem.insert('books', { title: 'Hello' })
    expect(mem.path).toBe(':memory:')
    expect(mem.collectionNames()).toEqual(['books'])
    expect(mem.get('books', 'Hello')).toEqual({ title: 'Hello' })
    await mem.close()
  })

  it('keeps rows over a reopen', async () => {
    const path = join(folder, 'a.varve')
    const db = await Database.open(path)
    await db.registerCollection('books', [{ path: ['id'], type: 'int', generated: true }], 'id')
    const ids = await Promise.all([1, 2, 3].map((n) => db.insert('books', { title: `t${n}`, n })))
    expect(ids).toEqual([1, 2, 3])
    await db.update('books', 2, { n: 20, extra: { a: 1 } })
    await db.delete('books', 3)
    await db.transaction(async (tx) => {
      await Promise.resolve()
      tx.collection('books').insert({ title: 'x' })
    })
    await expect(
      db.transaction((tx) => {
        tx.collection('books').insert({ title: 'gone' })
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    const rows = db.collection('books').range().toArray()
    await db.close()
    const again = await Database.open(path)
    expect(again.recoveryInfo.classification).toBe('clean')
    expect(again.collection('books').range().toArray()).toEqual(rows)
    expect(rows).toEqual([
      { id: 1, title: 't1', n: 1 },
      { id: 2, title: 't2', n: 20, extra: { a: 1 } },
      { id: 4, title: 'x' },
    ])
    expect(await again.insert('books', { title: 'y' })).toBe(5)
    await again.close()
  })

  it('has blocking forms', () => {
    const path = join(folder, 'b.varve')
    const db = Database.openSync(path)
    db.transactionSync((tx) => {
      tx.registerCollection('a', [], 'id')
      tx.collection('a').insertMany([{ id: 'x' }, { id: 'y' }])
    })
    expect(db.collection('a').insertSync({ id: 'z' })).toBe('z')
    expect(db.count('a')).toBe(3)
    db.closeSync()
    const again = Database.openSync(path, { mode: 'readOnly' })
    expect(again.collection('a').prefix('y').toArray()).toEqual([{ id: 'y' }])
    again.closeSync()
  })
})
