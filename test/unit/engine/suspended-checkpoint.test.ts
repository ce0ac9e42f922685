/** Commits while a checkpoint is suspended, as a compaction does that waits for its turn behind them. */
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/database.js'
import { openEngineSync } from '../../../src/engine/open.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { workloadPlatform } from '../../support/workload-platform.js'
import { PATH } from '../../corruption/databases.js'

describe('a checkpoint that is suspended while it runs', () => {
  it('is not waited for, however far commits outrun it, until it goes on', async () => {
    const { platform } = workloadPlatform({ seed: 1, storage: new MemoryStorage(), sliceBytes: 300 })
    const engine = openEngineSync(PATH, { durability: 'os', cacheBytes: 64 * 1024 }, platform)
    const db = new Database(engine)
    const rows = await db.registerCollection('rows', [], 'id')
    const { checkpointer } = engine
    if (checkpointer === undefined) throw new TypeError('A database that cannot be written.')
    let next = 0
    const write = (): void => {
      rows.putSync({ id: Math.imul(++next, 0x9e37_79b1) >>> 0 })
    }
    // It runs, and is not done, because blocking writes leave the rest of it to idle time.
    while (!checkpointer.running) write()
    checkpointer.suspend()
    for (let n = 0; n < 2000; n++) write()
    expect(checkpointer.running).toBe(true)
    expect(checkpointer.overdue).toBe(false)
    await rows.insertMany([{ id: -1 }])
    checkpointer.resume()
    expect(checkpointer.overdue).toBe(true)
    await rows.insertMany([{ id: -2 }])
    await db.checkpoint()
    expect(rows.count()).toBe(next + 2)
    await db.close()
  })
})
