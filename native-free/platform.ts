/**
 * A platform of web standards only: what browsers, workers and every server runtime have.
 *
 * It brings no storage, no locks (a caller's own storage decides who may open it), and no asynchronous context, which
 * no standard offers yet.
 */
// oxlint-disable no-restricted-globals, no-restricted-properties, no-restricted-imports -- this file is the platform that others are given
import type { Platform, Timer } from '../src/storage/platform.js'
import { crc32c } from './crc32c.js'

/** The most random bytes that `getRandomValues` gives at once. */
const MAX_RANDOM_BYTES = 65_536

let shared: Platform | undefined

/** The one platform of this realm. Its members need no `this`, so it can be copied with changes. */
export function nativeFreePlatform(): Platform {
  return (shared ??= {
    checksum: crc32c,
    checksumSource: 'typescript',
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    randomBytes,
    yield: () => new Promise((resolve) => setTimeout(resolve, 0)),
    setTimer,
  })
}

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let start = 0; start < length; start += MAX_RANDOM_BYTES) {
    crypto.getRandomValues(bytes.subarray(start, start + MAX_RANDOM_BYTES))
  }
  return bytes
}

function setTimer(fn: () => void, ms: number): Timer {
  const timer = setTimeout(fn, ms)
  // What it is differs by runtime, whatever the types at hand say.
  const handle: unknown = timer
  if (holdsProcess(handle)) handle.unref()
  return { cancel: () => clearTimeout(timer) }
}

/** Timers of server runtimes keep their process alive until told not to. */
function holdsProcess(timer: unknown): timer is { unref(): unknown } {
  return typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function'
}
