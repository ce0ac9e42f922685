/**
 * What must hold of what a restart finds: oracles A and B, and what recovery must leave behind.
 */
import { expect } from 'vitest'
import type { Database } from '../../src/database.js'
import { LOG_START } from '../../src/format/header.js'
import { verifyFile } from '../../src/inspect/verify.js'
import type { Storage } from '../../src/storage/storage.js'
import { long } from './counts.js'
import { stateOf } from './model-text.js'
import type { PowerCutStorage } from './power-cut-storage.js'
import type { Workload } from './workload.js'
import { DATABASE_PATH, databaseOver } from './workload-run.js'

/** The classes of a log's end that a power cut alone can lead to: nothing acknowledged is ever in doubt. */
const OF_POWER_CUTS = ['clean', 'uncommittedTail', 'tornTail']

/** Findings about what a database holds, not about bytes of its log. */
const OF_STATE = ['node', 'tree', 'record', 'row', 'digest', 'index']

/** What is known of an image before it is opened. */
export interface Expectation {
  readonly workload: Pick<Workload, 'seed' | 'layAhead' | 'cacheBytes' | 'sliceBytes'>
  /** The states in order; the one found must be among them, */
  readonly states: readonly string[]
  /** and not before this one. */
  readonly atLeast: number
}

/** Opens an image and checks oracles A and B. */
export async function openImage(
  image: Storage,
  expected: Expectation,
): Promise<{ db: Database; state: number }> {
  const { Database } = databaseOver(image, expected.workload)
  const { cacheBytes } = expected.workload
  const db = await Database.open(DATABASE_PATH, { storage: image, recovery: 'autoTruncate', cacheBytes })
  expect(OF_POWER_CUTS).toContain(db.recoveryInfo.classification)
  return { db, state: checkState(stateOf(db), expected) }
}

/** The number of the state found. Fails if it is none of those that may be there. */
export function checkState(found: string, { states, atLeast }: Expectation): number {
  const state = states.indexOf(found, atLeast)
  if (state >= 0) return state
  const earlier = states.indexOf(found)
  const what =
    earlier < 0 ? 'no state that ever was' : `state ${earlier}, before the acknowledged state ${atLeast}`
  expect.fail(`Recovery led to ${what}:\n${found}\n--- acknowledged:\n${states[atLeast] ?? ''}`)
}

/** A recovered database goes on: it takes a commit, closes, and opens clean with it. */
export async function goesOn(image: Storage, db: Database, expected: Expectation): Promise<void> {
  const before = stateOf(db)
  await db.transaction((tx) => {
    tx.registerCollection('zulu', [], 'id')
    tx.collection('zulu').insert({ id: 1, note: 'after recovery' })
  })
  const after = stateOf(db)
  expect(after.startsWith(before)).toBe(true)
  await db.checkpoint()
  await db.close()
  const { Database } = databaseOver(image, expected.workload)
  const again = await Database.open(DATABASE_PATH, { storage: image, recovery: 'strict' })
  expect(again.recoveryInfo.classification).toBe('clean')
  expect(stateOf(again)).toBe(after)
  await again.close()
  // A part of them: it costs as much as all else. Which part, the seed that repeats a workload says.
  if ((expected.workload.seed + expected.atLeast) % 4 > 0) return
  const { platform } = databaseOver(image, expected.workload)
  const { findings } = await verifyFile(DATABASE_PATH, { storage: image, deep: true }, platform)
  // Bytes that recovery passed over may still be there; what it recovered is sound.
  expect(findings.filter(({ kind }) => OF_STATE.includes(kind))).toEqual([])
}

/** The log's bytes as a new process finds them. */
function logBytes(storage: Storage): Uint8Array {
  const file = storage.open(DATABASE_PATH, 'read')
  const bytes = new Uint8Array(Math.max(0, file.size() - LOG_START))
  file.read(bytes, LOG_START)
  file.close()
  return bytes
}

/** Without the zeros at its end: a close cuts those off that were laid ahead. */
function withoutZeros(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1)
}

/**
 * Recovering again, after a clean close and after none, leaves the log as the first recovery left it. A close may add a
 * checkpoint, and nothing else.
 */
export async function recoversToTheSameBytes(image: PowerCutStorage, expected: Expectation): Promise<void> {
  const once = image.killImage()
  const { db } = await openImage(once, expected)
  const state = stateOf(db)
  const killed = once.killImage()
  const bytes = withoutZeros(logBytes(killed))
  await db.close()
  for (const again of [once, killed]) {
    const { Database } = databaseOver(again, expected.workload)
    const second = await Database.open(DATABASE_PATH, { storage: again })
    expect(stateOf(second)).toBe(state)
    expect(second.recoveryInfo.classification).toBe('clean')
    await second.close()
    expect(Buffer.compare(logBytes(again).subarray(0, bytes.length), bytes)).toBe(0)
  }
}

/**
 * Whether a cut behind this boundary may be left out of a run: all that happened last is a write to a file that a compaction has
 * not put in place. One in eight is made all the same.
 */
export function isOfSmallInterest({ log }: PowerCutStorage, boundary: number, chance: number): boolean {
  const last = log[boundary - 1]
  return !long && chance % 8 !== 0 && last?.kind === 'write' && last.path.includes('.compact-')
}

/** The command that repeats one workload of a file. */
function replayCommand(file: string, seed: number): string {
  return `replay: VARVE_WORKLOAD=${seed} npx vitest run ${file}`
}

/** Runs `body` for each seed, and says with a failure how to repeat it. `VARVE_WORKLOAD` picks one seed. */
export async function forEachSeed(
  file: string,
  first: number,
  howMany: number,
  body: (seed: number) => Promise<void>,
): Promise<void> {
  const chosen = process.env['VARVE_WORKLOAD']
  const seeds =
    chosen === undefined || chosen === ''
      ? Array.from({ length: howMany }, (_, i) => (first + i) >>> 0)
      : [Number(chosen)]
  for (const seed of seeds) {
    try {
      await body(seed)
    } catch (error) {
      throw new Error(
        `${replayCommand(file, seed)}\n${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      )
    }
  }
}
