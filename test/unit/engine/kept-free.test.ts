/** What a load that outgrows the cache keeps free of it for garbage, and when it has it back. */
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/database.js'
import { openEngineSync } from '../../../src/engine/open.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { workloadPlatform } from '../../support/workload-platform.js'
import { PATH } from '../../corruption/databases.js'

const CACHE_BYTES = 1024 * 1024
/** Of the cache, what is for nodes. */
const NODE_BYTES = 0.875 * CACHE_BYTES

function idOf(n: number): number {
  return Math.imul(n + 1, 0x9e37_79b1) >>> 0
}

describe('a load in no order that outgrows the cache', () => {
  it('keeps memory free, of what may be unstored too, until a checkpoint during which little leaves the cache', async () => {
    const { platform } = workloadPlatform({ seed: 1, storage: new MemoryStorage() })
    const engine = openEngineSync(PATH, { durability: 'os', cacheBytes: CACHE_BYTES }, platform)
    const db = new Database(engine)
    const rows = await db.registerCollection('rows', [], 'id')
    const { nodes } = engine.generation
    let [mostUnstored, mostInAll] = [0, 0]
    for (let n = 0; n < 50_000; n += 25) {
      await rows.insertMany(Array.from({ length: 25 }, (_, i) => ({ id: idOf(n + i) })))
      if (n < 40_000) continue
      expect(nodes.reservedBytes).toBeGreaterThan(0.3 * NODE_BYTES)
      mostUnstored = Math.max(mostUnstored, nodes.unstoredBytes)
      mostInAll = Math.max(mostInAll, nodes.cachedBytes + nodes.unstoredBytes)
    }
    expect(mostInAll / NODE_BYTES).toBeLessThan(0.7)
    // Checkpoints are due when unstored nodes take seven eighths of what nodes may take.
    expect(mostUnstored / NODE_BYTES).toBeGreaterThan(0.4)
    expect(mostUnstored / NODE_BYTES).toBeLessThan(0.65)
    for (let round = 0; round < 2; round++) {
      await rows.put({ id: 1, round })
      await db.checkpoint()
    }
    expect(nodes.reservedBytes).toBe(0)
    await db.close()
  })
})
