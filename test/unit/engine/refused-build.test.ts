/** A unique index that rows refuse while it is built: nothing of the build is left, whichever of its steps met them. */
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/database.js'
import { openEngineSync } from '../../../src/engine/open.js'
import { verifyFile } from '../../../src/inspect/verify.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { workloadPlatform } from '../../support/workload-platform.js'
import { PATH } from '../../corruption/databases.js'

const NAME = 'rows'

describe('a unique index that is refused while it is built', () => {
  // A slice is up to three steps of four rows at first: the row that is refused is met by each of them.
  it.each([2, 4, 5, 8, 9, 12, 13, 16, 17, 24])('by the last of %d rows', async (count) => {
    const storage = new MemoryStorage()
    const { platform } = workloadPlatform({ seed: 1, storage })
    const engine = openEngineSync(PATH, { durability: 'os' }, platform)
    const db = new Database(engine)
    const rows = await db.registerCollection(NAME, [], 'id')
    await rows.insertMany(Array.from({ length: count }, (_, id) => ({ id, one: id % (count - 1) })))
    const indexes = { byOne: { on: 'one', unique: true }, byId: { on: 'id' } }
    await expect(db.registerCollection(NAME, [], 'id', { indexes })).rejects.toMatchObject({
      code: 'VARVE_DUPLICATE_KEY',
    })
    const { state } = engine
    expect(state.collections.get(state.names.get(NAME) ?? -1)?.indexes).toEqual([])
    const { recordBytes } = state
    await db.checkpoint()
    expect((await verifyFile(PATH, { storage, deep: true }, platform)).findings).toEqual([])
    await db.close()
    const again = openEngineSync(PATH, { durability: 'os' }, workloadPlatform({ seed: 2, storage }).platform)
    expect(again.state.recordBytes).toBe(recordBytes)
    expect(again.state.collections.get(again.state.names.get(NAME) ?? -1)?.tree.count).toBe(count)
    await new Database(again).close()
  })
})
