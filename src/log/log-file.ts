/**
 * The fixed blocks of a database file: reading them when it is opened, writing them when it is created.
 */
import { ArgumentError, CorruptionError, ErrorCode, FormatError, StorageError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import {
  BLOCK_BYTES,
  decodeHeader,
  encodeHeader,
  FORMAT_MAJOR,
  FORMAT_MINOR,
  type Header,
  LOG_START,
  NO_GENERATION,
} from '../format/header.js'
import { hex } from '../format/integers.js'
import { KnownFeatures, type Superblock } from '../format/superblock.js'
import type { Platform } from '../storage/platform.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { type Task, writeFully } from '../storage/task.js'
import {
  firstSuperblock,
  readSuperblocks,
  type SuperblockSlots,
  writeFirstSuperblocks,
} from './superblocks.js'

/** What the fixed blocks of a file say. */
export interface FixedBlocks {
  readonly header: Header
  /** Whether the header block itself was damaged and `header` comes from a superblock. */
  readonly headerDamaged: boolean
  readonly superblocks: SuperblockSlots
}

/** Reads header and superblocks. Throws if the file is no database, of a newer format, or damaged beyond identity. */
export function readFixedBlocks(file: StorageFile, checksum: Checksum): FixedBlocks {
  const block = new Uint8Array(BLOCK_BYTES)
  const length = file.read(block, 0)
  const result = decodeHeader(block, checksum)
  const superblocks = readSuperblocks(file, checksum)
  if (result.ok)
    return { header: result.header, headerDamaged: false, superblocks: ofHeader(superblocks, result.header) }
  if (result.problem === 'newerFormat') throw newerFormat(file.path, result.actual)
  if (superblocks.live !== undefined && agree(superblocks)) {
    const { header } = superblocks.live
    if (header.formatMajor !== FORMAT_MAJOR)
      throw newerFormat(file.path, `${header.formatMajor}.${header.formatMinor}`)
    return { header, headerDamaged: true, superblocks }
  }
  if (result.problem === 'notVarve') {
    throw new FormatError(`${file.path} is not a Varve database: its first bytes are not the magic of one.`, {
      path: file.path,
      offset: 0,
      expected: 'the magic of a Varve file',
      actual: length === 0 ? 'an empty file' : result.actual,
    })
  }
  throw new CorruptionError(
    `The header of ${file.path} is damaged, and so are its superblocks, or they contradict each other: its identity is unknown. Restore a backup, or salvage it.`,
    {
      path: file.path,
      offset: 0,
      expected: 'a header with its checksum',
      actual: `checksum ${result.actual}`,
    },
  )
}

function newerFormat(path: string, actual: string): FormatError {
  return new FormatError(
    `${path} has format ${actual}; this version of Varve reads format ${FORMAT_MAJOR}. Use a newer version.`,
    { path, offset: 0, expected: String(FORMAT_MAJOR), actual },
  )
}

/** Without a header, nothing tells which of two superblocks of different files is the stranger. */
function agree({ slots: [a, b] }: SuperblockSlots): boolean {
  return !a.ok || !b.ok || a.superblock.header.generationId === b.superblock.header.generationId
}

/** A superblock of another database or generation (a block copied from another file) is none of this file's. */
function ofHeader(found: SuperblockSlots, header: Header): SuperblockSlots {
  const own = found.slots.map((slot) =>
    slot.ok && slot.superblock.header.generationId !== header.generationId
      ? ({ ok: false, problem: 'value' } as const)
      : slot,
  )
  const [a, b] = own
  if (a === undefined || b === undefined) return found
  const sequence = (slot: typeof a): number => (slot.ok ? slot.superblock.sequence : -1)
  const newest = sequence(b) > sequence(a) ? b : a
  if (!newest.ok) return { slots: [a, b], liveSlot: undefined, live: undefined }
  return { slots: [a, b], liveSlot: newest === a ? 0 : 1, live: newest.superblock }
}

/** Refuses a file that needs features this version does not know. */
export function checkFeatures(superblock: Superblock, path: string, forWriting: boolean): void {
  const unknownIncompatible = superblock.featuresIncompatible & ~KnownFeatures.incompatible
  const unknownReadOnly = superblock.featuresReadOnlyCompatible & ~KnownFeatures.readOnlyCompatible
  if (unknownIncompatible !== 0) {
    throw new FormatError(
      `${path} uses features that this version of Varve does not know. Use a newer version.`,
      {
        path,
        actual: `incompatible feature bits 0x${unknownIncompatible.toString(16)}`,
      },
    )
  }
  if (forWriting && unknownReadOnly !== 0) {
    throw new FormatError(
      `${path} uses features that this version of Varve can read past but not write. Open it with mode 'readOnly', or use a newer version.`,
      { path, actual: `read-only compatible feature bits 0x${unknownReadOnly.toString(16)}` },
    )
  }
}

/** The header of a file that goes on from no other: of a new database, unless it is said of which. */
export function newHeader(platform: Platform, databaseId: string = hex(platform.randomBytes(16))): Header {
  return {
    formatMajor: FORMAT_MAJOR,
    formatMinor: FORMAT_MINOR,
    databaseId,
    generationId: hex(platform.randomBytes(16)),
    createdAt: Math.max(0, Math.floor(platform.now())),
    parentGenerationId: NO_GENERATION,
    parentSequence: 0,
    parentCommitOffset: 0,
    parentCommitCrc: 0,
  }
}

/** Suffixes of the files that Varve keeps beside a database. */
export const Sidecar = {
  /** A new database before it is linked into place. */
  creating: '.new-',
  /** What recovery cut off. */
  quarantine: '.quarantine-',
  /** The file that a restore replaced. */
  replaced: '.replaced-',
  /** A generation that a compaction is writing. */
  compacting: '.compact-',
  /** The directory of lock records. */
  lock: '.writer.lock',
} as const

/**
 * Creates an empty database at `path`: written aside, synced, then linked into place, so that no name ever leads to
 * half a database. The caller holds the writer lock. If the name was taken meanwhile, the taker's file stays.
 */
export function* createDatabase(storage: Storage, path: string, platform: Platform): Task<void> {
  refuseOrphans(storage, path)
  const aside = `${path}${Sidecar.creating}${hex(platform.randomBytes(8))}`
  const file = storage.open(aside, 'create')
  try {
    const header = newHeader(platform)
    yield* writeFully(file, encodeHeader(header, platform.checksum), 0)
    yield* writeFirstSuperblocks(file, firstSuperblock(header, LOG_START), platform.checksum)
    // After this sync the file is whole; a crash before it leaves only the name aside, which the next open removes.
    yield { kind: 'sync', file }
    putInPlace(storage, aside, path)
  } finally {
    file.close()
    storage.remove(aside)
  }
  storage.syncDirectory(path)
}

/** An empty file is an empty database to be: it is replaced; a name that is absent is linked, which never replaces. */
function putInPlace(storage: Storage, aside: string, path: string): void {
  const present = storage.stat(path)
  if (present !== undefined && present.sizeBytes === 0) {
    storage.rename(aside, path)
    return
  }
  storage.link(aside, path)
}

/** A missing database whose own sidecar files are still there was moved or lost: creating one would hide that. */
function refuseOrphans(storage: Storage, path: string): void {
  const telling = [Sidecar.quarantine, Sidecar.replaced, Sidecar.compacting]
  const orphans = storage
    .siblings(path)
    .filter((name) => telling.some((suffix) => name.startsWith(path + suffix)))
  if (orphans.length === 0 || storage.stat(path) !== undefined) return
  throw new StorageError(
    `${path} does not exist, but files that belong to it do: ${orphans.join(', ')}. ` +
      'Put the database back, or move these files away to begin an empty one.',
    { code: ErrorCode.notFound, path },
  )
}

/**
 * Removes what creations that were interrupted left behind. `beside` are the names in the directory that begin with the path's. The
 * caller holds the writer lock.
 */
export function removeLeftovers(storage: Storage, path: string, beside: readonly string[]): void {
  for (const name of beside) if (name.startsWith(path + Sidecar.creating)) storage.remove(name)
}

/** Refuses path arguments that cannot be meant. */
export function checkPath(path: string): void {
  if (path === ':memory:') {
    throw new ArgumentError("':memory:' is not a path. Use Database.openInMemory() for a database in memory.")
  }
  if (path === '' || path.includes('\0'))
    throw new ArgumentError('The path of a database must be a non-empty file name.')
}
