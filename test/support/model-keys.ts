/**
 * Keys of every type, and their order said a second time: by types first, then within the type. The oracle of ranges.
 */
import fc from 'fast-check'
import type { Key, KeyPart } from '../../src/format/key.js'

/** Ranks of the types in key order. */
function rankOf(part: KeyPart, isUuid: boolean): number {
  if (typeof part === 'number' || typeof part === 'bigint') return 1
  if (typeof part === 'string') return isUuid ? 4 : 2
  return part instanceof Uint8Array ? 3 : 6
}

/** Negative, zero or positive as `a` comes before, is the same as, or comes after `b`. */
function comparePart(a: KeyPart, b: KeyPart, isUuid = false): number {
  const ranks = rankOf(a, isUuid) - rankOf(b, isUuid)
  if (ranks !== 0) return ranks
  if (typeof a === 'string' && typeof b === 'string') return compareCodePoints(a, b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime()
  // JavaScript compares numbers with bigints by value.
  const [x, y] = [a as number | bigint, b as number | bigint]
  return x < y ? -1 : x > y ? 1 : 0
}

function compareCodePoints(a: string, b: string): number {
  const [x, y] = [Array.from(a), Array.from(b)]
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const difference = (x[i]?.codePointAt(0) ?? 0) - (y[i]?.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return x.length - y.length
}

export function partsOf(key: Key): readonly KeyPart[] {
  return Array.isArray(key) ? (key as readonly KeyPart[]) : [key as KeyPart]
}

/** Compares as many parts as both have: a bound that is the first part of a key equals it. */
export function compareKeys(a: Key, b: Key, isUuid = false): number {
  const [x, y] = [partsOf(a), partsOf(b)]
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const [p, q] = [x[i], y[i]]
    const difference = p === undefined || q === undefined ? 0 : comparePart(p, q, isUuid)
    if (difference !== 0) return difference
  }
  return 0
}

/** Few values of each type, close together, so that operations meet the same rows. */
export const anyPart: fc.Arbitrary<KeyPart> = fc.oneof(
  fc.constantFrom<KeyPart>(
    0,
    -0,
    1,
    2,
    -1,
    1.5,
    1e308,
    Infinity,
    -Infinity,
    5n,
    2n ** 70n,
    -(2n ** 65n),
    9007199254740993n,
  ),
  fc.constantFrom<KeyPart>('', 'a', 'aa', 'ab', 'b', 'a\u0000', 'ä', '\ud83d\ude00', '\uffff', 'B'),
  fc.constantFrom<readonly number[]>([], [0], [0, 255], [1], [1, 0]).map((bytes) => Uint8Array.from(bytes)),
  fc.constantFrom(0, 1, -5, 86_400_000).map((ms) => new Date(ms)),
)

export const anyPair: fc.Arbitrary<Key> = fc.tuple(anyPart, anyPart)

const UUIDS = [
  '00000000-0000-4000-8000-000000000000',
  '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
  'ffffffff-ffff-4fff-bfff-ffffffffffff',
] as const

export const uuidPart: fc.Arbitrary<KeyPart> = fc.constantFrom(...UUIDS)
