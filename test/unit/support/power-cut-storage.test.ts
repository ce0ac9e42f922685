import { describe, expect, it } from 'vitest'
import type { StorageFile } from '../../../src/storage/storage.js'
import { PowerCutStorage, type Choice } from '../../support/power-cut-storage.js'

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Content of a file, zeros shown as dots; undefined if there is no such name. */
function textAt(storage: PowerCutStorage, path: string): string | undefined {
  if (storage.stat(path) === undefined) return undefined
  const file = storage.open(path, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return new TextDecoder().decode(bytes).replaceAll('\0', '.')
}

/** A storage with the durable file `db` of this content, its log empty, and a handle of it. */
function durable(text: string): { readonly storage: PowerCutStorage; readonly db: StorageFile } {
  const making = new PowerCutStorage()
  const file = making.open('db', 'create')
  file.write(bytesOf(text), 0)
  const storage = making.imageAfter(making.boundary, 'all')
  return { storage, db: storage.open('db', 'readWrite') }
}

/** What stands in `db` after a cut now. */
function afterCut(storage: PowerCutStorage, choice?: Choice): string | undefined {
  return textAt(storage.imageAfter(storage.boundary, choice), 'db')
}

/** An `asyncTurn` that each operation waits in until the test opens it. */
function gates(): {
  readonly asyncTurn: () => Promise<void>
  readonly open: (index: number) => Promise<void>
} {
  const waiting: (() => void)[] = []
  return {
    asyncTurn: () => new Promise((resolve) => waiting.push(resolve)),
    open: async (index) => {
      waiting[index]?.()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe('a power cut and content', () => {
  it('loses what no sync covers, and keeps what one does', () => {
    const { storage, db } = durable('....')
    db.write(bytesOf('ab'), 0)
    db.sync()
    db.write(bytesOf('cd'), 2)
    expect(afterCut(storage)).toBe('ab..')
    expect(afterCut(storage, 'all')).toBe('abcd')
    expect(textAt(storage, 'db')).toBe('abcd')
  })

  it('is at a boundary: later operations have not happened', () => {
    const { storage, db } = durable('')
    for (const [position, letter] of ['a', 'b', 'c'].entries()) {
      db.write(bytesOf(letter), position)
      db.sync()
    }
    const seen = Array.from({ length: storage.boundary + 1 }, (_, at) => textAt(storage.imageAfter(at), 'db'))
    expect(seen).toEqual(['', '', 'a', 'a', 'ab', 'ab', 'abc'])
    const lucky = Array.from({ length: storage.boundary + 1 }, (_, at) =>
      textAt(storage.imageAfter(at, 'all'), 'db'),
    )
    expect(lucky).toEqual(['', 'a', 'a', 'ab', 'ab', 'abc', 'abc'])
  })

  it('keeps its own copy of what was written', () => {
    const { storage, db } = durable('')
    const source = bytesOf('abc')
    db.write(source, 0)
    source.fill(0)
    expect(afterCut(storage, 'all')).toBe('abc')
  })

  it('may spare any of the open operations, in their order', () => {
    const { storage, db } = durable('....')
    db.write(bytesOf('aaaa'), 0)
    db.write(bytesOf('bb'), 1)
    db.truncate(2)
    db.write(bytesOf('d'), 3)
    expect(storage.openAt(storage.boundary)).toEqual([0, 1, 2, 3])
    expect(afterCut(storage, { survivors: [1] })).toBe('.bb.')
    expect(afterCut(storage, { survivors: [0, 3] })).toBe('aaad')
    expect(afterCut(storage, { survivors: [0, 1, 2] })).toBe('ab')
    expect(afterCut(storage, { survivors: [1, 2, 3] })).toBe('.b.d')
    expect(afterCut(storage, { survivors: [] })).toBe('....')
  })

  it('never takes back a truncation that was synced, nor shows what it cut', () => {
    const { storage, db } = durable('abcd')
    db.truncate(1)
    expect(afterCut(storage)).toBe('abcd')
    db.sync()
    expect(afterCut(storage)).toBe('a')
    db.truncate(3)
    db.sync()
    expect(afterCut(storage)).toBe('a..')
  })

  it('draws the same survivors from the same seed, and others from another', () => {
    const { storage, db } = durable('')
    for (let index = 0; index < 64; index++) db.write(bytesOf('x'), index)
    const drawn = (seed: number): string | undefined => afterCut(storage, { survivors: { seed } })
    expect(drawn(1)).toBe(drawn(1))
    expect(drawn(1)).not.toBe(drawn(2))
    expect(drawn(1)).toMatch(/^(?=.*x.*\..*x)[x.]+$/)
  })

  it('spares sectors of one write each on its own, cut at the sectors of the file', () => {
    const { storage, db } = durable('.'.repeat(128))
    db.write(bytesOf('x'.repeat(100)), 4)
    const drawn = afterCut(storage, { survivors: { seed: 5, sectorBytes: 8 } }) ?? ''
    expect(drawn).toHaveLength(128)
    const sectors = drawn.match(/.{8}/gs) ?? []
    expect(sectors[0]).toMatch(/^\.{4}(x{4}|\.{4})$/)
    for (const sector of sectors.slice(1, 13)) expect(sector).toMatch(/^(x{8}|\.{8})$/)
    expect(new Set(sectors.slice(1, 13)).size).toBe(2)
  })

  it('refuses a choice of what is not open, and a boundary that is none', () => {
    const { storage, db } = durable('')
    db.write(bytesOf('a'), 0)
    db.sync()
    expect(() => afterCut(storage, { survivors: [0] })).toThrow(RangeError)
    expect(() => afterCut(storage, { survivors: [7] })).toThrow(RangeError)
    expect(() => afterCut(storage, { survivors: 'all', tear: { keep: 0, rest: 'absent' } })).toThrow(
      RangeError,
    )
    expect(() => storage.imageAfter(3)).toThrow(RangeError)
    expect(() => storage.imageAfter(-1)).toThrow(RangeError)
  })
})

describe('a torn write', () => {
  const tear = (keep: number, rest: 'absent' | 'stale' | 'zeros' | 'garbage', more: object = {}): Choice => ({
    survivors: 'all',
    tear: { keep, rest, ...more },
  })

  it.each([
    [tear(2, 'absent'), 'oldnew12'],
    [tear(2, 'stale'), 'oldnew12..'],
    [tear(2, 'zeros'), 'oldnew12..'],
    [tear(0, 'absent'), 'oldnew'],
    [tear(0, 'zeros'), 'oldnew....'],
    [tear(2, 'absent', { side: 'tail' }), 'oldnew..34'],
    [tear(9, 'absent'), 'oldnew1234'],
  ])('past the end of the file: %o', (choice, expected) => {
    const { storage, db } = durable('old')
    db.write(bytesOf('new'), 3)
    db.write(bytesOf('1234'), 6)
    expect(afterCut(storage, choice)).toBe(expected)
  })

  it.each([
    [tear(2, 'absent'), 'ab34efgh'.replace('34', '12')],
    [tear(2, 'stale'), 'ab12efgh'],
    [tear(2, 'zeros'), 'ab12..gh'],
    [tear(2, 'zeros', { side: 'tail' }), 'ab..34gh'],
    [tear(1, 'stale', { side: 'tail' }), 'abcde4gh'],
  ])('over what stood there: %o', (choice, expected) => {
    const { storage, db } = durable('abcdefgh')
    db.write(bytesOf('1234'), 2)
    expect(afterCut(storage, choice)).toBe(expected)
  })

  it('is the last open one unless another is named, and the survivors do not decide about it', () => {
    const { storage, db } = durable('')
    db.write(bytesOf('aaaa'), 0)
    db.write(bytesOf('bbbb'), 4)
    expect(afterCut(storage, { survivors: 'none', tear: { keep: 1, rest: 'absent' } })).toBe('....b')
    expect(afterCut(storage, { survivors: 'all', tear: { operation: 0, keep: 1, rest: 'absent' } })).toBe(
      'a...bbbb',
    )
  })

  it('leaves garbage that the seed decides, and nowhere else', () => {
    const { storage, db } = durable('abcdefgh')
    db.write(bytesOf('123456'), 1)
    const torn = (seed: number): Uint8Array => {
      const image = storage.imageAfter(storage.boundary, tear(2, 'garbage', { seed })).open('db', 'read')
      const bytes = new Uint8Array(8)
      expect(image.read(bytes, 0)).toBe(8)
      return bytes
    }
    expect(torn(1)).toEqual(torn(1))
    expect(torn(1)).not.toEqual(torn(2))
    const outside = (bytes: Uint8Array): number[] => [...bytes.subarray(0, 3), ...bytes.subarray(7)]
    expect(outside(torn(1))).toEqual([...bytesOf('a12h')])
  })

  it('is never another operation', () => {
    const { storage, db } = durable('abcd')
    db.truncate(1)
    const choice: Choice = { survivors: 'all', tear: { operation: 0, keep: 0, rest: 'absent' } }
    expect(() => afterCut(storage, choice)).toThrow(/atomic/)
  })
})

describe('a power cut and asynchronous operations', () => {
  it('a sync covers what completed before it began, and not what was written while it ran', async () => {
    const { asyncTurn, open } = gates()
    const storage = new PowerCutStorage({ asyncTurn })
    const db = storage.open('db', 'create')
    storage.syncDirectory('db')
    db.write(bytesOf('a'), 0)
    const synced = db.syncAsync()
    db.write(bytesOf('b'), 1)
    expect(afterCut(storage)).toBe('')
    await open(0)
    await synced
    expect(afterCut(storage)).toBe('a')
    expect(afterCut(storage, 'all')).toBe('ab')
    db.sync()
    expect(afterCut(storage)).toBe('ab')
  })

  it('a write that still runs when a sync begins is not covered by it', async () => {
    const { asyncTurn, open } = gates()
    const storage = new PowerCutStorage({ asyncTurn })
    const db = storage.open('db', 'create')
    storage.syncDirectory('db')
    const written = db.writeAsync(bytesOf('a'), 0)
    const synced = db.syncAsync()
    await open(0)
    await written
    await open(1)
    await synced
    expect(afterCut(storage)).toBe('')
    expect(textAt(storage, 'db')).toBe('a')
    db.sync()
    expect(afterCut(storage)).toBe('a')
  })

  it('a write that still runs when a sync has begun and ended is not covered either', async () => {
    const { asyncTurn, open } = gates()
    const storage = new PowerCutStorage({ asyncTurn })
    const db = storage.open('db', 'create')
    storage.syncDirectory('db')
    const written = db.writeAsync(bytesOf('a'), 0)
    db.sync()
    expect(afterCut(storage)).toBe('')
    await open(0)
    await written
    expect(afterCut(storage)).toBe('')
  })

  it('one that ended covers what another began before does not take away', async () => {
    const { asyncTurn, open } = gates()
    const storage = new PowerCutStorage({ asyncTurn })
    const db = storage.open('db', 'create')
    storage.syncDirectory('db')
    db.write(bytesOf('a'), 0)
    const early = db.syncAsync()
    db.write(bytesOf('b'), 1)
    const late = db.syncAsync()
    await open(1)
    await late
    await open(0)
    await early
    expect(afterCut(storage)).toBe('ab')
  })
})

describe('a power cut and names', () => {
  it('keeps names only once their directory was synced, whatever was synced of the content', () => {
    const storage = new PowerCutStorage()
    const file = storage.open('/d/db', 'create')
    file.write(bytesOf('abc'), 0)
    file.sync()
    const now = (choice?: Choice): string | undefined =>
      textAt(storage.imageAfter(storage.boundary, choice), '/d/db')
    expect(now()).toBeUndefined()
    expect(now('all')).toBe('abc')
    storage.syncDirectory('/e/db')
    expect(now()).toBeUndefined()
    storage.syncDirectory('/d/other')
    expect(now()).toBe('abc')
  })

  it('keeps content only once the file was synced, whatever was synced of the names', () => {
    const storage = new PowerCutStorage()
    const file = storage.open('db', 'create')
    file.write(bytesOf('abc'), 0)
    storage.syncDirectory('db')
    expect(afterCut(storage)).toBe('')
  })

  it('finds the old or the new file after a rename, never both or neither', () => {
    const { storage } = durable('old')
    const file = storage.open('tmp', 'create')
    file.write(bytesOf('new'), 0)
    file.sync()
    storage.rename('tmp', 'db')
    const seen = ['none', 'all', { survivors: [0] }, { survivors: [3] }] as const
    const images = seen.map((choice) => storage.imageAfter(storage.boundary, choice))
    expect(images.map((image) => [textAt(image, 'db'), textAt(image, 'tmp')])).toEqual([
      ['old', undefined],
      ['new', undefined],
      ['old', 'new'],
      ['new', undefined],
    ])
    storage.syncDirectory('db')
    expect(afterCut(storage)).toBe('new')
  })

  it('shows an empty file where a rename outran the content: the sync before it is what prevents that', () => {
    const { storage } = durable('old')
    storage.open('tmp', 'create').write(bytesOf('new'), 0)
    storage.rename('tmp', 'db')
    storage.syncDirectory('db')
    expect(afterCut(storage)).toBe('')
  })

  it('may bring back a removed name, with its content', () => {
    const { storage, db } = durable('abc')
    db.write(bytesOf('d'), 3)
    db.sync()
    storage.remove('db')
    expect(textAt(storage, 'db')).toBeUndefined()
    expect(afterCut(storage)).toBe('abcd')
    storage.syncDirectory('db')
    expect(afterCut(storage, 'none')).toBeUndefined()
  })

  it('keeps the names of one file together', () => {
    const { storage, db } = durable('abc')
    storage.link('db', 'second')
    storage.syncDirectory('second')
    db.write(bytesOf('x'), 0)
    db.sync()
    const image = storage.imageAfter(storage.boundary)
    expect([textAt(image, 'db'), textAt(image, 'second')]).toEqual(['xbc', 'xbc'])
    expect(image.stat('db')).toMatchObject({ links: 2, id: image.stat('second')?.id })
  })

  it('logs nothing for what changed nothing', () => {
    const { storage, db } = durable('abc')
    storage.remove('absent')
    storage.rename('db', 'db')
    db.write(new Uint8Array(0), 9)
    expect(() => storage.open('db', 'create')).toThrow(/taken/)
    expect(storage.boundary).toBe(0)
  })
})

describe('images', () => {
  it('are new storages, which can be written to and cut again', () => {
    const { storage, db } = durable('')
    db.write(bytesOf('a'), 0)
    db.sync()
    const image = storage.imageAfter(storage.boundary)
    const again = image.open('db', 'readWrite')
    again.write(bytesOf('b'), 1)
    expect(image.boundary).toBe(1)
    expect(afterCut(image)).toBe('a')
    again.sync()
    expect(afterCut(image)).toBe('ab')
    expect(textAt(storage, 'db')).toBe('a')
  })

  it('of a kill hold everything written, still not synced', () => {
    const { storage, db } = durable('')
    db.write(bytesOf('a'), 0)
    db.sync()
    db.write(bytesOf('b'), 1)
    db.write(bytesOf('c'), 2)
    const killed = storage.killImage(3)
    expect(textAt(killed, 'db')).toBe('ab')
    expect(afterCut(killed)).toBe('a')
    expect(killed.openAt(killed.boundary)).toEqual([2])
    killed.open('db', 'readWrite').sync()
    expect(afterCut(killed)).toBe('ab')
    expect(textAt(storage.killImage(), 'db')).toBe('abc')
  })

  it('of a kill know removed files, which a cut can bring back', () => {
    const { storage } = durable('abc')
    storage.remove('db')
    const killed = storage.killImage()
    killed.open('db', 'create').write(bytesOf('new'), 0)
    expect(textAt(killed, 'db')).toBe('new')
    expect(afterCut(killed)).toBe('abc')
    expect(afterCut(killed, 'all')).toBe('new')
  })

  it('of a kill count a write that still ran as handed to the kernel', async () => {
    const { asyncTurn, open } = gates()
    const storage = new PowerCutStorage({ asyncTurn })
    const written = storage.open('db', 'create').writeAsync(bytesOf('a'), 0)
    const killed = storage.killImage()
    killed.open('db', 'readWrite').sync()
    killed.syncDirectory('db')
    expect(afterCut(killed)).toBe('a')
    await open(0)
    await written
  })

  it('are described for a person', () => {
    const { storage, db } = durable('')
    db.write(bytesOf('abc'), 5)
    db.sync()
    db.truncate(2)
    storage.rename('db', 'other')
    expect(storage.describe().split('\n')).toEqual([
      '0: write db [5, 8) (durable)',
      '1: sync db, begun at 1',
      '2: truncate db to 2 (open)',
      '3: rename db to other (open)',
    ])
  })
})

describe('lost dirty pages', () => {
  it('cached: no later sync covers them, though they are read until the power fails', () => {
    const { storage } = durable('....')
    const db = storage.open('db', 'readWrite')
    db.write(bytesOf('a'), 0)
    db.sync()
    db.write(bytesOf('b'), 1)
    db.loseDirtyPages('cached')
    db.write(bytesOf('c'), 2)
    db.sync()
    expect(textAt(storage, 'db')).toBe('abc.')
    expect(afterCut(storage)).toBe('a.c.')
    expect(textAt(storage.killImage(), 'db')).toBe('abc.')
    const reopened = storage.killImage()
    reopened.open('db', 'readWrite').sync()
    expect(afterCut(reopened)).toBe('a.c.')
    expect(afterCut(storage, 'all')).toBe('abc.')
  })

  it('cached: writing them again makes them dirty again', () => {
    const { storage } = durable('....')
    const db = storage.open('db', 'readWrite')
    db.write(bytesOf('b'), 1)
    db.loseDirtyPages('cached')
    db.write(bytesOf('b'), 1)
    db.sync()
    expect(afterCut(storage)).toBe('.b..')
  })

  it('evicted: they are gone at once, but not the size', () => {
    const { storage } = durable('....')
    const db = storage.open('db', 'readWrite')
    db.write(bytesOf('a'), 0)
    db.sync()
    db.write(bytesOf('bcdefg'), 1)
    db.loseDirtyPages('evicted')
    expect(textAt(storage, 'db')).toBe('a......')
    expect(textAt(storage.killImage(), 'db')).toBe('a......')
    db.write(bytesOf('h'), 2)
    db.sync()
    expect(afterCut(storage)).toBe('a.h.')
    expect(afterCut(storage, 'all')).toBe('a.h....')
    expect(storage.openAt(storage.boundary)).toEqual([])
  })
})

describe('canaries: the model notices', () => {
  /** A commit protocol as a database has it; `skip` leaves one step out. */
  function commit(storage: PowerCutStorage, skip?: 'content sync' | 'directory sync'): void {
    const file = storage.open('tmp', 'create')
    file.write(bytesOf('new'), 0)
    if (skip !== 'content sync') file.sync()
    storage.rename('tmp', 'db')
    if (skip !== 'directory sync') storage.syncDirectory('db')
  }

  /** What `db` can hold after a cut anywhere, and after one at the end. */
  function outcomes(skip?: 'content sync' | 'directory sync'): {
    readonly anywhere: Set<string | undefined>
    readonly atEnd: Set<string | undefined>
  } {
    const { storage } = durable('old')
    commit(storage, skip)
    const anywhere = new Set<string | undefined>()
    const atEnd = new Set<string | undefined>()
    for (let boundary = 0; boundary <= storage.boundary; boundary++) {
      const open = storage.openAt(boundary)
      for (let mask = 0; mask < 2 ** open.length; mask++) {
        const survivors = open.filter((_, bit) => (mask & (1 << bit)) !== 0)
        const found = textAt(storage.imageAfter(boundary, { survivors }), 'db')
        anywhere.add(found)
        if (boundary === storage.boundary) atEnd.add(found)
      }
    }
    return { anywhere, atEnd }
  }

  it('nothing wrong with the whole protocol', () => {
    const { anywhere, atEnd } = outcomes()
    expect(anywhere).toEqual(new Set(['old', 'new']))
    expect(atEnd).toEqual(new Set(['new']))
  })

  it('a content sync that is missing', () => {
    expect(outcomes('content sync').anywhere).toContain('')
  })

  it('a directory sync that is missing', () => {
    expect(outcomes('directory sync').atEnd).toContain('old')
  })
})
