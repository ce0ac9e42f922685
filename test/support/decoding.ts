/** What the tests of decoders share: the checksum, and ways to damage bytes. */
import * as fc from 'fast-check'
import type { Checksum } from '../../src/format/checksum.js'
import { nodePlatform } from '../../src/storage/node-platform.js'

export const checksum: Checksum = (bytes, start, end, before) =>
  nodePlatform().checksum(bytes, start, end, before)

/** Every copy of `bytes` that differs in one bit of `[start, end)`, one after the other in one buffer. */
export function* bitFlips(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): Generator<{ bytes: Uint8Array; bit: number }, void, undefined> {
  const copy = bytes.slice()
  for (let bit = start * 8; bit < end * 8; bit++) {
    const at = bit >> 3
    const original = copy[at] ?? 0
    copy[at] = original ^ (1 << (bit & 7))
    yield { bytes: copy, bit }
    copy[at] = original
  }
}

/** Any bytes: of any length up to a little over `length`, some of them beginning as `like` does, some a changed `like`. */
export function anyBytes(like: Uint8Array): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(like.length - 1), fc.nat(255)), { maxLength: 20 })
  return fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.nat(like.length).map((length) => like.slice(0, length)),
    fc.tuple(changes, fc.nat(like.length)).map(([changed, length]) => {
      const copy = like.slice(0, length)
      for (const [at, value] of changed) if (at < copy.length) copy[at] = value
      return copy
    }),
  )
}

/** A safe integer of any size, the limits among them. */
export const uint53: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(1000),
  fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER),
)

export const uint32: fc.Arbitrary<number> = fc.oneof(
  fc.nat(0xffff_ffff),
  fc.constantFrom(0, 1, 2 ** 31, 0xffff_ffff),
)

/** An identity: 32 hex digits. */
export const id: fc.Arbitrary<string> = fc.string({
  unit: fc.nat(15).map((digit) => digit.toString(16)),
  minLength: 32,
  maxLength: 32,
})
