/** Values, names and keys that trip up careless code, drawn by a seed: those that a row may hold, and those it may not. */
import type { Random } from './random.js'

const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'toJSON',
  '',
  '0',
  '-1',
  'a',
  'b',
  'c',
  'a.b',
  '\0',
  '\ufeff',
  '😀',
  'x'.repeat(300),
]

const NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  Number.NaN,
  Infinity,
  -Infinity,
  1e308,
  -1e308,
  5e-324,
  0.1,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
]
const BIGINTS = [0n, 1n, -1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n, -(2n ** 64n), 2n ** 300n]
const TEXTS = ['', '\0', '\ufeffx', '😀', '\u{10ffff}', '__proto__', 'x'.repeat(256), 'é'.repeat(70)]
const ATOMS = [null, true, false, ...NUMBERS, ...BIGINTS, ...TEXTS].map((value) => () => value)

const MADE: readonly (() => unknown)[] = [
  () => new Date(0),
  () => new Date(8.64e15),
  () => new Date(-1),
  () => new Uint8Array(0),
  () => Uint8Array.from({ length: 300 }, (_, i) => i),
  () => [],
  () => ({}),
  () => new Map(),
  () => new Set(),
]

class Unstorable {
  readonly field = 1
}

/** What no row may hold. */
const REFUSED: readonly (() => unknown)[] = [
  () => () => 1,
  () => Symbol('no'),
  () => new Unstorable(),
  () => new Date(Number.NaN),
  () => '\ud800',
  () => 'a\udc00b',
  () => ({ ['\udfff']: 1 }),
  () => new Map([[Symbol('no'), 1]]),
  () => new Set([() => 1]),
  () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    return cycle
  },
  () => new Proxy(new Unstorable(), {}),
  () => new WeakMap(),
  () => /no/,
  () => Promise.resolve(),
  () => nested(200),
]

/** A value that a row may hold. */
function oddValue(random: Random, depth: number = 3): unknown {
  const kind = random.below(depth > 0 ? 8 : 4)
  const length = random.below(4)
  const some = <T>(make: () => T): T[] => Array.from({ length }, make)
  if (kind === 4) return some(() => oddValue(random, depth - 1))
  if (kind === 5) return oddObject(random, depth - 1)
  if (kind === 6) return new Map(some(() => [oddValue(random, 0), oddValue(random, depth - 1)]))
  if (kind === 7) return new Set(some(() => oddValue(random, depth - 1)))
  return kind === 3 ? pick(MADE, random)() : pick(ATOMS, random)()
}

/** A plain object with odd names as fields of its own. */
export function oddObject(random: Random, depth: number = 3): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (let i = random.below(5); i > 0; i--) {
    const value = oddValue(random, depth)
    // As a literal or `JSON.parse` would: not by assignment, which would set a prototype.
    Object.defineProperty(object, pick(NAMES, random), {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  return object
}

/** A value that must be refused, alone or inside something. */
export function refusedValue(random: Random): unknown {
  const value = pick(REFUSED, random)()
  const wrap = random.below(4)
  if (wrap === 1) return [1, { deep: value }]
  if (wrap === 2) return new Map([['key', value]])
  return wrap === 3 ? { a: { b: [value] } } : value
}

const KEYS: readonly unknown[] = [
  '',
  '\0',
  'a\0b',
  '\ufeff',
  '😀',
  '\uffff',
  '__proto__',
  'constructor',
  0,
  1,
  -1,
  0.5,
  1e308,
  -1e308,
  5e-324,
  Infinity,
  -Infinity,
  2 ** 53,
  2n ** 53n + 1n,
  -(2n ** 70n),
  10n ** 30n,
]

/** A primary key. */
export function oddKey(random: Random): unknown {
  const kind = random.below(6)
  if (kind === 0) return pick(KEYS, random)
  if (kind === 1) return random.next() * 2 ** random.below(1000)
  if (kind === 2) return BigInt(random.below(2 ** 30)) ** BigInt(1 + random.below(8))
  if (kind === 3) return new Date(random.below(2 ** 31) - 2 ** 30)
  if (kind === 4) return random.bytes(random.below(40))
  const length = random.below(50) === 0 ? 4000 : random.below(30)
  return Array.from({ length }, () =>
    String.fromCodePoint(random.below(2) === 0 ? random.below(0xd800) : 0xe000 + random.below(0x102000)),
  )
    .join('')
    .slice(0, 1000)
    .toWellFormed()
}

/** What can be no primary key. */
export const REFUSED_KEYS: readonly unknown[] = [
  Number.NaN,
  '\ud800',
  'a\udfff',
  null,
  undefined,
  true,
  {},
  [1],
  new Date(Number.NaN),
  'x'.repeat(4097),
  Symbol('no'),
  new Map(),
]

/** Arrays within arrays. */
function nested(levels: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

function pick<T>(list: readonly T[], random: Random): T {
  const value = list[random.below(list.length)]
  if (value === undefined && list.length === 0) throw new RangeError('nothing to pick from')
  return value as T // The index is below the length.
}
