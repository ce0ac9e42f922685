/**
 * Crashes inside recovery and inside the cut of a log.
 */
import { describe, expect, it, vi } from 'vitest'
import { LOG_START } from '../../src/format/header.js'
import { count, long, seed, UNHURRIED_MS } from '../support/counts.js'
import { stateOf } from '../support/model-text.js'
import { type Choice, PowerCutStorage } from '../support/power-cut-storage.js'
import { randomFrom } from '../support/random.js'
import { randomWorkload } from '../support/workload.js'
import { forEachSeed, goesOn, openImage } from '../support/workload-checks.js'
import { workloadPlatform } from '../support/workload-platform.js'
import { cutInsideRecovery } from '../support/workload-recovery.js'
import {
  acknowledgedAt,
  DATABASE_PATH,
  databaseOver,
  runWorkload,
  type WorkloadRun,
} from '../support/workload-run.js'

const FILE = 'test/crash/recovery-cuts.test.ts'

/** An image whose log ends in the middle of a write, if there was one to tear. */
function tornImage(storage: PowerCutStorage, boundary: number, keep: number): PowerCutStorage | undefined {
  const operation = storage
    .openAt(boundary)
    .findLast((index) => storage.log[index]?.kind === 'write' && storage.log[index].path === DATABASE_PATH)
  if (operation === undefined) return undefined
  const choice: Choice = { survivors: 'all', tear: { operation, keep, rest: 'garbage', seed: keep } }
  return storage.imageAfter(boundary, choice)
}

/** A workload that left no checkpoint and says of some commit that it is durable, and what is there after it. */
async function withoutCheckpoint(from: number): Promise<{ run: WorkloadRun; image: PowerCutStorage }> {
  for (let each = from; ; each++) {
    const options = { steps: 10, durability: 'commit', layAhead: false, indexed: false } as const
    const run = await runWorkload(randomWorkload(each, options))
    const image = run.storage.imageAfter(run.storage.boundary, 'all')
    const { Database } = databaseOver(image, run.workload)
    const db = await Database.open(DATABASE_PATH, { storage: image, mode: 'readOnly' })
    const { checkpointOffset, watermark } = db.recoveryInfo
    await db.close()
    if (checkpointOffset === undefined && watermark > LOG_START) return { run, image }
  }
}

vi.setConfig({ testTimeout: UNHURRIED_MS })

describe('crashes inside recovery', () => {
  it('catalogue row 5: power cuts at every step of recovering a torn log, a whole one, and one that was killed', async () => {
    let images = 0
    await forEachSeed(FILE, seed, count(8, 1000), async (workloadSeed) => {
      const run = await runWorkload(randomWorkload(workloadSeed, { steps: 8 }))
      const { workload, states, durable, storage } = run
      const random = randomFrom(workloadSeed)
      for (let boundary = 6; boundary <= storage.boundary; boundary += 1 + random.below(long ? 12 : 24)) {
        const expected = { workload, states, atLeast: acknowledgedAt(durable, boundary) }
        const torn = tornImage(storage, boundary, random.below(300))
        if (torn !== undefined) images += await cutInsideRecovery(torn, expected, { seed: workloadSeed })
        if (torn !== undefined)
          images += await cutInsideRecovery(torn.killImage(0), expected, { seed: workloadSeed })
        const killed = storage.killImage(boundary)
        if (killed.stat(DATABASE_PATH) === undefined) continue
        images += await cutInsideRecovery(killed, expected, { seed: workloadSeed })
      }
    })
    console.log(`row 5: ${images} images inside recovery, seed ${seed}`)
    expect(images).toBeGreaterThan(0)
  })

  it('a killed process leaves all that it acknowledged', async () => {
    await forEachSeed(FILE, seed ^ 0x5555, count(25, 500), async (workloadSeed) => {
      const run = await runWorkload(randomWorkload(workloadSeed, { steps: 9 }))
      const { workload, states, written, storage } = run
      for (let boundary = 0; boundary <= storage.boundary; boundary += 3) {
        const image = storage.killImage(boundary)
        const expected = { workload, states, atLeast: acknowledgedAt(written, boundary) }
        const { db } = await openImage(image, expected)
        if (boundary % 4 === 0) await goesOn(image, db, expected)
      }
    })
  })

  it('a log that was cut, regrew past its old watermark and lost its tail again is a torn tail', async () => {
    const { run, image } = await withoutCheckpoint(seed)
    const file = image.open(DATABASE_PATH, 'readWrite')
    const oldEnd = file.size()
    // The first commit is damaged, though it was acknowledged: everything goes.
    const byte = new Uint8Array(1)
    file.read(byte, LOG_START + 60)
    file.write(
      byte.map((value) => value ^ 0xff),
      LOG_START + 60,
    )
    file.sync()
    const { Database } = databaseOver(image, run.workload)
    const cut = await Database.open(DATABASE_PATH, { storage: image })
    expect(cut.recoveryInfo.classification).toBe('damage')
    expect(cut.collectionNames()).toEqual([])
    await cut.registerCollection('again', [], 'id')
    while (file.size() <= oldEnd) await cut.put('again', { id: 1, text: 'regrown'.repeat(100) })
    const acknowledged = image.boundary
    const lost = cut.put('again', { id: 2, text: 'x'.repeat(2000) })
    await Promise.resolve()
    await Promise.resolve()
    await lost
    const operation = image.log.findIndex((each, index) => index >= acknowledged && each.kind === 'write')
    const tear = { operation, keep: 500, rest: 'garbage' } as const
    const torn = image.imageAfter(operation + 1, { survivors: 'all', tear })
    const strict = Database.open(DATABASE_PATH, { storage: torn, recovery: 'strict' })
    await expect(strict).rejects.toMatchObject({ code: 'VARVE_RECOVERY_REQUIRED' })
    const found = await Database.open(DATABASE_PATH, { storage: torn, recovery: 'tornTail' })
    expect(found.recoveryInfo.classification).toBe('tornTail')
    expect(found.get('again', 1)).toBeDefined()
    expect(found.has('again', 2)).toBe(false)
  })

  it('a checkpoint of which a part never reached the disk is not believed, though a superblock is torn too', async () => {
    const storage = new PowerCutStorage()
    const { Database } = workloadPlatform({ sliceBytes: 1500 })
    const db = await Database.open(DATABASE_PATH, { storage })
    await db.registerCollection('a', [], 'id')
    const rows = Array.from({ length: 30 }, (_, n) => ({ id: `${'long'.repeat(200)}${n}`, n }))
    await db.insertMany('a', rows)
    const states = [stateOf(db)]
    const expected = { workload: { seed: 1, layAhead: false }, states, atLeast: 0 }
    const from = storage.boundary
    await db.checkpoint()
    const sync = storage.log.findIndex(({ kind }, index) => index >= from && kind === 'sync')
    expect(sync - from).toBeGreaterThan(3)
    for (let lost = from; lost < sync; lost++) {
      const survivors = storage.openAt(sync).filter((index) => index !== lost)
      const image = storage.imageAfter(sync, { survivors })
      const first = image.boundary
      await openImage(image, expected)
      // The recovery is cut short in turn, in the middle of a superblock.
      for (let boundary = first + 1; boundary <= image.boundary; boundary++) {
        const operation = boundary - 1
        const write = image.log[operation]
        if (write?.kind !== 'write' || write.path !== DATABASE_PATH || write.position >= LOG_START) continue
        const tear = { operation, keep: 90, rest: 'garbage' } as const
        await openImage(image.imageAfter(boundary, { survivors: 'all', tear }), expected)
      }
    }
    await db.close()
  })
})
