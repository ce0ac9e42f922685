/**
 * One's own record in a lock directory: made aside, published whole, kept beating, and removed at the end.
 *
 * The descriptor stays open as long as the record stands: through it the heartbeat is written, and a record that
 * others removed is noticed, whatever has happened to the path.
 */
import { StorageError } from '../../errors.js'
import type { HeldLock } from '../platform.js'
import { storageError } from '../storage-errors.js'
import {
  createIn,
  type LockDirectory,
  makeDirectory,
  removeFrom,
  removeIfEmpty,
  renameIn,
} from './directory.js'
import type { LockEnvironment } from './environment.js'
import type { LockFiles } from './files.js'
import {
  LockState,
  TAIL_BYTES,
  encodeRecord,
  encodeTail,
  recordName,
  temporaryName,
  type LockKind,
} from './record.js'
import { sharedFileSystem } from './shared-storage.js'

/** A held lock that can tell whether somebody removed its record by force. */
export interface FileLock extends HeldLock {
  /** True once the record is gone, by `release` or by others: the lock protects nothing any more. */
  readonly lost: boolean
}

/** Whose record to make, and for what. */
export interface Claim {
  readonly kind: LockKind
  /** The database's path. */
  readonly path: string
}

export class OwnRecord implements FileLock {
  readonly name: string
  readonly #directory: LockDirectory
  readonly #descriptor: number
  readonly #tailOffset: number
  #heartbeat = 0
  #timer: NodeJS.Timeout | undefined
  #released = false

  constructor(name: string, directory: LockDirectory, draft: Draft) {
    this.name = name
    this.#directory = directory
    this.#descriptor = draft.descriptor
    this.#tailOffset = draft.sizeBytes - TAIL_BYTES
  }

  /** Says that the lock is held from now on, and starts the heartbeat, which never keeps the process alive. */
  hold(heartbeatMs: number): void {
    this.#writeTail(LockState.held)
    this.#timer = setInterval(() => {
      this.#beat()
    }, heartbeatMs)
    this.#timer.unref()
  }

  get lost(): boolean {
    if (this.#released) return true
    try {
      return this.#directory.files.fstatSync(this.#descriptor).nlink === 0
    } catch {
      return true
    }
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    clearInterval(this.#timer)
    if (!removeQuietly(this.#directory, this.name)) this.#disown()
    closeQuietly(this.#directory.files, this.#descriptor)
    removeIfEmpty(this.#directory)
  }

  /** The record stays for now, but nobody need wait for the end of this process. */
  #disown(): void {
    try {
      this.#writeTail(LockState.released)
    } catch {
      // Seen as dead when this thread is.
    }
  }

  #beat(): void {
    this.#heartbeat += 1
    try {
      this.#writeTail(LockState.held)
    } catch {
      // Only those who cannot see this process go by the heartbeat; the next one may succeed.
    }
  }

  #writeTail(state: LockState): void {
    const { path, files } = this.#directory
    const bytes = new TextEncoder().encode(encodeTail(state, this.#heartbeat))
    try {
      writeAll(files, this.#descriptor, bytes, this.#tailOffset)
    } catch (cause) {
      throw storageError({ operation: 'write', path, cause })
    }
  }
}

/** How often a record may vanish while it is made before that is no coincidence. */
const MAX_ROUNDS = 1_000

/** Announces this thread as a taker. Nobody ever sees the record in part. */
export function publishRecord(
  claim: Claim,
  directory: LockDirectory,
  environment: LockEnvironment,
): OwnRecord {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    makeDirectory(directory)
    const token = environment.newToken()
    const draft = makeDraft(token, claim, directory, environment)
    if (draft === undefined) continue
    const name = recordName(claim.kind, token)
    if (appears(directory, draft, temporaryName(token), name)) return new OwnRecord(name, directory, draft)
  }
  const { path } = directory
  throw new StorageError(
    `Could not keep a lock record in ${path}: it vanished ${MAX_ROUNDS} times. ` +
      'Find out what removes files there.',
    { path },
  )
}

/**
 * Renaming a whole draft to a name that nobody else draws is as atomic as linking it in, leaves no second name behind
 * in a crash, and also works where there are no hard links. False if others took the draft for abandoned.
 */
function appears(directory: LockDirectory, draft: Draft, draftName: string, name: string): boolean {
  let appeared = false
  try {
    appeared = renameIn(directory, draftName, name)
  } finally {
    if (!appeared) {
      // A rename that reports a failure may have happened: neither name is left.
      closeQuietly(directory.files, draft.descriptor)
      removeQuietly(directory, draftName)
      removeQuietly(directory, name)
    }
  }
  return appeared
}

interface Draft {
  readonly descriptor: number
  readonly sizeBytes: number
}

/** Makes the whole record under its temporary name; undefined if the directory vanished first. */
function makeDraft(
  token: string,
  { kind, path }: Claim,
  directory: LockDirectory,
  environment: LockEnvironment,
): Draft | undefined {
  const { files, identity: owner } = environment
  const descriptor = createIn(directory, temporaryName(token))
  if (descriptor === undefined) return undefined
  const since = new Date(environment.now())
  const record = { kind, token, owner, since, path, descriptor, state: LockState.taking, heartbeat: 0 }
  const bytes = new TextEncoder().encode(encodeRecord(record))
  try {
    writeAll(files, descriptor, bytes, 0)
    // Elsewhere another machine might see the name before the content.
    if (sharedFileSystem(directory.path, files) !== undefined) files.fsyncSync(descriptor)
  } catch (cause) {
    closeQuietly(files, descriptor)
    removeQuietly(directory, temporaryName(token))
    throw storageError({ operation: 'write', path: directory.path, cause })
  }
  return { descriptor, sizeBytes: bytes.length }
}

function writeAll(files: LockFiles, descriptor: number, bytes: Uint8Array, position: number): void {
  let done = 0
  while (done < bytes.length) {
    const written = files.writeSync(descriptor, bytes, done, bytes.length - done, position + done)
    if (written === 0) throw Object.assign(new Error('A write wrote nothing'), { code: 'ENOSPC' })
    done += written
  }
}

function closeQuietly(files: LockFiles, descriptor: number): void {
  try {
    files.closeSync(descriptor)
  } catch {
    // The system gives the descriptor up even when it reports a failure.
  }
}

function removeQuietly(directory: LockDirectory, name: string): boolean {
  try {
    removeFrom(directory, name)
    return true
  } catch {
    return false
  }
}
