/**
 * Exports and raw copies of a database that is being written to.
 */
import fs from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { Database, type Row } from '../../src/index.js'
import { count, long, seed } from '../support/counts.js'
import { randomFrom } from '../support/random.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

/** Only a hang ends by the clock. */
const TIMEOUT_MS = long ? 3_600_000 : 120_000

const directory = temporaryDirectory()
afterAll(() => directory.remove())
const random = randomFrom(seed)

/** A database with a writer that never rests, and its rows as of every commit so far. */
class Busy {
  readonly #states = new Map<number, readonly Row[]>()
  acknowledged = 0
  readonly #db: Database
  readonly #rows = new Map<number, Row>()
  #stopped = false

  private constructor(db: Database) {
    this.#db = db
  }

  static async open(path: string): Promise<Busy> {
    const db = await Database.open(path, { cacheBytes: 2 * 1024 * 1024 })
    await db.registerCollection('rows', undefined, 'id', { indexes: { byValue: { on: 'value' } } })
    const busy = new Busy(db)
    busy.#note()
    return busy
  }

  get db(): Database {
    return this.#db
  }

  /** Writes until stopped, now and then with a checkpoint, a large row, or a transaction that fails. */
  async write(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const id = random.below(40)
      const text = 'x'.repeat(random.below(20) === 0 ? 40_000 : 100)
      const row = { id, value: random.below(5), text }
      if (random.below(5) === 0 && this.#rows.delete(id)) {
        await this.#db.delete('rows', id)
      } else {
        this.#rows.set(id, row)
        await this.#db.put('rows', row)
      }
      this.#note()
      if (n % 50 === 49) await this.#db.checkpoint()
      if (n % 30 === 29) await this.#db.transaction(failing).catch(() => undefined)
    }
  }

  /** The rows as of a commit, which may be in the file before its acknowledgement has come. */
  async stateAt(sequence: number): Promise<readonly Row[] | undefined> {
    while (this.acknowledged < sequence) await new Promise((resolve) => setImmediate(resolve))
    return this.#states.get(sequence)
  }

  stop(): void {
    this.#stopped = true
  }

  #note(): void {
    this.acknowledged = this.#db.commitSequence
    const rows = [...this.#rows.values()].sort((a, b) => Number(a['id']) - Number(b['id']))
    this.#states.set(this.acknowledged, rows)
  }
}

function failing(): never {
  throw new Error('rolled back')
}

const rowsOf = (db: Database): Row[] => [...db.collection('rows').range()]

/** Copies a file piece by piece, as `cp` does, with the writer at work between two pieces. */
async function copyRaw(from: string, to: string): Promise<void> {
  const source = await fs.promises.open(from, 'r')
  const target = await fs.promises.open(to, 'w')
  const piece = new Uint8Array(32 * 1024)
  for (let at = 0; ;) {
    const { bytesRead } = await source.read(piece, 0, piece.length, at)
    if (bytesRead === 0) break
    await target.write(piece, 0, bytesRead, at)
    at += bytesRead
  }
  await source.close()
  await target.close()
}

describe('under a busy writer', { timeout: TIMEOUT_MS }, () => {
  it('catalogue row 15: an export equals the model at one commit', async () => {
    const busy = await Busy.open(directory.file('exported.varve'))
    const writing = busy.write()
    for (let n = 0; n < count(12, 500); n++) {
      const path = directory.file('copy.varve')
      const before = busy.acknowledged
      const compact = n % 4 === 3
      const { sequence, digests } = await busy.db.exportSnapshot(path, { force: true, compact })
      expect(sequence).toBeGreaterThanOrEqual(before)
      const copy = await Database.open(path, { recovery: 'strict', mode: 'readOnly' })
      expect(copy.commitSequence).toBe(sequence)
      expect(rowsOf(copy)).toEqual(await busy.stateAt(sequence))
      expect(Object.keys(digests)).toEqual(['rows'])
      await copy.close()
    }
    busy.stop()
    await writing
    await busy.db.close()
  })

  it('a raw copy opens with autoTruncate at or after the last commit acknowledged before it began', async () => {
    const busy = await Busy.open(directory.file('raw.varve'))
    const writing = busy.write()
    for (let n = 0; n < count(20, 1000); n++) {
      const path = directory.file('raw-copy.varve')
      for (const name of fs.readdirSync(directory.path))
        if (name.startsWith('raw-copy.')) fs.rmSync(directory.file(name), { recursive: true })
      await new Promise((resolve) => setTimeout(resolve, random.below(10)))
      const before = busy.acknowledged
      await copyRaw(directory.file('raw.varve'), path)
      const copy = await Database.open(path, { recovery: 'autoTruncate' })
      expect(copy.commitSequence).toBeGreaterThanOrEqual(before)
      expect(rowsOf(copy)).toEqual(await busy.stateAt(copy.commitSequence))
      await copy.close()
      // Else each copy takes longer than the one before, without an end.
      if (n % 10 === 9) await busy.db.compact()
    }
    busy.stop()
    await writing
    await busy.db.close()
  })
})
