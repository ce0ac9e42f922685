/**
 * Copies the committed prefix of a database file into an empty one, in large pieces that are read and written in the
 * background.
 *
 * The source may be written to meanwhile: a commit that readers see is never changed again, and a file is only ever cut
 * back behind it.
 */
import { CorruptionError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import { BLOCK_BYTES, decodeHeader, encodeHeader, LOG_START } from '../format/header.js'
import { writeFirstSuperblocks } from '../log/superblocks.js'
import type { StorageFile } from '../storage/storage.js'
import { PAUSE, type Task, writeFully } from '../storage/task.js'
import { type Prefix, superblockOf } from './prefix.js'

/** Large enough for the bandwidth of a disk, small enough for the thread pool's other users. */
const PIECE_BYTES = 1024 * 1024
/** A sync of the source's writer waits for what the system holds back of other files too, so that is kept small. */
const BYTES_PER_SYNC = 32 * 1024 * 1024

/** Who follows a copy. */
export interface CopyWatch {
  readonly signal?: AbortSignal | undefined
  /** Told of the bytes copied so far. */
  readonly onBytes?: ((done: number) => void) | undefined
}

/** Copies a prefix and syncs it. The fixed blocks come last, so that a copy cut short is no database. */
export function* copyPrefix(
  source: StorageFile,
  target: StorageFile,
  prefix: Prefix,
  checksum: Checksum,
  watch: CopyWatch,
): Task<void> {
  yield* copyLog(source, target, prefix.end, watch)
  yield* writeFirstSuperblocks(target, superblockOf(prefix), checksum)
  yield* writeFully(target, headerBytes(source, prefix, checksum), 0)
  yield { kind: 'sync', file: target }
}

function* copyLog(
  source: StorageFile,
  target: StorageFile,
  end: number,
  { signal, onBytes }: CopyWatch,
): Task<void> {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, end - LOG_START))
  let unsynced = 0
  for (let at = LOG_START; at < end;) {
    signal?.throwIfAborted()
    const bytes = piece.subarray(0, Math.min(piece.length, end - at))
    const read: number = yield { kind: 'read', file: source, target: bytes, position: at }
    requireRead(source, at, bytes, read, end)
    yield* writeFully(target, bytes, at)
    at += bytes.length
    unsynced += bytes.length
    onBytes?.(at)
    if (unsynced >= BYTES_PER_SYNC) {
      unsynced = 0
      yield { kind: 'sync', file: target }
    }
    yield PAUSE
  }
}

/** Only the padding behind the last frame may be missing; it is zeros. */
function requireRead(source: StorageFile, at: number, bytes: Uint8Array, read: number, end: number): void {
  if (read === bytes.length) return
  const missing = end - (at + read)
  if (missing >= 8) {
    throw new CorruptionError(
      `${source.path} ends at ${at + read}, ${missing} bytes before the end of a commit that was read from it. Nothing was made of it; check the storage.`,
      {
        path: source.path,
        offset: at + read,
        expected: `${missing} bytes more`,
        actual: 'the end of the file',
      },
    )
  }
  bytes.fill(0, read)
}

/** The block as it stands, which may hold more than this version knows; if it is damaged, one that says the same. */
function headerBytes(source: StorageFile, { header }: Prefix, checksum: Checksum): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES)
  source.read(block, 0)
  return decodeHeader(block, checksum).ok ? block : encodeHeader(header, checksum)
}
