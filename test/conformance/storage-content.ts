/** Conformance: reading, writing, cutting, syncing, and positions far out. */
import { describe, expect, it } from 'vitest'
import { bytesOf, expectCode, textAt, textOf, useStorage } from './storage-harness.js'
import type { MakeStorage } from './storage-suite.js'

export function content(make: MakeStorage): void {
  describe('content', () => {
    const on = useStorage(make)

    it('reads what was written, and counts the bytes of both', () => {
      const file = on.create('a')
      expect(file.write(bytesOf('hello world'), 0)).toBe(11)
      const target = new Uint8Array(5)
      expect(file.read(target, 6)).toBe(5)
      expect(new TextDecoder().decode(target)).toBe('world')
      expect(file.size()).toBe(11)
    })

    it('overwrites in place, and grows only past the end', () => {
      const file = on.create('a', 'hello world')
      file.write(bytesOf('J'), 0)
      file.write(bytesOf('D!'), 10)
      expect(textOf(file)).toBe('Jello worlD!')
    })

    it('reads fewer bytes at the end only, and leaves the rest of the target alone', () => {
      const file = on.create('a', 'abc')
      const target = new Uint8Array(4).fill(7)
      expect(file.read(target, 1)).toBe(2)
      expect([...target]).toEqual([98, 99, 7, 7])
      expect(file.read(target, 3)).toBe(0)
      expect(file.read(target, 1000)).toBe(0)
    })

    it('honours a view of a larger buffer', () => {
      const file = on.create('a')
      const source = bytesOf('__abc__').subarray(2, 5)
      file.write(source, 0)
      const whole = new Uint8Array(8)
      expect(file.read(whole.subarray(2, 5), 0)).toBe(3)
      expect([...whole]).toEqual([0, 0, 97, 98, 99, 0, 0, 0])
      expect(file.size()).toBe(3)
    })

    it('reads and writes nothing when asked for nothing', () => {
      const file = on.create('a', 'abc')
      expect(file.write(new Uint8Array(0), 100)).toBe(0)
      expect(file.read(new Uint8Array(0), 1)).toBe(0)
      expect(file.size()).toBe(3)
    })

    it('keeps its own copy of what was written', () => {
      const file = on.create('a')
      const source = bytesOf('abc')
      file.write(source, 0)
      source.fill(0)
      expect(textOf(file)).toBe('abc')
    })

    it('shows zeros in a gap', () => {
      const file = on.create('a', 'ab')
      file.write(bytesOf('z'), 5)
      expect(textOf(file)).toBe('ab\0\0\0z')
    })

    it('cuts, and shows zeros where it grows again', () => {
      const file = on.create('a', 'abcdef')
      file.truncate(2)
      expect(textOf(file)).toBe('ab')
      file.truncate(4)
      expect(textOf(file)).toBe('ab\0\0')
      file.truncate(0)
      expect(file.size()).toBe(0)
      file.write(bytesOf('x'), 1)
      expect(textOf(file)).toBe('\0x')
    })

    it('carries a megabyte across every internal boundary', () => {
      const file = on.create('a')
      const source = Uint8Array.from({ length: 3_000_001 }, (_, index) => (index * 31 + (index >>> 8)) & 0xff)
      expect(file.write(source, 12_345)).toBe(source.length)
      const target = new Uint8Array(source.length)
      expect(file.read(target, 12_345)).toBe(source.length)
      expect(Buffer.compare(target, source)).toBe(0)
    })

    it('shows a write to every handle of the file', () => {
      const writer = on.create('a', 'abc')
      const reader = on.storage.open(on.file('a'), 'read')
      writer.write(bytesOf('xyz'), 1)
      expect(textOf(reader)).toBe('axyz')
      reader.close()
    })

    it('syncs, any number of times', () => {
      const file = on.create('a', 'abc')
      file.sync()
      file.sync()
      on.storage.syncDirectory(on.file('a'))
      expect(textAt(on.storage, on.file('a'))).toBe('abc')
    })
  })
}

export function positions(make: MakeStorage): void {
  describe('positions', () => {
    const on = useStorage(make)

    for (const [name, base] of Object.entries({
      '2^31': 2 ** 31,
      '2^32': 2 ** 32,
      '2^32 + 1 GiB': 5 * 2 ** 30,
    })) {
      it(`are right around ${name}`, () => {
        const file = on.create('a')
        const position = base - 3
        expect(file.write(bytesOf('abcdef'), position)).toBe(6)
        expect(file.size()).toBe(base + 3)
        expect(textOf(file, position)).toBe('abcdef')
        expect(textOf(file, base)).toBe('def')
        // Where a position cut to 32 bits would have written or read.
        expect(textOf(file, 0, 3)).toBe('\0\0\0')
        expect(textOf(file, position - 2, 3)).toBe('\0\0a')
        file.truncate(base - 1)
        expect(on.storage.stat(on.file('a'))?.sizeBytes).toBe(base - 1)
        expect(textOf(file, position)).toBe('ab')
      })
    }

    for (const position of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
      it(`refuses ${position}, which is none`, () => {
        const file = on.create('a', 'abc')
        expectCode('VARVE_ARGUMENT', () => file.read(new Uint8Array(1), position))
        expectCode('VARVE_ARGUMENT', () => file.write(new Uint8Array(1), position))
        expectCode('VARVE_ARGUMENT', () => file.truncate(position))
        expect(textOf(file)).toBe('abc')
      })
    }
  })
}

export function asynchronousOperations(make: MakeStorage): void {
  describe('asynchronous operations', () => {
    const on = useStorage(make)

    it('write what the synchronous ones write', async () => {
      const file = on.create('a', 'abc')
      await expect(file.writeAsync(bytesOf('xyz'), 2)).resolves.toBe(3)
      await expect(file.writeAsync(new Uint8Array(0), 9)).resolves.toBe(0)
      expect(textOf(file)).toBe('abxyz')
    })

    it('write past 2^32', async () => {
      const file = on.create('a')
      await expect(file.writeAsync(bytesOf('abc'), 2 ** 32 - 1)).resolves.toBe(3)
      expect(file.size()).toBe(2 ** 32 + 2)
      expect(textOf(file, 2 ** 32)).toBe('bc')
    })

    it('sync, several at once and beside a synchronous one', async () => {
      const file = on.create('a', 'abc')
      const first = file.syncAsync()
      file.write(bytesOf('d'), 3)
      const second = file.syncAsync()
      file.sync()
      await Promise.all([first, second])
      expect(textOf(file)).toBe('abcd')
    })

    it('finish although the file is closed meanwhile, and never touch another file', async () => {
      const file = on.create('a', 'abc')
      const written = file.writeAsync(bytesOf('x'.repeat(100_000)), 0)
      const synced = file.syncAsync()
      const queued = file.syncAsync()
      file.close()
      const others = Array.from({ length: 8 }, (_, index) => on.create(`other-${index}`, 'other'))
      await expect(written).resolves.toBe(100_000)
      await Promise.all([synced, queued])
      for (const other of others) expect(textOf(other)).toBe('other')
      expect(textAt(on.storage, on.file('a'))).toBe('x'.repeat(100_000))
    })
  })
}
