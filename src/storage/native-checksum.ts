/**
 * CRC-32C by the native addon, or by the TypeScript twin where the addon is missing, fails to load, or is wrong.
 *
 * The addon is loaded when there is something for it to do: opening a database after a clean close takes less time than
 * loading it.
 */
import { createRequire } from 'node:module'
import type * as Crc32 from '@node-rs/crc32'
import { crc32c } from '../../native-free/crc32c.js'
import type { Checksum } from '../format/checksum.js'

/** What the addon exports, as far as it is used here. */
export type NativeChecksum = (bytes: Uint8Array, seed?: number) => number

/** A checksum and where it comes from. */
export interface ChecksumChoice {
  readonly checksum: Checksum
  readonly source: 'native' | 'typescript'
  /** Why it is not the native one. */
  readonly fallbackReason?: string | undefined
}

/**
 * Ranges shorter than this, in bytes, are checksummed in TypeScript: calling into the addon, and making the view that
 * it takes, cost more than the work. Where the two meet was measured.
 */
const NATIVE_FROM_BYTES = 128

/** Bytes that are checksummed in TypeScript before the addon is loaded: more than an open without a replay needs. */
const PATIENCE_BYTES = 128 * 1024

/** The chosen checksum, from when the bytes are worth choosing; its twin until then. */
export function lazyChecksum(choose: () => ChecksumChoice): Checksum {
  let chosen: Checksum | undefined
  let patience = PATIENCE_BYTES
  return (bytes, start, end, seed = 0) => {
    if (chosen !== undefined) return chosen(bytes, start, end, seed)
    patience -= end - start
    if (patience > 0) return crc32c(bytes, start, end, seed)
    chosen = choose().checksum
    return chosen(bytes, start, end, seed)
  }
}

/** Chooses the checksum; `load` brings the addon, or throws. */
export function chooseChecksum(load: () => NativeChecksum = loadNativeChecksum): ChecksumChoice {
  try {
    const native = load()
    requireAgreement(native)
    return { checksum: withNative(native), source: 'native' }
  } catch (error) {
    const fallbackReason = error instanceof Error ? error.message : String(error)
    return { checksum: crc32c, source: 'typescript', fallbackReason }
  }
}

function loadNativeChecksum(): NativeChecksum {
  const addon: typeof Crc32 = createRequire(import.meta.url)('@node-rs/crc32')
  return addon.crc32c
}

/** An addon built for another machine may load and compute nonsense, which would condemn every intact file. */
function requireAgreement(native: NativeChecksum): void {
  const sample = Uint8Array.from({ length: 256 }, (_, index) => index * 7)
  for (let length = 0; length < sample.length; length += 15) {
    const expected = crc32c(sample, 0, length)
    const half = length >>> 1
    const continued = native(sample.subarray(half, length), native(sample.subarray(0, half)))
    if (native(sample.subarray(0, length)) === expected && continued === expected) continue
    throw new Error('@node-rs/crc32 loads, but its checksum of known bytes is wrong')
  }
}

function withNative(native: NativeChecksum): Checksum {
  return (bytes, start, end, seed = 0) =>
    end - start < NATIVE_FROM_BYTES
      ? crc32c(bytes, start, end, seed)
      : native(bytes.subarray(start, end), seed)
}
