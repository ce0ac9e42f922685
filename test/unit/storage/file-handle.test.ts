import fs from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fileStorage } from '../../../src/storage/file-storage.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { temporaryDirectory, type TemporaryDirectory } from '../../support/temporary-directory.js'

const linux = process.platform === 'linux'
let directory: TemporaryDirectory
let file: StorageFile

beforeEach(() => {
  directory = temporaryDirectory()
  file = fileStorage.open(directory.file('a'), 'create')
})

afterEach(() => {
  vi.restoreAllMocks()
  file.close()
  directory.remove()
})

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: planned`), { code })
}

type SyncCallback = (cause: NodeJS.ErrnoException | null) => void

/** Holds every asynchronous sync until the test ends it. */
function holdSyncs(): { readonly descriptor: number; readonly end: SyncCallback }[] {
  const held: { readonly descriptor: number; readonly end: SyncCallback }[] = []
  vi.spyOn(fs, 'fdatasync').mockImplementation((descriptor, end) => {
    held.push({ descriptor, end })
  })
  return held
}

/** Lets everything happen that can without the test's doing. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

describe('reading and writing', () => {
  it('reads on after a short read', () => {
    file.write(
      Uint8Array.from({ length: 100 }, (_, index) => index),
      0,
    )
    const { readSync } = fs
    const read = vi
      .spyOn(fs, 'readSync')
      .mockImplementation(((
        descriptor: number,
        target: Uint8Array,
        offset: number,
        length: number,
        position: number,
      ) => readSync(descriptor, target, offset, Math.min(length, 7), position)) as typeof fs.readSync)
    const target = new Uint8Array(200)
    expect(file.read(target, 10)).toBe(90)
    expect([...target.subarray(0, 90)]).toEqual(Array.from({ length: 90 }, (_, index) => index + 10))
    expect(read.mock.calls.length).toBeGreaterThan(12)
  })

  it('hands a short write on as it is', async () => {
    vi.spyOn(fs, 'writeSync').mockReturnValueOnce(3)
    expect(file.write(new Uint8Array(10), 0)).toBe(3)
    vi.spyOn(fs, 'write').mockImplementationOnce((...parameters: unknown[]) => {
      const done = parameters.at(-1) as (cause: null, count: number) => void
      done(null, 4)
    })
    await expect(file.writeAsync(new Uint8Array(10), 0)).resolves.toBe(4)
  })

  it('reports a failure with path, offset and cause', async () => {
    const fail = (): never => {
      throw systemError('ENOSPC')
    }
    const expected = { code: 'VARVE_NO_SPACE', details: { path: file.path, offset: 4096 } }
    vi.spyOn(fs, 'writeSync').mockImplementationOnce(fail)
    expect(() => file.write(new Uint8Array(1), 4096)).toThrow(expect.objectContaining(expected))
    vi.spyOn(fs, 'readSync').mockImplementationOnce(fail)
    expect(() => file.read(new Uint8Array(1), 4096)).toThrow(expect.objectContaining(expected))
    vi.spyOn(fs, 'write').mockImplementationOnce((...parameters: unknown[]) => {
      const done = parameters.at(-1) as (cause: Error, count: number) => void
      done(systemError('ENOSPC'), 0)
    })
    await expect(file.writeAsync(new Uint8Array(1), 4096)).rejects.toMatchObject({
      ...expected,
      cause: { code: 'ENOSPC' },
    })
    vi.spyOn(fs, 'ftruncateSync').mockImplementationOnce(fail)
    expect(() => file.truncate(9)).toThrow(expect.objectContaining({ code: 'VARVE_NO_SPACE' }))
  })

  it('never asks one system call for more than Node allows', () => {
    const write = vi.spyOn(fs, 'writeSync').mockReturnValue(0)
    // No memory is touched: only the length matters.
    file.write(new Uint8Array(2 ** 31 + 8), 0)
    expect(write.mock.calls[0]?.[3]).toBeLessThan(2 ** 31)
  })
})

describe('syncing', () => {
  it.skipIf(!linux)(
    'uses one open file description for synchronous and another for asynchronous syncs',
    async () => {
      const synchronous = vi.spyOn(fs, 'fdatasyncSync')
      const asynchronous = vi.spyOn(fs, 'fdatasync')
      file.write(new Uint8Array(8), 0)
      file.sync()
      await file.syncAsync()
      const [first, second] = [synchronous.mock.calls[0]?.[0] ?? -1, asynchronous.mock.calls[0]?.[0] ?? -1]
      expect(fs.fstatSync(second).ino).toBe(fs.fstatSync(first).ino)
      // Two descriptors of one description would move one offset.
      fs.readSync(first, new Uint8Array(5), 0, 5, null)
      expect(offsetOf(first)).toBe(5)
      expect(offsetOf(second)).toBe(0)
    },
  )

  it('begins an asynchronous sync when the one before has ended, so that each has its own verdict', async () => {
    const held = holdSyncs()
    const all = [file.syncAsync(), file.syncAsync(), file.syncAsync()]
    for (let ended = 0; ended < 3; ended++) {
      await settle()
      expect(held).toHaveLength(ended + 1)
      held[ended]?.end(null)
    }
    await Promise.all(all)
  })

  it('reports the failure of an asynchronous sync although a synchronous one succeeds meanwhile', async () => {
    const held = holdSyncs()
    const failing = file.syncAsync()
    await settle()
    file.sync()
    held[0]?.end(systemError('EIO'))
    await expect(failing).rejects.toMatchObject({ code: 'VARVE_STORAGE', cause: { code: 'EIO' } })
  })

  it('never syncs again after a failure, whichever form failed', async () => {
    const held = holdSyncs()
    const failing = file.syncAsync()
    const waiting = file.syncAsync()
    await settle()
    held[0]?.end(systemError('EIO'))
    await expect(failing).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    await expect(waiting).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    await expect(file.syncAsync()).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    expect(() => file.sync()).toThrow(expect.objectContaining({ code: 'VARVE_STORAGE' }))
    expect(held).toHaveLength(1)
  })

  it('keeps a failed synchronous sync from being followed by an asynchronous one that succeeds', async () => {
    const sync = vi.spyOn(fs, 'fdatasyncSync').mockImplementationOnce(() => {
      throw systemError('ENOSPC')
    })
    expect(() => file.sync()).toThrow(expect.objectContaining({ code: 'VARVE_NO_SPACE' }))
    expect(() => file.sync()).toThrow(expect.objectContaining({ code: 'VARVE_NO_SPACE' }))
    await expect(file.syncAsync()).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' })
    expect(sync).toHaveBeenCalledTimes(1)
  })
})

describe('closing', () => {
  it('keeps the descriptors until the last asynchronous operation has ended', async () => {
    const close = vi.spyOn(fs, 'closeSync')
    const held = holdSyncs()
    const running = file.syncAsync()
    const queued = file.syncAsync()
    await settle()
    file.close()
    expect(close).not.toHaveBeenCalled()
    held[0]?.end(null)
    await running
    await settle()
    expect(close).not.toHaveBeenCalled()
    held[1]?.end(null)
    await queued
    await settle()
    expect(close.mock.calls.map(([descriptor]) => descriptor)).toHaveLength(2)
  })

  it('closes both descriptors though closing one fails', () => {
    const { closeSync } = fs
    const close = vi.spyOn(fs, 'closeSync').mockImplementationOnce((descriptor) => {
      closeSync(descriptor)
      throw systemError('EIO')
    })
    expect(() => file.close()).toThrow(expect.objectContaining({ code: 'VARVE_STORAGE' }))
    expect(close).toHaveBeenCalledTimes(2)
    file.close()
    expect(close).toHaveBeenCalledTimes(2)
  })
})

function offsetOf(descriptor: number): number {
  return Number(/^pos:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1])
}
