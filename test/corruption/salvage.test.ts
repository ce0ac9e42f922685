/**
 * Salvage of random databases with random damage.
 *
 * The account of what is whole is kept apart from what the engine does: the places of each transaction's frames are read off the sound
 * file by their headers alone, and a transaction is whole if no byte of its frames was changed. Oracles: every whole
 * transaction is in the new file; each row's value was once written; a row that a whole transaction wrote last has that
 * value; nothing whole is called lost, and what is not whole makes the report incomplete; without damage all is as it was.
 */
import { describe, expect, it } from 'vitest'
import { salvageFile } from '../../src/backup/salvage.js'
import type { SalvageReport } from '../../src/backup/salvage-report.js'
import { VarveError } from '../../src/errors.js'
import type { Database } from '../../src/database.js'
import { FRAME_HEADER_BYTES, FrameField, FrameKind } from '../../src/format/frame.js'
import { LOG_START } from '../../src/format/header.js'
import type { Row } from '../../src/format/value.js'
import { verifyFile } from '../../src/inspect/verify.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { count, seed, UNHURRIED_MS } from '../support/counts.js'
import { type Random, randomFrom } from '../support/random.js'
import { workloadPlatform } from '../support/workload-platform.js'

const PATH = 'db.varve'
const TO = 'saved.varve'
const NAMES = ['c0', 'c1', 'c2'] as const

/** What one transaction did, row by row; undefined for a delete. */
interface Step {
  readonly sequence: number
  readonly rows: readonly (readonly [name: string, id: number, row: Row | undefined])[]
}

/** Rows by their ids, of each collection of a name. */
type PlacedRows = Map<string, Map<number, Row>[]>

/** A transaction's frames in a file: `[begin, end)` of each, without padding. */
type Places = Map<number, [begin: number, end: number][]>

class Case {
  readonly storage = new MemoryStorage()
  readonly random: Random
  readonly platform: ReturnType<typeof workloadPlatform>
  readonly steps: Step[] = []
  /** By what a collection is called that has lost its name, the first one that had its id: what is written behind a cut is not damaged. */
  readonly ids = new Map<string, string>()

  constructor(caseSeed: number) {
    this.random = randomFrom(caseSeed)
    this.platform = workloadPlatform({ seed: caseSeed, storage: this.storage, sliceBytes: 512 })
  }

  async open(): Promise<Database> {
    return await this.platform.Database.open(PATH, { durability: 'os', recovery: 'autoTruncate' })
  }

  /** Opens the file again, which cuts it, writes, and closes it. */
  async goOn(): Promise<void> {
    const db = await this.open()
    try {
      await this.write(db, 20)
    } finally {
      await db.close()
    }
  }

  /** Goes on with the same ids for all collections, whatever was cut off. */
  async goOnRegistered(): Promise<void> {
    const db = await this.open()
    try {
      for (const name of NAMES) await this.#register(db, name)
      await this.write(db, 20)
    } catch (error) {
      if (!VarveError.is(error, 'VARVE_CORRUPTION')) throw error
    } finally {
      await db.close()
    }
  }

  /** Writes at random. Shapes vary, so that there are many record structures. */
  async write(db: Database, transactions: number): Promise<void> {
    for (let n = 0; n < transactions; n++) {
      if (this.random.below(8) === 0) await this.#register(db)
      if (this.random.below(12) === 0) await db.checkpoint()
      const names = db.collectionNames()
      if (names.length === 0) await this.#register(db)
      else await this.#transaction(db, names)
    }
  }

  async #register(db: Database, only?: string): Promise<void> {
    const name = only ?? NAMES[this.random.below(NAMES.length)] ?? 'c0'
    const on = ['value', 'other'][this.random.below(2)] ?? 'value'
    await db.registerCollection(name, undefined, 'id', { indexes: { [`by_${on}`]: { on } } })
    const recovered = `recovered-${db.collection(name).definition.id}`
    if (!this.ids.has(recovered)) this.ids.set(recovered, name)
  }

  async #transaction(db: Database, names: readonly string[]): Promise<void> {
    const size = this.random.below(40) === 0 ? 12 : 1 + this.random.below(3)
    const rows: [string, number, Row | undefined][] = []
    await db.transaction((tx) => {
      for (let i = 0; i < size; i++) {
        const name = names[this.random.below(names.length)] ?? 'c0'
        const id = this.random.below(30)
        const isPut = this.random.below(4) > 0
        const row = isPut ? this.#row(id, size) : undefined
        if (row === undefined && !tx.collection(name).delete(id)) continue
        if (row !== undefined) tx.collection(name).put(row)
        rows.push([name, id, row])
      }
    })
    if (rows.length > 0) this.steps.push({ sequence: db.commitSequence, rows })
  }

  #row(id: number, size: number): Row {
    const value = this.random.below(1000)
    const text = size > 10 ? 'x'.repeat(30_000) : 'y'.repeat(this.random.below(40))
    const shape = this.random.below(5)
    return {
      id,
      value,
      text,
      ...(shape === 0 ? {} : { [`field${shape}`]: { inner: value, [`deep${shape}`]: true } }),
    }
  }

  bytes(): Uint8Array {
    const file = this.storage.open(PATH, 'read')
    const bytes = new Uint8Array(file.size())
    file.read(bytes, 0)
    file.close()
    return bytes
  }

  /** Changes bytes at some random places; returns these. */
  damage(places: number): [begin: number, end: number][] {
    const file = this.storage.open(PATH, 'readWrite')
    const size = file.size()
    const damaged: [number, number][] = []
    for (let n = 0; n < places; n++) {
      const begin = LOG_START + this.random.below(Math.max(1, size - LOG_START))
      const length = Math.min(size - begin, this.random.below(3) === 0 ? 1 + this.random.below(600) : 1)
      const bytes = new Uint8Array(length)
      file.read(bytes, begin)
      for (let i = 0; i < length; i++) bytes[i] = (bytes[i] ?? 0) ^ (1 + this.random.below(255))
      file.write(bytes, begin)
      damaged.push([begin, begin + length])
    }
    file.close()
    return damaged
  }

  async salvage(): Promise<SalvageReport> {
    const { platform } = this.platform
    const report = await salvageFile(PATH, { to: TO, force: true }, platform)
    expect((await verifyFile(TO, { deep: true }, platform)).findings).toEqual([])
    return report
  }

  /** Rows by the name that their collection had; of what several lines call by one name, all there is. */
  async rowsOf(path: string): Promise<PlacedRows> {
    const db = await this.platform.Database.open(path, { recovery: 'strict', create: false })
    const rows: PlacedRows = new Map()
    for (const name of db.collectionNames()) {
      const known = this.ids.get(name) ?? name.replace(/-recovered-\d+$/u, '')
      const collection = rows.get(known) ?? []
      rows.set(known, collection)
      collection.push(new Map([...db.collection(name).range()].map((row) => [Number(row['id']), row])))
    }
    await db.close()
    return rows
  }
}

/** Where the frames of each transaction stand, by the headers of a sound file. */
function placesOf(bytes: Uint8Array): Places {
  const view = new DataView(bytes.buffer)
  const places: Places = new Map()
  const ofCommit: readonly number[] = [
    FrameKind.transaction,
    FrameKind.txnBegin,
    FrameKind.txnRecords,
    FrameKind.txnCommit,
  ]
  for (let at = LOG_START; at + FRAME_HEADER_BYTES <= bytes.length && view.getUint8(at) === 0x56;) {
    const end = at + FRAME_HEADER_BYTES + view.getUint32(at + FrameField.payloadLength, true)
    const sequence = view.getUint32(at + FrameField.sequence, true)
    if (ofCommit.includes(view.getUint8(at + FrameField.kind))) {
      const frames = places.get(sequence) ?? []
      places.set(sequence, [...frames, [at, end]])
    }
    at = Math.ceil(end / 8) * 8
  }
  return places
}

function wholeOf(places: Places, damaged: readonly [number, number][]): Set<number> {
  const whole = [...places].filter(([, frames]) =>
    frames.every(([begin, end]) => damaged.every(([from, to]) => to <= begin || from >= end)),
  )
  return new Set(whole.map(([sequence]) => sequence))
}

/** Versions of rows, oldest first, by the names of their collections and their ids. */
type Versions = Map<string, Map<number, { sequence: number; row: Row | undefined }[]>>

function versionsOf(steps: readonly Step[]): Versions {
  const versions: Versions = new Map()
  for (const { sequence, rows: written } of steps)
    for (const [name, id, row] of written) {
      const collection = versions.get(name) ?? new Map()
      versions.set(name, collection.set(id, [...(collection.get(id) ?? []), { sequence, row }]))
    }
  return versions
}

/** No row has a value that was never written. */
function judgeValues(versions: Versions, rows: PlacedRows): void {
  for (const [name, collections] of rows)
    for (const [id, row] of collections.flatMap((collection) => [...collection])) {
      const written = versions.get(name)?.get(id) ?? []
      expect(written.map((version) => version.row)).toContainEqual(row)
    }
}

/** The oracles on rows. */
function judgeRows(
  steps: readonly Step[],
  whole: Set<number>,
  rows: PlacedRows,
  report: SalvageReport,
): void {
  const versions = versionsOf(steps)
  judgeValues(versions, rows)
  const unreadable = new Set(report.unreadableRows.map(({ key }) => Number(key[0])))
  for (const [name, byId] of versions)
    for (const [id, list] of byId) {
      const last = list.at(-1)
      if (last === undefined || !whole.has(last.sequence) || unreadable.has(id)) continue
      // Of a collection whose name was cut off and lost, nobody knows that it is the one that got that name later: then both
      // are there, and what was written last is true of one of them.
      const found = (rows.get(name) ?? [new Map<number, Row>()]).map((collection) => collection.get(id))
      expect({ name, id, found }).toEqual({ name, id, found: expect.arrayContaining([last.row]) })
    }
}

describe('salvage', () => {
  const unhurried = { timeout: UNHURRIED_MS }
  const perCase = async (run: (each: Case) => Promise<void>, cases: number): Promise<void> => {
    for (let i = 0; i < cases; i++) {
      const caseSeed = seed + i
      try {
        await run(new Case(caseSeed))
      } catch (error) {
        throw new Error(`With VARVE_SEED=${caseSeed}`, { cause: error })
      }
    }
  }

  it('of a sound file is the file', unhurried, async () => {
    await perCase(
      async (each) => {
        const db = await each.open()
        await each.write(db, 40)
        await db.close()
        const report = await each.salvage()
        expect(report).toMatchObject({ complete: true, damaged: [], lost: [] })
        expect(await each.rowsOf(TO)).toEqual(await each.rowsOf(PATH))
      },
      count(3, 200),
    )
  })

  it('I28: of a damaged file has every whole transaction and no wrong value', unhurried, async () => {
    let lost = 0
    await perCase(
      async (each) => {
        const db = await each.open()
        await each.write(db, 50)
        await db.close()
        const places = placesOf(each.bytes())
        const whole = wholeOf(places, each.damage(1 + each.random.below(4)))
        const report = await each.salvage()
        const missing = [...places.keys()].filter((sequence) => !whole.has(sequence))
        lost += missing.length
        expect(report.complete).toBe(missing.length === 0)
        expect(missing).toEqual(expect.arrayContaining(report.lost.map(({ sequence }) => sequence)))
        if (report.unreadableRows.length === 0 && report.repairedRows === 0) {
          const kept = [...placesOf(bytesOf(each.storage, TO)).keys()]
          expect(kept).toEqual([...whole].sort((a, b) => a - b))
        }
        judgeRows(each.steps, whole, await each.rowsOf(TO), report)
      },
      count(20, 3000),
    )
    expect(lost).toBeGreaterThan(0)
  })

  const salvageCutFile = async (each: Case): Promise<void> => {
    const db = await each.open()
    await each.write(db, 40)
    await db.close()
    const before = placesOf(each.bytes())
    const whole = wholeOf(before, each.damage(1 + each.random.below(2)))
    // Damage to rows that an index is built from keeps the file from being opened at all, or from going on.
    await each.goOn().catch((error: unknown) => {
      if (!VarveError.is(error, 'VARVE_CORRUPTION')) throw error
    })
    // What came after a cut has sequences of its own; none of them was damaged.
    for (const sequence of placesOf(each.bytes()).keys()) if (!before.has(sequence)) whole.add(sequence)
    const report = await each.salvage()
    judgeRows(each.steps, whole, await each.rowsOf(TO), report)
  }

  it('takes what recovery cut off from its quarantine file', unhurried, async () => {
    await perCase(salvageCutFile, count(15, 2000))
  })

  it('I28: has no wrong value after several cuts', unhurried, async () => {
    let cuts = 0
    await perCase(
      async (each) => {
        await each.goOnRegistered()
        for (let round = 0; round < 3; round++) {
          each.damage(1 + each.random.below(3))
          await each.goOnRegistered()
        }
        const report = await each.salvage()
        cuts += report.sources.length - 1
        judgeValues(versionsOf(each.steps), await each.rowsOf(TO))
      },
      count(20, 2000),
    )
    expect(cuts).toBeGreaterThan(0)
  })

  it('does not read rows of the log by the structures of what was cut off', unhurried, async () => {
    // Everything before the cut is damaged.
    await salvageCutFile(new Case(663_684_612))
  })
})

function bytesOf(storage: MemoryStorage, path: string): Uint8Array {
  const file = storage.open(path, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return bytes
}
