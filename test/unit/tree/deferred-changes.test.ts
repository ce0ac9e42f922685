import { describe, expect, it } from 'vitest'
import { keyHash } from '../../../src/format/digest.js'
import { DeferredChanges } from '../../../src/tree/deferred-changes.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { count, seed } from '../../support/counts.js'
import { randomFrom } from '../../support/random.js'

function refOf(n: number): RecordRef {
  return Object.assign(new RecordRef(), { position: 2 ** 33 + n, lengthBytes: 100 + n, crc: 2 ** 32 - 1 - n })
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function found(changes: DeferredChanges, key: string): RecordRef | undefined {
  const ref = new RecordRef()
  return changes.find(bytesOf(key), ref) ? ref : undefined
}

/** Different keys of which the hashes end in the same bits. */
function alike(many: number, bits: number): string[] {
  const keys: string[] = []
  for (let n = 0; keys.length < many; n++) {
    const key = bytesOf(`key ${n}`)
    if (keyHash(key, 0, key.length) % 2 ** bits === 0) keys.push(`key ${n}`)
  }
  return keys
}

describe('changes that wait', () => {
  it(`gives back what was added, and the newest of each key (seed ${seed})`, () => {
    const random = randomFrom(seed)
    const changes = new DeferredChanges()
    const newest = new Map<string, number>()
    const all: { readonly key: string; readonly isNew: boolean }[] = []
    for (let n = 0; n < count(5000, 50_000); n++) {
      // Some keys come again, one is empty, some are longer than what there is room for at first.
      const key = 'k'.repeat(random.below(20) === 0 ? random.below(4000) : 0) + String(random.below(3000))
      const isNew = !newest.has(key)
      changes.add(bytesOf(n === 7 ? '' : key), refOf(n), isNew)
      newest.set(n === 7 ? '' : key, n)
      all.push({ key: n === 7 ? '' : key, isNew })
    }
    expect(changes.count).toBe(all.length)
    for (const [n, { key, isNew }] of all.entries()) {
      const ref = new RecordRef()
      changes.readRef(n, ref)
      const added = [new TextDecoder().decode(changes.keyAt(n)), changes.isNew(n), ref]
      expect(added).toEqual([key, isNew, refOf(n)])
    }
    expect(changes.prepare()).toBe(true)
    for (const [key, n] of newest) expect(found(changes, key)).toEqual(refOf(n))
    for (const other of ['x', 'kk', '3001']) expect(found(changes, other)).toBeUndefined()
  })

  it('finds what is added after it was looked through', () => {
    const changes = new DeferredChanges()
    changes.add(bytesOf('a'), refOf(1), true)
    expect(changes.prepare()).toBe(true)
    changes.add(bytesOf('a'), refOf(2), false)
    changes.add(bytesOf('b'), refOf(3), true)
    expect(changes.prepare()).toBe(true)
    expect([found(changes, 'a'), found(changes, 'b')]).toEqual([refOf(2), refOf(3)])
  })

  it('is not looked through where keys were made to have the same hashes', () => {
    const changes = new DeferredChanges()
    for (const [n, key] of alike(64, 8).entries()) changes.add(bytesOf(key), refOf(n), true)
    expect(changes.prepare()).toBe(false)
    // A few do no harm.
    const few = new DeferredChanges()
    const keys = alike(8, 8)
    for (const [n, key] of keys.entries()) few.add(bytesOf(key), refOf(n), true)
    expect(few.prepare()).toBe(true)
    for (const [n, key] of keys.entries()) expect(found(few, key)).toEqual(refOf(n))
  })
})
