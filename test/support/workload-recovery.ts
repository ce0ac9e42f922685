/**
 * Power cuts inside a recovery: whatever was found before the cut is found after it, and what a cut of the log took away
 * is never nowhere.
 */
import { expect } from 'vitest'
import { QUARANTINE_HEAD_BYTES } from '../../src/format/quarantine.js'
import type { Storage } from '../../src/storage/storage.js'
import { stateOf } from './model-text.js'
import type { Choice, PowerCutStorage } from './power-cut-storage.js'
import { checkState, type Expectation, openImage } from './workload-checks.js'
import { protocolBreach } from './workload-protocol.js'
import { DATABASE_PATH, databaseOver } from './workload-run.js'

export interface RecoveryCutOptions {
  readonly seed: number
  /** What the recovering process is given in place of the image. */
  readonly wrap?: ((image: Storage) => Storage) | undefined
}

/** Recovers `image` in place, cutting the power at every boundary on the way. Returns how many images that made. */
export async function cutInsideRecovery(
  image: PowerCutStorage,
  expected: Expectation,
  { seed, wrap }: RecoveryCutOptions,
): Promise<number> {
  const first = image.boundary
  const before = contentOf(image, DATABASE_PATH)
  const given = wrap?.(image) ?? image
  const { Database } = databaseOver(given, expected.workload)
  const db = await Database.open(DATABASE_PATH, { storage: given })
  const state = checkState(stateOf(db), expected)
  const opened = image.boundary
  const { truncatedBytes, breakOffset } = db.recoveryInfo
  const cut = before?.subarray(breakOffset ?? 0, (breakOffset ?? 0) + truncatedBytes)
  expect(protocolBreach(image.log.slice(first))).toBeUndefined()
  let images = 0
  for (let boundary = first; boundary <= opened; boundary++) {
    for (const choice of choicesAt(boundary, seed)) {
      images++
      const again = image.imageAfter(boundary, choice)
      // What was cut is still in the log, or was copied aside.
      if (cut !== undefined && cut.length > 0) expect(isKept(again, cut, breakOffset ?? 0)).toBe(true)
      // Whoever opened it saw this state, so it stays.
      const atLeast = boundary === opened ? state : expected.atLeast
      await openImage(again, { ...expected, atLeast })
    }
  }
  return images
}

function choicesAt(boundary: number, seed: number): Choice[] {
  const mixed = Math.imul(seed + Math.imul(boundary, 0x9e3779b1), 0x85ebca6b) >>> 0
  return ['none', { survivors: { seed: mixed } }, { survivors: { seed: mixed ^ 0x5bd1e995 } }]
}

function contentOf(storage: Storage, path: string): Uint8Array | undefined {
  if (storage.stat(path) === undefined) return undefined
  const file = storage.open(path, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return bytes
}

function isKept(storage: Storage, cut: Uint8Array, offset: number): boolean {
  const log = contentOf(storage, DATABASE_PATH)
  if (log !== undefined && Buffer.compare(log.subarray(offset, offset + cut.length), cut) === 0) return true
  return storage.siblings(`${DATABASE_PATH}.quarantine-`).some((name) => {
    const copy = contentOf(storage, name)?.subarray(QUARANTINE_HEAD_BYTES)
    return copy !== undefined && Buffer.compare(copy, cut) === 0
  })
}
