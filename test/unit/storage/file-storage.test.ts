import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fileStorage } from '../../../src/storage/file-storage.js'
import { temporaryDirectory, type TemporaryDirectory } from '../../support/temporary-directory.js'

const linux = process.platform === 'linux'
const storage = fileStorage
let directory: TemporaryDirectory

beforeEach(() => {
  directory = temporaryDirectory()
})

afterEach(() => {
  vi.restoreAllMocks()
  directory.remove()
})

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: planned`), { code })
}

function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length
}

describe('opening', () => {
  it('keeps the system error as the cause, and says it in prose', () => {
    const path = directory.file('absent')
    expect(() => storage.open(path, 'read')).toThrow(
      expect.objectContaining({
        code: 'VARVE_NOT_FOUND',
        message: `Could not open ${path}: it does not exist, or its directory does not. Check the path (ENOENT).`,
        cause: expect.objectContaining({ code: 'ENOENT', syscall: 'open' }),
      }),
    )
    expect(() => storage.open(directory.file('absent/a'), 'create')).toThrow(
      expect.objectContaining({ code: 'VARVE_NOT_FOUND' }),
    )
  })

  it('refuses a directory in every mode', () => {
    for (const mode of ['read', 'readWrite'] as const) {
      expect(() => storage.open(directory.path, mode)).toThrow(
        expect.objectContaining({ code: 'VARVE_STORAGE' }),
      )
    }
    expect(() => storage.open(directory.path, 'create')).toThrow(
      expect.objectContaining({ code: 'VARVE_EXISTS' }),
    )
  })

  it.skipIf(!linux)('refuses pipes and devices at once', () => {
    const pipe = directory.file('pipe')
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0)
    for (const path of [pipe, '/dev/null', '/dev/zero']) {
      for (const mode of ['read', 'readWrite'] as const) {
        expect(() => storage.open(path, mode)).toThrow(/not a regular file/)
      }
    }
  })

  it.skipIf(!linux)('creates a file like another one, whatever the umask', () => {
    const umask = process.umask(0o077)
    try {
      for (const [bits, expected] of [
        [0o664, 0o664],
        [0o600, 0o600],
        [0o440, 0o640],
      ] as const) {
        const model = directory.file(`model-${bits}`)
        fs.writeFileSync(model, '')
        fs.chmodSync(model, bits)
        const path = directory.file(`new-${bits}`)
        storage.open(path, 'create', { like: model }).close()
        expect(fs.statSync(path).mode & 0o777).toBe(expected)
      }
      storage.open(directory.file('plain'), 'create').close()
      expect(fs.statSync(directory.file('plain')).mode & 0o777).toBe(0o600)
    } finally {
      process.umask(umask)
    }
    const missing = { like: directory.file('absent') }
    expect(() => storage.open(directory.file('none'), 'create', missing)).toThrow(
      expect.objectContaining({ code: 'VARVE_NOT_FOUND' }),
    )
    expect(fs.existsSync(directory.file('none'))).toBe(false)
  })

  it('tells how much space is free, where the system does', () => {
    expect(storage.freeBytes(directory.file('a'))).toBeGreaterThan(0)
    expect(storage.freeBytes(directory.file('absent/a'))).toBeUndefined()
    vi.spyOn(fs, 'statfsSync').mockImplementationOnce(() => {
      throw systemError('ENOSYS')
    })
    expect(storage.freeBytes(directory.file('a'))).toBeUndefined()
  })

  it('creates exclusively, and follows no symbolic link that was planted', () => {
    const victim = directory.file('victim')
    fs.writeFileSync(victim, 'precious')
    fs.symlinkSync(victim, directory.file('to-file'))
    fs.symlinkSync(directory.file('nothing'), directory.file('to-nothing'))
    for (const name of ['to-file', 'to-nothing']) {
      expect(() => storage.open(directory.file(name), 'create')).toThrow(
        expect.objectContaining({ code: 'VARVE_EXISTS' }),
      )
    }
    expect(fs.readFileSync(victim, 'utf8')).toBe('precious')
    expect(fs.existsSync(directory.file('nothing'))).toBe(false)
  })

  it.skipIf(!linux)('leaks no descriptor, whether it fails or not', () => {
    const before = openDescriptors()
    storage.open(directory.file('a'), 'create').close()
    storage.open(directory.file('a'), 'readWrite').close()
    storage.open(directory.file('a'), 'read').close()
    for (const path of [directory.path, '/dev/null', directory.file('absent')]) {
      expect(() => storage.open(path, 'read')).toThrow(/^Could not open/)
    }
    storage.syncDirectory(directory.file('a'))
    expect(openDescriptors()).toBe(before)
  })

  it.skipIf(!linux)('leaves nothing behind when the second descriptor cannot be had', () => {
    const before = openDescriptors()
    const { openSync } = fs
    vi.spyOn(fs, 'openSync')
      .mockImplementationOnce((...parameters) => openSync(...parameters))
      .mockImplementationOnce(() => {
        throw systemError('EMFILE')
      })
    expect(() => storage.open(directory.file('a'), 'create')).toThrow(/too many open files/)
    vi.restoreAllMocks()
    expect(fs.readdirSync(directory.path)).toEqual([])
    expect(openDescriptors()).toBe(before)
  })

  it('refuses a file that another took the name of meanwhile', () => {
    const path = directory.file('a')
    fs.writeFileSync(path, 'old')
    fs.writeFileSync(directory.file('b'), 'new')
    const { openSync } = fs
    vi.spyOn(fs, 'openSync')
      .mockImplementationOnce((...parameters) => openSync(...parameters))
      .mockImplementationOnce((...parameters) => {
        fs.renameSync(directory.file('b'), path)
        return openSync(...parameters)
      })
    expect(() => storage.open(path, 'readWrite')).toThrow(/another file took its name/)
    expect(fs.readFileSync(path, 'utf8')).toBe('new')
  })
})

describe('names', () => {
  it('resolve through symbolic links of file and directory', () => {
    fs.mkdirSync(directory.file('real'))
    fs.writeFileSync(directory.file('real/db'), '')
    fs.symlinkSync('real', directory.file('alias'))
    fs.symlinkSync('real/db', directory.file('link'))
    const resolved = directory.file('real/db')
    expect(storage.resolve(directory.file('alias/db'))).toBe(resolved)
    expect(storage.resolve(directory.file('link'))).toBe(resolved)
    expect(storage.resolve(directory.file('alias/../real/./db'))).toBe(resolved)
    expect(storage.resolve(directory.file('alias/new'))).toBe(directory.file('real/new'))
    expect(storage.stat(directory.file('link'))?.id).toBe(storage.stat(resolved)?.id)
  })

  it('do not resolve in a directory that is absent', () => {
    expect(() => storage.resolve(directory.file('absent/db'))).toThrow(
      expect.objectContaining({
        code: 'VARVE_NOT_FOUND',
        details: expect.objectContaining({ path: directory.file('absent') }),
      }),
    )
  })

  it('have an identity that holds every bit of device and inode', () => {
    const path = directory.file('a')
    fs.writeFileSync(path, 'abc')
    const { dev, ino } = fs.statSync(path, { bigint: true })
    expect(storage.stat(path)).toEqual({ id: `${dev}:${ino}`, sizeBytes: 3, links: 1 })
  })

  it('list siblings in the form that was asked in', () => {
    fs.writeFileSync(directory.file('db'), '')
    fs.writeFileSync(directory.file('db.tmp'), '')
    const asked = `${directory.path}/./db`
    expect(storage.siblings(asked)).toEqual([asked, `${asked}.tmp`])
    expect(() => storage.siblings(directory.file('absent/db'))).toThrow(
      expect.objectContaining({ code: 'VARVE_NOT_FOUND' }),
    )
  })

  it('removing a directory is refused', () => {
    fs.mkdirSync(directory.file('d'))
    expect(() => storage.remove(directory.file('d'))).toThrow(
      expect.objectContaining({ code: 'VARVE_STORAGE' }),
    )
  })

  it('syncing a directory fails when the system fails, but not where it has no such thing', () => {
    const fsync = vi.spyOn(fs, 'fsyncSync')
    fsync.mockImplementationOnce(() => {
      throw systemError('EIO')
    })
    expect(() => storage.syncDirectory(directory.file('a'))).toThrow(
      expect.objectContaining({ code: 'VARVE_STORAGE' }),
    )
    fsync.mockImplementationOnce(() => {
      throw systemError('EINVAL')
    })
    storage.syncDirectory(directory.file('a'))
    storage.syncDirectory(directory.file('a'))
    expect(fsync).toHaveBeenCalledTimes(3)
    expect(() => storage.syncDirectory(directory.file('absent/a'))).toThrow(
      expect.objectContaining({ code: 'VARVE_NOT_FOUND' }),
    )
  })
})
