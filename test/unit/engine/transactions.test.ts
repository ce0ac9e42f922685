/** Transactions: isolation, rollback, savepoints, turns, and ends. */
import { describe, expect, it } from 'vitest'
import type { TransactionHandle } from '../../../src/transaction-handle.js'
import { gate, harness, turn } from './harness.js'

const refused = expect.objectContaining({ code: 'VARVE_TRANSACTION' }) as Error

describe('transactions', () => {
  it('see their own writes; others see the last commit', async () => {
    const { db } = await harness()
    await db.put('a', { id: 1 })
    const result = await db.transaction(async (tx) => {
      tx.collection('a').put({ id: 2 })
      tx.collection('a').delete(1)
      await turn()
      expect(db.collection('a').range().toArray()).toEqual([{ id: 1 }])
      expect(tx.collection('a').range().toArray()).toEqual([{ id: 2 }])
      expect(tx.collection('a').count()).toBe(1)
      expect(tx.collection('a').getMany([1, 2])).toEqual([undefined, { id: 2 }])
      return 'value'
    })
    expect(result).toBe('value')
    expect(db.collection('a').range().toArray()).toEqual([{ id: 2 }])
    await db.close()
  })

  it('roll back by an exception or rejection, with new collections and row shapes (I11)', async () => {
    const { db, reopen } = await harness()
    const boom = new Error('boom')
    const body = (tx: TransactionHandle): void => {
      tx.registerCollection('b', [], 'id')
      tx.collection('b').put({ id: 1, brand: 1, new: 2, shape: 3 })
      tx.collection('a').put({ id: 1, brand: 1, new: 2, shape: 3 })
    }
    const failing = (tx: TransactionHandle): void => {
      body(tx)
      throw boom
    }
    await expect(db.transaction(failing)).rejects.toBe(boom)
    await expect(db.transaction(async (tx) => failing(tx))).rejects.toBe(boom)
    expect(() => db.transactionSync(failing)).toThrow(boom)
    expect(db.collectionNames()).toEqual(['a'])
    expect(db.count('a')).toBe(0)
    // The shape that only rolled-back transactions used is logged with the first row that stays.
    await db.transaction(body)
    await db.close()
    const again = await reopen()
    expect(again.get('b', 1)).toEqual({ id: 1, brand: 1, new: 2, shape: 3 })
    expect(again.get('a', 1)).toEqual({ id: 1, brand: 1, new: 2, shape: 3 })
    await again.close()
  })

  it('savepoints undo their own writes only, at any depth', async () => {
    const { db } = await harness()
    await db.transaction((tx) => {
      const a = tx.collection('a')
      a.put({ id: 1 })
      const undone = (): void =>
        tx.savepoint(() => {
          a.put({ id: 2 })
          tx.savepoint(() => a.put({ id: 3 }))
          a.delete(1)
          tx.registerCollection('b', [], 'id')
          throw new Error('undo')
        })
      expect(undone).toThrow('undo')
      expect(a.range().toArray()).toEqual([{ id: 1 }])
      expect(() => tx.collection('b')).toThrow(expect.objectContaining({ code: 'VARVE_SCHEMA' }))
      tx.savepoint(() => a.put({ id: 4 }))
    })
    expect(db.collection('a').range().toArray()).toEqual([{ id: 1 }, { id: 4 }])
    await db.close()
  })

  it('of several frames survive a reopen, with a savepoint rolled back across a frame’s border', async () => {
    const { db, reopen } = await harness()
    const text = 'x'.repeat(300_000)
    await db.transaction((tx) => {
      const a = tx.collection('a')
      for (let id = 0; id < 12; id++) a.put({ id, text })
      const undone = (): void =>
        tx.savepoint(() => {
          for (let id = 100; id < 130; id++) a.put({ id, text, shape: 'undone' })
          throw new Error('undo')
        })
      expect(undone).toThrow('undo')
      for (let id = 12; id < 20; id++) a.put({ id, text, other: id })
      a.delete(3)
    })
    const expected = Array.from({ length: 20 }, (_, id) => id).filter((id) => id !== 3)
    expect(
      db
        .collection('a')
        .range()
        .toArray()
        .map((row) => row['id']),
    ).toEqual(expected)
    await db.close()
    const again = await reopen({ recovery: 'strict' })
    expect(
      again
        .collection('a')
        .range()
        .toArray()
        .map((row) => row['id']),
    ).toEqual(expected)
    expect(again.get('a', 15)).toEqual({ id: 15, text, other: 15 })
    await again.close()
  })

  it('refuse writes on the database itself, at once, but not on another', async () => {
    const { db } = await harness()
    const other = await harness()
    await db.transaction(async (tx) => {
      await turn()
      await expect(db.put('a', { id: 1 })).rejects.toThrow(refused)
      await expect(db.transaction(() => undefined)).rejects.toThrow(refused)
      await expect(db.close()).rejects.toThrow(refused)
      expect(() => db.collection('a').putSync({ id: 1 })).toThrow(refused)
      expect(() => db.closeSync()).toThrow(refused)
      await other.db.transaction(async (inner) => {
        await turn()
        inner.collection('a').put({ id: 1 })
        await expect(db.put('a', { id: 1 })).rejects.toThrow(refused)
      })
      tx.collection('a').put({ id: 2 })
    })
    db.transactionSync(() => {
      expect(() => db.transactionSync(() => undefined)).toThrow(refused)
    })
    expect(db.count('a')).toBe(1)
    expect(other.db.count('a')).toBe(1)
    await db.close()
    await other.db.close()
  })

  it('a blocking write while one is open is refused, and an asynchronous one waits', async () => {
    const { db } = await harness()
    const { opened, open } = gate()
    const transaction = db.transaction(() => opened)
    expect(() => db.collection('a').putSync({ id: 1 })).toThrow(refused)
    expect(() => db.syncSync()).toThrow(refused)
    expect(() => db.closeSync()).toThrow(refused)
    const write = db.put('a', { id: 2 })
    await turn()
    expect(db.count('a')).toBe(0)
    open()
    await transaction
    await write
    expect(db.count('a')).toBe(1)
    await db.close()
  })

  it('refuse use after their end, collections and ranges too', async () => {
    const { db } = await harness()
    let kept: TransactionHandle | undefined
    await db.transaction((tx) => {
      kept = tx
      tx.collection('a').put({ id: 1 })
    })
    const tx = kept as unknown as TransactionHandle // Set by the callback.
    expect(() => tx.collection('a')).toThrow(refused)
    expect(() => tx.savepoint(() => 1)).toThrow(refused)
    let range: Iterable<unknown> = []
    let a: ReturnType<TransactionHandle['collection']> | undefined
    const rolledBack = db.transaction((later) => {
      a = later.collection('a')
      a.put({ id: 2 })
      range = a.range()
      throw new Error('back')
    })
    await expect(rolledBack).rejects.toThrow('back')
    expect(() => a?.get(1)).toThrow(refused)
    expect(() => a?.put({ id: 3 })).toThrow(refused)
    expect(() => a?.count()).toThrow(refused)
    expect(() => [...range]).toThrow(refused)
    await db.close()
  })

  it('transactionSync refuses a promise', async () => {
    const { db } = await harness()
    expect(() => db.transactionSync(async (tx) => void tx.collection('a').put({ id: 1 }))).toThrow(refused)
    expect(db.count('a')).toBe(0)
    await db.close()
  })

  it('timeoutMs rolls back a transaction that takes too long', async () => {
    const { db, clock } = await harness()
    const { opened, open } = gate()
    let later: unknown
    const transaction = db.transaction(
      async (tx) => {
        tx.collection('a').put({ id: 1 })
        await opened
        try {
          tx.collection('a').put({ id: 2 })
        } catch (error) {
          later = error
        }
      },
      { timeoutMs: 50 },
    )
    await turn()
    clock.advance(60)
    await expect(transaction).rejects.toThrow(refused)
    await db.put('a', { id: 3 })
    open()
    await turn()
    expect(later).toEqual(refused)
    expect(db.collection('a').range().toArray()).toEqual([{ id: 3 }])
    await db.close()
  })

  it('without an asynchronous context a wait for itself ends by the time limit', async () => {
    const { db, clock } = await harness({ asyncContext: false })
    const inner: Promise<unknown>[] = []
    const transaction = db.transaction(async () => {
      await turn()
      inner.push(db.put('a', { id: 1 }))
      await inner[0]
    })
    await turn()
    await turn()
    clock.advance(10_001)
    await expect(transaction).rejects.toThrow(refused)
    await Promise.all(inner)
    expect(db.count('a')).toBe(1)
    await db.close()
  })

  it('are bounded by maxTransactionBytes, and nothing of what is too large stays', async () => {
    const { db, reopen } = await harness({ maxTransactionBytes: 2000 })
    const limit = expect.objectContaining({ code: 'VARVE_LIMIT' }) as Error
    await expect(db.put('a', { id: 1, text: 'x'.repeat(3000) })).rejects.toThrow(limit)
    const many = Array.from({ length: 50 }, (_, id) => ({ id, text: 'x'.repeat(100) }))
    await expect(db.insertMany('a', many)).rejects.toThrow(limit)
    const fields = Array.from({ length: 100 }, (_, i) => ({
      path: [`field number ${i}`],
      type: 'int' as const,
    }))
    await expect(db.registerCollection('wide', fields, 'id')).rejects.toThrow(limit)
    expect(() => db.collection('a').putSync({ id: 1, text: 'x'.repeat(3000) })).toThrow(limit)
    await db.registerCollection('b', [], 'id')
    await db.put('b', { id: 1 })
    await db.put('a', { id: 1 })
    await db.close()
    const again = await reopen()
    expect(again.collectionNames()).toEqual(['a', 'b'])
    expect(again.count('a')).toBe(1)
    await again.close()
  })
})
