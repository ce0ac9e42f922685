/**
 * The rows that all peers store: 10 fields, about 200 bytes as JSON, random keys of 16 characters.
 *
 * Every row is a function of the seed and its number alone, so that a process that reads knows what row `i` must be without
 * making all rows before it. Fields that indexes are on: `group`, a string that ten rows share, in no order, and `score`, a number.
 */
const SEED = 0x5eed
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const CITIES = ['Lisbon', 'Oslo', 'Quito', 'Hanoi', 'Dakar', 'Perth', 'Turin', 'Kyoto']
export const ROWS_OF_A_GROUP = 10
/** Scores are below this, with two digits after the point. */
export const SCORES = 10_000

/** A whole number below 2^32 out of two, without pattern (the finalizer of MurmurHash3). */
function mixed(i, salt) {
  let x = (Math.imul(i, 0x9e3779b1) ^ Math.imul(salt + SEED, 0x85ebca6b)) >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** `words` times four letters or digits of row `i`. In one piece, not a rope that its first user would have to join. */
function lettersAt(i, salt, words) {
  const codes = []
  for (let word = 0; word < words; word++) {
    let rest = mixed(i, salt + word)
    for (let letter = 0; letter < 4; letter++) {
      codes.push(LETTERS.charCodeAt(rest % LETTERS.length))
      rest = Math.floor(rest / LETTERS.length)
    }
  }
  return String.fromCharCode(...codes)
}

/** The key of row `i`. */
export const keyAt = (i) => lettersAt(i, 0, 4)

/** The name of a group. There are `count / ROWS_OF_A_GROUP` of them. */
export const groupName = (group) => `group-${String(group).padStart(7, '0')}`

/** What `created` of row `i` is: a number that nearly no other row has, by which reads are checked. */
export const createdAt = (i) => 1_700_000_000_000 + mixed(i, 9)

/** Row `i` of `count`. Rows beyond `count` are those that a workload adds. */
export function rowAt(i, count) {
  const bits = mixed(i, 5)
  return {
    id: keyAt(i),
    name: `${lettersAt(i, 10, 1)} ${lettersAt(i, 11, 3)}`,
    email: `${lettersAt(i, 14, 2)}@example.org`,
    age: bits % 90,
    score: (mixed(i, 6) % (SCORES * 100)) / 100,
    active: (bits >>> 30) % 2 === 1,
    city: CITIES[(bits >>> 20) % CITIES.length],
    created: createdAt(i),
    level: (bits >>> 10) % 10,
    group: groupName((i * 7919) % Math.ceil(count / ROWS_OF_A_GROUP)),
  }
}

/** Rows `first` to `first + length - 1`, with strings in one piece, as rows have them that came over a network. */
export function rowsFrom(first, length, count) {
  return JSON.parse(JSON.stringify(Array.from({ length }, (_, i) => rowAt(first + i, count))))
}
