/**
 * Databases over files that a test holds in its hands: put in place, opened with everything injected, looked at to the
 * byte. Clock and randomness are fixed, so the same steps give the same bytes.
 */
import { expect } from 'vitest'
import { Database as CoreDatabase } from '../../src/database.js'
import type { OpenOptions } from '../../src/engine/open.js'
import type { RecoveryMode } from '../../src/log/recovery-info.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { nodePlatform } from '../../src/storage/node-platform.js'
import type { Platform } from '../../src/storage/platform.js'
import type { Storage } from '../../src/storage/storage.js'
import { COLLECTION } from '../support/log-images.js'
import { randomFrom } from '../support/random.js'

export const PATH = 'a.varve'
export const MODES: readonly RecoveryMode[] = ['strict', 'autoTruncate', 'tornTail']

/** A platform whose clock and chance repeat, and whose timers never fire; `storage` is its own, so zeros are laid ahead. */
export function fixedPlatform(storage: Storage, changes: Partial<Platform> = {}): Platform {
  const { checksum, checksumSource, asyncContext, yield: turn } = nodePlatform()
  const random = randomFrom(1)
  let now = 1_800_000_000_000
  return {
    checksum,
    checksumSource,
    asyncContext,
    yield: turn,
    now: () => now++,
    monotonicMs: () => 0,
    randomBytes: (length) => random.bytes(length),
    setTimer: () => ({ cancel: () => undefined }),
    storage,
    ...changes,
  }
}

/** The class `Database` on a platform. */
export function databaseOn(platform: Platform): typeof CoreDatabase {
  return class extends CoreDatabase {
    static override platform(): Platform {
      return platform
    }
  }
}

/** Opens the database at `PATH` of a storage. */
export function openOn(
  storage: Storage,
  options: OpenOptions = {},
  changes: Partial<Platform> = {},
): CoreDatabase {
  return databaseOn(fixedPlatform(storage, changes)).openSync(PATH, options)
}

/** A storage in memory that holds these files. */
export function storageWith(files: Readonly<Record<string, Uint8Array>>): MemoryStorage {
  const storage = new MemoryStorage()
  for (const [name, bytes] of Object.entries(files)) putFile(storage, name, bytes)
  return storage
}

export function putFile(storage: Storage, name: string, bytes: Uint8Array): void {
  storage.remove(name)
  const file = storage.open(name, 'create')
  if (bytes.length > 0) file.write(bytes, 0)
  file.close()
}

export function fileBytes(storage: Storage, name: string = PATH): Uint8Array {
  const file = storage.open(name, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return bytes
}

/** Every file of a storage with its length and CRC: what a refused open must leave alone. */
export function listing(storage: Storage): Record<string, string> {
  const entries = storage.siblings('').map((name): [string, string] => {
    const bytes = fileBytes(storage, name)
    return [name, `${bytes.length} bytes, ${nodePlatform().checksum(bytes, 0, bytes.length).toString(16)}`]
  })
  return Object.fromEntries(entries)
}

/** Fails where two byte strings first differ. */
export function expectSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length)
  if (Buffer.compare(actual, expected) === 0) return
  expect.fail(`bytes differ from index ${actual.findIndex((byte, i) => byte !== expected[i])} on`)
}

/** What was thrown. */
export function caught(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** The ids of the rows in the collection of hand-made logs. */
export function idsOf(db: CoreDatabase): string[] {
  if (!db.collectionNames().includes(COLLECTION)) return []
  return Array.from(db.collection(COLLECTION).range(), (row) => String(row['id']))
}
