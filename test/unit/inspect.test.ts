import { describe, expect, it } from 'vitest'
import { Database, MemoryStorage } from '../../src/index.js'
import { verify } from '../../src/tools.js'

async function sample(rows: number): Promise<MemoryStorage> {
  const storage = new MemoryStorage()
  const db = await Database.open('x', { storage, durability: 'os' })
  await db.registerCollection('rows', [], 'id')
  for (let id = 0; id < rows; id++) void db.put('rows', { id })
  await db.close()
  return storage
}

describe('verify', () => {
  it('finds nothing in a sound file', async () => {
    const storage = await sample(10)
    expect(await verify('x', { storage, deep: true })).toMatchObject({ ok: true, findings: [], rows: 10 })
  })

  it('lists every finding, however many', async () => {
    const storage = await sample(2000)
    const file = storage.open('x', 'readWrite')
    const bytes = new Uint8Array(file.size())
    file.read(bytes, 0)
    // The last byte of each frame's magic: every frame of the log is gone, one by one.
    let broken = 0
    for (let at = 12_288; at < bytes.length; at += 8) {
      if (bytes[at] !== 0x56 || bytes[at + 1] !== 0x46 || bytes[at + 2] !== 0x52 || bytes[at + 3] !== 0x4d)
        continue
      if (broken++ % 2 === 0) file.write(new Uint8Array([0]), at)
    }
    file.close()
    const report = await verify('x', { storage })
    expect(report.ok).toBe(false)
    expect(report.findings.filter(({ actual }) => actual === 'noFrame').length).toBe(Math.ceil(broken / 2))
  })

  it('finds a superblock copied over the other', async () => {
    const storage = await sample(1)
    const file = storage.open('x', 'readWrite')
    const block = new Uint8Array(4096)
    file.read(block, 4096)
    file.write(block, 8192)
    file.close()
    const { findings } = await verify('x', { storage })
    expect(findings).toMatchObject([{ kind: 'superblock', severity: 'error' }])
  })
})
