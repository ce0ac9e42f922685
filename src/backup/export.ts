/**
 * Snapshot export: one commit of an open database as a file of its own, while writes go on.
 *
 * The copy is of the commit that readers see when it begins. It is read through a handle of its own, so that neither a
 * compaction nor a close of the database gets in its way, verified as a whole, and only then given its name.
 */
import type { Engine } from '../engine/engine.js'
import { generationAfter, writeImage } from '../engine/image.js'
import type { DatabaseState } from '../engine/state.js'
import { ArgumentError, ErrorCode, StorageError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { type Header, LOG_START } from '../format/header.js'
import type { CommitPosition } from '../log/commit-position.js'
import { checkPath, Sidecar } from '../log/log-file.js'
import { requireRoom } from '../storage/room.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { runAsync, type Task } from '../storage/task.js'
import { checkCopy, digestsOf } from './check-copy.js'
import { copyPrefix } from './copy-prefix.js'
import { lockReplaced, makeAside, publish, quietly, taken } from './new-file.js'
import { type Prefix, prefixOf } from './prefix.js'

/** Options of `Database.exportSnapshot`. */
export interface ExportOptions {
  /**
   * Write the live rows alone, as a compaction does, instead of a copy of the file up to the commit with its history. Takes
   * longer, and the file is as small as can be. Default false.
   */
  readonly compact?: boolean | undefined
  /** Replace a file of this name. Default false. */
  readonly force?: boolean | undefined
  /** Where the file is made; by default where the database is, and for one in memory the file system. */
  readonly storage?: Storage | undefined
  /** Ends the work; nothing is left of it. */
  readonly signal?: AbortSignal | undefined
  /** Called now and then with how far the work is, in bytes: written, then verified. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** What was exported. */
export interface ExportReport {
  /** Of the new file, with symbolic links resolved. */
  readonly path: string
  /** The commit that it holds. */
  readonly sequence: number
  /** When that was made. */
  readonly time: Date
  readonly bytes: number
  readonly databaseId: string
  readonly generationId: string
  readonly collections: number
  readonly rows: number
  /** State digests by collection. */
  readonly digests: Readonly<Record<string, string>>
}

/** What was written into the new file. */
interface Written {
  readonly header: Header
  readonly bytes: number
}

/** A commit to be exported. */
interface Exported {
  readonly commit: CommitPosition
  readonly digests: Readonly<Record<string, string>>
  /** What the file will take, or a little less. */
  readonly expectedBytes: number
  readonly write: (
    copy: StorageFile,
    watch: {
      readonly signal: AbortSignal | undefined
      readonly onProgress: (done: number, total: number) => void
    },
  ) => Task<Written>
}

/** Exports the visible commit of a database to a file. */
export async function exportSnapshot(
  engine: Engine,
  path: string,
  options: ExportOptions,
): Promise<ExportReport> {
  const { platform } = engine.parts
  options.signal?.throwIfAborted()
  const { storage, destination } = destinationOf(engine, path, options)
  const lock = await lockReplaced(storage, destination, options.signal, platform)
  try {
    const { exported, release } = beginExport(engine, options.compact === true)
    try {
      if (engine.upToDate !== undefined) await engine.upToDate
      return await writeExport(engine, exported, storage, destination, options)
    } finally {
      release()
    }
  } finally {
    lock?.release()
  }
}

async function writeExport(
  engine: Engine,
  exported: Exported,
  storage: Storage,
  destination: string,
  options: ExportOptions,
): Promise<ExportReport> {
  const { platform, path: source, storage: sourceStorage } = engine.parts
  const { signal, force = false } = options
  const { digests, commit, expectedBytes } = exported
  requireRoom(storage, destination, expectedBytes)
  const onPart =
    (part: number) =>
    (done: number, total: number): void =>
      options.onProgress?.(expectedBytes * (part + (total === 0 ? 1 : done / total)), expectedBytes * 2)
  const like = storage === sourceStorage ? source : undefined
  const report = await makeAside({ storage, path: destination, like }, platform, async (copy) => {
    const write = exported.write(copy, { signal, onProgress: onPart(0) })
    const { header, bytes } = await runAsync(write, platform, signal)
    const checks = { storage, signal, onProgress: onPart(1) }
    const { collections, rows } = await checkCopy(copy.path, { source, digests }, checks, platform)
    signal?.throwIfAborted()
    publish(storage, copy, destination, force && storage.stat(destination) !== undefined)
    return { collections, rows, bytes, databaseId: header.databaseId, generationId: header.generationId }
  })
  return { path: destination, sequence: commit.sequence, time: new Date(commit.time), digests, ...report }
}

/** What is to be written, decided at once. `release` gives back what is held of it. */
function beginExport(
  engine: Engine,
  compact: boolean,
): { readonly exported: Exported; readonly release: () => void } {
  const { platform, storage, path } = engine.parts
  const state = engine.pin()
  const { checksum } = platform
  const { commit } = state
  const { file: shared, log, writer } = engine.generation
  const own = openSame(storage, path, shared)
  const file = own ?? shared
  const highestEpoch = writer?.epoch ?? log.highestEpoch
  const prefix = prefixOf({ file, checksum, commit, newestCheckpoint: engine.newestCheckpoint, highestEpoch })
  const known = { commit, digests: digestsOf(state) }
  // What has no commit yet has none to begin with.
  const isImage = compact && commit.sequence > 0
  const exported: Exported = isImage
    ? { ...known, expectedBytes: liveBytesOf(state), write: imageOf(engine, state, file, prefix) }
    : { ...known, expectedBytes: prefix.end, write: copyOf(file, prefix, checksum) }
  return { exported, release: () => quietly(() => own?.close()) }
}

function copyOf(file: StorageFile, prefix: Prefix, checksum: Checksum): Exported['write'] {
  return function* (copy, { signal, onProgress }): Task<Written> {
    const onBytes = (done: number): void => onProgress(done, prefix.end)
    yield* copyPrefix(file, copy, prefix, checksum, { signal, onBytes })
    return { header: prefix.header, bytes: prefix.end }
  }
}

function imageOf(engine: Engine, state: DatabaseState, file: StorageFile, prefix: Prefix): Exported['write'] {
  const { platform } = engine.parts
  const { codecs } = engine.generation
  const header = generationAfter(prefix.header, state.commit, platform)
  const highestSequence = Math.max(prefix.highestSequence, state.commit.sequence)
  return function* (copy, { onProgress }): Task<Written> {
    const options = { highestSequence, onProgress }
    const bytes = yield* writeImage(copy, { state, file, codecs }, header, platform.checksum, options)
    yield { kind: 'sync', file: copy }
    return { header, bytes }
  }
}

function liveBytesOf({ collections }: DatabaseState): number {
  return [...collections.values()].reduce((sum, { liveBytes }) => sum + liveBytes, LOG_START)
}

/** Another handle of an open file. There is none if its name is gone: then the open one is all that is left of it. */
function openSame(storage: Storage, path: string, file: StorageFile): StorageFile | undefined {
  if (storage.stat(path)?.id !== file.identity().id) return undefined
  const own = storage.open(path, 'read')
  if (own.identity().id === file.identity().id) return own
  own.close()
  return undefined
}

/** Where to, checked before anything is done. */
function destinationOf(
  engine: Engine,
  path: string,
  { storage: given, force = false }: ExportOptions,
): { readonly storage: Storage; readonly destination: string } {
  checkPath(path)
  const { platform, path: source, storage: own, ephemeral } = engine.parts
  const storage = given ?? (ephemeral ? platform.storage : own)
  if (storage === undefined)
    throw new ArgumentError('This entry of Varve has no file system: pass a storage to export to.')
  const destination = storage.resolve(path)
  if (storage === own) refuseOwnNames(engine, destination, source)
  const present = storage.stat(destination)
  if (present === undefined) return { storage, destination }
  if (storage === own && present.id === engine.generation.file.identity().id) throw ownFile(destination)
  if (!force) throw taken(destination)
  // What is not a regular file is not replaced by one.
  storage.open(destination, 'read').close()
  return { storage, destination }
}

function refuseOwnNames(engine: Engine, destination: string, source: string): void {
  if (destination === source) throw ownFile(destination)
  const suffix = Object.values(Sidecar).find((each) => destination.startsWith(source + each))
  if (suffix === undefined) return
  throw new ArgumentError(
    `${destination} is a name that Varve keeps for files of its own beside ${engine.parts.path}. Choose another.`,
  )
}

function ownFile(path: string): StorageError {
  return new StorageError(`${path} is the database itself. Name another file to export to.`, {
    code: ErrorCode.exists,
    path,
  })
}
