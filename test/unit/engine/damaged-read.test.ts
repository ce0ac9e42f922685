import { describe, expect, it } from 'vitest'
import { Database, MemoryStorage, VarveError } from '../../../src/index.js'
import { verify } from '../../../src/tools.js'

/** Flips one bit of a file under an open handle. */
function flip(storage: MemoryStorage, name: string, offset: number): void {
  const file = storage.open(name, 'readWrite')
  const byte = new Uint8Array(1)
  file.read(byte, offset)
  byte[0] = (byte[0] ?? 0) ^ 4
  file.write(byte, offset)
  file.close()
}

function offsetOf(storage: MemoryStorage, name: string, text: string): number {
  const file = storage.open(name, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return new TextDecoder('latin1').decode(bytes).indexOf(text)
}

describe('a row damaged under an open handle', () => {
  it('fails the read that meets it, by its offset, and no other (I13)', async () => {
    const storage = new MemoryStorage()
    const db = await Database.open('x', { storage })
    const rows = await db.registerCollection('rows', [], 'id')
    await rows.insertMany([1, 2, 3].map((id) => ({ id, text: `needle number ${id}` })))
    // A later commit states that the rows are durable: what happens to them now is damage, not a torn tail.
    await rows.insert({ id: 4 })
    const offset = offsetOf(storage, 'x', 'needle number 2')
    flip(storage, 'x', offset)

    const error: unknown = await Promise.resolve()
      .then(() => rows.get(2))
      .catch((reason: unknown) => reason)
    if (!VarveError.is(error, 'VARVE_CORRUPTION'))
      throw new Error(`Expected corruption, got ${String(error)}`)
    expect(error.details.offset).toBeLessThan(offset)
    expect(error.details.offset).toBeGreaterThan(offset - 100)
    expect(() => rows.range().toArray()).toThrow(VarveError)
    expect([rows.get(1), rows.get(3), rows.count()]).toMatchObject([{ id: 1 }, { id: 3 }, 4])

    const report = await verify('x', { storage, deep: true })
    expect(report.ok).toBe(false)
    expect(report.findings.length).toBeGreaterThan(0)
    flip(storage, 'x', offset)
    expect(rows.get(2)).toEqual({ id: 2, text: 'needle number 2' })
    await db.close()
  })
})
