/**
 * The rows that every benchmark uses: 10 fields, about 200 bytes as JSON, 16-character random keys; the same for a seed.
 */

/** A small generator of pseudo-random 32-bit numbers (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return (x ^ (x >>> 14)) >>> 0
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const CITIES = ['Lisbon', 'Oslo', 'Quito', 'Hanoi', 'Dakar', 'Perth', 'Turin', 'Kyoto']

/** The key of row `i`: random letters that end in the row's number, so that no two are the same. */
function keyOf(i, random) {
  const tail = i.toString(36)
  let key = ''
  while (key.length < 16 - tail.length) key += LETTERS[random() % LETTERS.length]
  return key + tail
}

export function* rows(count, seed) {
  const random = randomFrom(seed)
  for (let i = 0; i < count; i++) {
    const key = keyOf(i, random)
    yield {
      id: key,
      name: `${key.slice(0, 8)} ${key.slice(8)}`,
      email: `${key.slice(0, 6)}@example.org`,
      age: random() % 90,
      score: (random() % 100_000) / 100,
      active: (random() & 1) === 1,
      city: CITIES[random() % CITIES.length],
      created: 1_700_000_000_000 + (random() % 1_000_000_000),
      level: random() % 10,
      note: key.slice(2, 14),
    }
  }
}

/** The keys of the same rows, in the same order. */
export function keys(count, seed) {
  return Array.from(rows(count, seed), (row) => row.id)
}

/** `count` whole numbers below `below`, for choosing keys. */
export function choices(count, below, seed) {
  const random = randomFrom(seed)
  return Uint32Array.from({ length: count }, () => random() % below)
}
