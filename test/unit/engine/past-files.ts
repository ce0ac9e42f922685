/** Databases whose past is read while their bytes are changed or watched. */
import type { Database } from '../../../src/database.js'
import { MemoryStorage } from '../../../src/index.js'
import type { OpenMode, Storage, StorageFile } from '../../../src/storage/storage.js'
import { workloadPlatform, type WorkloadPlatform } from '../../support/workload-platform.js'

export const NAME = 'past'

export interface PastDatabase {
  readonly db: Database
  readonly storage: WatchedStorage
  readonly clock: WorkloadPlatform
  /** Where the log ended after each commit, by its sequence; the first is where it begins. */
  readonly ends: number[]
  /** Runs something that makes one commit, a second after the one before. */
  commit(run: () => Promise<unknown>): Promise<void>
}

/** A database with an empty collection `a` of keys in `id`. */
export async function pastDatabase(): Promise<PastDatabase> {
  const storage = new WatchedStorage()
  const clock = workloadPlatform()
  const db = await clock.Database.open(NAME, { storage, durability: 'os' })
  const ends = [storage.size(NAME)]
  const commit = async (run: () => Promise<unknown>): Promise<void> => {
    await run()
    ends[db.commitSequence] = storage.size(NAME)
    clock.advance(1000)
  }
  await commit(() => db.registerCollection('a', [], 'id'))
  return { db, storage, clock, ends, commit }
}

/** A storage in memory that knows how far its files were read. */
export class WatchedStorage extends MemoryStorage implements Storage {
  /** The end of the farthest read since it was set to 0. */
  readTo = 0
  reads = 0

  override open(name: string, mode: OpenMode): StorageFile {
    const file = super.open(name, mode)
    const read = file.read.bind(file)
    file.read = (bytes, position) => {
      this.reads += 1
      this.readTo = Math.max(this.readTo, position + bytes.length)
      return read(bytes, position)
    }
    return file
  }

  size(name: string): number {
    return this.stat(name)?.sizeBytes ?? 0
  }

  /** Changes a byte under open handles; done twice it is as before. */
  flip(name: string, offset: number, mask = 4): void {
    const file = super.open(name, 'readWrite')
    const byte = new Uint8Array(1)
    file.read(byte, offset)
    byte[0] = (byte[0] ?? 0) ^ mask
    file.write(byte, offset)
    file.close()
  }
}
