/**
 * Random workloads: what a program does to a database, as data, from a seed.
 */
import type { Durability } from '../../src/engine/batch.js'
import { DEFAULT_CACHE_BYTES } from '../../src/format/limits.js'
import type { Row } from '../../src/format/value.js'
import { type CollectionKind, Model, type ModelKey, type Operation } from './model.js'
import { type Random, randomFrom } from './random.js'

/** Part of a transaction: an operation, or a savepoint that is kept or rolled back. */
export type TransactionItem =
  Operation | { readonly savepoint: readonly Operation[]; readonly fails: boolean }

export type Step =
  /** One write, as a promise that may not be awaited at once, or blocking. */
  | { readonly do: 'write'; readonly sync: boolean; readonly operation: Operation }
  | {
      readonly do: 'transaction'
      readonly form: 'plain' | 'async' | 'sync'
      readonly items: readonly TransactionItem[]
      /** Whether the callback throws in the end; with `retried`, it is run again and then does not. */
      readonly fails: boolean
      readonly retried: boolean
    }
  /** Waits for everything under way. */
  | { readonly do: 'settle' }
  | { readonly do: 'sync'; readonly sync: boolean }
  /** Moves the clock on, past idle and interval timers. */
  | { readonly do: 'tick' }
  | { readonly do: 'reopen'; readonly sync: boolean }
  /** Asks for a checkpoint; if it is not awaited, what follows runs between its slices. */
  | { readonly do: 'checkpoint'; readonly awaited: boolean }
  /** Asks for a compaction, likewise; with `retained` the last commits are kept as they are. */
  | { readonly do: 'compact'; readonly awaited: boolean; readonly retained: number | undefined }
  /** Takes a snapshot and keeps it; or compares all that are kept, and closes the oldest. */
  | { readonly do: 'snapshot' }
  | { readonly do: 'lookBack' }

export interface Workload {
  readonly seed: number
  readonly durability: Durability
  /** Whether zeros are laid ahead. */
  readonly layAhead: boolean
  /** Undefined for the default. */
  readonly cacheBytes?: number | undefined
  /** Of a checkpoint; undefined for the default. */
  readonly sliceBytes?: number | undefined
  readonly steps: readonly Step[]
}

export interface WorkloadOptions {
  readonly steps?: number | undefined
  readonly durability?: Durability | undefined
  readonly layAhead?: boolean | undefined
  /** Whether blocking calls happen while asynchronous ones are under way. Default true. */
  readonly mixed?: boolean | undefined
  /** Whether there are checkpoints and snapshots; else only what the policy asks for. Default: in every second workload. */
  readonly indexed?: boolean | undefined
}

const NAMES = ['alpha', 'beta', 'gamma'] as const
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const FIELDS = ['one', 'two', 'three', 'four', 'five', 'six'] as const

const CACHES = [0, 0, 64 * 1024, 256 * 1024, 1024 * 1024, DEFAULT_CACHE_BYTES] as const
const SLICES = [1, 1500, 256 * 1024] as const
/** Of keys so long, a few dozen make a tree of three levels, and are more than a tiny cache holds. */
const LONG_KEY_BYTES = 900
const LONG_KEYS = 26

export function randomWorkload(seed: number, options: WorkloadOptions = {}): Workload {
  const random = randomFrom(seed)
  const indexed = options.indexed ?? seed % 2 === 0
  const generator = new Generator(random, { mixed: options.mixed ?? true, indexed })
  const durabilities = ['commit', 'commit', 'interval', 'os'] as const
  const durability = pick(random, durabilities)
  const layAhead = random.below(4) === 0
  return {
    seed,
    durability: options.durability ?? durability,
    layAhead: options.layAhead ?? layAhead,
    cacheBytes: pick(random, CACHES),
    sliceBytes: pick(random, SLICES),
    steps: generator.steps(options.steps ?? 11),
  }
}

function longKey(n: number): string {
  return `${'long'.repeat(LONG_KEY_BYTES / 4)}${n}`
}

class Generator {
  readonly #random: Random
  readonly #mixed: boolean
  readonly #indexed: boolean
  /** Whether there are many rows of long keys. */
  readonly #tall: boolean
  /** Follows along, so that most operations hit something. */
  readonly #model = new Model()

  constructor(random: Random, { mixed, indexed }: { readonly mixed: boolean; readonly indexed: boolean }) {
    this.#random = random
    this.#mixed = mixed
    this.#indexed = indexed
    this.#tall = indexed && random.below(3) > 0
  }

  steps(count: number): Step[] {
    const first: Step = { do: 'write', sync: this.#chance(2), operation: this.#followed(this.#register()) }
    const steps: Step[] = [first]
    if (this.#tall) steps.push(...this.#manyRows(), { do: 'settle' })
    const end = steps.length - 1 + count
    while (steps.length < end) {
      const step = this.#step()
      const blocking = 'sync' in step ? step.sync : step.do === 'transaction' && step.form === 'sync'
      if (blocking && !this.#mixed) steps.push({ do: 'settle' })
      steps.push(step)
    }
    steps.push({ do: 'settle' })
    return steps
  }

  /** A collection whose index has several levels. */
  #manyRows(): Step[] {
    const name = this.#model.names().find((each) => this.#model.kindOf(each) === 'text') ?? NAMES[1]
    const register: Operation = { kind: 'register', name, as: 'text' }
    const rows = Array.from({ length: LONG_KEYS }, (_, n) => ({ id: longKey(n), one: n }))
    return [register, { kind: 'insertMany', name, rows } as const].map((operation) => ({
      do: 'write',
      sync: false,
      operation: this.#followed(operation),
    }))
  }

  #step(): Step {
    if (this.#indexed && this.#chance(4)) return this.#indexStep()
    const sync = this.#chance(4)
    const dice = this.#random.below(100)
    if (dice < 55) return { do: 'write', sync, operation: this.#operation() }
    if (dice < 75) return this.#transaction()
    if (dice < 85) return { do: 'settle' }
    if (dice < 91) return { do: 'sync', sync }
    if (dice < 95) return { do: 'tick' }
    return { do: 'reopen', sync }
  }

  #indexStep(): Step {
    const dice = this.#random.below(12)
    if (dice < 6) return { do: 'checkpoint', awaited: this.#chance(2) }
    if (dice < 8) return this.#compaction()
    return { do: dice < 10 ? 'snapshot' : 'lookBack' }
  }

  #compaction(): Step {
    const retained = this.#chance(3) ? this.#random.below(5) : undefined
    return { do: 'compact', awaited: this.#chance(2), retained }
  }

  #transaction(): Step {
    const form = pick(this.#random, ['plain', 'async', 'sync'] as const)
    const fails = this.#chance(3)
    const retried = fails && this.#chance(2)
    const saved = this.#model.save()
    const items = Array.from({ length: this.#random.below(5) }, () => this.#item())
    if (fails && !retried) this.#model.restore(saved)
    return { do: 'transaction', form, items, fails, retried }
  }

  #item(): TransactionItem {
    if (!this.#chance(4)) return this.#operation()
    const fails = this.#chance(2)
    const saved = this.#model.save()
    const savepoint = Array.from({ length: 1 + this.#random.below(3) }, () => this.#operation())
    if (fails) this.#model.restore(saved)
    return { savepoint, fails }
  }

  #operation(): Operation {
    return this.#followed(this.#randomOperation())
  }

  #followed(operation: Operation): Operation {
    try {
      this.#model.apply(operation)
    } catch {
      // Refused: a workload has such operations too.
    }
    return operation
  }

  #randomOperation(): Operation {
    const name = this.#model.names().length === 0 ? NAMES[0] : pick(this.#random, this.#model.names())
    const dice = this.#random.below(100)
    if (dice < 40) return { kind: 'put', name, row: this.#row(name) }
    if (dice < 50) return { kind: 'insert', name, row: this.#row(name) }
    if (dice < 65) return { kind: 'update', name, key: this.#key(name), patch: this.#patch() }
    if (dice < 78) return { kind: 'delete', name, key: this.#key(name) }
    if (dice < 86) {
      return {
        kind: 'insertMany',
        name,
        rows: Array.from({ length: this.#random.below(4) }, () => this.#row(name)),
      }
    }
    if (dice < 94) return this.#register()
    if (dice < 97) return { kind: 'rename', name, to: pick(this.#random, NAMES) }
    return { kind: 'drop', name }
  }

  #register(): Operation {
    const as: CollectionKind = this.#chance(2) ? 'text' : 'count'
    return { kind: 'register', name: pick(this.#random, NAMES), as }
  }

  #key(name: string): ModelKey {
    const keys = this.#model.keys(name)
    if (keys.length > 0 && !this.#chance(5)) return pick(this.#random, keys)
    if (this.#model.kindOf(name) === 'count') return this.#random.below(9)
    return this.#tall ? longKey(this.#random.below(2 * LONG_KEYS)) : pick(this.#random, KEYS)
  }

  #row(name: string): Row {
    const row: Row = {}
    const counted = this.#model.kindOf(name) === 'count'
    if (!counted || this.#chance(3)) row['id'] = this.#key(name)
    for (const field of FIELDS) if (this.#chance(3)) row[field] = this.#value()
    return row
  }

  #patch(): Row {
    const patch: Row = {}
    for (const field of FIELDS) {
      if (this.#chance(3)) patch[field] = this.#chance(4) ? undefined : this.#value()
    }
    return patch
  }

  #value(): unknown {
    const random = this.#random
    switch (random.below(8)) {
      case 0:
        return random.below(1000)
      case 1:
        return 'text'.repeat(random.below(40))
      case 2:
        return new Date(random.below(1e9))
      case 3:
        return { inner: random.below(9), [pick(random, FIELDS)]: [random.below(9), 'x'] }
      case 4:
        return BigInt(random.below(1e9))
      case 5:
        return this.#chance(12) ? 'large'.repeat(15_000) : new Uint8Array(random.below(300))
      case 6:
        return random.next()
      default:
        return this.#chance(2)
    }
  }

  #chance(oneIn: number): boolean {
    return this.#random.below(oneIn) === 0
  }
}

function pick<T>(random: Random, from: readonly [T, ...T[]] | readonly T[]): T {
  const chosen = from[random.below(from.length)]
  if (chosen === undefined) throw new RangeError('Nothing to pick from.')
  return chosen
}
