/**
 * A writer in this process, and followers in others and in worker threads, over one file: what they saw is compared with what was
 * written, commit by commit.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import { Database } from '../../src/index.js'
import { randomFrom } from './random.js'

const ENTRY = new URL('../../dist/index.js', import.meta.url).href
const PROGRAM = new URL('./follower-program.mjs', import.meta.url)
const KEYS = 400
/** How much more memory a follower may take in the second half of its time than in the first. */
const GROWTH_BYTES = 64 * 1024 * 1024

export interface FollowRun {
  readonly path: string
  readonly durationMs: number
  readonly seed: number
  readonly processes: number
  readonly threads: number
  /** A commit that followers do not count: the comparison must see it. */
  readonly leaveOut?: number | undefined
}

/** What a follower says in the end. */
interface FollowerReport {
  readonly commits: number
  readonly hash: number
  readonly samples: readonly (readonly [sequence: number, sum: number])[]
  readonly medianLatencyUs: number
  readonly memory: readonly [firstHalf: number, secondHalf: number]
  readonly generations: number
  readonly reloads: number
}

interface FollowerHandle {
  readonly opened: Promise<void>
  /** Tells it up to which commit to go. */
  stop(sequence: number): Promise<FollowerReport>
  kill(): void
}

/** What a run came to, for people. */
export interface FollowSummary {
  readonly commits: number
  readonly compactions: number
  readonly samples: number
  readonly medianLatencyMs: readonly number[]
}

export async function runFollowers(run: FollowRun): Promise<FollowSummary> {
  const writer = new Writer(run)
  await writer.open()
  const { path, leaveOut = 0 } = run
  const followers = [
    ...Array.from({ length: run.processes }, () => followerProcess([ENTRY, path, String(leaveOut)])),
    ...Array.from({ length: run.threads }, () => followerThread([ENTRY, path, String(leaveOut)])),
  ]
  try {
    await Promise.all(followers.map(({ opened }) => opened))
    await writer.write()
    const reports = await Promise.all(followers.map((follower) => follower.stop(writer.lastSequence)))
    for (const report of reports) writer.compare(report)
    return {
      commits: writer.commits,
      compactions: writer.compactions,
      samples: reports.reduce((sum, { samples }) => sum + samples.length, 0),
      medianLatencyMs: reports.map(({ medianLatencyUs }) => medianLatencyUs / 1000),
    }
  } finally {
    for (const follower of followers) follower.kill()
    await writer.close()
  }
}

class Writer {
  commits = 0
  compactions = 0
  readonly #run: FollowRun
  readonly #random: ReturnType<typeof randomFrom>
  #db: Database | undefined
  #feedHash = 0
  readonly #sums = new Map<number, number>()

  constructor(run: FollowRun) {
    this.#run = run
    this.#random = randomFrom(run.seed)
  }

  get db(): Database {
    if (this.#db === undefined) throw new TypeError('Not open yet.')
    return this.#db
  }

  get lastSequence(): number {
    return this.db.commitSequence
  }

  async open(): Promise<void> {
    this.#db = await Database.open(this.#run.path)
    if (this.db.collectionNames().length > 0) return
    await this.db.registerCollection('rows', undefined, 'id')
    this.#committed()
  }

  async close(): Promise<void> {
    await this.db.close()
  }

  /** Commits one after the other, and between them checkpoints, compactions, and sessions that end and begin. */
  async write(): Promise<void> {
    const end = performance.now() + this.#run.durationMs
    const compactEveryMs = Math.max(400, this.#run.durationMs / 20)
    let compactAt = performance.now() + compactEveryMs
    let compacting: Promise<unknown> | undefined
    for (let round = 0; performance.now() < end; round++) {
      await this.#commit()
      if (round % 200 === 100) void this.db.checkpoint()
      if (performance.now() >= compactAt && compacting === undefined) {
        compactAt = performance.now() + compactEveryMs
        compacting = this.db.compact().then(() => {
          this.compactions += 1
          compacting = undefined
        })
      }
      if (round % 500 === 499) {
        await compacting
        await this.close()
        await this.open()
      }
      if (this.#random.below(4) === 0)
        await new Promise((resolve) => setTimeout(resolve, this.#random.below(6)))
    }
    await compacting
  }

  async #commit(): Promise<void> {
    const rows = Array.from({ length: this.#random.below(8) === 0 ? 30 : 1 }, () => this.#row())
    await this.db.transaction((tx) => {
      for (const row of rows) {
        if (row.value % 5 === 0) tx.collection('rows').delete(row.id)
        else tx.collection('rows').put(row)
      }
      // So that every commit says when it was written, and no transaction is empty.
      tx.collection('rows').put(this.#row())
    })
    this.#committed()
  }

  #row(): { id: string; value: number; writtenAtUs: number; text: string } {
    const id = `key ${this.#random.below(KEYS)}`
    const value = 1 + 5 * this.#random.below(100_000) + this.#random.below(5)
    return {
      id,
      value,
      writtenAtUs: Number(process.hrtime.bigint() / 1000n),
      text: 'x'.repeat(this.#random.below(400)),
    }
  }

  /** Notes the state as of the commit that was just acknowledged. */
  #committed(): void {
    const { db } = this
    this.commits += 1
    this.#feedHash = textHash(db.position, this.#feedHash)
    let sum = 0
    for (const row of db.collection('rows').range())
      sum = (sum + textHash(`${String(row['id'])}:${String(row['value'])}`, 7)) | 0
    this.#sums.set(db.commitSequence, sum)
  }

  compare({ commits, hash, samples, memory, reloads }: FollowerReport): void {
    expect({ commits, hash, reloads }).toEqual({ commits: this.commits, hash: this.#feedHash, reloads: 0 })
    expect(samples.length).toBeGreaterThan(0)
    for (const [sequence, sum] of samples)
      expect([sequence, sum]).toEqual([sequence, this.#sums.get(sequence)])
    expect(memory[1] - memory[0]).toBeLessThan(GROWTH_BYTES)
  }
}

function textHash(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

function followerProcess(args: readonly string[]): FollowerHandle {
  const child = spawn(process.execPath, [fileURLToPath(PROGRAM), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const messages = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const { value, done } = await messages.next()
    if (done === true) throw new Error('A follower ended before its time.')
    return JSON.parse(value) as unknown
  }
  return {
    opened: next().then(() => undefined),
    async stop(sequence) {
      child.stdin.write(`${sequence}\n`)
      return (await next()) as FollowerReport // What the program says.
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function followerThread(args: readonly string[]): FollowerHandle {
  const worker = new Worker(PROGRAM, { workerData: { arguments: args } })
  const next = async (): Promise<unknown> =>
    await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  return {
    opened: next().then(() => undefined),
    async stop(sequence) {
      const report = next()
      worker.postMessage(sequence, [])
      return (await report) as FollowerReport // As above.
    },
    kill: () => void worker.terminate(),
  }
}
