/**
 * The seed of a test run.
 *
 * `VARVE_SEED` fixes it. Without it the test runner's configuration draws one, prints it, and hands it to every test
 * process in that variable: all files of a run share one seed, and `VARVE_SEED=<seed>` repeats the run.
 */

/** An unsigned 32-bit integer, the same on every call in a process where `VARVE_SEED` is set. */
export function runSeed(): number {
  const text = process.env['VARVE_SEED']
  if (text === undefined || text === '') return Math.floor(Math.random() * 2 ** 32)
  const seed = Number(text)
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new TypeError(`VARVE_SEED must be an integer from 0 to 4294967295, not ${text}`)
  }
  return seed
}
