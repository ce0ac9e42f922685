/**
 * Unpredictable bytes.
 */
import { closeSync, openSync, readSync } from 'node:fs'

/** `length` bytes from the system's generator. */
export function randomBytes(length: number): Uint8Array {
  return fromKernel(length) ?? process.getBuiltinModule('node:crypto').randomFillSync(new Uint8Array(length))
}

/** The source that `node:crypto` is seeded from, where it is a file: loading that module takes as long as half an open. */
function fromKernel(length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length)
  try {
    const descriptor = openSync('/dev/urandom', 'r')
    try {
      return readSync(descriptor, bytes) === length ? bytes : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}
