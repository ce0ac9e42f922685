/**
 * What the engine says of the bytes of a database file: its chain of commits, its collections and their rows, in the form
 * that the independent reader prints.
 */
import { RowKeys } from '../../src/catalog/row-key.js'
import { Database } from '../../src/index.js'
import { VarveError } from '../../src/errors.js'
import { DecodeFailure } from '../../src/format/decode-failure.js'
import { hex, unhex } from '../../src/format/integers.js'
import { decodeKey } from '../../src/format/key-decode.js'
import type { CommitPosition } from '../../src/log/commit-position.js'
import { readFixedBlocks } from '../../src/log/log-file.js'
import { judgeFile } from '../../src/log/replay.js'
import type { RecoveryClass } from '../../src/log/recovery-info.js'
import type { MemoryStorage } from '../../src/storage/memory-storage.js'
import { nodePlatform } from '../../src/storage/node-platform.js'
import { runSync } from '../../src/storage/task.js'
import { dumpCatalog, verify } from '../../src/tools.js'
import { storageWith } from '../corruption/databases.js'
import type { IndexDefinition } from '../../src/catalog/index-definition.js'
import type { ReaderCollection, ReaderCommit, ReaderRow } from './run-reader.js'
import { typedKeyText, typedText } from './typed-json.js'

export const IMAGE = 'image.varve'

const storageOf = (bytes: Uint8Array): MemoryStorage => storageWith({ [IMAGE]: bytes })

export interface EngineChain {
  readonly commits: readonly ReaderCommit[]
  /** Why the engine refuses the file; undefined if it does not. */
  readonly refusal: string | undefined
  readonly classification: RecoveryClass | undefined
  readonly watermark: number | undefined
}

/** The commits in the chain, and how the log ends. */
export function chainOf(bytes: Uint8Array): EngineChain {
  const { checksum } = nodePlatform()
  const file = storageOf(bytes).open(IMAGE, 'read')
  const commits: ReaderCommit[] = []
  let operations = 0
  const target = {
    begin: (): void => void (operations = 0),
    record: (): void => void (operations += 1),
    rollback: (): void => undefined,
    commit: ({ sequence, time, crc, offset }: CommitPosition): void =>
      void commits.push({ sequence, time, operations, commitCrc: crc, offset }),
  }
  try {
    const { classification, watermark } = runSync(
      judgeFile(file, checksum, readFixedBlocks(file, checksum), target),
    )
    return { commits, refusal: undefined, classification, watermark }
  } catch (error) {
    if (!VarveError.is(error)) throw error
    return { commits, refusal: error.message, classification: undefined, watermark: undefined }
  }
}

export interface EngineRows {
  readonly collections: readonly ReaderCollection[]
  readonly rows: ReadonlyMap<number, readonly ReaderRow[]>
}

/** Collections and rows, read through the public API as of the last commit in the chain. */
export async function rowsOf(bytes: Uint8Array): Promise<EngineRows> {
  const storage = storageOf(bytes)
  const catalog = await dumpCatalog(IMAGE, { storage })
  const db = await Database.open(IMAGE, { storage, mode: 'readOnly', recovery: 'autoTruncate' })
  const rows = new Map<number, ReaderRow[]>()
  const collections = catalog.collections.map((collection): ReaderCollection => {
    const { id, name, version, fields, digest, structures } = collection
    const primaryKey = collection.primaryKey.map((path) => path.split('.'))
    const keys = new RowKeys({ id, name, version, fields, primaryKey, indexes: [] })
    const list = db
      .collection(name)
      .range()
      .toArray()
      .map((row): ReaderRow => {
        const parts = keys.partsOf(row)
        const key: unknown = JSON.parse(typedKeyText(parts, keys.kinds))
        return { key, keyHex: hex(keys.encodeParts(parts)), value: typedText(row) }
      })
    if (list.length > 0) rows.set(id, list)
    // A counter is logged by the first key that it gives; until then it stands at 1.
    const next = collection.nextGenerated === 1 ? null : (collection.nextGenerated ?? null)
    const { indexes } = db.collection(name).definition
    const facts = { id, name, version, primaryKey, fields, rows: list.length, structures, next, digest }
    return indexes.length === 0 ? facts : { ...facts, indexes: indexes.map(indexFacts) }
  })
  await db.close()
  return { collections, rows }
}

/** An index as the reader prints it. */
function indexFacts({ id, name, on, kinds, unique }: IndexDefinition): Record<string, unknown> {
  return { id, name, on, kinds, ...(unique ? { unique } : {}) }
}

/** A database opened from an image, as it is after any damage. */
export interface OpenedImage {
  /** The checkpoint that the open began from; undefined if it read the log from its begin. */
  readonly checkpoint: number | undefined
  readonly names: readonly string[]
  count(collection: string): number
  /** A row by its key's bytes, as text; undefined if there is none. Throws what reading it throws. */
  row(collection: string, keyHex: string): string | undefined
  close(): Promise<void>
}

/** Opens an image for reading, whatever is left of it. */
export async function openImage(bytes: Uint8Array): Promise<OpenedImage> {
  const storage = storageOf(bytes)
  const db = await Database.open(IMAGE, { storage, mode: 'readOnly', recovery: 'autoTruncate' })
  return {
    checkpoint: db.recoveryInfo.checkpointOffset,
    names: db.collectionNames(),
    count: (collection) => db.collection(collection).count(),
    row: (collection, keyHex) => {
      const key = decodeKey(unhex(keyHex), 0, keyHex.length / 2)
      if (key instanceof DecodeFailure) throw new TypeError(key.reason)
      const [first] = key.parts
      const row = db.get(collection, key.parts.length === 1 && first !== undefined ? first : key.parts)
      return row === undefined ? undefined : typedText(row)
    },
    close: () => db.close(),
  }
}

/** Whether `verify` finds nothing at all. */
export async function verifiesClean(bytes: Uint8Array): Promise<boolean> {
  const report = await verify(IMAGE, { storage: storageOf(bytes), deep: true })
  return report.findings.length === 0
}
