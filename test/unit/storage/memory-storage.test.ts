import { describe, expect, it, vi } from 'vitest'
import { MemoryBytes } from '../../../src/storage/memory-bytes.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'

describe('MemoryStorage', () => {
  it('gives files of different storages different identities', () => {
    const one = new MemoryStorage().open('a', 'create')
    const other = new MemoryStorage().open('a', 'create')
    expect(one.identity().id).not.toBe(other.identity().id)
  })

  it('reports memory that cannot be had as a full storage, and stays usable', () => {
    const file = new MemoryStorage().open('a', 'create')
    const write = vi.spyOn(MemoryBytes.prototype, 'write').mockImplementationOnce(() => {
      throw new RangeError('Array buffer allocation failed')
    })
    expect(() => file.write(Uint8Array.of(1), 5)).toThrow(
      expect.objectContaining({ code: 'VARVE_NO_SPACE', details: expect.objectContaining({ offset: 5 }) }),
    )
    write.mockRestore()
    expect(file.write(Uint8Array.of(1), 5)).toBe(1)
  })

  it('refuses a write that would end past 2^53 - 1', () => {
    const file = new MemoryStorage().open('a', 'create')
    expect(() => file.write(new Uint8Array(2), Number.MAX_SAFE_INTEGER)).toThrow(
      expect.objectContaining({ code: 'VARVE_NO_SPACE' }),
    )
    expect(file.size()).toBe(0)
  })

  it('keeps the siblings of a directory apart from those of others', () => {
    const storage = new MemoryStorage()
    for (const name of ['/a/db', '/a/db.tmp', '/a/db.d/x', '/ab/db', 'db']) storage.open(name, 'create')
    expect(storage.siblings('/a/db')).toEqual(['/a/db', '/a/db.tmp'])
    expect(storage.siblings('db')).toEqual(['db'])
  })
})
