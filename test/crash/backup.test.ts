/**
 * Export and restore, with the power cut and every call failing at each of their steps.
 *
 * Oracles: the file at the target is the old one or the new one, whole, and opens in strict mode; it is never absent where one was, and
 * never an empty database; an export has its name only if it is whole; no open leaves a file behind that Varve made.
 */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/database.js'
import type { Storage } from '../../src/storage/storage.js'
import { count, seed } from '../support/counts.js'
import { FaultyStorage } from '../support/faulty-storage.js'
import { subsetsAt } from '../support/power-cut-choices.js'
import { type Choice, PowerCutStorage } from '../support/power-cut-storage.js'
import { workloadPlatform } from '../support/workload-platform.js'

const TARGET = 'dir/db.varve'
const SOURCE = 'dir/snapshot.varve'
const { Database: Databases } = workloadPlatform({ seed })

/** A state, as text: which rows there are. */
async function stateAt(storage: Storage, path: string): Promise<string> {
  const db = await Databases.open(path, { storage, recovery: 'strict', create: false })
  const state = stateOf(db)
  await db.close()
  return state
}

function stateOf(db: Database): string {
  const names = db.collectionNames()
  return JSON.stringify(names.map((name) => [name, ...db.collection(name).range()]))
}

/** A snapshot, and a database that went on without it, both durable. */
async function prepare(): Promise<{ image: PowerCutStorage; old: string; made: string }> {
  const storage = new PowerCutStorage()
  const db = await Databases.open(TARGET, { storage })
  await db.registerCollection('rows', undefined, 'id', { indexes: { byValue: { on: 'value' } } })
  for (let id = 0; id < 20; id++) await db.put('rows', { id, value: `v${id % 3}`, text: 'x'.repeat(100) })
  await db.checkpoint()
  await db.put('rows', { id: 3, value: 'changed' })
  await db.exportSnapshot(SOURCE, { storage })
  for (let id = 0; id < 5; id++) await db.delete('rows', id)
  await db.close()
  const image = storage.imageAfter(storage.boundary, 'all')
  const [old, made] = [await stateAt(image, TARGET), await stateAt(image, SOURCE)]
  expect(old).not.toBe(made)
  const both = image.imageAfter(image.boundary, 'all')
  return { image: both, old, made }
}

type Work = (storage: Storage) => Promise<unknown>
type Judge = (storage: Storage, done: boolean) => Promise<void>

const restore: Work = (storage) => Databases.restoreSnapshot(SOURCE, TARGET, { storage, force: true })
const restoreAnew: Work = (storage) => Databases.restoreSnapshot(SOURCE, 'dir/new.varve', { storage })
const exportTo =
  (path: string, options: object): Work =>
  async (storage) => {
    const db = await Databases.open(TARGET, { storage, mode: 'readOnly' })
    try {
      return await db.exportSnapshot(path, { storage, ...options })
    } finally {
      await db.close()
    }
  }

/** A new file is absent, or whole; a replaced one is the old or the new one. What was there stays. */
function judgeOf(
  path: string,
  before: string | undefined,
  after: string,
  bystander?: [string, string],
): Judge {
  return async (storage, done) => {
    const present = storage.stat(path) !== undefined
    if (before !== undefined || done) expect(present).toBe(true)
    if (present) {
      const db = await Databases.open(path, { storage })
      expect(db.recoveryInfo.classification).toBe('clean')
      const state = stateOf(db)
      await db.close()
      if (done) expect(state).toBe(after)
      else expect([before, after]).toContain(state)
      const left = storage.siblings(path).filter((name) => /\.(?:new|replaced|quarantine)-/u.test(name))
      expect(left).toEqual([])
    }
    if (bystander !== undefined) expect(await stateAt(storage, bystander[0])).toBe(bystander[1])
  }
}

async function cases(): Promise<{
  image: PowerCutStorage
  list: [name: string, work: Work, judge: Judge][]
}> {
  const { image, old, made } = await prepare()
  return {
    image,
    list: [
      ['restore over a database', restore, judgeOf(TARGET, old, made, [SOURCE, made])],
      ['restore to a new name', restoreAnew, judgeOf('dir/new.varve', undefined, made, [TARGET, old])],
      ['export', exportTo('dir/copy.varve', {}), judgeOf('dir/copy.varve', undefined, old, [TARGET, old])],
      ['export over a file', exportTo(SOURCE, { force: true }), judgeOf(SOURCE, made, old, [TARGET, old])],
      [
        'compacted export',
        exportTo('dir/copy.varve', { compact: true }),
        judgeOf('dir/copy.varve', undefined, old, [TARGET, old]),
      ],
    ],
  }
}

/** The same storage, whose syncs do nothing. */
function withoutSyncs<T extends object>(inner: T): T {
  return new Proxy(inner, {
    get: (target, name) => {
      if (name === 'sync' || name === 'syncDirectory') return () => undefined
      if (name === 'syncAsync') return async () => undefined
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const bound = value.bind(target)
      return name === 'open' ? (...args: unknown[]) => withoutSyncs(bound(...args)) : bound
    },
  })
}

/** Cuts the power at every boundary of some work. */
async function cutEverywhere(image: PowerCutStorage, work: Work, judge: Judge): Promise<number> {
  const storage = image.imageAfter(0, 'all')
  await work(storage)
  let cuts = 0
  for (let boundary = 0; boundary <= storage.boundary; boundary++) {
    const done = boundary === storage.boundary
    for (const choice of choicesAt(storage, boundary)) {
      await judge(storage.imageAfter(boundary, choice), done)
      cuts++
    }
  }
  return cuts
}

function choicesAt(storage: PowerCutStorage, boundary: number): Iterable<Choice> {
  return subsetsAt(storage, boundary, { exhaustiveUpTo: 2, samples: count(4, 40), seed: seed + boundary })
}

const NAMES = [
  'restore over a database',
  'restore to a new name',
  'export',
  'export over a file',
  'compacted export',
]

async function caseOf(wanted: string): Promise<{ image: PowerCutStorage; work: Work; judge: Judge }> {
  const { image, list } = await cases()
  const [, work, judge] = list.find(([name]) => name === wanted) ?? []
  if (work === undefined || judge === undefined) throw new TypeError(`There is no case ${wanted}.`)
  return { image, work, judge }
}

describe('catalogue row 14, I26, I27: a cut at every step', () => {
  it.each(NAMES)('of: %s', async (wanted) => {
    const { image, work, judge } = await caseOf(wanted)
    expect(await cutEverywhere(image, work, judge)).toBeGreaterThan(20)
  })

  it('is seen to go wrong if nothing is synced', async () => {
    const { image, work, judge } = await caseOf('restore over a database')
    const unsynced: Work = (storage) => work(withoutSyncs(storage))
    await expect(cutEverywhere(image, unsynced, judge)).rejects.toThrow()
  })
})

describe('catalogue row 9: every call fails once', () => {
  it.each(NAMES)('of: %s', async (wanted) => {
    const { image, work, judge } = await caseOf(wanted)
    let failed = 0
    for (let nth = 1 + (seed % count(3, 1)); ; nth += count(3, 1)) {
      for (const error of ['EIO', 'ENOSPC']) {
        const inner = image.imageAfter(0, 'all')
        const storage = new FaultyStorage(inner)
        storage.plan({ operation: 'any', nth, fault: { error } })
        const done = await work(storage).then(
          () => true,
          () => false,
        )
        if (storage.fired.length === 0) {
          expect(failed).toBeGreaterThan(10)
          return
        }
        if (!done) failed++
        await judge(inner, done)
      }
    }
  })
})
