/**
 * Ways to lose power at one boundary, to be gone through by a test. Each choice prints well with `JSON.stringify`.
 */
import type { Choice, PowerCutStorage, Tear } from './power-cut-storage.js'
import { randomFrom } from './random.js'

export interface SubsetOptions {
  /** Up to this many open operations, every subset; above, samples. Default 12. */
  readonly exhaustiveUpTo?: number | undefined
  /** How many samples. Default 500. */
  readonly samples?: number | undefined
  readonly seed: number
}

/** Every subset of the operations that may or may not survive a cut at `boundary`, or samples of them, always with none and all. */
export function* subsetsAt(
  storage: PowerCutStorage,
  boundary: number,
  options: SubsetOptions,
): Generator<Choice, void> {
  const open = storage.openAt(boundary)
  const { exhaustiveUpTo = 12, samples = 500, seed } = options
  if (open.length <= exhaustiveUpTo) {
    for (let mask = 0; mask < 2 ** open.length; mask++) {
      yield { survivors: open.filter((_, bit) => (mask & (1 << bit)) !== 0) }
    }
    return
  }
  yield 'none'
  yield 'all'
  const random = randomFrom(seed)
  for (let sample = 2; sample < samples; sample++) {
    yield { survivors: open.filter(() => random.next() < 0.5) }
  }
}

export interface TearOptions {
  /** Distance between two lengths that are kept, in bytes. Default 1. */
  readonly step?: number | undefined
  /** What stands in place of the rest. Default: all four. */
  readonly rests?: readonly Tear['rest'][] | undefined
  readonly seed?: number | undefined
}

/** The last open write at `boundary` torn at every `step` bytes, all other operations being there. Nothing if there is none. */
export function* tearsAt(
  storage: PowerCutStorage,
  boundary: number,
  options: TearOptions = {},
): Generator<Choice, void> {
  const { step = 1, rests = ['absent', 'stale', 'zeros', 'garbage'], seed = 0 } = options
  const operation = storage.openAt(boundary).findLast((index) => storage.log[index]?.kind === 'write')
  const write = operation === undefined ? undefined : storage.log[operation]
  if (write?.kind !== 'write') return
  for (let keep = 0; keep < write.bytes.length; keep += step) {
    for (const rest of rests) yield { survivors: 'all', tear: { operation, keep, rest, seed: seed + keep } }
  }
}
