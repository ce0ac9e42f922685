/**
 * A process that commits as fast as it can until it is killed.
 *
 * It keeps many commits under way, and tells each on its standard output only when it was acknowledged.
 */
import { writeSync } from 'node:fs'
import { Database } from '../../dist/index.js'

const UNDER_WAY = 32

export async function writeUntilKilled(path) {
  const db = await Database.open(path)
  const visits = await db.registerCollection('visits', [{ path: ['id'], type: 'int' }], 'id')
  let next = visits.count()
  const writeOn = async () => {
    for (;;) {
      const id = next++
      await visits.insert({ id, note: 'x'.repeat(id % 3000) })
      writeSync(1, `${id}\n`)
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, writeOn))
}
