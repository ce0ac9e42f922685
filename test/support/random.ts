/**
 * Repeatable randomness: the same seed gives the same numbers on every machine. Not for secrets.
 */

/** A stream of numbers from one seed. */
export interface Random {
  /** The next number, at least 0 and below 1. */
  next(): number
  /** The next integer, at least 0 and below `limit`. */
  below(limit: number): number
  /** The next `length` bytes. */
  bytes(length: number): Uint8Array
}

/** The stream of `seed`, an unsigned 32-bit integer (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const word = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const next = (): number => word() / 2 ** 32
  return {
    next,
    below: (limit) => Math.floor(next() * limit),
    bytes: (length) => Uint8Array.from({ length }, () => word() & 0xff),
  }
}
