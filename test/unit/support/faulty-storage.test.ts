import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../../src/errors.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import {
  FAULTY_OPERATIONS,
  FaultyStorage,
  type Fault,
  type FaultyOperation,
} from '../../support/faulty-storage.js'
import { PowerCutStorage } from '../../support/power-cut-storage.js'

const TEN = Uint8Array.from({ length: 10 }, (_, index) => index + 1)

function faultyWithFile(): {
  readonly storage: FaultyStorage
  readonly inner: MemoryStorage
  readonly db: StorageFile
} {
  const inner = new MemoryStorage()
  const storage = new FaultyStorage(inner)
  return { storage, inner, db: storage.open('db', 'create') }
}

function failing(code: ErrorCode): unknown {
  return expect.objectContaining({ code })
}

/** One call of each operation; those of a file on `db`. */
const CALLS: Readonly<Record<FaultyOperation, (storage: FaultyStorage, db: StorageFile) => unknown>> = {
  open: (storage) => storage.open('other', 'create'),
  size: (_storage, db) => db.size(),
  identity: (_storage, db) => db.identity(),
  read: (_storage, db) => db.read(new Uint8Array(1), 0),
  write: (_storage, db) => db.write(TEN, 0),
  sync: (_storage, db) => db.sync(),
  truncate: (_storage, db) => db.truncate(5),
  close: (_storage, db) => db.close(),
  stat: (storage) => storage.stat('db'),
  resolve: (storage) => storage.resolve('db'),
  siblings: (storage) => storage.siblings('db'),
  rename: (storage) => storage.rename('db', 'moved'),
  link: (storage) => storage.link('db', 'second'),
  remove: (storage) => storage.remove('db'),
  syncDirectory: (storage) => storage.syncDirectory('db'),
}

describe('counting', () => {
  it.each(FAULTY_OPERATIONS)('counts %s, and each call once', (operation) => {
    const { storage, db } = faultyWithFile()
    const before = { ...storage.calls }
    CALLS[operation](storage, db)
    expect(storage.calls).toEqual({ ...before, [operation]: before[operation] + 1 })
    expect(storage.totalCalls).toBe(2)
  })

  it('counts asynchronous forms with the others', async () => {
    const { storage, db } = faultyWithFile()
    await db.writeAsync(TEN, 0)
    await db.syncAsync()
    expect(storage.calls).toMatchObject({ write: 1, sync: 1 })
  })
})

describe('errors', () => {
  it.each(FAULTY_OPERATIONS)('fail %s once, with nothing done, then no more', (operation) => {
    const { storage, db } = faultyWithFile()
    storage.plan({ operation, fault: { error: 'EIO' } })
    expect(() => CALLS[operation](storage, db)).toThrow(failing('VARVE_STORAGE'))
    expect(storage.fired).toHaveLength(1)
    expect(storage.fired[0]?.operation).toBe(operation)
    expect(storage.stat('db')?.sizeBytes).toBe(0)
    expect(['other', 'moved', 'second'].map((name) => storage.stat(name))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    if (operation !== 'close') CALLS[operation](storage, db)
    expect(storage.fired).toHaveLength(1)
  })

  it('have done it all the same, if they are so planned', () => {
    const done: Partial<Record<FaultyOperation, (storage: FaultyStorage) => boolean>> = {
      open: (storage) => storage.stat('other') !== undefined,
      write: (storage) => storage.stat('db')?.sizeBytes === 10,
      truncate: (storage) => storage.stat('db')?.sizeBytes === 5,
      rename: (storage) => storage.stat('moved') !== undefined,
      link: (storage) => storage.stat('second') !== undefined,
      remove: (storage) => storage.stat('db') === undefined,
    }
    for (const [operation, check] of Object.entries(done) as [
      FaultyOperation,
      (storage: FaultyStorage) => boolean,
    ][]) {
      const { storage, db } = faultyWithFile()
      storage.plan({ operation, fault: { error: 'EIO', applied: true } })
      expect(() => CALLS[operation](storage, db)).toThrow(failing('VARVE_STORAGE'))
      expect([operation, check(storage)]).toEqual([operation, true])
    }
  })

  it('of a sync that was applied leave the bytes durable, of one that was not, not', () => {
    for (const applied of [true, false]) {
      const power = new PowerCutStorage()
      const storage = new FaultyStorage(power)
      const db = storage.open('db', 'create')
      storage.syncDirectory('db')
      db.write(TEN, 0)
      storage.plan({ operation: 'sync', fault: { error: 'EIO', applied } })
      expect(() => db.sync()).toThrow(failing('VARVE_STORAGE'))
      expect(power.imageAfter(power.boundary).stat('db')?.sizeBytes).toBe(applied ? 10 : 0)
    }
  })

  it('carry the code that the file storage would give them, the offset, and the name', () => {
    const { storage, db } = faultyWithFile()
    storage.plan({ operation: 'write', fault: { error: 'ENOSPC' } })
    expect(() => db.write(TEN, 77)).toThrow(
      expect.objectContaining({ code: 'VARVE_NO_SPACE', details: { path: 'db', offset: 77 } }),
    )
    storage.plan({ operation: 'open', fault: { error: 'EMFILE' } })
    expect(() => storage.open('db', 'read')).toThrow(/too many open files/)
  })

  it('close the file whose close fails', () => {
    const { storage, db } = faultyWithFile()
    storage.plan({ operation: 'close', fault: { error: 'EIO' } })
    expect(() => db.close()).toThrow(failing('VARVE_STORAGE'))
    expect(() => db.size()).toThrow(failing('VARVE_CLOSED'))
  })

  it('of asynchronous calls are rejections', async () => {
    const { storage, db } = faultyWithFile()
    storage.plan({ operation: 'any', times: 2, fault: { error: 'EIO' } })
    await expect(db.writeAsync(TEN, 0)).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    await expect(db.syncAsync()).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
    await expect(db.writeAsync(TEN, 0)).resolves.toBe(10)
  })
})

describe('plans', () => {
  it('meet the Nth matching call since they were made, and as many more as they say', () => {
    const { storage, db } = faultyWithFile()
    const outcome = (): boolean => {
      try {
        db.write(TEN, 0)
        return true
      } catch {
        return false
      }
    }
    outcome()
    storage.plan({ operation: 'write', nth: 3, times: 2, fault: { error: 'EIO' } })
    storage.syncDirectory('db')
    expect(Array.from({ length: 6 }, outcome)).toEqual([true, true, false, false, true, true])
  })

  it('count the calls that another plan decided', () => {
    const { storage, db } = faultyWithFile()
    storage.plan({ operation: 'any', fault: { error: 'EIO' } })
    storage.plan({ operation: 'write', nth: 2, fault: { error: 'ENOSPC' } })
    expect(() => db.write(TEN, 0)).toThrow(failing('VARVE_STORAGE'))
    expect(() => db.write(TEN, 0)).toThrow(failing('VARVE_NO_SPACE'))
    expect(db.write(TEN, 0)).toBe(10)
  })

  it('go on until they are healed', () => {
    const { storage, db } = faultyWithFile()
    storage.plan({ operation: 'any', times: Infinity, fault: { error: 'EIO' } })
    for (let call = 0; call < 5; call++) expect(() => db.write(TEN, 0)).toThrow(failing('VARVE_STORAGE'))
    storage.heal()
    expect(db.write(TEN, 0)).toBe(10)
    expect(storage.fired).toHaveLength(5)
  })

  it('choose by path', () => {
    const { storage, db } = faultyWithFile()
    const other = storage.open('other', 'create')
    storage.plan({ operation: 'write', path: 'other', fault: { error: 'EIO' } })
    storage.plan({ operation: 'rename', path: (path) => path.endsWith('-1'), fault: { error: 'EIO' } })
    expect(db.write(TEN, 0)).toBe(10)
    expect(() => other.write(TEN, 0)).toThrow(failing('VARVE_STORAGE'))
    storage.rename('db', 'q-2')
    expect(() => storage.rename('q-2', 'q-1')).toThrow(failing('VARVE_STORAGE'))
  })

  it('reach every call of a workload exactly once when N is counted up', () => {
    const workload = (storage: FaultyStorage): void => {
      const file = storage.open('tmp', 'create')
      file.write(TEN, 0)
      file.sync()
      file.close()
      storage.rename('tmp', 'db')
      storage.syncDirectory('db')
    }
    const counting = new FaultyStorage(new MemoryStorage())
    workload(counting)
    const met = Array.from({ length: counting.totalCalls }, (_, index) => {
      const storage = new FaultyStorage(new MemoryStorage())
      storage.plan({ operation: 'any', nth: index + 1, fault: { error: 'EIO' } })
      expect(() => workload(storage)).toThrow(failing('VARVE_STORAGE'))
      return storage.fired[0]?.operation
    })
    expect(met).toEqual(['open', 'write', 'sync', 'close', 'rename', 'syncDirectory'])
  })

  it('that cannot happen are refused', () => {
    const { storage } = faultyWithFile()
    expect(() => storage.plan({ operation: 'sync', fault: { short: 1 } })).toThrow(TypeError)
    expect(() => storage.plan({ operation: 'write', fault: { lose: 'cached' } })).toThrow(TypeError)
    expect(() => storage.plan({ operation: 'sync', fault: { lose: 'cached' } })).toThrow(/PowerCutStorage/)
  })
})

describe('short writes', () => {
  it.each<[Fault, number]>([
    [{ short: 0 }, 0],
    [{ short: 1 }, 1],
    [{ short: 'half' }, 5],
    [{ short: 'allButOne' }, 9],
    [{ short: 99 }, 10],
  ])('%o: as many bytes are written as are reported', async (fault, expected) => {
    for (const asynchronous of [false, true]) {
      const { storage, db } = faultyWithFile()
      storage.plan({ operation: 'write', fault })
      const written = asynchronous ? await db.writeAsync(TEN, 0) : db.write(TEN, 0)
      expect(written).toBe(expected)
      const found = new Uint8Array(20)
      expect(db.read(found, 0)).toBe(expected)
      expect(found.subarray(0, expected)).toEqual(TEN.subarray(0, expected))
    }
  })

  it('may be followed by a failure of the next write to that file', () => {
    const { storage, db } = faultyWithFile()
    const other = storage.open('other', 'create')
    storage.plan({ operation: 'write', fault: { short: 4, nextError: 'ENOSPC' } })
    expect(db.write(TEN, 0)).toBe(4)
    expect(other.write(TEN, 0)).toBe(10)
    expect(() => db.write(TEN.subarray(4), 4)).toThrow(failing('VARVE_NO_SPACE'))
    expect(db.write(TEN.subarray(4), 4)).toBe(6)
  })
})

describe('a disk that fills up', () => {
  it('takes what fits, then nothing, and goes on when there is room', () => {
    const { storage, db } = faultyWithFile()
    storage.spaceLeft = 15
    expect(db.write(TEN, 0)).toBe(10)
    expect(db.write(TEN, 10)).toBe(5)
    expect(() => db.write(TEN, 15)).toThrow(failing('VARVE_NO_SPACE'))
    expect(db.write(TEN, 2)).toBe(10)
    expect(db.size()).toBe(15)
    storage.spaceLeft = 100
    expect(db.write(TEN, 15)).toBe(10)
    expect(storage.spaceLeft).toBe(90)
  })

  it('gets back what is cut off, and refuses to grow by truncation', async () => {
    const { storage, db } = faultyWithFile()
    storage.spaceLeft = 10
    db.write(TEN, 0)
    expect(() => db.truncate(11)).toThrow(failing('VARVE_NO_SPACE'))
    db.truncate(4)
    expect(storage.spaceLeft).toBe(6)
    await expect(db.writeAsync(TEN, 4)).resolves.toBe(6)
    await expect(db.writeAsync(TEN, 10)).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' })
  })
})

describe('a failed sync that loses dirty pages', () => {
  it.each(['cached', 'evicted'] as const)(
    '%s: the next sync succeeds and has not written them',
    async (lose) => {
      const power = new PowerCutStorage()
      const storage = new FaultyStorage(power)
      const db = storage.open('db', 'create')
      storage.syncDirectory('db')
      db.write(TEN.subarray(0, 3), 0)
      db.sync()
      db.write(TEN.subarray(3), 3)
      storage.plan({ operation: 'sync', fault: { lose } })
      await expect(db.syncAsync()).rejects.toMatchObject({ code: 'VARVE_STORAGE' })
      db.sync()
      const found = new Uint8Array(10)
      expect(db.read(found, 0)).toBe(10)
      expect(found.at(-1)).toBe(lose === 'cached' ? 10 : 0)
      expect(power.imageAfter(power.boundary).stat('db')?.sizeBytes).toBe(3)
    },
  )
})

describe('asyncTurn', () => {
  it('holds asynchronous calls back, faults too, after they were done', async () => {
    const inner = new MemoryStorage()
    let open: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const storage = new FaultyStorage(inner, { asyncTurn: () => gate })
    const db = storage.open('db', 'create')
    storage.plan({ operation: 'sync', fault: { error: 'EIO' } })
    const settled: string[] = []
    const written = db.writeAsync(TEN, 0).then(() => settled.push('write'))
    const synced = db.syncAsync().catch(() => settled.push('sync'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(inner.stat('db')?.sizeBytes).toBe(10)
    expect(settled).toEqual([])
    open()
    await Promise.all([written, synced])
    expect(settled.toSorted()).toEqual(['sync', 'write'])
  })
})
