/** Rows of every kind that can be stored, odd ones above all; and equality that sees every difference. */
import * as fc from 'fast-check'

/** Field names that trip up careless code. */
export const ODD_NAMES: readonly string[] = [
  '__proto__',
  '__keys__',
  'constructor',
  'toJSON',
  'hasOwnProperty',
  'toString',
  'valueOf',
  'length',
  '',
  '0',
  '-1',
  'a b',
  "it's",
  '"',
  '\\',
  '\u2028',
  '\0',
  '\ufeff',
  `\ufeff${'x'.repeat(70)}`,
  'é',
  '😀',
  'x'.repeat(40),
  'x__proto__',
]

const surrogatePair = '\u{1f600}'
const specialText = fc.constantFrom(
  '',
  '\0',
  '\ufeff',
  `\ufeff${'a'.repeat(80)}`,
  `a\ufeff${'a'.repeat(80)}`,
  '__proto__',
  surrogatePair.repeat(40),
  'é'.repeat(31),
  'é'.repeat(32),
  'a'.repeat(31),
  'a'.repeat(32),
  'a'.repeat(255),
  'a'.repeat(256),
  '\uffff'.repeat(100),
)
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 90 }), fc.string({ maxLength: 20 }), specialText)
const name = fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom(...ODD_NAMES), text)
const integers = [
  0,
  31,
  32,
  63,
  64,
  95,
  96,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
]
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    1e308,
    Number.MIN_VALUE,
    ...integers,
    ...integers.map((n) => -n),
  ),
)
const edges = [0n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n, 2n ** 71n, 2n ** 72n, 2n ** 127n, 2n ** 128n]
const bigint = fc.oneof(
  fc.bigInt(),
  fc.tuple(fc.constantFrom(...edges, ...edges.map((n) => -n)), fc.bigInt(-2n, 2n)).map(([a, b]) => a + b),
  fc.bigInt(-(2n ** 2000n), 2n ** 2000n),
)
const date = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(-8.64e15, -1, 0, 1, 8.64e15).map((ms) => new Date(ms)),
)
const scalar: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: fc.constantFrom(null, true, false), weight: 2 },
  { arbitrary: number, weight: 4 },
  { arbitrary: bigint, weight: 2 },
  { arbitrary: text, weight: 4 },
  { arbitrary: date, weight: 1 },
  { arbitrary: fc.uint8Array({ maxLength: 300 }), weight: 1 },
)

/** An object with these own properties, `__proto__` included. */
export function objectOf(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const object = {}
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return object
}

const { value, object } = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4, withCrossShrink: true },
    { arbitrary: scalar, weight: 6 },
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }).map((pairs) => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 3 }).map((members) => new Set(members)),
  ),
  object: fc.array(fc.tuple(name, tie('value')), { maxLength: 5 }).map(objectOf),
}))

/** Any value that can be stored. */
export const storable: fc.Arbitrary<unknown> = value

/** Any row that can be stored. */
export const storableRow: fc.Arbitrary<Record<string, unknown>> = object

/** Where `b` differs from `a` in any way that a program could see; undefined if nowhere. */
export function difference(a: unknown, b: unknown, path = 'row'): string | undefined {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
    return Object.is(a, b)
      ? undefined
      : `${path}: ${String(a)} (${typeof a}) became ${String(b)} (${typeof b})`
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: another class`
  if (a instanceof Date && b instanceof Date) return difference(a.getTime(), b.getTime(), `${path}.getTime()`)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return listDifference([...a], [...b], path)
  if (a instanceof Map && b instanceof Map) return listDifference([...a].flat(1), [...b].flat(1), path)
  if (a instanceof Set && b instanceof Set) return listDifference([...a], [...b], path)
  if (Array.isArray(a) && Array.isArray(b)) return listDifference(a, b, path)
  return listDifference(Reflect.ownKeys(a), Reflect.ownKeys(b), `${path} keys`) ?? fieldDifference(a, b, path)
}

function listDifference(a: readonly unknown[], b: readonly unknown[], path: string): string | undefined {
  if (a.length !== b.length) return `${path}: length ${a.length} became ${b.length}`
  for (const [i, member] of a.entries()) {
    const found = difference(member, b[i], `${path}[${i}]`)
    if (found !== undefined) return found
  }
  return undefined
}

function fieldDifference(a: object, b: object, path: string): string | undefined {
  for (const key of Object.keys(a)) {
    const left: unknown = Object.getOwnPropertyDescriptor(a, key)?.value
    const right: unknown = Object.getOwnPropertyDescriptor(b, key)?.value
    const found = difference(left, right, `${path}[${JSON.stringify(key)}]`)
    if (found !== undefined) return found
  }
  return undefined
}
