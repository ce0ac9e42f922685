/**
 * Keeps what recovery cuts off a log: `<db>.quarantine-<n>`, written aside, synced, renamed into place.
 *
 * An existing quarantine file with the same head and bytes is reused, so an open that is interrupted and repeated keeps
 * one copy. Of tails that were never acknowledged as durable the newest three are kept; of damage, all.
 */
import { CorruptionError } from '../errors.js'
import type { Checksum } from '../format/checksum.js'
import {
  decodeQuarantineHead,
  encodeQuarantineHead,
  QUARANTINE_HEAD_BYTES,
  type QuarantineHead,
  QuarantineReason,
} from '../format/quarantine.js'
import type { Storage, StorageFile } from '../storage/storage.js'
import { PAUSE, type Task, writeFully } from '../storage/task.js'
import { Sidecar } from './log-file.js'

const KEPT_TAILS = 3
const COPY_BYTES = 1024 * 1024

/** A quarantine file beside a database. */
export interface QuarantineFile {
  readonly path: string
  readonly number: number
  readonly head: QuarantineHead
}

/** The quarantine files beside `path`, by number. Files of the name that hold something else are left out. */
export function listQuarantines(storage: Storage, path: string, checksum: Checksum): QuarantineFile[] {
  const found: QuarantineFile[] = []
  for (const name of storage.siblings(path)) {
    const number = quarantineNumber(path, name)
    if (number === undefined) continue
    const head = readHead(storage, name, checksum)
    if (head !== undefined) found.push({ path: name, number, head })
  }
  return found.sort((a, b) => a.number - b.number)
}

function quarantineNumber(path: string, name: string): number | undefined {
  const prefix = path + Sidecar.quarantine
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^[1-9][0-9]{0,14}$/.test(digits) ? Number(digits) : undefined
}

function readHead(storage: Storage, name: string, checksum: Checksum): QuarantineHead | undefined {
  const file = storage.open(name, 'read')
  try {
    const bytes = new Uint8Array(QUARANTINE_HEAD_BYTES)
    const length = file.read(bytes, 0)
    return decodeQuarantineHead(bytes.subarray(0, length), checksum)
  } finally {
    file.close()
  }
}

/** What to keep, and as what. */
export type QuarantineRequest = Omit<QuarantineHead, 'length' | 'contentCrc'>

/** Copies `[request.offset, end of file)` aside, durably; returns the quarantine file's path. */
export function* quarantine(
  storage: Storage,
  source: StorageFile,
  request: QuarantineRequest,
  checksum: Checksum,
): Task<string> {
  const length = source.size() - request.offset
  let contentCrc = 0
  for (const { bytes } of chunks(source, request.offset, length)) {
    contentCrc = checksum(bytes, 0, bytes.length, contentCrc)
    yield PAUSE
  }
  const head = { ...request, length, contentCrc }
  const present = listQuarantines(storage, source.path, checksum)
  for (const file of present) {
    if (!sameHead(file.head, head) || !(yield* holdsContent(storage, file, checksum))) continue
    // Its name may have come from an open that died before it made names durable.
    storage.syncDirectory(file.path)
    return file.path
  }

  const number = 1 + Math.max(0, ...allNumbers(storage, source.path))
  const name = `${source.path}${Sidecar.quarantine}${number}`
  yield* writeQuarantine(storage, source, name, head, checksum)
  removeOldTails(storage, [...present, { path: name, number, head }])
  return name
}

function* writeQuarantine(
  storage: Storage,
  source: StorageFile,
  name: string,
  head: QuarantineHead,
  checksum: Checksum,
): Task<void> {
  const aside = `${name}.tmp`
  storage.remove(aside)
  const target = storage.open(aside, 'create')
  try {
    yield* writeFully(target, encodeQuarantineHead(head, checksum), 0)
    let contentCrc = 0
    for (const { bytes, position } of chunks(source, head.offset, head.length)) {
      contentCrc = checksum(bytes, 0, bytes.length, contentCrc)
      yield* writeFully(target, bytes, QUARANTINE_HEAD_BYTES + position)
    }
    if (contentCrc !== head.contentCrc) throw changedWhileCopied(source.path, head.offset)
    // Synced before it gets its name, and the name made durable before anything is cut: a crash at any point leaves
    // the bytes in the log, in the quarantine file, or in both.
    yield { kind: 'sync', file: target }
    storage.rename(aside, name)
  } catch (error) {
    storage.remove(aside)
    throw error
  } finally {
    target.close()
  }
  storage.syncDirectory(name)
}

function changedWhileCopied(path: string, offset: number): CorruptionError {
  const message = `The bytes of ${path} from offset ${offset} changed while they were copied aside. Nothing was cut; check the storage.`
  return new CorruptionError(message, { path, offset })
}

/** The bytes of a file in pieces, each a fresh array; `position` counts from `offset`. */
function* chunks(
  file: StorageFile,
  offset: number,
  length: number,
): Generator<{ bytes: Uint8Array; position: number }> {
  for (let position = 0; position < length; position += COPY_BYTES) {
    const bytes = new Uint8Array(Math.min(COPY_BYTES, length - position))
    const read = file.read(bytes, offset + position)
    yield { bytes: bytes.subarray(0, read), position }
  }
}

/** Whether what follows the head is what it says: a copy that went bad is no copy. */
function* holdsContent(storage: Storage, { path, head }: QuarantineFile, checksum: Checksum): Task<boolean> {
  const file = storage.open(path, 'read')
  try {
    if (file.size() !== QUARANTINE_HEAD_BYTES + head.length) return false
    let crc = 0
    for (const { bytes } of chunks(file, QUARANTINE_HEAD_BYTES, head.length)) {
      crc = checksum(bytes, 0, bytes.length, crc)
      yield PAUSE
    }
    return crc === head.contentCrc
  } finally {
    file.close()
  }
}

function sameHead(a: QuarantineHead, b: QuarantineHead): boolean {
  return (
    a.databaseId === b.databaseId &&
    a.generationId === b.generationId &&
    a.offset === b.offset &&
    a.length === b.length &&
    a.contentCrc === b.contentCrc &&
    a.reason === b.reason
  )
}

/** Numbers taken by any file of the name, readable as a quarantine or not. */
function allNumbers(storage: Storage, path: string): number[] {
  return storage
    .siblings(path)
    .map((name) => quarantineNumber(path, name))
    .filter((number) => number !== undefined)
}

function removeOldTails(storage: Storage, files: readonly QuarantineFile[]): void {
  const tails = files.filter(
    ({ head }) =>
      head.reason === QuarantineReason.tornTail || head.reason === QuarantineReason.uncommittedTail,
  )
  for (const { path } of tails.slice(0, Math.max(0, tails.length - KEPT_TAILS))) storage.remove(path)
}
