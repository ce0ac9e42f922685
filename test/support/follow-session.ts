/**
 * A writer, a follower and a live feed over one storage: random steps as data, faults and crashes among them, and the
 * comparison of what the three know.
 *
 * The oracle: after a look the follower is at the writer's last commit with the writer's rows; at any other moment, if the commit
 * that it is at is one that was acknowledged, its rows are those of that commit. What the feed tells, applied to maps,
 * comes to the same rows; it may begin anew only when it said that history went back.
 */
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  type Change,
  type Commit,
  Database,
  MemoryStorage,
  type Row,
  type Storage,
  VarveError,
} from '../../src/index.js'
import { FaultyStorage } from './faulty-storage.js'
import { collectionText, stateOf, textOf } from './model-text.js'

const PATH = 'followed.varve'
const NAMES = ['x', 'y'] as const
/** The position of a database before its first commit. */
const NOTHING = '0-00000000'
const KEYS = ['a', 'b', 'c', 'd'] as const

type RowStep = {
  readonly kind: 'put' | 'delete'
  readonly name: string
  readonly key: string
  readonly value: number
}

export type FollowStep =
  | RowStep
  | { readonly kind: 'transaction'; readonly writes: readonly RowStep[]; readonly rowBytes: number }
  | { readonly kind: 'register' | 'drop'; readonly name: string }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'checkpoint' | 'compact' | 'reopen' | 'look' | 'turn' }
  /** A write that fails after some of its bytes; the writer cuts it back. */
  | { readonly kind: 'failedWrite'; readonly short: 0 | 'half' | 'allButOne' }
  /** The writer dies within a write, or behind it; another one recovers. */
  | { readonly kind: 'crash'; readonly short: 0 | 'half' | 'allButOne' | undefined }
  /** Harsher than a power cut, which followers would not survive: the last commits, which they may have seen, are gone. */
  | { readonly kind: 'powerCut'; readonly commits: number }
  /** The writer dies at any call of the storage that a compaction makes. */
  | { readonly kind: 'crashInCompaction'; readonly nth: number }

/** Calls of the storage that a compaction of a few rows makes, and more. */
const COMPACTION_CALLS = 80

export function followSteps(): fc.Arbitrary<FollowStep[]> {
  const name = fc.constantFrom(...NAMES)
  const short = fc.constantFrom(0 as const, 'half' as const, 'allButOne' as const)
  const row: fc.Arbitrary<RowStep> = fc.record({
    kind: fc.constantFrom('put' as const, 'put' as const, 'delete' as const),
    name,
    key: fc.constantFrom(...KEYS),
    value: fc.nat(99),
  })
  const weighted = (
    weight: number,
    arbitrary: fc.Arbitrary<FollowStep>,
  ): fc.WeightedArbitrary<FollowStep> => ({ weight, arbitrary })
  const plain = fc.constantFrom(
    'checkpoint' as const,
    'compact' as const,
    'reopen' as const,
    'look' as const,
    'turn' as const,
  )
  return fc.array(
    fc.oneof(
      weighted(8, row),
      weighted(
        2,
        fc.record({
          kind: fc.constant('transaction' as const),
          writes: fc.array(row, { minLength: 1, maxLength: 4 }),
          rowBytes: fc.constantFrom(10, 3000, 2_500_000),
        }),
      ),
      weighted(
        2,
        fc.record({ kind: fc.constantFrom('register' as const, 'register' as const, 'drop' as const), name }),
      ),
      weighted(1, fc.record({ kind: fc.constant('rename' as const), name, to: name })),
      weighted(
        6,
        plain.map((kind) => ({ kind })),
      ),
      weighted(1, fc.record({ kind: fc.constant('failedWrite' as const), short })),
      weighted(
        1,
        fc.record({ kind: fc.constant('crash' as const), short: fc.option(short, { nil: undefined }) }),
      ),
      weighted(
        1,
        fc.record({ kind: fc.constant('powerCut' as const), commits: fc.integer({ min: 1, max: 3 }) }),
      ),
      weighted(
        1,
        fc.record({
          kind: fc.constant('crashInCompaction' as const),
          nth: fc.integer({ min: 1, max: COMPACTION_CALLS }),
        }),
      ),
    ),
    { minLength: 5, maxLength: 40 },
  )
}

/** What a feed tells, applied. */
export class Replica {
  position: string | undefined
  restarts = 0
  readonly positions: string[] = []
  #collections = new Map<string, Map<string, Row>>()

  apply({ position, base, changes }: Commit): void {
    if (base) this.#collections = new Map()
    for (const change of changes) this.#change(change)
    this.position = position
    this.positions.push(position)
  }

  forget(): void {
    this.#collections = new Map()
    this.position = undefined
    this.restarts += 1
    this.positions.length = 0
  }

  text(): string {
    const names = [...this.#collections.keys()].toSorted()
    return names
      .map((name) => collectionText(name, [...(this.#collections.get(name)?.values() ?? [])].map(textOf)))
      .join('\n')
  }

  #change(change: Change): void {
    const rows = this.#collections.get(change.collection) ?? new Map<string, Row>()
    if (change.operation === 'register') this.#collections.set(change.collection, rows)
    else if (change.operation === 'drop') this.#collections.delete(change.collection)
    else if (change.operation === 'put') rows.set(textOf(change.key), change.row ?? {})
    else if (change.operation === 'delete') rows.delete(textOf(change.key))
    else if (change.operation === 'rename') {
      this.#collections.set(change.collection, this.#collections.get(change.from) ?? new Map())
      this.#collections.delete(change.from)
    }
  }
}

export class FollowSession {
  readonly #storage: Storage = new MemoryStorage()
  /** By position, the rows of every acknowledged commit. */
  readonly #states = new Map<string, string>()
  readonly replica: Replica = new Replica()
  readonly #controller = new AbortController()
  /** Sizes of the file behind the commits of this session. */
  #sizes: number[] = []
  /** How often the follower found a row decoded in memory. */
  rowHits = 0
  /** Whether the power was cut: then the file may be too short until the next open. */
  #lost = false
  #faulty = new FaultyStorage(this.#storage)
  #writer: Database | undefined
  #follower: Database | undefined
  #feeding: Promise<void> | undefined
  readonly #cacheBytes: number

  /** With a cache of some megabytes the follower keeps decoded rows. */
  constructor(cacheBytes: number = 64 * 1024) {
    this.#cacheBytes = cacheBytes
  }

  async run(steps: readonly FollowStep[]): Promise<void> {
    await this.#open()
    this.#follower = await Database.open(PATH, {
      storage: this.#storage,
      mode: 'follow',
      cacheBytes: this.#cacheBytes,
    })
    this.#feeding = this.#feed(this.#follower)
    for (const step of steps) {
      await this.#step(step)
      this.#checkAnyMoment()
    }
    await this.#look()
    await this.#feedArrives()
    expect(this.replica.text()).toBe(stateOf(this.writer))
    this.#controller.abort()
    await this.#feeding
    await this.follower.close()
    await this.writer.close()
  }

  get writer(): Database {
    if (this.#writer === undefined) throw new TypeError('No writer yet.')
    return this.#writer
  }

  get follower(): Database {
    if (this.#follower === undefined) throw new TypeError('No follower yet.')
    return this.#follower
  }

  async #open(): Promise<void> {
    this.#faulty = new FaultyStorage(this.#storage)
    this.#writer = await Database.open(PATH, { storage: this.#faulty, durability: 'os' })
    this.#sizes = []
    this.#note()
  }

  #note(): void {
    this.#states.set(this.writer.position, stateOf(this.writer))
    this.#sizes.push(this.writer.stats().fileBytes)
  }

  async #step(step: FollowStep): Promise<void> {
    switch (step.kind) {
      case 'look':
        return await this.#look()
      case 'turn':
        return await new Promise((resolve) => setTimeout(resolve, 3))
      case 'checkpoint':
        return await this.writer.checkpoint()
      case 'compact':
        await this.writer.compact()
        this.#sizes = []
        return
      case 'reopen':
        await this.writer.close()
        return await this.#open()
      case 'failedWrite':
        return await this.#failedWrite(step.short)
      case 'crash':
        return await this.#crash(step.short)
      case 'powerCut':
        return await this.#powerCut(step.commits)
      case 'crashInCompaction':
        return await this.#crashInCompaction(step.nth)
      default:
        await this.#write(step).catch(refusalOnly)
        this.#note()
    }
  }

  async #write(step: FollowStep): Promise<unknown> {
    const { writer } = this
    if (step.kind === 'put') return await writer.put(step.name, { id: step.key, value: step.value })
    if (step.kind === 'delete') return await writer.delete(step.name, step.key)
    if (step.kind === 'register') return await writer.registerCollection(step.name, undefined, 'id')
    if (step.kind === 'drop') return await writer.dropCollection(step.name)
    if (step.kind === 'rename') return await writer.renameCollection(step.name, step.to)
    if (step.kind !== 'transaction') return undefined
    return await writer.transaction((tx) => {
      for (const { kind, name, key, value } of step.writes) {
        if (kind === 'delete') tx.collection(name).delete(key)
        else tx.collection(name).put({ id: key, value, text: 'x'.repeat(step.rowBytes) })
      }
    })
  }

  async #failedWrite(short: 0 | 'half' | 'allButOne'): Promise<void> {
    this.#faulty.plan({
      operation: 'write',
      path: PATH,
      fault: short === 0 ? { short } : { short, nextError: 'ENOSPC' },
    })
    await this.writer.registerCollection(`failing`, undefined, 'id').catch(() => undefined)
    this.#faulty.heal()
    this.#note()
  }

  async #crash(short: 0 | 'half' | 'allButOne' | undefined): Promise<void> {
    const fatal = { error: 'EIO' } as const
    if (short !== undefined) this.#faulty.plan({ operation: 'write', path: PATH, fault: { short } })
    for (const operation of ['sync', 'truncate'] as const)
      this.#faulty.plan({ operation, times: Infinity, fault: fatal })
    this.#faulty.plan({ operation: 'write', nth: short === undefined ? 1 : 2, times: Infinity, fault: fatal })
    await this.writer.registerCollection(`crashing`, undefined, 'id').catch(() => undefined)
    await this.writer.close().catch(() => undefined)
    await this.#open()
  }

  async #powerCut(commits: number): Promise<void> {
    const size = this.#sizes.at(-1 - commits)
    await this.#look()
    await this.#die()
    const file = this.#storage.open(PATH, 'readWrite')
    if (size !== undefined && size < file.size()) {
      file.truncate(size)
      this.#lost = true
    }
    file.close()
    await this.#open()
    // Until it looks again, it may come to rows whose bytes are gone.
    await this.#look()
  }

  /** Nothing more reaches the file. */
  async #die(): Promise<void> {
    this.#faulty.plan({ operation: 'any', times: Infinity, fault: { error: 'EIO' } })
    await this.writer.close().catch(() => undefined)
  }

  async #crashInCompaction(nth: number): Promise<void> {
    this.#faulty.plan({ operation: 'any', nth, times: Infinity, fault: { error: 'EIO' } })
    await this.writer.compact().catch(() => undefined)
    await this.#die()
    await this.#open()
  }

  async #look(): Promise<void> {
    await this.follower.refresh()
    expect(this.follower.position).toBe(this.writer.position)
    expect(stateOf(this.follower)).toBe(stateOf(this.writer))
    this.#checkGets()
  }

  #checkAnyMoment(): void {
    const known = this.#states.get(this.follower.position)
    if (known === undefined) return
    expect(stateOf(this.follower)).toBe(known)
    this.#checkGets()
  }

  /** What is found by a key, also in memory, is what a walk finds. */
  #checkGets(): void {
    const { follower } = this
    for (const name of follower.collectionNames()) {
      const rows = new Map(Array.from(follower.collection(name).range(), (row) => [row['id'], row]))
      for (let again = 0; again < 3; again++)
        for (const key of KEYS) expect(follower.get(name, key)).toEqual(rows.get(key))
    }
    this.rowHits = follower.stats().cache.rowHits
  }

  async #feed(follower: Database): Promise<void> {
    const { signal } = this.#controller
    while (!signal.aborted) {
      try {
        const feed = follower.changes({ since: 'start', live: true, signal })
        for await (const commit of feed) this.replica.apply(commit)
      } catch (error) {
        const wentBack = VarveError.is(error, 'VARVE_DIVERGED') || VarveError.is(error, 'VARVE_HISTORY_GONE')
        const isShort = this.#lost && VarveError.is(error, 'VARVE_CORRUPTION')
        if (!wentBack && !isShort) throw error
        this.replica.forget()
        // What it waits for comes in turns of the event loop.
        await new Promise(setImmediate)
      }
    }
  }

  async #feedArrives(): Promise<void> {
    while ((this.replica.position ?? NOTHING) !== this.writer.position) await new Promise(setImmediate)
    expect(new Set(this.replica.positions).size).toBe(this.replica.positions.length)
  }
}

function refusalOnly(error: unknown): void {
  if (!VarveError.is(error, 'VARVE_SCHEMA')) throw error
}
