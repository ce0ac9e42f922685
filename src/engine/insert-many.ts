/**
 * Inserting many rows in one transaction without holding the event loop.
 */
import type { Key } from '../format/key.js'
import type { Row } from '../format/value.js'
import { SLICE_MS } from '../storage/task.js'
import type { Engine } from './engine.js'
import { keep } from './keep.js'

/** Up to this many rows are encoded at once, before the call returns. */
const AT_ONCE = 256
/** Rows between two looks at the clock. */
const ROWS_PER_LOOK = 64

export async function insertMany(engine: Engine, name: string, rows: Iterable<Row>): Promise<Key[]> {
  if (Array.isArray(rows) && rows.length <= AT_ONCE) {
    const few: readonly Row[] = rows
    return await engine.write(
      (transaction) => transaction.insertMany(name, few),
      () => {
        const kept = few.map(keep)
        return (transaction) => transaction.insertMany(name, kept)
      },
    )
  }
  const { platform } = engine.parts
  return await engine.transaction(async (transaction) => {
    const keys: Key[] = []
    await platform.yield()
    let sliceEnd = platform.monotonicMs() + SLICE_MS
    for (const row of rows) {
      keys.push(transaction.insert(name, row))
      if (keys.length % ROWS_PER_LOOK !== 0 || platform.monotonicMs() < sliceEnd) continue
      await platform.yield()
      sliceEnd = platform.monotonicMs() + SLICE_MS
    }
    return keys
  })
}
