/**
 * A task: a procedure over storage written once and run in two ways, blocking (`openSync`, `putSync`) or without ever
 * holding the event loop (`open`, `put`).
 *
 * A task is a generator that yields the steps which may take long. Its driver carries each step out and hands back the
 * result, or throws the step's error into the task, so `try` and `finally` work as they would in plain code. Short
 * reads and small calls are made directly.
 */
import { ErrorCode, StorageError } from '../errors.js'
import type { Platform } from './platform.js'
import type { StorageFile } from './storage.js'

/** What a task asks its driver for. */
export type Step =
  /** A place where the work may be interrupted; the driver gives the event loop a turn when its slice is used up. */
  | { readonly kind: 'pause' }
  /** Make everything written to the file so far durable. */
  | { readonly kind: 'sync'; readonly file: StorageFile }
  /** Read; the result is the number of bytes that were there. `target` must not be used until then. */
  | {
      readonly kind: 'read'
      readonly file: StorageFile
      readonly target: Uint8Array
      readonly position: number
    }
  /** Write; the result is the number of bytes written, which may be fewer. */
  | {
      readonly kind: 'write'
      readonly file: StorageFile
      readonly bytes: Uint8Array
      readonly position: number
    }

export type Task<T> = Generator<Step, T, number>

export const PAUSE: Step = { kind: 'pause' }

/** How long a task may hold the event loop between two turns, in milliseconds. */
export const SLICE_MS = 5

/** Writes up to this size are made synchronously even by an asynchronous driver: the thread pool would cost more. */
export const SYNC_WRITE_BYTES: number = 64 * 1024

/** Runs a task to its end, blocking. */
export function runSync<T>(task: Task<T>): T {
  let next = task.next(0)
  while (!next.done) {
    let result: number
    try {
      result = performSync(next.value)
    } catch (error) {
      next = task.throw(error)
      continue
    }
    next = task.next(result)
  }
  return next.value
}

function performSync(step: Step): number {
  if (step.kind === 'write') return step.file.write(step.bytes, step.position)
  if (step.kind === 'read') return step.file.read(step.target, step.position)
  if (step.kind === 'sync') step.file.sync()
  return 0
}

/** What tells when a turn of the event loop is due, and gives it. */
export type TurnGiver = Pick<Platform, 'monotonicMs' | 'yield'>

/** Runs a task to its end, giving the event loop a turn at least every `sliceMs`. */
export async function runAsync<T>(
  task: Task<T>,
  platform: TurnGiver,
  signal?: AbortSignal,
  sliceMs: number = SLICE_MS,
): Promise<T> {
  let sliceEnd = platform.monotonicMs() + sliceMs
  let next = task.next(0)
  while (!next.done) {
    let result = 0
    try {
      const step = next.value
      if (step.kind === 'write') {
        const small = step.bytes.length <= SYNC_WRITE_BYTES
        result = small
          ? step.file.write(step.bytes, step.position)
          : await step.file.writeAsync(step.bytes, step.position)
      } else if (step.kind === 'read') {
        result = await readStep(step)
      } else if (step.kind === 'sync') {
        await step.file.syncAsync()
      } else if (platform.monotonicMs() >= sliceEnd) {
        await platform.yield()
        signal?.throwIfAborted()
        sliceEnd = platform.monotonicMs() + sliceMs
      }
    } catch (error) {
      next = task.throw(error)
      continue
    }
    next = task.next(result)
  }
  return next.value
}

async function readStep({ file, target, position }: Extract<Step, { kind: 'read' }>): Promise<number> {
  return file.readAsync === undefined ? file.read(target, position) : await file.readAsync(target, position)
}

/** How much of a write is done, kept up to date while it goes on. */
export interface WriteProgress {
  bytes: number
}

/** Writes all of `bytes` at `position`, however short the single writes are. */
export function* writeFully(
  file: StorageFile,
  bytes: Uint8Array,
  position: number,
  progress: WriteProgress = { bytes: 0 },
): Task<void> {
  progress.bytes = 0
  while (progress.bytes < bytes.length) {
    const at = position + progress.bytes
    const rest = progress.bytes === 0 ? bytes : bytes.subarray(progress.bytes)
    const written: number = yield { kind: 'write', file, bytes: rest, position: at }
    if (written <= 0) throw nothingWritten(file.path, at)
    progress.bytes += written
  }
}

/** As `writeFully`, blocking. */
export function writeNow(
  file: StorageFile,
  bytes: Uint8Array,
  position: number,
  progress: WriteProgress,
): void {
  progress.bytes = 0
  while (progress.bytes < bytes.length) {
    const at = position + progress.bytes
    const written = file.write(progress.bytes === 0 ? bytes : bytes.subarray(progress.bytes), at)
    if (written <= 0) throw nothingWritten(file.path, at)
    progress.bytes += written
  }
}

/** A write that makes no progress is out of space, whatever else the system says. */
function nothingWritten(path: string, offset: number): StorageError {
  const message = `A write to ${path} at offset ${offset} wrote nothing; the storage is probably full.`
  return new StorageError(message, { code: ErrorCode.noSpace, path, offset })
}
