import { describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.js'
import { LOG_START } from '../../../src/format/header.js'
import type { RestorableTarget } from '../../../src/log/replay.js'
import { LogWriter } from '../../../src/log/log-writer.js'
import { recoverForWriting } from '../../../src/log/recover.js'
import { readSuperblocks } from '../../../src/log/superblocks.js'
import { nodePlatform } from '../../../src/storage/node-platform.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { runSync } from '../../../src/storage/task.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { LogImage } from '../../support/log-images.js'
import { PowerCutStorage } from '../../support/power-cut-storage.js'

const nobody: RestorableTarget = {
  begin: () => {},
  record: () => {},
  commit: () => {},
  rollback: () => {},
  start: () => {},
  damagedNode: () => undefined,
}

function begin(
  bytes: Uint8Array,
  layAhead = false,
  trusting: { readonly trustMs?: number; readonly monotonicMs?: () => number } = {},
): { storage: PowerCutStorage; file: StorageFile; writer: LogWriter; steps: () => string[] } {
  const storage = new PowerCutStorage()
  const file = storage.open('a', 'create')
  file.write(bytes, 0)
  file.sync()
  const from = storage.boundary
  const log = runSync(recoverForWriting(storage, file, crc32c, 'autoTruncate', nobody))
  const { trustMs, monotonicMs = nodePlatform().monotonicMs } = trusting
  const platform = { ...nodePlatform(), monotonicMs }
  const writer = runSync(LogWriter.begin({ storage, file, platform, layAhead, trustMs }, log))
  const steps = (): string[] =>
    storage.log
      .slice(from)
      .map((step) => (step.kind === 'write' ? `write ${step.position}+${step.bytes.length}` : step.kind))
  return { storage, file, writer, steps }
}

const image = (): LogImage => {
  const made = new LogImage()
  made.rows('a', 'b')
  return made
}

describe('the writer of a log', () => {
  it('begins with a superblock of its own, a higher epoch and W at the last commit (I5, I17)', () => {
    const made = image()
    const { file, writer, steps } = begin(made.file())
    expect(steps()).toEqual(['write 4096+4096', 'sync'])
    expect(readSuperblocks(file, crc32c).live).toMatchObject({
      epoch: 2,
      watermark: made.last.end,
      watermarkSequence: 2,
    })
    expect(readSuperblocks(file, crc32c).live?.sessionId).not.toBe('0'.repeat(32))
    expect(writer).toMatchObject({ end: made.last.end, epoch: 2 })
  })

  it('first writes again and syncs what is not known to be durable', () => {
    const made = image()
    const { steps } = begin(made.file({ watermark: LOG_START, watermarkSequence: 0 }))
    const length = made.last.end - LOG_START
    expect(steps()).toEqual([`write ${LOG_START}+${length}`, 'sync', 'write 4096+4096', 'sync'])
  })

  it('fills up the padding of a last frame that was cut within it', () => {
    const made = image()
    const bytes = made.file({ watermark: LOG_START, watermarkSequence: 0 })
    const { file } = begin(bytes.slice(0, -1))
    expect(file.size()).toBe(made.last.end)
  })

  it('raises W only by what had been written when a sync began', () => {
    const { writer } = begin(image().file())
    const before = writer.watermark
    const reached = { end: before.end + 64, sequence: 3 }
    const append = writer.append(new Uint8Array(64).fill(1), { bytes: 0 })
    runSync(append)
    expect(writer.watermark).toEqual(before)
    runSync(writer.sync(reached))
    expect(writer.watermark).toEqual(reached)
    runSync(writer.sync(before))
    expect(writer.watermark).toEqual(reached)
  })

  it('lays zeros ahead of small appends, and cuts them at its end', () => {
    const { file, writer } = begin(image().file(), true)
    const start = writer.end
    runSync(writer.append(new Uint8Array(64).fill(1), { bytes: 0 }))
    expect(file.size()).toBe(start + 256 * 1024)
    expect(writer.aheadBytes).toBe(256 * 1024 - 64)
    runSync(writer.finish({ end: start + 64, sequence: 3 }))
    expect(file.size()).toBe(start + 64)
    expect(readSuperblocks(file, crc32c).live).toMatchObject({ watermark: start + 64, watermarkSequence: 3 })
  })

  it('writes nothing at its end where it wrote nothing before', () => {
    const { writer, steps } = begin(image().file())
    const before = steps()
    runSync(writer.finish({ end: writer.end, sequence: 2 }))
    expect(steps()).toEqual(before)
  })

  it('cuts back under a higher epoch, W no higher than before', () => {
    const { file, writer, steps } = begin(image().file())
    const { end, watermark } = writer
    runSync(writer.append(new Uint8Array(640).fill(1), { bytes: 0 }))
    const before = steps().length
    runSync(writer.cutBack(end + 64))
    expect(steps().slice(before)).toEqual([
      'write 8192+4096',
      'sync',
      'truncate',
      'sync',
      'write 4096+4096',
      'sync',
      'write 8192+4096',
      'sync',
    ])
    expect(writer).toMatchObject({ end: end + 64, epoch: 3, watermark })
    expect(readSuperblocks(file, crc32c).slots).toMatchObject([
      { superblock: { cutAt: 0, epoch: 3 } },
      { superblock: { cutAt: 0, epoch: 3 } },
    ])
  })

  it('checks before each append that the file is its own (I6), and writes nothing more if it is not', () => {
    for (const steal of [
      (file: StorageFile) => file.truncate(file.size() + 8),
      (file: StorageFile) => void file.write(new Uint8Array([1]), 4096 + 120),
      (file: StorageFile) => void file.write(new Uint8Array([1]), 8192 + 120),
    ]) {
      const { file, writer, steps } = begin(image().file())
      steal(file)
      const before = steps()
      for (let i = 0; i < 2; i++) {
        let error: unknown
        try {
          runSync(writer.append(new Uint8Array(8), { bytes: 0 }))
        } catch (thrown) {
          error = thrown
        }
        expect(VarveError.is(error, 'VARVE_POISONED')).toBe(true)
      }
      runSync(writer.finish({ end: writer.end, sequence: 2 }))
      expect(steps()).toEqual(before)
    }
  })

  it('relies on a check as long as it is told to (I6), and not for longer', () => {
    let now = 100
    const { file, writer } = begin(image().file(), false, { trustMs: 1, monotonicMs: () => now })
    const append = (): void => runSync(writer.append(new Uint8Array(8), { bytes: 0 }))
    append()
    file.write(new Uint8Array([1]), 4096 + 120)
    file.write(new Uint8Array([1]), 8192 + 120)
    now += 0.9
    append()
    now += 0.1
    expect(append).toThrow(/no longer this handle/u)
    now = 100
    expect(append).toThrow(/no longer this handle/u)
  })
})
