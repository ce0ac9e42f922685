/** Which rows a workload takes: uniform or zipfian, the same for a seed. */

/** A small generator of pseudo-random numbers from 0 to 1 (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `length` whole numbers below `below`. */
export function uniform(length, below, seed) {
  const random = randomFrom(seed)
  return Uint32Array.from({ length }, () => Math.floor(random() * below))
}

/** How skewed: YCSB's constant. */
const THETA = 0.99
/** A prime by which ranks are spread over all rows, so that those often taken are no neighbours, in keys or in time. */
const SPREAD = 7_368_787

function zeta(n) {
  let sum = 0
  for (let i = 1; i <= n; i++) sum += 1 / i ** THETA
  return sum
}

/** `length` whole numbers below `below`, some much more often than others (Gray's method, as YCSB has it). */
export function zipfian(length, below, seed) {
  const random = randomFrom(seed)
  const zetaOfAll = zeta(below)
  const alpha = 1 / (1 - THETA)
  const eta = (1 - (2 / below) ** (1 - THETA)) / (1 - zeta(2) / zetaOfAll)
  const rank = () => {
    const u = random()
    const share = u * zetaOfAll
    if (share < 1) return 0
    if (share < 1 + 0.5 ** THETA) return 1
    return Math.min(below - 1, Math.floor(below * (eta * u - eta + 1) ** alpha))
  }
  return Uint32Array.from({ length }, () => (rank() * SPREAD) % below)
}
