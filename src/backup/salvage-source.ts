/**
 * Where a salvage finds frames: the log of the damaged file, and what was cut off it into quarantine files.
 *
 * Whose frames they are is said by the header, else by a superblock, else by the frames themselves: the generation that most of them
 * name. A quarantine counts only if its database and generation are the file's.
 */
import { CorruptionError, FormatError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import {
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FrameHeader,
  readFrameHeader,
  shortGeneration,
  type ShortGeneration,
} from '../format/frame.js'
import { BLOCK_BYTES, decodeHeader, type Header, LOG_START } from '../format/header.js'
import { viewOf } from '../format/integers.js'
import { QUARANTINE_HEAD_BYTES, QuarantineReason } from '../format/quarantine.js'
import { checkFeatures, type FixedBlocks, readFixedBlocks } from '../log/log-file.js'
import { listQuarantines } from '../log/quarantine-files.js'
import { judgeInput } from '../log/replay.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { PAUSE, type Task } from '../storage/task.js'

/** Bytes that may hold frames of one log, as a file in which they stand at the offsets that they name. */
export interface SalvageSource {
  readonly path: string
  readonly kind: 'database' | 'quarantine'
  readonly file: StorageFile
  /** Where the bytes begin and end. */
  readonly from: number
  readonly to: number
  readonly maxEpoch: number
  /** From here on nothing is known to have been acknowledged as durable. What frames say may raise it. */
  readonly acknowledgedTo: number
}

/** Who a file says that it is, and where it says so. */
export interface SalvageIdentity {
  readonly generation: ShortGeneration
  /** Undefined if only frames say it. */
  readonly header: Header | undefined
  /** Undefined if only frames say it. */
  readonly blocks: FixedBlocks | undefined
  readonly statedBy: 'header' | 'superblock' | 'frames'
}

/** A quarantine file that is left out, and why. */
export interface IgnoredQuarantine {
  readonly path: string
  readonly reason: string
}

export interface SalvageSources {
  readonly identity: SalvageIdentity
  /** The database's own log first. */
  readonly sources: readonly SalvageSource[]
  readonly ignored: readonly IgnoredQuarantine[]
}

/** Opens everything that belongs to a file; the caller closes the files of the sources. */
export function* openSources(storage: Storage, file: StorageFile, checksum: Checksum): Task<SalvageSources> {
  const identity = yield* identify(file, checksum)
  const { blocks, header } = identity
  const log =
    blocks === undefined
      ? { maxEpoch: Number.POSITIVE_INFINITY, to: file.size(), watermark: 0 }
      : judgeInput(file, checksum, blocks)
  const { maxEpoch, to, watermark } = log
  const sources: SalvageSource[] = [
    { path: file.path, kind: 'database', file, from: LOG_START, to, maxEpoch, acknowledgedTo: watermark },
  ]
  const ignored: IgnoredQuarantine[] = []
  for (const { path, head } of listQuarantines(storage, file.path, checksum)) {
    const reason = strangeness(head, header)
    if (reason !== undefined) {
      ignored.push({ path, reason })
      continue
    }
    const inner = storage.open(path, 'read')
    const end = head.offset + Math.min(head.length, Math.max(0, inner.size() - QUARANTINE_HEAD_BYTES))
    const shifted = new ShiftedFile(inner, head.offset - QUARANTINE_HEAD_BYTES, end)
    const from = Math.ceil(head.offset / FRAME_ALIGNMENT) * FRAME_ALIGNMENT
    // Of a tail nobody was told that it is durable; of the rest somebody was, wherever that ends.
    const isTail =
      head.reason === QuarantineReason.tornTail || head.reason === QuarantineReason.uncommittedTail
    const acknowledgedTo = isTail ? 0 : Number.POSITIVE_INFINITY
    sources.push({
      path,
      kind: 'quarantine',
      file: shifted,
      from,
      to: end,
      maxEpoch: head.epoch,
      acknowledgedTo,
    })
  }
  return { identity, sources, ignored }
}

function strangeness(
  head: { readonly databaseId: string; readonly generationId: string },
  header: Header | undefined,
): string | undefined {
  if (header === undefined) return 'the identity of the database is not known'
  if (head.databaseId !== header.databaseId) return 'it was cut off another database'
  if (head.generationId !== header.generationId) return 'it was cut off another generation of this database'
  return undefined
}

function* identify(file: StorageFile, checksum: Checksum): Task<SalvageIdentity> {
  const block = new Uint8Array(BLOCK_BYTES)
  file.read(block, 0)
  try {
    const blocks = readFixedBlocks(file, checksum)
    const { header, headerDamaged, superblocks } = blocks
    if (superblocks.live !== undefined) checkFeatures(superblocks.live, file.path, false)
    const generation = shortGeneration(header.generationId)
    return { generation, header, blocks, statedBy: headerDamaged ? 'superblock' : 'header' }
  } catch (error) {
    const result = decodeHeader(block, checksum)
    const isLost =
      !result.ok && result.problem !== 'newerFormat' && file.size() > LOG_START && isOfIdentity(error)
    if (!isLost) throw error
    const generation = yield* commonGeneration(file, checksum)
    if (generation === undefined) throw error
    return { generation, header: undefined, blocks: undefined, statedBy: 'frames' }
  }
}

function isOfIdentity(error: unknown): boolean {
  return error instanceof CorruptionError || error instanceof FormatError
}

/** The generation that most frames name which stand where they say; undefined if there are none. */
function* commonGeneration(file: StorageFile, checksum: Checksum): Task<ShortGeneration | undefined> {
  const window = new Uint8Array(1024 * 1024)
  const view = viewOf(window)
  const header = new FrameHeader()
  const counts = new Map<string, { readonly generation: ShortGeneration; frames: number }>()
  const step = window.length - FRAME_HEADER_BYTES
  for (let start = LOG_START; start < file.size(); start += step - (step % FRAME_ALIGNMENT)) {
    const length = file.read(window, start)
    for (let at = 0; at + FRAME_HEADER_BYTES <= length; at += FRAME_ALIGNMENT) {
      if (view.getUint32(at, true) !== FRAME_MAGIC) continue
      if (!readFrameHeader(window, view, at, header, checksum) || header.offset !== start + at) continue
      const { generationLow: low, generationHigh: high } = header
      const name = `${low} ${high}`
      const count = counts.get(name) ?? { generation: { low, high }, frames: 0 }
      count.frames += 1
      counts.set(name, count)
    }
    yield PAUSE
  }
  return [...counts.values()].sort((a, b) => b.frames - a.frames)[0]?.generation
}

/** A part of a file, cut out and kept elsewhere, read at the offsets where it stood. */
class ShiftedFile implements StorageFile {
  readonly path: string
  readonly #file: StorageFile
  readonly #shift: number
  readonly #end: number

  /** What stands at `position` here stands at `position - shift` in `file`. */
  constructor(file: StorageFile, shift: number, end: number) {
    this.path = file.path
    this.#file = file
    this.#shift = shift
    this.#end = end
  }

  size(): number {
    return this.#end
  }

  identity(): ReturnType<StorageFile['identity']> {
    return this.#file.identity()
  }

  read(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.#end - position))
    return this.#file.read(target.subarray(0, length), position - this.#shift)
  }

  write(): never {
    throw new TypeError('A salvage writes to none of its sources.')
  }

  async writeAsync(): Promise<never> {
    return this.write()
  }

  sync(): never {
    return this.write()
  }

  async syncAsync(): Promise<never> {
    return this.write()
  }

  truncate(): never {
    return this.write()
  }

  close(): void {
    this.#file.close()
  }
}
