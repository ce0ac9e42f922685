/** Databases whose past is read while their bytes are changed or watched. */
import type { Database } from '../../../src/database.js'
import type { Checksum } from '../../../src/format/checksum.js'
import { FrameKind } from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import type { ReplayTarget } from '../../../src/log/replay-target.js'
import { readFixedBlocks } from '../../../src/log/log-file.js'
import { judgeFile } from '../../../src/log/replay.js'
import type { LogScanner, ScanEvent } from '../../../src/log/scanner.js'
import { runSync } from '../../../src/storage/task.js'
import { MemoryStorage } from '../../../src/index.js'
import type { OpenMode, Storage, StorageFile } from '../../../src/storage/storage.js'
import { workloadPlatform, type WorkloadPlatform } from '../../support/workload-platform.js'

export const NAME = 'past'

export interface PastDatabase {
  readonly db: Database
  readonly storage: WatchedStorage
  readonly clock: WorkloadPlatform
  /** Runs something that makes commits; a second goes by after it. */
  commit(run: () => Promise<unknown>): Promise<void>
  /** Every commit in the file by its sequence: where its transaction begins and ends, and where its block is. */
  places(): readonly CommitPlace[]
}

export interface CommitPlace {
  readonly begin: number
  readonly offset: number
  readonly end: number
}

/** A database with an empty collection `a` of keys in `id`. */
export async function pastDatabase(): Promise<PastDatabase> {
  const storage = new WatchedStorage()
  const clock = workloadPlatform()
  const db = await clock.Database.open(NAME, { storage, durability: 'os' })
  const commit = async (run: () => Promise<unknown>): Promise<void> => {
    await run()
    clock.advance(1000)
  }
  await commit(() => db.registerCollection('a', [], 'id'))
  return { db, storage, clock, commit, places: () => placesIn(storage, clock.platform.checksum) }
}

/** Reads the file as recovery does. */
function placesIn(storage: WatchedStorage, checksum: Checksum): CommitPlace[] {
  const file = storage.open(NAME, 'read')
  const places: CommitPlace[] = [{ begin: 0, offset: 0, end: LOG_START }]
  let begin = 0
  let ended = LOG_START
  const target: ReplayTarget = {
    begin: () => undefined,
    record: () => undefined,
    rollback: () => undefined,
    commit: ({ sequence, offset, end }) => {
      places[sequence] = { begin, offset, end }
      ended = end
      begin = 0
    },
  }
  const observe = (event: ScanEvent, { header, offset }: LogScanner): void => {
    const starts = header.kind === FrameKind.transaction || header.kind === FrameKind.txnBegin
    if (event === 'frame' && starts && offset >= ended) begin = offset
  }
  const blocks = readFixedBlocks(file, checksum)
  runSync(judgeFile(file, checksum, blocks, target, { observe }))
  file.close()
  return places
}

/** A storage in memory that knows how far its files were read. */
export class WatchedStorage extends MemoryStorage implements Storage {
  /** The end of the farthest read since it was set to 0. */
  readTo = 0
  reads = 0
  /** Asynchronous writes have reached the file, and settle after this. */
  held: Promise<void> | undefined

  override open(name: string, mode: OpenMode): StorageFile {
    const file = super.open(name, mode)
    const read = file.read.bind(file)
    const writeAsync = file.writeAsync.bind(file)
    file.writeAsync = async (bytes, position) => {
      const written = await writeAsync(bytes, position)
      await this.held
      return written
    }
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
