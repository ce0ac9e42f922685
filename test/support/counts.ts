/**
 * How often, and from which seed, the randomised suites run.
 *
 * A suite states two counts: one for every CI run, one for the long run (`VARVE_LONG=1`). `VARVE_COUNT` multiplies
 * whichever is chosen.
 */
import { runSeed } from './seed.js'

/** Whether this is the long run. */
export const long: boolean = process.env['VARVE_LONG'] === '1'

/** The seed of this run, an unsigned 32-bit integer; hand it to fast-check and to every generator. */
export const seed: number = runSeed()

/** How many cases to run: `ciCount`, or `longCount` in the long run, times `VARVE_COUNT`; at least one. */
export function count(ciCount: number, longCount: number): number {
  return Math.max(1, Math.round((long ? longCount : ciCount) * multiplier()))
}

/** Of a list of like cases, every one in the long run, else one in so many: other ones with another seed. */
export function sampled<T>(cases: readonly T[], oneIn: number): T[] {
  return cases.filter((_, i) => long || (i + seed) % oneIn === 0)
}

function multiplier(): number {
  const text = process.env['VARVE_COUNT']
  if (text === undefined || text === '') return 1
  const factor = Number(text)
  if (!Number.isFinite(factor) || factor <= 0) {
    throw new TypeError(`VARVE_COUNT must be a positive number, not ${text}`)
  }
  return factor
}

/** Ends a test that hangs, on the slowest machine and in the long run; decides nothing. */
export const UNHURRIED_MS: number = 24 * 3_600_000
