/**
 * A group of commits whose write fails, is cut back, and is followed by a shorter one: what a power cut may then lead to.
 */
import { expect } from 'vitest'
import type { Storage } from '../../src/storage/storage.js'
import { type Fault, FaultyStorage } from './faulty-storage.js'
import { stateOf } from './model-text.js'
import { subsetsAt } from './power-cut-choices.js'
import { PowerCutStorage } from './power-cut-storage.js'
import { openImage } from './workload-checks.js'
import { protocolBreach } from './workload-protocol.js'
import { DATABASE_PATH, databaseOver } from './workload-run.js'

const GROUP = 4

export interface CutBackOptions {
  readonly fault: Fault
  readonly layAhead: boolean
  readonly wrap?: ((storage: Storage) => Storage) | undefined
}

/** Runs it, cuts the power at every boundary in many ways, and returns how many images that made. */
export async function cutBack({ fault, layAhead, wrap }: CutBackOptions): Promise<number> {
  const storage = new PowerCutStorage()
  const faulty = new FaultyStorage(wrap?.(storage) ?? storage)
  const workload = { seed: 1, layAhead }
  const { Database } = databaseOver(faulty, workload)
  const db = await Database.open(DATABASE_PATH, { storage: faulty })
  await db.registerCollection('a', [], 'id')
  await db.put('a', { id: 0 })
  const begin = { boundary: storage.boundary, state: stateOf(db) }

  faulty.plan({ operation: 'write', fault })
  const rows = Array.from({ length: GROUP }, (_, i) => ({ id: i + 1, text: 'failing'.repeat(20) }))
  const outcomes = await Promise.allSettled(rows.map((row) => db.put('a', row)))
  const kept = outcomes.filter(({ status }) => status === 'fulfilled').length
  const reported = { boundary: storage.boundary, state: stateOf(db) }
  faulty.heal()
  await db.put('a', { id: 9 })
  const retried = { boundary: storage.boundary, state: stateOf(db) }
  // The commits told of as done are the first ones, and memory shows them and no other.
  expect(outcomes.slice(0, kept).every(({ status }) => status === 'fulfilled')).toBe(true)
  expect(db.count('a')).toBe(kept + 2)

  expect(protocolBreach(storage.log)).toBeUndefined()
  let images = 0
  for (let boundary = begin.boundary; boundary <= storage.boundary; boundary++) {
    for (const choice of subsetsAt(storage, boundary, { seed: boundary, exhaustiveUpTo: 6, samples: 64 })) {
      images++
      const { states, atLeast } = allowedAt(boundary, { begin, reported, retried })
      const opened = await openImage(storage.imageAfter(boundary, choice), { workload, states, atLeast })
      await opened.db.close()
    }
  }
  return images
}

interface Moment {
  readonly boundary: number
  readonly state: string
}

/** Until the failure is reported, any first part of the group may be there; afterwards what was told, and nothing else. */
function allowedAt(
  boundary: number,
  { begin, reported, retried }: { begin: Moment; reported: Moment; retried: Moment },
): { states: string[]; atLeast: number } {
  if (boundary >= retried.boundary) return { states: [retried.state], atLeast: 0 }
  if (boundary >= reported.boundary) return { states: [reported.state, retried.state], atLeast: 0 }
  const rows = (count: number): string =>
    Array.from({ length: count }, (_, i) => `{"id":${i + 1},"text":${JSON.stringify('failing'.repeat(20))}}`)
      .map((row) => ` ${row}`)
      .join('')
  const parts = Array.from({ length: GROUP + 1 }, (_, count) => `${begin.state}${rows(count)}`)
  return { states: parts, atLeast: 0 }
}
